"""What a policy decides at once: in one statement with the opening, within its bounds, and on the audit log."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.errors import IllegalTransitionError
from app.domain.people import Actor, Role, Via
from app.domain.policy.verdicts import Decide, PolicyDecision, permitted
from app.domain.reading_tools import ReadingTools
from app.domain.risk import Assessment
from app.domain.run_protocol import Journal
from app.risk.assess import assess_proposal
from app.services.approvals.intake import rejection_memory
from app.services.approvals.manager import CheckpointManager
from app.services.policies.versions import Policies
from app.services.reading.pages import Views
from app.store.requests import ApprovalRequest
from assent.contracts import Outcome, RiskLevel, Verdict
from assent.masking import mask
from tests.factories import make_person, question, script
from tests.services.desk import Desk, asked, assess_words
from tests.services.governed import ask, governed, harmless, tool
from tests.services.loaded import OPERATOR


def trips(desk: Desk, act: Any) -> list[str]:
    """The statements that an act sends to the database."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(desk.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(desk.engine, "before_cursor_execute", note)
    return sent


def test_what_is_harmless_is_approved_as_it_is_opened(ruled: Desk) -> None:
    run = ruled.run()
    request = ask(ruled, run, tool("list_files", folder="/srv"))
    assert (request.state, request.answered_by) == ("approved", "policy:1:Harmless")
    assert request.note == "Approved by policy version 1, rule “Harmless”."
    assert request.resolved_at == request.opened_at and request.due_at is None
    row = ruled.outcome(request)
    assert row is not None
    outcome = Outcome.model_validate(row.body)
    assert outcome.approved and outcome.payload == request.payload and outcome.digest == request.digest
    assert [(remark.who, remark.verdict) for remark in outcome.remarks] == [
        ("Policy version 1, rule “Harmless”", Verdict.APPROVE)
    ]
    opened, decided, resolved = ruled.audit(request)
    assert [entry.action for entry in (opened, decided, resolved)] == [
        "request.opened", "request.decided", "request.resolved",
    ]  # fmt: skip
    assert (decided.actor_kind, decided.actor_name) == ("policy", "Policy version 1, rule “Harmless”")
    assert (decided.detail["verdict"], decided.detail["policy"], decided.detail["rule"]) == ("approve", 1, "Harmless")
    assert decided.detail["digest"] == request.digest
    assert ruled.events(request) == ["request.opened", "request.resolved"]
    assert ruled.decisions(request) == []
    # The run was never suspended: its outcome waits for it with a job.
    assert (ruled.run_state(run.id), ruled.jobs(run.id)) == ("queued", 1)
    taken = ruled.progress.begin(run.id)
    assert taken is not None and [delivery.request_id for delivery in taken.deliveries] == [request.id]


def test_it_takes_no_further_trip_to_the_database(ruled: Desk) -> None:
    decided, waiting = ruled.run(), ruled.run()
    ask(ruled, ruled.run(), tool("ls"))  # the policy is read once
    fast = trips(ruled, lambda: ruled.checkpoints.suspend(decided.id, 1, [asked(tool("ls"))], Journal(decided.id)))
    slow = trips(ruled, lambda: ruled.checkpoints.suspend(waiting.id, 1, [asked(tool("mystery"))], Journal(waiting.id)))
    assert [ruled.run_state(run.id) for run in (decided, waiting)] == ["queued", "suspended"]
    assert len(fast) == len(slow) == 2, (fast, slow)


def test_what_is_forbidden_is_rejected_with_the_rules_reason(ruled: Desk) -> None:
    run = ruled.run()
    request = ask(ruled, run, tool("drop", table="orders"))
    assert (request.state, request.answered_by) == ("rejected", "policy:1:Nothing is dropped")
    row = ruled.outcome(request)
    assert row is not None and (row.verdict, row.next_action) == ("reject", "abort")
    assert row.body["remarks"][0]["comment"] == "Tables are dropped by the DBA."
    assert ruled.run_state(run.id) == "queued"
    [line] = [line for line in _view(ruled, request).timeline if line.what.endswith("without asking people")]
    assert (line.who, line.what) == (
        "Policy version 1, rule “Nothing is dropped”", "rejected, without asking people",
    )  # fmt: skip


