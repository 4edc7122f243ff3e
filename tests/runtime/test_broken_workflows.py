"""Workflows that hang, and what the catalogue says when workers come and go."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from sqlalchemy import text

from app.domain.errors import NotFoundError
from app.runtime.library import Library, WorkflowError, find_workflows
from app.services.runs.catalog import give_sign, publish_offers
from app.worker.offers import Offering
from assent import Workflow
from tests.flows import FlowInput, FlowState
from tests.runtime.rig import Rig


@pytest.fixture(autouse=True)
def no_offers(rig: Rig) -> Iterator[None]:
    """No worker has said anything, before and after."""
    yield
    rig.sql("delete from workflow_offers")


def graph() -> StateGraph:
    made = StateGraph(FlowState)
    made.add_node("node", lambda state: {})
    made.add_edge(START, "node")
    made.add_edge("node", END)
    return made


def workflow(name: str, build: Any = graph) -> Workflow:
    return Workflow(name, "1", name, "A workflow for tests.", FlowInput, build)


def test_a_build_that_hangs_holds_up_the_others_for_a_while_and_is_there_once_it_ends(rig: Rig) -> None:
    release = threading.Event()

    def hangs() -> StateGraph:
        release.wait(60)
        return graph()

    library = Library([workflow("hanging", hangs), workflow("swift")], InMemorySaver())  # type: ignore[arg-type]
    library.load(patience=0.1)
    offering = Offering(rig.services.sessions, library, 7001)
    offering.publish()
    assert [entry["name"] for entry in library.describe()] == ["swift"]
    assert library.broken == {"hanging": "Its build() has not finished after 0.1 s."}
    with pytest.raises(WorkflowError, match="“hanging” is broken"):
        library.graph("hanging")
    assert offers(rig, 7001) == {"hanging": library.broken["hanging"], "swift": ""}
    release.set()
    next(thread for thread in threading.enumerate() if thread.name == "Its build()").join(30)
    offering.publish()
    assert library.graph("hanging") and offers(rig, 7001) == {"hanging": "", "swift": ""}


def test_an_import_that_hangs_or_ends_the_process_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hanging_import.py").write_text("import threading; threading.Event().wait(5)")
    monkeypatch.syspath_prepend(tmp_path)
    found = find_workflows(["hanging_import", "tests.broken_import", "tests.broken_flows:GOOD"], patience=0.5)
    assert [workflow.name for workflow in found.workflows] == ["good"]
    assert found.broken == {
        "hanging_import": "The import of hanging_import has not finished after 0.5 s.",
        "tests.broken_import": "SystemExit: 4",
    }
    sys.modules.pop("hanging_import", None)


def test_a_module_beside_the_workflows_that_exports_none_is_no_broken_one() -> None:
    found = find_workflows()
    assert "database_maintenance" in {workflow.name for workflow in found.workflows} and found.broken == {}


def test_an_input_of_which_no_state_can_be_made_fails_the_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Any) -> Any:
        raise KeyError("region")

    run_id = rig.begin("test_gate", advance=False)
    monkeypatch.setattr(type(rig.library.workflow("test_gate")), "state_for", lambda self, given: fails(given))
    rig.advance(run_id)
    run = rig.run(run_id)
    assert run.state == "failed" and "The input cannot be turned into a state: KeyError: 'region'" in str(run.error)


def offers(rig: Rig, worker: int) -> dict[str, str]:
    return dict(rig.sql("select name, error from workflow_offers where worker = :worker", worker=worker))


def test_the_catalogue_drops_what_no_living_worker_has_and_does_not_flicker(rig: Rig) -> None:
    sessions = rig.services.sessions

    def ago(worker: int, seconds: int) -> None:
        with sessions.begin() as session:
            words = "update workflow_offers set seen_at = now() - make_interval(secs => :s) where worker = :worker"
            session.execute(text(words), {"s": seconds, "worker": worker})

    def offered() -> set[str]:
        return {entry.name for entry in rig.runs.catalog()} & {"test_gate", "test_script"}

    assert offered() == {"test_gate", "test_script"}  # nothing is known of any worker, so all stay
    publish_offers(sessions, 1, ["test_gate", "test_script"], {})
    ago(1, 20)
    # It is replaced by one that has less: for a while, what the old one had is offered.
    publish_offers(sessions, 2, ["test_gate"], {})
    assert offered() == {"test_gate", "test_script"}
    ago(1, 61)
    assert offered() == {"test_gate"}
    with pytest.raises(NotFoundError, match="No worker has the workflow 'test_script' any longer"):
        rig.begin("test_script", advance=False)
    with pytest.raises(NotFoundError):
        rig.runs.workflow("test_script")
    # Another that has it comes, gives signs, and goes; with no worker left, the catalogue stays as it is.
    publish_offers(sessions, 3, ["test_script"], {})
    ago(2, 61)
    ago(3, 61)
    give_sign(sessions, 3)
    assert offered() == {"test_script"}
    ago(3, 61)
    assert offered() == {"test_gate", "test_script"}
    publish_offers(sessions, 4, [], {"test_gate": "KeyError: 'x'"})
    assert offered() == set()


def test_only_workers_that_live_say_what_is_broken(rig: Rig) -> None:
    publish_offers(rig.services.sessions, rig._leases["first"].key, ["good"], {"bad": "KeyError: 'x'"})
    publish_offers(rig.services.sessions, 12345, [], {"worse": "KeyError: 'y'"})
    assert rig.runs.broken() == {"bad": "KeyError: 'x'"}
