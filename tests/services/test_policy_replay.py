"""A policy test says what a policy that decides at once would have decided."""

from __future__ import annotations

from datetime import timedelta

from app.domain.lifecycle import RequestState
from app.domain.run_protocol import Journal
from app.services.policies.versions import Policies
from assent.contracts import Verdict
from tests.services.desk import Desk, asked
from tests.services.governed import ask, governed, harmless, reads, tool
from tests.services.loaded import OPERATOR


def test_a_replay_says_what_people_would_no_longer_have_seen(own_desk: Desk) -> None:
    plain = governed(own_desk, "version: 1\ndefault: {deadline: 1 day}\n")
    reviewer = plain.person("Reviewer")
    requests = {name: ask(plain, plain.run(), tool(name)) for name in ("ls", "list", "drop", "mystery", "read")}
    plain.decide(requests["ls"], reviewer)
    plain.decide(requests["list"], reviewer, Verdict.REJECT, comment="No.")
    plain.decide(requests["drop"], reviewer)
    policies = Policies(own_desk.sessions, own_desk.clock, reads)
    found = policies.replay(OPERATOR, harmless(own_desk), own_desk.clock() - timedelta(days=1))
    by_id = {replayed.id: replayed for replayed in found.changed}
    told = {name: by_id[request.id] for name, request in requests.items()}
    assert {name: replayed.unseen for name, replayed in told.items()} == {
        "ls": True, "list": True, "drop": True, "mystery": False, "read": True,
    }  # fmt: skip
    assert found.unseen[0].id == requests["list"].id and found.unseen_refused == 1
    assert told["list"].consequences == ("Would have been approved at once by “Harmless”, before Reviewer decided.",)
    assert told["drop"].state_after is RequestState.REJECTED and told["drop"].rule_after == "Nothing is dropped"
    [decided] = [found for found in told["ls"].differences if found.what == "decision"]
    assert (decided.before, decided.after) == ("no", "approved by “Harmless”")
    counts = {rule.rule: (rule.before, rule.after) for rule in found.rules}
    assert counts["Harmless"] == (0, 3) and counts["Nothing is dropped"] == (0, 1)


def test_a_replay_says_what_people_would_see_again(ruled: Desk) -> None:
    request = ask(ruled, ruled.run(), tool("ls"))
    policies = Policies(ruled.sessions, ruled.clock, reads)
    since = ruled.clock() - timedelta(days=1)
    same = policies.replay(OPERATOR, harmless(ruled), since)
    assert same.changed == () and [(rule.rule, rule.before, rule.after) for rule in same.rules] == [("Harmless", 1, 1)]
    [found] = policies.replay(OPERATOR, "version: 1\ndefault: {deadline: 1 day}\n", since).changed
    assert found.id == request.id and not found.unseen and found.state_after is RequestState.PENDING
    assert found.rule_before == "Harmless"
    assert "Would still be waiting for 1 more from any reviewer." in found.consequences
    assert any(change.what == "decision" and change.after == "no" for change in found.differences)


def test_a_replay_says_what_a_policy_would_no_longer_have_rejected(ruled: Desk) -> None:
    request = ask(ruled, ruled.run(), tool("drop"))
    laxer = harmless(ruled).replace('tool == "drop" || "drop" in commands', 'tool == "other"')
    [found] = (
        Policies(ruled.sessions, ruled.clock, reads).replay(OPERATOR, laxer, ruled.clock() - timedelta(days=1)).changed
    )
    assert (found.id, found.state_after, found.rule_after) == (request.id, RequestState.APPROVED, "Harmless")


def test_a_replay_knows_what_people_wanted_to_see_again(own_desk: Desk) -> None:
    desk = governed(own_desk, "version: 1\ndefault: {deadline: 1 day}\n")
    run, reviewer = desk.run(), desk.person()
    asked_for = {"same": ask(desk, run, tool("one"), interrupt_id="i")}
    desk.decide(asked_for["same"], reviewer, Verdict.APPROVE)
    later = ask(desk, run, tool("two"), interrupt_id="i")
    asked_for["later"] = later
    assert later.previous_id == asked_for["same"].id, "another call of the same step is no revision that people wanted"
    desk.decide(later, reviewer, Verdict.REQUEST_CHANGES, comment="Two at once.")
    taken = desk.progress.begin(run.id)
    assert taken is not None
    delivered = [delivery.request_id for delivery in taken.deliveries]
    both = [asked(tool("three")), asked(tool("mystery"), node="side")]
    assert desk.checkpoints.suspend(run.id, taken.attempt, both, Journal(run.id, delivered=delivered))
    side, asked_for["revised"] = sorted(desk.checkpoints.pending(run.id), key=lambda row: row.node, reverse=True)
    desk.decide(side, reviewer)
    asked_for["revised again"] = ask(desk, run, tool("four"))
    assert desk.fresh(asked_for["revised"]).state == "superseded"
    desk.decide(asked_for["revised again"], reviewer, Verdict.REJECT, comment="No.")
    desk.checkpoints.reopen(asked_for["revised again"].id, reviewer, "Let us look.")
    asked_for["repeated"] = ask(desk, run, tool("four"), node="other")
    policies = Policies(desk.sessions, desk.clock, reads)
    found = policies.replay(OPERATOR, harmless(desk), desk.clock() - timedelta(days=1))
    unseen = {one.id for one in found.unseen}
    assert {name for name, request in asked_for.items() if request.id in unseen} == {"same", "later"}
    desk.decide(asked_for["repeated"], reviewer)
    # As it is when the policy is in force.
    ruled = governed(own_desk, harmless(own_desk))
    assert ask(ruled, run, tool("four"), node="third").state == "pending"
