"""Standing grants: bounded rules under which similar proposals are approved automatically. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import InvalidInputError
from app.domain.policy.access import Member, addressed, is_approver
from app.domain.policy.terms import Terms
from assent.contracts import RiskLevel

MAX_RISK = RiskLevel.MEDIUM
MAX_USES = 1000
MAX_DAYS = 90
EVIDENCE_DAYS = 30
"""Maximum age, in days, of the approvals on which a suggested grant is based."""
MIN_EVIDENCE = 3
"""How many similar approvals are required before a grant is suggested."""


class GrantState(StrEnum):
    """The state of a grant; only an active one approves anything."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    REVOKED = "revoked"
    USED_UP = "used_up"
    EXPIRED = "expired"

    @property
    def words(self) -> str:
        """The state in words."""
        return _STATE_WORDS[self]

    @property
    def ended(self) -> bool:
        """True when it will never approve anything again."""
        return self not in (GrantState.PROPOSED, GrantState.ACTIVE)


_STATE_WORDS = {
    GrantState.PROPOSED: "waiting for a second person",
    GrantState.ACTIVE: "active",
    GrantState.DECLINED: "declined",
    GrantState.REVOKED: "revoked",
    GrantState.USED_UP: "used up",
    GrantState.EXPIRED: "lapsed",
}


@dataclass(frozen=True)
class Limits:
    """The limits of a grant besides its pattern; all are required."""

    max_risk: RiskLevel
    max_uses: int
    days: int

    def check(self) -> None:
        """Raise InvalidInputError, with an error for each field, unless all limits are within bounds."""
        problems = {}
        if self.max_risk.rank > MAX_RISK.rank:
            problems["max_risk"] = f"at most {MAX_RISK.value}"
        if not 1 <= self.max_uses <= MAX_USES:
            problems["max_uses"] = f"between 1 and {MAX_USES:,}"
        if not 1 <= self.days <= MAX_DAYS:
            problems["days"] = f"between 1 and {MAX_DAYS}"
        if problems:
            raise InvalidInputError("A standing grant needs limits on risk, uses, and time.", problems)

    def until(self, now: datetime) -> datetime:
        """When the grant expires."""
        return now + timedelta(days=self.days)


def covers(terms: Terms, givers: Sequence[Member]) -> bool:
    """True if the people who gave a grant could have approved a request with these terms by themselves.

    The policy says who may approve what: two people must not use a grant to approve what requires the approval of
    others. Each person counts once across all stages, as they do when they decide.
    """
    if not terms.grants_allowed:
        return False
    wanted = [addressed(stage) for stage in terms.stages for _ in range(stage.quorum)]
    return _covered(wanted, list(givers))


def _covered(wanted: list[tuple[str, ...]], givers: list[Member]) -> bool:
    if not wanted:
        return True
    return any(
        is_approver(giver, wanted[0]) and _covered(wanted[1:], [other for other in givers if other is not giver])
        for giver in givers
    )
