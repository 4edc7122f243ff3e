"""Standing grants: bounded rules by which like proposals need no further approval. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import InvalidInputError
from app.domain.policy.access import Member, addressed, is_asked
from app.domain.policy.terms import Terms
from assent.contracts import RiskLevel

MAX_RISK = RiskLevel.MEDIUM
MAX_USES = 1000
MAX_DAYS = 90
EVIDENCE_DAYS = 30
"""How old an approval may be from which a grant is proposed."""
MIN_EVIDENCE = 3
"""How many like approvals a grant has to be proposed from."""


class GrantState(StrEnum):
    """Where a grant stands; only an active one lets anything through."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    REVOKED = "revoked"
    USED_UP = "used_up"
    EXPIRED = "expired"

    @property
    def words(self) -> str:
        """The state as a person would say it."""
        return _STATE_WORDS[self]

    @property
    def ended(self) -> bool:
        """True when it will never let anything through again."""
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
    """What bounds a grant besides its pattern; all of it is required."""

    max_risk: RiskLevel
    max_uses: int
    days: int

    def check(self) -> None:
        """Raise InvalidInputError, with a complaint for each field, unless all is within bounds."""
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
        """When the grant lapses."""
        return now + timedelta(days=self.days)


def covers(terms: Terms, givers: Sequence[Member]) -> bool:
    """True if the people who gave a grant could have agreed to a request with these terms by themselves.

    Who may agree to what is the policy's to say: a grant is no way for two people to let through what others have to
    be asked for. Each person counts once over all stages, as in deciding.
    """
    if not terms.grants_allowed:
        return False
    wanted = [addressed(stage) for stage in terms.stages for _ in range(stage.quorum)]
    return _covered(wanted, list(givers))


def _covered(wanted: list[tuple[str, ...]], givers: list[Member]) -> bool:
    if not wanted:
        return True
    return any(
        is_asked(giver, wanted[0]) and _covered(wanted[1:], [other for other in givers if other is not giver])
        for giver in givers
    )
