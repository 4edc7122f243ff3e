"""Waiting for what other processes write to the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from app.live.listener import EVENTS_CHANNEL

LOOK_AGAIN_SECONDS = 0.5
"""Not everything that is waited for is announced."""


def until(database_url: str, check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Ask again whenever the portal announces an event, until the answer is true; gives the answer."""
    deadline = time.monotonic() + seconds
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"listen {EVENTS_CHANNEL}".encode())
        while not (found := check()):
            assert time.monotonic() < deadline, f"not within {seconds} s"
            for _ in connection.notifies(timeout=LOOK_AGAIN_SECONDS, stop_after=1):
                pass
    return found
