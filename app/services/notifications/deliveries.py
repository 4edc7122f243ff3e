"""The state of each delivery, which the worker records and admins read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_, update

from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.links import BEARER_LINK, LEFT_OUT, blanked
from app.domain.notices import Channel, DeliveryState, Later, NoticeKind, Result, Sent, next_try
from app.domain.people import Action, Actor
from app.domain.text import is_storable, storable
from app.services.clock import Clock
from app.services.notifications.channel_trouble import unsent
from app.services.notifications.delivery_rows import BY_MAIL, by_mail_instead
from app.services.notifications.manual_sends import can_be_sent, is_retried, send_all_now, send_now
from app.services.record.exports import ExportFormat, ListExport, exported
from app.store.batch import Batch, execute
from app.store.engine import Sessions
from app.store.jobs import DEFER, END, deliver_job, rewrite_job
from app.store.notify import RECIPIENT_NAME, Delivery, Destination
from app.store.people import Person
from app.store.requests import ApprovalRequest
from app.store.search import like_literal
from assent.masking import mask_text

PAGE = 50
OUTBOX_KEPT = timedelta(days=14)
"""How long messages are kept in the outbox."""
MAX_REASON = 500
_REPLACED = (Channel.BROWSER.value, Channel.SLACK.value)
"""The channels for which email takes over where they cannot be used."""
_TAKE = """
    update deliveries set attempts = attempts + 1
    where id = %(id)s and state in ('pending', 'held') returning *"""
_NOTE = f"""
    with noted as (
        update deliveries set state = %(state)s, reason = %(reason)s, due_at = %(due_at)s, sent_at = %(sent_at)s,
            subject = %(subject)s, reference = %(reference)s, text = %(text)s, html = %(html)s, address = %(address)s
        where id = %(id)s returning id),
    included as (
        update deliveries set state = %(included_state)s, reason = %(included_reason)s, sent_at = %(sent_at)s,
            digest_id = %(id)s
        where id = any(%(included)s) and state in ('pending', 'held', 'failed')),
    ended as ({END})
    select {DEFER.format(where="")} as deferred"""
_REWRITTEN = f"""
    with noted as (update deliveries set reason = %(reason)s where id = %(id)s and reason <> %(reason)s),
    ended as ({END})
    select {DEFER.format(where="")} as deferred"""
_POSTPONE = f"""
    with later as (
        update deliveries set attempts = greatest(attempts - 1, 0), due_at = %(due_at)s, reason = %(reason)s,
            first_due_at = case when %(afresh)s then %(due_at)s else first_due_at end
        where id = %(id)s returning id),
    ended as ({END})
    select {DEFER.format(where="")} as deferred"""
_BLANK = """
    update deliveries set
        text = regexp_replace(text, %(pattern)s, %(left_out)s, 'g'),
        html = regexp_replace(html, %(pattern)s, %(left_out)s, 'g')
    where (html is not null or text is not null) and (text ~ %(pattern)s or html ~ %(pattern)s)
    returning id"""
_DROP = """
    update deliveries set state = 'suppressed', reason = %(reason)s
    where id = %(id)s and state in ('pending', 'held', 'failed') returning id"""


@dataclass(frozen=True)
class DeliveryFilter:
    """The deliveries that an admin wants to see; None: all."""

    state: DeliveryState | None = None
    kind: NoticeKind | None = None
    text: str = ""
    request_id: str = ""
    kept: bool = False
    destination_id: str = ""


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery with the name of its recipient, a person or a destination, and the title of its request."""

    delivery: Delivery
    name: str
    title: str = ""

    @property
    def retried(self) -> bool:
        """True if it waits for another attempt."""
        return is_retried(self.delivery)

    @property
    def can_be_sent_again(self) -> bool:
        """True if it failed, or waits for another attempt."""
        return self.retried or self.delivery.state == DeliveryState.FAILED.value

    @property
    def can_be_sent(self) -> bool:
        """True if an admin can send it now."""
        return can_be_sent(self.delivery)


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries, newest first. `next_before` leads to older ones; empty: there are none."""

    rows: list[DeliveryRow]
    next_before: str


_WITH_NAMES = (
    select(Delivery, RECIPIENT_NAME, func.coalesce(ApprovalRequest.title, ""))
    .outerjoin(Person, Person.id == Delivery.person_id)
    .outerjoin(Destination, Destination.id == Delivery.destination_id)
    .outerjoin(ApprovalRequest, ApprovalRequest.id == Delivery.request_id)
)


class Deliveries:
    """Records deliveries.

    Args:
        demo: messages in the outbox keep links that decide or sign in. Otherwise these are removed before a message is
            stored, and again before it is shown.
    """

    def __init__(self, sessions: Sessions, clock: Clock, demo: bool = False) -> None:
        self._sessions = sessions
        self._clock = clock
        self._demo = demo

    # For workers

    def take(self, delivery_id: str) -> Delivery | None:
        """The delivery, with one more attempt counted; None if it is no longer waiting."""
        taken = self._sessions.execute(_TAKE, {"id": delivery_id})
        return Delivery(**taken[0]) if taken else None

    def note(
        self, delivery: Delivery, result: Result, included: Sequence[str] = (), job_id: int | None = None, seen: int = 0
    ) -> DeliveryState:
        """Record the result of an attempt, schedule the next one if there is one, and end this attempt's job.

        Args:
            included: for a roundup, the deliveries it contains.
            seen: the version of the request in the message, if it can be updated: the request may have changed
                meanwhile.
        """
        now = self._clock()
        if isinstance(result, Sent):
            kept = result.kept
            state = DeliveryState.SENT
            self._note(
                delivery, state, "", now, job_id, included, sent_at=now, subject=blanked(result.subject),
                reference=blanked(result.reference), text=self._shown(kept.text) if kept else None,
                html=self._shown(kept.html) if kept else None,
                further=[rewrite_job(delivery.id, seen)] if seen and not kept else [],
            )  # fmt: skip
            return state
        due = None
        if isinstance(result, Later):
            due = next_try(delivery.attempts, delivery.first_due_at, now, result.after, random.random())  # noqa: S311
        state = DeliveryState.PENDING if due else DeliveryState.FAILED
        reason, replaced = result.reason, delivery.person_id and delivery.channel in _REPLACED
        if state is DeliveryState.FAILED and replaced and by_mail_instead(self._sessions, delivery, now, included):
            reason, included = f"{reason} {BY_MAIL}", ()
        self._note(delivery, state, reason, due or now, job_id, () if due else included)
        return state

    def suppress(self, delivery: Delivery, reason: str, job_id: int | None = None) -> None:
        """Record that a delivery is not sent, and why."""
        self._note(delivery, DeliveryState.SUPPRESSED, reason, delivery.due_at, job_id)

    def postpone(
        self, delivery: Delivery, until: datetime, reason: str, job_id: int | None = None, afresh: bool = False
    ) -> None:
        """Postpone a delivery that was taken but not attempted.

        Args:
            afresh: from then on it is attempted for as long as any other, however long it has waited.
        """
        values = {
            "id": delivery.id, "due_at": until, "reason": reason, "afresh": afresh,
            "ended": [job_id] if job_id is not None else [],
        }  # fmt: skip
        execute(self._sessions, _POSTPONE, values | {"jobs": json.dumps([deliver_job(delivery.id, until)])})

    def drop(self, reasons: Mapping[str, str]) -> None:
        """Record that deliveries waiting for a roundup are not in it, and why."""
        for delivery_id, reason in reasons.items():
            self._sessions.execute(_DROP, {"id": delivery_id, "reason": clean_reason(reason)})

    def _note(
        self,
        delivery: Delivery,
        state: DeliveryState,
        reason: str,
        due_at: datetime,
        job_id: int | None,
        included: Sequence[str] = (),
        further: Sequence[dict[str, Any]] = (),
        **columns: Any,
    ) -> None:
        values: dict[str, Any] = {
            "subject": delivery.subject, "reference": delivery.reference, "text": None, "html": None, "sent_at": None,
            "address": delivery.address, **columns,
        }  # fmt: skip
        again = state is DeliveryState.PENDING
        values |= {
            "id": delivery.id, "state": state.value, "reason": clean_reason(reason), "due_at": due_at,
            "included": list(included), "included_state": state.value,
            "included_reason": "In a roundup." if state is DeliveryState.SENT else "Its roundup could not be sent.",
            "ended": [job_id] if job_id is not None else [],
            "jobs": json.dumps([deliver_job(delivery.id, due_at)] if again else list(further)),
        }  # fmt: skip
        execute(self._sessions, _NOTE, values)

    def sent(self, delivery_id: str, seen: int) -> Delivery | None:
        """A delivery whose message must be updated; None: it has none, or its request still has the version `seen`."""
        query = (
            select(Delivery, ApprovalRequest.version)
            .join(ApprovalRequest, ApprovalRequest.id == Delivery.request_id)
            .where(Delivery.id == delivery_id, Delivery.state == DeliveryState.SENT.value, Delivery.reference != "")
        )
        with self._sessions.reads() as session:
            found = session.execute(query).one_or_none()
        return None if found is None or (seen and found[1] == seen) else found[0]

    def note_rewriting(
        self, delivery: Delivery, result: Result, job_id: int | None, tries: int, since: datetime | None
    ) -> None:
        """Record the result of updating a message, schedule another attempt if there is one, and end this job.

        Args:
            tries: how many attempts failed before, the first one at `since`.
        """
        now, jobs, reason = self._clock(), [], ""
        if not isinstance(result, Sent):
            reason = clean_reason(f"The message could not be updated. {result.reason}")
        if isinstance(result, Later):
            first = since or now
            due = next_try(tries + 1, first, now, result.after, random.random())  # noqa: S311
            jobs = [rewrite_job(delivery.id, 0, tries + 1, first, due)] if due else []
        values = {"id": delivery.id, "reason": reason, "jobs": json.dumps(jobs)}
        execute(self._sessions, _REWRITTEN, values | {"ended": [job_id] if job_id is not None else []})

    def refresh(self, delivery_id: str) -> None:
        """Have a sent message updated."""
        values = {"id": delivery_id, "reason": "", "jobs": json.dumps([rewrite_job(delivery_id)]), "ended": []}
        execute(self._sessions, _REWRITTEN, values)

    def end_job(self, job_id: int) -> None:
        """Remove a job from the queue that had nothing to do."""
        batch = Batch()
        batch.end_job(job_id)
        batch.run(self._sessions)

    def _shown(self, message: str | None) -> str | None:
        """A message in the form in which it may be stored and shown here."""
        return message if self._demo or message is None else blanked(message)

    def _row(self, delivery: Delivery, name: str, title: str) -> DeliveryRow:
        """A delivery for its page; its message may have been stored while this portal was a demo."""
        delivery.text, delivery.html = self._shown(delivery.text), self._shown(delivery.html)
        return DeliveryRow(delivery, name, title)

    def blank(self) -> int:
        """Remove links from messages that a demo, or an earlier version, stored; returns from how many.

        In a demo they are kept.
        """
        if self._demo:
            return 0
        return len(self._sessions.execute(_BLANK, {"pattern": BEARER_LINK, "left_out": LEFT_OUT}))

    def prune(self) -> int:
        """Delete old messages from the outbox, but keep the deliveries. Returns how many were deleted."""
        old = update(Delivery).where(
            or_(Delivery.html.is_not(None), Delivery.text.is_not(None)),
            Delivery.created_at < self._clock() - OUTBOX_KEPT,
        )
        with self._sessions.begin() as session:
            forgotten = session.execute(old.values(html=None, text=None).execution_options(synchronize_session=False))
            return int(forgotten.rowcount)  # type: ignore[attr-defined]

    # For admins

    def page(self, actor: Actor, wanted: DeliveryFilter, before: str = "") -> DeliveryPage:
        """Matching deliveries, newest first. Raises ForbiddenError, InvalidInputError."""
        actor.require(Action.MANAGE_DELIVERIES)
        query = _WITH_NAMES.where(*_conditions(wanted))
        if before:
            query = query.where(tuple_(Delivery.created_at, Delivery.id) < tuple_(*_cursor(before)))
        query = query.order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(PAGE + 1)
        with self._sessions.reads() as session:
            rows = session.execute(query).all()
        found = [self._row(*row) for row in rows]
        last = found[PAGE - 1].delivery if len(found) > PAGE else None
        return DeliveryPage(found[:PAGE], f"{last.created_at.isoformat()}~{last.id}" if last else "")

    def export(self, actor: Actor, wanted: DeliveryFilter, form: ExportFormat) -> Iterator[str]:
        """All matching deliveries as pieces of a file, newest first. Raises ForbiddenError."""
        actor.require(Action.MANAGE_DELIVERIES)
        row = Delivery
        query = _WITH_NAMES.with_only_columns(
            row.id, row.created_at, row.kind, row.channel, row.state, row.reason, RECIPIENT_NAME.label("recipient"),
            row.address, row.subject, row.request_id, ApprovalRequest.title.label("request_title"), row.attempts,
            row.due_at, row.sent_at,
        )  # fmt: skip
        listed = ListExport("deliveries", query.where(*_conditions(wanted)), (row.created_at, row.id))
        return exported(self._sessions, self._clock, actor, listed, form, vars(wanted))

    def get(self, actor: Actor, delivery_id: str) -> DeliveryRow:
        """One delivery. Raises ForbiddenError, NotFoundError."""
        actor.require(Action.MANAGE_DELIVERIES)
        query = _WITH_NAMES
        with self._sessions.reads() as session:
            stored = is_storable(delivery_id)
            found = session.execute(query.where(Delivery.id == delivery_id)).one_or_none() if stored else None
        if found is None:
            raise NotFoundError("There is no such delivery.")
        return self._row(*found)

    def counts(self, actor: Actor) -> dict[DeliveryState, int]:
        """How many deliveries there are in each state."""
        actor.require(Action.MANAGE_DELIVERIES)
        query = select(Delivery.state, func.count().label("number")).group_by(Delivery.state)
        with self._sessions.reads() as session:
            found = {row.state: row.number for row in session.execute(query)}
        return {state: found.get(state.value, 0) for state in DeliveryState}

    def again(self, actor: Actor, delivery_id: str) -> Delivery:
        """Send a delivery now that failed or is being retried, or any to a webhook. It is sent once.

        Raises:
            ForbiddenError, NotFoundError.
            ConflictError: it cannot be sent now, such as because its destination is disabled.
        """
        actor.require(Action.MANAGE_DELIVERIES)
        with self._sessions.begin() as session:
            send_now(session, actor, delivery_id, self._clock())
        return self.get(actor, delivery_id).delivery

    def all_again(self, actor: Actor, wanted: DeliveryFilter) -> int:
        """Send all matching deliveries now that failed or are retried; gives their number. Raises ForbiddenError."""
        actor.require(Action.MANAGE_DELIVERIES)
        with self._sessions.begin() as session:
            return send_all_now(session, actor, _conditions(wanted), self._clock())

    def unsent(self, actor: Actor, channel: Channel = Channel.MAIL) -> tuple[int, str]:
        """How many messages to people were attempted without success, and why the last one was not accepted."""
        actor.require(Action.MANAGE_DELIVERIES)
        with self._sessions.reads() as session:
            return unsent(session, self._clock(), channel)


def _conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state:
        found.append(Delivery.state == wanted.state.value)
    if wanted.kind:
        found.append(Delivery.kind == wanted.kind.value)
    if wanted.request_id:
        found.append(Delivery.request_id == storable(wanted.request_id))
    if wanted.destination_id:
        found.append(Delivery.destination_id == storable(wanted.destination_id))
    if wanted.kept:
        found.append(Delivery.html.is_not(None))
    if wanted.text:
        like = f"%{like_literal(storable(wanted.text.lower()))}%"
        searched = (RECIPIENT_NAME, Delivery.address, Delivery.subject, ApprovalRequest.title)
        found.append(or_(*(func.lower(column).like(like) for column in searched)))
    return found


def clean_reason(reason: str) -> str:
    """An error message of another system that can be stored and shown: short, on one line, and without secrets."""
    return blanked(mask_text(" ".join(storable(reason).split())))[:MAX_REASON]


def _cursor(before: str) -> tuple[datetime, str]:
    at, _, delivery_id = before.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not delivery_id.isalnum():
        raise InvalidInputError("This cursor is not valid.", {"before": "not usable"})
    return moment, delivery_id
