"""What it means for one request that nobody decided in time. Pure."""

from __future__ import annotations

from app.domain.policy.terms import OnExpiry, Terms
from assent.contracts import RiskLevel

APPROVABLE_RISKS = frozenset({RiskLevel.SAFE, RiskLevel.LOW})
"""Nothing above may be approved by silence, whatever a rule says."""
_ANSWERED_KINDS = frozenset({"question", "error", "value"})

EXPIRY_WORDS = {
    OnExpiry.REJECT: "Expired without a decision, so it is rejected.",
    OnExpiry.APPROVE: "Expired without a decision, so its rule approves it.",
    OnExpiry.ESCALATE: "Nobody decided before the deadline, so others must approve as well and there is more time.",
}
"""What is told once the time is up."""


def expiry_means(terms: Terms, *, risk: RiskLevel, kind: str, escalation: int, rejected: bool) -> OnExpiry:
    """What the passing of the deadline comes to, as the request stands now.

    A rule's approval holds only for a harmless proposal that nobody rejected, and for what can be approved without an
    answer; its escalation only while somebody is left to ask. Everything else is a rejection.

    Args:
        risk: of the present payload.
        escalation: how many steps of the chain are done.
        rejected: somebody's rejection stands.
    """
    if terms.on_expiry is OnExpiry.APPROVE:
        approves = risk in APPROVABLE_RISKS and kind not in _ANSWERED_KINDS and not rejected
        return OnExpiry.APPROVE if approves else OnExpiry.REJECT
    if terms.on_expiry is OnExpiry.ESCALATE and escalation < len(terms.escalation):
        return OnExpiry.ESCALATE
    return OnExpiry.REJECT
