"""How a reviewer's change affects the risk and what the policy requires."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from app.domain.errors import RiskRaisedError
from app.domain.omissions import left_out, lost_safeguards
from app.domain.policy.facts import Facts, Policy, Requester
from app.domain.policy.terms import OnExpiry, Terms, stricter
from app.domain.policy.words import listing
from app.domain.risk import Assessment, floor_of
from app.domain.text import plural
from app.risk.omissions import LEFT_OUT, without_safeguards
from app.services.approvals.ground import Ground
from app.services.requests.requester import requesters
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel
from assent.digests import digest_of

SECOND_PERSON = "Because you changed it, a second person must approve it."
"""Said before an edit is sent that its editor alone cannot approve."""
NOTHING_MORE = "What remains needs no more approvals than the whole."
"""Said before an edit is sent that only leaves something out."""


@dataclass(frozen=True)
class ChangePreview:
    """What would apply if a change were submitted.

    Attributes:
        raised: the risk is higher, or more is required; the person must acknowledge it before submitting the change.
        words: what becomes higher or is required in addition, for the person who makes the change; may be empty.
        second_person: another person must approve the change as well.
        omits: it only leaves parts out, and what remains needs no more than the whole. So it makes nobody an editor.
        left_out: the names of the parts that it leaves out, if it changes nothing else.
    """

    assessment: Assessment
    terms: Terms
    raised: bool
    words: str = ""
    second_person: bool = False
    omits: bool = False
    left_out: tuple[str, ...] = ()

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


def reassess(
    ground: Ground, request: ApprovalRequest, payload: dict[str, Any], persons: Collection[str] = ()
) -> ChangePreview:
    """The risk and the terms of a changed payload.

    The policy version under which the request was opened is evaluated again. A change may raise what is required, but
    never lower it: editing must not be a way around a second reviewer. A change that only leaves parts out raises it
    only if what remains is riskier than the whole, has lost a safeguard, or requires more people by itself.

    Args:
        persons: ids of the person who makes the change, and of those who may be the same (`Actor.persons`).
    """
    policy = ground.policy_of(request.policy_version)
    assessment = _assessment(ground, policy, request, payload)
    old = Terms.from_json(request.terms)
    facts = Facts.of(
        payload, assessment, workflow=request.workflow, node=request.node, agent=request.agent,
        requester=_requester(ground, request),
    )  # fmt: skip
    by_policy = policy.terms(facts, request.opened_at)
    riskier = assessment.level.rank > RiskLevel(request.risk).rank
    unprotected = any(finding.rule == LEFT_OUT.id for finding in assessment.findings)
    gone = left_out(request.payload, payload)
    omits = bool(gone) and not riskier and not unprotected and by_policy.quorum <= old.quorum
    needed = _never_silent(old) if omits else stricter(old, by_policy)
    if needed.stages == old.stages:
        needed = needed.model_copy(update={"name": old.name, "policy_version": old.policy_version})
    more = needed.stages != old.stages
    by_editor = not omits or not set(persons).isdisjoint(request.edited_by)
    second = needed.adds_second_person and digest_of(payload) != request.proposed_digest and by_editor
    raised = riskier or more or (second and unprotected)
    preview = ChangePreview(assessment, needed, raised, second_person=second, omits=omits, left_out=gone)
    return replace(preview, words=_words(request, preview, riskier, more))


def _assessment(ground: Ground, policy: Policy, request: ApprovalRequest, payload: dict[str, Any]) -> Assessment:
    """The assessment of a changed payload under the policy, with what was left out of the agent's own proposal."""
    proposed = request.proposed if request.proposed is not None else request.payload
    floor = floor_of(payload)
    assessment = ground.assess(payload, policy.reading_tools)
    return policy.assessed(without_safeguards(assessment, lost_safeguards(proposed, payload), floor), floor)


def _never_silent(terms: Terms) -> Terms:
    """The same terms, except that a changed proposal is never approved on expiry."""
    silent = terms.on_expiry is OnExpiry.APPROVE
    return terms.model_copy(update={"on_expiry": OnExpiry.REJECT}) if silent else terms


def _words(request: ApprovalRequest, preview: ChangePreview, riskier: bool, more: bool) -> str:
    """What becomes higher or is required, and why; empty if nothing does."""
    said = [_raised(request, preview, riskier, more)] if riskier or more else []
    said += [finding.message for finding in preview.assessment.findings if finding.rule == LEFT_OUT.id]
    if preview.second_person:
        said.append(SECOND_PERSON)
    elif preview.omits:
        said.append(NOTHING_MORE)
    return " ".join(said)


def _raised(request: ApprovalRequest, preview: ChangePreview, riskier: bool, more: bool) -> str:
    risk = f"raises the risk from {request.risk} to {preview.assessment.level.value}"
    needs = f"requires {plural(preview.terms.quorum, 'approval')}: {', then '.join(preview.stages)}"
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
