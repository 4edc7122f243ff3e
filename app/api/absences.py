"""Absences over REST."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from app.api.models import Empty, MailAddress, Output, Time, TimeIn
from app.api.paging import PageQuery, page_of
from app.api.registry import ApiCall, EndpointTable
from app.domain.tokens import Scope
from app.http.body import Input, PlainText
from app.services.people.absences import AbsenceState

table = EndpointTable()
READ, WRITE = (Scope.RULES_READ,), (Scope.RULES_WRITE,)


class AbsenceQuery(PageQuery):
    """Which absences.

    `own`: the caller's; `delegate`: those in which the caller is the delegate; `now`: current ones;
    `everybody`: current and upcoming ones of everybody, for admins.
    """

    scope: Literal["own", "delegate", "now", "everybody"] = "own"


class AbsenceIn(Input):
    """An absence to add, by default your own. People are named by their email."""

    starts_at: TimeIn
    ends_at: TimeIn
    person: MailAddress = ""
    delegate: MailAddress = Field(default="", description="Who may decide on the person's behalf; empty: nobody")
    note: PlainText = Field(default="", max_length=100_000)


class AbsenceOut(Output):
    """An absence. `note` is empty unless the caller may read it."""

    id: str
    person_id: str
    person_name: str
    delegate_id: str | None
    delegate_name: str
    starts_at: Time
    ends_at: Time
    note: str
    ended_at: Time | None = Field(description="When it was ended early or declined")
    state: AbsenceState = Field(description="`waiting`: it has no effect until its person confirms it")
    made_by: str = Field(description="Who added it, if it was not the person; otherwise empty")


class AbsenceList(Output):
    """Absences: current and upcoming ones by their start, then past ones, newest first."""

    items: list[AbsenceOut]
    next_cursor: str | None


@table.add("GET", "/absences", AbsenceList, query=AbsenceQuery, scopes=READ)
def list_absences(call: ApiCall) -> Any:
    """List absences, by default your own."""
    absences = call.portal.services.absences
    match call.query.scope:
        case "everybody":
            rows = absences.upcoming(call.actor)
        case "now":
            rows = absences.current(call.actor)
        case "delegate":
            rows = absences.for_whom(call.actor)
        case _:
            rows = absences.of(call.actor.id, most_past=None)
    page, cursor = page_of(rows, lambda view: view.id, call.query)
    return {"items": page, "next_cursor": cursor}


@table.add("POST", "/absences", AbsenceOut, body=AbsenceIn, status=201, scopes=WRITE)
def add_absence(call: ApiCall) -> Any:
    """Add an absence."""
    absences, given = call.portal.services.absences, call.body
    person_id = absences.named(given.person, "person") or call.actor.id
    delegate_id = absences.named(given.delegate, "delegate")
    return absences.add(call.actor, person_id, delegate_id, given.starts_at, given.ends_at, given.note)


@table.add("POST", "/absences/<uuid:id>/confirm", AbsenceOut, body=Empty, scopes=WRITE)
def confirm_absence(call: ApiCall) -> Any:
    """Confirm an absence that somebody else added for you; it takes effect from then on."""
    return call.portal.services.confirmations.confirm_absence(call.actor, call.id)


@table.add("POST", "/absences/<uuid:id>/decline", AbsenceOut, body=Empty, scopes=WRITE)
def decline_absence(call: ApiCall) -> Any:
    """Decline an absence that somebody else added for you; it never takes effect."""
    return call.portal.services.confirmations.decline_absence(call.actor, call.id)


@table.add("POST", "/absences/<uuid:id>/end", AbsenceOut, body=Empty, scopes=WRITE)
def end_absence(call: ApiCall) -> Any:
    """End an absence now."""
    return call.portal.services.absences.end(call.actor, call.id)
