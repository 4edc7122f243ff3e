"""What proposals of runs rest on: read again before the call, and asked again as a revision if it has changed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.runtime.rig import Rig
from workflows.database_maintenance.sample import create_sample

ORDERS = {"orders": {"rows": 40_000, "indexes": {"by_id": "(id)"}}}


def begin(rig: Rig, workflow: str = "resting") -> str:
    run = rig.begin(workflow, advance=False)
    world(rig, run, ORDERS)
    rig.advance(run)
    return run


def world(rig: Rig, run: str, tables: dict[str, Any] | None) -> None:
    """Change the world; None: it cannot be read any more."""
    path = rig.aside(run, "world")
    if tables is None:
        path.unlink()
    else:
        path.write_text(json.dumps(tables))


def indexed(*names: str) -> dict[str, Any]:
    """The tables after somebody else has added indexes."""
    return {"orders": ORDERS["orders"] | {"indexes": {"by_id": "(id)"} | dict.fromkeys(names, "(status)")}}


def approve(rig: Rig, run: str) -> ApprovalRequest:
    request = rig.only(run)
    rig.decide(request)
    rig.advance(run)
    return request


def test_a_call_is_made_if_what_it_rests_on_still_holds(rig: Rig) -> None:
    run = begin(rig)
    [basis] = rig.only(run).payload["rests_on"]
    assert basis["tool"] == "list_tables" and basis["values"][0]["value"] == {"orders": 40_000}
    world(rig, run, {"orders": ORDERS["orders"] | {"rows": 41_000}})
    request = approve(rig, run)
    assert rig.finish(run)["result"] == {"index": "by_status"}
    assert rig.effects(run) == {"created": 1} and rig.view(request).receipt.status == "applied"


@pytest.mark.parametrize(
    ("meanwhile", "path", "problem"),
    [
        (indexed("by_hand"), "tables.orders.indexes.by_hand", "new"),
        ({"orders": ORDERS["orders"] | {"rows": 400_000}}, "tables.orders.rows", ""),
        ({}, "tables.orders.rows", "gone"),
        (None, "", "FileNotFoundError"),
    ],
    ids=["index", "grown", "dropped", "unreachable"],
)
def test_a_changed_world_opens_a_revision_and_nothing_is_applied(
    rig: Rig, meanwhile: dict[str, Any] | None, path: str, problem: str
) -> None:
    run = begin(rig)
    world(rig, run, meanwhile)
    first = rig.only(run)
    rig.decide(first)
    if meanwhile is None:
        # What cannot be read now can be read again when the proposal is made again.
        rig.advance(run)
        assert "could not be read again" in rig.view(first).receipt.summary
        return
    rig.advance(run)
    assert rig.effects(run) == {}
    receipt = rig.view(first).receipt
    assert receipt.status == "not_applied" and receipt.summary.startswith("Nothing was applied")
    second = rig.only(run)
    assert (second.previous_id, second.revision) == (first.id, 2)
    changed = second.payload["changed"]
    assert (changed["request_id"], changed["times"]) == (first.id, 1)
    assert path in {change["path"] for change in changed["changes"]}
    assert problem in {change["problem"] for change in changed["changes"]}
    approve(rig, run)
    assert rig.effects(run) == {"created": 1} and rig.view(second).receipt.status == "applied"


def changing(rig: Rig, run: str, numbers: range) -> None:
    for number in numbers:
        world(rig, run, indexed(*(f"another_{other}" for other in range(number + 1))))
        approve(rig, run)


@pytest.mark.parametrize("answer", ["propose again", "stop"])
def test_after_three_times_a_person_is_asked_what_to_do(rig: Rig, answer: str) -> None:
    run = begin(rig)
    changing(rig, run, range(3))
    question = rig.only(run)
    assert question.kind == "question" and "approved 3 times" in question.payload["question"]
    asked = rig.requests(run)
    assert [request.revision for request in asked] == [1, 2, 3, 4]
    assert all(rig.view(request).receipt.status == "not_applied" for request in asked[:3])
    rig.answer(question, answer)
    rig.advance(run)
    if answer == "stop":
        rig.finish(run)
        assert rig.effects(run) == {}
        return
    last = rig.only(run)
    assert (last.previous_id, last.revision, last.payload["changed"]["times"]) == (question.id, 5, 3)
    approve(rig, run)
    assert rig.effects(run) == {"created": 1}


def test_database_maintenance_asks_again_as_a_revision(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rig.folder / "shop.db"
    create_sample(f"sqlite:///{path}", orders=5_000)
    monkeypatch.setenv("ASSENT_TARGET_SHOP", f"sqlite:///{path}")
    monkeypatch.setenv("ASSENT_MAINTENANCE_DIR", str(rig.folder))
    workload = "SELECT * FROM shipments WHERE tracking_code = 'TRK000000017';"
    given = {"target": "shop", "workload": workload, "min_duration_ms": 0, "backup_required": False}
    run = rig.runs.start(rig.starter, "database_maintenance", given).id
    rig.advance(run)
    first = rig.only(run)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE INDEX by_hand ON shipments (shipped_at)")
    rig.decide(first)
    rig.advance(run)
    second = rig.only(run)
    receipt = rig.view(first).receipt
    assert receipt.status == "not_applied" and "by_hand is new" in receipt.summary
    assert (second.previous_id, second.revision) == (first.id, 2)
    assert second.digest != first.digest, "the first approval does not count for it"
    rig.decide(second)
    rig.advance(run)
    assert rig.finish(run)["status"] == "applied" and rig.view(second).receipt.status == "applied"


class _Killed(Exception):
    """Stands for the end of the worker: nothing of it is written."""


@pytest.mark.parametrize(("workflow", "times"), [("resting", 1), ("resting_again", 2)])
def test_the_effect_of_a_worker_that_died_is_no_change_by_somebody_else(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, workflow: str, times: int
) -> None:
    run = begin(rig, workflow)
    request = rig.only(run)
    rig.decide(request)
    store = rig.advancer._store

    async def dies(*arguments: Any) -> None:
        if rig.effects(run):
            raise _Killed
        await note(*arguments)

    note = store.note
    with monkeypatch.context() as broken:
        for name in ("note", "complete", "fail", "suspend"):
            broken.setattr(store, name, dies)
        with pytest.raises(_Killed):
            rig.advance(run)
    assert rig.effects(run) == {"created": 1}
    rig.advance(run)
    assert rig.effects(run) == {"created": times}
    if times == 1:
        assert "Whether it was carried out is not known" in str(rig.only(run).payload)
        receipt = rig.view(request).receipt
        assert receipt is None or receipt.status == "delivered"
        return
    rig.finish(run)
    assert rig.view(request).receipt.status == "applied"


def test_a_rejection_reads_nothing_again(rig: Rig) -> None:
    run = begin(rig)
    world(rig, run, None)
    request = rig.only(run)
    rig.decide(request, Verdict.REJECT, comment="No.")
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {} and len(rig.requests(run)) == 1
