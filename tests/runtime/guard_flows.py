"""Workflows that bring about what the resume guard is there for; `tests.flows` has the everyday ones."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, field_validator

from assent import (
    Custom,
    Outcome,
    Question,
    ReceiptStatus,
    Script,
    Workflow,
    publish_artifact,
    report_receipt,
    request_approval,
)
from tests.flows import Age, FlowState, _workflow, effect, released


def aside(state: FlowState, name: str) -> Path:
    """A file beside the effects file, by which a test talks to a running node."""
    return Path(f"{state['input']['effects']}.{name}")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what the test does, for as long as a test may take; a step in a thread cannot be ended from outside."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def _graph(**nodes: Any) -> StateGraph:
    """Nodes one after the other."""
    graph = StateGraph(FlowState)
    before = START
    for name, node in nodes.items():
        function, metadata = node if isinstance(node, tuple) else (node, {})
        graph.add_node(name, function, metadata=metadata)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def _beside(**nodes: Any) -> StateGraph:
    """Nodes side by side, then one that counts what they gave."""
    graph = StateGraph(FlowState)
    graph.add_node("last", _last)
    graph.add_edge("last", END)
    for name, function in nodes.items():
        graph.add_node(name, function)
        graph.add_edge(START, name)
    graph.add_edge(list(nodes), "last")
    return graph


def _last(state: FlowState) -> FlowState:
    effect(state, "last")
    return {}


def _asks(name: str) -> Any:
    def ask(state: FlowState) -> FlowState:
        effect(state, f"asked {name}")
        return {"answers": [f"{name}={interrupt(f'What is {name}?')}"]}

    return ask


def _runs(name: str) -> Any:
    def run(state: FlowState) -> FlowState:
        outcome = request_approval(Script(title=f"Run {name}", language="sql", content=f"select '{name}'"))
        effect(state, f"{name} {outcome.verdict.value}")
        return {}

    return run


def _ask_twice_the_same(state: FlowState) -> FlowState:
    return {"answers": [interrupt("Go on?"), interrupt("Go on?"), interrupt("Go on?")]}


def _ask_from_file(state: FlowState) -> FlowState:
    return {"answers": [interrupt(aside(state, "question").read_text())]}


def _propose_from_file(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Run it", language="sql", content=aside(state, "script").read_text()))
    effect(state, f"ran {outcome.proposal.content}")  # type: ignore[union-attr]
    return {}


async def _linger(state: FlowState) -> FlowState:
    """Take the answer, do the work, report it, and only then come to the end of the node."""
    outcome = request_approval(Script(title="Restart the service", language="bash", content="systemctl restart app"))
    if aside(state, "report").exists():
        report_receipt(outcome, ReceiptStatus.APPLIED, "Restarted.")
    aside(state, "lingers").touch()
    await asyncio.to_thread(released(state["input"]["effects"]).wait)
    effect(state, f"restarted {outcome.verdict.value}")
    return {}


def _dies_with_the_answer(state: FlowState) -> FlowState:
    """Once, the process is gone after the answer has come and before the node has ended."""
    outcome = request_approval(Script(title="Restart the service", language="bash", content="systemctl restart app"))
    if not (marker := aside(state, "died")).exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    effect(state, f"restarted {outcome.verdict.value}")
    return {}


def _always_fails(state: FlowState) -> FlowState:
    if aside(state, "mended").exists():
        return {"answers": ["mended"]}
    effect(state, "failed")
    raise ConnectionError("connection refused: password=hunter2hunter2")


def _quick_question(state: FlowState) -> FlowState:
    wait_until(lambda: not aside(state, "late").exists())
    outcome = request_approval(Question(title="Which one?", question="Which one?"))
    wait_until(aside(state, "failing").exists)
    return {"answers": [outcome.answer]}


def _fails_beside(state: FlowState) -> FlowState:
    answer = interrupt("Shall it fail?")
    if answer == "yes" and not aside(state, "mended").exists():
        aside(state, "failing").touch()
        raise ConnectionError("it failed beside")
    return {"answers": [f"beside {answer}"]}


def _fails_then_asks(state: FlowState) -> FlowState:
    effect(state, "tried")
    if not aside(state, "mended").exists():
        raise ConnectionError("not yet")
    first, second = interrupt("First?"), interrupt("Second?")
    return {"answers": [first, second]}


def _fails_until_mended(state: FlowState) -> FlowState:
    """Fails once the question beside it has been asked and answered for."""
    if interrupt("Ready?") and not aside(state, "mended").exists():
        effect(state, "failed")
        raise ConnectionError("it failed beside")
    return {"answers": ["ready"]}


def _secret_script(state: FlowState) -> FlowState:
    token = os.environ.get("TEST_TOKEN_OF_NO_VALUE", "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5")
    outcome = request_approval(
        Script(title=f"Push with {token}", language="bash", content=f"git push https://bot:{token}@example.org/r.git")
    )
    aside(state, "received").write_text(outcome.proposal.content)  # type: ignore[union-attr]
    report_receipt(outcome, ReceiptStatus.APPLIED, f"Pushed with {token}", {"token": token})
    publish_artifact("log.txt", f"used {token}")
    return {}


def _raw_proposal(state: FlowState) -> FlowState:
    """What an agent might do that speaks the dialect without the SDK."""
    token = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
    answer = interrupt({"assent": "1", "proposal": {"kind": "question", "title": token, "question": f"Use {token}?"}})
    return {"answers": [Outcome.model_validate(answer).answer]}


def _set_value(state: FlowState) -> FlowState:
    tables = {"orders", "items", "people", "teams", "events", "runs", "jobs"}
    return {"answers": [interrupt({"tables": tables, "factor": float("nan")})]}


def _odd_reports(state: FlowState) -> FlowState:
    outcome = request_approval(Question(title="Report?", question="Report?"))
    report_receipt(outcome.model_copy(update={"request_id": "nobody's"}), ReceiptStatus.APPLIED, "Not mine.")
    report_receipt(outcome, ReceiptStatus.PARTLY_APPLIED, "Half\x00way", {"factor": float("nan")})
    publish_artifact("odd\x00name", "odd\x00text")
    return {}


def _schema_age(state: FlowState) -> FlowState:
    effect(state, "asked")
    return {"answers": [interrupt("How old?", response_schema=Age).years]}


class Even(BaseModel):
    """What JSON Schema cannot say of it, the model itself checks."""

    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, value: int) -> int:
        """Refuse odd ones."""
        if value % 2:
            raise ValueError("odd")
        return value


def _even(state: FlowState) -> FlowState:
    return {"answers": [interrupt("An even number?", response_schema=Even).number]}


def _parent_graph(ask: Any) -> StateGraph:
    inner = _graph(inner_ask=ask)
    graph = StateGraph(FlowState)
    graph.add_node("child", inner.compile())
    graph.add_node("last", _last)
    graph.add_edge(START, "child")
    graph.add_edge("child", "last")
    graph.add_edge("last", END)
    return graph


def _text(state: FlowState) -> FlowState:
    effect(state, "asked")
    return {"answers": [interrupt("What now?")]}


def _outside_schema(state: FlowState) -> FlowState:
    schema = {"type": "object", "properties": {"go": {"$ref": "http://127.0.0.1:9/schema"}}}
    outcome = request_approval(Question(title="Go on?", question="Go on?", answer_schema=schema))
    effect(state, "answered")
    return {"answers": [outcome.answer]}


def _odd_proposal(state: FlowState) -> FlowState:
    odd = {"half": "a\ud83db", "all": "\U0001f600"} | dict(zip("\ud83d\ud83e", (1, 2), strict=True))
    proposal = Custom(title="Half an emoji", data=odd)
    outcome = request_approval(proposal)
    report_receipt(outcome, ReceiptStatus.APPLIED, "Done", {"half": "\ud83d"})
    publish_artifact("half \ud83d", "text \ud83d")
    return {"answers": [outcome.payload["data"]]}


def _odd_value(state: FlowState) -> FlowState:
    value: Any = {"title": "\ud83d", "half": "\ud83d", "infinite": float("inf")}
    deep: Any = "\ud83d"
    for _ in range(160):
        deep = [deep]
    return {"answers": [str(interrupt(value | {"deep": deep}))]}


def _deep_proposal(state: FlowState) -> FlowState:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    request_approval(Custom(title="Deep", data=deep))
    return {}


BESIDE = _workflow("guard_beside", lambda: _beside(a=_asks("a"), b=_asks("b"), c=_asks("c")))
GATES = _workflow("guard_gates", lambda: _beside(a=_runs("a"), b=_runs("b")))
SAME = _workflow("guard_same", lambda: _graph(same=_ask_twice_the_same))
FILE = _workflow("guard_file", lambda: _beside(file=_ask_from_file, a=_asks("a")))
CHANGING = _workflow("guard_changing", lambda: _graph(propose=_propose_from_file))
LINGER = _workflow("guard_linger", lambda: _graph(linger=_linger, last=_last))
DIES = _workflow("guard_dies", lambda: _graph(dies=_dies_with_the_answer, last=_last))
FAILS = _workflow("guard_fails", lambda: _graph(fails=_always_fails, last=_last))
FAILS_BESIDE = _workflow("guard_fails_beside", lambda: _beside(quick=_quick_question, beside=_fails_beside))
FAILS_THEN_ASKS = _workflow("guard_fails_then_asks", lambda: _graph(ask=_fails_then_asks, last=_last))
WAITS_BESIDE = _workflow("guard_waits_beside", lambda: _beside(a=_asks("a"), fails=_fails_until_mended))
SECRET = _workflow("guard_secret", lambda: _graph(secret=_secret_script))
RAW = _workflow("guard_raw", lambda: _graph(raw=_raw_proposal))
SET = _workflow("guard_set", lambda: _graph(set=_set_value))
ODD = _workflow("guard_odd", lambda: _graph(odd=_odd_reports, last=_last))
AGE = _workflow("guard_age", lambda: _graph(age=_schema_age, last=_last))
EVEN = _workflow("guard_even", lambda: _beside(even=_even, a=_asks("a")))
PARENT = _workflow("guard_parent", lambda: _parent_graph(_asks("depth")))
PARENT_FAILS = _workflow("guard_parent_fails", lambda: _parent_graph(_fails_then_asks))
TEXT = _workflow("guard_text", lambda: _graph(text=_text, last=_last))
OUTSIDE = _workflow("guard_outside", lambda: _graph(outside=_outside_schema))
ODD_PROPOSAL = _workflow("guard_odd_proposal", lambda: _graph(odd=_odd_proposal))
ODD_VALUE = _workflow("guard_odd_value", lambda: _graph(odd=_odd_value))
DEEP = _workflow("guard_deep", lambda: _graph(deep=_deep_proposal))
NAMES = [name for name, value in globals().items() if isinstance(value, Workflow)]
ALL = ",".join(f"tests.runtime.guard_flows:{name}" for name in NAMES)
