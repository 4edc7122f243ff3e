"""The tools for agents, over each transport and protocol; and that none of them decides."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from datetime import timedelta

import httpx
import pytest

from app.domain.people import SYSTEM
from app.services.bundle import build_services
from app.services.clock import system_clock
from assent.version import VERSION
from tests.mcp.conftest import answer, aside, run, text
from tests.processes.harness import ASSENT, ROOT, environment

pytestmark = pytest.mark.processes

TOOLS = {
    "request_approval", "wait_for_approval", "approval_status", "report_receipt", "withdraw_request",
    "permission_prompt",
}  # fmt: skip
STRANGER = "assent_agent_" + "0" * 64


def call_of(name: str, **more) -> dict:
    """A proposal."""
    return {"kind": "tool_call", "title": name, "tool": "send_mail", "args": {"to": "a@example.org"}} | more


def test_asked_waited_reported(desk):
    name = str(uuid.uuid4())

    async def work():
        async with desk.client() as client:
            assert (client.server_info.name, client.server_info.version) == ("assent", VERSION)
            asked = (await client.call_tool("request_approval", {"proposal": call_of(name)})).structured_content
            request_id = asked["id"]
            assert (asked["state"], asked["resolved"], asked["approved"]) == ("pending", False, False)
            assert asked["url"] == f"{desk.portal.web.url}/requests/{request_id}"
            pending = await client.call_tool("wait_for_approval", {"id": request_id, "wait_seconds": 0.2})
            assert "again" in pending.structured_content["next"]
            waiting = asyncio.create_task(client.call_tool("wait_for_approval", {"id": request_id}))
            change = {"args": {"to": "b@example.org"}}
            await aside(desk.portal.decide, request_id, "modify", change=change)
            decided = (await waiting).structured_content
            assert (decided["approved"], decided["verdict"]) == (True, "modify")
            assert decided["payload"]["args"] == {"to": "b@example.org"}
            done = {"id": request_id, "status": "applied", "summary": "Sent.", "detail": {"mails": 1}}
            assert text(await client.call_tool("report_receipt", done)) == "Reported."
            now = (await client.call_tool("approval_status", {"id": request_id})).structured_content
            assert now["receipt"] == "applied"
            return request_id

    receipt = desk.portal.request(run(work()))["receipt"]
    assert (receipt["status"], receipt["summary"], receipt["detail"]) == ("applied", "Sent.", {"mails": 1})


PROPOSALS = [
    {"kind": "script", "title": "Purge", "language": "sql", "content": "DELETE FROM orders"},
    {"kind": "optimizations", "title": "Index", "items": [{"id": "a", "title": "A", "statement": "CREATE INDEX a"}]},
    {"kind": "tool_calls", "title": "Two", "calls": [{"id": "1", "tool": "a"}, {"id": "2", "tool": "b"}]},
    {"kind": "custom", "title": "Level", "data": {"level": 3}, "data_schema": {"type": "object"}},
]


@pytest.mark.parametrize("proposal", PROPOSALS, ids=lambda case: case["kind"])
def test_every_kind_is_asked_and_a_rejection_gives_nothing_to_run(stdio, proposal):
    async def work():
        async with stdio.client() as client:
            given = {"proposal": proposal, "workflow": "housekeeping"}
            asked = (await client.call_tool("request_approval", given)).structured_content
            await aside(stdio.portal.decide, asked["id"], "reject", comment="No.")
            return asked["id"], (await client.call_tool("wait_for_approval", {"id": asked["id"]})).structured_content

    request_id, decided = run(work())
    assert (stdio.portal.request(request_id)["workflow"], decided["state"]) == ("housekeeping", "rejected")
    assert (decided["approved"], decided["payload"], decided["comment"]) == (False, None, "DBA on call: No.")


def test_a_question_is_answered(stdio):
    async def work():
        async with stdio.client() as client:
            question = {"kind": "question", "title": str(uuid.uuid4()), "question": "Which region?"}
            schema = {"type": "object", "properties": {"region": {"enum": ["eu", "us"]}}, "required": ["region"]}
            given = {"proposal": question, "response_schema": schema, "wait_seconds": 60}
            asking = asyncio.create_task(client.call_tool("request_approval", given))
            request = await aside(stdio.portal.asked, question["title"])
            await aside(stdio.portal.decide, request["id"], "answer", answer={"region": "eu"})
            return (await asking).structured_content

    answered = run(work())
    assert (answered["verdict"], answered["answer"], answered["approved"]) == ("answer", {"region": "eu"}, False)


def test_a_cancelled_call_withdraws_what_nobody_can_take_up_again(stdio):
    async def cancelled(client, name, **more):
        given = {"proposal": call_of(name), "wait_seconds": 60} | more
        asking = asyncio.create_task(client.call_tool("request_approval", given))
        request = await aside(stdio.portal.asked, name)
        asking.cancel()
        return request["id"]

    async def work():
        async with stdio.client() as client:
            gone = await cancelled(client, str(uuid.uuid4()))
            await client.call_tool("wait_for_approval", {"id": gone, "wait_seconds": 60})
            key, name = str(uuid.uuid4()), str(uuid.uuid4())
            kept = await cancelled(client, name, idempotency_key=key)
            again = {"proposal": call_of(name), "idempotency_key": key}
            found = (await client.call_tool("request_approval", again)).structured_content
            return gone, kept, found

    gone, kept, found = run(work())
    assert stdio.portal.request(gone)["state"] == "cancelled"
    assert (found["id"], found["state"]) == (kept, "pending")


def test_withdrawn(stdio):
    async def work():
        async with stdio.client() as client:
            given = {"proposal": call_of(str(uuid.uuid4()))}
            asked = (await client.call_tool("request_approval", given)).structured_content
            done = {"id": asked["id"], "reason": "No longer needed."}
            assert text(await client.call_tool("withdraw_request", done)) == "Canceled."
            again = await client.call_tool("withdraw_request", done)
            assert again.is_error and "409" in text(again)
            return (await client.call_tool("approval_status", {"id": asked["id"]})).structured_content

    found = run(work())
    assert (found["state"], found["verdict"], found["approved"]) == ("cancelled", None, False)
    assert "canceled before it was decided" in found["next"] and "No longer needed." in found["comment"]


def test_expired(stdio, services):
    async def work():
        async with stdio.client() as client:
            given = {"proposal": call_of(str(uuid.uuid4()))}
            asked = (await client.call_tool("request_approval", given)).structured_content
            await aside(expire, services, asked["id"])
            return (await client.call_tool("approval_status", {"id": asked["id"]})).structured_content

    found = run(work())
    assert (found["state"], found["verdict"], found["approved"]) == ("expired", None, False)
    assert "expired before it was decided" in found["next"]


def expire(services, request_id: str) -> None:
    """Let all its time pass."""
    later = build_services(services.engine, lambda: system_clock() + timedelta(days=2))
    while later.checkpoints.keep(request_id):
        pass


def test_secrets_come_back_to_the_caller_that_has_them_and_to_no_other(desk):
    secret = "ghp_" + "a1B2" * 10

    async def work():
        async with desk.client() as client:
            given = {"proposal": call_of(str(uuid.uuid4()), args={"token": secret})}
            asked = (await client.call_tool("request_approval", given)).structured_content
            assert secret not in str(await aside(desk.portal.request, asked["id"]))
            await aside(desk.portal.decide, asked["id"])
            decided = (await client.call_tool("approval_status", {"id": asked["id"]})).structured_content
            assert decided["payload"]["args"] == {"token": secret}
            async with desk.client(STRANGER) as stranger:
                return await stranger.call_tool("approval_status", {"id": asked["id"]})

    refused = run(work())
    assert refused.is_error and secret not in str(refused)


def test_a_token_that_does_not_work_is_told(desk):
    async def work():
        async with desk.client(STRANGER) as client:
            told = await client.call_tool("request_approval", {"proposal": call_of("x")})
            prompt = {"tool_name": "Bash", "input": {"command": "ls"}}
            return told, answer(await client.call_tool("permission_prompt", prompt))

    told, prompted = run(work())
    assert told.is_error and "does not accept the token" in text(told) and STRANGER not in text(told)
    assert prompted["behavior"] == "deny" and "does not accept the token" in prompted["message"]


def test_what_is_asked_wrongly_is_told(stdio):
    async def work():
        async with stdio.client() as client:
            wrong = [
                ("request_approval", {"proposal": {"kind": "poem", "title": "x"}}),
                ("request_approval", {"proposal": call_of("x"), "previous_id": "nobody knows it"}),
                ("approval_status", {"id": "../../runs"}),
                ("approval_status", {"id": str(uuid.uuid4())}),
                ("report_receipt", {"id": str(uuid.uuid4()), "status": "delivered"}),
                ("request_approval", {"proposal": call_of("x"), "idempotency_key": "nightly\n"}),
            ]
            return [await client.call_tool(name, given) for name, given in wrong]

    told = run(work())
    assert all(result.is_error for result in told)
    expected = ["kind", "previous_id", "must be the id", "404", "status", "key contains a line break"]
    for result, words in zip(told, expected, strict=True):
        assert words in text(result)


def test_no_tool_decides_and_the_agents_token_cannot(desk):
    async def work():
        async with desk.client() as client:
            tools = (await client.list_tools()).tools
            asked = await client.call_tool("request_approval", {"proposal": call_of(str(uuid.uuid4()))})
            return tools, asked.structured_content["id"]

    tools, request_id = run(work())
    assert {tool.name for tool in tools} == TOOLS
    fields = {name for tool in tools for name in tool.input_schema["properties"]}
    assert not fields & {"verdict", "digest", "change", "answer", "acknowledged_risk", "until", "take_over"}
    digest = desk.portal.request(request_id)["digest"]
    tried = {
        "decisions": {"verdict": "approve", "digest": digest}, "claim": {}, "escalations": {"reason": "Now."},
        "assignment": {"person": ""}, "extension": {"until": "2030-01-01T00:00:00Z", "reason": "More."},
    }  # fmt: skip
    with httpx.Client(headers={"Authorization": f"Bearer {desk.portal.token}"}) as agent:
        for act, body in tried.items():
            refused = agent.post(f"{desk.portal.web.url}/api/v1/approvals/{request_id}/{act}", json=body)
            assert refused.status_code == 403, (act, refused.text)
    assert desk.portal.request(request_id)["state"] == "pending"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "ASSENT_URL"),
        ({"ASSENT_URL": "assent.example.com"}, "starts with http"),
        ({"ASSENT_URL": "http://127.0.0.1:1"}, "ASSENT_TOKEN"),
        ({"ASSENT_URL": "http://127.0.0.1:1", "ASSENT_TOKEN": "assent_person_x"}, "person's token"),
        ({"ASSENT_URL": "http://127.0.0.1:1", "ASSENT_TOKEN": "assent_agent_x\ny"}, "token contains a line break"),
        ({"ASSENT_URL": "http://127.0.0.1:1\n", "ASSENT_TOKEN": "assent_agent_x"}, "starts with http"),
    ],
)
@pytest.mark.parametrize("command", [(*ASSENT, "mcp"), (sys.executable, "-m", "assent.mcp")], ids=["assent", "alone"])
def test_it_does_not_start_without_what_it_needs(command, settings, words):
    ended = subprocess.run(command, env=environment(**settings), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode and words in ended.stderr and "Traceback" not in ended.stderr


def test_it_loads_nothing_of_the_portal():
    program = """
import sys, assent.mcp.command, assent.mcp.http, assent.mcp.server
assert not {"app", "flask", "sqlalchemy", "langgraph", "langchain_core"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_what_a_policy_decides_is_in_the_first_answer(desk, services):
    rule = "{name: No mails, when: 'workflow == \"governed\"', decide: reject, reason: Write letters.}"
    services.policies.load(SYSTEM, f"version: 1\nrules:\n  - {rule}\n", "policies.yaml")

    async def work():
        async with desk.client() as client:
            asked = {"proposal": call_of(str(uuid.uuid4())), "workflow": "governed", "wait_seconds": 30}
            return (await client.call_tool("request_approval", asked)).structured_content

    found = run(work())
    assert (found["state"], found["resolved"], found["approved"]) == ("rejected", True, False)
    assert found["comment"].endswith(", rule “No mails”: Write letters.") and found["receipt"] == "delivered"