def _view(desk: Desk, request: ApprovalRequest, viewer: Actor | None = None) -> Any:
    return Views(desk.sessions, desk.clock).request(request.id, viewer or desk.person())


@pytest.mark.parametrize(
    "document",
    [
        tool("mystery"),
        tool("delete"),
        mask(tool("read", key="AKIAIOSFODNN7EXAMPLE", secret="ghp_" + "a1B2" * 9))[0],
        question(),
        {"kind": "error", "title": "It failed", "error": "boom", "node": "ask", "traceback": "", "skippable": False},
    ],
    ids=["not understood", "high risk", "masked secret", "question", "failed step"],
)
def test_the_rest_goes_to_the_people_of_the_next_rule(ruled: Desk, document: dict[str, Any]) -> None:
    request = ask(ruled, ruled.run(), document)
    assert (request.state, request.answered_by, request.addressed_to) == ("pending", "", ["team:dba"])


def test_an_answer_is_given_by_people_only(ruled: Desk) -> None:
    request = ask(ruled, ruled.run(), tool("list_files"), response_schema={"type": "object"})
    assert request.state == "pending"


def test_the_bounds_hold_when_a_request_is_opened_not_only_when_the_file_is_checked() -> None:
    decision = PolicyDecision(Decide.APPROVE, "Any", 1)
    for level in RiskLevel:
        for understood in (True, False):
            found = permitted(decision, tool("ls"), Assessment(level, 0.0, (), understood), answers=False)
            assert (found is not None) is (understood and level.rank <= 1)


def test_after_its_last_day_the_rule_is_passed_over(ruled: Desk) -> None:
    ruled.clock.ahead = timedelta(days=29)
    assert ask(ruled, ruled.run(), tool("ls")).state == "approved"
    ends = (datetime.now(UTC) + timedelta(days=30)).date()
    ruled.clock.ahead = datetime(ends.year, ends.month, ends.day, tzinfo=UTC) + timedelta(days=1) - datetime.now(UTC)
    request = ask(ruled, ruled.run(), tool("ls"))
    assert (request.state, request.addressed_to) == ("pending", ["team:dba"])


def test_a_change_window_still_holds(own_desk: Desk) -> None:
    shut = (own_desk.clock() + timedelta(days=2)).strftime("%a").lower()
    windows = f'    change_windows: [{{days: {shut}, hours: "00:00-00:05", timezone: UTC}}]\n'
    desk = governed(own_desk, harmless(own_desk) + windows)
    run = desk.run()
    request = ask(desk, run, tool("ls"))
    assert request.state == "approved" and request.held_until is not None and request.due_at == request.held_until
    assert (desk.run_state(run.id), desk.jobs(run.id)) == ("suspended", 0)
    desk.clock.ahead = request.held_until - datetime.now(UTC) + timedelta(seconds=1)
    assert desk.keep(request) == 1
    assert desk.run_state(run.id) == "queued"
    # What is rejected has nothing to wait for.
    assert ask(desk, desk.run(), tool("drop")).held_until is None


def test_people_who_wanted_to_see_it_again_do(ruled: Desk) -> None:
    run = ruled.run()
    request = ask(ruled, run, tool("mystery write"))
    dba = make_person(ruled.sessions, "DBA", [Role.REVIEWER], ["dba"]).as_actor(Via.PAGE)
    ruled.decide(request, dba, Verdict.REQUEST_CHANGES, comment="Read it out.")
    revised = ask(ruled, run, tool("write"))
    assert (revised.state, revised.previous_id) == ("pending", request.id)


