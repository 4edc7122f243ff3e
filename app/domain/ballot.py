"""One person's decision on a request, as it was sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assent.contracts import RiskLevel, Verdict


@dataclass(frozen=True)
class Ballot:
    """What somebody decides, and what they had seen when they did.

    Attributes:
        digest: of the payload that the person saw; another one is refused.
        change: for `modify`, as `app.domain.changes` describes.
        answer: for `answer`, checked against the request's schema.
        comment: what the person says; some verdicts require it.
        acknowledged_risk: the level up to which the person knows that their change raises the risk.
        version: of the request that the person saw; another one is refused. None: any.
    """

    verdict: Verdict
    digest: str
    change: Any = None
    answer: Any = None
    comment: str = ""
    acknowledged_risk: RiskLevel | None = None
    version: int | None = None
