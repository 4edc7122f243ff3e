"""The clients against a real web process: asked, waited for, killed, started again."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import socket
import subprocess
import sys
import uuid
from typing import Any

import httpx
import pytest

from app.domain.people import SYSTEM
from app.lifeline import die_with_parent_hook
from app.store import notify as stored
from assent import (
    AgUi,
    ApiError,
    Assent,
    AsyncAssent,
    Call,
    Callback,
    CallReceipt,
    ReceiptStatus,
    Script,
    ToolCall,
    ToolCalls,
    Verdict,
    WaitTimeoutError,
)
from assent.errors import ConflictError, InvalidError, NotFoundError, SignInError
from tests.processes.harness import ROOT, environment

pytestmark = pytest.mark.processes

CLIENT = """
import json, sys
from assent import Assent, ToolCall
url, token, key = sys.argv[1:]
request = Assent(url, token).approvals.request(ToolCall(title=key, tool="send"), idempotency_key=key)
print(request.id, flush=True)
print(json.dumps(request.wait(60).model_dump(mode="json")), flush=True)
"""


def named(title: str = "") -> ToolCall:
    """A proposal of that title, or of one of its own."""
    return ToolCall(title=title or str(uuid.uuid4()), tool="send_mail", args={"to": "a@example.org"})


@pytest.fixture
def client(portal):
    """A client of the portal."""
    with Assent(portal.web.url, portal.token) as made:
        yield made


def test_asked_approved_reported(portal, client, beside):
    request = client.approvals.request(named(), workflow="newsletter")
    assert request.url == f"{portal.web.url}/requests/{request.id}"
    assert portal.reviewer.get(request.url).status_code == 200
    waiting = beside(request.wait)
    portal.decide(request.id)
    outcome = waiting.get()
    assert outcome.approved and outcome.payload["args"] == {"to": "a@example.org"}
    request.report(ReceiptStatus.APPLIED, "Sent.", {"mails": 1})
    receipt = portal.request(request.id)["receipt"]
    assert (receipt["status"], receipt["summary"], receipt["detail"]) == ("applied", "Sent.", {"mails": 1})


def test_each_call_of_a_batch_has_its_receipt(portal, client):
    calls = [Call(id=name, tool="send_mail") for name in "ab"]
    request = client.approvals.request(ToolCalls(title=str(uuid.uuid4()), calls=calls))
    portal.decide(request.id)
    assert request.wait().approved
    request.report_calls([CallReceipt(id="a", status="applied"), CallReceipt(id="b", status="failed", summary="No.")])
    receipt = portal.request(request.id)["receipt"]
    assert receipt["status"] == "partly_applied"
    assert [(call["id"], call["status"]) for call in receipt["detail"]["calls"]] == [("a", "applied"), ("b", "failed")]


def test_who_wants_to_be_called_instead(portal, services, client):
    secret = "whsec_" + base64.b64encode(bytes(24)).decode()
    where = Callback("https://agent.example.com/run", secret, AgUi("a conversation", "int-1"))
    request = client.approvals.request(named(), callback=where)
    asked = client.approvals.ask(3, callback=Callback("https://agent.example.com/settled", secret))

    async def called() -> str:
        async with AsyncAssent(portal.web.url, portal.token) as other:
            return (await other.approvals.request(named(), callback=where)).id

    again = asyncio.run(called())
    with services.sessions() as session:
        kept = [session.get_one(stored.CallbackRow, callback_id) for callback_id in (request.id, asked.id, again)]
    answers = {"thread_id": "a conversation", "interrupt_id": "int-1"}
    assert [callback.ag_ui for callback in kept] == [answers, None, answers]
    assert all("agent.example.com" in callback.shown for callback in kept) and secret not in repr(where)


def test_a_callback_that_cannot_be_used(client):
    with pytest.raises(InvalidError) as refused:
        client.approvals.request(named(), callback=Callback("https://agent.example.com/settled", "short"))
    assert "callback.secret" in str(refused.value.document)


def test_a_rejection_is_an_outcome(portal, client):
    request = client.approvals.request(named())
    portal.decide(request.id, "reject")
    outcome = request.wait()
    assert (outcome.verdict, outcome.approved) == (Verdict.REJECT, False)
    assert outcome.comment == "DBA on call: So be it."


def test_nobody_decides_in_time_and_waiting_is_taken_up_again(portal, client):
    request = client.approvals.request(named())
    with pytest.raises(WaitTimeoutError):
        request.wait(0.2)
    assert (request.status().state, request.status().resolved, request.status().outcome) == ("pending", False, None)
    portal.decide(request.id)
    assert request.status().resolved and request.status().outcome.approved
    assert client.approvals.get(request.id).wait().approved


def test_an_outcome_is_not_handed_to_a_client_that_has_gone(portal, client, beside):
    request = client.approvals.request(named())
    path = f"/api/v1/approvals/{request.id}/outcome?wait=60"
    with socket.create_connection(("127.0.0.1", portal.web.port)) as gone:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {portal.token}\r\n\r\n"
        gone.sendall(head.encode())
    looking = beside(lambda: portal.reviewer.get(portal.web.url + path).json())
    portal.decide(request.id)
    assert looking.get()["resolved"]
    assert portal.request(request.id)["receipt"] is None
    assert request.wait().approved
    assert portal.request(request.id)["receipt"]["status"] == "delivered"


def test_what_was_asked_is_taken_back(client):
    request = client.approvals.request(named())
    request.cancel("No longer needed.")
    assert request.wait().verdict == Verdict.REJECT
    with pytest.raises(ConflictError):
        request.cancel()


def test_secrets_stay_here_and_come_back(portal, client):
    secret = "ghp_" + "a1B2" * 10
    request = client.approvals.request(Script(title="Push", language="bash", content=f"push {secret}"))
    assert secret not in json.dumps(portal.request(request.id))
    portal.decide(request.id)
    assert request.wait().payload["content"] == f"push {secret}"


def test_refusals_have_types(portal, client):
    with Assent(portal.web.url, "assent_agent_" + "0" * 64) as stranger:
        with pytest.raises(SignInError) as told:
            stranger.approvals.request(named())
        assert (told.value.status, told.value.code) == (401, "token_invalid")
        with pytest.raises(SignInError):
            stranger.approvals.get(str(uuid.uuid4())).wait()
    with pytest.raises(NotFoundError):
        client.approvals.get(str(uuid.uuid4())).wait()
    with pytest.raises(InvalidError) as wrong:
        client.approvals.request(named(), previous_id="nobody knows it")
    assert "previous_id" in wrong.value.fields
    with pytest.raises(ValueError):
        client.approvals.get("../../runs")
    client.approvals.request(named(), idempotency_key="once only")
    with pytest.raises(ApiError) as reused:
        client.approvals.request(named(), idempotency_key="once only")
    assert reused.value.code == "idempotency_key_reused"


def started(portal: Any, key: str) -> tuple[subprocess.Popen[str], str]:
    """A program that asks and waits, once it has asked, and the request's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, portal.web.url, portal.token, key], env=environment(), cwd=ROOT, text=True,
        stdout=subprocess.PIPE, preexec_fn=die_with_parent_hook(signal.SIGKILL),
    )  # fmt: skip
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_killed_while_waiting_and_started_again_gets_its_outcome_once(portal):
    key = str(uuid.uuid4())
    process, first = started(portal, key)
    process.kill()
    process.communicate()
    portal.decide(first)
    process, again = started(portal, key)
    printed, _ = process.communicate(timeout=60)
    assert again == first and process.returncode == 0
    assert json.loads(printed)["request_id"] == first
    assert key not in [request["title"] for request in portal.pending()]