def test_a_remembered_rejection_comes_before_an_approval_and_a_reopened_one_is_for_people(own_desk: Desk) -> None:
    strict = governed(own_desk, "version: 1\ndefault: {deadline: 1 day}\n")
    run = strict.run()
    reviewer = make_person(strict.sessions, "DBA", [Role.REVIEWER], ["dba"]).as_actor(Via.PAGE)
    first = ask(strict, run, script("ls"))
    strict.decide(first, reviewer, Verdict.REJECT, comment="No.")
    lax = governed(own_desk, harmless(own_desk))
    again = ask(lax, run, script("ls"))
    assert (again.state, again.answered_by) == ("rejected", f"rejection:{first.id}")
    lax.checkpoints.reopen(first.id, reviewer, "Let us look.")
    assert ask(lax, run, script("ls")).state == "pending"
    # The policy's own rejections are not remembered as people's, and cannot be reopened.
    run = lax.run()
    refused = ask(lax, run, tool("drop"))
    assert ask(lax, run, tool("drop")).answered_by == refused.answered_by == "policy:2:Nothing is dropped"
    with pytest.raises(IllegalTransitionError, match="A policy rejected this"):
        lax.checkpoints.reopen(refused.id, reviewer, "Why?")
    assert not _view(lax, refused, reviewer).acts.reopen


def test_a_run_that_does_not_accept_a_rejection_reaches_people(ruled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection_memory, "MAX_REPEATS", 3)
    run = ruled.run()
    assert [ask(ruled, run, tool("drop")).state for _ in range(4)] == ["rejected"] * 3 + ["pending"]


def test_what_a_policy_approved_before_is_no_refusal(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection_memory, "MAX_REPEATS", 2)
    desk = governed(own_desk, harmless(own_desk))
    run = desk.run()
    assert [ask(desk, run, tool("ls")).state for _ in range(3)] == ["approved"] * 3
    stricter = governed(own_desk, harmless(own_desk).replace('"drop"', '"ls"'))
    assert [ask(stricter, run, tool("ls")).state for _ in range(3)] == ["rejected"] * 2 + ["pending"]


def test_several_calls_are_approved_only_together_and_one_rejected_call_rejects_them(ruled: Desk) -> None:
    def calls(*names: str) -> dict[str, Any]:
        made = [{"id": str(number), "tool": name, "args": {}} for number, name in enumerate(names)]
        return {"kind": "tool_calls", "title": "Calls", "calls": made}

    states = [
        ask(ruled, ruled.run(), calls(*names)).state
        for names in (("ls", "list"), ("ls", "mystery"), ("ls", "drop"), ("mystery", "drop"))
    ]
    assert states == ["approved", "pending", "rejected", "rejected"]


def test_each_call_is_judged_by_its_own_arguments(own_desk: Desk) -> None:
    text = "version: 1\nrules:\n  - {name: Too much, when: args.amount > 500, decide: reject}\n"
    desk = governed(own_desk, text)

    def pays(*amounts: Any) -> ApprovalRequest:
        made = [{"id": str(number), "tool": "pay", "args": {"amount": amount}} for number, amount in enumerate(amounts)]
        return ask(desk, desk.run(), {"kind": "tool_calls", "title": "Payments", "calls": made})

    assert [pays(*amounts).state for amounts in ((1, 2), (1, 501), (501, 1))] == ["pending", "rejected", "rejected"]
    doubtful = pays("9000")
    assert doubtful.state == "pending"
    assert doubtful.terms["name"] == "strict default, because the condition of “Too much” could not be evaluated"


def test_several_proposals_at_once_go_on_where_one_of_them_is_decided(ruled: Desk) -> None:
    run = ruled.run()
    ruled.checkpoints.suspend(run.id, 1, [asked(tool("ls")), asked(tool("mystery"))], Journal(run.id))
    assert (ruled.run_state(run.id), ruled.jobs(run.id)) == ("queued", 1)
    assert len(ruled.checkpoints.pending(run.id)) == 1


