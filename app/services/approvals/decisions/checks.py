"""Checks whether a decision is valid as submitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.ballot import Ballot
from app.domain.calls import check_complete, takes_changes
from app.domain.changes import EDITABLE_KINDS, apply_change
from app.domain.errors import (
    DuplicateDecisionError,
    InvalidInputError,
    ReauthenticationError,
    StaleDigestError,
    TooLargeError,
)
from app.domain.misfits import check_schema
from app.domain.people import Actor
from app.domain.policy.access import seat_after_edit
from app.domain.policy.fold import answer_digest
from app.domain.policy.terms import Terms
from app.domain.risk import Assessment
from app.services.approvals.decisions.reassessment import ChangePreview, reassess
from app.services.approvals.ground import Ground
from app.services.requests.entitlement import ASKING_KINDS, HARMLESS, Seat, sign_in_again
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from assent.digests import canonical, digest_of
from assent.json_values import JsonError
from assent.json_values import check as check_json
from assent.masking import mask

MAX_ANSWER = 1_000_000


@dataclass(frozen=True)
class CheckedDecision:
    """A valid decision.

    Attributes:
        payload: the new payload if the approver changed it, else None.
        digest: of the payload that the decision is about, including the approver's change.
        terms: what the request requires from now on.
        changed: the payload differs from the agent's proposal.
        editors: the people whose changes the payload contains, as in `ApprovalRequest.edited_by`.
        seat: the person's part in the request; its stage is one of `terms`.
    """

    verdict: Verdict
    seen_digest: str
    payload: dict[str, Any] | None
    digest: str
    assessment: Assessment
    terms: Terms
    changed: bool
    change: Any
    answer: Any
    comment: str
    seat: Seat
    editors: tuple[str, ...] = ()
    read_seconds: int | None = None

    @property
    def agreed_digest(self) -> str:
        """The digest that the person agrees to: of the payload, and of the answer if there is one."""
        return answer_digest(self.digest, self.answer) if self.verdict is Verdict.ANSWER else self.digest


def check(
    ground: Ground, request: ApprovalRequest, seat: Seat, actor: Actor, ballot: Ballot, now: datetime
) -> CheckedDecision:
    """Check everything that can be refused before the decision is written. The actor is known to be allowed to decide.

    Raises the same errors as `CheckpointManager.decide`.
    """
    if ballot.digest != request.digest:
        raise StaleDigestError(
            "The proposal has changed since you opened it. Your decision was not counted; review it again.",
            digest=request.digest,
        )
    terms = Terms.from_json(request.terms)
    _check_form(request, ballot, terms)
    if ballot.verdict not in seat.verdicts:
        raise DuplicateDecisionError(
            "You have already answered; withdraw your answer first." if seat.replaces else
            "You approved this at an earlier stage; another person must approve this one.",
            state=request.state,
        )  # fmt: skip
    payload, digest, assessment, answer = None, request.digest, Assessment.from_json(request.assessment), None
    editors = tuple(request.edited_by)
    if ballot.verdict is Verdict.MODIFY:
        payload = changed_payload(request, ballot.change)
        digest = digest_of(payload)
        preview = reassess(ground, request, payload, actor.persons)
        editors = editors if preview.omits else _editors(request, digest, actor, seat)
        _acknowledged(preview, ballot)
        assessment, seat, terms = preview.assessment, _moved(request, seat, actor, terms, preview.terms), preview.terms
    elif ballot.verdict is Verdict.ANSWER:
        answer = _check_answer(request, seat, ballot.answer)
    _check_terms(terms, ballot, actor, now)
    return CheckedDecision(
        ballot.verdict, ballot.digest, payload, digest, assessment, terms, digest != request.proposed_digest,
        ballot.change, answer, ballot.comment, seat, editors, ballot.read_seconds,
    )  # fmt: skip


def changed_payload(request: ApprovalRequest, change: Any) -> dict[str, Any]:
    """The payload with the change applied. Raises InvalidInputError, also for a secret in it; TooLargeError."""
    if request.kind not in EDITABLE_KINDS:
        raise InvalidInputError("This kind of request cannot be changed.", {"change": "not possible"})
    if not Terms.from_json(request.terms).edit_allowed:
        raise InvalidInputError("The policy does not allow changes to this proposal.", {"change": "not allowed"})
    payload = apply_change(request.payload, change)
    _refuse_secrets(payload, "change")
    _refuse_secrets(change, "change")
    if digest_of(payload) == request.digest:
        raise InvalidInputError("Nothing was changed. Approve the proposal as it is.", {"change": "no difference"})
    return payload


def _refuse_secrets(value: Any, where: str) -> None:
    # If the secret were masked, the run would execute the placeholder, and nobody could restore the secret.
    if mask(value)[1]:
        words = "Secrets cannot be sent through the portal. Refer to where the secret is stored instead."
        raise InvalidInputError(words, {where: words})


def _check_form(request: ApprovalRequest, ballot: Ballot, terms: Terms) -> None:
    asks = request.kind in ASKING_KINDS
    if (ballot.verdict is Verdict.ANSWER) != asks and ballot.verdict is not Verdict.REJECT:
        wanted = "an answer" if asks else "an approval, a change, or a rejection"
        raise InvalidInputError(f"This request requires {wanted}.", {"verdict": "does not fit"})
    if ballot.verdict is Verdict.REQUEST_CHANGES and not takes_changes(request.dialect, request.payload):
        raise InvalidInputError("This run does not support requesting changes.", {"verdict": "does not fit"})
    if ballot.verdict is Verdict.MODIFY and not terms.edit_allowed:
        raise InvalidInputError("The policy does not allow changes to this proposal.", {"change": "not allowed"})
    if ballot.verdict is Verdict.MODIFY and request.kind not in EDITABLE_KINDS:
        raise InvalidInputError("This kind of request cannot be changed.", {"change": "not possible"})
    if ballot.change is not None and ballot.verdict is not Verdict.MODIFY:
        raise InvalidInputError("A change requires the verdict modify.", {"change": "not with this verdict"})
    if ballot.verdict is Verdict.APPROVE:
        check_complete(request.payload)


def _check_terms(terms: Terms, ballot: Ballot, actor: Actor, now: datetime) -> None:
    """What the terms require of this decision; after a change, the terms that result from it."""
    if ballot.verdict is Verdict.MODIFY and not terms.edit_allowed:
        raise InvalidInputError("The policy does not allow changing the proposal to this.", {"change": "not allowed"})
    if ballot.verdict in terms.reason_required and not ballot.comment:
        raise InvalidInputError("Give a reason.", {"comment": "required for this verdict"})
    if ballot.verdict not in HARMLESS and sign_in_again(terms, actor, now):
        raise ReauthenticationError(
            "Sign in again first: the policy requires a recent sign-in for this decision.",
            max_age_seconds=terms.reauthenticate_seconds,
        )


def _editors(request: ApprovalRequest, digest: str, actor: Actor, seat: Seat) -> tuple[str, ...]:
    """Who edited the payload with that digest; nobody if it is the agent's original proposal."""
    if digest == request.proposed_digest:
        return ()
    return tuple(sorted(actor.persons | ({seat.principal.id} if seat.principal else frozenset())))


