"""`assent hook` as a coding agent starts it: a real process, a real portal, and everything that can go wrong."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.domain.people import SYSTEM, Role
from app.domain.tokens import Scope, TokenKind
from app.services.bundle import Services
from assent.hooks.limits import LIMITS
from tests.factories import make_person, make_token
from tests.processes.harness import ROOT, environment
from tests.sdk.conftest import Holder, Portal, Running
from tests.unit.test_hook_formats import CALLS
from tests.webprocess import free_port

POLICY = """\
version: 1
rules:
  - name: No force
    when: '"command" in args && args.command.contains("--force")'
    decide: reject
    reason: Nobody pushes with force.
default: {deadline: 1 day}
"""
DENIALS = {
    "claude-code": ("hookSpecificOutput", "permissionDecisionReason"),
    "codex": ("hookSpecificOutput", "permissionDecisionReason"),
    "gemini-cli": ("reason",), "cursor": ("user_message",),
}  # fmt: skip
BUSY = 30.0
"""Seconds within which a command has ended that gives up after five or less, on a busy machine. A command that does not
know its limit would wait longer."""
RISKY = "psql -h db.example.com shop -c 'delete from orders where paid'"


@pytest.fixture(scope="module")
def token(portal: Portal, services: Services) -> str:
    """A coding agent's token."""
    services.policies.load(SYSTEM, POLICY, "policies.yaml")
    owner = make_person(services.sessions, "Developer", [Role.REVIEWER])
    return make_token(Holder(services), owner, TokenKind.AGENT, [Scope.APPROVALS_REQUEST], name="Coding agent")  # type: ignore[arg-type]


