"""The coordinator on the portal: plans are approved and changed, and exactly what was approved is carried out, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.store.requests import ApprovalRequest
from assent.installed_workflows import use_workflows
from assent.toolbox.discovery import use_registry
from tests.runtime import shelf_tools
from tests.runtime.rig import Rig
from tests.runtime.shelf_tools import acts

TWO_NEEDS = "Weigh the boxes of the shelf north. Then empty the box lamp."


@pytest.fixture(autouse=True)
def shelves(tmp_path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shelf with three boxes, and a process that has only the tools around it."""
    monkeypatch.setenv(shelf_tools.FOLDER, str(tmp_path))
    shelf_tools.shelf_file("north").write_text(json.dumps({"lamp": 700, "chair": 4000, "vase": 900}))
    use_registry(shelf_tools.registry())
    use_workflows(rig.library.usable)
    yield tmp_path
    use_registry(None)
    use_workflows(None)


def begin(rig: Rig, request: str, **values: Any) -> str:
    run_id = rig.runs.start(rig.starter, "coordinator", {"request": request, "values": values}).id
    rig.advance(run_id)
    return str(run_id)


def approved(rig: Rig, request: ApprovalRequest) -> None:
    rig.decide(request)
    rig.advance(request.run_id)


def receipt(rig: Rig, request: ApprovalRequest) -> str:
    found = rig.view(request).receipt
    assert found is not None
    return str(found.status)


def steps_of(request: ApprovalRequest) -> list[str]:
    return [step["id"] for step in request.payload["steps"]]


def test_a_plan_that_only_reads_runs_once_it_is_approved(rig: Rig) -> None:
    run_id = begin(rig, "Weigh the boxes of the shelf north.")
    plan = rig.only(run_id)
    assert plan.kind == "plan" and steps_of(plan) == ["list_boxes", "weigh_boxes"]
    assert plan.payload["steps"][1]["inputs"] == {"shelf": "north", "boxes": "${list_boxes.boxes}"}
    approved(rig, plan)
    result = rig.finish(run_id)
    assert result["status"] == "done" and "5600" in result["report"]
    assert receipt(rig, plan) == "applied"


def test_two_needs_are_one_plan_and_the_change_asks_for_itself(rig: Rig) -> None:
    run_id = begin(rig, TWO_NEEDS)
    plan = rig.only(run_id)
    assert steps_of(plan) == ["list_boxes", "weigh_boxes", "empty_box", "list_boxes_2"]
    approved(rig, plan)
    gate = rig.only(run_id)
    assert (gate.kind, gate.payload["tool"], gate.payload["args"]) == ("tool_call", "empty_box", {
        "shelf": "north", "box": "lamp",
    })  # fmt: skip
    assert gate.previous_id is None and not acts("north")
    approved(rig, gate)
    result = rig.finish(run_id)
    assert acts("north") == ["emptied lamp"] and result["status"] == "done"
    assert (receipt(rig, plan), receipt(rig, gate)) == ("applied", "applied")
