"""Threads that machines with different clocks write to: each step runs once, or nothing runs and it is said why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from langgraph.checkpoint.base import id as ids

from assent import ThreadOrderError, checkpoint_order
from assent.checkpoint_order import in_order
from assent.thread import GetListed, Reading, read
from tests.processes.crash_flows import GATES, MANY_GATES
from tests.sdk.driven import Drivable, Driven

pytestmark = pytest.mark.processes
Machine = Callable[[float], AbstractContextManager[None]]
WITHIN = 1
"""The first gate of the subgraph; the next one is in it as well."""
ALL = {f"{what} {number}": 1 for number in range(GATES) for what in ("approved", "acted")}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """What runs in such a block is done by a process on a machine whose clock is off by so many seconds."""

    @contextmanager
    def off(seconds: float) -> Iterator[None]:
        real = time.time_ns
        clock = SimpleNamespace(time_ns=lambda: real() + int(seconds * 1e9))
        with monkeypatch.context() as there:
            there.setattr(ids, "time", clock)
            there.setattr(ids, "_last_v6_timestamp", None)
            there.setattr(checkpoint_order, "time", clock)
            yield

    return off


@pytest.fixture
def driven(drivable: Drivable) -> Driven:
    """A thread with gates in a row, some of them in a subgraph."""
    return drivable(MANY_GATES)


class LeftError(Exception):
    """The program ended."""


def left_at(driven: Driven, gate: int, sync: bool = True) -> str:
    """Drive it through so many gates, and leave it at the next; gives the request that is open then."""
    opened: list[str] = []

    def decide(request: Any) -> None:
        opened.append(request.id)
        if len(opened) > gate:
            raise LeftError
        driven.portal.decide(request.id)

    with pytest.raises(LeftError):
        driven.start(sync=sync, on_request=decide).get()
    return opened[-1]


def driven_to_its_end(driven: Driven, sync: bool = True) -> None:
    """Drive it on, and approve all that it asks."""

    def decide(request: Any) -> None:
        if driven.portal.request(request.id)["state"] == "pending":
            driven.portal.decide(request.id)

    driven.start(None, sync=sync, on_request=decide).get()
    assert driven.effects() == ALL


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("gate", range(GATES))
def test_a_thread_from_a_machine_a_little_ahead_is_gone_on_with_in_order(
    driven: Driven, machine: Machine, gate: int, sync: bool
) -> None:
    with machine(1.0):
        left_at(driven, gate, sync)
    with machine(0.0):
        driven_to_its_end(driven, sync)


@pytest.mark.parametrize("gate", range(GATES))
def test_a_thread_from_a_machine_far_ahead_is_left_alone_until_then(
    driven: Driven, machine: Machine, gate: int
) -> None:
    with machine(180.0):
        request = left_at(driven, gate)
    before = driven.effects()
    driven.portal.decide(request)
    with machine(0.0):
        for _ in range(3):
            with pytest.raises(ThreadOrderError, match=r"clock is 1\d\d s ahead of this one's"):
                driven.start().get()
            assert driven.next()["id"] == request, "nobody is asked again"
    assert driven.effects() == before, "nothing was run"
    with machine(360.0):
        driven_to_its_end(driven)


def test_a_subgraph_that_is_ahead_of_its_graph_is_left_alone_until_then(driven: Driven, machine: Machine) -> None:
    """The graph itself was last written before the machine that is ahead continued the subgraph."""
    with machine(0.0):
        left_at(driven, WITHIN)
    with machine(180.0):
        request = left_at(driven, WITHIN)
    before = driven.effects()
    driven.portal.decide(request)
    with machine(0.0), pytest.raises(ThreadOrderError, match=r"clock is 1\d\d s ahead of this one's"):
        driven.start().get()
    assert driven.effects() == before, "nothing was run"
    with machine(360.0):
        driven_to_its_end(driven)


@pytest.mark.parametrize("gate", range(GATES))
def test_a_thread_that_is_continued_during_the_look_is_looked_at_again(driven: Driven, gate: int) -> None:
    """Another program continued it between two reads; for a gate of a subgraph, the graph itself stays where it was."""
    request = left_at(driven, gate)
    driven.portal.decide(request)
    outcome = driven.client.approvals.get(request).status().outcome
    assert outcome is not None
    resume = {next(iter(driven.asks())): outcome.model_dump(mode="json")}
    state = read(driven.graph, _before_the_first_list(in_order(driven.config), partial(driven.past, resume)))
    assert state.config == driven.graph.get_state(driven.config).config
    assert [interrupt.id for task in state.tasks for interrupt in task.interrupts] == list(driven.asks())


def _before_the_first_list(look: Reading[Any], act: Callable[[], object]) -> Reading[Any]:
    """Do something between the read of a thread's state and the first list of its checkpoints."""
    found, acted = None, False
    while True:
        try:
            step = look.send(found)
        except StopIteration as end:
            return end.value
        if isinstance(step, GetListed) and not acted:
            acted = True
            act()
        found = yield step


@pytest.mark.parametrize("gate", range(GATES))
def test_what_another_program_has_gone_on_with_is_not_run_again(driven: Driven, machine: Machine, gate: int) -> None:
    """It resumed the thread by its own means, on a machine that is behind the one on which the thread was before."""
    with machine(180.0):
        request = left_at(driven, gate)
    driven.portal.decide(request)
    outcome = driven.client.approvals.get(request).status().outcome
    assert outcome is not None
    with machine(0.0):
        driven.past({next(iter(driven.asks())): outcome.model_dump(mode="json")})
    before = driven.effects()
    assert before["acted " + str(gate)] == 1
    for sync in (True, False):
        with machine(360.0), pytest.raises(ThreadOrderError, match="yet counts as older") as refused:
            driven.start(sync=sync).get()
    assert driven.effects() == before and driven._opened.empty(), "nothing was run, and nobody was asked"
    with machine(360.0):
        driven.graph.update_state(refused.value.config, None)
        driven_to_its_end(driven)
