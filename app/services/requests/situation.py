"""How a request stands, as people read it: its stages, who is asked and who has agreed, and what time will do to it.

Pages, the API and the command line say the same words, which are made here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.policy.access import PERSON, TEAM, addressed
from app.domain.policy.due import DueStep, due_steps
from app.domain.policy.expiry import expiry_means
from app.domain.policy.fold import progress, to_agree
from app.domain.policy.terms import EscalationStep, OnExpiry, Terms
from app.domain.policy.words import listing
from app.services.requests.assessment import standing
from app.services.requests.moves import decider, vote
from app.store.people import Person, Team
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict

Names = Mapping[str, str]
"""What teams and people are called, by address."""
AGREEING = (Verdict.APPROVE.value, Verdict.MODIFY.value, Verdict.ANSWER.value)


@dataclass(frozen=True)
class StageView:
    """A stage of a request's terms, and how far it has come.

    Attributes:
        name: as people call it; empty where there is only one and it has no name.
        asked: names of the teams and people; empty: any reviewer.
        state: ``done``, ``now`` or ``later``; of a request that is settled also ``not asked``.
        agreed: names of those whose approval counts here.
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
class Ahead:
    """Something that time will do to a request.

    Attributes:
        words: what will happen, as a verb: ``is rejected``, ``escalates to DBA leads``.
        why: what else approvers should know, such as why it is approved on expiry; may be empty.
    """

    step: DueStep
    at: datetime
    words: str
    why: str = ""


# Names


def names_of(session: Session, addresses: Iterable[str]) -> Names:
    """What the teams and people behind addresses are called; whoever is not known keeps the address's own words."""
    wanted = set(addresses)
    names = {each: each.partition(":")[2] for each in wanted}
    slugs = [each.removeprefix(TEAM) for each in wanted if each.startswith(TEAM)]
    emails = [each.removeprefix(PERSON) for each in wanted if each.startswith(PERSON)]
    if slugs:
        teams = session.execute(select(Team.slug, Team.name).where(Team.slug.in_(slugs)))
        names |= {f"{TEAM}{slug}": name for slug, name in teams}
    if emails:
        email = func.lower(Person.email)
        people = session.execute(select(email, Person.name).where(email.in_(emails)))
        names |= {f"{PERSON}{address}": name for address, name in people}
    return names


def addresses_in(terms: Terms, addressed_to: Collection[str] = ()) -> set[str]:
    """Every address that the words about a request may name."""
    found = set(addressed_to)
    for stage in terms.stages:
        found |= set(addressed(stage))
    for step in terms.escalation:
        found |= set(step_addresses(step))
    return found


def step_addresses(step: EscalationStep) -> tuple[str, ...]:
    """Whom a step of an escalation chain asks as well."""
    return tuple(f"{TEAM}{each}" for each in step.teams) + tuple(f"{PERSON}{each.lower()}" for each in step.people)


def named(addresses: Iterable[str], names: Names) -> tuple[str, ...]:
    """The names behind addresses, in their order."""
    return tuple(names.get(each, each.partition(":")[2]) for each in addresses)


# Stages


def stage_name(terms: Terms, at: int, names: Names) -> str:
    """What a stage is called: by its own name, else by whom it asks, else by its number where there are several."""
    stage = terms.stages[at]
    if stage.name:
        return stage.name
    who = listing(named(addressed(stage), names), "or")
    return who or (f"Stage {at + 1}" if len(terms.stages) > 1 else "")


def stage_views(
    request: ApprovalRequest, decisions: Sequence[Decision], terms: Terms, names: Names
) -> tuple[StageView, ...]:
    """The stages of a request with their progress."""
    votes = [vote(each) for each in decisions if each.withdrawn_at is None]
    reached = progress(votes, request.digest, terms, request.edited_by)
    digest = to_agree(votes, request.digest)
    pending = request.state == "pending"
    views = []
    for at, (stage, own) in enumerate(zip(terms.stages, reached.stages, strict=True)):
        state = "done" if own.reached else "not asked" if not pending else "now" if at == request.stage else "later"
        asked = request.addressed_to if at == request.stage else addressed(stage)
        agreed = tuple(
            decider(each)
            for each in decisions
            if each.stage == at and each.verdict in AGREEING and each.digest == digest and each.withdrawn_at is None
        )
        approvals = min(own.approvals, own.quorum)
        views.append(StageView(stage_name(terms, at, names), named(asked, names), approvals, own.quorum, state, agreed))
    return tuple(views)


# What time does


def next_step_words(terms: Terms, escalation: int, names: Names) -> str:
    """Whom the next step of the chain asks as well; empty where nobody is left."""
    if escalation >= len(terms.escalation):
        return ""
    return listing(named(step_addresses(terms.escalation[escalation]), names)) or "a higher priority"


def consequence(terms: Terms, means: OnExpiry, escalation: int, names: Names) -> str:
    """What happens if nobody decides in time, as a verb."""
    if means is OnExpiry.ESCALATE:
        return f"escalates to {next_step_words(terms, escalation, names)}"
    return "is approved" if means is OnExpiry.APPROVE else "is rejected"


def ahead_of(request: ApprovalRequest, decisions: Sequence[Decision], terms: Terms, names: Names) -> tuple[Ahead, ...]:
    """What time will do to an open request, soonest first, up to its deadline; to a held one, its release."""
    risk = RiskLevel(request.risk)
    told = []
    for each in due_steps(standing(request)):
        if each.step is DueStep.RELEASE:
            told.append(Ahead(each.step, each.at, "its change window opens"))
        if each.step is DueStep.WARN and each.at < request.expires_at:
            told.append(Ahead(each.step, each.at, "approvers are warned"))
        if each.step is DueStep.EXPIRE:
            done = escalation_by(terms, request.opened_at, request.expires_at, request.escalation)
            for number in range(request.escalation, done):
                at = request.opened_at + timedelta(seconds=terms.escalation[number].after_seconds)
                told.append(Ahead(DueStep.ESCALATE, at, f"escalates to {next_step_words(terms, number, names)}"))
            rejected = any(each.verdict == Verdict.REJECT.value and each.withdrawn_at is None for each in decisions)
            means = expiry_means(terms, risk=risk, kind=request.kind, escalation=done, rejected=rejected)
            told.append(Ahead(each.step, each.at, consequence(terms, means, done, names), _why(terms, means, risk)))
    return tuple(sorted(told, key=lambda each: (each.at, list(DueStep).index(each.step))))


def escalation_by(terms: Terms, opened_at: datetime, until: datetime, done: int) -> int:
    """How many steps of the chain will be done by then, if nobody decides; `done` of them are by now."""
    steps = terms.escalation
    while done < len(steps) and opened_at + timedelta(seconds=steps[done].after_seconds) < until:
        done += 1
    return done


def _why(terms: Terms, means: OnExpiry, risk: RiskLevel) -> str:
    if means is OnExpiry.APPROVE:
        return f"its rule approves {risk.value} risk on expiry"
    if means is OnExpiry.ESCALATE:
        return "with a new deadline"
    if terms.on_expiry is OnExpiry.APPROVE:
        return "its rule approves on expiry only at low risk and without a rejection"
    return ""
