"""The gate for agents anywhere: a request without a run behind it, its outcome, and what its agent then did.

The agent waits by itself, so nothing is resumed here. Its outcome is kept from it as long as a run's would be: until
the change window is open, looked at anew each time it asks.
"""

from __future__ import annotations

import re
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
from app.domain.text import is_storable
from app.services.approvals.ground import Ground, get
from app.services.approvals.intake.automatic_answers import Answering
from app.services.approvals.intake.entry import enter
from app.services.grants.use import GRANT, Wanted, find
from app.services.requests.assessment import prepare
from app.services.requests.moves import clean_comment, not_before
from app.services.requests.requester import NEWEST_VERSION, REQUESTER_COLUMNS, Asker, requester_from
from app.services.runs.journal import put_receipt
from app.services.sight import is_requester, sees_request
from app.store.batch import Batch, made_once
from app.store.engine import Sessions
from app.store.notify import Callback
from app.store.people import Person
from app.store.requests import ApprovalRequest, OutcomeRow, ReceiptRow
from app.store.runs import CatalogueEntry
from assent.contracts import ReceiptStatus, Verdict
from assent.dialects.base import Asked
from assent.digests import digest_of
from assent.json_values import count
from assent.masking import mask, mask_text

ELSEWHERE = "external"
"""What requests are filed under whose agent names nothing else."""
DIALECT = "assent"
MAX_VALUES = 100_000
"""Values and names that a proposal may have in all."""
REVISABLE = frozenset({RequestState.CHANGES_REQUESTED.value, RequestState.REJECTED.value, RequestState.EXPIRED.value})
"""States of a request that another one may revise."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_REFUSED = frozenset({Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value})
# Of several who collect at the same moment one writes it, and so the record has it once.
_COLLECT = """
    insert into receipts (request_id, status, explicit, summary, detail, delivered_at, updated_at)
    values (%(request)s, 'delivered', false, '', null, %(now)s, %(now)s)
    on conflict (request_id) do nothing returning request_id as id"""


@dataclass(frozen=True)
class SealedCallback:
    """Where the agent is called once the request is settled: sealed, but for what people see of the address."""

    address: str
    shown: str
    secret: str
    ag_ui: dict[str, Any] | None = None


@dataclass(frozen=True)
class Asking:
    """What an agent asks.

    Attributes:
        document: the proposal, JSON-ready, with at least ``kind`` and ``title``; not masked yet.
        workflow: what it is filed under, for policies and filters; empty: `ELSEWHERE`.
        response_schema: JSON Schema of the answer, or None.
        previous_id: the request that this one revises; empty: none.
        callback: where to call once it is settled, beside what asks for the outcome.
    """

    document: dict[str, Any]
    workflow: str = ""
    response_schema: dict[str, Any] | None = None
    previous_id: str = ""
    callback: SealedCallback | None = None


@dataclass(frozen=True)
class Collected:
    """What became of a request, for whoever waits for it.

    Attributes:
        resolved: the outcome may be acted on.
        outcome: the JSON of an `assent.Outcome`; None while it is pending or held, or if it ended without one.
        held_until: it is decided, and is not to be carried out before.
    """

    request: ApprovalRequest
    resolved: bool
    outcome: dict[str, Any] | None
    receipt: ReceiptRow | None
    held_until: datetime | None


class Gate:
    """Opens requests of agents elsewhere, hands out their outcomes, and takes their receipts."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._answering = Answering(ground)

    def open(self, actor: Actor, asking: Asking, made_as: str = "") -> ApprovalRequest:
        """Open a request, as `CheckpointManager.open` describes."""
        actor.require(Action.REQUEST_APPROVAL)
        if not actor.id:
            raise ForbiddenError("A request needs a responsible person with an account.")
        now = self._ground.clock()
        if (parts := count(asking.document)) > MAX_VALUES:
            words = f"it has {parts:,} values and names; {MAX_VALUES:,} are taken"
            raise InvalidInputError("This proposal has too many parts for people to review.", {"proposal": words})
        check_schemas(asking.document, asking.response_schema)
        document: dict[str, Any] = masked(asking.document)
        workflow = _name(asking.workflow)
        proposer = str(document.get("agent") or "")
        if actor.kind == "agent" and proposer not in ("", actor.name):
            raise InvalidInputError(
                "An agent proposes in its own name.", {"proposal.agent": f"this token is that of {actor.name}"}
            )
        with self._ground.sessions.reads() as session:
            if made_as and (found := session.get(ApprovalRequest, made_as)) is not None:
                return found
            if session.scalar(select(exists().where(CatalogueEntry.name == workflow))):
                raise InvalidInputError(
                    "Requests of this workflow can only come from its runs.", {"workflow": "runs here"}
                )
            query = select(Person.name, NEWEST_VERSION.label("policy"), *REQUESTER_COLUMNS).where(Person.id == actor.id)
            about = session.execute(query).one()
            previous = _revised(session, actor, asking.previous_id) if asking.previous_id else None
        requester = requester_from(actor.id, about.name, about)
        agent = actor.name if actor.kind == "agent" else ""
        asker = Asker(None, workflow, requester, agent, actor.makers)
        asked = Asked(
            "", DIALECT, document, digest_of(document), masked(asking.response_schema), "",
            agent or proposer,
        )  # fmt: skip
        incoming = prepare(asker, asked, self._ground.assess, self._ground.policy(about.policy), now)
        answered_by = self._granted_by(Wanted.opening(incoming), now) if previous is None else ""
        batch = Batch(*_still_to_revise(previous)) if previous is not None else Batch()
        request_id = enter(batch, actor, incoming, previous, now, answered_by, made_as)
        if asking.callback is not None:
            at = asking.callback
            batch.add(Callback, request_id=request_id, **asdict(at))
        if made_once(batch, self._ground.sessions, made_as) is None:
            raise ConflictError("That request has already been revised.")
        if answered_by:
            self._answering.answer_soon([request_id])
        return self._ground.fresh(request_id)

    def outcome(self, request_id: str, actor: Actor, collects: bool) -> Collected:
        """What became of a request, as `CheckpointManager.outcome` describes."""
        actor.require(Action.SEE)
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request, outcome, receipt = _all_of(session, request_id, actor)
        ended = request.state != RequestState.PENDING.value
        if outcome is None or request.run_id is not None:
            # A run is told by its worker; whoever else asks only looks on.
            return Collected(request, ended, outcome.body if outcome else None, receipt, request.held_until)
        opens = withheld_until(request, outcome, receipt, now)
        if opens is not None:
            return Collected(request, False, None, None, opens)
        if receipt is None and collects and is_requester(request, actor):
            receipt = note_handed_out(self._ground.sessions, request.id, actor, now)
        return Collected(request, True, outcome.body, receipt, None)

    def report(self, request_id: str, actor: Actor, status: ReceiptStatus, summary: str, detail: Any) -> ReceiptRow:
        """Take what the agent did with the outcome, as `CheckpointManager.report` describes."""
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
        batch = Batch()
        put_receipt(
            batch, None, request_id, status, now, explicit=True, summary=clean_comment(summary)[:2_000],
            detail=masked(detail), actor=actor,
        )  # fmt: skip
        batch.run(self._ground.sessions)
        with self._ground.sessions.reads() as session:
            return session.get_one(ReceiptRow, request_id)

    def _granted_by(self, wanted: Wanted, now: datetime) -> str:
        with self._ground.sessions.reads() as session:
            grant = find(session, wanted, now)
        return f"{GRANT}:{grant.id}" if grant else ""