def hook(agent: str, call: dict[str, Any] | str, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    sent = call if isinstance(call, str) else json.dumps(call)
    return subprocess.run(
        [sys.executable, "-m", "assent.hooks", agent, *options], input=sent, capture_output=True, text=True,
        env=environment(**({"HOME": "/nonexistent"} | settings)), cwd=ROOT, timeout=120,
    )  # fmt: skip


def calling(agent: str, command: str, **more: Any) -> dict[str, Any]:
    """A call of a shell, as the agent describes it."""
    return CALLS[agent] | {"tool_input": {"command": command}, "tool_use_id": f"use {time.monotonic_ns()}"} | more


def refusal(agent: str, done: subprocess.CompletedProcess[str]) -> str:
    """The reason of a denial in the agent's format."""
    assert (done.returncode, done.stderr) == (0, "")
    answer: Any = json.loads(done.stdout)
    for name in DENIALS[agent]:
        answer = answer[name]
    return str(answer)


def blocked(done: subprocess.CompletedProcess[str]) -> str:
    """What it says about a call that is not made although nobody decided so."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "The call is not made." in done.stderr
    return done.stderr


@pytest.mark.parametrize("agent", LIMITS)
def test_a_rule_decides_at_once(agent: str, portal: Portal, token: str) -> None:
    done = hook(agent, calling(agent, "git push --force"), ASSENT_URL=portal.web.url, ASSENT_TOKEN=token)
    assert "Nobody pushes with force." in refusal(agent, done)


@pytest.mark.parametrize("agent", LIMITS)
def test_people_decide_while_it_waits(agent: str, portal: Portal, token: str) -> None:
    command = f"{RISKY} -- {agent}"
    call = calling(agent, command)
    waiting = Running(lambda: hook(agent, call, ASSENT_URL=portal.web.url + "/", ASSENT_TOKEN=token))
    portal.decide(portal.asked(f"{call['tool_name']}: {command}")["id"])
    done = waiting.get()
    assert (done.returncode, done.stderr) == (0, "")
    assert "deny" not in done.stdout and json.loads(done.stdout) is not None


@pytest.mark.parametrize("agent", LIMITS)
def test_unanswered_is_denied_before_the_agents_limit(agent: str, portal: Portal, token: str) -> None:
    done = hook(
        agent, calling(agent, f"{RISKY} -- {agent}"), "--limit", "8", ASSENT_URL=portal.web.url, ASSENT_TOKEN=token
    )
    assert re.match(r"Nobody decided in the [1-7] s that", refusal(agent, done))


@pytest.mark.parametrize("agent", LIMITS)
def test_an_unreachable_portal_blocks_the_call(agent: str) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    done = hook(agent, CALLS[agent], "--limit", "4", ASSENT_URL=address, ASSENT_TOKEN="assent_agent_x")
    assert "does not answer" in blocked(done)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("agent", LIMITS)
def test_a_portal_that_hangs_blocks_the_call_in_time(agent: str, silent: str) -> None:
    began = time.monotonic()
    done = hook(agent, CALLS[agent], "--limit", "5", ASSENT_URL=silent, ASSENT_TOKEN="assent_agent_x")
    blocked(done)
    assert time.monotonic() - began < BUSY


@pytest.fixture
def endless() -> Iterator[str]:
    """The address of a server whose answer never ends: each part of it comes in time."""
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not stopped.wait(0.1):
                    self.wfile.write(b" ")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        stopped.set()
        server.shutdown()


@pytest.mark.parametrize(
    ("event", "code", "words"), [("PreToolUse", 2, "The call is not made."), ("PostToolUse", 0, "is not recorded.")]
)
def test_an_answer_that_never_ends_is_given_up_in_time(endless: str, event: str, code: int, words: str) -> None:
    began = time.monotonic()
    call = CALLS["claude-code"] | {"hook_event_name": event}
    done = hook("claude-code", call, "--limit", "4", ASSENT_URL=endless, ASSENT_TOKEN="assent_agent_x")
    assert (done.returncode, done.stdout) == (code, "") and time.monotonic() - began < BUSY
    assert done.stderr.startswith("Assent: There was no answer in time.") and done.stderr.strip().endswith(words)


def test_standard_input_that_never_ends_blocks_the_call_in_time() -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "assent.hooks", "codex", "--limit", "3"], stdin=reader, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT,
    ) as process:  # fmt: skip
        _, errors = process.communicate(timeout=60)
    os.close(reader)
    os.close(writer)
    assert process.returncode == 2 and "no answer in time" in errors


@pytest.mark.parametrize(
    ("call", "settings", "complaint"),
    [
        ("", {}, "refused"), ("{", {}, "refused"), ("[]", {}, "refused"),
        ('{"hook_event_name": "Stop"}', {}, "refused"),
        (CALLS["codex"], {"ASSENT_TOKEN": "assent_agent_wrong"}, "refused"),
        (CALLS["codex"], {"ASSENT_TOKEN": ""}, "ASSENT_TOKEN is not set"),
        (CALLS["codex"], {"ASSENT_URL": ""}, "ASSENT_URL is not set"),
        (CALLS["codex"], {"ASSENT_URL": "ftp://x"}, "not an address"),
        (CALLS["codex"], {"ASSENT_URL": "http://[::1"}, "not an address"),
        (CALLS["codex"], {"ASSENT_TOKEN": "assent_person_x"}, "a person's token"),
        (CALLS["codex"], {"ASSENT_TOKEN": "a\nb"}, "not a token"),
    ],
    ids=str,
)  # fmt: skip
def test_whatever_is_wrong_blocks_the_call(
    call: Any, settings: dict[str, str], complaint: str, portal: Portal, token: str
) -> None:
    done = hook("codex", call, **({"ASSENT_URL": portal.web.url, "ASSENT_TOKEN": token} | settings))
    assert complaint in blocked(done)


@pytest.mark.parametrize("arguments", [["nobody"], ["codex", "--limit"], ["codex", "--limit", "x"], ["codex", "x"]])
def test_wrong_arguments_block_the_call(arguments: list[str]) -> None:
    blocked(hook(arguments[0], "{}", *arguments[1:]))


def test_a_hook_after_the_call_blocks_nothing() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    call = CALLS["claude-code"] | {"hook_event_name": "PostToolUse"}
    done = hook("claude-code", call, "--limit", "4", ASSENT_URL=address, ASSENT_TOKEN="assent_agent_x")
    assert (done.returncode, done.stdout) == (0, "") and "not recorded" in done.stderr


def test_the_token_may_lie_in_the_users_own_file_alone(portal: Portal, token: str, tmp_path: Path) -> None:
    path = tmp_path / "assent" / "hook.env"
    path.parent.mkdir()
    path.write_text(f"# the portal\nASSENT_URL={portal.web.url}\nASSENT_TOKEN={token}\n")
    path.chmod(0o600)
    done = hook("codex", calling("codex", "git push --force"), XDG_CONFIG_HOME=str(tmp_path))
    assert "Nobody pushes with force." in refusal("codex", done)
    path.chmod(0o644)
    assert "others may read it" in blocked(hook("codex", CALLS["codex"], XDG_CONFIG_HOME=str(tmp_path)))


def test_the_portals_command_line_has_it_too_and_loads_nothing_for_it(portal: Portal, token: str) -> None:
    code = (
        "import sys; sys.argv = ['assent', 'hook', 'codex']\n"
        "from app.cli.start import main\n"
        "try: main()\n"
        "finally: print(*sorted({'click', 'pydantic', 'httpx', 'app.settings', 'app.cli.main'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(calling("codex", "git push --force")), capture_output=True,
        env=environment(ASSENT_URL=portal.web.url, ASSENT_TOKEN=token), cwd=ROOT, text=True, timeout=60,
    )  # fmt: skip
    answer, loaded = done.stdout.rsplit("}", 1)
    assert "Nobody pushes with force." in answer and loaded.strip() == ""
