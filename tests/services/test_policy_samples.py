"""Samples of what a policy decided: drawn unknown to the agent, reviewed by people, counted by rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotAskedError,
    NotFoundError,
)
from app.domain.people import SYSTEM, Actor, Makers, Role, Via
from app.domain.policy.verdicts import Decide, PolicyDecision
from app.services.approvals.intake.policy_outcome import drawn
from app.services.policies.samples import Samples
from app.services.reading.insights import InsightsBook, InsightsFilter
from app.store.requests import ApprovalRequest
from tests.factories import approving, make_person
from tests.services.desk import Desk
from tests.services.governed import ask, governed, tool

DBA_LATER = "\n  - {name: Rest, when: size >= 0, ask: {teams: [dba]}}\n"


@dataclasses.dataclass
class Room:
    """A desk on which every decision of the policy is drawn, and the samples."""

    desk: Desk
    samples: Samples
    owner: Actor
    dba: Actor

    def open(self, name: str = "ls") -> ApprovalRequest:
        """A request of the owner's run."""
        return ask(self.desk, self.desk.run(self.owner), tool(name))

    def waiting(self, viewer: Actor) -> list[str]:
        return [row.request_id for row in self.samples.page(viewer).rows]


@pytest.fixture
def room(own_desk: Desk) -> Room:
    text = approving(more="sample: 100%").rstrip("\n") + DBA_LATER
    desk = governed(own_desk, text)
    owner, dba = (
        make_person(desk.sessions, name, [Role.REVIEWER], ["dba"]).as_actor(Via.PAGE) for name in ("Owner", "DBA")
    )
    return Room(desk, Samples(desk.sessions, desk.clock), owner, dba)


def test_a_decision_that_was_drawn_is_reviewed_without_effect(room: Room) -> None:
    request = room.open()
    assert request.state == "approved" and room.waiting(room.dba) == [request.id]
    before = room.desk.fresh(request)
    outcome = room.desk.outcome(request)
    assert room.samples.waiting(room.dba) == 1
    view = room.samples.of(request.id, room.dba)
    assert view is not None and (view.row.rule, view.row.verdict, view.why_not) == ("Harmless", "approve", "")

    row = room.samples.review(room.dba, request.id, False, "Not on a Friday.")
    assert (row.agrees, row.reviewer_name, row.comment) == (False, "DBA", "Not on a Friday.")
    assert room.waiting(room.dba) == [] and room.samples.waiting(room.dba) == 0
    [reviewed] = room.samples.page(room.dba, reviewed=True).rows
    assert reviewed == row
    after, still = room.desk.fresh(request), room.desk.outcome(request)
    assert (after.version, after.state) == (before.version, before.state)
    assert outcome is not None and still is not None and still.body == outcome.body
    entry = room.desk.audit(request)[-1]
    assert (entry.action, entry.actor_name, entry.detail["agrees"]) == ("request.sample_reviewed", "DBA", False)
    with pytest.raises(ConflictError, match="DBA has reviewed this already"):
        room.samples.review(room.dba, request.id, True, "")


def test_an_account_that_the_owner_added_cannot_tell_either(room: Room) -> None:
    request = room.open()
    added = dataclasses.replace(room.dba, account=Makers(frozenset({room.owner.id}), room.owner.name))
    assert room.waiting(room.dba) == [request.id]
    assert room.waiting(added) == [] and room.samples.waiting(added) == 0
    assert room.samples.of(request.id, added) is None


