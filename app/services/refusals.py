"""Refusals: counted by address and by account, and recorded in the audit log in few entries, however many there are.

Counting: each refusal adds one to the counts of its address and of the account concerned, in the database, so that all
web processes count together. A count's minute begins with its first refusal. Once it exceeds the limit, this process
remembers that until the minute ends, without asking the database again. Only refusals are limited, never legitimate
actions: sessions continue, tokens that have recently worked are accepted from any address, and of other credentials
from that address some are looked up each second. So nobody is locked out by others' failures, not even at the same
address, because those lookups are divided by credential, and an attacker cannot target another credential's share.

The audit log: the first refusal of a kind, by a person, from a place, is recorded immediately. Those that follow are
counted here and recorded as one more entry when the window ends. A process writes only so many first entries in a
window
for each account and each address, and only so many for all addresses; further ones share an entry. So nobody who causes
many entries keeps others out of the audit log. No entry contains the credential.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.domain.networks import address_of, client_key
from app.domain.people import Actor
from app.services.clock import Clock
from app.services.record.audit import record
from app.store.engine import Sessions

log = structlog.get_logger("refusals")

WINDOW_SECONDS = 600.0
"""Repeated refusals in a window of this length are one audit entry."""
MOST_LINES = 50
"""How many first refusals by unknown people a process records in a window."""
LINES_EACH = 10
"""How many of those for one address; and how many first refusals for one known account."""
MOST_COUNTED = 2_000
"""How many addresses and accounts a process counts in the database in a minute; more are only counted here."""
LOOKUPS_PER_SECOND = 5
"""How many credentials of one share are looked up although their address is over the limit, so that a valid one is
accepted."""
SHARES = 1024
"""How many shares there are; a credential's hash determines its share."""
MOST_KNOWN = 10_000
"""How many recently used tokens a process remembers, as hashes."""
_STRANGERS = "strangers"
_KEPT_MINUTES = 5
_COUNT = """
    insert into rate_windows as held (caller, began_at, taken)
    select caller, now(), 1 from unnest(%(keys)s::text[]) as caller order by 1
    on conflict (caller) do update set
        began_at = case when held.began_at > now() - interval '1 minute' then held.began_at else now() end,
        taken = case when held.began_at > now() - interval '1 minute' then held.taken else 0 end + 1
    returning caller, taken, least(60, 60 - extract(epoch from now() - began_at)) as left"""
_TIDY = """
    with gone as (
        delete from rate_windows
        where caller like 'refused:%%' and began_at < now() - make_interval(mins => %(kept)s) returning 1
    ) select count(*) from gone"""


class RefusedAction(StrEnum):
    """What can be refused, as actions of the audit log."""

    SIGN_IN = "access.sign_in_failed"
    TOKEN = "access.token_refused"  # noqa: S105 - an action
    LINK = "access.link_refused"
    SIGNATURE = "access.signature_refused"
    ACT = "access.forbidden"


