"""The parts of a decision: checking it, counting it, and writing down what it means."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.changes import EDITABLE_KINDS, apply_change, check_schema
from app.domain.errors import (
    AlreadyDecidedError,
    ExpiredError,
    InvalidInputError,
    OwnRequestError,
    StaleDigestError,
    TooLargeError,
)
from app.domain.lifecycle import REQUEST_TRANSITIONS, RequestState, may_move
from app.domain.people import Action, Actor
from app.domain.policy.fold import Resolution, Vote, answer_digest
from app.domain.policy.terms import Terms, default_terms, stricter
from app.domain.risk import Assessment
from app.services.audit import record
from app.services.events import EventKind, event_row, publish
from app.services.opening import Assessor
from app.store.batch import Batch
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import Outcome, Remark, RiskLevel, Verdict
from assent.digests import canonical, digest_of
from assent.masking import mask, mask_text

MAX_COMMENT = 20_000
MAX_ANSWER = 1_000_000
_VERDICT_WORDS = {
    RequestState.APPROVED: "Approved. The run goes on.",
    RequestState.MODIFIED: "Approved with changes. The run goes on with what you changed.",
    RequestState.CHANGES_REQUESTED: "Sent back to the agent with your remark.",
    RequestState.REJECTED: "Rejected. The run is told.",
    RequestState.ANSWERED: "Answered. The run goes on.",
}


@dataclass(frozen=True)
class Ballot:
    """A decision as it was sent."""

    verdict: Verdict
    digest: str
    change: Any
    answer: Any
    comment: str


@dataclass(frozen=True)
class Checked:
    """A decision found usable.

    Attributes:
        payload: the new payload of a modification, else None.
        digest: of the payload this decision is about, after its own change.
        changed: the payload differs from the agent's proposal.
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

    @property
    def agreed_digest(self) -> str:
        """Of what this person agrees to: the payload, and with an answer also that."""
        return answer_digest(self.digest, self.answer) if self.verdict is Verdict.ANSWER else self.digest


def clean_comment(text: Any) -> str:
    """A comment fit to store: text, of bearable length, without control characters, secrets masked."""
    if not isinstance(text, str):
        raise InvalidInputError("A comment is a text.", {"comment": "not a text"})
    if len(text) > MAX_COMMENT:
        raise TooLargeError(f"A comment has at most {MAX_COMMENT:,} characters; this one has {len(text):,}.")
    bad = sorted(
        {
            f"U+{ord(char):04X}"
            for char in text
            if (ord(char) < 32 and char not in "\t\n\r") or 0xD800 <= ord(char) <= 0xDFFF
        }
    )
    if bad:
        raise InvalidInputError(
            f"The comment has control characters ({', '.join(bad)}).", {"comment": "control characters"}
        )
    return mask_text(text.strip())


def changed_payload(request: ApprovalRequest, change: Any) -> dict[str, Any]:
    """The payload a change would make. Raises InvalidInputError, also for a secret in it; TooLargeError."""
    if request.kind not in EDITABLE_KINDS:
        raise InvalidInputError("This kind of request cannot be changed.", {"change": "not possible"})
    payload = apply_change(request.payload, change)
    _refuse_secrets(payload, "change")
    _refuse_secrets(change, "change")
    return payload


def _refuse_secrets(value: Any, where: str) -> None:
    # Masked, its token would be what the run executes: nobody could put the secret back.
    if mask(value)[1]:
        words = "A secret cannot go through the portal; name where it is kept."
        raise InvalidInputError(words, {where: words})


def check(request: ApprovalRequest, actor: Actor, ballot: Ballot, now: datetime, assess: Assessor) -> Checked:
    """Everything that can be refused before the transaction. Raises as `CheckpointManager.decide` says."""
    actor.require(Action.DECIDE)
    if not actor.id:
        raise OwnRequestError("Only a person can decide.")
    if request.requester_id == actor.id:
        raise OwnRequestError("Whoever asked may not be the one who approves: you started this run.")
    if request.state != RequestState.PENDING.value:
        state = RequestState(request.state)
        kind = ExpiredError if state is RequestState.EXPIRED else AlreadyDecidedError
        raise kind(f"This request is {state.words}. Your decision was not counted.", state=state.value)
    if now >= request.expires_at:
        raise ExpiredError("The deadline has passed. Your decision was not counted.", state=request.state)
    if ballot.digest != request.digest:
        raise StaleDigestError(
            "The proposal has changed since you looked. Your decision was not counted; look at it again.",
            digest=request.digest,
        )
    terms = Terms.from_json(request.terms)
    _check_form(request, ballot, terms)
    if ballot.verdict is Verdict.MODIFY:
        return _check_modification(request, ballot, terms, assess)
    answer = _check_answer(request, ballot.answer) if ballot.verdict is Verdict.ANSWER else None
    assessment = Assessment.from_json(request.assessment)
    changed = request.digest != request.proposed_digest
    return Checked(
        ballot.verdict, ballot.digest, None, request.digest, assessment, terms, changed, None, answer, ballot.comment
    )


def _check_form(request: ApprovalRequest, ballot: Ballot, terms: Terms) -> None:
    asks = request.kind in ("question", "error", "value")
    if (ballot.verdict is Verdict.ANSWER) != asks and ballot.verdict is not Verdict.REJECT:
        wanted = "an answer" if asks else "an approval, a change or a rejection"
        raise InvalidInputError(f"This request waits for {wanted}.", {"verdict": "does not fit"})
    if ballot.verdict is Verdict.REQUEST_CHANGES and request.dialect != "assent":
        raise InvalidInputError("This run cannot take a request for changes.", {"verdict": "does not fit"})
    if ballot.change is not None and ballot.verdict is not Verdict.MODIFY:
        raise InvalidInputError("A change goes with the verdict modify.", {"change": "not with this verdict"})
    if ballot.verdict in terms.reason_required and not ballot.comment:
        raise InvalidInputError("Please say why.", {"comment": "required for this verdict"})


