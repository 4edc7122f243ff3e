"""Sequences of everything people and time may do to a request, against a small model.

The model knows nothing of the portal's own counting: it looks at what is stored and says by trying all ways whether the
terms are met. Whatever is done in whatever order: never two outcomes, never an approval without its quorum, never by
the requester, never after the end, and never undecided once everybody who is needed has agreed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.domain.ballot import Ballot
from app.domain.errors import AssentError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor, Role, Via
from app.domain.policy.facts import Facts, StrictDefault
from app.domain.policy.terms import EscalationStep, OnExpiry, Stage, Terms
from app.domain.reading_tools import ReadingTools
from app.domain.risk import Assessment, Finding, assess
from app.services.approvals.manager import CheckpointManager
from app.store.policies import Absence
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_person, script
from tests.services.desk import Desk

TEAMS = {
    "Ana": {"dba"}, "Dov": {"dba"}, "Both": {"dba", "security"}, "Sam": {"security"}, "Lee": {"leads"},
    "Requester": {"dba", "security", "leads"}, "Delegate": set(), "Outsider": set(), "Viewer": {"dba"},
}  # fmt: skip
"""Who is in which team. The delegate stands in for Ana all the time, and for the requester."""
TEXTS = ("select 1", "select 2", "delete from t", "drop table t")
RISKS = {"select": RiskLevel.LOW, "delete": RiskLevel.HIGH, "drop": RiskLevel.CRITICAL}
HOURS = 10
STEP_HOURS = (3, 6)

stages = st.sampled_from([
    (Stage(),),
    (Stage(quorum=2),),
    (Stage(teams=("dba",)),),
    (Stage(teams=("dba",), quorum=2),),
    (Stage(name="DBA", teams=("dba",)), Stage(name="Security", teams=("security",))),
    (Stage(name="DBA", teams=("dba",), quorum=2), Stage(name="Anyone")),
])  # fmt: skip
texts = st.sampled_from(TEXTS)
people = st.sampled_from(sorted(TEAMS))


def assess_text(document: dict[str, Any], _tools: ReadingTools) -> Assessment:
    """The risk of one of `TEXTS`."""
    return assess([Finding("test.word", RISKS[document["content"].split()[0]], "It has the word.", 1)])


@dataclass
class OneRule(StrictDefault):
    """A policy of one rule."""

    rule: Terms
    version: int | None = None

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """The rule; what is critical needs one more person at its first stage."""
        if facts.assessment.level is not RiskLevel.CRITICAL:
            return self.rule
        first, *rest = self.rule.stages
        return self.rule.model_copy(update={"stages": (first.model_copy(update={"quorum": first.quorum + 1}), *rest)})


def make_machine(desk: Desk) -> type[RuleBasedStateMachine]:
    """The machine over that desk."""
    cast = {name: _actor(desk, name) for name in TEAMS}
    _away(desk, cast["Ana"], cast["Delegate"])
    _away(desk, cast["Requester"], cast["Delegate"])

    class Requests(RuleBasedStateMachine):
        """One request, and what may happen to it."""

        @initialize(asked=stages, deny=st.sampled_from([1, 2]), silence=st.sampled_from(list(OnExpiry)), first=texts)
        def open(self, asked: tuple[Stage, ...], deny: int, silence: OnExpiry, first: str) -> None:
            chain = tuple(
                EscalationStep(after_seconds=hours * 3600, words=f"{hours} hours", teams=("leads",))
                for hours in STEP_HOURS
            )
            terms = Terms(
                name="the rule", stages=asked, deny_threshold=deny, deadline_seconds=HOURS * 3600, on_expiry=silence,
                warn_seconds=3600, escalation=chain, reason_required=(),
            )  # fmt: skip
            policy = OneRule(terms)
            desk.clock.ahead = timedelta(0)
            self.checkpoints = CheckpointManager(
                desk.sessions, desk.clock, assess_text, lambda: policy, lambda version: policy
            )
            with_own = replace(desk, checkpoints=self.checkpoints)
            self.request = with_own.open(script(first), cast["Requester"])
            self.ended: tuple[str, Any] | None = None
            self.added: dict[int, set[str]] = {}

        def fresh(self) -> ApprovalRequest:
            return desk.fresh(self.request)

        def attempt(self, what: str, act: Any) -> None:
            """Do it, or be refused with an error that says why; anything else is a defect."""
            before = self.fresh()
            try:
                act(before)
                note(f"{what}: done")
            except AssentError as error:
                note(f"{what}: {error.code}")
                assert self.fresh().version == before.version, "what was refused changed something"

        @rule(who=people, verdict=st.sampled_from([Verdict.APPROVE] * 4 + [Verdict.REJECT] * 2), stale=st.booleans())
        def decide(self, who: str, verdict: Verdict, stale: bool) -> None:
            self.attempt(
                f"{who} {verdict.value}",
                lambda now: self.checkpoints.decide(
                    now.id, cast[who], Ballot(verdict, self.request.digest if stale else now.digest, comment="because")
                ),
            )

        @rule(who=people)
        def send_back(self, who: str) -> None:
            self.attempt(
                f"{who} request changes",
                lambda now: self.checkpoints.decide(
                    now.id, cast[who], Ballot(Verdict.REQUEST_CHANGES, now.digest, comment="another way")
                ),
            )

        @rule(who=people, text=texts, knows=st.booleans())
        def edit(self, who: str, text: str, knows: bool) -> None:
            risk = RISKS[text.split()[0]]

            def act(now: ApprovalRequest) -> None:
                self.checkpoints.decide(
                    now.id, cast[who],
                    Ballot(Verdict.MODIFY, now.digest, change={"content": text},
                           acknowledged_risk=risk if knows else None),
                )  # fmt: skip
                assert knows or risk.rank <= RiskLevel(now.risk).rank, "a raised risk was sent without a word"

            self.attempt(f"{who} edits to {text}", act)

        @rule(who=people)
        def withdraw(self, who: str) -> None:
            self.attempt(f"{who} withdraws", lambda now: self.checkpoints.withdraw(now.id, cast[who]))

        @rule(who=people)
        def escalate(self, who: str) -> None:
            self.attempt(f"{who} escalates", lambda now: self.checkpoints.escalate(now.id, cast[who], "urgent"))

        @rule(who=people, hours=st.integers(1, 30))
        def extend(self, who: str, hours: int) -> None:
            until = desk.clock() + timedelta(hours=hours)
            self.attempt(f"{who} extends", lambda now: self.checkpoints.extend(now.id, cast[who], until, "more time"))

        @rule(who=people)
        def claim(self, who: str) -> None:
            self.attempt(f"{who} claims", lambda now: self.checkpoints.claim(now.id, cast[who]))

        @rule(hours=st.sampled_from([1, 1, 2, 4, 24]))
        def wait(self, hours: int) -> None:
            note(f"{hours} hours pass")
            desk.clock.ahead += timedelta(hours=hours)

        @rule(times=st.integers(1, 8))
        def keep(self, times: int) -> None:
            done = [self.checkpoints.keep(self.request.id) for _ in range(times)]
            note(f"due steps done: {sum(done)}")

        @invariant()
        def holds(self) -> None:
            now, decisions = self.fresh(), desk.decisions(self.request)
            outcome = desk.outcome(self.request)
            state = RequestState(now.state)
            assert (outcome is None) == (state is RequestState.PENDING)
            if self.ended is not None:
                assert self.ended == (now.state, outcome.body if outcome else None), "it ended twice"
                assert all(decision.at <= now.resolved_at for decision in decisions), "a word after the end"
            standing = [decision for decision in decisions if decision.withdrawn_at is None]
            self.added.setdefault(now.stage, set()).update(team.removeprefix("team:") for team in now.escalated_to)
            judged = judge(now, standing, cast, self.added)
            if state is RequestState.EXPIRED:
                assert desk.clock() >= now.expires_at and judged is RequestState.PENDING
            else:
                assert state is judged, f"stored {state}, and by its terms {judged}"
            if outcome is not None:
                self.ended = (now.state, outcome.body)
                assert outcome.body["digest"] == now.digest
                if state is RequestState.EXPIRED and outcome.verdict in ("approve", "modify"):
                    assert Terms.from_json(now.terms).on_expiry is OnExpiry.APPROVE
                    assert RiskLevel(now.risk).rank <= RiskLevel.LOW.rank
            assert all(decision.at < now.expires_at for decision in decisions), "a word after the deadline"
            assert all(decision.person_id != cast["Requester"].id for decision in decisions), (
                "the requester has decided"
            )
            assert all(decision.on_behalf_of_id != cast["Requester"].id for decision in decisions)

    return Requests


def judge(
    request: ApprovalRequest, standing: list[Decision], cast: dict[str, Actor], added: dict[int, set[str]]
) -> RequestState:
    """What the standing decisions amount to, found by trying.

    Args:
        added: teams that escalations asked as well, by stage.
    """
    terms = Terms.from_json(request.terms)
    if any(vote.verdict == "request_changes" for vote in standing):
        return RequestState.CHANGES_REQUESTED
    if len(_different([vote for vote in standing if vote.verdict == "reject"])) >= terms.deny_threshold:
        return RequestState.REJECTED
    agreeing = [vote for vote in standing if vote.verdict in ("approve", "modify") and vote.digest == request.digest]
    seats = [at for at, stage in enumerate(terms.stages) for _ in range(stage.quorum)]
    for chosen in permutations(agreeing, len(seats)):
        if all(vote.stage == seat for vote, seat in zip(chosen, seats, strict=True)) and _distinct(list(chosen)):
            for vote in chosen:
                _assert_asked(terms.stages[vote.stage], vote, cast, added.get(vote.stage, set()))
            return RequestState.APPROVED if request.digest == request.proposed_digest else RequestState.MODIFIED
    return RequestState.PENDING


def _assert_asked(stage: Stage, decision: Decision, cast: dict[str, Actor], added: set[str]) -> None:
    """A person whose word counts is in a team that was asked, or stands in for somebody who is."""
    if not stage.teams:
        return
    asked = set(stage.teams) | added
    person = decision.on_behalf_of_id or decision.person_id
    assert asked & next(TEAMS[name] for name, actor in cast.items() if actor.id == person)


def _persons(decision: Decision) -> set[str]:
    return {decision.person_id, decision.on_behalf_of_id or decision.person_id}


def _distinct(decisions: list[Decision]) -> bool:
    """True if nobody counts twice, neither by themselves nor through a delegate."""
    everybody = [person for decision in decisions for person in _persons(decision)]
    return len(everybody) == len(set(everybody))


def _different(decisions: list[Decision]) -> list[Decision]:
    counted: list[Decision] = []
    for decision in decisions:
        if _distinct([*counted, decision]):
            counted.append(decision)
    return counted


def _actor(desk: Desk, name: str) -> Actor:
    roles = [Role.VIEWER] if name == "Viewer" else [Role.REVIEWER]
    return make_person(desk.sessions, name, roles, sorted(TEAMS[name])).as_actor(Via.PAGE)


def _away(desk: Desk, person: Actor, delegate: Actor) -> None:
    now = desk.clock()
    with desk.sessions.begin() as session:
        session.add(
            Absence(
                id=f"away-{person.name}", person_id=person.id, delegate_id=delegate.id, note="", created_at=now,
                confirmed_at=now, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=3650),
            )
        )  # fmt: skip


@pytest.fixture
def machine(own_desk: Desk) -> Iterator[type[RuleBasedStateMachine]]:
    """The machine on a database of its own."""
    yield make_machine(own_desk)


@pytest.mark.parametrize("sequences", [5, pytest.param(30, marks=pytest.mark.soak)])
def test_no_sequence_of_acts_breaks_the_terms(machine: type[RuleBasedStateMachine], sequences: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=sequences, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
