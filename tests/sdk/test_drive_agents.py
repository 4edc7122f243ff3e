"""Agents of somebody's own: their tool calls are approved, edited, rejected, and answered one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.runtime import agent_flows
from tests.runtime.test_agents import COMMAND
from tests.sdk.agents import agent, delete, mail, told
from tests.sdk.driven import Drivable, Driven

pytestmark = pytest.mark.processes
SYNC = pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
MODES = pytest.mark.parametrize("flow", [agent_flows.BATCHED, agent_flows.PER_CALL], ids=["batched", "per_call"])


@MODES
@SYNC
def test_one_call_is_approved_as_it_stands(drivable: Drivable, flow: Any, sync: bool) -> None:
    driven = agent(drivable, flow, [mail("ops@example.org")])
    running = driven.start(sync=sync)
    request = driven.next()
    assert (request["kind"], request["payload"]["tool"]) == ("tool_call", "send_email")
    driven.portal.decide(request["id"])
    running.get()
    assert driven.effects() == {"sent to ops@example.org: ": 1} and driven.receipt(request)[0] == "applied"


@MODES
def test_one_call_is_edited_rejected_answered_and_sent_back(drivable: Drivable, flow: Any) -> None:
    driven = agent(drivable, flow, *[[mail(f"{name}@example.org", body="use the token")] for name in "abcde"])
    running = driven.start()
    first = driven.next()
    assert agent_flows.SECRET not in json.dumps(first)
    args = first["payload"]["args"] | {"to": "edited@example.org"}
    driven.portal.decide(first["id"], "modify", change={"args": args})
    driven.portal.decide(driven.next()["id"], "reject", comment="Not that one.")
    driven.portal.decide(driven.next()["id"], "modify", change={"decision": "respond", "message": "I did it."})
    sent_back = driven.next()
    driven.portal.decide(sent_back["id"], "request_changes", comment="Shorter.")
    last = driven.next()
    assert last["previous_id"] == sent_back["id"]
    driven.portal.decide(last["id"])
    answers = told(running.get())
    assert "Not that one." in answers[1] and answers[2] == "I did it." and "Shorter." in answers[3]
    assert driven.effects() == {
        f"sent to {name}@example.org: use {agent_flows.SECRET}": 1 for name in ("edited", "e")
    }  # fmt: skip


def test_a_batch_is_decided_call_by_call_and_answered_in_its_order(drivable: Drivable) -> None:
    turn = [mail("one@example.org"), delete("two"), mail("three@example.org"), mail("four@example.org")]
    driven = agent(drivable, agent_flows.BATCHED, turn)
    running = driven.start()
    request = driven.next()
    assert [call["tool"] for call in request["payload"]["calls"]] == [
        "send_email", "delete_file", "send_email", "send_email",
    ]  # fmt: skip
    third = request["payload"]["calls"][2]["args"]
    change = [
        {"id": "4", "decision": "respond", "message": "Told them myself."},
        {"id": "3", "args": third | {"to": "3@example.org"}},
        {"id": "2", "decision": "reject", "message": "We still need it."},
    ]
    driven.portal.decide(request["id"], "modify", change={"calls": change})
    answers = {message.tool_call_id: message.content for message in running.get()["messages"] if message.type == "tool"}
    assert "We still need it." in answers["call-0-1"] and answers["call-0-3"] == "Told them myself."
    assert driven.effects() == {"sent to one@example.org: ": 1, "sent to 3@example.org: ": 1}


def test_calls_of_one_turn_are_asked_and_answered_one_by_one(drivable: Drivable) -> None:
    driven = agent(drivable, agent_flows.PER_CALL, [mail("one@example.org"), delete("two"), mail("three@example.org")])
    running = driven.start()
    requests = driven.several(3)
    for request in reversed(requests.values()):
        driven.portal.decide(request["id"], "reject" if request["payload"]["tool"] == "delete_file" else "approve")
    running.get()
    assert driven.effects() == {"sent to one@example.org: ": 1, "sent to three@example.org: ": 1}
    assert sorted(driven.receipt(request)[0] for request in requests.values()) == ["applied", "applied", "not_applied"]


def test_a_tool_whose_result_people_give_is_a_question(drivable: Drivable) -> None:
    question = {"name": "ask_user", "args": {"question": "Which region?"}}
    driven = agent(drivable, agent_flows.BATCHED, [lambda _: question])
    running = driven.start()
    request = driven.next()
    assert (request["kind"], request["title"]) == ("question", "Which region?")
    driven.answer(request, "The northern one")
    assert told(running.get()) == ["The northern one"]


def test_a_deep_agent_and_its_subagent_ask(drivable: Drivable) -> None:
    def task(made: Driven) -> dict[str, Any]:
        inner = json.dumps({"turns": [[made.delete("old.log")]]})
        return {"name": "task", "args": {"description": inner, "subagent_type": "cleaner"}}

    driven = agent(drivable, agent_flows.DEEP, [task], [mail("ops@example.org")])
    running = driven.start()
    for tool in ("delete_file", "send_email"):
        request = driven.next()
        assert request["payload"]["tool"] == tool
        driven.portal.decide(request["id"])
    running.get()
    assert driven.effects() == {"deleted old.log": 1, "sent to ops@example.org: ": 1}


@pytest.mark.parametrize("flow", [agent_flows.INBOX, agent_flows.INBOX_ALONE], ids=["list", "alone"])
@pytest.mark.parametrize(
    ("verdict", "more", "answer"),
    [
        ("approve", {}, {"type": "accept", "args": None}),
        (
            "modify", {"change": {"args": {"command": "ls -l"}}},
            {"type": "edit", "args": {"action": "run_command", "args": {"command": "ls -l"}}},
        ),
        ("reject", {}, {"type": "ignore", "args": None}),
        ("request_changes", {"comment": "Here."}, {"type": "response", "args": "DBA on call: Here."}),
    ],
)  # fmt: skip
def test_agent_inbox(drivable: Drivable, flow: Any, verdict: str, more: Any, answer: Any) -> None:
    driven = drivable(flow)
    (driven.folder / "ask").write_text(json.dumps(COMMAND))
    running = driven.start()
    driven.portal.decide(driven.next()["id"], verdict, **more)
    assert running.get()["answers"] == [answer]
