"""An agent outside the portal applies lessons, which a helper process of a real portal finds, and states them."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from app.services.bundle import Services
from assent import Assent, AsyncAssent, Correctable, Custom, Situation
from tests.sdk.conftest import Portal

pytestmark = pytest.mark.processes
MEMORY = ["4096", "8192", "16384", "32768"]


def columns(count: int = 1) -> tuple[Custom, list[Correctable]]:
    """A proposal with so many columns; the last one is about memory."""
    headings = [f"Column {uuid.uuid4()}" for _ in range(count - 1)] + ["RAM"]
    data = {"columns": [{"heading": heading, "field": "name"} for heading in headings]}
    places = [
        Correctable(
            path=f"/data/columns/{number}/field",
            situation=Situation(kind="column", texts={"heading": heading}, samples={"values": MEMORY}),
        )
        for number, heading in enumerate(headings)
    ]
    return Custom(title=f"Import {uuid.uuid4()}", data=data), places


def test_what_people_corrected_is_proposed_next_time(portal: Portal, services: Services) -> None:
    workflow = f"import_{uuid.uuid4().hex[:8]}"
    proposal, places = columns()
    with Assent(portal.web.url, portal.token) as client:
        assert client.approvals.with_lessons(proposal, places, workflow=workflow).lessons == []
        stated = client.approvals.with_lessons(proposal, places, workflow=workflow)
        first = client.approvals.request(stated, workflow=workflow)
        data = {"columns": [{"heading": "RAM", "field": "memory_mb"}]}
        portal.decide(first.id, "modify", change={"data": data})
        assert first.wait(60).payload["data"] == data
        assert len(services.learning.read(first.id).lessons) == 1
        # More values than one call takes; the lesson is about the last one.
        many, spots = columns(130)
        changed: Any = client.approvals.with_lessons(many, spots, workflow=workflow)
        assert [use.path for use in changed.lessons] == ["/data/columns/129/field"]
        assert changed.data["columns"][129]["field"] == "memory_mb"
        second = client.approvals.request(changed, workflow=workflow)
        assert portal.request(second.id)["state"] == "pending"

    async def again() -> Any:
        async with AsyncAssent(portal.web.url, portal.token) as client:
            return await client.approvals.with_lessons(proposal, places, workflow=workflow)

    assert asyncio.run(again()).data == data
