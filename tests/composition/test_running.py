"""Workflows in YAML, run: references, conditions, gates, lists, parallel steps, and compositions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assent.contracts import ReceiptStatus, Verdict
from assent.toolbox import Registry
from tests.composition.play import EACH, FIND, RENAME, Play, loaded, play
from tests.composition.tools_for_tests import changed, registry, rename


def test_a_whole_reference_keeps_its_type_and_one_inside_of_a_text_becomes_text(tmp_path: Path) -> None:
    run = play(tmp_path, """
  - id: about
    tool: describe
    inputs: {name: '${find.rows[0].name}', force: '${find.complete}'}
  - id: told
    tool: describe
    inputs: {name: '$${x} is ${find.count} of ${find.rows[1]} and ${find.complete}'}
""")  # fmt: skip
    assert run.result("about") == {"status": "done", "output": {"message": "about a0", "ok": True}}
    said = run.result("told")["output"]["message"]
    assert said == 'about ${x} is 3 of {"name": "a1", "size": 1, "owner": null} and true'
    assert run.steps == ["find", "about", "told"] and not run.asked


def test_defaults_of_the_input_are_filled_in(tmp_path: Path) -> None:
    assert play(tmp_path, "").state["input"] == {"text": "a", "go": True}
    assert play(tmp_path, "", text="b").result("find")["output"]["rows"][0]["name"] == "b0"


def test_what_changes_something_is_proposed_and_exactly_what_is_approved_is_done(tmp_path: Path) -> None:
    run = play(tmp_path, RENAME)
    [proposal] = run.proposals
    assert (proposal["kind"], proposal["tool"]) == ("tool_call", "rename")
    assert proposal["args"] == {"name": "a0", "force": False}
    assert (proposal["agent"], proposal["risk_floor"]) == ("Cleaner", "medium")
    assert "cannot propose anything else" in proposal["summary"]
    assert not changed
    run.decide(change=lambda payload: payload["args"].update(name="other"))
    assert changed == ["rename other"]
    assert run.result("about")["output"]["message"] == "about renamed other"
    [receipt] = run.receipts
    assert (receipt.status, receipt.detail) == (ReceiptStatus.APPLIED, {"message": "renamed other", "ok": True})
    assert run.state["clean.outcome"] is None and run.state["clean.proposal"] is None


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.REJECT, "Rejected: DBA on call: No."),
        (Verdict.REQUEST_CHANGES, "Changes were requested: DBA on call: No."),
    ],
)
def test_a_rejection_or_a_request_for_changes_ends_the_run_with_the_reason(
    tmp_path: Path, verdict: Verdict, reason: str
) -> None:
    run = play(tmp_path, RENAME)
    run.decide(verdict, said="No.")
    assert run.result("clean") == {"status": "rejected", "output": None, "reason": reason}
    assert "about.result" not in run.state and not run.asked and not changed


def test_a_step_may_say_that_the_run_goes_on_without_it(tmp_path: Path) -> None:
    steps = RENAME.replace("    agent: Cleaner\n", "    on_reject: skip\n")
    last = "  - id: last\n    tool: describe\n    inputs: {name: z}\n    when: status.clean == 'rejected'\n"
    run = play(tmp_path, steps + last)
    run.decide(Verdict.REJECT, said="No.")
    assert run.result("about")["status"] == "skipped"
    assert run.result("about")["reason"] == "${clean.message} has no value, because that step has no output."
    assert run.result("last")["output"]["message"] == "about z"


def test_a_condition_that_is_not_true_skips_the_step_and_those_that_need_its_output(tmp_path: Path) -> None:
    run = play(tmp_path, RENAME.replace("    agent: Cleaner\n", "    when: find.count > 5 || !input.go\n"))
    assert run.result("clean")["status"] == "skipped"
    assert run.result("clean")["reason"] == "The condition is not true: find.count > 5 || !input.go"
    assert run.result("about")["status"] == "skipped"
    assert not run.asked and "clean.gate" not in run.steps
    again = play(tmp_path, RENAME.replace("    agent: Cleaner\n", "    when: find.count > 5 || !input.go\n"), go=False)
    assert len(again.asked) == 1


def test_a_whole_reference_to_a_skipped_step_is_null_where_that_fits(tmp_path: Path) -> None:
    tools = (
        "from pydantic import BaseModel\nfrom assent.toolbox import tool\n"
        "class Maybe(BaseModel):\n    name: str | None\n"
        "@tool(effect='read')\ndef maybe(inputs: Maybe) -> Maybe:\n    'Return the same.'\n    return inputs\n"
    )
    (tmp_path / "tested").mkdir()
    (tmp_path / "tested" / "tools.py").write_text(tools)
    run = play(tmp_path, """
  - id: about
    tool: describe
    when: find.count > 5
    inputs: {name: x}
  - id: last
    tool: maybe
    inputs: {name: '${about.message}'}
