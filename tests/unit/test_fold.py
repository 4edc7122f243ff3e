"""What decisions amount to, and what an edit may do to the terms."""

from __future__ import annotations

import pytest

from app.domain.lifecycle import RequestState
from app.domain.policy.access import Member, addressed, is_approver, seat_after_edit
from app.domain.policy.fold import NO_STAGE, Resolution, Vote, answer_digest, fold, progress, rejections
from app.domain.policy.terms import OnExpiry, Stage, Terms, stricter
from assent.contracts import NextAction, Verdict

DBA = Stage(name="DBA", teams=("dba",))
SECURITY = Stage(name="Security", teams=("security",))
ANYONE = Stage()
NEW, OLD = "digest of the payload", "digest of an older one"


def terms(*stages: Stage, **values: object) -> Terms:
    return Terms(**{"name": "rule", "stages": stages or (ANYONE,), "deadline_seconds": 3600} | values)


def yes(
    person: str, stage: int = 0, digest: str = NEW, principal: str = "", verdict: Verdict = Verdict.APPROVE
) -> Vote:
    return Vote(person, verdict, digest, stage, principal)


def no(person: str, principal: str = "", digest: str = NEW) -> Vote:
    return Vote(person, Verdict.REJECT, digest, 0, principal)


def said(person: str, answer: str, stage: int = 0) -> Vote:
    return Vote(person, Verdict.ANSWER, answer_digest(NEW, answer), stage)


def state(votes: list[Vote], needed: Terms, changed: bool = False) -> str:
    resolution = fold(votes, NEW, needed, changed)
    return resolution.state.value if resolution else f"stage {progress(votes, NEW, needed).current}"


TWO = terms(DBA, SECURITY)


@pytest.mark.parametrize(
    ("votes", "needed", "result"),
    [
        ([], terms(), "stage 0"),
        ([yes("a")], terms(), "approved"),
        ([yes("a")], terms(Stage(quorum=2)), "stage 0"),
        ([yes("a"), yes("a")], terms(Stage(quorum=2)), "stage 0"),
        ([yes("a"), yes("b")], terms(Stage(quorum=2)), "approved"),
        ([yes("a", digest=OLD), yes("b")], terms(Stage(quorum=2)), "stage 0"),
        # Stages: in their order, and nobody counts twice.
        ([yes("a")], TWO, "stage 1"),
        ([yes("a"), yes("b", 1)], TWO, "approved"),
        ([yes("a"), yes("a", 1)], TWO, "stage 1"),
        ([yes("b", 1)], TWO, "stage 0"),
        ([yes("b", 1), yes("a")], TWO, "approved"),
        ([yes("a", digest=OLD), yes("b", 1)], TWO, "stage 0"),
        ([yes("a", NO_STAGE), yes("b", 1)], TWO, "stage 0"),
        # Delegates count as themselves and as those they decide for.
        ([yes("d", principal="a"), yes("a", 1)], TWO, "stage 1"),
        ([yes("d", principal="a"), yes("d", 1)], TWO, "stage 1"),
        ([yes("d", principal="a"), yes("e", principal="a")], terms(Stage(quorum=2)), "stage 0"),
        ([yes("d", principal="a"), yes("e", principal="b")], terms(Stage(quorum=2)), "approved"),
        # Rejections.
        ([yes("a"), no("b")], terms(Stage(quorum=2)), "rejected"),
        ([no("b")], terms(deny_threshold=2), "stage 0"),
        ([no("b"), no("b", digest=OLD)], terms(deny_threshold=2), "stage 0"),
        ([no("b"), no("d", principal="b")], terms(deny_threshold=2), "stage 0"),
        ([no("b", digest=OLD), no("c")], terms(deny_threshold=2), "rejected"),
        ([no("b"), yes("c")], terms(deny_threshold=2), "approved"),
        ([yes("a"), Vote("b", Verdict.REQUEST_CHANGES, NEW)], terms(Stage(quorum=3)), "changes_requested"),
        # Answers agree if they are equal; the latest one is what has to be agreed to.
        ([said("a", "x")], terms(Stage(quorum=2)), "stage 0"),
        ([said("a", "x"), said("b", "y")], terms(Stage(quorum=2)), "stage 0"),
        ([said("a", "x"), said("b", "x")], terms(Stage(quorum=2)), "answered"),
        ([said("a", "x"), said("b", "y"), said("a", "y")], terms(Stage(quorum=2)), "answered"),
        ([said("a", "x"), said("a", "y"), said("b", "x")], terms(Stage(quorum=2)), "stage 0"),
        ([said("a", "x"), no("b")], terms(DBA, SECURITY, deny_threshold=2), "stage 1"),
    ],
)  # fmt: skip
def test_what_votes_amount_to(votes: list[Vote], needed: Terms, result: str) -> None:
    assert state(votes, needed) == result


