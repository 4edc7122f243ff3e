"""Tools of real MCP servers, over standard input and output and over HTTP: calls, and what is believed of servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from assent.contracts import Outcome
from assent.digests import digest_of
from assent.gate import request_approval
from assent.toolbox import Effect, Limits, Tool, aapply, acall, call, propose
from assent.toolbox.calls import run
from assent.toolbox.errors import (
    ApprovalRequiredError,
    ToolChangedError,
    ToolFailedError,
    ToolOutputError,
)
from assent.toolbox.mcp_tools import pin_of
from tests.processes.crew import until
from tests.sdk import toolserver
from tests.sdk.toolplace import Place, pinned, pins

ONCE = Limits(attempts=1)


@pytest.fixture(params=["stdio", "http", "stdio of 2025", "http of 2025"])
def entry(request: pytest.FixtureRequest, place: Place) -> dict[str, Any]:
    """The server over each transport, with the current protocol and with the one before it."""
    transport, _, old = request.param.partition(" ")
    protocol = "legacy" if old else "auto"
    if transport == "stdio":
        return place.entry(protocol=protocol)
    return {"url": place.listen()[0], "protocol": protocol, "start_seconds": 60}


def test_tools_are_called_from_any_thread_and_event_loop_over_one_connection(
    place: Place, entry: dict[str, Any]
) -> None:
    registry = place.connect(bad=entry)
    tools = pinned(registry, "add", "picture")
    registry = place.connect(bad=entry | {"tools": tools})
    add = registry.get("bad.add")
    assert (add.effect, add.version[:5], add.source) == (Effect.READ, "2.1+d", "mcp:bad")
    assert call(add, {"a": 1, "b": 2}).document == {"sum": 3}

    async def several() -> list[Any]:
        results = await asyncio.gather(*(acall(add, {"a": n, "b": n}) for n in range(5)))
        return [result.document for result in results]

    assert asyncio.run(several()) == asyncio.run(several()) == [{"sum": 2 * n} for n in range(5)]
    assert call(registry.get("bad.picture"), {}).document == {
        "text": "one\ntwo",
        "attachments": [
            {"type": "image", "mime_type": "image/png", "bytes": 6},
            {"type": "resource_link", "uri": "file:///tmp/report.pdf", "name": "report"},
        ],
    }


def test_a_change_of_the_list_is_noticed_and_returns_the_tool_to_destroy(place: Place, entry: dict[str, Any]) -> None:
    registry = place.connect(bad=entry)
    registry = place.connect(bad=entry | {"tools": pinned(registry, "note", "add")})
    before = registry.get("bad.note")
    assert before.effect is Effect.READ and before.notes == ()
    run(registry.get("bad.change"), {})
    changed = until(lambda: registry.get("bad.note") is not before and registry.get("bad.note"))
    assert changed.effect is Effect.DESTROY and changed.sends_to == () and changed.version != before.version
    assert changed.description == "Write a note, and delete the rest."
    assert "than what was pinned" in changed.notes[0] and "(description) at 20" in changed.notes[1]
    assert registry.get("bad.add").effect is Effect.READ
    with pytest.raises(ToolChangedError, match="now says something else about it"):
        call(before, {"text": "x"})
    with pytest.raises(ApprovalRequiredError):
        call(changed, {"text": "x"})
    assert place.done == []


def test_what_a_server_returns_is_checked(place: Place) -> None:
    names = "wrong", "unstructured", "number", "undescribed", "large", "huge", "fail", "variable"
    tools = pins(place, *names)
    registry = place.connect(bad=place.entry(tools=tools, largest_result=50_000, largest_message=1_000_000))

    def returned(name: str, **inputs: Any) -> Any:
        return call(registry.get(f"bad.{name}"), inputs, limits=ONCE).document

    with pytest.raises(ToolOutputError, match="sum: This must be a whole number"):
        returned("wrong")
    with pytest.raises(ToolOutputError, match="no structured content"):
        returned("unstructured")
    with pytest.raises(ToolOutputError, match="60,223 bytes; at most 50,000"):
        returned("large")
    with pytest.raises(ToolFailedError, match="message of more than 1,000,000 bytes"):
        returned("huge")
    with pytest.raises(ToolFailedError, match="reported an error: cannot sign in with") as failure:
        returned("fail")
    assert toolserver.SECRET not in str(failure.value)
    assert returned("number") == {"value": 7}
    assert returned("undescribed") == {"text": ""}


# Trust


def test_hints_are_hints(place: Place) -> None:
    registry = place.connect(bad=place.entry())
    liar = registry.get("bad.delete_everything")
    assert liar.effect is Effect.DESTROY and not liar.may_repeat and liar.label == "bad: delete_everything"
    assert liar.notes[1] == "Hints of the server, which nothing here relies on: reads only, does not destroy."
    with pytest.raises(ApprovalRequiredError):
        call(liar, {})
    assert place.done == []


def test_an_entry_counts_while_the_tool_is_as_it_was_pinned(place: Place) -> None:
    good = pins(place, "add")["add"]
    sure = good | {"idempotent": True, "risk": "low", "capabilities": ["numbers"], "timeout": 5}
    sure |= {"sends_to": ["a.example"]}
    registry = place.connect(
        bad=place.entry(tools={"add": sure, "hang": {"allowed": False}}),
        other=place.entry(tools={"add": sure | {"pin": "sha256:" + "0" * 64}}),
        unpinned=place.entry(tools={"add": sure | {"pin": ""}}, others_allowed=False),
    )
    add = registry.get("bad.add")
    assert (add.effect, add.idempotent, add.risk, add.timeout, add.sends_to) == (
        Effect.READ, True, "low", 5, ("a.example",),
    )  # fmt: skip
    assert "bad.hang" not in registry and "unpinned.note" not in registry
    for prefix, words in (("other", "than what was pinned"), ("unpinned", "no pin")):
        tool = registry.get(f"{prefix}.add")
        assert (tool.effect, tool.idempotent, tool.risk, tool.sends_to) == (Effect.DESTROY, False, None, ())
        assert tool.capabilities == ("numbers",) and words in tool.notes[0]


class State(TypedDict, total=False):
    outcome: dict[str, Any]
    result: dict[str, Any]


def approved(
    tool: Tool, inputs: dict[str, Any], between: Callable[[], None], now: Callable[[], Tool]
) -> dict[str, Any]:
    """The result of a call that people approve as it was proposed, some time later."""

    def ask(state: State) -> State:
        return {"outcome": request_approval(propose(tool, inputs)).model_dump(mode="json")}

    async def act(state: State) -> State:
        return {"result": (await aapply(now(), state["outcome"])).document}

    graph = StateGraph(State).add_node("ask", ask).add_node("act", act)
    graph.add_edge(START, "ask").add_edge("ask", "act")
    compiled = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    payload = compiled.invoke({}, config)["__interrupt__"][0].value["proposal"]
    between()
    digest = digest_of(payload)
    outcome = Outcome(
        request_id="r1", verdict="approve", payload=payload, digest=digest, proposed_digest=digest,
        decided_at="2026-11-30T00:00:00Z", next_action="continue",
    )  # fmt: skip
    return dict(asyncio.run(compiled.ainvoke(Command(resume=outcome.model_dump(mode="json")), config))["result"])


def test_an_approved_call_is_made_while_the_tool_is_the_same(place: Place) -> None:
    registry = place.connect(bad=place.entry())

    def note() -> Tool:
        return registry.get("bad.note")

    assert approved(note(), {"text": "one"}, lambda: None, note) == {"text": "noted"}
    proposal = propose(note(), {"text": "one"})
    assert proposal.risk_floor == "high" and proposal.labels["tool_pin"] == pin_of(note())
    assert proposal.summary == "The MCP server `bad` describes its tool like this:\n\n> Write a note."

    # Announced: the registry has the changed tool when the approved call is made.
    old = note()

    def change() -> None:
        run(registry.get("bad.change"), {})
        until(lambda: note() is not old)

    with pytest.raises(ToolChangedError, match="changed since the call was proposed"):
        approved(note(), {"text": "two"}, change, note)
    # Not announced: the server itself is asked again, right before the call.
    old = note()
    with pytest.raises(ToolChangedError, match="now says something else"):
        approved(old, {"text": "three"}, lambda: (place.folder / "says").write_text("Now this.") and None, lambda: old)
    assert place.done == ["note one"]