""")  # fmt: skip
    assert run.result("last") == {"status": "done", "output": {"name": None}}


def test_a_condition_on_a_field_that_is_null_fails_the_step(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        play(tmp_path, "  - id: x\n    tool: describe\n    inputs: {name: x}\n    when: find.rows[0].owner > 3\n")


def test_the_gate_of_a_tool_that_only_reads(tmp_path: Path) -> None:
    run = play(tmp_path, "  - id: about\n    tool: describe\n    gate: always\n    inputs: {name: x}\n")
    assert run.proposals[0]["tool"] == "describe"
    run.decide()
    assert run.result("about")["output"]["message"] == "about x"


def test_a_list_has_one_gate_with_a_row_for_each_entry(tmp_path: Path) -> None:
    run = play(tmp_path, EACH)
    [proposal] = run.proposals
    assert proposal["kind"] == "tool_calls"
    shown = {call["id"]: call["args"]["name"] for call in proposal["calls"]}
    assert shown == {"1": "0: a0", "2": "1: a1", "3": "2: a2"}

    def some(payload: dict[str, Any]) -> None:
        payload["calls"][0]["decision"] = "reject"
        payload["calls"][1]["args"]["name"] = "other"

    run.decide(change=some)
    assert changed == ["rename other", "rename 2: a2"]
    outputs = run.result("clean")["output"]
    assert [output and output["message"] for output in outputs] == [None, "renamed other", "renamed 2: a2"]
    [receipt] = run.receipts
    assert receipt.status is ReceiptStatus.APPLIED and receipt.summary == "2 of 3 calls of rename@1.0 were made."
    assert receipt.detail["rows"]["1"]["status"] == "rejected"


def test_a_row_that_reviewers_remove_is_not_called(tmp_path: Path) -> None:
    run = play(tmp_path, EACH)
    run.decide(change=lambda payload: payload["calls"].pop(1))
    assert changed == ["rename 0: a0", "rename 2: a2"]


def test_rows_of_a_tool_that_its_server_has_changed_are_not_called(tmp_path: Path) -> None:
    pinned = Registry([*(tool for tool in registry() if tool.name != "rename"), replace(rename, pin="as it is now")])
    run = Play(loaded(tmp_path, FIND + EACH + "    on_error: ask\n", tools=pinned))
    run.decide(change=lambda payload: payload["labels"].update(tool_pin="as it was then"))
    assert not changed and "has changed since the call was proposed" in run.proposals[0]["question"]


def test_rows_that_were_approved_for_another_version_of_the_tool_are_not_called(tmp_path: Path) -> None:
    run = play(tmp_path, EACH + "    on_error: ask\n")
    run.decide(change=lambda payload: payload["labels"].update(tool_version="0.9"))
    assert not changed and "approved for version 0.9 of rename" in run.proposals[0]["question"]


def test_a_list_that_is_empty_needs_nobody(tmp_path: Path) -> None:
    steps = EACH.replace("${find.rows}", "${input.names}").replace("${item.name}", "${item}")
    names = "    names: {type: array, items: {type: string}, default: []}\n"
    run = Play(loaded(tmp_path, steps, given=f"input:\n  type: object\n  properties:\n{names}"))
    assert run.result("clean") == {"status": "done", "output": []} and not run.asked


def test_a_list_that_is_read_calls_the_tool_for_each_entry(tmp_path: Path) -> None:
    step = "  - id: about\n    tool: describe\n    for_each: ${find.rows}\n    inputs: {name: '${item.name}'}\n"
    run = play(tmp_path, step)
    assert [output["message"] for output in run.result("about")["output"]] == ["about a0", "about a1", "about a2"]


PARALLEL = """
  - parallel:
      - id: left
        tool: touch
        inputs: {name: left}
      - id: right
        tool: touch
        inputs: {name: right}
      - id: third
        tool: describe
        inputs: {name: '${find.rows[2].name}'}
  - id: last
    tool: describe
    inputs: {name: '${left.message}, ${right.message}, ${third.message}'}
"""


def test_parallel_steps_ask_at_the_same_time_and_the_next_step_needs_all_of_them(tmp_path: Path) -> None:
    run = play(tmp_path, PARALLEL)
    assert {proposal["args"]["name"] for proposal in run.proposals} == {"left", "right"}
    run.decide()
    run.decide()
    assert run.result("last")["output"]["message"] == "about touched left, touched right, about a2"
    assert run.steps.count("last") == 1


def test_after_a_rejection_the_other_parallel_steps_go_on_and_what_needs_all_does_not_run(tmp_path: Path) -> None:
    run = play(tmp_path, PARALLEL)
    rejected = run.proposals[0]["args"]["name"]
    run.decide(Verdict.REJECT)
    run.decide()
    [done] = {"left", "right"} - {rejected}
    assert changed == [f"touch {done}"] and run.result(rejected)["status"] == "rejected"
    assert "last.result" not in run.state


def test_needs_decides_the_order_whatever_is_written_first(tmp_path: Path) -> None:
    run = Play(loaded(tmp_path, """
  - id: last
    tool: describe
    needs: [one, two]
    inputs: {name: '${one.message} ${two.message}'}
  - id: one
    tool: describe
    needs: []
    inputs: {name: '1'}
  - id: two
    tool: describe
    needs: [one]
    inputs: {name: '2 ${one.message}'}
