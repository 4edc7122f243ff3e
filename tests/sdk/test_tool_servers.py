"""Tools of real MCP servers, over standard input and output and over HTTP, that misbehave in many ways."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import psutil
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel

from app.lifeline import die_with_parent_hook
from assent.contracts import Outcome
from assent.digests import digest_of
from assent.gate import request_approval
from assent.toolbox import Effect, Limits, Registry, Tool, aapply, acall, call, propose, tool
from assent.toolbox.calls import run
from assent.toolbox.errors import (
    ApprovalRequiredError,
    ToolChangedError,
    ToolFailedError,
    ToolOutputError,
    ToolTimeoutError,
    ToolUnavailableError,
    UnknownToolError,
)
from assent.toolbox.mcp_entries import parsed_servers
from assent.toolbox.mcp_servers import ToolServers
from assent.toolbox.mcp_tools import pin_of
from tests.processes.harness import free_port
from tests.sdk import toolserver

SCRIPT = Path(toolserver.__file__)
ONCE = Limits(attempts=1)
SOON = Limits(attempts=1, timeout=1.0)


def until(check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Ask again until the answer is true; gives the answer."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return found


@dataclass
class Place:
    """Servers of one test, and what they have done."""

    folder: Path
    running: list[Any] = field(default_factory=list)

    def entry(self, *options: str, **facts: Any) -> dict[str, Any]:
        """An entry of the misbehaving server, started with these options."""
        args = [str(SCRIPT), str(self.folder), *options]
        return {"command": sys.executable, "args": args, "start_seconds": 60} | facts

    def connect(self, **servers: dict[str, Any]) -> Registry:
        """A registry with the tools of these servers."""
        registry = Registry()
        found = ToolServers(parsed_servers({"servers": servers}, "a test"))
        self.running.append(found.close)
        found.attach_to(registry)
        return registry

    def listen(self) -> tuple[str, subprocess.Popen[bytes]]:
        """The misbehaving server over HTTP: its address, and its process."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.folder), "--port", str(port)],
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )
        self.running.append(lambda: (process.kill(), process.wait(60)))
        until(lambda: _listens(port))
        return f"http://127.0.0.1:{port}/mcp", process

    @property
    def servers(self) -> list[psutil.Process]:
        """The servers of this test that run as children of this process."""
        children = psutil.Process().children()
        return [child for child in children if not _gone(child) and str(self.folder) in child.cmdline()]

    @property
    def done(self) -> list[str]:
        """What was really done."""
        path = self.folder / "done"
        return path.read_text().splitlines() if path.exists() else []


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    for end in found.running:
        end()


def pinned(registry: Registry, *names: str, **facts: Any) -> dict[str, Any]:
    """Entries that declare these tools as reading, or as what `facts` say, with the pins that they have now."""
    return {name: {"effect": "read", "pin": pin_of(registry.get(f"bad.{name}"))} | facts for name in names}


def pins(place: Place, *names: str, **facts: Any) -> dict[str, Any]:
    """As `pinned`, from a connection of its own."""
    registry = place.connect(bad=place.entry())
    return pinned(registry, *names, **facts)


# Calls


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


# Failures


def test_a_server_that_dies_in_the_middle_is_started_again(place: Place) -> None:
    tools = pins(place, "add")
    registry = place.connect(bad=place.entry(tools=tools | {"die_before": {"effect": "read"}}))
    with pytest.raises(ToolFailedError) as failure:
        run(registry.get("bad.die_after"), {})
    words = str(failure.value)
    assert "exit code 7" in words and "Whether the call was carried out is not known" in words
    assert toolserver.SECRET not in words and "the password is" in words
    assert failure.value.attempts == 1 and place.done == ["die_after"]
    assert call(registry.get("bad.add"), {"a": 1, "b": 2}).document == {"sum": 3}


def test_a_reading_call_is_repeated_after_the_server_died(place: Place) -> None:
    tools = pins(place, "die_after")
    registry = place.connect(bad=place.entry(tools=tools))
    with pytest.raises(ToolFailedError) as failure:
        call(registry.get("bad.die_after"), {}, limits=Limits(attempts=2, backoff=0.01))
    assert "not known" not in str(failure.value) and place.done == ["die_after", "die_after"]


def test_an_http_server_that_dies_is_found_again_when_it_is_back(place: Place) -> None:
    url, process = place.listen()
    registry = place.connect(bad={"url": url, "start_seconds": 60})
    with pytest.raises(ToolFailedError, match="Whether the call was carried out is not known"):
        run(registry.get("bad.die_after"), {})
    process.wait(60)
    with pytest.raises(ToolUnavailableError, match="cannot be reached"):
        run(registry.get("bad.note"), {"text": "lost"})
    port = url.split(":")[2].partition("/")[0]
    again = subprocess.Popen([sys.executable, str(SCRIPT), str(place.folder), "--port", port])
    place.running.append(lambda: (again.kill(), again.wait(60)))
    until(lambda: _listens(int(port)))
    until(lambda: _works(lambda: run(registry.get("bad.note"), {"text": "found"})))
    assert place.done == ["die_after", "note found"]


