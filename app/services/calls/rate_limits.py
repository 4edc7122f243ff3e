"""How many calls a token may make in a minute, across all web processes.

Counting each call in the database would turn every read into a write. Each process therefore claims calls in blocks:
one statement for a block, and none for the calls in it. What a process has not used of a block when the minute ends is
lost. A token therefore never gets more calls than allowed, and at worst is refused a few blocks early.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from app.store.engine import Sessions

WINDOW_SECONDS = 60
BLOCKS = 20
"""How many blocks a token's calls are divided into."""
_REMEMBERED = 10_000
"""For how many tokens a process remembers a block; older ones are dropped, and the rest of their blocks is lost."""
_TAKE = """
    insert into rate_windows as held (caller, began_at, taken)
    values (%(caller)s, date_bin('60 seconds', now(), 'epoch'::timestamptz), %(block)s)
    on conflict (caller) do update set began_at = excluded.began_at,
        taken = case when held.began_at = excluded.began_at then held.taken else 0 end + excluded.taken
    where held.began_at <> excluded.began_at or held.taken < %(quota)s
    returning taken, 60 - extract(epoch from now() - held.began_at) as left"""
_LEFT = "select 60 - extract(epoch from now() - date_bin('60 seconds', now(), 'epoch'::timestamptz)) as left"


@dataclass(frozen=True)
class Allowance:
    """Whether a call is allowed.

    Attributes:
        quota: calls in a window.
        remaining: at least this many are left in the window; what other processes hold is not counted.
        resets_in: seconds until the next window, rounded up.
    """

    allowed: bool
    quota: int
    remaining: int
    resets_in: int


@dataclass
class _Held:
    """What this process holds of a token's window."""

    ends_at: float
    left: int
    untaken: int


class RateLimits:
    """Counts the calls of tokens."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def take(self, caller: str, quota: int) -> Allowance:
        """Count one call if it is allowed.

        Args:
            quota: calls that the caller may make in a window; at least 1.
        """
        if (allowance := self._from_block(caller, quota)) is not None:
            return allowance
        block = max(1, quota // BLOCKS)
        taken = self._sessions.execute(_TAKE, {"caller": caller, "block": block, "quota": quota})
        left = float((taken or self._sessions.execute(_LEFT, {}))[0]["left"])
        total = int(taken[0]["taken"]) if taken else quota + block
        got = min(block, max(0, quota - (total - block)))
        with self._lock:
            held = self._held.get(caller)
            ends_at = time.monotonic() + left
            if held is None or held.ends_at < ends_at - 1:
                held = self._held[caller] = _Held(ends_at, 0, 0)
                self._forget_some()
            held.left += got
            held.untaken = max(0, quota - total)
        allowance = self._from_block(caller, quota)
        return allowance or Allowance(False, quota, 0, _seconds(left))

    def _from_block(self, caller: str, quota: int) -> Allowance | None:
        """From what this process holds; None: another block must be claimed."""
        now = time.monotonic()
        with self._lock:
            held = self._held.get(caller)
            if held is None or held.ends_at <= now:
                return None
            if not held.left:
                return None if held.untaken else Allowance(False, quota, 0, _seconds(held.ends_at - now))
            held.left -= 1
            return Allowance(True, quota, held.left + held.untaken, _seconds(held.ends_at - now))

    def _forget_some(self) -> None:
        if len(self._held) > _REMEMBERED:
            now = time.monotonic()
            for caller in [caller for caller, held in self._held.items() if held.ends_at <= now]:
                del self._held[caller]


def _seconds(left: float) -> int:
    return max(1, int(left) + (left > int(left)))
