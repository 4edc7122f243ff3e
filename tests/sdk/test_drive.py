"""Somebody's own graph, with their own checkpointer, driven against a real portal with the real libraries."""

from __future__ import annotations

import json

import pytest
from langgraph.graph import END

from app.domain.people import SYSTEM
from app.services.bundle import Services
from assent import (
    AlreadyDrivenError,
    Assent,
    MovedOnError,
    Rejected,
    WaitTimeoutError,
    Workflow,
    calls,
    drive,
    executor,
)
from tests import flows
from tests.runtime import agent_flows, breakpoint_flows, guard_flows, tool_flows
from tests.runtime.small_graphs import two_branches
from tests.sdk.driven import Drivable

pytestmark = pytest.mark.processes
TWO_BRANCHES = Workflow("branches", "1", "Branches", "Two gates beside each other.", flows.FlowInput, two_branches)
SYNC = pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])


# Assent's own gate


@SYNC
def test_a_gate_is_approved_in_part_and_its_receipt_reported(drivable: Drivable, sync: bool) -> None:
    driven = drivable(flows.GATE)
    running = driven.start(sync=sync)
    request = driven.next()
    assert (request["title"], request["workflow"], request["run_id"]) == ("Create 3 indexes on t", "driven", None)
    assert running.result is None and not driven.effects()
    driven.portal.decide(request["id"], "modify", change={"items": [{"id": "b"}]})
    assert running.get()["answers"] == ["applied"]
    assert driven.effects() == {"applied create index concurrently b on t (b)": 1}
    receipt = driven.portal.request(request["id"])["receipt"]
    assert (receipt["status"], receipt["summary"], receipt["detail"]) == (
        "applied", "Created what was approved.", {"items": 1},
    )  # fmt: skip


@SYNC
def test_a_proposal_whose_basis_has_changed_is_followed_by_a_revision(drivable: Drivable, sync: bool) -> None:
    driven = drivable(tool_flows.RESTING)
    world = driven.folder / "effects0.world"
    world.write_text('{"orders": {"rows": 40, "indexes": {}}}')
    running = driven.start(sync=sync)
    first = driven.next()
    world.write_text('{"orders": {"rows": 400, "indexes": {}}}')
    driven.portal.decide(first["id"])
    second = driven.next()
    assert (second["previous_id"], second["revision"]) == (first["id"], 2) and not driven.effects()
    assert second["payload"]["changed"]["changes"][0]["now"] == 400
    assert driven.receipt(first)[0] == "not_applied"
    driven.portal.decide(second["id"])
    assert running.get()["result"] == {"index": "by_status"} and driven.effects() == {"created": 1}


def test_a_rejection_goes_to_the_gate_as_an_outcome(drivable: Drivable) -> None:
    driven = drivable(flows.SCRIPT)
    running = driven.start()
    request = driven.next()
    driven.portal.decide(request["id"], "reject")
    assert running.get()["answers"] == ["reject"] and driven.effects() == {"ran nothing": 1}
    assert driven.receipt(request)[0] == "not_applied"


