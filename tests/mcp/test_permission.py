"""The permission prompt of coding agents, over each transport and protocol."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress
from datetime import timedelta

import anyio
import pytest
from mcp import Client

from app.services.bundle import build_services
from app.services.clock import system_clock
from assent import Assent, Verdict
from assent.mcp.callers import Callers
from assent.mcp.server import build_server
from assent.mcp.tools import Tools
from assent.mcp.waits import GAVE_UP
from tests.mcp.conftest import Desk, HttpServer, answer, aside, run

pytestmark = pytest.mark.processes


def use(command: str = "") -> dict:
    """A use of a tool, as Claude Code asks about it."""
    command = command or f"deploy {uuid.uuid4()}"
    given = {"command": command, "description": "Deploys"}
    return {"tool_name": "Bash", "input": given, "tool_use_id": f"toolu_{uuid.uuid4().hex}"}


def title(asked: dict) -> str:
    """What people see of it in one line."""
    return f"Bash: {asked['input']['command']}"


def prompt(desk, asked: dict, decide) -> dict:
    """Ask, have `decide` called with the request once it is there, and return the answer."""

    async def work():
        async with desk.client() as client:
            asking = asyncio.create_task(client.call_tool("permission_prompt", asked))
            request = await aside(desk.portal.asked, title(asked))
            await aside(decide, request)
            return answer(await asking)

    return run(work())


def test_approved_runs_as_it_stands(desk):
    asked = use()

    def decide(request):
        assert (request["kind"], request["payload"]["tool"]) == ("tool_call", "Bash")
        assert request["agent"] == "Deploy agent"
        desk.portal.decide(request["id"])

    assert prompt(desk, asked, decide) == {"behavior": "allow", "updatedInput": asked["input"]}


def test_changed_arguments_come_back(stdio):
    changed = {"command": "deploy --dry-run"}
    told = prompt(stdio, use(), lambda r: stdio.portal.decide(r["id"], "modify", change={"args": changed}))
    assert told == {"behavior": "allow", "updatedInput": changed}


def test_secrets_stay_here_and_come_back(stdio):
    secret = "ghp_" + "a1B2" * 10
    name = str(uuid.uuid4())
    asked = use(f"push {name}")
    asked["input"]["token"] = secret

    def decide(request):
        assert secret not in str(request)
        stdio.portal.decide(request["id"])

    assert prompt(stdio, asked, decide)["updatedInput"]["token"] == secret


@pytest.mark.parametrize(
    ("verdict", "words"), [("reject", "did not approve"), ("request_changes", "requested changes")]
)
def test_not_approved_is_denied_with_the_words(stdio, verdict, words):
    told = prompt(stdio, use(), lambda r: stdio.portal.decide(r["id"], verdict, comment="Not on a Friday."))
    assert told["behavior"] == "deny"
    assert words in told["message"] and "DBA on call: Not on a Friday." in told["message"]


def test_expired_is_denied(stdio, services):
    later = build_services(services.engine, lambda: system_clock() + timedelta(days=2))

    def decide(request):
        while later.checkpoints.keep(request["id"]):
            pass

    told = prompt(stdio, use(), decide)
    assert told["behavior"] == "deny" and "Expired without a decision" in told["message"]
    assert "expired before it was decided" in told["message"] and "People" not in told["message"]


class Silent:
    """What a tool knows of its call, over a connection that nobody listens to."""

    headers: dict[str, str] = {}  # noqa: RUF012

    async def report_progress(self, progress: float, message: str) -> None:
        """Nobody listens."""


def test_a_portal_that_cannot_be_reached_has_not_refused(portal, monkeypatch):
    monkeypatch.setattr("assent.mcp.tools.PERMISSION_PATIENCE", 0.2)
    told = json.loads(run(Tools(Callers("http://127.0.0.1:9", portal.token)).permission_prompt(Silent(), **use())))
    assert told["behavior"] == "deny" and told["message"].startswith("There was no decision")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "tool_name"),
        ({"tool_name": "Bash"}, "input"),
        ({"tool_name": 7, "input": {}}, "tool_name"),
        ({"tool_name": "Bash", "input": "rm -rf /tmp/x"}, "input"),
        ({"tool_name": "Bash", "input": ["rm", "ghp_" + "a1B2" * 10]}, "input"),
        ({"tool_name": "Bash", "input": {}, "tool_use_id": {}}, "tool_use_id"),
        ({"tool_name": "", "input": {}}, "tool"),
        ({"tool_name": "B" * 10_000, "input": {}}, "tool"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_denied_as_json(portal, given, named):
    server = build_server(Tools(Callers(portal.web.url, portal.token)))

    async def work():
        async with Client(server) as client:
            return await client.call_tool("permission_prompt", given)

    told = answer(run(work()))
    assert told["behavior"] == "deny" and named in told["message"] and "ghp_" not in told["message"]


def test_withdrawn_on_the_page_is_denied_with_who_and_why(stdio):
    def withdraw(request):
        address = f"{stdio.portal.web.url}/api/v1/approvals/{request['id']}/cancel"
        assert stdio.portal.reviewer.post(address, json={"reason": "Wrong branch."}).status_code == 200

    asked = use()
    told = prompt(stdio, asked, withdraw)
    assert told["behavior"] == "deny" and "canceled before it was decided" in told["message"]
    assert "DBA on call: Wrong branch." in told["message"] and "People" not in told["message"]
    assert prompt(stdio, asked, lambda request: stdio.portal.decide(request["id"]))["behavior"] == "allow"


def test_a_withdrawn_prompt_that_is_asked_again_is_a_new_request(desk):
    asked = use()

    async def work():
        withdrawn = []
        async with desk.client() as client:
            for _ in range(2):
                asking = asyncio.create_task(client.call_tool("permission_prompt", asked))
                withdrawn.append(await aside(desk.portal.asked, title(asked)))
                asking.cancel()
                with Assent(desk.portal.web.url, desk.portal.token) as agent:
                    await aside(agent.approvals.get(withdrawn[-1]["id"]).wait, 30)
            asking = asyncio.create_task(client.call_tool("permission_prompt", asked))
            request = await aside(desk.portal.asked, title(asked))
            await aside(desk.portal.decide, request["id"])
            return [*withdrawn, request], answer(await asking)

    requests, told = run(work())
    assert len({request["id"] for request in requests}) == 3 and told["behavior"] == "allow"
    assert [desk.portal.request(request["id"])["state"] for request in requests[:2]] == ["cancelled"] * 2


def test_a_prompt_that_is_cancelled_does_not_end_the_same_one_elsewhere(stdio):
    asked = use()

    async def work():
        async with stdio.client() as client:
            first = asyncio.create_task(client.call_tool("permission_prompt", asked))
            request = await aside(stdio.portal.asked, title(asked))
            told = asyncio.Event()

            async def hear(progress, total, message):
                if request["id"] in message:
                    told.set()

            second = asyncio.create_task(client.call_tool("permission_prompt", asked, progress_callback=hear))
            await told.wait()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            # The server has heard of the cancellation once it answers what was sent after it.
            await client.call_tool("approval_status", {"id": request["id"]})
            await aside(stdio.portal.decide, request["id"])
            return answer(await second)

    assert run(work())["behavior"] == "allow"


def test_a_prompt_in_the_moment_in_which_an_earlier_one_is_withdrawn_asks_again(stdio):
    """As where a server was killed, and another one withdraws what it had asked."""
    asked = use()

    async def work():
        async with stdio.client() as client:
            asking = asyncio.create_task(client.call_tool("permission_prompt", asked))
            first = await aside(stdio.portal.asked, title(asked))
            with Assent(stdio.portal.web.url, stdio.portal.token) as agent:
                await aside(agent.approvals.get(first["id"]).cancel, GAVE_UP)
            second = await aside(stdio.portal.asked, title(asked))
            await aside(stdio.portal.decide, second["id"])
            return first, second, answer(await asking)

    first, second, told = run(work())
    assert first["id"] != second["id"] and told["behavior"] == "allow"


def test_cancelled_is_withdrawn(desk):
    asked = use()

    async def work():
        async with desk.client() as client:
            asking = asyncio.create_task(client.call_tool("permission_prompt", asked))
            request = await aside(desk.portal.asked, title(asked))
            asking.cancel()
            with Assent(desk.portal.web.url, desk.portal.token) as agent:
                outcome = await aside(agent.approvals.get(request["id"]).wait, 30)
            return request["id"], outcome

    request_id, outcome = run(work())
    assert outcome.verdict == Verdict.REJECT
    now = desk.portal.request(request_id)
    assert now["state"] == "cancelled" and "stopped waiting" in now["note"]


async def left_alone(desk, leave) -> str:
    """The request of a prompt whose client is gone, or whose server is, before anybody has decided."""
    asked, found = use(), []
    with suppress(ExceptionGroup):  # the client's own words for a server that is gone
        async with desk.client() as client:
            asking = asyncio.create_task(client.call_tool("permission_prompt", asked))
            found.append(await aside(desk.portal.asked, title(asked)))
            await leave()
    await asyncio.gather(asking, return_exceptions=True)
    [request] = found
    with Assent(desk.portal.web.url, desk.portal.token) as agent:
        assert (await aside(agent.approvals.get(request["id"]).wait, 30)).verdict == Verdict.REJECT
    return str(request["id"])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_that_ends_withdraws(stdio, mode):
    async def leave():
        pass

    gone = run(left_alone(Desk(stdio.portal, "stdio", mode, stdio.http), leave))
    assert stdio.portal.request(gone)["state"] == "cancelled"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_server_that_is_stopped_withdraws(portal, mode):
    server = HttpServer(portal.web.url)
    gone = run(left_alone(Desk(portal, "http", mode, server), lambda: aside(server.stop)))
    assert portal.request(gone)["state"] == "cancelled"


def test_the_same_use_asked_again_is_the_same_request(stdio):
    asked = use()

    async def work():
        async with stdio.client() as client:
            async with anyio.create_task_group() as group:
                answers = []

                async def ask():
                    answers.append(answer(await client.call_tool("permission_prompt", asked)))

                group.start_soon(ask)
                request = await aside(stdio.portal.asked, title(asked))
                group.start_soon(ask)
                await aside(stdio.portal.decide, request["id"])
            async with stdio.client() as another:
                answers.append(answer(await another.call_tool("permission_prompt", asked)))
            return answers

    assert [answer["behavior"] for answer in run(work())] == ["allow"] * 3
    assert title(asked) not in [request["title"] for request in stdio.portal.pending()]


def test_the_portal_is_killed_and_started_again_while_progress_goes_on(desk):
    asked = use()

    async def work():
        told, again = [], asyncio.Event()

        async def hear(progress, total, message):
            told.append((progress, message))
            if len(told) >= 2:
                again.set()

        async with desk.client() as client:
            call = client.call_tool("permission_prompt", asked, progress_callback=hear)
            asking = asyncio.create_task(call)
            request = await aside(desk.portal.asked, title(asked))
            await aside(desk.portal.web.kill)
            await again.wait()
            await aside(desk.portal.web.start)
            await aside(desk.portal.decide, request["id"])
            return request["id"], told, answer(await asking)

    request_id, told, answered = run(work())
    assert answered["behavior"] == "allow"
    assert told[1][0] > told[0][0] and request_id in told[-1][1]
