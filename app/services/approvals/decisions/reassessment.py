"""How a reviewer's change affects the risk and what the policy requires."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.domain.errors import RiskRaisedError
from app.domain.policy.facts import Facts, Requester
from app.domain.policy.terms import Terms, stricter
from app.domain.policy.words import listing
from app.domain.risk import Assessment
from app.services.approvals.ground import Ground
from app.services.requests.assessment import assess_under
from app.services.requests.requester import requesters
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel
from assent.digests import digest_of

SECOND_PERSON = "Because you changed it, a second person must approve it."
"""Said before an edit is sent that its editor alone cannot approve."""


@dataclass(frozen=True)
class ChangePreview:
    """What would apply if a change were submitted.

    Attributes:
        raised: the risk is higher, or more is required; the person must acknowledge it before submitting the change.
        words: what becomes higher or is required in addition, for the person who makes the change; may be empty.
        second_person: another person must approve the change as well.
    """

    assessment: Assessment
    terms: Terms
    raised: bool
    words: str = ""
    second_person: bool = False

    @property
    def stages(self) -> tuple[str, ...]:
        """Each stage in words, such as ``1 from DBA``."""
        whom = [stage.name or listing([*stage.teams, *stage.people], "or") for stage in self.terms.stages]
        return tuple(
            f"{stage.quorum} from {who or 'any reviewer'}" for stage, who in zip(self.terms.stages, whom, strict=True)
        )

    def error(self) -> RiskRaisedError:
        """The refusal of a change that has not been acknowledged."""
        return RiskRaisedError(
            f"{self.words} Your change was not sent. Send it again to confirm.",
            risk=self.assessment.level.value,
            score=self.assessment.score,
            findings=[finding.to_json() for finding in self.assessment.findings],
            rule=self.terms.name,
            quorum=self.terms.quorum,
            stages=list(self.stages),
        )


def reassess(ground: Ground, request: ApprovalRequest, payload: dict[str, Any]) -> ChangePreview:
    """The risk and the terms of a changed payload.

    The policy version under which the request was opened is evaluated again. A change may raise what is required, but
    never lower it: editing must not be a way around a second reviewer.
    """
    policy = ground.policy_of(request.policy_version)
    assessment = assess_under(policy, ground.assess, payload)
    old = Terms.from_json(request.terms)
    facts = Facts.of(
        payload, assessment, workflow=request.workflow, node=request.node, agent=request.agent,
        requester=_requester(ground, request),
    )  # fmt: skip
    needed = stricter(old, policy.terms(facts, request.opened_at))
    if needed.stages == old.stages:
        needed = needed.model_copy(update={"name": old.name, "policy_version": old.policy_version})
    riskier = assessment.level.rank > RiskLevel(request.risk).rank
    more = needed.stages != old.stages
    second = needed.adds_second_person and digest_of(payload) != request.proposed_digest
    preview = ChangePreview(assessment, needed, riskier or more, second_person=second)
    words = [_words(request, preview, riskier, more)] if preview.raised else []
    return replace(preview, words=" ".join([*words, SECOND_PERSON] if second else words))


def _words(request: ApprovalRequest, preview: ChangePreview, riskier: bool, more: bool) -> str:
    risk = f"raises the risk from {request.risk} to {preview.assessment.level.value}"
    people = f"{preview.terms.quorum} {'approval' if preview.terms.quorum == 1 else 'approvals'}"
    needs = f"requires {people}: {', then '.join(preview.stages)}"
    if riskier and more:
        return f"This change {risk}; it then {needs}."
    return f"This change {risk}." if riskier else f"With this change, the request {needs}."


def _requester(ground: Ground, request: ApprovalRequest) -> Requester:
    # The strict default does not depend on the requester.
    if request.policy_version is None or request.requester_id is None:
        return Requester(request.requester_id or "", request.requester_name)
    with ground.sessions.reads() as session:
        found = requesters(session, [(request.requester_id, request.requester_name)])
    return found.get(request.requester_id) or Requester(request.requester_id, request.requester_name)
