"""Whether enough people may decide: everybody counts once, whatever stages they belong to."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.policy.access import Member
from app.domain.policy.fold import Vote
from app.domain.policy.shortage import Roster, Shortage, Standing, shortage
from app.domain.policy.terms import Stage, Terms
from assent.contracts import Verdict
from tests.thorough import examples

DBA, SECURITY, ANYONE = Stage(name="DBA", teams=("dba",)), Stage(name="Security", teams=("security",)), Stage()


def people(**teams: str) -> Roster:
    """Members by name, each with their teams in one text."""
    return Roster(Member(name, name, f"{name}@example.com", frozenset(of.split())) for name, of in teams.items())


def standing(*stages: Stage, votes: tuple[Vote, ...] = (), own: str = "", at: int = 0, **values: object) -> Standing:
    terms = Terms(name="rule", stages=stages, deadline_seconds=60, **values)  # type: ignore[arg-type]
    return Standing(terms, "d", at, votes=votes, own=frozenset(own.split()))


def vote(who: str, stage: int = 0, verdict: Verdict = Verdict.APPROVE) -> Vote:
    return Vote(who, verdict, "d", stage)


def words(found: Shortage | None) -> str:
    if found is None:
        return ""
    return found.words([need.addressed_to[0] if need.addressed_to else "any reviewer" for need in found.needs])


NOBODY = "it needs an approval from team:dba, where nobody may decide"


@pytest.mark.parametrize(("request_", "roster", "expected"), [
    (standing(DBA), people(ana="dba"), ""),
    (standing(DBA), people(ana="security"), NOBODY),
    (standing(DBA), people(), NOBODY),
    (standing(ANYONE), people(ana=""), ""),
    (standing(ANYONE, own="ana"), people(ana=""),
     "it needs an approval from any reviewer, where nobody apart from the requester may decide"),
    (standing(DBA.model_copy(update={"quorum": 2})), people(ana="dba", bob="security"),
     "it needs 2 approvals from team:dba, where only one person may decide"),
    (standing(DBA, SECURITY), people(both="dba security"),
     "it needs 2 approvals from team:dba and team:security, where only one person may decide, "
     "and everybody counts once"),
    (standing(DBA, SECURITY), people(both="dba security", other="dba"), ""),
    (standing(DBA, SECURITY, own="other"), people(both="dba security", other="dba"),
     "it needs 2 approvals from team:dba and team:security, where only one person apart from the requester may "
     "decide, and everybody counts once"),
    (standing(ANYONE, DBA), people(ana="dba", bob=""), ""),
    (standing(ANYONE, DBA, votes=(vote("ana"),), at=1), people(ana="dba", bob=""), NOBODY),
    (standing(ANYONE, DBA, votes=(vote("bob"),), at=1), people(ana="dba", bob=""), ""),
    (standing(DBA, deny_threshold=2, votes=(vote("ana", verdict=Verdict.REJECT),)), people(ana="dba"), NOBODY),
    (standing(DBA, deny_threshold=2, votes=(vote("ana", verdict=Verdict.REJECT),)), people(ana="dba", bob="dba"), ""),
    (standing(DBA.model_copy(update={"quorum": 2}), deny_threshold=2, votes=(vote("ana", verdict=Verdict.REJECT),)),
     people(ana="dba", bob="dba"), ""),
])  # fmt: skip
def test_what_a_request_lacks(request_: Standing, roster: Roster, expected: str) -> None:
    assert words(shortage(request_, roster)) == expected


def test_an_escalation_adds_people_to_the_current_stage_only() -> None:
    lone = people(lead="leads")
    added = standing(DBA, SECURITY)
    added = Standing(added.terms, "d", escalated_to=("team:leads",))
    assert words(shortage(added, lone)) == ("it needs an approval from team:security, where nobody may decide"), (
        "the first stage has the lead"
    )
    nobody = Standing(standing(DBA).terms, "d", escalated_to=("team:ghosts",))
    found = shortage(nobody, lone)
    assert found is not None and found.able == 0, "an escalation to nobody adds nobody"


TEAMS = ("a", "b", "c")
STAGES = st.lists(
    st.builds(lambda teams, quorum: Stage(teams=tuple(sorted(teams)), quorum=quorum),
              st.sets(st.sampled_from(TEAMS), max_size=2), st.integers(1, 2)),
    min_size=1, max_size=3,
)  # fmt: skip


@settings(max_examples=examples(150), deadline=None)
@given(stages=STAGES, memberships=st.lists(st.sets(st.sampled_from(TEAMS)), max_size=5))
def test_it_is_what_trying_everybody_everywhere_finds(stages: list[Stage], memberships: list[set[str]]) -> None:
    members = [Member(f"p{at}", "", "", frozenset(teams)) for at, teams in enumerate(memberships)]
    slots = [stage for stage in stages for _ in range(stage.quorum)]
    possible = any(
        all(not slot.teams or who.teams & set(slot.teams) for slot, who in zip(slots, some, strict=True))
        for some in itertools.permutations(members, len(slots))
    )
    found = Roster(members).lacks(stages)
    assert (found is None) is possible
    if found is not None:
        able = set().union(*(need.able for need in found.needs))
        assert len(able) == found.able < found.missing, "the stages that are named lack people by themselves"
