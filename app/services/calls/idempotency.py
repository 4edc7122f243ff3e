"""Calls that are made once, however often they are sent: the answer is kept under the caller's key for a day.

The key is taken before anything is done, so of two equal calls at the same moment one works and the other is told to
wait. If the process dies in between, the key is free again after a minute; what creates something then makes it under
the same id as before (`made_under`), so that it is there once all the same.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.errors import KeyBusyError, KeyReusedError
from app.services.clock import Clock
from app.store.engine import Sessions

KEPT = timedelta(days=1)
ABANDONED = timedelta(minutes=1)
"""A call that has not ended by then never will: its process died."""
_SWEEP_EVERY = timedelta(minutes=10)
_NAMESPACE = uuid.UUID("6f2f0c2e-5a36-4d0c-9a5c-6c1f6f7f6f51")

_TAKE = """
    insert into idempotency_keys (caller, key, fingerprint, begun_at, status, media_type, body, location, etag)
    values (%(caller)s, %(key)s, %(fingerprint)s, %(now)s, null, '', '', '', '')
    on conflict (caller, key) do update set fingerprint = excluded.fingerprint, begun_at = excluded.begun_at,
        status = null, media_type = '', body = '', location = '', etag = ''
    where idempotency_keys.begun_at <= %(old)s or (idempotency_keys.status is null
        and idempotency_keys.begun_at <= %(abandoned)s and idempotency_keys.fingerprint = excluded.fingerprint)
    returning key"""
_FIND = """
    select fingerprint, status, media_type, body, location, etag from idempotency_keys
    where caller = %(caller)s and key = %(key)s"""
_KEEP = """
    update idempotency_keys set status = %(status)s, media_type = %(media_type)s, body = %(body)s,
        location = %(location)s, etag = %(etag)s
    where caller = %(caller)s and key = %(key)s and begun_at = %(begun)s"""
_FORGET = "delete from idempotency_keys where caller = %(caller)s and key = %(key)s and begun_at = %(begun)s"
_SWEEP = "delete from idempotency_keys where begun_at <= %(old)s"


@dataclass(frozen=True)
class Kept:
    """An answer as it is kept. `location` and `etag` are empty where it has none."""

    status: int
    media_type: str
    body: str
    location: str = ""
    etag: str = ""


@dataclass(frozen=True)
class Taken:
    """A key that this call has taken; it ends with `Once.keep` or `Once.forget`."""

    caller: str
    key: str
    begun_at: datetime


class Once:
    """Keeps answers under keys."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._swept_at: datetime | None = None

    def take(self, caller: str, key: str, fingerprint: str) -> Taken | Kept:
        """Take the key, or get the answer that is kept under it.

        Raises:
            KeyReusedError: it was used for another call; `location` says where what that one made is, if anything.
            KeyBusyError: the same call is being worked on.
        """
        now = self._clock()
        self._sweep(now)
        values = {
            "caller": caller, "key": key, "fingerprint": fingerprint, "now": now, "old": now - KEPT,
            "abandoned": now - ABANDONED,
        }  # fmt: skip
        for _ in range(3):
            if self._rows(_TAKE, values):
                return Taken(caller, key, now)
            if found := self._rows(_FIND, values):
                row = found[0]
                if row.pop("fingerprint") != fingerprint:
                    raise KeyReusedError(
                        "This key was used for another call. Choose a new one for each.", location=row["location"]
                    )
                if row["status"] is not None:
                    return Kept(**row)
                break
        raise KeyBusyError("The same call is being worked on. Ask again in a moment.")

    def keep(self, taken: Taken, answer: Kept) -> None:
        """Keep the answer under the key, for `KEPT` from when the call began."""
        self._sessions.execute(_KEEP + " returning key", vars(answer) | _named(taken))

    def forget(self, taken: Taken) -> None:
        """Let the key go: the call failed in a way that may not happen again."""
        self._sessions.execute(_FORGET + " returning key", _named(taken))

    def _rows(self, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        return self._sessions.execute(statement, values)

    def _sweep(self, now: datetime) -> None:
        if self._swept_at is None or now - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = now
            self._sessions.execute(_SWEEP + " returning key", {"old": now - KEPT})


def fingerprint(*parts: str) -> str:
    """SHA-256 of what makes a call this call."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def made_under(caller: str, key: str, called: str) -> str:
    """The id of what the call of that fingerprint creates under the key, whichever process finishes it."""
    return str(uuid.uuid5(_NAMESPACE, f"{caller}\n{key}\n{called}"))


def _named(taken: Taken) -> dict[str, object]:
    return {"caller": taken.caller, "key": taken.key, "begun": taken.begun_at}
