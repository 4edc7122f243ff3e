"""LangChain's agents, deepagents and Agent Inbox, each as its own library asks and takes its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.errors import AssentError, InvalidInputError
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.runtime.agent_flows import SECRET
from tests.runtime.rig import Rig


def mail(rig: Rig, to: str, **more: Any) -> dict[str, Any]:
    """A call of the mail tool in this test's folder."""
    return {"name": "send_email", "args": {"effects": str(rig.folder / "effects0"), "to": to} | more}


def delete(rig: Rig, path: str) -> dict[str, Any]:
    """A call of the tool that deletes."""
    return {"name": "delete_file", "args": {"effects": str(rig.folder / "effects0"), "path": path}}


def look_up(rig: Rig, word: str) -> dict[str, Any]:
    """A call that nobody has to agree to."""
    return {"name": "look_up", "args": {"effects": str(rig.folder / "effects0"), "word": word}}


def said(rig: Rig, run: str) -> list[str]:
    """What the tools, or people in their place, told the agent."""
    return [message["content"] for message in rig.finish(run)["messages"] if message["type"] == "tool"]


def by_tool(rig: Rig, run: str) -> dict[str, ApprovalRequest]:
    """What the run waits for, by tool."""
    return {request.payload["tool"]: request for request in rig.pending(run)}


MODES = pytest.mark.parametrize("flow", ["agent_batched", "agent_per_call"])


@MODES
def test_one_call_is_approved_as_it_stands(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[mail(rig, "ops@example.org"), look_up(rig, "risk")]])
    request = rig.only(run)
    assert (request.kind, request.payload["tool"], request.payload["args"]["to"]) == (
        "tool_call", "send_email", "ops@example.org",
    )  # fmt: skip
    assert request.title.startswith("Call send_email with ") and not request.payload.get("summary")
    assert "sent to ops@example.org: " not in rig.effects(run)
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run)["sent to ops@example.org: "] == 1
    assert rig.view(request).receipt.status == "applied"


@MODES
def test_one_call_is_made_with_what_a_reviewer_put_in(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[mail(rig, "all@example.org", body="Hello")]])
    request = rig.only(run)
    args = request.payload["args"] | {"to": "ops@example.org"}
    rig.decide(request, Verdict.MODIFY, change={"args": args})
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"sent to ops@example.org: Hello": 1}


@MODES
def test_a_rejection_is_told_to_the_agent_with_its_reason(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[mail(rig, "all@example.org")]])
    rig.decide(rig.only(run), Verdict.REJECT, comment="Not to everybody.")
    rig.advance(run)
    [answer] = said(rig, run)
    assert "Not to everybody." in answer and "rejected" in answer
    assert not rig.effects(run)


@MODES
def test_what_is_sent_back_is_proposed_again_as_a_revision(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[mail(rig, "all@example.org")], [mail(rig, "ops@example.org")]])
    first = rig.only(run)
    rig.decide(first, Verdict.REQUEST_CHANGES, comment="Only to operations.")
    rig.advance(run)
    second = rig.only(run)
    assert (second.previous_id, second.revision) == (first.id, 2)
    rig.decide(second)
    rig.advance(run)
    assert "Only to operations." in said(rig, run)[0]
    assert rig.effects(run) == {"sent to ops@example.org: ": 1}


@MODES
def test_a_person_answers_in_place_of_the_tool(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[mail(rig, "all@example.org")]])
    request = rig.only(run)
    with pytest.raises(InvalidInputError) as refused:
        rig.decide(request, Verdict.MODIFY, change={"decision": "respond", "message": " "})
    assert refused.value.extra["fields"] == {"message": "This field is required."}
    rig.decide(request, Verdict.MODIFY, change={"decision": "respond", "message": "I have phoned them."})
    rig.advance(run)
    assert said(rig, run) == ["I have phoned them."] and not rig.effects(run)


@MODES
def test_a_tool_whose_result_people_give_is_a_question(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[{"name": "ask_user", "args": {"question": "Which region?"}}]])
    request = rig.only(run)
    assert (request.kind, request.title, request.payload["question"]) == (
        "question", "Which region?", "Which region?",
    )  # fmt: skip
    rig.answer(request, "The northern one")
    rig.advance(run)
    assert said(rig, run) == ["The northern one"]


@MODES
def test_a_call_cannot_take_what_its_agent_does_not_allow(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[delete(rig, "report.txt")]])
    request = rig.only(run)
    assert request.payload["summary"] == "Deletes it for good."
    for change in ({"args": request.payload["args"] | {"path": "other"}}, {"decision": "respond", "message": "No."}):
        with pytest.raises(InvalidInputError):
            rig.decide(request, Verdict.MODIFY, change=change)
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"deleted report.txt": 1}


