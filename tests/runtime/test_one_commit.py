"""What LangGraph stores of a step and what the portal says about it are written together, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, TypedDict

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph

from app.runtime import step_writer
from tests.flows import FlowState, effect
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import follow_up, install, install_graph, reporting_gate

STORED = """
    select (select count(*) from checkpoints where thread_id = :run) as checkpoints,
        (select count(*) from checkpoint_writes where thread_id = :run) as writes"""
TOLD = """
    select (select count(*) from approval_requests where run_id = :run) as requests,
        (select count(*) from receipts join approval_requests on id = request_id where run_id = :run) as receipts,
        (select count(*) from events where run_id = :run and kind <> 'run.changed') as events,
        (select count(*) from audit_entries where run_id = :run) as entries"""

SHORT_STORED = """
    select count(*) from checkpoint_writes join runs on runs.id = thread_id
    where workflow = 'one_commit_beside' and channel = 'answers'"""


ask_and_act = reporting_gate("removed", "applied", "It is gone.")


@contextmanager
def dies_writing(rig: Rig, table: str, condition: str, *, what: str = "insert") -> Iterator[None]:
    """Within the block the server ends whatever writes such a row, as if it were shut down in that moment."""
    rig.sql("""
        create or replace function test_dies() returns trigger language plpgsql as $$
        begin raise exception 'the server dies here' using errcode = '57P01'; end $$""")
    rig.sql(
        f"create trigger test_dies before {what} on {table} for each row when ({condition}) "
        "execute function test_dies()"
    )
    try:
        yield
    finally:
        rig.sql(f"drop trigger test_dies on {table}")


def dies(rig: Rig, monkeypatch: pytest.MonkeyPatch, run: str, table: str, condition: str, **what: str) -> None:
    """The worker's advance fails with the database, and is not tried again within it."""
    monkeypatch.setattr(step_writer, "WRITE_AGAIN_SECONDS", ())
    with dies_writing(rig, table, condition.format(run), **what), pytest.raises(psycopg.OperationalError):
        rig.advance(run)
    assert rig.state(run) == "running", "its job is there, and is tried again"


def rows(rig: Rig, run: str) -> tuple[Any, ...]:
    """How much is stored of a run's thread, and how much is told of the run."""
    return (*rig.sql(STORED, run=run)[0], *rig.sql(TOLD, run=run)[0])


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("checkpoint_writes", "new.channel = '__interrupt__' and new.thread_id = '{0}'"),
        ("approval_requests", "new.run_id = '{0}'"),
        ("audit_entries", "new.action = 'request.opened' and new.run_id = '{0}'"),
    ],
    ids=["the thread", "the request", "the record"],
)
def test_a_question_and_its_request_are_one_commit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, table: str, condition: str
) -> None:
    install(rig, monkeypatch, "one_commit", step=ask_and_act, follow_up=follow_up)
    run = rig.begin("one_commit", advance=False)
    dies(rig, monkeypatch, run, table, condition)
    assert not rig.asks(run) and not rig.requests(run)
    rig.advance(run)
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)
    assert list(rig.effects(run).values()) == [1, 1]


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("checkpoints", "new.thread_id = '{0}'"),
        ("receipts", "new.summary = 'It is gone.'"),
        ("events", "new.kind = 'step.ended' and new.run_id = '{0}'"),
    ],
    ids=["the thread", "the receipt", "the events"],
)
def test_a_step_and_what_is_told_of_it_are_one_commit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, table: str, condition: str
) -> None:
    """The step that took the outcome: its checkpoint, its receipt, its events, and that the outcome has arrived."""
    install(rig, monkeypatch, "one_commit", step=ask_and_act, follow_up=follow_up)
    run, request = rig.begin_approved("one_commit")
    before = rows(rig, run)
    dies(rig, monkeypatch, run, table, condition)
    assert rows(rig, run) == before and rig.asks(run)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.summary) == ("applied", "It is gone.") and receipt.delivered_at is not None
    assert rig.effects(run)["followed up"] == 1


