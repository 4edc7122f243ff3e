"""Workflows in YAML on the portal: their gates are decided like any others, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.runtime.library import find_workflows
from assent.contracts import Verdict
from tests.runtime.rig import Rig

FOLDER = Path(__file__).parent / "written"


def receipt(rig: Rig, request: Any) -> tuple[str, Any]:
    found = rig.view(request).receipt
    assert found is not None
    return found.status, found.detail


def approved(rig: Rig, request: Any) -> None:
    rig.decide(request)
    rig.advance(request.run_id)


def test_a_call_is_approved_and_its_receipt_says_what_the_tool_returned(rig: Rig) -> None:
    run_id = rig.begin("mend_one")
    request = rig.only(run_id)
    assert (request.title, request.node, request.agent) == ("Mend the first thing", "mend.gate", "Mechanic")
    assert request.payload["tool"] == "mend_thing" and not rig.effects(run_id)
    approved(rig, request)
    assert rig.effects(run_id) == Counter({"mended table-a": 1})
    assert receipt(rig, request) == ("applied", {"message": "table-a is mended", "at": 1})
    result = rig.finish(run_id)
    assert result["look.result"]["output"]["names"][0] == "table-a is mended-a"


def test_changed_arguments_are_checked_and_used(rig: Rig) -> None:
    run_id = rig.begin("mend_one")
    request = rig.only(run_id)
    args = request.payload["args"]
    with pytest.raises(Exception, match=r"not valid|does not fit"):
        rig.decide(request, Verdict.MODIFY, change={"args": args | {"name": 5}})
    rig.decide(request, Verdict.MODIFY, change={"args": args | {"name": "lamp"}})
    rig.advance(run_id)
    assert rig.effects(run_id) == Counter({"mended lamp": 1})


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.REQUEST_CHANGES])
def test_a_rejection_and_a_request_for_changes_end_the_run_with_the_comment(rig: Rig, verdict: Verdict) -> None:
    run_id = rig.begin("mend_one")
    request = rig.only(run_id)
    assert "a request for changes ends it like a rejection" in request.payload["summary"]
    rig.decide(request, verdict, comment="Not on a Monday.")
    rig.advance(run_id)
    result = rig.finish(run_id)
    assert result["mend.result"]["status"] == "rejected"
    assert "Not on a Monday." in result["mend.result"]["reason"]
    assert "look.result" not in result and not rig.effects(run_id)
    assert receipt(rig, request)[0] == "not_applied"


def test_a_step_whose_condition_is_not_true_asks_nobody(rig: Rig) -> None:
    run_id = rig.begin("mend_one", on=False)
    result = rig.finish(run_id)
    assert result["mend.result"]["status"] == "skipped" and not rig.requests(run_id)


def test_a_list_is_approved_in_part(rig: Rig) -> None:
    run_id = rig.begin("mend_all")
    request = rig.only(run_id)
    assert [call["args"]["name"] for call in request.payload["calls"]] == ["table-a", "table-b", "table-c"]
    args = request.payload["calls"][2]["args"] | {"name": "lamp"}
    change = {"calls": [{"id": "2", "decision": "reject"}, {"id": "3", "args": args}]}
    rig.decide(request, Verdict.MODIFY, change=change)
    rig.advance(run_id)
    assert rig.effects(run_id) == Counter({"mended table-a": 1, "mended lamp": 1})
    outputs = rig.finish(run_id)["mend.result"]["output"]
    assert [output and output["message"] for output in outputs] == ["table-a is mended", None, "lamp is mended"]
    status, detail = receipt(rig, request)
    assert status == "applied" and detail["rows"]["2"]["status"] == "rejected"


def test_a_composed_workflow_asks_at_the_gates_of_its_parts(rig: Rig) -> None:
    run_id = rig.begin("mend_both")
    gates = []
    while pending := rig.pending(run_id):
        gates.append(pending[0].node)
        approved(rig, pending[0])
    assert gates == ["oil.gate", "first.mend.gate", "all.mend.gate"]
    rig.finish(run_id)
    assert rig.effects(run_id) == Counter(
        ["mended chair-a", "oiled door", "mended table-a", "mended table-b", "mended table-c"]
    )


def test_people_choose_what_happens_after_a_failure(rig: Rig) -> None:
    run_id = rig.begin("mend_one")
    rig.aside(run_id, "fail-table-a").touch()
    request = rig.only(run_id)
    approved(rig, request)
    question = rig.only(run_id)
    assert question.kind == "question" and "table-a does not respond" in question.payload["question"]
    assert receipt(rig, request)[0] == "failed"
    rig.answer(question, {"action": "retry"})
    rig.advance(run_id)
    again = rig.only(run_id)
    assert again.node == "mend.gate" and again.id != request.id
    approved(rig, again)
    rig.finish(run_id)
    assert rig.effects(run_id) == Counter({"mended table-a": 1})


def test_what_has_changed_since_is_proposed_as_a_revision(rig: Rig) -> None:
    run_id = rig.begin("mend_same")
    request = rig.only(run_id)
    rig.aside(run_id, "grams").write_text("5000")
    approved(rig, request)
    assert receipt(rig, request)[0] == "not_applied" and not rig.effects(run_id)
    again = rig.only(run_id)
    assert again.previous_id == request.id and again.payload["args"]["name"] == "table of 5000 g"
    approved(rig, again)
    rig.finish(run_id)
    assert rig.effects(run_id) == Counter({"mended table of 5000 g": 1})
    assert receipt(rig, again)[0] == "applied"


def test_a_statement_that_is_corrected_is_proposed_as_a_revision(rig: Rig) -> None:
    run_id = rig.begin("mend_rows")
    request = rig.only(run_id)
    approved(rig, request)
    assert receipt(rig, request)[0] == "failed" and not rig.effects(run_id)
    again = rig.only(run_id)
    corrected = "UPDATE things SET state = 'mended' WHERE (name = 'table')"
    assert again.previous_id == request.id and again.payload["args"]["sql"] == corrected
    assert f"+ {corrected}" in again.payload["summary"]
    approved(rig, again)
    rig.finish(run_id)
    assert rig.effects(run_id) == Counter({corrected: 1})
    assert receipt(rig, again)[0] == "applied"


def test_the_catalog_has_the_graph_and_the_file(rig: Rig) -> None:
    entry, source, _ = rig.services.runs.described("mend_both")
    assert source == (FOLDER / "mend_both" / "workflow.yaml").read_text()
    facts = {node["id"]: node for node in entry.nodes}
    assert facts["first.mend.apply"] == {
        "id": "first.mend.apply", "title": "Mend the first thing", "agent": "Mechanic", "tool": "mend_thing",
        "skippable": False,
        "recovery": "A failed call is not repeated. If permission is denied, a person is asked. "
        "Otherwise people are asked.",
    }  # fmt: skip
    assert ["first", "first.find"] in [edge[:2] for edge in entry.edges]
    assert entry.input_schema["required"] == ["effects"]


def test_workflow_files_are_found_by_their_paths_and_broken_ones_stop_no_other(tmp_path: Path) -> None:
    good, bad = FOLDER / "mend_one" / "workflow.yaml", tmp_path / "workflow.yaml"
    bad.write_text("name: bad\nversion: 1\n")
    found = find_workflows([str(bad), str(good)])
    assert [workflow.name for workflow in found.workflows] == ["mend_one"]
    [(path, error)] = found.broken.items()
    assert path == str(bad) and "version must be a text" in error