def _acknowledged(preview: ChangePreview, ballot: Ballot) -> None:
    """Raise RiskRaisedError unless the person has acknowledged how their change raises the risk or requirements."""
    known = ballot.acknowledged_risk
    if preview.raised and (known is None or known.rank < preview.assessment.level.rank):
        raise preview.error()


def _moved(request: ApprovalRequest, seat: Seat, actor: Actor, old: Terms, new: Terms) -> Seat:
    """The seat under the terms that result from a change."""
    if new.stages == old.stages:
        return seat
    who = seat.principal or actor.member
    stage = seat_after_edit(old, new, seat.stage, who, request.escalated_to)
    return Seat(seat.verdicts, stage, seat.principal)


def _check_answer(request: ApprovalRequest, seat: Seat, answer: Any) -> Any:
    if answer is None:
        raise InvalidInputError("The answer is missing.", {"answer": "missing"})
    try:
        check_json(answer)
    except JsonError as error:
        raise InvalidInputError("The answer is not valid.", {"answer": str(error)}) from None
    schema = request.response_schema or (request.payload or {}).get("answer_schema")
    check_schema(answer, schema, "answer")
    if schema is None and request.kind == "question" and not isinstance(answer, str):
        raise InvalidInputError("The answer must be text.", {"answer": "not a text"})
    size = len(canonical(answer))
    if size > MAX_ANSWER:
        raise TooLargeError("The answer is too large.")
    _refuse_secrets(answer, "answer")
    if seat.replaces is not None and seat.replaces.digest == answer_digest(request.digest, answer):
        raise DuplicateDecisionError("You have already given this answer.", state=request.state)
    return answer
