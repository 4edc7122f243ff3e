"""What reviewers leave out of a proposal may be what protects the rest of it."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.risk import Assessment, assess
from app.risk.rules import declare
from assent.contracts import RiskLevel

LEFT_OUT = declare(
    "proposal.safeguard_left_out",
    RiskLevel.HIGH,
    "Reviewers left out what would have protected the rest, such as a backup.",
)
_NEXT = {RiskLevel.MEDIUM: RiskLevel.HIGH, RiskLevel.HIGH: RiskLevel.CRITICAL, RiskLevel.CRITICAL: RiskLevel.CRITICAL}


def without_safeguards(assessment: Assessment, lost: Sequence[str], floor: RiskLevel) -> Assessment:
    """Return the assessment of what remains, a level higher if it changes something.

    Args:
        lost: The names of what was left out; see `app.domain.omissions`.
        floor: The minimum risk level of the proposal.
    """
    level = _NEXT.get(assessment.level)
    if level is None or not lost:
        return assessment
    names = ", ".join(f"“{name}”" for name in lost)
    words = f"Reviewers left out {names}, which may protect what remains."
    finding = LEFT_OUT.finding(words, severity=level)
    return assess([*assessment.findings, finding], floor, assessment.understood, assessment.touches)
