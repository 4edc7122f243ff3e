"""Requests for which nobody waits any more: canceled calls, time that has passed, and programs that end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from assent import Assent, AsyncAssent, Outcome, ToolCall, WaitTimeoutError, requires_approval
from assent.withdrawal import ENDED, STOPPED
from tests.processes.harness import ROOT, environment
from tests.sdk.conftest import Portal, Running

pytestmark = pytest.mark.processes


def call(title: str) -> ToolCall:
    """A proposal."""
    return ToolCall(title=title, tool="send_mail", args={"to": "a@example.org"})


def gated(client: Any, title: str, **options: Any) -> Any:
    """An async function behind a gate."""

    @requires_approval(client, title=title, **options)
    async def send(to: str) -> str:
        return f"sent to {to}"

    return send


def state(portal: Portal, title: str) -> tuple[str, str]:
    """The state of the newest request of that title, and why."""
    found = portal.reviewer.get(f"{portal.web.url}/api/v1/approvals?status=resolved&text={title}").json()["items"]
    [request] = [portal.request(item["id"]) for item in found if item["title"] == title]
    return request["state"], request["note"]


def test_an_async_call_that_is_canceled_withdraws_its_request_and_one_with_a_key_does_not(portal: Portal) -> None:
    gone, kept = str(uuid.uuid4()), str(uuid.uuid4())

    async def work() -> str:
        async with AsyncAssent(portal.web.url, portal.token) as client:
            calls = [gated(client, gone), gated(client, kept, idempotency_key=lambda to: f"mail {to} {kept}")]
            waiting = [asyncio.create_task(send("you")) for send in calls]
            for title in (gone, kept):
                await asyncio.to_thread(portal.asked, title)
            for task in waiting:
                task.cancel()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(error, asyncio.CancelledError) for error in ended)
            # The next program continues with the request of the other one.
            again = asyncio.create_task(calls[1]("you"))
            await asyncio.to_thread(lambda: portal.decide(portal.asked(kept)["id"]))
            return str(await again)

    assert asyncio.run(work()) == "sent to you"
    found, note = state(portal, gone)
    assert found == "cancelled" and STOPPED in note


def test_a_call_that_is_canceled_while_its_request_is_opened_leaves_none(portal: Portal) -> None:
    title = str(uuid.uuid4())

    async def work() -> None:
        async with AsyncAssent(portal.web.url, portal.token) as client:
            sent, go_on = asyncio.Event(), asyncio.Event()

            async def hold(response: httpx.Response) -> None:
                # The portal has opened the request, and the client does not know it yet.
                if response.request.url.path.endswith("/approvals"):
                    sent.set()
                    await go_on.wait()

            client._http.event_hooks = {"response": [hold]}
            task = asyncio.create_task(gated(client, title)("you"))
            await sent.wait()
            task.cancel()
            await asyncio.sleep(0)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert state(portal, title)[0] == "cancelled"


def test_time_that_has_passed_withdraws(portal: Portal, client: Assent) -> None:
    title = str(uuid.uuid4())

    @requires_approval(client, title=title, timeout=0.2)
    def send(to: str) -> None: ...

    with pytest.raises(WaitTimeoutError):
        send("you")
    assert state(portal, title)[0] == "cancelled"


def test_a_block_withdraws_what_was_not_decided_in_it(portal: Portal, client: Assent) -> None:
    undecided, decided, later = (str(uuid.uuid4()) for _ in range(3))
    with pytest.raises(KeyError), client.approvals.request(call(undecided)):
        raise KeyError
    with client.approvals.request(call(decided)) as request:
        portal.decide(request.id)
        assert request.wait().approved
    assert portal.request(request.id)["state"] == "approved"

    async def work() -> None:
        other = AsyncAssent(portal.web.url, portal.token)
        async with other, await other.approvals.request(call(later)) as request:
            assert (await request.status()).state == "pending"

    asyncio.run(work())
    assert [state(portal, title)[0] for title in (undecided, later)] == ["cancelled"] * 2


def test_what_is_decided_while_it_is_withdrawn_and_a_portal_that_is_away_are_no_errors(
    portal: Portal, client: Assent
) -> None:
    with client.approvals.request(call(str(uuid.uuid4()))) as request:
        portal.decide(request.id)
    assert portal.request(request.id)["state"] == "approved"
    away = Assent("http://127.0.0.1:9", portal.token, patience=0.1)
    with pytest.raises(KeyError), away.approvals.get(request.id):
        away.close()
        raise KeyError


PROGRAM = """
import asyncio, sys, threading
from assent import Assent, AsyncAssent, requires_approval
from assent.withdrawal import _waited_for

url, token, first, second, third = sys.argv[1:]
made = []

@requires_approval(Assent(url, token), title=first)
def in_a_thread(to: str) -> None: ...

threading.Thread(target=in_a_thread, args=("you",), daemon=True).start()

