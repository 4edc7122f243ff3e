"""The list of decided requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import request

from app.domain.errors import TookTooLongError
from app.domain.lifecycle import VERDICT_WORDS
from app.domain.people import Action
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.decided import DecidedPage
from app.services.reading.decided_filter import BY_NOBODY, OUTCOMES, DecidedFilter
from app.web.listing import KINDS
from app.web.pages import day_in, download, export_format, render, web
from assent.contracts import RiskLevel

FILTERS = ("text", "decided_by", "outcome", "since", "until", "workflow", "team", "kind", "risk")
_BY_NOBODY = dict(zip(BY_NOBODY, ("A policy", "A standing grant", "An earlier rejection"), strict=True))


@web.get("/decided")
def decided() -> Any:
    """Decided requests, newest first; with filters."""
    current_actor().require(Action.SEE)
    query = decided_query(request.args)
    wanted, error = decided_filter(query), None
    try:
        page = services().decided.page(wanted, request.args.get("cursor") or None)
    except TookTooLongError as refused:
        page, error = DecidedPage([], None), refused
    people = services().decided.people()
    if wanted.person and wanted.person not in dict(people):
        person = services().people.get(wanted.person)
        people.append((wanted.person, person.name if person else wanted.person))
    return render(
        "decided.html", status_of(error) if error else 200, page=page, query=query, error=error, problems={},
        people=people, by_nobody=_BY_NOBODY, outcomes=OUTCOMES, workflows=services().decided.workflows(),
        teams=services().people.teams(), kinds=KINDS, risks=tuple(reversed(RiskLevel)), verdicts=VERDICT_WORDS,
        viewer=current_actor(), now=services().clock(),
    )  # fmt: skip


@web.get("/decided/export")
def decided_export() -> Any:
    """Stream the matching requests as a file."""
    wanted = decided_filter(decided_query(request.args))
    return download(services().decided.export(current_actor(), wanted, export_format()), "decided-requests")


def decided_query(given: Mapping[str, str]) -> dict[str, str]:
    """The filters in query parameters, without empty ones."""
    return {name: value for name in FILTERS if (value := given.get(name, "").strip())}


def decided_filter(query: Mapping[str, str]) -> DecidedFilter:
    """What the filters ask for; days are in UTC, and the last one is included. Raises InvalidInputError."""
    since, until = day_in(query, "since"), day_in(query, "until")
    others = {name: value for name, value in query.items() if name not in ("since", "until")}
    return DecidedFilter(
        since=since, until=until + timedelta(days=1) if until else None, viewer=current_actor(), **others
    )  # fmt: skip
