"""Claims: who may, one at a time, for how long, and that they keep nobody from deciding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.errors import (
    AlreadyDecidedError,
    ClaimedError,
    ConflictError,
    DuplicateDecisionError,
    ExpiredError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.people import SYSTEM, Actor, Role, Via
from app.domain.policy.terms import Stage
from app.services.approvals.decisions.claims import LONGEST_CLAIM, SHORTEST_CLAIM, claimant_id
from app.store.requests import ApprovalRequest
from tests.factories import script
from tests.services.desk import AtOnce, Desk
from tests.services.held import HOUR, asking, away, lines
from tests.services.ruled import ANYONE, DBA, SECURITY, member, ruled, terms


def test_a_claim_says_who_and_until_when_and_is_on_the_record(desk: Desk) -> None:
    request, me = desk.open(), desk.person("First")
    before = desk.clock()
    claimed = desk.checkpoints.claim(request.id, me, 20)
    assert (claimed.claimed_by_id, claimed.claimed_by_name) == (me.id, "First")
    assert claimed.claimed_until - before == pytest.approx(timedelta(minutes=20), abs=timedelta(seconds=30))
    assert claimed.due_at == claimed.claimed_until
    assert desk.events(request)[-1] == "request.changed"
    [(action, detail)] = lines(desk, request)
    assert action == "request.claimed" and detail["renewed"] is False and detail["taken_from"] == ""
    assert datetime.fromisoformat(detail["until"]) == claimed.claimed_until


def test_half_an_hour_if_nothing_is_said(desk: Desk) -> None:
    request, me = desk.open(), desk.person()
    until = desk.checkpoints.claim(request.id, me).claimed_until
    assert until - desk.clock() == pytest.approx(HOUR / 2, abs=timedelta(seconds=30))


@pytest.mark.parametrize("minutes", [SHORTEST_CLAIM - 1, LONGEST_CLAIM + 1, 0, -30, 10**12, True])
def test_a_claim_has_a_shortest_and_a_longest_time(desk: Desk, minutes: int) -> None:
    request, me = desk.open(), desk.person()
    with pytest.raises(InvalidInputError) as refused:
        desk.checkpoints.claim(request.id, me, minutes)
    assert set(refused.value.extra["fields"]) == {"minutes"}
    assert desk.fresh(request).version == request.version


def test_the_shortest_and_the_longest_are_taken_and_renewing_is_no_new_claim(desk: Desk) -> None:
    request, me = desk.open(), desk.person()
    desk.checkpoints.claim(request.id, me, SHORTEST_CLAIM)
    renewed = desk.checkpoints.claim(request.id, me, LONGEST_CLAIM)
    assert renewed.claimed_until - desk.clock() > 7 * HOUR
    assert [detail["renewed"] for _, detail in lines(desk, request)] == [False, True]


def test_somebody_elses_claim_is_taken_over_only_on_purpose(desk: Desk) -> None:
    request, first, second = desk.open(), desk.person("First"), desk.person("Second")
    held = desk.checkpoints.claim(request.id, first)
    with pytest.raises(ClaimedError, match="First") as refused:
        desk.checkpoints.claim(request.id, second)
    assert refused.value.extra == {"claimed_by": "First", "claimed_until": held.claimed_until.isoformat()}
    taken = desk.checkpoints.claim(request.id, second, take_over=True)
    assert taken.claimed_by_id == second.id
    assert lines(desk, request)[-1][1]["taken_from"] == "First"


def test_a_claim_that_is_over_is_free_before_it_is_swept(desk: Desk) -> None:
    request, first, second = desk.open(), desk.person("First"), desk.person("Second")
    desk.checkpoints.claim(request.id, first, 5)
    desk.clock.ahead = timedelta(minutes=5)
    assert claimant_id(desk.fresh(request), desk.clock()) is None
    desk.checkpoints.claim(request.id, second)
    assert lines(desk, request)[-1][1]["taken_from"] == ""


def test_of_ten_who_claim_at_once_one_has_it_and_the_others_are_told_who(desk: Desk, at_once: AtOnce) -> None:
    request = desk.open()
    people = [desk.person(f"Person {number}") for number in range(10)]
    results = at_once([lambda person=person: desk.checkpoints.claim(request.id, person) for person in people])
    winners = [result for result in results if isinstance(result, ApprovalRequest)]
    losers = [result for result in results if isinstance(result, ClaimedError)]
    assert (len(winners), len(losers)) == (1, 9), results
    holder = desk.fresh(request).claimed_by_name
    assert {loser.extra["claimed_by"] for loser in losers} == {holder} == {winners[0].claimed_by_name}
    assert len(lines(desk, request)) == 1


def between(desk: Desk, act: Callable[[], Any]) -> Callable[[], None]:
    """Have `act` happen once, between somebody's look at a request and their write. Call the result afterwards."""
    waiting = [act]

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if waiting and "update approval_requests" in statement:
            waiting.pop()()

    event.listen(desk.engine, "before_cursor_execute", before)
    return lambda: event.remove(desk.engine, "before_cursor_execute", before)


