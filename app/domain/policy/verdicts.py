"""What a policy decides at once, without asking people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from app.domain.patterns import has_secret
from app.domain.policy.terms import OnExpiry, Terms
from app.domain.risk import Assessment
from assent.contracts import RiskLevel

POLICY = "policy"
"""The kind of `answered_by` of a request that a policy decided."""
MAX_RISK = RiskLevel.LOW
"""The highest risk that a policy may approve at once."""
UNDECIDED_KINDS = frozenset({"error", "question"})
"""Kinds that no policy decides: a failed step is not a proposal, and only people can answer a question."""


class Decide(StrEnum):
    """What a rule does instead of asking people."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class PolicyDecision:
    """A decision of a policy.

    Attributes:
        rule: the name of the rule, or the names of the rules that decided about several tool calls.
        version: of the policy; None while it is only tested.
        reason: the rule's own words about it; may be empty.
        sample: the share of these decisions that people review afterwards, from 0 to 1.
    """

    verdict: Decide
    rule: str
    version: int | None
    reason: str = ""
    sample: float = 0.0

    @property
    def answered_by(self) -> str:
        """The form in which a request stores it."""
        return f"{POLICY}:{self.version}:{self.rule}"

    @property
    def signature(self) -> str:
        """The policy as an actor: its version and rule."""
        return signature(self.version, self.rule)


@dataclass(frozen=True)
class Ruling:
    """What a policy makes of a proposal.

    Attributes:
        terms: what people decide about it under, if they do.
        decision: what the policy decides by itself; None: people are asked.
    """

    terms: Terms
    decision: PolicyDecision | None = None


def signature(version: int | str | None, rule: str) -> str:
    """A rule as an actor, such as ``Policy version 3, rule “Harmless reads”``."""
    return f"Policy version {version}, rule “{rule}”"


def decided_by(answered_by: str) -> tuple[int, str] | None:
    """The version and the rule of a policy in a request's `answered_by`; None if it was not a policy."""
    kind, _, source = answered_by.partition(":")
    version, _, rule = source.partition(":")
    return (int(version), rule) if kind == POLICY and version.isdecimal() else None


def in_time(until: date | None, moment: datetime) -> bool:
    """True through the end of that day, in UTC."""
    return until is None or moment.astimezone(UTC).date() <= until


def uses_lessons(document: dict[str, Any]) -> bool:
    """True if lessons have changed the proposal. Then only people may approve it; a policy may still reject it."""
    return bool(document.get("lessons"))


def for_people(terms: Terms, document: dict[str, Any]) -> Terms:
    """The terms for a proposal: if lessons have changed it, neither a grant nor its expiry approves it."""
    if not uses_lessons(document):
        return terms
    on_expiry = OnExpiry.REJECT if terms.on_expiry is OnExpiry.APPROVE else terms.on_expiry
    return terms.model_copy(update={"grants_allowed": False, "on_expiry": on_expiry})


def permitted(
    decision: PolicyDecision | None, document: dict[str, Any], assessment: Assessment, answers: bool
) -> PolicyDecision | None:
    """The decision if the portal may act on it; None: people decide.

    A policy is checked when it is loaded, and so is each proposal again, so that no condition, and no later version of
    this program, can approve what nobody has understood.

    Args:
        document: the masked proposal.
        answers: the proposal requires an answer, which only people can give.
    """
    if decision is None or answers or document.get("kind") in UNDECIDED_KINDS:
        return None
    if decision.verdict is Decide.REJECT:
        return decision
    if uses_lessons(document):
        return None
    harmless = assessment.understood and assessment.level.rank <= MAX_RISK.rank
    return decision if harmless and not has_secret(document) else None
