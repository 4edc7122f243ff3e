"""What counts as leaving something out, and what of it would have protected the rest."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import apply_change
from app.domain.omissions import left_out, lost_safeguards
from app.domain.risk import Finding, assess
from app.risk.omissions import without_safeguards
from assent.contracts import RiskLevel
from tests.factories import optimizations, plan

ITEMS = optimizations(3)
PLAN = plan()
CALLS = {
    "kind": "tool_calls", "title": "Clean up", "summary": "", "agent": "", "environment": "", "labels": {},
    "risk_floor": "safe", "expires_in_seconds": None,
    "calls": [
        {"id": "a", "tool": "backup_table", "args": {"table": "t"}, "args_schema": None,
         "decisions": ["approve", "edit", "reject", "respond"], "decision": "approve", "message": ""},
        {"id": "b", "tool": "delete_rows", "args": {"table": "t"}, "args_schema": None,
         "decisions": ["approve", "edit", "reject", "respond"], "decision": "approve", "message": ""},
    ],
}  # fmt: skip
REJECTED = {"id": "a", "decision": "reject", "message": "Not needed."}


@pytest.mark.parametrize(
    ("payload", "change", "expected"),
    [
        (ITEMS, {"items": [{"id": "a"}, {"id": "c"}]}, ("Index b",)),
        (ITEMS, {"items": [{"id": "a"}, {"id": "c", "statement": "create index concurrently i on t (z)"}]}, ()),
        (CALLS, {"calls": [REJECTED]}, ("backup_table",)),
        (CALLS, {"calls": [{"id": "a", "decision": "respond", "message": "Done."}]}, ()),
        (CALLS, {"calls": [{"id": "a", "decision": "reject"}, {"id": "b", "args": {"table": "u"}}]}, ()),
        (PLAN, {"steps": [{"id": "find"}, {"id": "measure"}, {"id": "drop"}]}, ("Write the report",)),
        (PLAN, {"steps": [{"id": "measure"}, {"id": "find"}]}, ()),
        (PLAN, {"steps": [{"id": "report"}, {"id": "find"}, {"id": "measure"}, {"id": "drop"}]}, ()),
        (PLAN, {"steps": [{"id": "find", "inputs": {"days": 1}}]}, ()),
    ],
)  # fmt: skip
def test_only_a_change_that_leaves_out_and_does_nothing_else_counts(
    payload: dict[str, Any], change: dict[str, Any], expected: tuple[str, ...]
) -> None:
    try:
        changed = apply_change(payload, change)
    except Exception:  # a plan in another order is refused where steps need each other
        assert expected == ()
        return
    assert left_out(payload, changed) == expected
    assert left_out(payload, payload) == ()


def test_other_kinds_have_nothing_to_leave_out() -> None:
    script = {"kind": "script", "content": "select 1"}
    assert left_out(script, script | {"content": ""}) == () and lost_safeguards(None, "x") == ()


@pytest.mark.parametrize(
    ("part", "protects"),
    [
        ({"title": "Back up orders", "tool": "backup_table@1.0"}, True),
        ({"title": "Take a snapshot"}, True),
        ({"title": "Copy", "statement": "create table orders_backup as select * from orders"}, True),
        ({"title": "Short waits", "statement": "set lock_timeout = '2s'"}, True),
        ({"title": "Dry run", "tool": "apply"}, True),
        ({"title": "Backup orders before drop"}, True),
        ({"title": "Snapshot the volume before delete"}, True),
        ({"title": "Back up orders"}, True),
        ({"title": "Orders are backed up, then removed"}, True),
        ({"title": "Create a rollback point"}, True),
        ({"title": "Create a restore point", "tool": "run_sql"}, True),
        ({"title": "Save orders", "tool": "pg_dump"}, True),
        ({"title": "Remove duplicates", "tool": "backupOrders"}, True),
        ({"title": "Copy", "statement": "CREATE TABLE orders_bak AS SELECT * FROM orders"}, True),
        ({"title": "Delete old backups", "tool": "prune_backups"}, False),
        ({"title": "Drop orders_bak", "statement": "drop table orders_bak"}, False),
        ({"title": "Prune what was backed up", "tool": "remove_dumps"}, False),
        ({"title": "Go back to the list", "tool": "update_rows"}, False),
        ({"title": "Old copies", "statement": "drop table orders_backup"}, False),
        ({"title": "Index a", "statement": "create index i on t (a)"}, False),
    ],
)
def test_what_protects_the_rest_is_known_by_its_name(part: dict[str, Any], protects: bool) -> None:
    part = {"id": "x"} | part
    before = {"kind": "optimizations", "items": [part, {"id": "y", "title": "Delete rows"}]}
    after = before | {"items": before["items"][1:]}
    assert lost_safeguards(before, after) == ((part["title"],) if protects else ())


@given(
    st.sampled_from(["Backup", "Back up", "Snapshot", "Dump", "back-up", "bak"]),
    st.text("abcdefghij ", max_size=30),
    st.sampled_from(["before", "prior to", "so that we can"]),
    st.sampled_from(["drop", "delete", "remove", "purge", "prune", "destroy"]),
)
def test_what_protects_before_something_is_deleted_is_a_safeguard(
    protects: str, what: str, before: str, deletes: str
) -> None:
    title = f"{protects} {what} {before} {deletes}"
    payload = {"kind": "optimizations", "items": [{"id": "x", "title": title}, {"id": "y", "title": "Drop"}]}
    assert lost_safeguards(payload, payload | {"items": payload["items"][1:]}) == (title[:100],)


def test_what_was_never_to_be_done_protects_nothing() -> None:
    before = copy.deepcopy(CALLS)
    before["calls"][0]["decision"] = "reject"
    assert lost_safeguards(before, apply_change(CALLS, {"calls": [REJECTED]})) == ()
    assert lost_safeguards(CALLS, apply_change(CALLS, {"calls": [REJECTED]})) == ("backup_table",)


@pytest.mark.parametrize(
    ("level", "then"), [("safe", "safe"), ("low", "low"), ("medium", "high"), ("high", "critical"),
                        ("critical", "critical")],
)  # fmt: skip
def test_without_its_safeguard_what_changes_something_is_a_level_riskier(level: str, then: str) -> None:
    before = assess([Finding("x", RiskLevel(level), "It does.")])
    after = without_safeguards(before, ("Back up orders",), RiskLevel.SAFE)
    assert after.level.value == then
    assert without_safeguards(before, (), RiskLevel.SAFE) is before