def _works(work: Callable[[], Any]) -> bool:
    try:
        work()
    except ToolUnavailableError:
        return False
    return True


@pytest.mark.parametrize("name", ["hang", "stuck"])
def test_a_call_that_hangs_ends_and_the_next_one_is_made(place: Place, name: str) -> None:
    registry = place.connect(bad=place.entry(start_seconds=60))
    [server] = place.servers
    threads = threading.active_count()
    with pytest.raises(ToolTimeoutError, match="It may have been carried out all the same"):
        run(registry.get(f"bad.{name}"), {}, limits=SOON)
    with pytest.raises(ToolTimeoutError):
        asyncio.run(_late(registry.get(f"bad.{name}")))
    until(lambda: threading.active_count() <= threads + 1)  # asyncio may watch the child in a thread
    assert name in place.done
    if name == "stuck":
        os.kill(server.pid, signal.SIGKILL)
    assert run(registry.get("bad.note"), {"text": "after"}).document == {"text": "noted"}


async def _late(tool: Tool) -> None:
    from assent.toolbox.calls import arun

    await arun(tool, {}, limits=SOON)


def test_a_server_that_no_longer_answers_is_replaced(place: Place) -> None:
    tools = pins(place, "add")
    place.running.pop()()
    registry = place.connect(bad=place.entry(start_seconds=15, tools=tools))
    [server] = place.servers
    with pytest.raises(ToolTimeoutError):
        run(registry.get("bad.stuck"), {}, limits=SOON)
    server.suspend()
    added = call(registry.get("bad.add"), {"a": 1, "b": 2}, limits=Limits(attempts=1, timeout=120))
    assert added.document == {"sum": 3}
    assert not server.is_running() and len(place.servers) == 1


def test_a_list_that_fails_stops_a_call_and_disturbs_no_other(place: Place) -> None:
    registry = place.connect(bad=place.entry(start_seconds=60))
    [server] = place.servers
    ended: list[BaseException] = []

    def hang() -> None:
        try:
            run(registry.get("bad.hang"), {}, limits=Limits(timeout=120))
        except BaseException as error:
            ended.append(error)

    hanging = threading.Thread(target=hang, daemon=True)
    hanging.start()
    until(lambda: "hang" in place.done)
    (place.folder / "listless").touch()
    with pytest.raises(ToolUnavailableError, match="answered with an error"):
        run(registry.get("bad.note"), {"text": "no"})
    (place.folder / "listless").unlink()
    assert run(registry.get("bad.note"), {"text": "yes"}).document == {"text": "noted"}
    assert place.servers == [server] and not ended
    place.running.pop()()
    hanging.join(60)
    assert "ended during the call" in str(ended[0]) and place.done == ["hang", "note yes"]


def test_a_flood_of_messages_ends_the_connection(place: Place) -> None:
    registry = place.connect(bad=place.entry(protocol="legacy"))  # in which servers may announce changes unasked
    with pytest.raises(ToolFailedError, match="more than 5,000 messages in 10 s"):
        run(registry.get("bad.flood"), {}, limits=Limits(timeout=120))
    assert run(registry.get("bad.note"), {"text": "after"}).document == {"text": "noted"}


def test_hostile_schemas_stop_no_other_tool(place: Place) -> None:
    began = time.monotonic()
    registry = place.connect(bad=place.entry("--start", "hostile"))
    usable = {tool.name.removeprefix("bad.") for tool in registry}
    hostile = set(toolserver.HOSTILE)
    assert "add" in usable and not usable & hostile, usable & hostile
    assert {name for name in usable if name.startswith("out_")} == set()
    broken = registry.broken
    outputs = {f"out_{name}" for name in hostile}
    assert {f"mcp:bad.{name}" for name in hostile | outputs} <= set(broken)
    assert "several tools of this name" in broken["mcp:bad.twice"]
    assert {"mcp:bad.../up", "mcp:bad.a b"} <= set(broken)
    assert time.monotonic() - began < 60


def test_what_is_said_before_the_protocol_begins_does_no_harm(place: Place) -> None:
    registry = place.connect(bad=place.entry("--start", "garbage"))
    assert run(registry.get("bad.note"), {"text": "x"}).document == {"text": "noted"}


# Starting and ending