def test_an_approved_change_is_a_modification() -> None:
    assert fold([yes("a", verdict=Verdict.MODIFY)], NEW, terms(), True) == Resolution(
        RequestState.MODIFIED, Verdict.MODIFY, NextAction.CONTINUE
    )


def test_rejections_count_people_not_votes() -> None:
    assert rejections([no("a"), no("a", digest=OLD), no("d", principal="a"), no("b"), yes("c")]) == 2


def test_progress_in_words_counts_no_stage_beyond_its_quorum() -> None:
    votes = [yes("a"), yes("b"), yes("c")]
    assert progress(votes, NEW, TWO).words == "1 of 2"


# Who is asked


def test_addresses_are_compared_in_lower_case() -> None:
    stage = Stage(teams=("dba",), people=("Head@Example.org",))
    assert addressed(stage, ["team:leads", "team:dba"]) == ("team:dba", "person:head@example.org", "team:leads")
    assert is_approver(Member("1", "Head", "HEAD@example.org", frozenset()), addressed(stage))
    assert not is_approver(Member("2", "Other", "", frozenset({"db"})), addressed(stage))
    assert addressed(ANYONE, ["team:leads"]) == (), "who may decide anyway is not narrowed by an escalation"


def test_somebody_without_an_address_is_not_everybody_without_one() -> None:
    assert not is_approver(Member("1", "Nobody", "", frozenset()), addressed(Stage(people=("a@example.org",))))


@pytest.mark.parametrize(
    ("old", "new", "current", "teams", "stage"),
    [
        ((DBA,), (DBA, SECURITY), 0, {"dba"}, 0),
        ((DBA,), (SECURITY, DBA), 0, {"dba"}, 1),
        ((ANYONE,), (DBA, SECURITY), 0, {"security"}, 1),
        ((ANYONE,), (DBA, SECURITY), 0, set(), NO_STAGE),
        ((DBA, DBA), (DBA, DBA, SECURITY), 1, {"dba"}, 1),
        ((SECURITY, DBA), (DBA,), 1, {"dba"}, 0),
    ],
)
def test_for_which_stage_an_edit_counts_that_makes_others_be_asked(
    old: tuple[Stage, ...], new: tuple[Stage, ...], current: int, teams: set[str], stage: int
) -> None:
    who = Member("1", "Editor", "editor@example.org", frozenset(teams))
    assert seat_after_edit(terms(*old), terms(*new), current, who, ()) == stage


# What an edit may do to the terms


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ((ANYONE,), (Stage(quorum=2),), (Stage(quorum=2),)),
        ((Stage(quorum=2),), (ANYONE,), (Stage(quorum=2),)),
        ((ANYONE,), (DBA,), (DBA,)),
        ((DBA,), (ANYONE,), (DBA,)),
        ((DBA,), (Stage(quorum=2),), (DBA, ANYONE)),
        ((DBA, SECURITY), (Stage(quorum=2),), (DBA, SECURITY)),
        ((DBA,), (SECURITY,), (DBA, SECURITY)),
        ((DBA,), (SECURITY, DBA), (SECURITY, DBA)),
        ((Stage(teams=("dba",), quorum=2),), (DBA, SECURITY), (Stage(teams=("dba",), quorum=2), SECURITY)),
        ((DBA, DBA), (DBA, SECURITY), (DBA, DBA, SECURITY)),
        ((DBA, DBA), (Stage(teams=("dba",), quorum=2),), (Stage(teams=("dba",), quorum=2),)),
    ],
)
def test_an_edit_never_asks_fewer_or_others_only(
    old: tuple[Stage, ...], new: tuple[Stage, ...], both: tuple[Stage, ...]
) -> None:
    assert stricter(terms(*old), terms(*new)).stages == both


def test_whatever_else_was_asked_for_stays() -> None:
    old = terms(
        deny_threshold=1, reason_required=(Verdict.APPROVE,), edit_allowed=False, reauthenticate_seconds=600,
        on_expiry=OnExpiry.ESCALATE, warn_seconds=60,
    )  # fmt: skip
    new = terms(deny_threshold=3, reauthenticate_seconds=900, on_expiry=OnExpiry.APPROVE, deadline_seconds=7200)
    both = stricter(old, new)
    assert (both.deny_threshold, both.edit_allowed, both.reauthenticate_seconds) == (1, False, 600)
    assert set(both.reason_required) == {Verdict.APPROVE, Verdict.REJECT, Verdict.REQUEST_CHANGES}
    assert (both.deadline_seconds, both.warn_seconds) == (old.deadline_seconds, 60)
    assert both.on_expiry is OnExpiry.ESCALATE
    silent = stricter(terms(on_expiry=OnExpiry.APPROVE), terms(on_expiry=OnExpiry.APPROVE))
    assert silent.on_expiry is OnExpiry.REJECT, "silence approves nothing that somebody has changed"