def test_somebody_who_came_between_is_not_taken_over(desk: Desk) -> None:
    request, first, second, third = desk.open(), desk.person("First"), desk.person("Second"), desk.person("Third")
    desk.checkpoints.claim(request.id, first)
    done = between(desk, lambda: desk.checkpoints.claim(request.id, second, take_over=True))
    with pytest.raises(ClaimedError, match="Second"):
        desk.checkpoints.claim(request.id, third, take_over=True)
    done()
    assert desk.fresh(request).claimed_by_id == second.id
    assert desk.checkpoints.claim(request.id, third, take_over=True).claimed_by_id == third.id


def test_an_assignment_that_came_between_is_not_overwritten(desk: Desk) -> None:
    request, me, other, third = desk.open(), desk.person("First"), desk.person("Other"), desk.person("Third")
    done = between(desk, lambda: desk.checkpoints.assign(request.id, me, other.id))
    with pytest.raises(ConflictError, match="just assigned this to Other"):
        desk.checkpoints.assign(request.id, me, third.id)
    done()
    assert desk.fresh(request).assigned_to_id == other.id


def test_what_happens_in_between_and_is_something_else_does_not_matter(desk: Desk) -> None:
    request, me, other = desk.open(), desk.person("First"), desk.person("Other")
    done = between(desk, lambda: desk.checkpoints.assign(request.id, me, other.id))
    assert desk.checkpoints.claim(request.id, me).claimed_by_id == me.id
    done()
    assert desk.fresh(request).assigned_to_id == other.id


def test_who_could_not_decide_cannot_claim(desk: Desk) -> None:
    starter = desk.person("Starter")
    request = desk.open(requester=starter)
    agent = Actor(kind="agent", id="x", name="Agent", roles=frozenset(Role), via=Via.API)
    refused: list[tuple[Actor, type[Exception]]] = [
        (starter, OwnRequestError), (desk.person(roles=[Role.VIEWER]), ForbiddenError),
        (desk.person(roles=[Role.AUDITOR]), ForbiddenError), (agent, ForbiddenError), (SYSTEM, OwnRequestError),
    ]  # fmt: skip
    for actor, kind in refused:
        with pytest.raises(kind):
            desk.checkpoints.claim(request.id, actor)
    assert desk.fresh(request).claimed_by_id is None and lines(desk, request) == []


def test_who_is_not_asked_or_has_decided_cannot_claim(desk: Desk) -> None:
    request = asking(desk, Stage(teams=("dba",), quorum=2))
    inside, outside = member(desk, "Inside", "dba"), member(desk, "Outside", "web")
    with pytest.raises(NotAskedError):
        desk.checkpoints.claim(request.id, outside)
    desk.decide(request, inside)
    with pytest.raises(DuplicateDecisionError):
        desk.checkpoints.claim(request.id, inside)


