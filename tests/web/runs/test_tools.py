"""The pages of tools, and the calls on a run's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from app.domain.events import EventKind
from app.services.bundle import Services
from app.services.reading.toolbox import MOST_CALLS
from tests.factories import add_event, make_run, make_tool_call, make_tools, make_workflow
from tests.web.browsing import Browser

WORKER = 2**62 + 6
Browse = Callable[[str], Browser]


@pytest.fixture
def worker(services: Services, module_database_url: str) -> Iterator[psycopg.Connection]:
    """The connection whose lock says that the worker lives."""
    make_tools(services.sessions, WORKER)
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (WORKER,))
        yield connection
        for table in ("tools", "toolboxes", "tool_calls"):
            connection.execute(f"delete from {table}")


def test_tools_are_listed_in_the_version_that_is_called(worker: psycopg.Connection, browse: Browse) -> None:
    page = browse("viewer").get("/tools")
    assert "2 tools" in page.text
    assert "count_rows 1.10" in page.text
    assert "1.9" not in page.text
    assert "torn.tools cannot be loaded: SyntaxError" in page.text
    assert "Something that it needs is missing" in page.text
    worker.execute("select pg_advisory_unlock(%s)", (WORKER,))
    gone = browse("viewer").get("/tools")
    assert "On no live worker" in gone.text
    assert "torn.tools" not in gone.text


@pytest.mark.parametrize(
    ("query", "found", "not_found"),
    [("text=database", "count_rows", "drop_table"), ("effect=destroy", "drop_table", "count_rows")],
)
def test_tools_are_searched(worker: psycopg.Connection, browse: Browse, query: str, found: str, not_found: str) -> None:
    page = browse("viewer").get(f"/tools?{query}")
    assert page.all("a", href=f"/tools/{found}")
    assert not page.all("a", href=f"/tools/{not_found}")
    assert "No matching tools" in browse("viewer").get("/tools?text=frobnicate").text
    browse("viewer").get("/tools?effect=sideways", 422)


def test_a_tool_says_what_it_does_needs_and_how_its_calls_ended(
    services: Services, worker: psycopg.Connection, browse: Browse
) -> None:
    node = {"id": "count", "title": "Count", "agent": "analyst", "tool": "count_rows", "skippable": False}
    gate = [node | {"id": title, "title": title} for title in ("Propose: Count", "Approval: Count")]
    make_workflow(services.sessions, "test_counting", title="Counting", nodes=[*gate, node])
    run = make_run(services.sessions)
    for status in ("ok", "ok", "failed", "timed_out"):
        make_tool_call(services.sessions, run.id, status=status)
    page = browse("viewer").get("/tools/count_rows")
    assert "Version 1.10" in page.text
    assert "Failed: 1 time" in page.text
    assert "Timed out: 1 time" in page.text
    assert page.one("a", href="/workflows/test_counting").text == "Counting"
    assert "Counting (Count)" in page.text
    rows = [row.text for row in page.all("tr")]
    assert any(row.startswith("1.10421.2 s") for row in rows)
    assert any("(on no live worker)" in row for row in rows)
    assert any(row.startswith("table requiredstringName of the table") for row in rows)
    assert any("list of integer" in row for row in rows)
    # The list counts the calls of all versions.
    make_tool_call(services.sessions, run.id, version="1.9")
    assert "5, 2 failed" in browse("viewer").get("/tools").text
    needs = browse("viewer").get("/tools/drop_table")
    assert "Pg_dump is not available. Install it." in needs.text
    assert needs.one("strong").text == "table"
    browse("viewer").get("/tools/nothing_like_it", 404)


def test_a_run_shows_what_is_done_when_a_step_fails(services: Services, browse: Browse) -> None:
    node = {"id": "ask", "title": "Ask", "agent": "", "tool": "count_rows", "skippable": False}
    words = "There are up to 3 attempts. Otherwise the step fails."
    make_workflow(services.sessions, nodes=[node | {"recovery": words}])
    run = make_run(services.sessions)
    with services.sessions.begin() as session:
        add_event(session, EventKind.STEP_STARTED, run_id=run.id, task="t1", node="ask", title="Ask")
    page = browse("viewer").get(f"/runs/{run.id}")
    assert page.one("details", id="recovery-t1").text == f"If it fails{words}"


def test_a_run_shows_its_calls(services: Services, worker: psycopg.Connection, browse: Browse) -> None:
    run = make_run(services.sessions)
    assert "tool call" not in browse("viewer").get(f"/runs/{run.id}").text
    correction = "Called again with a corrected statement. It was MySQL.\n- select `a`\n+ select a"
    make_tool_call(services.sessions, run.id, attempts=2, warnings=["The path is long.", correction])
    make_tool_call(services.sessions, run.id, tool="drop_table", status="failed", error="OSError: <b>full</b>")
    page = browse("viewer").get(f"/runs/{run.id}")
    assert "2 tool calls, 1 failed" in page.text
    assert "Done after 2 attempts" in page.text
    assert "The path is long." in page.text
    assert "- select `a` + select a" in [block.text for block in page.all("pre")]
    assert "OSError: <b>full</b>" in page.text


def test_of_many_calls_the_last_are_listed(services: Services, worker: psycopg.Connection, browse: Browse) -> None:
    run = make_run(services.sessions)
    make_tool_call(services.sessions, run.id, inputs='{"table": "the first"}', status="failed")
    for _ in range(MOST_CALLS):
        make_tool_call(services.sessions, run.id)
    page = browse("viewer").get(f"/runs/{run.id}")
    assert "201 tool calls, 1 failed" in page.text
    assert "The last 200 are listed." in page.text
    assert "the first" not in page.text


def test_a_tool_without_a_page_is_no_link(services: Services, worker: psycopg.Connection, browse: Browse) -> None:
    run = make_run(services.sessions)
    make_tool_call(services.sessions, run.id)
    make_tool_call(services.sessions, run.id, tool="beside_a_workflow_file")
    page = browse("viewer").get(f"/runs/{run.id}")
    assert "beside_a_workflow_file" in page.text
    links = [link.attributes["href"] for link in page.one("section", id="run-calls").all("a")]
    assert links == ["/tools/count_rows"]
