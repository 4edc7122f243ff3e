"""The phases of a run: on its page, in the part of it that is fetched while a step reports, and over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.services.bundle import Services
from app.services.record.events import event_row, publish
from app.store.runs import Run, StepProgressRow
from tests.factories import Caller, make_person, make_run, make_workflow
from tests.web.browsing import Browser, Element

NODES = [
    {"id": name, "title": name.capitalize(), "agent": "", "tool": "", "skippable": False, **phase}
    for name, phase in (
        ("read", {"phase": "Validation"}), ("check", {"phase": "Validation"}), ("map", {"phase": "Mapping"}),
        ("close", {}),
    )
]  # fmt: skip


@pytest.fixture
def run(services: Services) -> Run:
    """A run whose first step has ended, and whose second one is at work."""
    make_workflow(services.sessions, "test_phases", nodes=NODES, edges=[["read", "check"], ["check", "map"]])
    run = make_run(services.sessions, state=RunState.RUNNING, workflow="test_phases", attempt=1)
    now = datetime.now(UTC)
    with services.sessions.begin() as session:
        for kind, node in (
            (EventKind.STEP_STARTED, "read"), (EventKind.STEP_ENDED, "read"), (EventKind.STEP_STARTED, "check"),
        ):  # fmt: skip
            facts = {"task": node, "node": node, "title": node, "agent": "", "tool": "", "ms": 5, "error": ""}
            publish(session, event_row(kind, now, run_id=run.id, **facts))
        add = {"run_id": run.id, "updated_at": now}
        session.add(StepProgressRow(node="read", done=9, total=9, words="", counts=[["rows", 12000]], **add))
        session.add(StepProgressRow(node="check", done=3, total=8, words="<b>", counts=[["odd", "a & b"]], **add))
    return run


def test_the_page_has_a_bar_for_each_phase(services: Services, browse: Callable[[str], Browser], run: Run) -> None:
    viewer = browse("viewer")
    for address in (f"/runs/{run.id}", f"/runs/{run.id}/progress"):
        phases = viewer.get(address).one("div", id="run-phases")
        assert phases.attributes["data-live-src"] == f"/runs/{run.id}/progress"
        validation, mapping = phases.all("li")
        assert "3 of 8" in validation.text and "<b>" in validation.text
        assert "rows 12,000" in validation.text and "odd a & b" in validation.text
        assert validation.one("progress").attributes["value"] == "3"
        assert "running" in validation.attributes["class"] and "pending" in mapping.attributes["class"]
        assert phases.one("p", role="status").text == "Validation: 25 % done", "not every report is announced"


def test_a_step_without_a_phase_is_listed_once_it_reports(
    services: Services, browse: Callable[[str], Browser], run: Run
) -> None:
    with services.sessions.begin() as session:
        values = {"run_id": run.id, "node": "close", "updated_at": datetime.now(UTC)}
        session.add(StepProgressRow(done=0, total=None, words="", counts=[], **values))
    assert [item.one("span", class_="name").text for item in _phases(browse("viewer"), run)] == [
        "Validation, running", "Mapping, to come", "Close, to come",
    ]  # fmt: skip


def _phases(viewer: Browser, run: Run) -> list[Element]:
    return viewer.get(f"/runs/{run.id}/progress").one("div", id="run-phases").all("li")


def test_the_api_returns_the_last_report_of_each_step(app: Flask, services: Services, run: Run) -> None:
    found = Caller(app, make_person(services.sessions)).get(f"/api/v1/runs/{run.id}").json["step_progress"]
    assert [(report["node"], report["done"], report["total"]) for report in found] == [("read", 9, 9), ("check", 3, 8)]
    assert found[0]["counts"] == {"rows": 12000}


def test_a_run_without_phases_has_none(services: Services, browse: Callable[[str], Browser]) -> None:
    make_workflow(services.sessions)
    assert not _phases(browse("viewer"), make_run(services.sessions))
