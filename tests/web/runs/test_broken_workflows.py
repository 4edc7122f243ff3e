"""The page that starts runs: what it offers, and what it says about workflows that a worker cannot run."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from app.services.bundle import Services
from app.services.runs.catalog import publish_offers
from tests.factories import make_workflow
from tests.web.browsing import Browser

WORKER = 2**62 + 5


@pytest.fixture
def worker(services: Services, module_database_url: str) -> Iterator[psycopg.Connection]:
    """The connection whose lock says that the worker lives."""
    make_workflow(services.sessions, "test_other", title="Other gate")
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (WORKER,))
        yield connection
        connection.execute("delete from workflow_offers")
        connection.execute("delete from workflows where name = 'test_other'")


def test_a_broken_workflow_is_listed_with_its_error_and_not_offered(
    services: Services, worker: psycopg.Connection, reviewer: Browser
) -> None:
    before = reviewer.get("/runs/new")
    assert before.all("a", href="/runs/new/test_other") and "Broken" not in before.text
    error = "KeyError: <b>'MODEL_KEY'</b>"
    publish_offers(services.sessions, WORKER, ["test_gate"], {"test_other": error, "my.module:WORKFLOW": "SyntaxError"})
    page = reviewer.get("/runs/new")
    assert page.all("a", href="/runs/new/test_gate") and not page.all("a", href="/runs/new/test_other")
    assert f"my.module:WORKFLOWSyntaxError test_other{error}" in page.text
    assert "is broken: KeyError" in reviewer.get("/runs/new/test_other", status=409).text
    # What a worker said that is gone, nobody reads any more.
    worker.execute("select pg_advisory_unlock(%s)", (WORKER,))
    assert "SyntaxError" not in reviewer.get("/runs/new").text
