"""`kill -9` while a plan is carried out: what was approved is done once, and the world may change meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.processes.crash_flows import ALL as CRASH_FLOWS
from tests.processes.crew import Crew, until
from tests.runtime import shelf_tools
from tests.runtime.shelf_tools import acts, fill_shelf, shelf_file

pytestmark = pytest.mark.processes
FLOWS = f"tests.processes.shelf_flows:WORKFLOW,{CRASH_FLOWS}"


@pytest.fixture(scope="module")
def module_crew(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for the module; use `crew`."""
    folder = tmp_path_factory.mktemp("crew")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(shelf_tools.FOLDER, str(folder))
        crew = Crew(module_database_url, folder, FLOWS)
        yield crew
        crew.close()


@pytest.fixture
def crew(module_crew: Crew) -> Crew:
    """The module's crew with one worker at work."""
    if not module_crew.worker.running:
        module_crew.worker.start()
    return module_crew


def start(crew: Crew, request: str, **values: str) -> str:
    run = crew.services.runs.start(crew.starter, "coordinator", {"request": request, "values": values})
    return str(run.id)


def asked(crew: Crew, run_id: str, number: int) -> ApprovalRequest:
    """Wait for the run's request of this number, from 1, and return it."""
    query = "select count(*) from approval_requests where run_id = %s"
    until(lambda: crew.sql(query, run_id)[0][0] >= number, what=f"request {number}")
    return crew.pending(run_id)


def killed(crew: Crew) -> None:
    """Kill the worker, and start another one."""
    crew.worker.kill()
    crew.worker.start()


def test_a_plan_survives_kills_at_each_of_its_gates_and_after_its_act(crew: Crew) -> None:
    fill_shelf("east")
    run_id = start(crew, "Weigh the boxes of the shelf east. Empty the box lamp of the shelf east.")
    plan = asked(crew, run_id, 1)
    assert plan.kind == "plan"
    killed(crew)
    crew.decide(plan, Verdict.APPROVE)
    gate = asked(crew, run_id, 2)
    assert gate.payload["tool"] == "empty_box"
    killed(crew)
    shelf_file("east").with_suffix(".die").touch()
    crew.decide(gate, Verdict.APPROVE)
    crew.died()
    crew.worker.start()
    question = asked(crew, run_id, 3)
    assert question.title.startswith("Was it done?") and acts("east") == ["emptied lamp"]
    crew.decide(question, Verdict.ANSWER, answer={"action": "done"})
    result = crew.finished(run_id).result
    assert acts("east") == ["emptied lamp"] and result["status"] == "done"
    assert "5600" in result["report"]


def test_a_workflow_that_is_a_step_continues_where_it_was_killed(crew: Crew) -> None:
    effects = crew.folder / "effects-of-plan"
    effects.touch()
    Path(f"{effects}.gate.held").touch()
    run_id = start(crew, "Start the crash gate.", effects=str(effects))
    crew.decide(asked(crew, run_id, 1), Verdict.APPROVE)
    crew.decide(asked(crew, run_id, 2))
    until(Path(f"{effects}.gate.reached").exists, what="the gate's node runs with the answer")
    crew.worker.kill()
    Path(f"{effects}.gate.held").unlink()
    crew.worker.start()
    assert crew.finished(run_id).result["status"] == "done"
    assert Path(f"{effects}.done").read_text().splitlines() == ["create index a", "create index c2"]
    assert effects.read_text().splitlines().count("propose") == 1


def test_a_plan_whose_tool_is_replaced_while_its_worker_is_dead_is_planned_again(crew: Crew) -> None:
    fill_shelf("west")
    run_id = start(
        crew, "Empty the box lamp of the shelf west. Write the label 'old' on the box vase of the shelf west."
    )
    plan = asked(crew, run_id, 1)
    crew.decide(plan, Verdict.APPROVE)
    crew.decide(asked(crew, run_id, 2), Verdict.APPROVE)
    gate = asked(crew, run_id, 3)
    assert gate.payload["tool"] == "write_label"
    crew.worker.kill()
    (crew.folder / shelf_tools.NEWER).touch()
    crew.decide(gate, Verdict.APPROVE)
    crew.worker.start()
    question = asked(crew, run_id, 4)
    assert question.title == "The plan no longer fits: what now?" and acts("west") == ["emptied lamp"]
    crew.decide(question, Verdict.ANSWER, answer={"action": "replan"})
    again = asked(crew, run_id, 5)
    assert again.previous_id == plan.id
    crew.decide(again, Verdict.APPROVE)
    crew.decide(asked(crew, run_id, 6), Verdict.APPROVE)
    crew.finished(run_id)
    assert acts("west") == ["emptied lamp", "labeled vase old by 2.0"]
