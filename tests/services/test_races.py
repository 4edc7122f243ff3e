"""Many at once: one wins, the others are told; votes are neither lost nor doubled."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import AlreadyDecidedError, ConflictError, StaleDigestError
from app.services.approvals.decisions.decision import DecisionResult
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.factories import optimizations, script
from tests.services.desk import AtOnce, Desk, make_desk

KINDS: list[tuple[Verdict, dict[str, Any]]] = [
    (Verdict.APPROVE, {}),
    (Verdict.REJECT, {"comment": "No."}),
    (Verdict.MODIFY, {"change": {"items": [{"id": "a"}]}}),
    (Verdict.REQUEST_CHANGES, {"comment": "Smaller."}),
    (Verdict.MODIFY, {"change": {"items": [{"id": "b"}, {"id": "c"}]}}),
]


@pytest.fixture(scope="module")
def wide_desk(module_database_url: str) -> Iterator[Desk]:
    """A desk with a connection for each of fifty threads."""
    desk = make_desk(module_database_url, pool_size=25)
    yield desk
    desk.engine.dispose()


def one_effect(desk: Desk, request_id: Any, words: int) -> None:
    """Exactly one outcome, resolution, job; and as many decisions as were counted."""
    assert len(desk.decisions(request_id)) == words
    assert desk.outcome(request_id) is not None
    actions = Counter(entry.action for entry in desk.audit(request_id))
    assert actions == {"request.opened": 1, "request.decided": words, "request.resolved": 1}
    assert desk.events(request_id).count("request.resolved") == 1
    assert desk.jobs(request_id.run_id) == 1


def test_fifty_conflicting_decisions_one_wins_and_49_are_told(wide_desk: Desk, at_once: AtOnce) -> None:
    desk = wide_desk
    request = desk.open(optimizations())
    people = [desk.person(f"Reviewer {number}") for number in range(50)]
    calls = [
        lambda who=who, kind=KINDS[number % 5]: desk.decide(request, who, kind[0], **kind[1])
        for number, who in enumerate(people)
    ]
    results = at_once(calls)
    winners = [number for number, result in enumerate(results) if isinstance(result, DecisionResult)]
    assert len(winners) == 1
    told = [result for result in results if not isinstance(result, DecisionResult)]
    assert Counter(type(error) for error in told) == {AlreadyDecidedError: 49}
    state = desk.fresh(request).state
    assert {error.extra["state"] for error in told} == {state}
    verdict = KINDS[winners[0] % 5][0]
    assert desk.outcome(request).verdict == verdict.value
    assert [decision.person_id for decision in desk.decisions(request)] == [people[winners[0]].id]
    one_effect(desk, request, 1)


PROCESS = """
import sys
from tests.services.desk import make_desk
from app.domain.ballot import Ballot
from app.domain.errors import AssentError
from app.domain.people import Via
from app.store.people import Person
from assent.contracts import Verdict
url, request_id, digest, *people = sys.argv[1:]
desk = make_desk(url, 1)
with desk.sessions() as session:
    actors = [session.get_one(Person, each).as_actor(Via.API) for each in people]
print("ready", flush=True)
sys.stdin.readline()
for number, actor in enumerate(actors):
    verdict = [Verdict.APPROVE, Verdict.REJECT][number % 2]
    try:
        desk.checkpoints.decide(request_id, actor, Ballot(verdict, digest, comment="So it is."))
        print("won", flush=True)
    except AssentError as error:
        print(error.code, flush=True)
"""


@pytest.mark.soak
def test_fifty_conflicting_decisions_from_five_processes(wide_desk: Desk, module_database_url: str) -> None:
    desk = wide_desk
    request = desk.open(optimizations())
    people = [desk.person(f"Reviewer {number}").id for number in range(50)]
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, module_database_url, request.id, request.digest, *people[at : at + 10]],
            cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for at in range(0, 50, 10)
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert Counter(said) == {"won": 1, "already_decided": 49}
    one_effect(desk, request, 1)


def test_the_last_votes_at_once_give_one_outcome(wide_desk: Desk, at_once: AtOnce) -> None:
    desk = wide_desk
    for _ in range(10):
        request = desk.open(script("drop table t"))
        people = [desk.person() for _ in range(4)]
        results = at_once([partial(desk.decide, request, who) for who in people])
        counted = [result for result in results if isinstance(result, DecisionResult)]
        assert len(counted) == 2 and sorted(result.resolved for result in counted) == [False, True]
        assert Counter(type(result) for result in results)[AlreadyDecidedError] == 2
        assert desk.fresh(request).approvals == 2
        one_effect(desk, request, 2)


def test_the_same_person_in_many_tabs_counts_once(wide_desk: Desk, at_once: AtOnce) -> None:
    desk = wide_desk
    request, person = desk.open(script("drop table t")), desk.person()
    results = at_once([lambda: desk.decide(request, person) for _ in range(12)])
    assert sum(isinstance(result, DecisionResult) for result in results) == 1
    assert {result.code for result in results if not isinstance(result, DecisionResult)} == {"duplicate_decision"}
    assert (desk.fresh(request).approvals, desk.fresh(request).state) == (1, "pending")


def test_two_edits_at_once_one_is_told_the_new_digest(wide_desk: Desk, at_once: AtOnce) -> None:
    desk = wide_desk
    request = desk.open(script("drop table t"))
    calls = [
        lambda who=who, n=n: desk.decide(request, who, Verdict.MODIFY, change={"content": f"drop table t{n}"})
        for n, who in enumerate([desk.person(), desk.person()])
    ]
    results = at_once(calls)
    lost = [result for result in results if isinstance(result, StaleDigestError)]
    assert len(lost) == 1 and lost[0].extra["digest"] == desk.fresh(request).digest
    assert len(desk.decisions(request)) == 1


def test_deciding_expiring_and_cancelling_at_once(wide_desk: Desk, at_once: AtOnce) -> None:
    """The clock is at the deadline for some and just before it for others."""
    desk = wide_desk
    for _ in range(10):
        request, reviewer, other = desk.open(), desk.person(), desk.person()
        late = make_desk_at_deadline(desk)
        results = at_once(
            [
                partial(desk.decide, request, reviewer),
                partial(expire, late, request),
                partial(desk.checkpoints.cancel, request.id, other, "Not needed."),
            ]
        )
        wins = [result for result in results if result is not False and not isinstance(result, ConflictError)]
        assert len(wins) == 1, results
        assert desk.events(request).count("request.resolved") == 1 and desk.jobs(request.run_id) == 1


def expire(late: Desk, request: ApprovalRequest) -> bool:
    """Do everything that is due on it; the warning comes before the end."""
    while late.checkpoints.keep(request.id):
        pass
    return late.fresh(request).state == "expired"


def make_desk_at_deadline(desk: Desk) -> Desk:
    """The same use cases with a clock that is two days ahead."""
    import dataclasses

    from app.services.approvals.manager import CheckpointManager
    from tests.services.desk import SettableClock, assess_words

    clock = SettableClock()
    clock.ahead = timedelta(days=2)
    return dataclasses.replace(desk, clock=clock, checkpoints=CheckpointManager(desk.sessions, clock, assess_words))
