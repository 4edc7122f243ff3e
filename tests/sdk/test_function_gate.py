"""The gate around functions: the approved arguments run, and no others."""

from __future__ import annotations

import asyncio
import uuid
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from assent import AlreadyDoneError, Assent, AsyncAssent, Outcome, Rejected, UnfitOutcomeError, requires_approval
from assent.function_gate import _Gate

pytestmark = pytest.mark.processes


@pytest.fixture
def client(portal):
    """A client of the portal."""
    with Assent(portal.web.url, portal.token) as made:
        yield made


class Mailer:
    """A function behind a gate, and how it was called."""

    def __init__(self, client: Assent, **options: Any) -> None:
        self.made: list[tuple[Any, ...]] = []
        self.title = str(uuid.uuid4())

        @requires_approval(client, title=self.title, **options)
        def send(to: list[str], on: date, *, copies: int = 1) -> str:
            self.made.append((to, on, copies))
            if copies > 8:
                raise RuntimeError("The tray is empty.")
            return f"sent {copies}"

        self.send = send


ON = date(2026, 7, 1)


def test_approved_as_it_stands(portal, client, beside):
    mailer = Mailer(client, environment="production", workflow="newsletter")
    call = beside(lambda: mailer.send(["a@example.org"], on=ON))
    request = portal.asked(mailer.title)
    assert request["payload"]["tool"] == "send"
    assert request["payload"]["args"] == {"to": ["a@example.org"], "on": "2026-07-01", "copies": 1}
    assert request["payload"]["args_schema"]["properties"]["copies"]["type"] == "integer"
    assert mailer.made == []
    portal.decide(request["id"])
    assert call.get() == "sent 1"
    assert mailer.made == [(["a@example.org"], ON, 1)]
    assert portal.request(request["id"])["receipt"]["status"] == "applied"


def test_changed_arguments_run_and_no_others(portal, client, beside):
    mailer = Mailer(client)
    call = beside(lambda: mailer.send(["a@example.org", "b@example.org"], ON))
    request = portal.asked(mailer.title)
    change = {"args": {"to": ["b@example.org"], "on": "2026-07-02", "copies": 2}}
    portal.decide(request["id"], "modify", change=change)
    assert call.get() == "sent 2"
    assert mailer.made == [(["b@example.org"], date(2026, 7, 2), 2)]


def test_rejected_is_not_run(portal, client, beside):
    mailer = Mailer(client)
    call = beside(lambda: mailer.send([], ON))
    request = portal.asked(mailer.title)
    portal.decide(request["id"], "reject", comment="Not on a Sunday.")
    with pytest.raises(Rejected, match="Not on a Sunday") as told:
        call.get()
    assert told.value.outcome.request_id == request["id"]
    assert mailer.made == []
    assert portal.request(request["id"])["receipt"]["status"] == "not_applied"


def test_a_failure_is_reported_and_raised(portal, client, beside):
    mailer = Mailer(client)
    call = beside(lambda: mailer.send([], ON, copies=9))
    request = portal.asked(mailer.title)
    portal.decide(request["id"])
    with pytest.raises(RuntimeError, match="tray"):
        call.get()
    receipt = portal.request(request["id"])["receipt"]
    assert (receipt["status"], receipt["summary"]) == ("failed", "RuntimeError: The tray is empty.")


def test_the_same_action_is_asked_once_and_run_once(portal, client, beside):
    mailer = Mailer(client, idempotency_key=lambda to, on, copies: f"mail-{to[0]}")
    address = str(uuid.uuid4())
    calls = [beside(lambda: mailer.send([address], ON))]
    request = portal.asked(mailer.title)
    portal.decide(request["id"])
    assert calls[0].get() == "sent 1"
    with pytest.raises(AlreadyDoneError):
        mailer.send([address], ON)
    assert len(mailer.made) == 1
    assert portal.request(request["id"])["receipt"]["status"] == "applied"


def test_what_is_no_call_of_it_is_asked_of_nobody(client, portal):
    mailer = Mailer(client)
    for wrong in (lambda: mailer.send("one", ON), lambda: mailer.send([], ON, copies="many")):
        with pytest.raises(ValidationError):
            wrong()
    with pytest.raises(TypeError):
        mailer.send([])
    assert mailer.title not in [request["title"] for request in portal.pending()]


def test_functions_that_cannot_be_gated(client):
    with pytest.raises(TypeError, match=r"\*rest"):
        requires_approval(client)(lambda *rest: None)

    async def later() -> None: ...

    with pytest.raises(TypeError, match="AsyncAssent"):
        requires_approval(client)(later)


def test_async(portal, beside):
    title, made = str(uuid.uuid4()), []

    async def run() -> str:
        async with AsyncAssent(portal.web.url, portal.token) as client:

            @requires_approval(client, title=title)
            async def drop(table: str) -> str:
                made.append(table)
                return table

            return await drop("orders")

    call = beside(lambda: asyncio.run(run()))
    request = portal.asked(title)
    portal.decide(request["id"], "modify", change={"args": {"table": "orders_old"}})
    assert call.get() == "orders_old" and made == ["orders_old"]
    assert portal.request(request["id"])["receipt"]["status"] == "applied"


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "drop_database"},
        {"args": {"table": 7}},
        {"args": {"table": "a", "cascade": True}},
        {"args": {}},
        {"kind": "script", "language": "sql", "content": "drop table a"},
    ],
)
def test_an_outcome_that_does_not_fit_is_refused(change, client):
    def drop(table: str) -> None: ...

    gate = _Gate(drop, "", "", "", "", "safe", "normal", None)
    proposal, _ = gate.proposal(("a",), {})
    payload = proposal.model_dump(mode="json")
    outcome = Outcome.model_validate({
        "request_id": str(uuid.uuid4()), "verdict": "modify", "payload": payload, "digest": "", "proposed_digest": "",
        "decided_at": "2026-07-01T00:00:00Z", "next_action": "continue",
    })  # fmt: skip
    request = client.approvals.get(outcome.request_id)
    assert gate.approved(outcome, request).arguments == {"table": "a"}
    with pytest.raises(UnfitOutcomeError):
        gate.approved(outcome.model_copy(update={"payload": payload | change}), request)