def test_a_portal_that_is_killed_and_started_again_loses_no_client(portal):
    async def wait() -> list[bool]:
        async with AsyncAssent(portal.web.url, portal.token) as client:
            requests = [await client.approvals.request(named()) for _ in range(100)]
            polled, all_polled = [], asyncio.Event()

            async def count(sent: httpx.Request) -> None:
                polled.append(sent)
                if len(polled) >= len(requests):
                    all_polled.set()

            client._http.event_hooks = {"request": [count]}
            waiting = [asyncio.create_task(request.wait()) for request in requests]
            await all_polled.wait()
            await asyncio.to_thread(portal.web.kill)
            late = asyncio.create_task(client.approvals.request(named()))
            await asyncio.to_thread(portal.web.start)
            for request in requests:
                await asyncio.to_thread(portal.decide, request.id)
            assert (await late).id not in [request.id for request in requests]
            return [outcome.approved for outcome in await asyncio.gather(*waiting)]

    assert asyncio.run(asyncio.wait_for(wait(), 120)) == [True] * 100


NO_MAILS = """
version: 1
rules:
  - {name: No mails, when: 'workflow == "governed"', decide: reject, reason: Write letters.}
"""


def test_what_a_policy_decides_needs_no_further_call(portal, client, services):
    services.policies.load(SYSTEM, NO_MAILS, "policies.yaml")
    calls = []
    client._http.event_hooks["request"].append(lambda request: calls.append((request.method, request.url.path)))
    secret = "ghp_" + "a1B2" * 9
    request = client.approvals.request(ToolCall(title="Send", tool="send", args={"key": secret}), workflow="governed")
    outcome = request.wait(1)
    assert outcome.verdict is Verdict.REJECT and outcome.comment.endswith(", rule “No mails”: Write letters.")
    assert outcome.payload["args"]["key"] == secret, "secrets are restored as usual"
    assert request.state == "rejected" and request.receipt["status"] == "delivered"
    assert calls == [("POST", "/api/v1/approvals")]
