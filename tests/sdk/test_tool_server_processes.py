"""The processes of MCP servers: how they are started, what they see, and that all of them end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import psutil
import pytest
from pydantic import BaseModel

from assent.toolbox import Registry, tool
from assent.toolbox.calls import run
from assent.toolbox.errors import (
    ToolUnavailableError,
    UnknownToolError,
)
from assent.toolbox.mcp_entries import parsed_servers
from assent.toolbox.mcp_servers import ToolServers
from tests.processes.crew import until
from tests.processes.harness import free_port
from tests.sdk import toolserver
from tests.sdk.toolplace import SCRIPT, Place, gone


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
    until(lambda: all(gone(process) for process in processes))
    assert place.servers == []
    until(lambda: threading.active_count() <= threads)
    with pytest.raises(ToolUnavailableError, match="were closed"):
        run(registry.get("bad.note"), {"text": "x"})
    until(lambda: threading.active_count() <= threads)


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
        until(lambda: gone(server))
        helper.kill()  # it has no parent that could end it
    else:
        process.stdin.close()
        assert process.wait(60) == 0
        until(lambda: gone(server) and gone(helper))
    process.wait(60)
    process.stdout.close()
