"""One person's decision on a request, as it was submitted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assent.contracts import RiskLevel, Verdict


@dataclass(frozen=True)
class Ballot:
    """What somebody decides, and which state of the request they saw.

    Attributes:
        digest: of the payload that the person saw; the decision is refused if another payload is current.
        change: for `modify`, as `app.domain.changes` describes.
        answer: for `answer`, checked against the request's schema.
        comment: for the agent and the audit log; some verdicts require one.
        acknowledged_risk: the highest risk level to which the person accepts that their change raises the request.
        version: of the request that the person saw; the decision is refused if it has changed. None: any version.
        read_seconds: how long the person had the request in view; None: not known.
    """

    verdict: Verdict
    digest: str
    change: Any = None
    answer: Any = None
    comment: str = ""
    acknowledged_risk: RiskLevel | None = None
    version: int | None = None
    read_seconds: int | None = None
