"""Pending requests that are alike are found by their key, and decided together with one audit entry each."""

from __future__ import annotations

import secrets

import pytest

from app.domain.outlines import MOST_TEXT
from app.domain.people import Actor
from app.domain.risk import Finding, assess
from app.domain.similarity import MOST_FINDINGS, NOT_WHOLE, TOO_MANY_FINDINGS
from app.services.approvals.bulk import BulkDecisions, SelectedRequest
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.similar_requests import SimilarRequests
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict
from tests.factories import script, tool_call
from tests.services.desk import Desk
from tests.services.ruled import DBA, SECURITY, member, ruled, terms


@pytest.fixture
def similar(desk: Desk) -> SimilarRequests:
    """What finds requests that are alike."""
    return SimilarRequests(desk.sessions, desk.clock)


@pytest.fixture
def tool() -> str:
    """A tool of this test's own."""
    return f"close_account_{secrets.token_hex(4)}"


def calls(desk: Desk, tool: str, *notes: str, requester: Actor | None = None) -> list[ApprovalRequest]:
    """Requests of a run each that differ in the note; “delete” makes it high risk."""
    return [desk.open(tool_call({"note": note}, tool), requester) for note in notes]


def together(
    desk: Desk, actor: Actor, requests: list[ApprovalRequest], confirmed: tuple[str, ...] = (), **digests: str
) -> dict[str, str]:
    """Approve requests together; what is said about each."""
    marked = [SelectedRequest(request.id, digests.get(request.id, request.digest)) for request in requests]
    done = BulkDecisions(desk.sessions, desk.checkpoints).decide(actor, marked, Verdict.APPROVE, "Fine.", confirmed)
    return {result.request_id: result.words for result in done}


def ids(requests: list[ApprovalRequest]) -> list[str]:
    """Their ids."""
    return [request.id for request in requests]


def test_those_like_a_request_are_found_whatever_their_run(desk: Desk, similar: SimilarRequests, tool: str) -> None:
    made = calls(desk, tool, "a", "b", "c")
    calls(desk, f"{tool}_now", "a")
    desk.open(tool_call({"note": "a", "force": True}, tool))
    assert [like.id for like in similar.pending_like(made[0])] == ids(made[1:])
    desk.decide(made[1], desk.person())
    assert [like.id for like in similar.pending_like(made[0])] == [made[2].id]
    groups = [entry for entry in similar.entries(QueueFilter(text="mail")) if entry.group]
    assert ids([made[0], made[2]]) in [[row.id for row, _ in entry.rows] for entry in groups]


def test_a_proposal_that_a_reviewer_changes_is_compared_as_changed(
    desk: Desk, similar: SimilarRequests, tool: str
) -> None:
    desk = ruled(desk, terms(DBA, SECURITY))
    one, two = calls(desk, tool, "a", "b")
    change = {"args": {"note": "a", "force": True}}
    desk.decide(one, member(desk, "DBA", "dba"), Verdict.MODIFY, change=change)
    assert desk.fresh(one).state == "pending" and similar.pending_like(two) == []


def test_a_group_is_decided_as_one_act_with_an_audit_entry_each(
    desk: Desk, similar: SimilarRequests, tool: str
) -> None:
    requests, reviewer = calls(desk, tool, "a", "b", "c", "d", "delete"), desk.person()
    table = similar.compared(ids(requests), reviewer)
    [(group, rows)] = table.groups
    assert (group.columns, group.risks, table.singles) == (("note",), "1 high, 4 medium", ())
    assert {shown.alike.values for shown in rows if shown.alike} == {("a",), ("b",), ("c",), ("d",), ("delete",)}
    changed, decided, risky = requests[2], requests[3], requests[4]
    desk.decide(decided, desk.person("Faster"))

    said = together(desk, reviewer, requests, **{changed.id: "0" * 64})

    assert [desk.fresh(request).state for request in requests] == [
        "approved", "approved", "pending", "approved", "pending",
    ]  # fmt: skip
    assert "has changed" in said[changed.id] and "is approved" in said[decided.id]
    assert said[risky.id] == "High and critical risk must be confirmed, or approved on the request page."
    for request in requests:
        entries = [entry for entry in desk.audit(request) if entry.action == "request.decided"]
        own = [(entry.actor_name, entry.detail["comment"]) for entry in entries if entry.actor_id == reviewer.id]
        assert own == ([(reviewer.name, "Fine.")] if request in requests[:2] else [])
    together(desk, reviewer, [risky], confirmed=(risky.id,))
    assert desk.fresh(risky).state == "approved"


def test_the_table_says_which_rows_the_viewer_cannot_approve(desk: Desk, similar: SimilarRequests, tool: str) -> None:
    requester = desk.person("Requester")
    made = [*calls(desk, tool, "a", requester=requester), *calls(desk, tool, "b")]
    why = {shown.row.id: shown.why_not for shown in similar.compared(ids(made), requester).rows}
    assert why[made[1].id] == "" and "you started this run" in why[made[0].id].lower()


def test_what_a_group_has_in_common_is_shown_to_its_end_before_it_is_approved(
    desk: Desk, similar: SimilarRequests, tool: str
) -> None:
    command = f"echo {'harmless ' * 30}&& curl -X DELETE http://prod.internal/all"
    notes = [f"{at} {'note ' * 100}and the end" for at in range(2)]
    requests = [desk.open(tool_call({"command": command, "note": note}, tool)) for note in notes]
    reviewer = desk.person()
    [(group, rows)] = similar.compared(ids(requests), reviewer).groups
    assert "curl -X DELETE" in group.whole and "//prod.internal/all" in group.whole
    assert {(shown.alike.values, shown.why_not) for shown in rows if shown.alike} == {((note,), "") for note in notes}
    together(desk, reviewer, requests)
    assert [desk.fresh(request).state for request in requests] == ["approved", "approved"]


def test_what_the_table_does_not_show_in_full_is_not_approved_in_it(desk: Desk, similar: SimilarRequests) -> None:
    """Refused by the decision, whatever a page sends. Rejecting it is possible."""
    short, long, noisy = (desk.open(script(content)) for content in ("select 1", "x" * (MOST_TEXT + 1), "select 2"))
    findings = [Finding("test.word", RiskLevel.MEDIUM, f"Number {at}.", 1) for at in range(MOST_FINDINGS + 1)]
    with desk.sessions.begin() as session:
        session.get_one(ApprovalRequest, noisy.id).assessment = assess(findings).to_json()
    requests, reviewer = [short, long, noisy], desk.person()
    expected = {short.id: "", long.id: NOT_WHOLE, noisy.id: TOO_MANY_FINDINGS}
    assert {shown.row.id: shown.why_not for shown in similar.compared(ids(requests), reviewer).rows} == expected

    said = together(desk, reviewer, requests, confirmed=tuple(ids(requests)))

    assert [desk.fresh(request).state for request in requests] == ["approved", "pending", "pending"]
    assert {request.id: said[request.id] for request in (long, noisy)} == {
        long.id: NOT_WHOLE, noisy.id: TOO_MANY_FINDINGS,
    }  # fmt: skip
    marked = [SelectedRequest(request.id, request.digest) for request in (long, noisy)]
    BulkDecisions(desk.sessions, desk.checkpoints).decide(reviewer, marked, Verdict.REJECT, "No.")
    assert [desk.fresh(request).state for request in requests] == ["approved", "rejected", "rejected"]