async def wait_with(title: str, others: int) -> None:
    @requires_approval(AsyncAssent(url, token), title=title)
    async def in_a_task(to: str) -> None: ...

    made.append(asyncio.create_task(in_a_task("you")))
    while len(_waited_for) <= others:
        await asyncio.sleep(0.01)

loop = asyncio.new_event_loop()
loop.run_until_complete(wait_with(second, 1))  # and is left
asyncio.run(wait_with(third, 2))
"""


def test_a_program_that_ends_withdraws_what_it_waits_for(portal: Portal) -> None:
    titles = [str(uuid.uuid4()) for _ in range(3)]
    subprocess.run(
        [sys.executable, "-c", PROGRAM, portal.web.url, portal.token, *titles], env=environment(), cwd=ROOT, check=True,
        timeout=120,
    )  # fmt: skip
    found = [state(portal, title) for title in titles]
    assert [state for state, _ in found] == ["cancelled"] * 3
    assert ENDED in found[0][1] and ENDED in found[1][1] and STOPPED in found[2][1]


def test_a_rejection_becomes_a_value(portal: Portal, client: Assent, beside: Callable[..., Running]) -> None:
    title = str(uuid.uuid4())

    @requires_approval(client, title=title, rejected=str)
    def send(to: str) -> str:
        return "sent"

    running = beside(lambda: send("you"))
    request = portal.asked(title)
    portal.decide(request["id"], "reject", comment="Not on a Sunday.")
    assert running.get() == "Not approved (reject): DBA on call: Not on a Sunday."
    assert portal.request(request["id"])["receipt"]["status"] == "not_applied"
    other = str(uuid.uuid4())

    async def work() -> Outcome:
        async with AsyncAssent(portal.web.url, portal.token) as agent:
            return await gated(agent, other, rejected=lambda error: error.outcome)("you")

    running = beside(lambda: asyncio.run(work()))
    portal.decide(portal.asked(other)["id"], "reject")
    assert running.get().verdict == "reject"


def test_a_rejection_of_a_generator_has_no_value(client: Assent) -> None:
    with pytest.raises(TypeError, match="rejected"):

        @requires_approval(client, rejected=str)
        def several() -> Any:
            yield 1


def test_a_request_is_found_by_its_key(portal: Portal, client: Assent) -> None:
    key = f'nightly "mail" & more/{uuid.uuid4()}'
    assert client.approvals.find(key) is None
    opened = client.approvals.request(call(key[:100]), idempotency_key=key)
    found = client.approvals.find(key)
    assert found is not None and found.id == opened.id and found.status().state == "pending"
    portal.decide(opened.id, "reject")

    async def work() -> Outcome:
        async with AsyncAssent(portal.web.url, portal.token) as other:
            assert await other.approvals.find("nobody's key") is None
            again = await other.approvals.find(key)
            assert again is not None
            return await again.wait()

    assert asyncio.run(work()).verdict == "reject"
    client.approvals.get(opened.id).report("not_applied")
    report = f"/api/v1/approvals/{opened.id}/comments"
    other = str(uuid.uuid4())
    answer = httpx.post(
        portal.web.url + report, json={"comment": "Seen."},
        headers={"Authorization": f"Bearer {portal.token}", "Idempotency-Key": other},
    )  # fmt: skip
    assert answer.status_code == 201 and client.approvals.find(other) is None, "what it made is no request"


BREAKS = ["assent_agent_x\n", "\nassent_agent_x", "assent_agent_x\r\n", "a b", "", "tökén", "x\x00"]


@pytest.mark.parametrize("token", BREAKS)
def test_a_token_that_cannot_be_sent_is_refused_at_once(token: str) -> None:
    for kind in (Assent, AsyncAssent):
        with pytest.raises(ValueError, match=r"^The token ") as told:
            kind("http://127.0.0.1:9", token)
        assert not token or token.strip() not in str(told.value), "it may be secret"


@pytest.mark.parametrize("key", ["nightly\n", "a\nb", "\r", " nightly", "schlüssel", "k" * 256])
def test_a_key_that_cannot_be_sent_is_refused_at_once(client: Assent, key: str) -> None:
    with pytest.raises(ValueError, match=r"^The idempotency key "):
        client.approvals.request(call("never"), idempotency_key=key)
    with pytest.raises(ValueError, match=r"^The idempotency key "):
        client.approvals.ask(3, idempotency_key=key)
    with pytest.raises(ValueError, match=r"^The idempotency key "):
        client.approvals.find(key)

    @requires_approval(client, idempotency_key=lambda to: key)
    def send(to: str) -> None: ...

    with pytest.raises(ValueError, match=r"^The idempotency key "):
        send("you")


def test_an_address_that_cannot_be_called_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"address .* line break"):
        Assent("http://127.0.0.1:9\n", "assent_agent_x")
