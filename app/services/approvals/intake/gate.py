"""Requests of agents outside runs: their opening, their outcomes, and the agents' receipts.

Such an agent waits by itself, so nothing is resumed here. Like a run, it does not get an approval before the change
window is open, which is checked again whenever it asks for the outcome.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, defer

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from app.domain.lifecycle import RequestState
from app.domain.misfits import check_schemas
from app.domain.people import Action, Actor
from app.domain.policy.terms import Terms
from app.domain.policy.verdicts import Decide, PolicyDecision
from app.domain.text import is_storable
from app.services.approvals.ground import Ground, get
from app.services.approvals.intake.automatic_answers import AutomaticAnswers
from app.services.approvals.intake.call_receipts import detail_with_calls
from app.services.approvals.intake.entry import enter
from app.services.grants.use import GRANT, GrantCandidate, find
from app.services.requests.assessment import IncomingProposal, prepare
from app.services.requests.comments import clean_comment
from app.services.requests.outcomes import not_before
from app.services.requests.requester import REQUESTER_COLUMNS, VERSION_IN_FORCE, RequestSource, requester_from
from app.services.runs.journal import put_receipt
from app.services.sight import is_requester, sees_request
from app.store.batch import Batch, made_once
from app.store.engine import Sessions
from app.store.notify import CallbackRow
from app.store.people import Person
from app.store.requests import ApprovalRequest, OutcomeRow, ReceiptRow
from app.store.runs import CatalogueEntry
from assent.contracts import ReceiptStatus, Verdict
from assent.dialects.base import Asked
from assent.digests import digest_of
from assent.json_values import count
from assent.masking import mask, mask_text

ELSEWHERE = "external"
"""The workflow name of requests whose agent names no workflow."""
DIALECT = "assent"
MAX_VALUES = 100_000
"""How many values and names a proposal may have in total."""
REVISABLE = frozenset({RequestState.CHANGES_REQUESTED.value, RequestState.REJECTED.value, RequestState.EXPIRED.value})
"""States in which a request can be revised."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_REFUSED = frozenset({Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value})
# Of several concurrent collections one writes the receipt, so there is only one audit entry.
_COLLECT = """
    insert into receipts (request_id, status, explicit, summary, detail, delivered_at, updated_at)
    values (%(request)s, 'delivered', false, '', null, %(now)s, %(now)s)
    on conflict (request_id) do nothing returning request_id as id"""


@dataclass(frozen=True)
class SealedCallback:
    """Where the agent is called once the request is settled. Sealed, except for the part that people see."""

    address: str
    shown: str
    secret: str
    ag_ui: dict[str, Any] | None = None


@dataclass(frozen=True)
class ExternalRequest:
    """An agent's request for approval.

    Attributes:
        document: the proposal, JSON-ready, with at least ``kind`` and ``title``; not masked yet.
        workflow: the name that policies and filters use; empty: `ELSEWHERE`.
        response_schema: JSON Schema of the answer, or None.
        previous_id: the request that this one revises; empty: none.
        callback: the URL to call once the request is settled; the agent can also poll for the outcome.
    """

    document: dict[str, Any]
    workflow: str = ""
    response_schema: dict[str, Any] | None = None
    previous_id: str = ""
    callback: SealedCallback | None = None


@dataclass(frozen=True)
class CollectedOutcome:
    """The outcome of a request, as its agent receives it.

    Attributes:
        resolved: the outcome can be acted on.
        outcome: the JSON of an `assent.Outcome`; None while it is pending or held, or if it ended without one.
        held_until: it is decided, but must not be carried out earlier.
    """

    request: ApprovalRequest
    resolved: bool
    outcome: dict[str, Any] | None
    receipt: ReceiptRow | None
    held_until: datetime | None