def test_a_delegate_claims_as_long_as_the_absence_lasts_and_the_delegates_delegate_does_not(desk: Desk) -> None:
    request = asking(desk, Stage(teams=("dba",)))
    dba, delegate, further = member(desk, "DBA", "dba"), member(desk, "Delegate"), member(desk, "Further")
    away(desk, dba, delegate)
    away(desk, delegate, further)
    with pytest.raises(NotAskedError):
        desk.checkpoints.claim(request.id, further)
    assert desk.checkpoints.claim(request.id, delegate).claimed_by_id == delegate.id
    desk.clock.ahead = HOUR
    with pytest.raises(NotAskedError):
        desk.checkpoints.claim(request.id, delegate)


def test_deciding_is_never_kept_back_by_a_claim_and_ends_it(desk: Desk) -> None:
    request, first, second = desk.open(), desk.person("First"), desk.person("Second")
    desk.checkpoints.claim(request.id, first)
    assert desk.decide(request, second).resolved
    after = desk.fresh(request)
    assert (after.state, after.claimed_by_id, after.claimed_by_name, after.claimed_until) == (
        "approved",
        None,
        "",
        None,
    )
    with pytest.raises(AlreadyDecidedError):
        desk.checkpoints.claim(request.id, first)


def test_somebody_elses_claim_outlasts_a_decision_that_settles_nothing(desk: Desk) -> None:
    request, first, second = desk.open(script("drop table t")), desk.person("First"), desk.person("Second")
    desk.checkpoints.claim(request.id, first)
    assert not desk.decide(request, second).resolved
    assert desk.fresh(request).claimed_by_id == first.id


def test_somebody_who_has_decided_holds_it_no_more(desk: Desk) -> None:
    request, me, other = desk.open(script("drop table t")), desk.person("First"), desk.person("Other")
    desk.checkpoints.claim(request.id, me)
    desk.checkpoints.assign(request.id, other, me.id)
    assert not desk.decide(request, me).resolved
    after = desk.fresh(request)
    assert (after.claimed_by_id, after.claimed_until, after.assigned_to_id) == (None, None, None)
    assert after.due_at > desk.clock() + HOUR


@pytest.mark.parametrize("ruling", [(DBA, SECURITY), (DBA, ANYONE)])
def test_a_stage_that_asks_others_takes_it_out_of_everybodys_hands(desk: Desk, ruling: tuple[Stage, ...]) -> None:
    desk = ruled(desk, terms(*ruling))
    request, first, second = desk.open(), member(desk, "First", "dba"), member(desk, "Second", "dba")
    desk.checkpoints.claim(request.id, second)
    desk.checkpoints.assign(request.id, first, second.id)
    desk.decide(request, first)
    after = desk.fresh(request)
    kept = second.id if ANYONE in ruling else None
    assert (after.stage, after.claimed_by_id, after.assigned_to_id) == (1, kept, kept)
    if SECURITY in ruling:
        assert after.due_at > desk.clock() + HOUR
        desk.checkpoints.claim(request.id, member(desk, "Third", "security"))
        desk.checkpoints.withdraw(request.id, first)
        again = desk.fresh(request)
        assert (again.stage, again.claimed_by_id) == (0, None)


@pytest.mark.parametrize("ending", ["cancelled", "run cancelled", "expired"])
def test_a_claim_ends_with_the_request(desk: Desk, ending: str) -> None:
    request, me = desk.open(), desk.person("First")
    desk.checkpoints.claim(request.id, me, LONGEST_CLAIM)
    if ending == "cancelled":
        desk.checkpoints.cancel(request.id, me, "")
    elif ending == "run cancelled":
        desk.runs.cancel(me, request.run_id, "")
    else:
        desk.clock.ahead = request.expires_at - desk.clock() - timedelta(minutes=1)
        desk.checkpoints.claim(request.id, me, LONGEST_CLAIM)
        desk.clock.ahead += timedelta(minutes=2)
        while desk.checkpoints.keep(request.id):
            pass
    after = desk.fresh(request)
    assert after.state == ending.split()[-1]
    assert (after.claimed_by_id, after.claimed_by_name, after.claimed_until) == (None, "", None)
    assert claimant_id(after, desk.clock()) is None