@pytest.mark.parametrize(
    ("table", "condition", "what"),
    [
        ("checkpoints", "new.thread_id = '{0}' and (new.metadata ->> 'step')::int = 2", "insert"),
        ("runs", "new.id = '{0}' and new.state = 'completed'", "update"),
    ],
    ids=["the thread", "the run"],
)
def test_the_last_step_and_the_completion_are_one_commit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, table: str, condition: str, what: str
) -> None:
    install(rig, monkeypatch, "one_commit", step=ask_and_act, follow_up=follow_up)
    run, request = rig.begin_approved("one_commit")
    dies(rig, monkeypatch, run, table, condition, what=what)
    assert rig.thread(run).next == ("follow_up",), "the thread stands before its last step"
    assert rig.view(request).receipt.delivered_at is not None, "the step before it is stored with its delivery"
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run)["removed"] == 1


def test_a_worker_that_has_lost_its_run_stores_nothing_of_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker takes the run up while a step of this one goes on."""
    seen: list[tuple[Any, ...]] = []

    def slow(state: FlowState) -> FlowState:
        rig.sql("update runs set attempt = attempt + 1 where workflow = 'one_commit_lost' and state = 'running'")
        [[run]] = rig.sql("select id from runs where workflow = 'one_commit_lost' and state = 'running'")
        seen.append(rows(rig, run))
        return {}

    install(rig, monkeypatch, "one_commit_lost", first=follow_up, slow=slow)
    run = rig.begin("one_commit_lost")
    assert rows(rig, run) == seen[0] and rig.state(run) == "running"


def test_what_a_step_wrote_is_stored_while_another_one_beside_it_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash in the long one does not repeat the short one."""
    seen: list[int] = []

    def short(state: FlowState) -> FlowState:
        effect(state, "short")
        return {"answers": ["short"]}

    def long(state: FlowState) -> FlowState:
        last = time.monotonic() + 20
        while not (stored := rig.sql(SHORT_STORED)[0][0]) and time.monotonic() < last:
            time.sleep(0.005)
        seen.append(stored)
        return {"answers": ["long"]}

    def build() -> StateGraph:
        graph = StateGraph(FlowState)
        for name, step in (("short", short), ("long", long)):
            graph.add_node(name, step)
            graph.add_edge(START, name)
            graph.add_edge(name, END)
        return graph

    install_graph(rig, monkeypatch, "one_commit_beside", "1", build)
    run = rig.begin("one_commit_beside")
    rig.finish(run)
    assert seen == [1], "it was stored before the step was complete"


class Spoken(TypedDict, total=False):
    input: dict[str, Any]
    said: str


def test_a_last_step_that_the_database_does_not_take_fails_the_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written with the completion, but that it cannot be is the fault of what the run has made."""

    def build() -> StateGraph:
        graph = StateGraph(Spoken)
        graph.add_node("first", lambda state: {"said": "well"})
        graph.add_node("last", lambda state: {"said": "half \x00 of it"})
        graph.add_edge(START, "first")
        graph.add_edge("first", "last")
        graph.add_edge("last", END)
        return graph

    install_graph(rig, monkeypatch, "one_commit_spoken", "1", build)
    run = rig.begin("one_commit_spoken")
    stopped = rig.run(run)
    assert stopped.state == "failed" and "\\u0000" in stopped.error["message"]
    assert rig.thread(run).next == ("last",)


def test_that_a_run_is_running_is_told_with_its_first_step(rig: Rig) -> None:
    run = rig.begin("test_gate")
    rig.decide(rig.only(run))
    rig.advance(run)
    told = rig.sql(
        "select coalesce(payload::json ->> 'state', kind) from events "
        "where run_id = :run and kind in ('run.changed', 'step.started') order by id",
        run=run,
    )
    changes = [change for change, _ in groupby(change for (change,) in told)]
    assert changes == [
        "queued", "running", "step.started", "suspended", "queued", "running", "step.started", "completed",
    ]  # fmt: skip