@MODES
def test_secrets_in_arguments_are_never_stored_and_reach_the_tool(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[mail(rig, "a@example.org", body="use the token")]])
    request = rig.only(run)
    assert SECRET not in json.dumps(request.payload) and "⟦secret:" in request.payload["args"]["body"]
    args = request.payload["args"] | {"to": "ops@example.org"}
    rig.decide(request, Verdict.MODIFY, change={"args": args})
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {f"sent to ops@example.org: use {SECRET}": 1}


# Several calls in one turn


def test_a_batch_is_decided_call_by_call_and_answered_in_its_order(rig: Rig) -> None:
    turn = [mail(rig, "one@example.org"), look_up(rig, "risk"), delete(rig, "two"), mail(rig, "three@example.org"),
            mail(rig, "four@example.org")]  # fmt: skip
    run = rig.begin("agent_batched", turns=[turn])
    request = rig.only(run)
    assert (request.kind, [call["tool"] for call in request.payload["calls"]]) == (
        "tool_calls", ["send_email", "delete_file", "send_email", "send_email"],
    )  # fmt: skip
    third = request.payload["calls"][2]["args"]
    change = [
        {"id": "4", "decision": "respond", "message": "Told them myself."},
        {"id": "3", "args": third | {"to": "3@example.org"}},
        {"id": "2", "decision": "reject", "message": "We still need it."},
    ]
    rig.decide(request, Verdict.MODIFY, change={"calls": change})
    rig.advance(run)
    answers = {
        message["tool_call_id"]: message["content"]
        for message in rig.finish(run)["messages"]
        if message["type"] == "tool"
    }
    assert "We still need it." in answers["call-0-2"] and answers["call-0-4"] == "Told them myself."
    assert rig.effects(run) == {
        "looked up risk": 1, "sent to one@example.org: ": 1, "sent to 3@example.org: ": 1,
    }  # fmt: skip


def test_a_batch_is_approved_or_rejected_as_a_whole(rig: Rig) -> None:
    turns = [[mail(rig, "a@example.org"), delete(rig, "b")], [mail(rig, "c@example.org"), delete(rig, "d")]]
    run = rig.begin("agent_batched", turns=turns)
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.decide(rig.only(run), Verdict.REJECT, comment="Enough.")
    rig.advance(run)
    assert [("Enough." in text) for text in said(rig, run)] == [False, False, True, True]
    assert rig.effects(run) == {"sent to a@example.org: ": 1, "deleted b": 1}


@pytest.mark.parametrize(
    "calls",
    [
        "all of them",
        [{"id": "9"}],
        [{"id": "1"}, {"id": "1"}],
        [{"id": "1", "decision": "edit"}],
        [{"id": "1", "decision": "maybe"}],
        [{"id": "1", "args": "none"}],
        [{"id": "1", "tool": "delete_file"}],
        [{"id": "2", "args": {"path": "other"}}],
        [{"id": "2", "decision": "respond", "message": "x"}],
        [{"id": "1", "decision": "respond"}],
        [{"id": "1", "decision": "reject"}, {"id": "2", "decision": "reject"}],
    ],
)
def test_a_change_that_does_not_fit_a_batch_is_refused_and_changes_nothing(rig: Rig, calls: Any) -> None:
    run = rig.begin("agent_batched", turns=[[mail(rig, "a@example.org"), delete(rig, "b")]])
    request = rig.only(run)
    with pytest.raises(AssentError) as refused:
        rig.decide(request, Verdict.MODIFY, change={"calls": calls})
    assert refused.value.extra["fields"]
    assert rig.request(request).digest == request.digest


# One interrupt for each call


def test_calls_of_one_turn_are_asked_and_answered_one_by_one(rig: Rig) -> None:
    turn = [mail(rig, "one@example.org"), delete(rig, "two"), mail(rig, "three@example.org")]
    run = rig.begin("agent_per_call", turns=[turn])
    requests = sorted(rig.pending(run), key=lambda request: request.title)
    assert [request.payload["tool"] for request in requests] == ["delete_file", "send_email", "send_email"]
    assert requests[1].payload["args_schema"]["properties"]["to"], "the form is drawn from the tool's own schema"
    for request in reversed(requests):
        verdict = Verdict.REJECT if request.payload["tool"] == "delete_file" else Verdict.APPROVE
        rig.decide(request, verdict, comment="No.")
    rig.advance(run)  # one job delivers all of them, one at a time
    rig.finish(run)
    assert rig.effects(run) == {"sent to one@example.org: ": 1, "sent to three@example.org: ": 1}
    assert [rig.view(request).receipt.status for request in requests] == ["not_applied", "applied", "applied"]


