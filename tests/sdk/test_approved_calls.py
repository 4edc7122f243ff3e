"""Calls that an agent elsewhere makes with approval, at a real portal: the SDK reads in the agent's own process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services
from app.store.tokens import ApiToken
from assent import Assent, AsyncAssent, Rejected
from assent.toolbox import BasisChangedError, read, tool
from assent.toolbox.approved_calls import ApprovedCall
from tests.factories import make_person, make_token
from tests.sdk.conftest import Holder, Portal, Running

WORLD: dict[str, Any] = {}
DONE: list[str] = []


class Table(BaseModel):
    table: str


class Rows(BaseModel):
    rows: int


@tool(effect="read")
def count_all(inputs: Table) -> Rows:
    """Count the rows of a table."""
    return Rows(rows=WORLD["rows"])


@tool(effect="destroy", idempotent=True)
def empty_table(inputs: Table) -> Rows:
    """Delete all rows of a table."""
    DONE.append(inputs.table)
    return Rows(rows=WORLD["rows"])


@pytest.fixture(autouse=True)
def world() -> None:
    WORLD["rows"] = 100
    DONE.clear()


def approved_call(title: str) -> ApprovedCall:
    basis = {"table": "orders"}
    return ApprovedCall(
        empty_table, basis, rests_on=lambda: [read(count_all, basis, {"rows": 0.1})], reads=[count_all], title=title
    )  # fmt: skip


@pytest.fixture(params=["sync", "async"])
def calling(request: pytest.FixtureRequest, client: Assent, portal: Portal, beside: Callable[..., Running]) -> Any:
    """Makes a call beside the test, with either client."""

    async def with_async_client(call: ApprovedCall) -> Any:
        async with AsyncAssent(portal.web.url, portal.token) as found:
            return await call.amake(found)

    if request.param == "sync":
        return lambda title: beside(lambda: approved_call(title).make(client))
    return lambda title: beside(lambda: asyncio.run(with_async_client(approved_call(title))))


def revision(portal: Portal, title: str, number: int) -> dict[str, Any]:
    """The pending request of that title and revision, once it is there."""
    found = portal.asked(title)
    while found["revision"] != number:
        found = portal.asked(title)
    return found


def test_it_is_called_if_what_it_rests_on_holds(portal: Portal, calling: Any) -> None:
    running = calling("Empty, holds")
    request = portal.asked("Empty, holds")
    assert request["payload"]["rests_on"][0]["values"][0]["value"] == 100
    page = portal.reviewer.get(f"{portal.web.url}/requests/{request['id']}").text
    assert "Reported by the agent" in page
    WORLD["rows"] = 105
    portal.decide(request["id"])
    assert running.get().document == {"rows": 105} and DONE == ["orders"]
    portal.reported(request["id"], "applied")


def test_a_change_is_proposed_again_as_a_revision(portal: Portal, calling: Any) -> None:
    running = calling("Empty, changed")
    first = portal.asked("Empty, changed")
    WORLD["rows"] = 1_000
    portal.decide(first["id"])
    second = revision(portal, "Empty, changed", 2)
    assert second["previous_id"] == first["id"] and DONE == []
    assert second["payload"]["changed"]["changes"][0]["now"] == 1_000
    assert portal.request(first["id"])["receipt"]["status"] == "not_applied"
    portal.decide(second["id"])
    assert running.get().document == {"rows": 1_000} and DONE == ["orders"]


@pytest.mark.parametrize(("calling", "answer"), [("sync", "propose again"), ("async", "stop")], indirect=["calling"])
def test_after_three_changes_people_are_asked(
    portal: Portal, calling: Any, answer: str, request: pytest.FixtureRequest
) -> None:
    title = request.node.name
    running = calling(title)
    for number in range(1, 4):
        proposed = revision(portal, title, number)
        WORLD["rows"] *= 2
        portal.decide(proposed["id"])
    question = portal.asked(f"What now? {title}")
    assert "approved 3 times" in question["payload"]["question"]
    portal.decide(question["id"], "answer", answer=answer)
    if answer == "stop":
        with pytest.raises(BasisChangedError, match="People decided to stop"):
            running.get()
        assert DONE == []
        return
    last = revision(portal, title, 4)
    portal.decide(last["id"])
    assert running.get().document == {"rows": 800} and DONE == ["orders"]


def test_a_rejected_call_is_not_made(portal: Portal, calling: Any) -> None:
    running = calling("Empty, rejected")
    request = portal.asked("Empty, rejected")
    portal.decide(request["id"], "reject", comment="We need them.")
    with pytest.raises(Rejected):
        running.get()
    assert DONE == [] and portal.request(request["id"])["receipt"]["status"] == "not_applied"


@tool(effect="destroy", idempotent=True)
def revoke_token(inputs: Table) -> Rows:
    """Revoke the token with which the call was requested, so that nothing can be reported any more."""
    with WORLD["services"].sessions.begin() as session:
        session.execute(update(ApiToken).where(ApiToken.name == inputs.table).values(revoked_at=datetime.now(UTC)))
    DONE.append(inputs.table)
    return Rows(rows=1)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_receipt_that_cannot_be_reported_does_not_make_the_call_fail(
    portal: Portal, services: Services, beside: Callable[..., Running], is_async: bool
) -> None:
    title = f"Revoke, {is_async}"
    owner = make_person(services.sessions, title)
    token = make_token(Holder(services), owner, TokenKind.AGENT, AGENT_SCOPES, name=title)  # type: ignore[arg-type]
    WORLD["services"] = services
    call = ApprovedCall(revoke_token, {"table": title}, title=title)

    async def concurrent() -> Any:
        async with AsyncAssent(portal.web.url, token) as client:
            return await call.amake(client)

    def sync() -> Any:
        with Assent(portal.web.url, token) as client:
            return call.make(client)

    running = beside((lambda: asyncio.run(concurrent())) if is_async else sync)
    request = portal.asked(title)
    portal.decide(request["id"])
    assert running.get().document == {"rows": 1} and [title] == DONE
    assert portal.request(request["id"])["receipt"]["status"] == "delivered"