def note_handed_out(sessions: Sessions, request_id: str, actor: Actor, now: datetime) -> ReceiptRow:
    """Note once that the outcome of an agent elsewhere was handed out; from then on it stands."""
    batch = Batch(_COLLECT, {"request": request_id, "now": now})
    put_receipt(batch, None, request_id, ReceiptStatus.DELIVERED, now, actor=actor, written=True)
    batch.run(sessions)
    with sessions.reads() as session:
        return session.get_one(ReceiptRow, request_id)


def _all_of(
    session: Session, request_id: str, actor: Actor
) -> tuple[ApprovalRequest, OutcomeRow | None, ReceiptRow | None]:
    """A request that the actor sees, with what became of it, in one read: many wait for it. Raises NotFoundError.

    What was asked is not read with it: the same is looked at many times while somebody waits.
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
    """The value without secrets."""
    return mask(value)[0]


def withheld_until(
    request: ApprovalRequest, outcome: OutcomeRow | None, receipt: ReceiptRow | None, now: datetime
) -> datetime | None:
    """When the outcome of an agent elsewhere may be handed out; None: now, or it is not such a request.

    Its window may have closed since people decided. What was handed out once is no secret any more.
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


def _revised(session: Session, actor: Actor, previous_id: str) -> ApprovalRequest:
    """The request of the actor's that a new one revises. Raises InvalidInputError."""
    try:
        previous = get(session, previous_id)
    except NotFoundError:
        previous = None
    if previous is None or not is_requester(previous, actor) or previous.run_id is not None:
        raise InvalidInputError("You can only revise your own requests.", {"previous_id": "no such request"})
    if previous.state not in REVISABLE:
        words = f"it is {RequestState(previous.state).words}"
        raise InvalidInputError("This request cannot be revised.", {"previous_id": words})
    return previous


def _still_to_revise(previous: ApprovalRequest) -> tuple[str, dict[str, Any]]:
    """A guard that holds as long as nothing has revised the request; two who try wait for each other."""
    return (
        "update approval_requests set version = version + 1 where id = %(previous)s and version = %(version)s "
        "and not exists (select from approval_requests as other where other.previous_id = %(previous)s) returning id",
        {"previous": previous.id, "version": previous.version},
    )
