"""Tools of real MCP servers that die, hang, flood, and say what they should not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from assent.toolbox import Limits, Tool, call
from assent.toolbox.calls import run
from assent.toolbox.errors import (
    ToolFailedError,
    ToolTimeoutError,
    ToolUnavailableError,
)
from tests.processes.crew import until
from tests.sdk import toolserver
from tests.sdk.toolplace import SCRIPT, SOON, Place, listens, pins


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
    until(lambda: listens(int(port)))
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
