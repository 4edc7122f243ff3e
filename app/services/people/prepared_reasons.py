"""Prepared reasons: what the people of a team write often when they reject something or request changes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, TooLargeError
from app.domain.people import Action, Actor
from app.domain.policy.access import TEAM
from app.domain.prepared_reasons import ReasonUse
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.requests.comments import clean_comment
from app.store.engine import Sessions
from app.store.people import PreparedReason, Team
from app.store.requests import ApprovalRequest

MOST = 50
"""Reasons of one team."""
LONGEST = 1_000
"""Characters."""


@dataclass(frozen=True)
class ReasonView:
    """A prepared reason of a team."""

    id: str
    team: str
    team_name: str
    use: ReasonUse
    text: str


class PreparedReasons:
    """Lists, adds, changes, and removes prepared reasons."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def all(self, actor: Actor, team: str = "") -> list[ReasonView]:
        """The reasons of all teams, or of one, by team, oldest first."""
        actor.require(Action.SEE)
        with self._sessions.reads() as session:
            return _listed(session, [team] if team else None)

    def export(self, actor: Actor, form: ExportFormat) -> Iterator[str]:
        """The reasons of all teams as pieces of a file, by team. Raises ForbiddenError."""
        actor.require(Action.SEE)
        row = PreparedReason
        query = select(
            row.id, row.team_slug.label("team"), row.use, row.body.label("text"), row.created_at
        )  # fmt: skip
        place = (row.team_slug, row.created_at, row.id)
        listed = ListExport("prepared reasons", query, place, newest_first=False)
        return exported(self._sessions, self._clock, actor, listed, form, {})

    def offered(self, actor: Actor, request: ApprovalRequest) -> list[ReasonView]:
        """Those of the actor's teams, and of the teams whose approval the request requires now."""
        required = {address.removeprefix(TEAM) for address in request.addressed_to if address.startswith(TEAM)}
        with self._sessions.reads() as session:
            return _listed(session, sorted(actor.teams | required))

    def teams(self, actor: Actor) -> list[Team]:
        """The teams whose reasons the actor may change, by name."""
        with self._sessions.reads() as session:
            teams = session.scalars(select(Team).order_by(func.lower(Team.name), Team.slug))
            return [team for team in teams if may_change(actor, team.slug)]

    def add(self, actor: Actor, team: str, use: ReasonUse, text: str) -> str:
        """Add a reason; returns its id.

        Raises:
            ForbiddenError: the actor is neither in the team nor manages accounts.
            InvalidInputError, TooLargeError: no such team, no text, or too long a text; `fields` says which.
            ConflictError: the team has too many.
        """
        _require(actor, team)
        words, now = _usable(text), self._clock()
        with self._sessions.begin() as session:
            known = session.get(Team, team, with_for_update=True) if is_storable(team) else None
            if known is None:
                raise InvalidInputError("There is no such team.", {"team": "Choose one of the listed teams."})
            count = session.scalar(select(func.count()).where(PreparedReason.team_slug == team)) or 0
            if count >= MOST:
                raise ConflictError(f"A team can have {MOST} prepared reasons. Remove one first.")
            reason = PreparedReason(
                id=str(uuid.uuid4()), team_slug=team, use=use.value, body=words, created_at=now
            )  # fmt: skip
            session.add(reason)
            record(session, actor, "reason.added", now, team=team, use=use.value, text=words)
            return reason.id

    def change(self, actor: Actor, reason_id: str, use: ReasonUse, text: str) -> None:
        """Change a reason. Raises as `add`, and NotFoundError."""
        words, now = _usable(text), self._clock()
        with self._sessions.begin() as session:
            reason = _own(session, actor, reason_id)
            before = {"was_use": reason.use, "was": reason.body}
            reason.use, reason.body = use.value, words
            record(
                session, actor, "reason.changed", now, team=reason.team_slug, use=use.value, text=words,
                **before,
            )  # fmt: skip

    def remove(self, actor: Actor, reason_id: str) -> None:
        """Remove a reason. Raises ForbiddenError, NotFoundError."""
        now = self._clock()
        with self._sessions.begin() as session:
            reason = _own(session, actor, reason_id)
            record(
                session, actor, "reason.removed", now, team=reason.team_slug, use=reason.use,
                text=reason.body,
            )  # fmt: skip
            session.delete(reason)


def may_change(actor: Actor, team: str) -> bool:
    """True for the people of the team who may decide, and for those who manage accounts."""
    return actor.kind == "person" and (
        actor.may(Action.MANAGE_PEOPLE) or (actor.may(Action.DECIDE) and team in actor.teams)
    )


def _require(actor: Actor, team: str) -> None:
    actor.require(Action.DECIDE)
    if not may_change(actor, team):
        raise ForbiddenError("Only the people of a team, and administrators, can change its prepared reasons.")


def _own(session: Session, actor: Actor, reason_id: str) -> PreparedReason:
    actor.require(Action.DECIDE)
    reason = session.get(PreparedReason, reason_id, with_for_update=True) if is_storable(reason_id) else None
    if reason is None:
        raise NotFoundError("There is no such prepared reason.")
    _require(actor, reason.team_slug)
    return reason


def _usable(text: str) -> str:
    words = clean_comment(text)
    if not words:
        raise InvalidInputError("Enter the reason.", {"text": "This field is required."})
    if len(words) > LONGEST:
        raise TooLargeError(
            f"A prepared reason has at most {LONGEST:,} characters; this one has {len(words):,}.",
            fields={"text": "This text is too long."},
        )
    return words


def _listed(session: Session, teams: Collection[str] | None) -> list[ReasonView]:
    query = select(PreparedReason, Team.name).join(Team, Team.slug == PreparedReason.team_slug)
    if teams is not None:
        query = query.where(PreparedReason.team_slug.in_([team for team in teams if is_storable(team)]))
    query = query.order_by(func.lower(Team.name), Team.slug, PreparedReason.created_at, PreparedReason.id)
    return [
        ReasonView(row.id, row.team_slug, name, ReasonUse(row.use), row.body) for row, name in session.execute(query)
    ]