class Gate:
    """Opens requests of agents outside runs, returns their outcomes, and records their receipts."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._answers = AutomaticAnswers(ground)

    def open(
        self, actor: Actor, wanted: ExternalRequest, made_as: str = "", *, collects: bool = False
    ) -> ApprovalRequest:
        """Open a request, as `CheckpointManager.open` describes."""
        actor.require(Action.REQUEST_APPROVAL)
        if not actor.id:
            raise ForbiddenError("A request needs a responsible person with an account.")
        now = self._ground.clock()
        if (parts := count(wanted.document)) > MAX_VALUES:
            words = f"it has {parts:,} values and names; the maximum is {MAX_VALUES:,}"
            raise InvalidInputError("This proposal has too many parts for people to review.", {"proposal": words})
        check_schemas(wanted.document, wanted.response_schema)
        document: dict[str, Any] = masked(wanted.document)
        workflow = _name(wanted.workflow)
        proposer = str(document.get("agent") or "")
        if actor.kind == "agent" and proposer not in ("", actor.name):
            raise InvalidInputError(
                "An agent must use its own name.", {"proposal.agent": f"this token belongs to {actor.name}"}
            )
        with self._ground.sessions.reads() as session:
            if made_as and (found := session.get(ApprovalRequest, made_as)) is not None:
                return found
            if session.scalar(select(exists().where(CatalogueEntry.name == workflow))):
                raise InvalidInputError(
                    "Requests of this workflow can only come from its runs.", {"workflow": "runs here"}
                )
            columns = (Person.name, VERSION_IN_FORCE.label("policy"), *REQUESTER_COLUMNS)
            query = select(*columns).where(Person.id == actor.id)
            about = session.execute(query).one()
            previous = _revised(session, actor, wanted) if wanted.previous_id else None
        requester = requester_from(actor.id, about.name, about)
        agent = actor.name if actor.kind == "agent" else ""
        asker = RequestSource(None, workflow, requester, agent, actor.makers)
        asked = Asked(
            "", DIALECT, document, digest_of(document), masked(wanted.response_schema), "",
            agent or proposer,
        )  # fmt: skip
        incoming = prepare(asker, asked, self._ground.assess, self._ground.policy(about.policy), now)
        answered_by, decision = self._without_people(incoming, previous, now)
        batch = Batch(*_still_to_revise(previous)) if previous is not None else Batch()
        entered = enter(batch, actor, incoming, previous, now, answered_by, made_as, decision)
        request_id = entered.id
        if collects and entered.resumes:
            put_receipt(batch, None, request_id, ReceiptStatus.DELIVERED, now, actor=actor)
        if wanted.callback is not None:
            at = wanted.callback
            chat = None if at.ag_ui is None else conversation_of(actor.id, agent, at.shown, at.ag_ui["thread_id"])
            batch.add(CallbackRow, request_id=request_id, conversation=chat, **asdict(at))
        if made_once(batch, self._ground.sessions, made_as) is None:
            raise ConflictError("That request has already been revised.")
        if answered_by:
            self._answers.answer_soon([request_id])
            if collects:
                self.outcome(request_id, actor, collects)
        return self._ground.fresh(request_id)

    def outcome(self, request_id: str, actor: Actor, collects: bool) -> CollectedOutcome:
        """The outcome of a request, as `CheckpointManager.outcome` describes."""
        actor.require(Action.SEE)
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request, outcome, receipt = _all_of(session, request_id, actor)
        ended = request.state != RequestState.PENDING.value
        if outcome is None or request.run_id is not None:
            # A run receives its outcome from its worker; any other caller only reads it.
            return CollectedOutcome(request, ended, outcome.body if outcome else None, receipt, request.held_until)
        opens = withheld_until(request, outcome, receipt, now)
        if opens is not None:
            return CollectedOutcome(request, False, None, None, opens)
        if receipt is None and collects and is_requester(request, actor):
            receipt = note_handed_out(self._ground.sessions, request.id, actor, now)
        return CollectedOutcome(request, True, outcome.body, receipt, None)

    def report(
        self, request_id: str, actor: Actor, status: ReceiptStatus, summary: str, detail: Any,
        calls: Sequence[Mapping[str, Any]] = (),
    ) -> ReceiptRow:  # fmt: skip
        """Record what the agent did with the outcome, as `CheckpointManager.report` describes."""
        actor.require(Action.REQUEST_APPROVAL)
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request, outcome, receipt = _all_of(session, request_id, actor)
        if not is_requester(request, actor):
            raise ForbiddenError("Only the requester or their agent can report what was done.")
        if request.run_id is not None:
            raise IllegalTransitionError("Only the run itself can report what it did.", state=request.state)
        if outcome is None or withheld_until(request, outcome, receipt, now) is not None:
            raise IllegalTransitionError("There is no outcome to carry out yet.", state=request.state)
        if status is ReceiptStatus.DELIVERED:
            raise InvalidInputError("Report what was done.", {"status": "not what was done"})
        if outcome.verdict in _REFUSED and status in (ReceiptStatus.APPLIED, ReceiptStatus.PARTLY_APPLIED):
            raise InvalidInputError("This request was not approved.", {"status": "nothing was approved"})
        if calls:
            detail = detail_with_calls(calls, detail, outcome.body.get("payload"))
        batch = Batch()
        put_receipt(
            batch, None, request_id, status, now, explicit=True, summary=clean_comment(summary)[:2_000],
            detail=masked(detail), actor=actor,
        )  # fmt: skip
        batch.run(self._ground.sessions)
        with self._ground.sessions.reads() as session:
            return session.get_one(ReceiptRow, request_id)

    def _without_people(
        self, incoming: IncomingProposal, previous: ApprovalRequest | None, now: datetime
    ) -> tuple[str, PolicyDecision | None]:
        """The grant that will answer the request, or what the policy decides about it; neither: people decide.

        A revision of an earlier request is for people, unless the policy rejects it.
        """
        decision = incoming.decision
        if decision is not None and decision.verdict is Decide.REJECT:
            return "", decision
        if previous is not None:
            return "", None
        granted_by = self._granted_by(GrantCandidate.opening(incoming), now)
        return (granted_by, None) if granted_by else ("", decision)

    def _granted_by(self, wanted: GrantCandidate, now: datetime) -> str:
        with self._ground.sessions.reads() as session:
            grant = find(session, wanted, now)
        return f"{GRANT}:{grant.id}" if grant else ""


def conversation_of(person_id: str, agent: str, address: str, thread_id: str) -> str:
    """The digest of a conversation of an AG-UI agent: equal thread ids of different agents are independent."""
    return digest_of([person_id, agent, address, thread_id])


def note_handed_out(sessions: Sessions, request_id: str, actor: Actor, now: datetime) -> ReceiptRow:
    """Record once that an outcome was handed to an agent outside a run; from then on it cannot change."""
    batch = Batch(_COLLECT, {"request": request_id, "now": now})
    put_receipt(batch, None, request_id, ReceiptStatus.DELIVERED, now, actor=actor, written=True)
    batch.run(sessions)
    with sessions.reads() as session:
        return session.get_one(ReceiptRow, request_id)


def _all_of(
    session: Session, request_id: str, actor: Actor
) -> tuple[ApprovalRequest, OutcomeRow | None, ReceiptRow | None]:
    """A request that the actor may see and its outcome, in one query because many poll for it. Raises NotFoundError.

    The proposal is not read: it does not change while an agent polls.
    """
    query = (
        select(ApprovalRequest, OutcomeRow, ReceiptRow)
        .outerjoin(OutcomeRow, OutcomeRow.request_id == ApprovalRequest.id)
        .outerjoin(ReceiptRow, ReceiptRow.request_id == ApprovalRequest.id)
        .where(ApprovalRequest.id == request_id)
        .options(*map(defer, (ApprovalRequest.payload, ApprovalRequest.assessment, ApprovalRequest.response_schema)))
    )
    found = session.execute(query).one_or_none() if is_storable(request_id) else None
    if found is None or not sees_request(found[0], actor):
        raise NotFoundError("There is no such request.", request_id=request_id)
    request, outcome, receipt = found
    return request, outcome, receipt


def masked(value: Any) -> Any:
    """The value with secrets masked."""
    return mask(value)[0]


def withheld_until(
    request: ApprovalRequest, outcome: OutcomeRow | None, receipt: ReceiptRow | None, now: datetime
) -> datetime | None:
    """When the outcome may be handed to an agent outside a run; None: now, or the request belongs to a run.

    The window may have closed since people decided. An outcome that was handed out once is not held again.
    """
    if request.run_id is not None or outcome is None or receipt is not None:
        return None
    if outcome.held_until is not None and outcome.held_until > now:
        return outcome.held_until
    return not_before(outcome.verdict, outcome.next_action, Terms.from_json(request.terms), now)


def _name(workflow: str) -> str:
    if workflow and not _NAME.fullmatch(workflow):
        words = "lowercase letters, digits, dots, hyphens, and underscores, at most 100"
        raise InvalidInputError("This name is not valid.", {"workflow": words})
    return mask_text(workflow) or ELSEWHERE


def _revised(session: Session, actor: Actor, wanted: ExternalRequest) -> ApprovalRequest:
    """The actor's request that a new one revises. Raises InvalidInputError."""
    try:
        previous = get(session, wanted.previous_id)
    except NotFoundError:
        previous = None
    if previous is None or not is_requester(previous, actor) or previous.run_id is not None:
        raise InvalidInputError("You can only revise your own requests.", {"previous_id": "no such request"})
    if previous.state not in REVISABLE and not _was_not_applied(session, previous, wanted.document):
        words = f"it is {RequestState(previous.state).words}"
        raise InvalidInputError("This request cannot be revised.", {"previous_id": words})
    return previous


def _was_not_applied(session: Session, previous: ApprovalRequest, document: dict[str, Any]) -> bool:
    """True if it was approved, and then not applied because what it rested on had changed, as the new one says."""
    changed = document.get("changed")
    if not isinstance(changed, dict) or changed.get("request_id") != previous.id:
        return False
    receipt = session.get(ReceiptRow, previous.id)
    approved = previous.state in (RequestState.APPROVED.value, RequestState.MODIFIED.value)
    return approved and receipt is not None and receipt.status == ReceiptStatus.NOT_APPLIED.value


def _still_to_revise(previous: ApprovalRequest) -> tuple[str, dict[str, Any]]:
    """A guard that holds while no other request revises this one; concurrent attempts wait for each other."""
    return (
        "update approval_requests set version = version + 1 where id = %(previous)s and version = %(version)s "
        "and not exists (select from approval_requests as other where other.previous_id = %(previous)s) returning id",
        {"previous": previous.id, "version": previous.version},
    )