@SYNC
def test_what_a_policy_decides_at_once_is_not_waited_for(
    drivable: Drivable, services: Services, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    rule = """{name: Nothing is governed, when: 'workflow == "governed"', decide: reject}"""
    services.policies.load(SYSTEM, f"version: 1\nrules:\n  - {rule}\n", "policies.yaml")
    waited: list[str] = []
    monkeypatch.setattr(calls, "outcome", lambda request_id, timeout: waited.append(request_id))
    driven = drivable(flows.SCRIPT)
    assert driven.start(sync=sync, workflow="governed").get()["answers"] == ["reject"]
    assert driven.effects() == {"ran nothing": 1} and waited == []
    request = driven.next()
    assert request["state"] == "rejected" and driven.receipt(request)[0] == "not_applied"


def test_what_is_withdrawn_at_the_portal_is_a_rejection(drivable: Drivable, client: Assent) -> None:
    driven = drivable(flows.SCRIPT)
    running = driven.start()
    client.approvals.get(driven.next()["id"]).cancel("Not needed any more.")
    assert running.get()["answers"] == ["reject"]


def test_what_is_sent_back_is_proposed_again_as_a_revision(drivable: Drivable) -> None:
    driven = drivable(flows.REVISE)
    running = driven.start()
    first = driven.next()
    driven.portal.decide(first["id"], "request_changes", comment="Only this year.")
    second = driven.next()
    assert (second["previous_id"], second["revision"]) == (first["id"], 2)
    assert "Only this year." in second["payload"]["content"]
    driven.portal.decide(second["id"])
    running.get()
    assert driven.effects().total() == 1
    assert (driven.receipt(first)[0], driven.receipt(second)[0]) == ("not_applied", "applied")


def test_secrets_stay_here_and_reach_the_step(drivable: Drivable) -> None:
    driven = drivable(guard_flows.SECRET)
    running = driven.start()
    request = driven.next()
    assert agent_flows.SECRET not in json.dumps(request)
    driven.portal.decide(request["id"])
    running.get()
    assert agent_flows.SECRET in driven.aside("received").read_text()
    assert agent_flows.SECRET not in json.dumps(driven.portal.request(request["id"]))


def test_a_report_of_what_nobody_here_asked_is_left_out(drivable: Drivable) -> None:
    driven = drivable(guard_flows.ODD)
    running = driven.start()
    request = driven.next()
    driven.answer(request, "yes")
    running.get()
    assert driven.receipt(request) == ("partly_applied", "Half\ufffdway")


# LangGraph's own questions


@SYNC
def test_several_questions_at_once_and_after_each_other(drivable: Drivable, sync: bool) -> None:
    driven = drivable(flows.QUESTIONS)
    running = driven.start(sync=sync)
    asked = driven.several(2)
    assert asked["How old is the server?"]["response_schema"]["properties"]["years"]["maximum"] == 150
    driven.answer(asked["What is the first word?"], "one")
    second = driven.next()
    assert second["title"] == "What is the second word?"
    driven.answer(second, "two")
    driven.answer(asked["How old is the server?"], {"years": 7})
    assert sorted(map(str, running.get()["answers"])) == ["7", "one", "two"]


def test_the_same_question_three_times_is_three_requests(drivable: Drivable) -> None:
    driven = drivable(guard_flows.SAME)
    running = driven.start()
    ids = set()
    for answer in ("one", "two", "three"):
        request = driven.next()
        ids.add(request["id"])
        driven.answer(request, answer)
    assert running.get()["answers"] == ["one", "two", "three"] and len(ids) == 3


def test_parallel_nodes_are_answered_in_any_order(drivable: Drivable) -> None:
    driven = drivable(guard_flows.BESIDE)
    running = driven.start()
    asked = driven.several(3)
    for name in "cab":
        driven.answer(asked[f"What is {name}?"], name.upper())
    assert sorted(running.get()["answers"]) == ["a=A", "b=B", "c=C"] and driven.effects()["last"] == 1


def test_a_subgraph_asks(drivable: Drivable) -> None:
    driven = drivable(guard_flows.PARENT)
    running = driven.start()
    driven.answer(driven.next(), "seven")
    assert running.get()["answers"] == ["depth=seven"]


def test_a_rejection_that_cannot_be_told_is_raised_and_is_the_same_the_next_time(drivable: Drivable) -> None:
    driven = drivable(guard_flows.BESIDE)
    running = driven.start()
    asked = driven.several(3)
    driven.portal.decide(asked["What is a?"]["id"], "reject", comment="No.")
    with pytest.raises(Rejected, match=r"No\."):
        running.get()
    assert driven.receipt(asked["What is a?"])[0] == "not_applied"
    assert driven.portal.request(asked["What is b?"]["id"])["state"] == "cancelled"
    with pytest.raises(Rejected):
        driven.start(None).get()


@SYNC
def test_what_was_rejected_is_asked_again_and_the_thread_goes_on(drivable: Drivable, sync: bool) -> None:
    driven = drivable(guard_flows.BESIDE)
    running = driven.start(sync=sync)
    asked = driven.several(3)
    driven.portal.decide(asked["What is a?"]["id"], "reject", comment="Not yet.")
    with pytest.raises(Rejected):
        running.get()
    for refused in ("a", "b"):
        running = driven.start(None, sync=sync, ask_again=True)
        again = driven.several(3)
        for title, before in asked.items():
            revised = before["id"] if title == f"What is {refused}?" else None
            assert again[title]["id"] != before["id"] and again[title]["previous_id"] == revised
        asked = again
        driven.portal.decide(asked["What is b?"]["id"], "reject", comment="Not yet.")
        with pytest.raises(Rejected):
            running.get()
    running = driven.start(None, sync=sync, ask_again=True)
    for title, request in driven.several(3).items():
        driven.answer(request, title[-2].upper())
    assert sorted(running.get()["answers"]) == ["a=A", "b=B", "c=C"]


def test_a_thread_that_was_rejected_can_be_ended_and_begun_again(drivable: Drivable) -> None:
    driven = drivable(guard_flows.BESIDE)
    running = driven.start()
    driven.portal.decide(driven.several(3)["What is a?"]["id"], "reject")
    with pytest.raises(Rejected):
        running.get()
    driven.graph.update_state(driven.config, None, as_node=END)
    assert driven.start(None).get().get("answers", []) == [] and not driven.asks()
    running = driven.start()
    for title, request in driven.several(3).items():
        driven.answer(request, title[-2].upper())
    assert sorted(running.get()["answers"]) == ["a=A", "b=B", "c=C"]


@SYNC
def test_what_was_approved_is_applied_only_when_the_graph_has_come_to_its_end(drivable: Drivable, sync: bool) -> None:
    driven = drivable(TWO_BRANCHES)
    running = driven.start(sync=sync)
    asked = driven.several(2)
    left, right = asked["Remove left"], asked["Remove right"]
    driven.portal.decide(left["id"])
    driven.taken("ask_left")
    assert driven.receipt(left)[0] == "delivered" and not driven.effects()
    driven.portal.decide(right["id"])
    running.get()
    assert driven.effects() == {"removed left": 1, "removed right": 1}
    assert [driven.receipt(request)[0] for request in (left, right)] == ["applied", "applied"]


# Moved on elsewhere


@SYNC
def test_what_another_program_answered_is_withdrawn_at_once(
    drivable: Drivable, sync: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "LOOK_SECONDS", 0.1)
    driven = drivable(guard_flows.SAME)
    running = driven.start(sync=sync)
    first = driven.next()
    driven.past({next(iter(driven.asks())): "by hand"})
    second = driven.next()
    withdrawn = driven.portal.request(first["id"])
    assert withdrawn["state"] == "cancelled" and "no longer waited for this" in withdrawn["note"]
    driven.answer(second, "two")
    driven.answer(driven.next(), "three")
    assert running.get()["answers"] == ["by hand", "two", "three"]


@SYNC
def test_what_another_program_brought_to_its_end_is_withdrawn(
    drivable: Drivable, sync: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "LOOK_SECONDS", 0.1)
    driven = drivable(flows.SCRIPT)
    driven.graph.update_state(driven.config, driven.input)
    running = driven.start(sync=sync)
    request = driven.next()
    driven.graph.update_state(driven.config, {"answers": ["by hand"]}, as_node="script")
    assert running.get()["answers"] == ["by hand"] and not driven.effects()
    assert driven.portal.request(request["id"])["state"] == "cancelled"


@SYNC
def test_a_thread_that_another_program_is_running_is_left_to_it(
    drivable: Drivable, sync: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "LOOK_SECONDS", 0.1)
    driven = drivable(flows.GATE)
    running = driven.start(sync=sync)
    request = driven.next()
    driven.graph.update_state(driven.config, {}, as_node="gate")
    with pytest.raises(MovedOnError, match="Another program continued"):
        running.get()
    assert driven.portal.request(request["id"])["state"] == "cancelled"
    assert driven.graph.get_state(driven.config).next == ("apply",), "that is for the other program to run"


def test_looking_at_the_thread_gives_nobody_more_time(drivable: Drivable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "LOOK_SECONDS", 0.05)
    for sync in (True, False):
        driven = drivable(flows.SCRIPT)
        with pytest.raises(WaitTimeoutError):
            driven.start(sync=sync, timeout=0.5).get()


# What a caller has to know


def test_a_step_that_fails_after_the_gate_is_told_and_goes_on_the_next_time(drivable: Drivable) -> None:
    driven = drivable(guard_flows.FAILS_BESIDE)
    running = driven.start()
    asked = driven.several(2)
    driven.answer(asked["Shall it fail?"], "yes")
    with pytest.raises(ConnectionError, match="it failed beside"):
        running.get()
    assert driven.receipt(asked["Shall it fail?"])[0] == "failed"
    driven.aside("mended").touch()
    again = driven.start()
    found = driven.next()
    assert found["id"] == asked["Which one?"]["id"], "the same request, found again"
    driven.answer(found, "this")
    assert sorted(again.get()["answers"]) == ["beside yes", "this"]


def test_a_thread_at_its_end_gives_its_values_or_begins_again(drivable: Drivable) -> None:
    driven = drivable(guard_flows.TEXT)
    running = driven.start()
    driven.answer(driven.next(), "one")
    first = running.get()
    assert driven.start(None).get() == first
    running = driven.start()
    driven.answer(driven.next(), "two")
    assert running.get()["answers"] == ["one", "two"]


def test_nobody_decides_in_time(drivable: Drivable) -> None:
    driven = drivable(guard_flows.TEXT)
    with pytest.raises(WaitTimeoutError):
        driven.start(timeout=0.2).get()
    request = driven.next()
    running = driven.start()
    assert driven.next()["id"] == request["id"]
    driven.answer(request, "go")
    assert running.get()["answers"] == ["go"]


def test_one_thread_is_driven_once_at_a_time(drivable: Drivable) -> None:
    driven = drivable(guard_flows.TEXT)
    running = driven.start()
    request = driven.next()
    with pytest.raises(AlreadyDrivenError):
        driven.start().get()
    driven.answer(request, "go")
    running.get()


def test_what_cannot_be_driven(drivable: Drivable, client: Assent) -> None:
    driven = drivable(guard_flows.TEXT)
    for config in ({}, {"configurable": {}}, {"configurable": {"thread_id": "1", "checkpoint_id": "1"}}):
        with pytest.raises(ValueError):
            drive(driven.graph, {}, config, client=client)
    with pytest.raises(ValueError, match="checkpointer"):
        drive(guard_flows.TEXT.build().compile(), {}, driven.config, client=client)
    with pytest.raises(ValueError, match="ASSENT_URL"):
        drive(driven.graph, {}, driven.config)


@pytest.mark.parametrize("sync", [True, False])
def test_a_breakpoint_asks_whether_to_go_on(drivable: Drivable, sync: bool) -> None:
    driven = drivable(breakpoint_flows.FLOWS["before_and_after"])
    running = driven.start(sync=sync)
    for title in ("Go on with “Apply”?", "Go on with “Last”?"):
        request = driven.next()
        assert (request["title"], request["kind"]) == (title, "tool_call")
        driven.portal.decide(request["id"])
        if title != "Go on with “Last”?":
            assert driven.effects()["last"] == 0
    running.get()
    assert driven.effects() == {"applied": 1, "last": 1}
    assert driven.receipt(request)[0] == "applied"


def test_a_drive_that_is_started_again_at_a_breakpoint_finds_its_request(drivable: Drivable) -> None:
    driven = drivable(breakpoint_flows.FLOWS["before"])
    driven.graph.invoke(driven.input, driven.config)
    first = driven.start(timeout=0.1)
    request = driven.next()
    with pytest.raises(WaitTimeoutError):
        first.get()
    again = driven.start(None)
    assert driven.next()["id"] == request["id"]
    driven.portal.decide(request["id"])
    again.get()
    assert driven.effects() == {"applied": 1, "last": 1}


@pytest.mark.parametrize("name", ["before", "inside", "called"])
def test_a_rejected_breakpoint_runs_nothing(drivable: Drivable, name: str) -> None:
    driven = drivable(breakpoint_flows.FLOWS[name])
    running = driven.start()
    driven.portal.decide(driven.next()["id"], "reject", comment="not today")
    with pytest.raises(Rejected, match="not today"):
        running.get()
    assert not driven.effects()


@SYNC
@pytest.mark.parametrize("name", ["before", "inside"])
def test_a_rejected_breakpoint_is_asked_again_when_that_is_said(drivable: Drivable, name: str, sync: bool) -> None:
    driven = drivable(breakpoint_flows.FLOWS[name])
    running = driven.start(sync=sync)
    first = driven.next()
    driven.portal.decide(first["id"], "reject")
    with pytest.raises(Rejected):
        running.get()
    with pytest.raises(Rejected):
        driven.start(None, sync=sync).get()
    assert driven.next()["id"] == first["id"]
    running = driven.start(None, sync=sync, ask_again=True)
    second = driven.next()
    assert (second["previous_id"], second["title"]) == (first["id"], first["title"])
    driven.portal.decide(second["id"])
    running.get()