def test_the_agent_and_its_owner_cannot_tell(room: Room) -> None:
    request = room.open()
    assert room.desk.events(request) == ["request.opened", "request.resolved"]
    assert "sample" not in str({name: value for name, value in vars(request).items() if name != "id"})
    assert room.waiting(room.owner) == [] and room.samples.waiting(room.owner) == 0
    assert room.samples.of(request.id, room.owner) is None
    with pytest.raises(NotFoundError):
        room.samples.review(room.owner, request.id, True, "")
    for reviewed in (False, True):
        with pytest.raises(InvalidInputError, match="cursor"):
            room.samples.page(room.owner, reviewed=reviewed, cursor=request.id)
    agent = dataclasses.replace(room.owner, kind="agent", roles=frozenset(Role))
    assert room.samples.of(request.id, agent) is None and room.samples.waiting(agent) == 0
    for act in (lambda: room.samples.page(agent), lambda: room.samples.review(agent, request.id, True, "")):
        with pytest.raises(ForbiddenError):
            act()
    # Once somebody has reviewed it, its owner may learn from that.
    room.samples.review(room.dba, request.id, True, "")
    view = room.samples.of(request.id, room.owner)
    assert view is not None and view.row.agrees and view.why_not


def test_nor_by_counting(room: Room) -> None:
    counts = InsightsBook(room.desk.sessions, room.desk.clock)
    added = dataclasses.replace(room.dba, account=Makers(frozenset({room.owner.id}), room.owner.name))

    def sampled(viewer: Actor) -> int:
        [rule] = counts.read(viewer, InsightsFilter()).rules
        assert rule.approved == 1
        return rule.sampled

    request = room.open()
    assert [sampled(viewer) for viewer in (room.owner, added, room.dba, SYSTEM)] == [0, 0, 1, 1]
    room.samples.review(room.dba, request.id, True, "")
    assert [sampled(viewer) for viewer in (room.owner, added)] == [1, 1]


def test_those_review_who_would_have_been_asked(room: Room) -> None:
    request = room.open()
    other, auditor = room.desk.person("Other"), room.desk.person("Auditor", [Role.AUDITOR])
    view = room.samples.of(request.id, other)
    assert view is not None and "you are not one of them" in view.why_not
    with pytest.raises(NotAskedError):
        room.samples.review(other, request.id, True, "")
    assert room.waiting(auditor) == [request.id]
    with pytest.raises(ForbiddenError):
        room.samples.review(auditor, request.id, True, "")
    with pytest.raises(NotFoundError):
        room.samples.review(room.dba, "nothing", True, "")


@pytest.mark.parametrize("comment", ["", "  "])
def test_who_disagrees_says_why(room: Room, comment: str) -> None:
    request = room.open()
    with pytest.raises(InvalidInputError):
        room.samples.review(room.dba, request.id, False, comment)
    assert room.waiting(room.dba) == [request.id]
    assert room.samples.review(room.dba, request.id, True, comment).agrees


def test_one_of_two_reviews_at_once_counts(room: Room, at_once: Callable[..., list[Any]]) -> None:
    request = room.open()
    second = make_person(room.desk.sessions, "Second", [Role.REVIEWER], ["dba"]).as_actor(Via.PAGE)
    results = at_once([
        lambda: room.samples.review(room.dba, request.id, True, ""),
        lambda: room.samples.review(second, request.id, False, "No."),
    ])  # fmt: skip
    assert sum(isinstance(result, ConflictError) for result in results) == 1
    reviews = [entry for entry in room.desk.audit(request) if entry.action == "request.sample_reviewed"]
    assert len(reviews) == 1


def test_the_list_comes_in_pages(room: Room) -> None:
    ids = [room.open().id for _ in range(5)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = room.samples.page(room.dba, cursor=cursor, limit=2)
        found += [row.request_id for row in page.rows]
        cursor = page.next_cursor
    assert found == ids
    for cursor in ("nothing", "\x00"):
        with pytest.raises(InvalidInputError):
            room.samples.page(SYSTEM, cursor=cursor)


def test_a_share_is_drawn(room: Room) -> None:
    def share(sample: float, times: int = 20_000) -> float:
        decision = PolicyDecision(Decide.APPROVE, "R", 1, sample=sample)
        return sum(drawn(decision) for _ in range(times)) / times

    assert share(0, 100) == 0 and share(1, 100) == 1
    assert 0.01 < share(0.02) < 0.03  # six standard deviations
    assert not drawn(PolicyDecision(Decide.APPROVE, "R", None, sample=1))
