"""Programs that do not wait: the client asks to be called, and a real portal and worker call a real server."""

from __future__ import annotations

import asyncio
import base64
import queue
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, Scope, TokenKind
from app.services.bundle import build_services
from app.store.engine import make_engine
from assent import Assent, AsyncAssent, Callback, Outcome, ToolCall
from tests.factories import make_person, make_token
from tests.hookserver import Call, HookServer
from tests.processes.harness import SECRET_KEY, Desk
from tests.sdk.conftest import Holder
from tests.webprocess import SOON

pytestmark = pytest.mark.processes
PROPOSAL = ToolCall(title="Mail the list", tool="send_mail", args={"to": "customers@example.org"})


class Sync:
    """A program with the client that blocks."""

    def __init__(self, url: str, token: str) -> None:
        self._made = (url, token)

    def ask(self, where: Callback) -> str:
        """The id of a new request."""
        with Assent(*self._made) as client:
            return client.approvals.request(PROPOSAL, callback=where).id

    def take_up(self, request_id: str) -> Outcome:
        """What became of it."""
        with Assent(*self._made) as client:
            return client.approvals.get(request_id).wait(SOON)


class Async(Sync):
    """A program with the async client."""

    def ask(self, where: Callback) -> str:
        async def asked() -> str:
            async with AsyncAssent(*self._made) as client:
                return (await client.approvals.request(PROPOSAL, callback=where)).id

        return asyncio.run(asked())

    def take_up(self, request_id: str) -> Outcome:
        async def taken() -> Outcome:
            async with AsyncAssent(*self._made) as client:
                return await client.approvals.get(request_id).wait(SOON)

        return asyncio.run(taken())


@pytest.fixture(scope="module")
def portal(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """A portal with a worker: its address, an agent's token, and that of somebody who decides."""
    services = build_services(make_engine(module_database_url), secret_key=SECRET_KEY)
    owner = make_person(services.sessions, "Release engineer", [Role.REVIEWER])
    reviewer = make_person(services.sessions, "DBA on call", [Role.REVIEWER])
    token = make_token(Holder(services), owner, TokenKind.AGENT, AGENT_SCOPES, name="Mail agent")  # type: ignore[arg-type]
    mine = make_token(Holder(services), reviewer, TokenKind.PERSON, [Scope.APPROVALS_READ, Scope.APPROVALS_DECIDE])  # type: ignore[arg-type]
    folder: Path = tmp_path_factory.mktemp("desk")
    with Desk(module_database_url, folder, ASSENT_ALLOWED_NETWORKS="127.0.0.0/8") as desk:
        desk.web()
        desk.worker()
        yield desk.url, token, mine
    services.engine.dispose()


@pytest.fixture
def arrived() -> Iterator[tuple[str, queue.Queue[Call]]]:
    """The program's own server: its address, and what comes in."""
    server, calls = HookServer(), queue.Queue[Call]()
    server.on_call = calls.put
    server.start()
    yield server.url, calls
    server.stop()


@pytest.mark.parametrize("kind", [Sync, Async])
def test_the_program_is_called_and_takes_up_its_outcome(portal: Any, arrived: Any, kind: type[Sync]) -> None:
    (url, token, mine), (mine_at, calls) = portal, arrived
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    program = kind(url, token)
    request_id = program.ask(Callback(mine_at, secret))
    approval, headers = f"{url}/api/v1/approvals/{request_id}", {"Authorization": f"Bearer {mine}"}
    digest = requests.get(approval, headers=headers, timeout=SOON).json()["digest"]
    decision = {"verdict": "approve", "digest": digest, "comment": "So be it."}
    assert requests.post(f"{approval}/decisions", json=decision, headers=headers, timeout=SOON).status_code == 201
    call = calls.get(timeout=SOON)
    told = Webhook(secret).verify(call.body, call.headers)
    assert (told["type"], told["data"]["request_id"]) == ("approval.settled", request_id)
    outcome = program.take_up(told["data"]["request_id"])
    assert outcome.approved and outcome.payload["args"] == PROPOSAL.args
