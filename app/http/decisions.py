"""Decisions over REST and Socket.IO: the same model and the same service for both."""

from __future__ import annotations

from pydantic import Field, JsonValue

from app.domain.ballot import Ballot
from app.domain.people import Actor
from app.http.body import Input, PlainText
from app.services.approvals.decisions.decision import DecisionResult
from app.services.bundle import Services
from assent.contracts import RiskLevel, Verdict


class DecisionIn(Input):
    """One person's decision on a request."""

    verdict: Verdict = Field(strict=False)
    digest: PlainText = Field(max_length=200, description="Digest of the payload that the person saw")
    change: JsonValue = Field(default=None, description="For modify: the change, depending on the proposal's kind")
    answer: JsonValue = Field(default=None, description="For answer: must match the request's schema")
    acknowledged_risk: RiskLevel | None = Field(
        default=None, strict=False, description="For modify: the highest risk level that the person accepts"
    )
    comment: PlainText = Field(default="", description="Required by some verdicts")

    def ballot(self, version: int | None) -> Ballot:
        """As the use cases take it; `version` is that of the request which was seen, if it is known."""
        change, answer = self.change, self.answer
        return Ballot(self.verdict, self.digest, change, answer, self.comment, self.acknowledged_risk, version)


def decide(
    services: Services, actor: Actor, request_id: str, body: DecisionIn, version: int | None = None
) -> DecisionResult:
    """Record the decision, on a version of the request if one is named. Raises as `CheckpointManager.decide`."""
    return services.checkpoints.decide(request_id, actor, body.ballot(version))
