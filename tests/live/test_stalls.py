"""While a web process serves a hostile call, it answers everybody else. How soon, `bench.stalls` measures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from app.domain.people import Role
from app.services.bundle import Services
from assent.contracts import RiskLevel
from bench.hostile_calls import doubled, inside, policy, sql_texts
from tests.factories import make_person, make_request, question, script
from tests.webprocess import Web

pytestmark = pytest.mark.processes
PATIENCE = 5.0
"""Seconds within which /healthz answers, on a machine that others keep busy. Unmended, each call here takes longer."""


@pytest.fixture
def health(web: Web) -> Iterator[list[float]]:
    """How long /healthz takes, asked all the time."""
    took: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            while not ended.wait(0.02):
                started = time.monotonic()
                assert session.get(f"{web.url}/healthz", timeout=120).ok
                took.append(time.monotonic() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    yield took
    ended.set()
    thread.join(120)


def hostile(services: Services) -> list[tuple[str, Any]]:
    """Calls that stop a process which serves them itself."""
    texts = sql_texts(900_000)
    changed = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    asked = make_request(services.sessions, payload=question(doubled(60)))
    preview = f"/api/v1/approvals/{changed.id}/preview"
    return [
        (preview, {"change": {"content": texts["values (…)"]}}),
        (preview, {"change": {"content": texts["select 1; …"]}}),
        (
            f"/api/v1/approvals/{asked.id}/decisions",
            {"verdict": "answer", "digest": asked.digest, "answer": inside(55)},
        ),
        ("/api/v1/policies/test", {"text": policy(499, "workflow.matches('(a+)+#$') && node.matches('(x|y)*#')")}),
    ]


def test_others_are_answered_while_a_hostile_call_is_served(web: Web, services: Services, health: list[float]) -> None:
    client = web.session(make_person(services.sessions, "Hostile", list(Role)))
    for path, body in hostile(services):
        answer = client.post(f"{web.url}{path}", json=body, timeout=120)
        assert answer.status_code in (200, 201, 422, 503), answer.text
    assert health and max(health) < PATIENCE


def test_a_heavy_decision_over_a_socket_is_sent_elsewhere(web: Web, services: Services) -> None:
    request = make_request(services.sessions, payload=script("select 1;\n" * 80_000))
    with web.socket(make_person(services.sessions, "Socket")) as client:
        sent = {"request_id": request.id, "verdict": "approve", "digest": request.digest}
        answer = client.ask("submit_approval", sent)
        assert (answer["ok"], answer["problem"]["code"]) == (False, "too_large"), answer
        assert "REST" in answer["problem"]["detail"]
