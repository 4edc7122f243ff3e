"""Browsers that show people's notifications: allowed by a person who is signed in there, until they sign out."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.notices import Browser, Channel, NoticeKind
from app.domain.people import Actor
from app.domain.text import is_storable, storable
from app.services.clock import Clock
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write_in
from app.services.record.audit import record
from app.services.vault.ring import SealError
from app.services.vault.values import Vault
from app.store.base import among
from app.store.engine import Sessions
from app.store.notify import PushSubscription
from app.store.people import SignIn

log = structlog.get_logger(__name__)

MOST = 10
"""How many browsers a person can have; the oldest gives way."""


@dataclass(frozen=True)
class BrowserView:
    """A browser as its owner sees it. `here`: it is the one in which they are signed in now."""

    id: str
    name: str
    created_at: datetime
    here: bool


class Browsers:
    """Stores, lists, and removes browsers; people can only access their own."""

    def __init__(self, sessions: Sessions, clock: Clock, vault: Vault) -> None:
        self._sessions = sessions
        self._clock = clock
        self._vault = vault

    def allow(self, actor: Actor, sign_in_id: str, name: str, browser: Browser) -> None:
        """Show the actor's notifications in a browser. One that is known already changes its session and its keys.

        Args:
            browser: its address must have been checked; its id does not matter.
            name: how the browser identifies itself.

        Raises:
            InvalidInputError: the keys are not those of a browser.
        """
        now, hashed = self._clock(), hashlib.sha256(browser.endpoint.encode()).hexdigest()
        if not all(0 < len(key) <= 200 and key.isascii() for key in (browser.p256dh, browser.auth)):
            raise InvalidInputError("These are not the keys of a browser.", {"keys": "not valid"})
        row = {
            "person_id": actor.id, "sign_in_id": sign_in_id,
            "endpoint": self._vault.seal(browser.endpoint, f"endpoint {hashed}"),
            "p256dh": self._vault.seal(browser.p256dh, f"p256dh {hashed}"),
            "auth": self._vault.seal(browser.auth, f"auth {hashed}"),
            "name": storable(name)[:200],
        }  # fmt: skip
        with self._sessions.begin() as session:
            owner = session.scalar(
                select(PushSubscription.person_id).where(PushSubscription.endpoint_hash == hashed).with_for_update()
            )
            put = insert(PushSubscription).values(id=uuid.uuid4().hex, endpoint_hash=hashed, created_at=now, **row)
            # For a new owner it is a new one; otherwise it would be the first to be removed.
            known = PushSubscription.person_id == actor.id
            since = case((known, PushSubscription.created_at), else_=now)
            session.execute(
                put.on_conflict_do_update(index_elements=["endpoint_hash"], set_=row | {"created_at": since})
            )
            newest = select(PushSubscription.id).where(PushSubscription.person_id == actor.id)
            newest = newest.order_by(PushSubscription.created_at.desc()).limit(MOST)
            session.execute(
                delete(PushSubscription).where(
                    PushSubscription.person_id == actor.id, PushSubscription.id.not_in(newest)
                )
            )
            if owner != actor.id:
                record(session, actor, "person.browser_allowed", now, person=actor.id, browser=row["name"])

    def listed(self, actor: Actor, sign_in_id: str) -> list[BrowserView]:
        """The actor's browsers, newest first."""
        query = select(PushSubscription).where(PushSubscription.person_id == actor.id)
        with self._sessions.reads() as session:
            rows = session.scalars(query.order_by(PushSubscription.created_at.desc())).all()
        return [BrowserView(row.id, row.name, row.created_at, row.sign_in_id == sign_in_id) for row in rows]

    def remove(self, actor: Actor, browser_id: str) -> None:
        """Show no more notifications in one of the actor's browsers. Raises NotFoundError."""
        gone = delete(PushSubscription).where(PushSubscription.id == browser_id, PushSubscription.person_id == actor.id)
        with self._sessions.begin() as session:
            name = session.scalar(gone.returning(PushSubscription.name)) if is_storable(browser_id) else None
            if name is None:
                raise NotFoundError("There is no such browser.")
            record(session, actor, "person.browser_removed", self._clock(), person=actor.id, browser=name)

    def test(self, actor: Actor) -> None:
        """Show a test notification in the actor's browsers."""
        now = self._clock()
        row = new_row(f"test:{uuid.uuid4().hex}", NoticeKind.TEST, Channel.BROWSER, now, person_id=actor.id)
        with self._sessions.begin() as session:
            write_in(session, [DeliveryPlan(row)])

    # For workers

    def of(self, person_id: str) -> tuple[Browser, ...]:
        """The person's browsers, with their addresses and keys."""
        query = select(PushSubscription).where(PushSubscription.person_id == person_id)
        with self._sessions.reads() as session:
            rows = session.scalars(query.order_by(PushSubscription.created_at)).all()
        found = []
        for row in rows:
            try:
                opened = [
                    self._vault.open(sealed, f"{column} {row.endpoint_hash}")
                    for column, sealed in (("endpoint", row.endpoint), ("p256dh", row.p256dh), ("auth", row.auth))
                ]
            except SealError:
                log.warning("browser.sealed", browser=row.id, exc_info=True)
                continue
            found.append(Browser(row.id, *opened))
        return tuple(found)

    def forget(self, browser_ids: Sequence[str]) -> None:
        """Remove browsers that take no more notifications."""
        if browser_ids:
            with self._sessions.begin() as session:
                session.execute(delete(PushSubscription).where(among(PushSubscription.id, browser_ids)))

    def forget_ended(self, lifetime: timedelta) -> None:
        """Remove browsers in which the person must sign in again, because their session is older than `lifetime`.

        How long a session has been idle does not matter: a browser shows notifications while nobody uses the portal.
        """
        ended = select(SignIn.id).where(SignIn.began_at <= self._clock() - lifetime)
        with self._sessions.begin() as session:
            session.execute(delete(PushSubscription).where(PushSubscription.sign_in_id.in_(ended)))


def with_browsers(session: Session, person_ids: Sequence[str]) -> frozenset[str]:
    """Those of these people who have browsers that show notifications."""
    if not person_ids:
        return frozenset()
    query = select(PushSubscription.person_id).where(among(PushSubscription.person_id, person_ids)).distinct()
    return frozenset(session.scalars(query))