"""))  # fmt: skip
    assert run.steps == ["one", "two", "last"]
    assert run.result("last")["output"]["message"] == "about about 1 about 2 about 1"


INNER = """
  - id: look
    tool: describe
    inputs: {name: '${input.text}'}
  - id: act
    tool: rename
    inputs: {name: '${look.message}'}
    when: input.go
"""
OUTER = """
  - id: first
    workflow: inner
    inputs: {text: '${find.rows[0].name}'}
  - id: second
    workflow: inner
    when: first.act.ok
    inputs: {text: '${first.act.message}', go: false}
  - id: last
    tool: describe
    inputs: {name: '${second.look.message}'}
"""


def test_a_workflow_is_a_part_of_another_one_with_its_gates(tmp_path: Path) -> None:
    loaded(tmp_path, INNER, "inner")
    run = play(tmp_path, OUTER)
    assert run.proposals[0]["args"]["name"] == "about a0"
    run.decide()
    assert changed == ["rename about a0"]
    assert run.result("last")["output"]["message"] == "about about renamed about a0"
    assert run.result("second.act")["status"] == "skipped"
    assert run.steps[:4] == ["find", "first", "first.look", "first.act.propose"]


def test_a_condition_on_a_step_inside_that_has_no_output_is_not_true(tmp_path: Path) -> None:
    loaded(tmp_path, INNER, "inner")
    last = "  - id: last\n    tool: describe\n    inputs: {name: z}\n    when: first.act.message != ''\n"
    run = play(tmp_path, "  - id: first\n    workflow: inner\n    inputs: {text: a, go: false}\n" + last)
    assert run.result("last")["status"] == "skipped"


def test_a_workflow_that_is_skipped_or_rejected_inside_another_one(tmp_path: Path) -> None:
    loaded(tmp_path, INNER, "inner")
    run = play(tmp_path, OUTER)
    run.decide(Verdict.REJECT, said="No.")
    assert run.result("first.act")["status"] == "rejected" and "second.input" not in run.state
    skipped = play(tmp_path, OUTER.replace("    inputs: {text: '${find.rows[0].name}'}", "    when: find.count > 9", 1))
    assert skipped.state["first.input"]["status"] == skipped.state["second.input"]["status"] == "skipped"
    assert skipped.result("last")["status"] == "skipped"
    assert "first.look" not in skipped.steps


# Failures


def test_an_input_that_is_wrong_only_when_the_step_runs_is_an_error_of_the_step(tmp_path: Path) -> None:
    steps = "  - id: about\n    tool: describe\n    on_error: ask\n    inputs: {name: '${find.rows[7].name}'}\n"
    run = play(tmp_path, steps)
    assert "${find.rows[7].name} has no value: ${find.rows} has 3 entries." in run.proposals[0]["question"]


def test_the_tools_beside_the_file_and_those_of_other_folders_are_found(tmp_path: Path) -> None:
    from assent.composition import load_workflow

    text = "name: {0}\nversion: '1'\ntitle: T\nsteps:\n  - id: a\n    tool: from_{1}\n"
    tool = (
        "from pydantic import BaseModel\nfrom assent.toolbox import tool\nclass None_(BaseModel):\n    pass\n"
        "@tool(effect='read')\ndef from_{0}(inputs: None_) -> None_:\n    'Do nothing.'\n    return inputs\n"
    )
    for name, other in (("one", "one"), ("two", "one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "workflow.yaml").write_text(text.format(name, other))
    (tmp_path / "one" / "tools.py").write_text(tool.format("one"))
    assert Play(load_workflow(tmp_path / "one")).result("a")["status"] == "done"
    assert Play(load_workflow(tmp_path / "two" / "workflow.yaml")).result("a")["status"] == "done"


def test_the_input_may_be_a_pydantic_model_of_the_tools_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "tested").mkdir()
    (tmp_path / "tested" / "tools.py").write_text(
        "from pydantic import BaseModel, Field\n"
        "class Wanted(BaseModel):\n    text: str = Field(default='b', max_length=3)\n"
    )
    run = Play(loaded(tmp_path, FIND, given="input: tools.Wanted\n"))
    assert run.result("find")["output"]["rows"][0]["name"] == "b0"
    with pytest.raises(ValueError, match="at most 3 characters"):
        Play(loaded(tmp_path, FIND, given="input: tools.Wanted\n"), text="long")


def test_an_input_that_does_not_fit_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="This must be yes or no"):
        play(tmp_path, "", go="maybe")


# What a call rests on
