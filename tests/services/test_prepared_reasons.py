"""Prepared reasons: who changes them, who is offered them, and what the audit log says."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from app.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, TooLargeError
from app.domain.people import Role
from app.domain.policy.terms import Stage
from app.domain.prepared_reasons import ReasonUse
from app.services.people.prepared_reasons import LONGEST, MOST, PreparedReasons
from app.store.record import AuditEntry
from tests.services.desk import Desk
from tests.services.ruled import member, ruled, terms


def test_a_team_keeps_its_reasons_and_the_audit_log_has_every_change(own_desk: Desk) -> None:
    book = PreparedReasons(own_desk.sessions, own_desk.clock)
    dba, sre = member(own_desk, "DBA", "dba"), member(own_desk, "SRE", "sre")
    admin = member(own_desk, "Admin", roles=(Role.ADMIN,))
    first = book.add(dba, "dba", ReasonUse.REJECT, "  Too broad: password=hunter2hunter2  ")
    second = book.add(admin, "dba", ReasonUse.CHANGES, "Add a limit.")
    with pytest.raises(ForbiddenError):
        book.add(sre, "dba", ReasonUse.BOTH, "Not mine.")
    with pytest.raises(ForbiddenError):
        book.change(sre, first, ReasonUse.BOTH, "Not mine.")
    with pytest.raises(ForbiddenError):
        book.remove(dataclasses.replace(dba, kind="agent"), first)
    assert [team.slug for team in book.teams(dba)] == ["dba"] and len(book.teams(admin)) == 2
    [one, two] = book.all(sre)
    assert (one.text, one.use) == ("Too broad: password=⟦secret:password:1⟧", ReasonUse.REJECT)
    assert two.text == "Add a limit."
    book.change(dba, second, ReasonUse.BOTH, "Add a limit, please.")
    book.remove(admin, first)
    assert [(reason.id, reason.use, reason.text) for reason in book.all(dba, "dba")] == [
        (second, ReasonUse.BOTH, "Add a limit, please."),
    ]  # fmt: skip
    with own_desk.sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action.startswith("reason.")).order_by(AuditEntry.seq)
        entries = list(session.scalars(query))
    assert [entry.action.partition(".")[2] for entry in entries] == ["added", "added", "changed", "removed"]
    assert entries[2].detail["was"] == "Add a limit." and entries[2].detail["text"] == "Add a limit, please."


def test_what_cannot_be_a_reason_is_refused(own_desk: Desk) -> None:
    book, dba = PreparedReasons(own_desk.sessions, own_desk.clock), member(own_desk, "DBA", "dba")
    admin = member(own_desk, "Admin", roles=(Role.ADMIN,))
    for text, refusal in ((" ", InvalidInputError), ("x\x00", InvalidInputError), ("x" * (LONGEST + 1), TooLargeError)):
        with pytest.raises(refusal):
            book.add(dba, "dba", ReasonUse.BOTH, text)
    for team in ("nothing", "\x00"):
        with pytest.raises(InvalidInputError):
            book.add(admin, team, ReasonUse.BOTH, "A reason.")
    for reason_id in ("nothing", "\x00"):
        with pytest.raises(NotFoundError):
            book.remove(admin, reason_id)
    for number in range(MOST):
        book.add(dba, "dba", ReasonUse.BOTH, f"Reason {number}.")
    with pytest.raises(ConflictError):
        book.add(dba, "dba", ReasonUse.BOTH, "One too many.")


def test_those_of_ones_teams_and_of_the_required_ones_are_offered(own_desk: Desk) -> None:
    book, dba = PreparedReasons(own_desk.sessions, own_desk.clock), member(own_desk, "DBA", "dba")
    sre, lone = member(own_desk, "SRE", "sre"), member(own_desk, "Lone")
    book.add(dba, "dba", ReasonUse.BOTH, "Of the DBAs.")
    book.add(sre, "sre", ReasonUse.BOTH, "Of the SREs.")
    request = ruled(own_desk, terms(Stage(teams=("dba",)))).open()
    assert [reason.text for reason in book.offered(sre, request)] == ["Of the DBAs.", "Of the SREs."]
    assert [reason.text for reason in book.offered(lone, request)] == ["Of the DBAs."]
