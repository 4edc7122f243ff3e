"""A node that asks is never cached: every run asks its own people, whatever an earlier one was told."""

from __future__ import annotations

from typing import Any

import pytest

from assent.contracts import Verdict
from tests.runtime import caching_flows
from tests.runtime.rig import Rig
from tests.runtime.test_guard_hazards import tamper

ANSWERS = {"value": "yes", "schema": {"years": 7}}


def approve(rig: Rig, run: str, name: str) -> None:
    """Approve or answer what the run asks, and let it go on."""
    request = rig.only(run)
    if name in ANSWERS:
        rig.answer(request, ANSWERS[name])
    else:
        rig.decide(request)
    rig.advance(run)


@pytest.mark.parametrize("name", caching_flows.ASKING)
def test_each_run_asks_though_the_node_is_cached(rig: Rig, name: str) -> None:
    first = rig.begin(f"cached_{name}")
    approve(rig, first, name)
    rig.finish(first)
    second = rig.begin(f"cached_{name}")
    assert rig.state(second) == "suspended", "nobody was asked"
    if name in ANSWERS:
        approve(rig, second, name)
        rig.finish(second)
    else:
        rig.decide(rig.only(second), Verdict.REJECT, comment="not this time")
        rig.advance(second)
        assert "ran approve" not in rig.effects(second)


def test_an_agent_that_is_cached_asks_in_each_run(rig: Rig) -> None:
    for _ in range(2):
        effects = rig.folder / f"effects{len(list(rig.folder.glob('effects*')))}"
        call = {"name": "send_email", "args": {"effects": str(effects), "to": "all@example.org"}}
        run = rig.begin("cached_agent", turns=[[call]])
        assert rig.state(run) == "suspended", "nobody was asked"
        rig.decide(rig.only(run))
        rig.advance(run)
        rig.finish(run)
        assert rig.effects(run) == {"sent to all@example.org: ": 1}


def test_what_asks_nothing_is_cached_as_before(rig: Rig) -> None:
    def measured() -> tuple[Any, Any]:
        run = rig.begin("cached_gate")
        before = rig.effects(run)["measured"]
        approve(rig, run, "gate")
        rig.finish(run)
        return before, rig.effects(run)["measured"] - before

    measured()
    assert measured() == (0, 0), "the steps before and after the gate were taken from the cache"


def test_an_outcome_that_something_else_has_cached_is_not_taken(rig: Rig) -> None:
    """As an earlier version of Assent did, or the same graph where nobody watches it."""
    graph = rig.library.graph("cached_value")
    run = rig.begin("cached_value")
    request = rig.only(run)
    rig.invoke(run, {request.interrupt_id: "yes, from elsewhere"})
    assert graph.cache is not None and graph.cache._cache, "it is in the cache"
    other = rig.begin("cached_value")
    assert rig.state(other) == "suspended"
    approve(rig, other, "value")
    assert rig.finish(other)["answers"] == ["yes"]


def test_an_outcome_of_another_run_is_not_accepted(rig: Rig) -> None:
    """As something might hand it in that keeps outcomes: the same script, approved for somebody else."""
    first, second = rig.begin("cached_gate"), rig.begin("cached_gate")
    elsewhere, request = rig.only(first), rig.only(second)
    assert elsewhere.digest == request.digest
    rig.decide(request)
    tamper(rig, request.id, request_id=elsewhere.id)
    rig.advance(second)
    failed = rig.only(second)
    assert failed.kind == "error" and "belongs to another request" in failed.payload["message"]
    assert "ran approve" not in rig.effects(second)
