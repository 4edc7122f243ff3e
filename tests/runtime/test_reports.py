"""What a step reports: kept with the step that reported it, whatever is reported."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from assent import publish_artifact, report_receipt
from assent.contracts import Outcome
from assent.digests import canonical
from tests.flows import FlowState, effect
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import Node, follow_up, gate, install, reporting_gate

gate_act_and_report = reporting_gate("tried", "failed", "The disk was full.")


def nested_act_and_report(state: FlowState) -> FlowState:
    """The same in a graph of the step's own."""
    inner = StateGraph(FlowState)
    inner.add_node("inside", gate_act_and_report)
    inner.add_edge(START, "inside")
    return inner.compile().invoke(state)


async def _dies(*arguments: Any) -> None:
    raise KeyError("the worker dies here")


@pytest.mark.parametrize("step", [gate_act_and_report, nested_act_and_report], ids=["own", "nested"])
@pytest.mark.parametrize("write", [0, 1, 2])
def test_what_a_step_reported_outlives_its_worker(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, step: Node, write: int
) -> None:
    """The worker dies at one of the writes around the end of the step."""
    install(rig, monkeypatch, "honest_report", step=step, follow_up=follow_up)
    run, request = rig.begin_approved("honest_report")
    store, done = rig.advancer._store, []
    note = store.note

    async def dies(*arguments: Any) -> None:
        done.append(arguments)
        if len(done) > write:
            raise KeyError("the worker dies here")
        await note(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(store, "note", dies)
        for name in ("complete", "fail", "suspend"):
            broken.setattr(store, name, _dies)
        with pytest.raises(KeyError):
            rig.advance(run)
    receipt = rig.view(request).receipt
    assert receipt is None or (receipt.status, receipt.explicit) == ("failed", True)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.explicit, receipt.summary) == ("failed", True, "The disk was full.")
    assert receipt.delivered_at is not None and len(rig.requests(run)) == 1
    assert rig.effects(run)["followed up"] >= 1


def circular() -> list[Any]:
    around: list[Any] = []
    around.append({"self": around})
    return around


def deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(5_000):
        value = {"in": value}
    return value


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("I have no words.")

    __repr__ = __str__


SECRET = "ghp_" + "a1B2" * 10
REPORTS: dict[str, tuple[Any, Any, Any]] = {
    "long summary": ("applied", "x" * 3_000, None),
    "half an emoji": ("applied", "Done \ud83d", {"\ud83d": "\ud83d\x00"}),
    "datetime": ("applied", "", {"at": datetime(2026, 7, 1, tzinfo=UTC)}),
    "NaN": ("applied", "", [math.nan, math.inf, 10**5_000]),
    "set": ("applied", "", {"ids": {3, 1, 2}}),
    "bytes": ("applied", b"done", b"\xff\x00"),
    "circular": ("applied", "", circular()),
    "deep": ("applied", "", deep()),
    "huge": ("applied", "", {"rows": ["x" * 1_000] * 20_000}),
    "secret": ("applied", f"Used {SECRET}", {"token": SECRET}),
    "no words": ("applied", Unspeakable(), Unspeakable()),
    "unknown status": ("done", "All well.", None),
    "no status": (None, None, None),
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_reporting_never_fails_a_step_that_has_acted(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    status, summary, detail = REPORTS[name]

    def act(state: FlowState) -> FlowState:
        effect(state, "done")
        report_receipt(Outcome.model_validate(state["outcome"]), status, summary, detail)
        return {}

    install(rig, monkeypatch, "honest_values", gate=gate, act=act)
    run, request = rig.begin_approved("honest_values")
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert rig.effects(run) == {"done": 1} and receipt.explicit
    assert receipt.status == ("applied" if status == "applied" else "delivered")
    assert len(receipt.summary) <= 2_000 and len(canonical(receipt.detail)) < 2_000_000
    assert SECRET not in receipt.summary + canonical(receipt.detail)
    if name == "long summary":
        assert receipt.summary.endswith("(cut)")
    if status != "applied":
        assert receipt.summary.startswith("Not known")


@pytest.mark.parametrize("outcome", [None, 7, "not an id", {}, {"request_id": 7}], ids=str)
def test_a_report_of_nothing_is_left_out(rig: Rig, monkeypatch: pytest.MonkeyPatch, outcome: Any) -> None:
    def act(state: FlowState) -> FlowState:
        effect(state, "done")
        report_receipt(outcome, "failed")
        publish_artifact(7, Unspeakable(), None)  # type: ignore[arg-type]
        return {}

    install(rig, monkeypatch, "honest_nothing", gate=gate, act=act)
    run, request = rig.begin_approved("honest_nothing")
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"done": 1} and rig.view(request).receipt.status == "applied"
