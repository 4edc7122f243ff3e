"""Calls of workflows in YAML that rest on earlier reads: made only if these still hold, otherwise proposed again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assent.contracts import ReceiptStatus
from assent.toolbox import Registry
from assent.toolbox.ledger import keeping_in
from tests.composition.play import FIND, Play, loaded, play
from tests.composition.tools_for_tests import Answer, Name, changed, failing, registry, rename, sizes

RESTS = """
  - id: look
    tool: measure
    inputs: {name: '${find.rows[0].name}'}
  - id: act
    tool: rename
    inputs: {name: 'size ${look.size}'}
    rests_on:
      look: {size: 0.1, tags: exact}
"""


def test_a_call_is_made_if_what_it_rests_on_still_holds(tmp_path: Path) -> None:
    run = play(tmp_path, RESTS)
    [basis] = run.proposals[0]["rests_on"]
    assert (basis["tool"], basis["inputs"]) == ("measure", {"name": "a0", "force": False})
    assert [(value["path"], value["value"]) for value in basis["values"]] == [("size", 100), ("tags", [])]
    sizes["a0"] = 105
    run.decide()
    assert changed == ["rename size 100"] and run.result("act")["status"] == "done"


def test_a_call_is_proposed_again_if_what_it_rests_on_has_changed(tmp_path: Path) -> None:
    run = play(tmp_path, RESTS)
    sizes["a0"] = 300
    run.decide()
    assert not changed and run.receipts[-1].status is ReceiptStatus.NOT_APPLIED
    assert "size was 100, and is 300" in run.receipts[-1].summary
    [again] = run.proposals
    assert again["args"]["name"] == "size 300" and again["changed"]["request_id"] == "request-1"
    run.decide()
    assert changed == ["rename size 300"] and run.receipts[-1].status is ReceiptStatus.APPLIED
    assert run.result("look")["output"]["size"] == 300


ROWS_REST = """
  - id: look
    tool: measure
    inputs: {name: a0}
  - id: act
    tool: rename
    for_each: ${find.rows}
    inputs: {name: '${item.name}: ${look.size}'}
    rests_on:
      look: {size: exact}
    on_error: ask
"""


def _renames_and_grows(inputs: Name) -> Answer:
    """What a call of `rename` does, and what the other rows rest on is no longer the same."""
    sizes["a0"] = sizes.get("a0", 100) + 1
    return rename.function(inputs, None)


def test_a_list_is_proposed_again_if_what_it_rests_on_has_changed(tmp_path: Path) -> None:
    tools = [tool for tool in registry() if tool.name != "rename"]
    growing = Registry([*tools, replace(rename, function=_renames_and_grows)])
    run = Play(loaded(tmp_path, FIND + ROWS_REST, tools=growing))
    [basis] = run.proposals[0]["rests_on"]
    assert (basis["tool"], basis["values"][0]["value"]) == ("measure", 100)
    sizes["a0"] = 300
    run.decide()
    assert not changed and run.receipts[-1].status is ReceiptStatus.NOT_APPLIED
    assert "size was 100, and is 300" in run.receipts[-1].summary
    [again] = run.proposals
    assert [call["args"]["name"] for call in again["calls"]] == ["a0: 300", "a1: 300", "a2: 300"]
    assert again["changed"]["request_id"] == "request-1"

    # It is read once, before the first call. A request about rows that failed rests on nothing: see what the calls do.
    failing.append("a1: 300")
    run.decide()
    assert changed == ["rename a0: 300"] and sizes["a0"] > 300
    run.answer("retry")
    assert "rests_on" not in run.proposals[0]
    run.decide()
    assert changed == ["rename a0: 300", "rename a1: 300", "rename a2: 300"]
    assert run.receipts[-1].status is ReceiptStatus.APPLIED and not run.asked


def test_after_a_crash_a_list_does_not_take_its_own_effects_for_changes(tmp_path: Path) -> None:
    begun: set[str] = set()

    def begin(key: str) -> bool:
        if key in begun:
            return False
        begun.add(key)
        return True

    with keeping_in(begin):
        run = play(tmp_path, ROWS_REST)
        begun |= {"request-1/reads", "request-1", "request-1/1"}  # a worker died during the call of the first row
        sizes["a0"] = 300  # the effect of that call
        run.decide()
        assert run.proposals[0]["title"].startswith("Was it done?") and not changed
        run.answer("done")
    assert changed == ["rename a1: 100", "rename a2: 100"]


@pytest.mark.parametrize("answer", ["again", "stop"])
def test_after_three_changes_people_are_asked(tmp_path: Path, answer: str) -> None:
    run = play(tmp_path, RESTS)
    for size in (300, 900, 2700):
        sizes["a0"] = size
        run.decide()
    assert run.proposals[0]["kind"] == "question" and "size was 900, and is 2700" in run.proposals[0]["question"]
    run.answer(answer)
    if answer == "again":
        run.decide()
        assert changed == ["rename size 2700"]
    else:
        assert not changed and run.result("act")["status"] == "failed" and not run.asked


def test_what_cannot_be_read_again_keeps_the_call_from_being_made(tmp_path: Path) -> None:
    run = play(tmp_path, RESTS + "    on_error: ask\n")
    failing.extend(["a0"] * 6)
    run.decide()
    assert not changed and "could not be read again" in run.receipts[-1].summary
    assert run.proposals[0]["kind"] == "question"  # looking again failed as well
    run.answer("retry")
    run.decide()
    assert changed == ["rename size 100"]