def test_what_only_the_agent_states_about_tables_does_not_make_a_proposal_harmless(own_desk: Desk) -> None:
    def by_size(document: dict[str, Any], _tools: ReadingTools) -> Assessment:
        small = document.get("tables", {}).get("orders", {}).get("rows", 10**9) < 1000
        return Assessment(RiskLevel.LOW if small else RiskLevel.HIGH, 0.0, (), True)

    governed(own_desk, harmless(own_desk))
    policies = Policies(own_desk.sessions, own_desk.clock, by_size)
    manager = CheckpointManager(own_desk.sessions, own_desk.clock, by_size, policy_of=policies.version)
    desk = dataclasses.replace(own_desk, checkpoints=manager)
    request = ask(desk, desk.run(), script("select 1") | {"tables": {"orders": {"rows": 5}}})
    assert (request.state, request.risk) == ("pending", "low"), "its level counts for people, but not for the policy"
    assert ask(desk, desk.run(), script("select 1")).state == "pending"
    admin = desk.person("Admin", [Role.ADMIN])
    found = policies.replay(admin, harmless(desk), desk.clock() - timedelta(days=1))
    assert found.changed == (), "and a replay says the same"


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("decision", ["reject", "respond", "approve"])
def test_a_call_that_its_agent_says_is_not_made_is_judged_as_if_it_were(
    own_desk: Desk, decision: str, several: bool
) -> None:
    call = {"id": "1", "tool": "Bash", "args": {"command": "rm -rf /"}, "decision": decision}
    document = {"kind": "tool_calls", "title": "Calls", "calls": [call]} if several else tool("Bash") | call
    governed(own_desk, harmless(own_desk))
    policies = Policies(own_desk.sessions, own_desk.clock, assess_proposal)
    manager = CheckpointManager(own_desk.sessions, own_desk.clock, assess_proposal, policy_of=policies.version)
    desk = dataclasses.replace(own_desk, checkpoints=manager)
    assert ask(desk, desk.run(), document).state == "pending"
    harmless_too = document | (
        {"calls": [call | {"args": {"command": "ls"}}]} if several else tool("Bash", command="ls")
    )
    assert ask(desk, desk.run(), harmless_too).state == "approved"


def test_a_policy_that_changes_risk_rules_is_on_the_request(own_desk: Desk) -> None:
    text = "version: 1\nrisk_rules:\n  test.word: {level: safe, reason: Only a word.}\ndefault: {deadline: 1 day}\n"
    policies = Policies(own_desk.sessions, own_desk.clock, assess_words)
    version = policies.load(OPERATOR, text, "policies.yaml").stored.version
    manager = CheckpointManager(own_desk.sessions, own_desk.clock, assess_words, policy_of=policies.version)
    desk = dataclasses.replace(own_desk, checkpoints=manager)
    if policies.newest() != version:
        policies.confirm(desk.person("Second", [Role.ADMIN]), version)
    request = ask(desk, desk.run(), script("drop table orders"))
    assert (request.risk, request.quorum) == ("safe", 1)
    stored = request.assessment["adjustment"]
    assert (stored["policy_version"], stored["level"]) == (version, "critical")
    assert stored["changes"] == [{"rule": "test.word", "level": "safe", "reason": "Only a word."}]
    view = _view(desk, request)
    assert view.assessment.adjustment.level is RiskLevel.CRITICAL
    # An edit is assessed under the same policy.
    preview = manager.preview(request.id, desk.person(), {"content": "drop table other"})
    assert preview.assessment.level is RiskLevel.SAFE and not preview.raised
    # A replay begins from what the assessment was without the policy.
    since = desk.clock() - timedelta(days=1)
    [found] = policies.replay(OPERATOR, "version: 1\ndefault: {deadline: 1 hour}\n", since).changed
    assert found.risk is RiskLevel.CRITICAL