def test_a_server_that_cannot_be_used_stops_no_other_and_is_tried_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assent.toolbox import mcp_servers

    monkeypatch.setattr(mcp_servers, "RETRY_SECONDS", 0.0)
    program = place.folder / "server"
    registry = place.connect(
        bad=place.entry(), exits=place.entry("--start", "exit"),
        hangs=place.entry("--start", "hang", start_seconds=0.5),
        missing={"command": str(program)}, unset=place.entry(environment={"TOKEN": "SOME_UNSET_TOKEN"}),
        nobody={"url": f"http://127.0.0.1:{free_port()}/mcp"},
    )  # fmt: skip
    assert run(registry.get("bad.note"), {"text": "x"}).document == {"text": "noted"}
    broken = {place.removeprefix("mcp:"): why for place, why in registry.broken.items()}
    assert set(broken) == {"exits", "hangs", "missing", "unset", "nobody"}
    assert "exit code 1" in broken["exits"] and "no license" in broken["exits"]
    assert toolserver.SECRET not in broken["exits"]
    assert "within 0.5 s" in broken["hangs"] and "does not exist" in broken["missing"]
    assert "SOME_UNSET_TOKEN is not set" in broken["unset"] and "cannot be reached" in broken["nobody"]
    with pytest.raises(UnknownToolError, match="SOME_UNSET_TOKEN is not set"):
        registry.get("unset.note")
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {SCRIPT} {place.folder}\n")
    program.chmod(0o755)
    assert run(registry.get("missing.note"), {"text": "y"}).document == {"text": "noted"}
    assert "mcp:missing" not in registry.broken
    monkeypatch.setenv("SOME_UNSET_TOKEN", "value")

    async def waits() -> Any:
        return await registry.aget("unset.variable")

    assert run(asyncio.run(waits()), {"text": "TOKEN"}).document == {"text": "value"}


def test_a_prefix_that_is_in_use_stops_no_other_server_and_slow_ones_are_not_waited_for(place: Place) -> None:
    @tool(effect="read")
    def taken(inputs: Nothing) -> Nothing:
        """Do nothing."""
        return inputs

    registry = Registry([taken])
    slow = place.entry("--start", "hang")
    servers = ToolServers(parsed_servers({"servers": {"taken": place.entry(), "slow": slow, "bad": place.entry()}}, ""))
    place.running.append(servers.close)
    servers.attach_to(registry, patience=0.0)
    assert "already something with the name taken" in registry.broken["mcp:taken"]
    assert run(registry.get("bad.note"), {"text": "x"}).document == {"text": "noted"}
    assert registry.get("taken") is taken and set(registry.broken) == {"mcp:taken"}


class Nothing(BaseModel):
    """No inputs, and no output."""


def test_a_look_up_does_not_block_an_event_loop(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from assent.toolbox import mcp_servers

    monkeypatch.setattr(mcp_servers, "RETRY_SECONDS", 0.0)
    program = place.folder / "server"
    registry = place.connect(bad={"command": str(program), "args": [str(place.folder)], "start_seconds": 60})
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)

    async def look_up() -> None:
        with pytest.raises(UnknownToolError, match="does not exist"):  # what was known before
            registry.get("bad.note")

    asyncio.run(look_up())
    until(lambda: place.servers)  # it is being started, which nobody has waited for


def test_a_server_sees_only_the_variables_that_its_entry_names(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("OURS", "value")
    registry = place.connect(bad=place.entry(environment={"THEIRS": "OURS"}))
    variable = registry.get("bad.variable")
    seen = [run(variable, {"text": name}).document["text"] for name in ("THEIRS", "OURS", "ASSENT_DATABASE_URL")]
    assert seen == ["value", "(not set)", "(not set)"]


def test_closing_ends_servers_their_children_and_the_thread(place: Place) -> None:
    threads = threading.active_count()
    registry = place.connect(bad=place.entry(), other=place.entry("--start", "many"))
    assert len(registry) > 1_000
    found = run(registry.get("bad.helper"), {}).document["text"]
    processes = [psutil.Process(int(number)) for number in found.split()]
    place.running.pop()()
    until(lambda: all(_gone(process) for process in processes))
    assert place.servers == []
    until(lambda: threading.active_count() <= threads)
    with pytest.raises(ToolUnavailableError, match="were closed"):
        run(registry.get("bad.note"), {"text": "x"})
    until(lambda: threading.active_count() <= threads)


def _gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == "zombie"
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("ending", ["exits", "killed"])
def test_servers_end_with_the_process_that_started_them(place: Place, ending: str) -> None:
    program = (
        "import sys, time\n"
        "from assent.toolbox import Registry\n"
        "from assent.toolbox.calls import run\n"
        "from assent.toolbox.mcp_entries import parsed_servers\n"
        "from assent.toolbox.mcp_servers import ToolServers\n"
        f"servers = ToolServers(parsed_servers({{'servers': {{'bad': {place.entry()!r}}}}}, ''))\n"
        "registry = Registry()\n"
        "servers.attach_to(registry)\n"
        "print(run(registry.get('bad.helper'), {}).document['text'], flush=True)\n"
        "if sys.argv[1] == 'killed':\n"
        "    run(registry.get('bad.stuck'), {})\n"
        "sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", program, ending], stdin=pipe, stdout=pipe, cwd=SCRIPT.parents[2])
    assert process.stdin and process.stdout
    server, helper = (psutil.Process(int(number)) for number in process.stdout.readline().split())
    if ending == "killed":
        until(lambda: "stuck" in place.done)  # so that it does not notice that its standard input has ended
        process.kill()
        until(lambda: _gone(server))
        helper.kill()  # it has no parent that could end it
    else:
        process.stdin.close()
        assert process.wait(60) == 0
        until(lambda: _gone(server) and _gone(helper))
    process.wait(60)
    process.stdout.close()
