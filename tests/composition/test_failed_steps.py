"""Steps of workflows in YAML that fail: repeated, skipped, or asked about; and calls whose worker died."""

from __future__ import annotations

from pathlib import Path

import pytest

from assent.contracts import ReceiptStatus, Verdict
from assent.toolbox.errors import ToolError
from assent.toolbox.ledger import keeping_in
from tests.composition.play import AFTER, EACH, RENAME, play
from tests.composition.tools_for_tests import changed, failing

RETRIED = "  - id: about\n    tool: describe\n    retry: {{attempts: {}, backoff: 1ms}}\n    inputs: {{name: x}}\n"


def test_a_failed_step_fails_the_run_unless_it_says_otherwise(tmp_path: Path) -> None:
    failing.extend(["x"] * 3)
    with pytest.raises(ToolError, match="describe failed in 3 attempts"):
        play(tmp_path, RETRIED.format(3))


def test_a_call_is_repeated_as_often_as_the_step_says(tmp_path: Path) -> None:
    failing.extend(["x"] * 4)
    run = play(tmp_path, RETRIED.format(5))
    assert run.result("about")["status"] == "done" and not failing


def test_a_failed_step_may_be_skipped(tmp_path: Path) -> None:
    failing.extend(["a0"])
    run = play(tmp_path, RENAME.replace("    agent: Cleaner\n", "    on_error: skip\n"))
    run.decide()
    assert run.result("clean")["status"] == "failed" and "a0 is not reachable" in run.result("clean")["reason"]
    assert run.result("about")["status"] == "skipped"
    assert run.receipts[0].status is ReceiptStatus.FAILED


ASK = "  - id: about\n    tool: describe\n    on_error: ask\n    retry: {attempts: 1}\n    inputs: {name: x}\n"


@pytest.mark.parametrize(
    ("answer", "status", "last"), [("retry", "done", True), ("skip", "failed", True), ("stop", "failed", False)]
)
def test_people_are_asked_what_to_do_about_a_failure(tmp_path: Path, answer: str, status: str, last: bool) -> None:
    failing.append("x")
    run = play(tmp_path, ASK + AFTER)
    [question] = run.proposals
    assert question["kind"] == "question" and question["title"] == "“About” failed: what now?"
    assert "x is not reachable" in question["question"]
    run.answer(answer)
    assert run.result("about")["status"] == status
    assert ("last.result" in run.state) is last


def test_a_call_that_hangs_fails_at_the_timeout_of_the_step(tmp_path: Path) -> None:
    steps = ASK.replace("tool: describe", "tool: hang\n    timeout: 50ms")
    run = play(tmp_path, steps)
    assert "hang has not finished after 0.05 s." in run.proposals[0]["question"]


def test_a_question_that_is_rejected_or_expires_stops_the_run(tmp_path: Path) -> None:
    failing.append("x")
    run = play(tmp_path, ASK + AFTER)
    run.decide(Verdict.REJECT, said="Not now.")
    assert run.result("about")["status"] == "failed" and "Not now." in run.result("about")["reason"]
    assert "last.result" not in run.state


def test_retrying_a_call_that_must_not_be_repeated_needs_another_approval(tmp_path: Path) -> None:
    failing.append("a0")
    run = play(tmp_path, RENAME.replace("    agent: Cleaner\n", "    on_error: ask\n"))
    run.decide()
    assert "asks for approval of the call again" in run.proposals[0]["question"]
    run.answer("retry")
    assert run.proposals[0]["kind"] == "tool_call" and not changed
    run.decide()
    assert changed == ["rename a0"]
    assert [receipt.status for receipt in run.receipts] == [ReceiptStatus.FAILED, ReceiptStatus.APPLIED]


def test_retrying_a_call_that_may_be_repeated_needs_no_other_approval(tmp_path: Path) -> None:
    failing.append("a0")
    asking = "    on_error: ask\n    retry: {attempts: 1}\n"
    run = play(tmp_path, RENAME.replace("tool: rename", "tool: touch").replace("    agent: Cleaner\n", asking))
    run.decide()
    run.answer("retry")
    assert changed == ["touch a0"] and not run.asked


def test_a_failed_row_is_asked_about_and_the_others_are_not_repeated(tmp_path: Path) -> None:
    failing.append("1: a1")
    run = play(tmp_path, EACH + "    on_error: ask\n" + AFTER)
    run.decide()
    assert "row 2" in run.proposals[0]["title"] and changed == ["rename 0: a0"]
    assert '"name": "1: a1"' in run.proposals[0]["question"]
    run.answer("skip")
    assert changed == ["rename 0: a0", "rename 2: a2"]
    assert [row is not None for row in run.result("clean")["output"]] == [True, False, True]
    assert run.receipts[-1].status is ReceiptStatus.PARTLY_APPLIED
    assert run.result("last")["status"] == "done"


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize(("answer", "status"), [("done", "applied"), ("not_done", "not_applied"), ("stop", "failed")])
def test_nobody_repeats_a_call_whose_worker_died(tmp_path: Path, rows: bool, answer: str, status: str) -> None:
    begun = {"request-1", "request-1/1"}  # as after a crash between the call and its receipt

    def begin(key: str) -> bool:
        return key not in begun and not begun.add(key)

    with keeping_in(begin):
        run = play(tmp_path, (EACH if rows else RENAME) + AFTER)
        run.decide()
        assert run.proposals[0]["title"].startswith("Was it done?") and not changed
        assert ('"name": "0: a0"' if rows else '"name": "a0"') in run.proposals[0]["question"]
        run.answer(answer)
        if answer == "done":
            assert changed == (["rename 1: a1", "rename 2: a2"] if rows else [])
        elif answer == "not_done":
            assert run.proposals[0]["kind"] == ("tool_calls" if rows else "tool_call") and not changed
            run.decide()
            assert changed[0] == ("rename 0: a0" if rows else "rename a0")
        else:
            assert run.result("clean")["status"] == "failed" and "last.result" not in run.state
    first = [receipt for receipt in run.receipts if receipt.request_id == "request-1"]
    expected = {"not_applied": "failed"}.get(status, status) if rows else status
    assert first[-1].status.value == expected
