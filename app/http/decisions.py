"""A decision as it is sent over REST and Socket.IO; both take the same one to the same service."""

from __future__ import annotations

from pydantic import Field, JsonValue

from app.domain.ballot import Ballot
from app.domain.people import Actor
from app.http.body import Input, PlainText
from app.services.approvals.decisions.decision import DecisionResult
from app.services.bundle import Services
from assent.contracts import RiskLevel, Verdict


class DecisionIn(Input):
    """One person's word on a request."""

    verdict: Verdict = Field(strict=False)
    digest: PlainText = Field(max_length=200, description="Digest of the payload that was seen; another one is refused")
    change: JsonValue = Field(default=None, description="For modify: what differs, by the proposal's kind")
    answer: JsonValue = Field(default=None, description="For answer: fits the request's schema")
    acknowledged_risk: RiskLevel | None = Field(
        default=None, strict=False, description="For modify: the level up to which a raised risk is known and meant"
    )
    comment: PlainText = Field(default="", description="Required by some verdicts")

    def ballot(self, version: int | None) -> Ballot:
        """As the use cases take it; `version` is that of the request which was seen, if it is known."""
        change, answer = self.change, self.answer
        return Ballot(self.verdict, self.digest, change, answer, self.comment, self.acknowledged_risk, version)


def decide(
    services: Services, actor: Actor, request_id: str, body: DecisionIn, version: int | None = None
) -> DecisionResult:
    """Take the decision, on that version of the request if one is named. Raises as `CheckpointManager.decide`."""
    return services.checkpoints.decide(request_id, actor, body.ballot(version))
