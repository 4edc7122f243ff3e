"""A request's situation in words: its stages, approvers, and approvals, and what happens as time passes.

Pages, the API, and the command line all use these words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.lifecycle import RequestState
from app.domain.policy.access import PERSON, TEAM, addressed
from app.domain.policy.due import DueStep, due_steps
from app.domain.policy.expiry import expiry_means
from app.domain.policy.fold import progress, to_agree
from app.domain.policy.terms import EscalationStep, OnExpiry, Terms
from app.domain.policy.words import listing
from app.services.requests.assessment import due_inputs
from app.services.requests.grace import standing_resolution
from app.services.requests.votes import decider, vote
from app.store.people import Person, Team
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict

Names = Mapping[str, str]
"""Names of teams and people, by address."""
_SETTLES = {RequestState.CHANGES_REQUESTED: "is returned with the changes that were requested"}
AGREEING = (Verdict.APPROVE.value, Verdict.MODIFY.value, Verdict.ANSWER.value)


@dataclass(frozen=True)
class StageView:
    """A stage of a request and its progress.

    Attributes:
        name: for people; empty if there is only one stage and it has no name.
        asked: names of the teams and people whose approval is required; empty: any reviewer.
        state: ``done``, ``now``, or ``later``; for a settled request also ``not asked``.
        agreed: names of the people whose approvals count here.
    """

    name: str
    asked: tuple[str, ...]
    approvals: int
    quorum: int
    state: str
    agreed: tuple[str, ...]

    @property
    def words(self) -> str:
        """Such as ``DBA 1 of 1 ✓`` or ``Security 0 of 2, now``."""
        mark = {"done": " ✓", "now": ", now", "later": ", later", "not asked": ""}[self.state]
        return f"{self.name} {self.approvals} of {self.quorum}{mark}".strip()


@dataclass(frozen=True)
class UpcomingStep:
    """Something that will happen to a request at a known time.

    Attributes:
        words: what will happen, as a predicate: ``is rejected``, ``escalates to DBA leads``.
        why: what else approvers should know, such as why it is approved on expiry; may be empty.
    """

    step: DueStep
    at: datetime
    words: str
    why: str = ""


# Names


def names_of(session: Session, addresses: Iterable[str]) -> Names:
    """The names of the teams and people with these addresses; unknown ones keep the text of the address."""
    wanted = set(addresses)
    names = {address: address.partition(":")[2] for address in wanted}
    slugs = [address.removeprefix(TEAM) for address in wanted if address.startswith(TEAM)]
    emails = [address.removeprefix(PERSON) for address in wanted if address.startswith(PERSON)]
    if slugs:
        teams = session.execute(select(Team.slug, Team.name).where(Team.slug.in_(slugs)))
        names |= {f"{TEAM}{slug}": name for slug, name in teams}
    if emails:
        email = func.lower(Person.email)
        people = session.execute(select(email, Person.name).where(email.in_(emails)))
        names |= {f"{PERSON}{address}": name for address, name in people}
    return names


def addresses_in(terms: Terms, addressed_to: Collection[str] = ()) -> set[str]:
    """Every address that texts about a request can mention."""
    found = set(addressed_to)
    for stage in terms.stages:
        found |= set(addressed(stage))
    for step in terms.escalation:
        found |= set(step_addresses(step))
    return found


def step_addresses(step: EscalationStep) -> tuple[str, ...]:
    """The approvers that a step of an escalation chain adds."""
    return tuple(f"{TEAM}{team}" for team in step.teams) + tuple(f"{PERSON}{person.lower()}" for person in step.people)


def named(addresses: Iterable[str], names: Names) -> tuple[str, ...]:
    """The names of these addresses, in the same order."""
    return tuple(names.get(address, address.partition(":")[2]) for address in addresses)


# Stages


def stage_name(terms: Terms, at: int, names: Names) -> str:
    """A stage's name: its own, else its approvers, else its number if there are several."""
    stage = terms.stages[at]
    if stage.name:
        return stage.name
    who = listing(named(addressed(stage), names), "or")
    return who or (f"Stage {at + 1}" if len(terms.stages) > 1 else "")