@dataclass(frozen=True)
class Refusal:
    """A refusal.

    Attributes:
        reason: a code.
        actor: who was refused, with the network address as source; a stranger if unknown.
        route: the route's rule, never its path, which may contain a credential.
        account: id of the account concerned; empty: unknown.
        account_name: as shown in the audit log.
    """

    action: RefusedAction
    reason: str
    actor: Actor
    route: str = ""
    account: str = ""
    account_name: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What repeated refusals have in common."""
        return (self.action, self.reason, self.actor.kind, self.actor.id, self.actor.source, self.route, self.account)

    @property
    def who(self) -> str:
        """Whose entries are counted: the acting account's, or those of an unknown person's address."""
        return f"account:{self.actor.id}" if self.actor.id else _address_key(self.actor.source)

    @property
    def together(self) -> Refusal:
        """The entry that all further refusals of the same account or address share."""
        source = "" if self.actor.id else _client(self.actor.source)
        return Refusal(self.action, "several", replace(self.actor, source=source))

    @property
    def detail(self) -> Mapping[str, str]:
        """For the audit log."""
        facts = {"reason": self.reason, "route": self.route, "account": self.account_name}
        return {name: value for name, value in facts.items() if value}


@dataclass
class _Repeated:
    refusal: Refusal
    since: datetime
    ends_at: float
    more: int = 0


@dataclass
class _Minute:
    """The counts of the current minute."""

    began: float = 0.0
    counted: set[str] = field(default_factory=set)
    others: int = 0
    """Refusals by everyone who is only counted here."""


class Refusals:
    """Counts refusals and records them in the audit log."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._lock = threading.Lock()
        self._over: dict[str, float] = {}
        """Addresses and accounts over the limit, with the end of their minute (`time.monotonic`)."""
        self._looked_up: dict[tuple[str, int], int] = {}
        """Lookups in the current second, by address and share."""
        self._second = 0
        self._known: dict[bytes, None] = {}
        self._minute = _Minute()
        self._repeated: dict[tuple[str, ...], _Repeated] = {}
        self._window_ends = 0.0
        self._lines: dict[str, int] = {}
        """First entries in this window, by `Refusal.who`, and for unknown people together."""
        self._flushing = False

    def has_worked(self, token: str) -> None:
        """Remember a token that has just worked."""
        digest = _digest(token)
        with self._lock:
            self._known.pop(digest, None)
            self._known[digest] = None
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]

    def wait_before(self, address: str, credential: str) -> int:
        """Seconds for which a credential from that address is not looked up; 0: look it up.

        Args:
            credential: a token that has recently worked is always looked up.
        """
        digest, key, now = _digest(credential), _address_key(address), time.monotonic()
        with self._lock:
            ends = self._over.get(key, 0.0)
            if ends <= now or digest in self._known:
                return 0
            if self._second != int(now):
                self._second = int(now)
                self._looked_up.clear()
            share = (key, int.from_bytes(digest[:8], "big") % SHARES)
            self._looked_up[share] = self._looked_up.get(share, 0) + 1
            return 0 if self._looked_up[share] <= LOOKUPS_PER_SECOND else _seconds(ends - now)

    def note(self, refusal: Refusal, limit: int) -> int:
        """Count a refusal and record it in the audit log.

        Args:
            limit: refusals per minute, for an address and for an account; 0: unlimited.

        Returns:
            Seconds to wait if the limit is exceeded; else 0.
        """
        try:
            self._keep(refusal)
            return self._count(refusal, limit) if limit else 0
        except SQLAlchemyError as error:  # the refusal itself stands
            log.warning("refusal not recorded", error=str(error).splitlines()[0], reason=refusal.reason)
            return 0

    def flush(self, all_of_them: bool = True) -> None:
        """Write the entries for repeated refusals, for windows that have ended, or for all."""
        now = time.monotonic()
        with self._lock:
            due = [key for key, refusal in self._repeated.items() if all_of_them or refusal.ends_at <= now]
            ended = [self._repeated.pop(key) for key in due]
        for repeated in ended:
            if repeated.more:
                self._write(repeated.refusal, repeated.more, repeated.since)

    def _keep(self, refusal: Refusal) -> None:
        now = time.monotonic()
        with self._lock:
            if self._window_ends <= now:
                self._window_ends = now + WINDOW_SECONDS
                self._lines.clear()
            refusal = self._line_of(refusal)
            known = self._repeated.get(refusal.key)
            if known is not None:
                known.more += 1
                return
            for who in (refusal.who,) if refusal.actor.id else (refusal.who, _STRANGERS):
                self._lines[who] = self._lines.get(who, 0) + 1
            self._repeated[refusal.key] = _Repeated(refusal, self._clock(), now + WINDOW_SECONDS)
            begin, self._flushing = not self._flushing, True
        if begin:
            threading.Thread(target=self._flush_later, name="refusals", daemon=True).start()
        self._write(refusal, 1, None)

    def _line_of(self, refusal: Refusal) -> Refusal:
        """The entry that records a refusal: its own, that of its account or address, or that of all unknown people."""
        if refusal.key not in self._repeated and self._lines.get(refusal.who, 0) >= LINES_EACH:
            refusal = refusal.together
        full = not refusal.actor.id and self._lines.get(_STRANGERS, 0) >= MOST_LINES
        if full and refusal.key not in self._repeated:
            return Refusal(refusal.action, "several", Actor(kind="unknown", id="", name="Several"))
        return refusal

    def _flush_later(self) -> None:
        while True:
            time.sleep(WINDOW_SECONDS / 10)
            try:
                self.flush(all_of_them=False)
            except SQLAlchemyError as error:
                log.warning("refusals not recorded", error=str(error).splitlines()[0])
            with self._lock:
                if not self._repeated:
                    self._flushing = False
                    return

    def _write(self, refusal: Refusal, times: int, since: datetime | None) -> None:
        detail: dict[str, Any] = dict(refusal.detail)
        if since is not None:
            detail |= {"times": times, "since": since.isoformat(timespec="seconds")}
        with self._sessions.begin() as session:
            record(session, refusal.actor, refusal.action.value, self._clock(), **detail)

    def _count(self, refusal: Refusal, limit: int) -> int:
        keys = sorted(
            {_address_key(refusal.actor.source), *([f"refused:account:{refusal.account}"] if refusal.account else [])}
        )
        now = time.monotonic()
        with self._lock:
            over = [self._over[key] - now for key in keys if self._over.get(key, 0.0) > now]
            if over:
                return _seconds(max(over))
            tidy = now - self._minute.began >= 60
            if tidy:
                self._minute = _Minute(now)
                self._over = {key: ends for key, ends in self._over.items() if ends > now}
            room = len(self._minute.counted | set(keys)) <= MOST_COUNTED
            if room:
                self._minute.counted.update(keys)
        counts = self._in_database(keys, tidy) if room else self._here(keys)
        found = [(key, left) for key, taken, left in counts if taken > limit]
        with self._lock:
            self._over.update({key: now + left for key, left in found})
        return _seconds(max(left for _, left in found)) if found else 0

    def _in_database(self, keys: list[str], tidy: bool) -> list[tuple[str, int, float]]:
        if tidy:
            self._sessions.execute(_TIDY, {"kept": _KEPT_MINUTES})
        rows = self._sessions.execute(_COUNT, {"keys": keys})
        return [(row["caller"], int(row["taken"]), float(row["left"])) for row in rows]

    def _here(self, keys: list[str]) -> list[tuple[str, int, float]]:
        """In a flood from very many addresses, those beyond the first ones are counted together."""
        with self._lock:
            self._minute.others += 1
            count, left = self._minute.others, 60 - (time.monotonic() - self._minute.began)
        return [(key, count, max(1.0, left)) for key in keys]


def _address_key(address: str) -> str:
    """The key under which an address is counted."""
    return f"refused:address:{_client(address)}"


def _client(address: str) -> str:
    found = address_of(address.partition(",")[0])
    return client_key(found) if found is not None else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _seconds(left: float) -> int:
    return max(1, int(left) + (left > int(left)))
