"""What happens to a request on expiry. Pure."""

from __future__ import annotations

from app.domain.policy.terms import OnExpiry, Terms
from assent.contracts import RiskLevel

APPROVABLE_RISKS = frozenset({RiskLevel.SAFE, RiskLevel.LOW})
"""Nothing riskier is approved on expiry, whatever a rule says."""
_ANSWERED_KINDS = frozenset({"question", "error", "value"})

EXPIRY_WORDS = {
    OnExpiry.REJECT: "Expired without a decision, so it is rejected.",
    OnExpiry.APPROVE: "Expired without a decision, so its rule approves it.",
    OnExpiry.ESCALATE: "Nobody decided before the deadline, so the request was escalated and has a new deadline.",
}
"""The reason that is given on expiry."""


def expiry_means(
    terms: Terms, *, risk: RiskLevel, kind: str, escalation: int, rejected: bool, snoozed: bool = False
) -> OnExpiry:
    """What the deadline means for a request in its current state.

    A rule's approval on expiry applies only to a harmless proposal that nobody rejected or snoozed for everyone, and
    that can be approved without an answer; its escalation only while a step of the chain is left. Everything else is a
    rejection.

    Args:
        risk: of the current payload.
        escalation: how many steps of the chain are done.
        rejected: whether there is a rejection that has not been withdrawn.
        snoozed: whether it was snoozed for everyone, so that nobody had to see it all the time.
    """
    if terms.on_expiry is OnExpiry.APPROVE:
        approves = risk in APPROVABLE_RISKS and kind not in _ANSWERED_KINDS and not rejected and not snoozed
        return OnExpiry.APPROVE if approves else OnExpiry.REJECT
    if terms.on_expiry is OnExpiry.ESCALATE and escalation < len(terms.escalation):
        return OnExpiry.ESCALATE
    return OnExpiry.REJECT
