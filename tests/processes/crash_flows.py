"""Workflows for tests that kill: steps count their attempts, and carry out each item once however often they run."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import psycopg
from langgraph.graph import END, START, StateGraph

from assent import (
    OptimizationItem,
    Optimizations,
    Outcome,
    ReceiptStatus,
    Script,
    report_receipt,
    request_approval,
    target_address,
)
from tests.flows import FlowState, _workflow, die_once, effect, in_a_row


def aside(state: FlowState, name: str) -> Path:
    """A file beside the effects file, by which a test talks to a running step."""
    return Path(f"{state['input']['effects']}.{name}")


def wait_if_held(state: FlowState, name: str) -> None:
    """Wait in this step for as long as the test holds it, and say that it has been reached."""
    aside(state, f"{name}.reached").touch()
    while aside(state, f"{name}.held").exists():
        time.sleep(0.005)


def carry_out(state: FlowState, line: str) -> None:
    """Do something that can be repeated without doing it twice."""
    path = aside(state, "done")
    done = path.read_text().splitlines() if path.exists() else []
    if line not in done:
        with path.open("a") as file:
            file.write(line + "\n")


def _propose(state: FlowState) -> FlowState:
    effect(state, "propose")
    die_once(state, "propose")
    wait_if_held(state, "propose")
    items = [OptimizationItem(id=name, title=f"Index {name}", statement=f"create index {name}") for name in "abc"]
    return {"proposal": Optimizations(title="Create 3 indexes", items=items).model_dump(mode="json")}


def _gate(state: FlowState) -> FlowState:
    die_once(state, "gate")
    outcome = request_approval(state["proposal"])
    die_once(state, "after-answer")
    wait_if_held(state, "gate")
    return {"outcome": outcome.model_dump(mode="json")}


def _apply(state: FlowState) -> FlowState:
    effect(state, "apply")
    die_once(state, "apply")
    outcome = Outcome.model_validate(state["outcome"])
    for number, item in enumerate(outcome.proposal.items):  # type: ignore[union-attr]
        carry_out(state, item.statement)
        if number == 0:
            die_once(state, "half-applied")
    wait_if_held(state, "apply")
    die_once(state, "applied")
    report_receipt(outcome, ReceiptStatus.APPLIED, "Created what was approved.")
    die_once(state, "reported")
    return {}


def _last(state: FlowState) -> FlowState:
    effect(state, "last")
    die_once(state, "last")
    return {}


def _crash_graph() -> StateGraph:
    return in_a_row({"propose": _propose, "gate": _gate, "apply": _apply, "last": _last})


def _statement(state: FlowState) -> FlowState:
    """A statement that takes as long as the test wants, on a database of the workflow's own."""
    outcome = request_approval(Script(title="Fill the table", language="sql", content="insert into filled …"))
    with psycopg.connect(target_address("crash"), autocommit=True) as connection:
        connection.execute(
            "with waited as materialized (select pg_advisory_xact_lock(4711)) "
            "insert into filled select %s from waited on conflict do nothing",
            (outcome.request_id,),
        )
    report_receipt(outcome, ReceiptStatus.APPLIED, "Filled.")
    return {}


def _statement_graph() -> StateGraph:
    return in_a_row({"statement": _statement, "last": _last})


def _fail(state: FlowState) -> FlowState:
    effect(state, "failed")
    die_once(state, "failing")
    if aside(state, "mended").exists():
        return {}
    raise RuntimeError("always the same")


def _fail_graph() -> StateGraph:
    return in_a_row({"fail": _fail, "last": _last})


GATES = 4


def _ask_within(state: FlowState, number: int) -> FlowState:
    outcome = request_approval(Script(title=f"Step {number}", language="sql", content=f"select {number}"))
    effect(state, f"approved {number}")
    report_receipt(outcome, ReceiptStatus.APPLIED, "Done.")
    return {}


def _act(state: FlowState, number: int) -> FlowState:
    """Act, and say which worker did."""
    effect(state, f"acted {number}")
    with aside(state, "workers").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return {}


def _gates_graph() -> StateGraph:
    """Gates in a row, each with a step after it; two of them are in a graph within the graph."""
    inner, graph = StateGraph(FlowState), StateGraph(FlowState)
    last = _add_gate(inner, START, 1)
    inner.add_edge(_add_gate(inner, last, 2), END)
    graph.add_node("within", inner.compile())
    graph.add_edge(_add_gate(graph, START, 0), "within")
    graph.add_edge(_add_gate(graph, "within", 3), END)
    return graph


def _add_gate(graph: StateGraph, after: str, number: int) -> str:
    graph.add_node(f"gate{number}", partial(_ask_within, number=number))
    graph.add_node(f"act{number}", partial(_act, number=number))
    graph.add_edge(after, f"gate{number}")
    graph.add_edge(f"gate{number}", f"act{number}")
    return f"act{number}"


MANY_GATES = _workflow("many_gates", _gates_graph)
CRASH = _workflow("crash_gate", _crash_graph)
STATEMENT = _workflow("crash_statement", _statement_graph)
FAIL = _workflow("crash_fail", _fail_graph)
ALL = ",".join(f"tests.processes.crash_flows:{name}" for name in ("CRASH", "STATEMENT", "FAIL", "MANY_GATES"))
