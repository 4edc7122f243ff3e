"""Requests that nobody can decide: administrators are notified once, and pages, lists, and the API say so."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from app.domain.people import Actor, Role, Via
from app.domain.policy.terms import EscalationStep, Stage
from app.services.notifications.shortage_notices import Shortages
from app.services.reading.queue_filter import QueueFilter
from app.store.people import TeamMember
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.factories import make_person
from tests.notify.conftest import PostOffice
from tests.notify.test_planning import counting, kinds_of
from tests.services.desk import Desk
from tests.services.ruled import ANYONE, DBA, SECURITY, away, happened, member, ruled, seen, terms

NOBODY = "Nobody can approve this: it needs an approval from DBA, where nobody may decide."


def admin(desk: Desk) -> Actor:
    return make_person(desk.sessions, "Admin", [Role.ADMIN]).as_actor(Via.PAGE)


def shortages(outbox: PostOffice) -> list[str]:
    """Who was notified that nobody can decide, oldest first."""
    return [delivery.address for delivery in outbox.of() if delivery.kind == "shortage"]


def test_nobody_in_the_team_is_said_and_administrators_hear_of_it_once(outbox: PostOffice) -> None:
    desk = ruled(outbox.desk, terms(DBA))
    boss, looks = admin(desk), Shortages(desk.sessions, desk.clock)
    make_person(desk.sessions, "Observer", [Role.VIEWER], ["dba"])
    assert looks.look_again() and not looks.look_again(), "nothing has changed in between"
    request = desk.open()
    assert kinds_of(outbox, request) == set()
    outbox.work()
    assert desk.fresh(request).shortage == NOBODY
    assert seen(desk, request, boss).situation.shortage == NOBODY
    assert [row.shortage for row in desk.queue.rows(QueueFilter(), [request.id])] == [NOBODY]
    assert kinds_of(outbox, request) == {("shortage", "Admin")}
    [delivery] = outbox.of(request)
    assert (delivery.state, delivery.subject) == ("sent", "Assent: Nobody can decide a request")
    assert f"“{request.title}”: {NOBODY} Add people to the team" in (delivery.text or "")
    assert f"/requests/{request.id}" in (delivery.text or "")

    dba = member(desk, "DBA on call", "dba")
    assert looks.look_again()
    assert desk.fresh(request).shortage == "" and desk.fresh(request).version == request.version
    with desk.sessions.begin() as session:
        session.execute(delete(TeamMember).where(TeamMember.person_id == dba.id))
    assert looks.look_again()
    assert desk.fresh(request).shortage == NOBODY
    outbox.work()
    assert len(shortages(outbox)) == 1, "once for each request"
    assert [event["what"] for event in happened(desk, request)] == [
        "lacks approvers", "has approvers again", "lacks approvers",
    ]  # fmt: skip
    with desk.sessions.begin() as session:
        session.execute(insert(TeamMember).values(team_slug="dba", person_id=dba.id))
    assert desk.decide(desk.fresh(request), dba).resolved
    assert seen(desk, request, boss).situation.shortage == ""


def test_what_has_too_few_people_is_said_with_the_reason(outbox: PostOffice) -> None:
    starter = member(outbox.desk, "Starter", "dba", "security")
    both = member(outbox.desk, "Both", "dba", "security")
    pair = Stage(name="DBA", teams=("dba",), quorum=2)
    expected = {
        "it needs 2 approvals from DBA, where only one person apart from the requester may decide": terms(pair),
        "it needs 2 approvals from DBA and Security, where only one person apart from the requester may decide, and "
        "everybody counts once": terms(DBA, SECURITY),
        "": terms(DBA),
        "it needs 3 approvals from any reviewer, where only one person apart from the requester may decide": terms(
            Stage(quorum=3)
        ),
    }
    opened = {words: ruled(outbox.desk, rule).open(requester=starter) for words, rule in expected.items()}
    outbox.work()
    for words, request in opened.items():
        noted = outbox.desk.fresh(request).shortage
        assert noted == (f"Nobody can approve this: {words}." if words else ""), words
    del both


def test_a_stage_that_used_up_the_only_one_for_the_next_is_said(outbox: PostOffice) -> None:
    desk = ruled(outbox.desk, terms(ANYONE, DBA))
    dba, other = member(desk, "DBA on call", "dba"), member(desk, "Reviewer")
    stuck, fine = desk.open(), desk.open()
    desk.decide(stuck, dba)
    desk.decide(fine, other)
    outbox.work()
    assert desk.fresh(stuck).shortage == (
        "Nobody can approve this: it still needs an approval from DBA, where nobody may decide."
    )
    assert desk.fresh(fine).shortage == ""


def test_an_escalation_to_nobody_asks_those_who_are_asked_already(outbox: PostOffice) -> None:
    step = EscalationStep(after_seconds=3600, words="1 hour", teams=("ghosts",))
    desk = ruled(outbox.desk, terms(DBA, escalation=(step,)))
    dba, request = member(desk, "DBA on call", "dba"), desk.open()
    desk.checkpoints.escalate(request.id, dba, "It is urgent.")
    outbox.work()
    assert ("escalated", "DBA on call") in kinds_of(outbox, request)


def test_an_absent_person_is_notified_if_the_delegate_may_not_decide_here(outbox: PostOffice) -> None:
    desk = ruled(outbox.desk, terms(DBA))
    dba, delegate = member(desk, "DBA on call", "dba"), member(desk, "Delegate")
    away(desk, dba, delegate)
    own, others = desk.open(requester=delegate), desk.open()
    outbox.work()
    assert ("asked", "DBA on call") in kinds_of(outbox, own) and ("asked", "Delegate") not in kinds_of(outbox, own)
    assert kinds_of(outbox, others) == {("asked", "Delegate")}
    assert desk.decide(own, dba).resolved


def test_a_rejection_that_the_rest_of_the_team_cannot_complete_is_said(outbox: PostOffice) -> None:
    desk = ruled(outbox.desk, terms(DBA, deny_threshold=2))
    dba, looks = member(desk, "DBA on call", "dba"), Shortages(desk.sessions, desk.clock)
    request = desk.open()
    desk.decide(request, dba, Verdict.REJECT, comment="No.")
    assert looks.look_again()
    assert desk.fresh(request).shortage.startswith("Nobody can approve this: it still needs an approval from DBA")
    assert seen(desk, request, dba).situation.rejections == 1
    member(desk, "Second", "dba")
    assert looks.look_again() and desk.fresh(request).shortage == ""


def test_a_look_at_all_requests_takes_as_many_statements_for_many_as_for_one(outbox: PostOffice) -> None:
    desk = ruled(outbox.desk, terms(ANYONE))
    member(desk, "Reviewer")
    looks = Shortages(desk.sessions, desk.clock)

    def statements() -> int:
        member(desk, f"Reviewer {len(counted)}")
        with counting(outbox) as found:
            assert looks.look_again()
        return len(found)

    counted: list[ApprovalRequest] = [desk.open()]
    one = statements()
    counted += [desk.open() for _ in range(9)]
    assert statements() == one


def test_a_request_that_somebody_is_changing_holds_up_no_other(outbox: PostOffice) -> None:
    desk = ruled(outbox.desk, terms(DBA))
    dba, looks = member(desk, "DBA on call", "dba"), Shortages(desk.sessions, desk.clock)
    requests = sorted((desk.open() for _ in range(3)), key=lambda request: request.id)
    assert looks.look_again()
    with desk.sessions.begin() as session:
        session.execute(delete(TeamMember).where(TeamMember.person_id == dba.id))
    with desk.sessions.begin() as session:
        session.execute(select(ApprovalRequest.id).where(ApprovalRequest.id == requests[1].id).with_for_update())
        assert looks.look_again()
        assert [desk.fresh(request).shortage for request in requests] == [NOBODY, "", NOBODY]
    assert looks.look_again(), "what was left is looked at again"
    assert desk.fresh(requests[1]).shortage == NOBODY and not looks.look_again()
