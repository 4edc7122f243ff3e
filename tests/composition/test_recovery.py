"""What steps in YAML do about failures of a known kind, with a real database: corrected SQL, permissions, time-outs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assent.contracts import ReceiptStatus
from assent.toolbox.errors import ToolFailedError
from assent.toolbox.ledger import keeping_in
from assent.toolbox.uses import ToolUse, recording_to
from tests.composition.play import Play, loaded
from tests.composition.tools_for_tests import database, failing

QUERY = """
  - id: look
    tool: query_items
    inputs: {sql: "SELECT TOP 2 name FROM items ORDER BY name"}
"""
CHANGE = """
  - id: change
    tool: change_items
    inputs: {sql: "DELETE FROM items WHERE (name = 'a'"}
"""
DELETE = """
  - id: change
    tool: change_items
    inputs: {sql: "DELETE FROM items WHERE name = 'a'"}
"""
CORRECTED = "DELETE FROM items WHERE (name = 'a')"


@pytest.fixture(autouse=True)
def items(tmp_path: Path) -> Iterator[Path]:
    """A database with three items, which the tools use."""
    file = tmp_path / "items.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("create table items (name text)")
        connection.executemany("insert into items values (?)", [("a",), ("b",), ("c",)])
    database["address"] = f"file:{file}"
    failing.clear()
    yield file


@pytest.fixture
def uses() -> Iterator[list[ToolUse]]:
    found: list[ToolUse] = []
    with recording_to(found.append):
        yield found


def names(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("select name from items order by name")]


def forbid(file: Path) -> None:
    """Open the database for reading only."""
    database["address"] = f"file:{file}?mode=ro"


def grant(file: Path) -> None:
    database["address"] = f"file:{file}"


def test_a_query_of_another_dialect_is_called_once_more_and_the_call_says_so(
    tmp_path: Path, uses: list[ToolUse]
) -> None:
    run = Play(loaded(tmp_path, QUERY))
    assert run.result("look")["output"] == {"found": [["a"], ["b"]]}
    assert [use.status for use in uses] == ["failed", "ok"]
    assert "+ SELECT name FROM items ORDER BY name LIMIT 2" in uses[1].warnings[0]


def test_healing_can_be_switched_off(tmp_path: Path, uses: list[ToolUse]) -> None:
    with pytest.raises(ToolFailedError):
        Play(loaded(tmp_path, QUERY + "    recover: {sql_syntax: on_error}\n"))
    assert len(uses) == 1


def test_a_corrected_change_runs_only_after_people_have_approved_it(tmp_path: Path, items: Path) -> None:
    run = Play(loaded(tmp_path, CHANGE))
    run.decide()
    [again] = run.proposals
    assert names(items) == ["a", "b", "c"]
    assert run.receipts[-1].status is ReceiptStatus.FAILED
    assert again["args"] == {"sql": CORRECTED}
    assert again["labels"]["corrects"] == "request-1"
    assert f"+ {CORRECTED}" in again["summary"]
    run.decide()
    assert names(items) == ["b", "c"]
    assert run.result("change")["status"] == "done"
    assert run.receipts[-1].request_id == "request-2"
    assert run.receipts[-1].status is ReceiptStatus.APPLIED


def test_a_corrected_change_that_is_rejected_does_not_run(tmp_path: Path, items: Path) -> None:
    run = Play(loaded(tmp_path, CHANGE))
    run.decide()
    run.decide(verdict="reject")
    assert names(items) == ["a", "b", "c"]
    assert run.result("change")["status"] == "rejected"


def test_an_approved_query_is_proposed_again_too(tmp_path: Path) -> None:
    run = Play(loaded(tmp_path, QUERY + "    gate: always\n"))
    run.decide()
    assert run.proposals[0]["args"] == {"sql": "SELECT name FROM items ORDER BY name LIMIT 2"}
    run.decide()
    assert run.result("look")["output"] == {"found": [["a"], ["b"]]}


def test_a_correction_that_fails_as_well_is_not_corrected_again(tmp_path: Path, items: Path) -> None:
    def spoil(payload: dict[str, Any]) -> None:
        payload["args"]["sql"] = CHANGE.split('"')[1]

    run = Play(loaded(tmp_path, CHANGE + "    on_error: ask\n"))
    run.decide()
    run.decide(change=spoil)
    assert run.proposals[0]["title"] == "“Change” failed: what now?"
    assert names(items) == ["a", "b", "c"]


def test_nobody_makes_a_corrected_change_again_when_its_worker_died(tmp_path: Path, items: Path) -> None:
    begun = {"request-2"}  # as after a crash during the corrected call

    def begin(key: str) -> bool:
        return key not in begun and not begun.add(key)

    with keeping_in(begin):
        run = Play(loaded(tmp_path, CHANGE))
        run.decide()
        run.decide()
        assert run.proposals[0]["title"].startswith("Was it done?")
        assert names(items) == ["a", "b", "c"]
        run.answer("not_done")
        assert run.proposals[0]["args"] == {"sql": CORRECTED}
        run.decide()
    assert names(items) == ["b", "c"]


@pytest.mark.parametrize("answer", ["retry", "skip", "stop"])
def test_a_denied_change_is_a_question_to_a_person(tmp_path: Path, items: Path, answer: str) -> None:
    forbid(items)
    run = Play(loaded(tmp_path, DELETE))
    run.decide()
    assert run.proposals[0]["title"] == "Need elevated permissions for “Change”"
    grant(items)
    assert names(items) == ["a", "b", "c"]
    run.answer(answer)
    if answer == "retry":
        assert run.proposals[0]["kind"] == "tool_call"  # it may not be repeated, so that it is approved again
        run.decide()
    assert names(items) == (["b", "c"] if answer == "retry" else ["a", "b", "c"])
    assert run.result("change")["status"] == ("done" if answer == "retry" else "failed")


def test_a_denied_reading_step_asks_if_its_policy_says_so(tmp_path: Path, items: Path, uses: list[ToolUse]) -> None:
    steps = QUERY.replace("SELECT TOP 2 name FROM items ORDER BY name", "PRAGMA user_version = 1")
    forbid(items)
    with pytest.raises(ToolFailedError):
        Play(loaded(tmp_path, steps))
    run = Play(loaded(tmp_path, steps + "    recover: {permission_denied: ask}\n"))
    assert run.proposals[0]["title"] == "Need elevated permissions for “Look”"
    assert [use.attempts for use in uses] == [1, 1]
    grant(items)
    run.answer("retry")
    assert run.result("look")["status"] == "done"


@pytest.mark.parametrize(("policy", "denied"), [("", False), ("    recover: {permission_denied: ask}\n", True)])
def test_a_step_that_skips_failures_asks_only_if_its_policy_says_so(
    tmp_path: Path, items: Path, policy: str, denied: bool
) -> None:
    forbid(items)
    run = Play(loaded(tmp_path, DELETE + "    on_error: skip\n" + policy))
    run.decide()
    assert bool(run.asked) is denied
    assert denied or run.result("change")["status"] == "failed"


def test_a_lost_connection_is_repeated_unless_the_policy_says_no(tmp_path: Path) -> None:
    steps = "  - id: about\n    tool: describe\n    retry: {attempts: 2, backoff: 10ms}\n    inputs: {name: x}\n"
    failing.append("x")
    assert Play(loaded(tmp_path, steps)).result("about")["status"] == "done"
    failing.append("x")
    with pytest.raises(ToolFailedError, match="not reachable"):
        Play(loaded(tmp_path, steps + "    recover: {timeout: on_error}\n"))
