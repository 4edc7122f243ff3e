"""Standing grants: bounded rules by which like proposals need no further approval."""

from __future__ import annotations

from enum import StrEnum


class GrantState(StrEnum):
    """Where a grant stands; only an active one lets anything through."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    REVOKED = "revoked"
    USED_UP = "used_up"
    EXPIRED = "expired"
