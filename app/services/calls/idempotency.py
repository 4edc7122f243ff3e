"""Idempotent calls: however often a call is sent, it is made once. The answer is stored under its key for a day.

The key is claimed before anything is done, so of two identical calls at the same moment one runs, and the other is
asked to wait. If the process dies in between, the key becomes free again: after seconds if the process held an advisory
lock, which ends with it, and otherwise after a minute. What a call creates then gets the same id as before
(`made_under`), so that it is still created only once.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.errors import KeyBusyError, KeyReusedError, NotFoundError
from app.domain.text import is_storable
from app.services.clock import Clock
from app.store.engine import Sessions

KEPT = timedelta(days=1)
ABANDONED = timedelta(minutes=1)
"""A call that has not ended after this time never will: its process died."""
ORPHANED = timedelta(seconds=2)
"""Age from which the call of a process without its lock counts as abandoned. A living process that has lost its
connection takes the lock again within this time."""
_SWEEP_EVERY = timedelta(minutes=10)
_NAMESPACE = uuid.UUID("6f2f0c2e-5a36-4d0c-9a5c-6c1f6f7f6f51")

_TAKE = """
    insert into idempotency_keys (caller, key, fingerprint, begun_at, holder, status, media_type, body, location, etag)
    values (%(caller)s, %(key)s, %(fingerprint)s, %(now)s, %(holder)s, null, '', '', '', '')
    on conflict (caller, key) do update set fingerprint = excluded.fingerprint, begun_at = excluded.begun_at,
        holder = excluded.holder, status = null, media_type = '', body = '', location = '', etag = ''
    where idempotency_keys.begun_at <= %(old)s or (idempotency_keys.status is null
        and idempotency_keys.fingerprint = excluded.fingerprint and (idempotency_keys.begun_at <= %(abandoned)s
            or case when idempotency_keys.begun_at <= %(orphaned)s and idempotency_keys.holder is not null
                then pg_try_advisory_xact_lock(idempotency_keys.holder) else false end))
    returning key"""
_FIND = """
    select fingerprint, status, media_type, body, location, etag from idempotency_keys
    where caller = %(caller)s and key = %(key)s"""
_KEEP = """
    update idempotency_keys set status = %(status)s, media_type = %(media_type)s, body = %(body)s,
        location = %(location)s, etag = %(etag)s
    where caller = %(caller)s and key = %(key)s and begun_at = %(begun)s"""
_FORGET = "delete from idempotency_keys where caller = %(caller)s and key = %(key)s and begun_at = %(begun)s"
_OPENED = """
    select status, location from idempotency_keys
    where caller = %(caller)s and key = %(key)s and begun_at > %(old)s"""
_SWEEP = "delete from idempotency_keys where begun_at <= %(old)s"


@dataclass(frozen=True)
class StoredAnswer:
    """A stored answer. `location` and `etag` are empty if it has none."""

    status: int
    media_type: str
    body: str
    location: str = ""
    etag: str = ""


@dataclass(frozen=True)
class ClaimedKey:
    """A key that this call has claimed; finish with `IdempotencyKeys.keep` or `IdempotencyKeys.forget`."""

    caller: str
    key: str
    begun_at: datetime


class IdempotencyKeys:
    """Stores answers by key."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._swept_at: datetime | None = None

    def take(
        self, caller: str, key: str, fingerprint: str, holder: int | None = None
    ) -> ClaimedKey | StoredAnswer:  # fmt: skip
        """Claim the key, or return the answer stored under it.

        Args:
            holder: key of the advisory lock, held by this process in shared mode, that shows that it is alive.

        Raises:
            KeyReusedError: the key was used for another call; `location` says where the result of that call is, if any.
            KeyBusyError: the same call is in progress.
        """
        now = self._clock()
        self._sweep(now)
        values = {
            "caller": caller, "key": key, "fingerprint": fingerprint, "now": now, "old": now - KEPT,
            "abandoned": now - ABANDONED, "orphaned": now - ORPHANED, "holder": holder,
        }  # fmt: skip
        for _ in range(3):
            if self._rows(_TAKE, values):
                return ClaimedKey(caller, key, now)
            if found := self._rows(_FIND, values):
                row = found[0]
                if row.pop("fingerprint") != fingerprint:
                    raise KeyReusedError(
                        "This key was used for another call. Use a new key for each call.", location=row["location"]
                    )
                if row["status"] is not None:
                    return StoredAnswer(**row)
                break
        raise KeyBusyError("The same call is in progress. Try again in a moment.")

    def keep(self, taken: ClaimedKey, answer: StoredAnswer) -> None:
        """Store the answer under the key, for `KEPT` from the start of the call."""
        self._sessions.execute(_KEEP + " returning key", vars(answer) | _named(taken))

    def forget(self, taken: ClaimedKey) -> None:
        """Release the key: the call failed in a way that may not happen again."""
        self._sessions.execute(_FORGET + " returning key", _named(taken))

    def opened(self, caller: str, key: str) -> str:
        """The id of the approval request that the caller opened under the key.

        Raises:
            NotFoundError: there is none, or it is more than `KEPT` ago.
            KeyBusyError: it is being opened.
        """
        values = {"caller": caller, "key": plain_key(key), "old": self._clock() - KEPT}
        found = self._rows(_OPENED, values) if is_storable(key) else []
        if found and found[0]["status"] is None:
            raise KeyBusyError("A call under this key is in progress. Try again in a moment.")
        place, _, request_id = (found[0]["location"] if found else "").rpartition("/")
        if not place.endswith("/approvals"):
            raise NotFoundError("No request was opened under this key within a day.")
        return str(request_id)

    def _rows(self, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        return self._sessions.execute(statement, values)

    def _sweep(self, now: datetime) -> None:
        if self._swept_at is None or now - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = now
            self._sessions.execute(_SWEEP + " returning key", {"old": now - KEPT})


def fingerprint(*parts: str) -> str:
    """SHA-256 of what identifies a call."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def plain_key(given: str) -> str:
    """The key as it is stored, without the spaces and quotes of a structured field around it."""
    key = given.strip()
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key


def made_under(caller: str, key: str, called: str) -> str:
    """The id of what this call creates under the key, whichever process finishes it."""
    return str(uuid.uuid5(_NAMESPACE, f"{caller}\n{key}\n{called}"))


def _named(taken: ClaimedKey) -> dict[str, object]:
    return {"caller": taken.caller, "key": taken.key, "begun": taken.begun_at}