def test_an_edit_that_does_not_fit_the_tools_own_schema_is_refused(rig: Rig) -> None:
    run = rig.begin("agent_per_call", turns=[[mail(rig, "a@example.org")]])
    request = rig.only(run)
    with pytest.raises(InvalidInputError) as refused:
        rig.decide(request, Verdict.MODIFY, change={"args": request.payload["args"] | {"to": 7}})
    assert "args.to" in refused.value.extra["fields"]


# deepagents, subgraphs, interrupts inside tools


def test_a_deep_agent_and_its_subagent_ask(rig: Rig) -> None:
    inner = json.dumps({"turns": [[delete(rig, "old.log")]]})
    task = {"name": "task", "args": {"description": inner, "subagent_type": "cleaner"}}
    run = rig.begin("agent_deep", turns=[[task], [mail(rig, "ops@example.org")]])
    request = rig.only(run)
    assert request.payload["tool"] == "delete_file"
    rig.decide(request)
    rig.advance(run)
    assert rig.effects(run) == {"deleted old.log": 1}
    request = rig.only(run)
    assert request.payload["tool"] == "send_email"
    rig.decide(request, Verdict.MODIFY, change={"args": request.payload["args"] | {"to": "sre@example.org"}})
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"deleted old.log": 1, "sent to sre@example.org: ": 1}


@MODES
def test_a_tool_asks_from_inside(rig: Rig, flow: str) -> None:
    call = {"name": "drop_table", "args": {"effects": str(rig.folder / "effects0"), "table": "orders"}}
    run = rig.begin(flow, turns=[[call]])
    request = rig.only(run)
    assert (request.kind, request.title) == ("value", "Drop orders?")
    rig.answer(request, "yes")
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"dropped orders: yes": 1}


# Agent Inbox

ALLOWS = {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True}
COMMAND = {"action_request": {"action": "run_command", "args": {"command": "ls"}}, "config": ALLOWS,
           "description": "Lists the files."}  # fmt: skip


def inbox(rig: Rig, flow: str, request: dict[str, Any]) -> str:
    """A run that asks in the words of Agent Inbox."""
    (rig.folder / "ask").write_text(json.dumps(request))
    return rig.begin(flow)


@pytest.mark.parametrize("flow", ["agent_inbox", "agent_inbox_alone"])
@pytest.mark.parametrize(
    ("verdict", "more", "answer"),
    [
        (Verdict.APPROVE, {}, {"type": "accept", "args": None}),
        (
            Verdict.MODIFY,
            {"change": {"args": {"command": "ls -l"}}},
            {"type": "edit", "args": {"action": "run_command", "args": {"command": "ls -l"}}},
        ),
        (Verdict.REJECT, {"comment": "No."}, {"type": "ignore", "args": None}),
        (
            Verdict.REQUEST_CHANGES,
            {"comment": "Only this folder."},
            {"type": "response", "args": "DBA on call: Only this folder."},
        ),
        (
            Verdict.MODIFY,
            {"change": {"decision": "respond", "message": "It is empty."}},
            {"type": "response", "args": "It is empty."},
        ),
    ],
)
def test_agent_inbox(rig: Rig, flow: str, verdict: Verdict, more: dict[str, Any], answer: dict[str, Any]) -> None:
    run = inbox(rig, flow, COMMAND)
    request = rig.only(run)
    assert (request.dialect, request.kind, request.payload["summary"]) == (
        "agent_inbox", "tool_call", "Lists the files.",
    )  # fmt: skip
    rig.decide(request, verdict, **more)
    rig.advance(run)
    assert rig.finish(run)["answers"] == [answer]


def test_agent_inbox_asks_a_question(rig: Rig) -> None:
    only = {"allow_accept": False, "allow_edit": False, "allow_respond": True, "allow_ignore": True}
    ask = {"action_request": {"action": "Question", "args": {"question": "Which one?"}}, "config": only}
    run = inbox(rig, "agent_inbox", ask)
    rig.answer(rig.only(run), "The left one")
    rig.advance(run)
    assert rig.finish(run)["answers"] == [{"type": "response", "args": "The left one"}]


def test_agent_inbox_that_takes_no_refusal_ends_the_run(rig: Rig) -> None:
    run = inbox(rig, "agent_inbox", COMMAND | {"config": {"allow_accept": True}})
    rig.decide(rig.only(run), Verdict.REJECT, comment="No.")
    rig.advance(run)
    assert rig.state(run) == "failed" and "rejected" in rig.run(run).error["message"]