def stage_views(
    request: ApprovalRequest, decisions: Sequence[Decision], terms: Terms, names: Names
) -> tuple[StageView, ...]:
    """The stages of a request with their progress."""
    votes = [vote(decision) for decision in decisions if decision.withdrawn_at is None]
    reached = progress(votes, request.digest, terms, request.edited_by)
    digest = to_agree(votes, request.digest)
    pending = request.state == "pending"
    views = []
    for at, (stage, own) in enumerate(zip(terms.stages, reached.stages, strict=True)):
        state = "done" if own.reached else "not asked" if not pending else "now" if at == request.stage else "later"
        asked = request.addressed_to if at == request.stage else addressed(stage)
        agreed = tuple(
            decider(decision)
            for decision in decisions
            if decision.stage == at
            and decision.verdict in AGREEING
            and decision.digest == digest
            and decision.withdrawn_at is None
        )
        approvals = min(own.approvals, own.quorum)
        views.append(StageView(stage_name(terms, at, names), named(asked, names), approvals, own.quorum, state, agreed))
    return tuple(views)


# As time passes


def next_step_words(terms: Terms, escalation: int, names: Names) -> str:
    """The approvers that the next step of the chain adds; empty if there is no further step."""
    if escalation >= len(terms.escalation):
        return ""
    return listing(named(step_addresses(terms.escalation[escalation]), names)) or "a higher priority"


def consequence(terms: Terms, means: OnExpiry, escalation: int, names: Names) -> str:
    """What happens if nobody decides in time, as a predicate."""
    if means is OnExpiry.ESCALATE:
        return f"escalates to {next_step_words(terms, escalation, names)}"
    return "is approved" if means is OnExpiry.APPROVE else "is rejected"


def ahead_of(
    request: ApprovalRequest, decisions: Sequence[Decision], terms: Terms, names: Names
) -> tuple[UpcomingStep, ...]:
    """What will happen to a pending request up to its deadline, soonest first; for a held one, its release."""
    risk = RiskLevel(request.risk)
    steps = []
    for step in due_steps(due_inputs(request)):
        if step.step is DueStep.RELEASE:
            steps.append(UpcomingStep(step.step, step.at, "its change window opens"))
        if step.step is DueStep.RESOLVE:
            steps.append(UpcomingStep(step.step, step.at, settles_words(request, decisions, terms), "it can be undone"))
        if step.step is DueStep.UNSNOOZE:
            steps.append(UpcomingStep(step.step, step.at, "returns to the queue"))
        if step.step is DueStep.WARN and step.at < request.expires_at:
            steps.append(UpcomingStep(step.step, step.at, "approvers are warned"))
        if step.step is DueStep.EXPIRE:
            done = escalation_by(terms, request.opened_at, request.expires_at, request.escalation)
            for number in range(request.escalation, done):
                at = request.opened_at + timedelta(seconds=terms.escalation[number].after_seconds)
                words = f"escalates to {next_step_words(terms, number, names)}"
                steps.append(UpcomingStep(DueStep.ESCALATE, at, words))
            rejected = any(
                decision.verdict == Verdict.REJECT.value and decision.withdrawn_at is None for decision in decisions
            )
            means = expiry_means(
                terms, risk=risk, kind=request.kind, escalation=done, rejected=rejected,
                snoozed=request.was_snoozed,
            )
            words, why = consequence(terms, means, done, names), _why(terms, means, risk, request.was_snoozed)
            steps.append(UpcomingStep(step.step, step.at, words, why))
    return tuple(sorted(steps, key=lambda step: (step.at, list(DueStep).index(step.step))))


def settles_words(request: ApprovalRequest, decisions: Iterable[Decision], terms: Terms) -> str:
    """What becomes of a request that is decided, once that takes effect, as a predicate."""
    standing = [decision for decision in decisions if decision.withdrawn_at is None]
    resolution = standing_resolution(request, terms, standing)
    if resolution is None:
        return "asks again"
    return _SETTLES.get(resolution.state, f"is {resolution.state.words}")


def escalation_by(terms: Terms, opened_at: datetime, until: datetime, done: int) -> int:
    """How many steps of the chain will be done by then if nobody decides; `done` of them already are."""
    steps = terms.escalation
    while done < len(steps) and opened_at + timedelta(seconds=steps[done].after_seconds) < until:
        done += 1
    return done


def _why(terms: Terms, means: OnExpiry, risk: RiskLevel, snoozed: bool) -> str:
    if means is OnExpiry.APPROVE:
        return f"its rule approves {risk.value} risk on expiry"
    if means is OnExpiry.ESCALATE:
        return "with a new deadline"
    if terms.on_expiry is OnExpiry.APPROVE and snoozed:
        return "it was snoozed for everyone, so it cannot be approved on expiry"
    if terms.on_expiry is OnExpiry.APPROVE:
        return "its rule approves on expiry only at low risk and without a rejection"
    return ""