def test_a_claim_lapses_by_itself_once_and_the_next_deadline_stands(desk: Desk, at_once: AtOnce) -> None:
    request, me = desk.open(), desk.person("First")
    due = request.due_at
    until = desk.checkpoints.claim(request.id, me, 5).claimed_until
    assert desk.checkpoints.keep(request.id) is False
    assert request.id not in desk.checkpoints.due()
    desk.clock.ahead = timedelta(minutes=5)
    assert request.id in desk.checkpoints.due()
    assert sum(at_once([lambda: desk.checkpoints.keep(request.id)] * 4)) == 1
    after = desk.fresh(request)
    assert (after.state, after.claimed_by_id, after.claimed_until, after.due_at) == ("pending", None, None, due)
    assert until <= desk.clock()
    assert [action for action, _ in lines(desk, request)] == ["request.claimed", "request.claim_lapsed"]
    assert lines(desk, request)[-1][1]["claimed_by"] == "First"


def test_a_claim_that_is_renewed_as_it_lapses_is_kept_or_lapses_but_not_both(desk: Desk, at_once: AtOnce) -> None:
    me = desk.person("First")
    for _ in range(5):
        desk.clock.ahead = timedelta(0)
        request = desk.open()
        desk.checkpoints.claim(request.id, me, 5)
        desk.clock.ahead = timedelta(minutes=5)
        at_once([lambda r=request: desk.checkpoints.keep(r.id), lambda r=request: desk.checkpoints.claim(r.id, me)])
        # Whichever comes first: the renewed claim is the last word.
        after = desk.fresh(request)
        assert after.claimed_by_id == me.id and after.due_at == after.claimed_until


def test_a_claim_is_given_up_by_its_holder_or_ended_by_an_admin(desk: Desk) -> None:
    request, me, other = desk.open(), desk.person("First"), desk.person("Other")
    admin = desk.person("Admin", [Role.ADMIN])
    due = request.due_at
    with pytest.raises(IllegalTransitionError):
        desk.checkpoints.release_claim(request.id, me)
    desk.checkpoints.claim(request.id, me)
    with pytest.raises(ForbiddenError, match="First"):
        desk.checkpoints.release_claim(request.id, other)
    token = Actor(kind="agent", id=me.id, name="Agent", roles=me.roles, via=Via.API)
    with pytest.raises(ForbiddenError):
        desk.checkpoints.release_claim(request.id, token)
    released = desk.checkpoints.release_claim(request.id, me)
    assert (released.claimed_by_id, released.claimed_until, released.due_at) == (None, None, due)
    desk.checkpoints.claim(request.id, me)
    assert desk.checkpoints.release_claim(request.id, admin).claimed_by_id is None
    ends = [(action, detail) for action, detail in lines(desk, request) if action == "request.claim_released"]
    assert ends == [("request.claim_released", {"claimed_by": "First"})] * 2


def test_there_is_nothing_to_claim_after_the_end_or_of_nothing(desk: Desk) -> None:
    request, me = desk.open(), desk.person()
    for call in (desk.checkpoints.claim, desk.checkpoints.release_claim):
        with pytest.raises(NotFoundError):
            call("nothing", me)
    with pytest.raises(NotFoundError):
        desk.checkpoints.assign("no\x00thing", me, me.id)
    desk.clock.ahead = request.expires_at - desk.clock() + timedelta(seconds=1)
    for act in (
        lambda: desk.checkpoints.claim(request.id, me),
        lambda: desk.checkpoints.release_claim(request.id, me),
        lambda: desk.checkpoints.assign(request.id, me, me.id),
    ):
        with pytest.raises(ExpiredError):
            act()
