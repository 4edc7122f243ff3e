"""The page of a workflow: its graph, and the file of one that is written in YAML beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.services.bundle import Services
from app.services.runs.catalog import publish_offers
from tests.factories import make_workflow
from tests.web.browsing import Browser

SOURCE = "name: test_written\nsteps:\n  - id: find  # <b>first</b>\n    tool: find_rows\n"
NODES = [
    {"id": "find", "title": "Find rows", "agent": "Inspector", "tool": "find_rows", "skippable": False},
    {"id": "mend.apply", "title": "Mend them", "agent": "", "tool": "mend_row", "skippable": False},
]


@pytest.fixture
def written(services: Services) -> Iterator[None]:
    """Two workflows, one of them with a file."""
    edges = [["find", "mend.apply", ""]]
    make_workflow(services.sessions, "test_written", title="Mend <rows>", nodes=NODES, edges=edges, source=SOURCE)
    make_workflow(services.sessions, "test_python", title="Mend by hand", nodes=NODES, edges=edges)
    yield
    with services.engine.begin() as connection:
        connection.exec_driver_sql("delete from workflows where name in ('test_written', 'test_python')")


def test_the_file_is_beside_the_graph(written: None, browse: Callable[[str], Browser]) -> None:
    page = browse("viewer").get("/workflows/test_written")
    assert "Mend <rows>" in page.text and "tool: find_rows" in page.text and "# <b>first</b>" in page.text
    assert page.one("div", **{"class": "lines"})
    assert len(page.all("g", **{"class": "node pending"})) == 2
    assert not page.all("a", href="/runs/new/test_written")
    assert browse("reviewer").get("/workflows/test_written").all("a", href="/runs/new/test_written")


def test_a_workflow_in_python_has_a_list_of_its_steps(written: None, browse: Callable[[str], Browser]) -> None:
    page = browse("viewer").get("/workflows/test_python")
    assert "written in Python" in page.text and "Inspector · find_rows" in page.text
    assert not page.all("div", **{"class": "lines"})


def test_a_workflow_that_no_worker_has_any_longer_is_shown_and_not_started(
    services: Services, written: None, browse: Callable[[str], Browser]
) -> None:
    publish_offers(services.sessions, 2**62 + 7, ["test_gate"], {})
    try:
        page = browse("reviewer").get("/workflows/test_written")
        assert "tool: find_rows" in page.text and not page.all("a", href="/runs/new/test_written")
    finally:
        with services.engine.begin() as connection:
            connection.exec_driver_sql("delete from workflow_offers")


def test_the_start_form_and_an_unknown_workflow(written: None, browse: Callable[[str], Browser]) -> None:
    reviewer = browse("reviewer")
    assert reviewer.get("/runs/new/test_written").all("a", href="/workflows/test_written")
    reviewer.get("/workflows/nothing", 404)
    reviewer.get("/workflows/%00", 404)


def test_long_examples_are_cut_between_words(
    written: None, services: Services, browse: Callable[[str], Browser]
) -> None:
    long = "Check the health of the database, and find the tables with stale statistics"
    make_workflow(services.sessions, "test_python", examples=[{"table": long}, {"table": "a"}])
    labels = {
        chip.text.strip() for chip in browse("reviewer").get("/runs/new/test_python").all("a", **{"class": "chip"})
    }
    assert "Example 1: table Check the health of the database, and find the tables…" in labels
    assert "Example 2: table a" in labels


def test_examples_that_name_files_are_told_apart_by_the_names(
    written: None, services: Services, browse: Callable[[str], Browser]
) -> None:
    folder = f"/srv/{'long-' * 30}folder"
    files = [{"table": f"{folder}/agent.msi"}, {"table": f"{folder}/viewer.exe"}, {"table": "/"}]
    make_workflow(services.sessions, "test_python", examples=files)
    chips = browse("reviewer").get("/runs/new/test_python").all("a", **{"class": "chip"})
    labels = {chip.text.strip() for chip in chips}
    assert {"Example 1: table agent.msi", "Example 2: table viewer.exe", "Example 3: table /"} <= labels
