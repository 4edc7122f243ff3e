"""Makes the documents by which decided requests are found (docs/decisions/0058).

Deciding costs nothing extra: a worker makes the documents afterward, first those of the newest requests. Until then, a
search scans those requests, if they are among the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, func, select, text, type_coerce
from sqlalchemy.orm import Session

from app.domain.policy.access import TEAM
from app.domain.search_words import search_words, strings_in, value_word
from app.store.base import among
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, Comment, Decision, SearchDocument
from assent.json_values import read_back

AT_A_TIME = 100
OVERLAP = timedelta(minutes=15)
"""A decision becomes visible at most this long after its time."""
BY_PERSON, OUTCOME, TEAM_ASKED, ANSWERED = "person", "state", "team", "answered"
"""Names of the values that are not columns of the same name; see `value_word`."""
NAMED = ("workflow", "kind", "risk")
"""Columns whose values have words of the same name."""
_TRY_LOCK = text("select pg_try_advisory_xact_lock(9053672, 2)")
_PUT = text(
    "insert into search_documents (request_id, resolved_at, words, stale) "
    "values (:request_id, :resolved_at, array_to_tsvector(cast(:words as text[])), :stale) "
    "on conflict (request_id) do update "
    "set resolved_at = excluded.resolved_at, words = excluded.words, stale = excluded.stale"
)
_REQUEST = ApprovalRequest
_DECIDED = (_REQUEST.state != "pending", _REQUEST.resolved_at.is_not(None))
_MISSING = ~select(SearchDocument.request_id).where(SearchDocument.request_id == _REQUEST.id).exists()


class SearchDocuments:
    """Makes documents. Several workers may try at once: one does it."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def extend(self) -> int:
        """Make some documents that are missing or stale, the newest first. Returns how many."""
        with self._sessions.begin() as session:
            if not session.execute(_TRY_LOCK).scalar_one():
                return 0
            ids = _next(session)
            if ids:
                documents, read = _documents(session, ids)
                now = _comments_at_rest(session, ids)
                stale = [{"stale": now.get(made["request_id"], 0) != read[made["request_id"]]} for made in documents]
                session.execute(_PUT, [made | is_stale for made, is_stale in zip(documents, stale, strict=True)])
            return len(ids)


def _comments_at_rest(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """How many comments each of these requests has, once those that are being written are there.

    Later ones wait until this transaction ends, since a comment locks its request, too. Their trigger then sees the
    document. Without that, it finds none, or one that is stale already, and the comment would never be found. Comments
    do not change, so their number says whether all have been read. Taken last, so that the locks are held briefly.
    """
    session.execute(select(_REQUEST.id).where(among(_REQUEST.id, ids)).order_by(_REQUEST.id).with_for_update()).all()
    query = select(Comment.request_id, func.count().label("number")).where(among(Comment.request_id, ids))
    return {row.request_id: row.number for row in session.execute(query.group_by(Comment.request_id))}


def _next(session: Session) -> list[str]:
    stale = select(SearchDocument.request_id).where(SearchDocument.stale).limit(AT_A_TIME)
    found = list(session.scalars(stale))
    oldest, newest = session.execute(
        select(func.min(SearchDocument.resolved_at), func.max(SearchDocument.resolved_at))
    ).one()
    missing = select(_REQUEST.id).where(*_DECIDED, _MISSING)
    order = (_REQUEST.resolved_at, _REQUEST.id)
    if newest is not None:
        since = missing.where(_REQUEST.resolved_at > newest - OVERLAP).order_by(*order)
        found += session.scalars(since.limit(AT_A_TIME - len(found)))
        missing = missing.where(_REQUEST.resolved_at <= oldest)
    if len(found) < AT_A_TIME:
        back = missing.order_by(*(column.desc() for column in order))
        found += session.scalars(back.limit(AT_A_TIME - len(found)))
    return list(dict.fromkeys(found))


def _documents(session: Session, ids: Sequence[str]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Documents, and how many comments of each request are in it."""
    columns = (
        _REQUEST.id, _REQUEST.resolved_at, _REQUEST.title, _REQUEST.workflow, _REQUEST.agent, _REQUEST.environment,
        _REQUEST.requester_name, _REQUEST.note, _REQUEST.kind, _REQUEST.risk, _REQUEST.state, _REQUEST.addressed_to,
        _REQUEST.answered_by, type_coerce(_REQUEST.payload, Text).label("content"),
    )  # fmt: skip
    requests = session.execute(select(*columns).where(among(_REQUEST.id, ids))).all()
    comments: dict[str, list[str]] = {}
    for request_id, body in session.execute(
        select(Comment.request_id, Comment.body).where(among(Comment.request_id, ids))
    ):
        comments.setdefault(request_id, []).append(body)
    read = {request_id: len(comments.get(request_id, ())) for request_id in ids}
    people: dict[str, set[str]] = {}
    standing = select(Decision.request_id, Decision.person_id, Decision.comment, Decision.withdrawn_at)
    for decision in session.execute(standing.where(among(Decision.request_id, ids))):
        comments.setdefault(decision.request_id, []).append(decision.comment)
        if decision.withdrawn_at is None:
            people.setdefault(decision.request_id, set()).add(decision.person_id)
    documents = [
        {
            "request_id": row.id,
            "resolved_at": row.resolved_at,
            "words": _value_words(row, people.get(row.id, ())) + search_words(_texts(row, comments)),
        }
        for row in requests
    ]
    return documents, read


def _texts(row: Any, comments: Mapping[str, Sequence[str]]) -> list[str]:
    # What people write comes first: of a very long proposal, not all words are kept.
    own = [row.title, row.workflow, row.agent, row.environment, row.requester_name, row.note]
    return [*own, *comments.get(row.id, ()), *strings_in(read_back(row.content))]


def _value_words(row: Any, people: Any) -> list[str]:
    teams = [address.removeprefix(TEAM) for address in row.addressed_to or () if address.startswith(TEAM)]
    kind = row.answered_by.partition(":")[0]
    return [
        *(value_word(name, getattr(row, name)) for name in NAMED),
        value_word(OUTCOME, row.state),
        *(value_word(TEAM_ASKED, team) for team in teams),
        *(value_word(BY_PERSON, person) for person in people),
        *([value_word(ANSWERED, kind)] if kind else []),
    ]


def is_behind(session: Session) -> bool:
    """True if older requests have no documents yet, as after an upgrade."""
    oldest = session.scalar(select(func.min(SearchDocument.resolved_at)))
    older = select(_REQUEST.id).where(*_DECIDED)
    if oldest is not None:
        older = older.where(_REQUEST.resolved_at < oldest).order_by(_REQUEST.resolved_at.desc())
    return session.scalar(older.limit(1)) is not None