def _check_modification(request: ApprovalRequest, ballot: Ballot, terms: Terms, assess: Assessor) -> Checked:
    payload = changed_payload(request, ballot.change)
    digest = digest_of(payload)
    if digest == request.digest:
        raise InvalidInputError("Nothing is changed: approve it as it is.", {"change": "no difference"})
    assessment = assess(payload)
    # A change may raise what is needed, never lower it: an edit must not be a way round a second reviewer.
    raised = default_terms(assessment.level, terms.deadline_seconds)
    needed = stricter(terms, raised) if assessment.level.rank > RiskLevel(request.risk).rank else terms
    return Checked(
        ballot.verdict, ballot.digest, payload, digest, assessment, needed,
        digest != request.proposed_digest, ballot.change, None, ballot.comment,
    )  # fmt: skip


def _check_answer(request: ApprovalRequest, answer: Any) -> Any:
    if answer is None:
        raise InvalidInputError("Please answer.", {"answer": "missing"})
    schema = request.response_schema or (request.payload or {}).get("answer_schema")
    check_schema(answer, schema, "answer")
    if schema is None and request.kind == "question" and not isinstance(answer, str):
        raise InvalidInputError("The answer is a text.", {"answer": "not a text"})
    try:
        size = len(canonical(answer))
    except ValueError as error:
        raise InvalidInputError(f"The answer is not JSON: {error}", {"answer": "not JSON"}) from error
    if size > MAX_ANSWER:
        raise TooLargeError("The answer is too large.")
    _refuse_secrets(answer, "answer")
    return answer


def move(seen: ApprovalRequest, new: RequestState, now: datetime, **values: Any) -> Batch:
    """A batch that changes a pending request if nobody changed it since it was seen.

    One that ends it says so to open pages.
    """
    ends = new is not RequestState.PENDING
    if ends and not may_move(REQUEST_TRANSITIONS, RequestState(seen.state), new):
        raise AlreadyDecidedError(f"This request is {RequestState(seen.state).words}.", state=seen.state)
    columns = {"state": new.value, "resolved_at": now if ends else None, **({"due_at": None} if ends else {}), **values}
    batch = Batch(
        f"update approval_requests set {', '.join(f'{name} = %(set_{name})s' for name in columns)}, "
        "version = version + 1 where id = %(request)s and state = 'pending' and version = %(version)s returning id",
        {f"set_{name}": value for name, value in columns.items()} | {"request": seen.id, "version": seen.version},
    )
    if ends:
        resolved = event_row(EventKind.REQUEST_RESOLVED, now, run_id=seen.run_id, request_id=seen.id, state=new.value)
        publish(batch, resolved)
    return batch


def decisions_on(session: Session, request_id: str) -> list[Decision]:
    """All decisions so far, oldest first."""
    query = select(Decision).where(Decision.request_id == request_id).order_by(Decision.at)
    return list(session.scalars(query))


def vote(decision: Decision) -> Vote:
    """The decision as the fold sees it."""
    return Vote(
        decision.person_id, Verdict(decision.verdict), decision.digest, decision.stage or 0,
        decision.on_behalf_of_id or "",
    )  # fmt: skip


def decision_of(request: ApprovalRequest, actor: Actor, checked: Checked, now: datetime) -> dict[str, Any]:
    """The columns of a decision."""
    return {
        "id": str(uuid.uuid4()),
        "request_id": request.id,
        "person_id": actor.id,
        "person_name": actor.name,
        "verdict": checked.verdict.value,
        "seen_digest": checked.seen_digest,
        "digest": checked.agreed_digest,
        "change": checked.change,
        "answer": checked.answer,
        "comment": checked.comment,
        "via": actor.via.value,
        "at": now,
    }


def record_decision(batch: Batch, request: ApprovalRequest, actor: Actor, checked: Checked, now: datetime) -> None:
    """The decision's line in the record."""
    record(
        batch, actor, "request.decided", now, request_id=request.id, run_id=request.run_id,
        verdict=checked.verdict.value, seen_digest=checked.seen_digest, digest=checked.agreed_digest,
        risk=checked.assessment.level.value, comment=checked.comment,
    )  # fmt: skip


def outcome_body(
    request: ApprovalRequest,
    resolution: Resolution,
    payload: Any,
    digest: str,
    answer: Any,
    remarks: list[Remark],
    now: datetime,
) -> dict[str, Any]:
    """The outcome as the run will receive it, with everybody's remarks."""
    outcome = Outcome(
        request_id=request.id,
        verdict=resolution.verdict,
        payload=payload,
        digest=digest,
        proposed_digest=request.proposed_digest,
        answer=answer,
        remarks=remarks,
        decided_at=now,
        next_action=resolution.next_action,
    )
    return outcome.model_dump(mode="json")


def remark(decision: Decision) -> Remark:
    """What a person said when deciding."""
    return Remark(who=decision.person_name, verdict=Verdict(decision.verdict), comment=decision.comment, at=decision.at)


def result_words(resolution: Resolution | None, verdict: Verdict, approvals: int, terms: Terms) -> str:
    """A sentence or two for the person who decided."""
    if resolution is None and verdict is Verdict.ANSWER:
        return f"Your answer is counted: {approvals} of {terms.quorum} people gave it. Another person has to agree."
    if resolution is None:
        return f"Your decision is counted: {approvals} of {terms.quorum}. Another person is needed."
    return _VERDICT_WORDS[resolution.state]
