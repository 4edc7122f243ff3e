"""The ledger of approved calls that must not be made twice.

A worker can die after a tool has acted and before its result is stored. LangGraph then runs the node again. For tools
that may not be repeated, the portal therefore stores that a call begins, before it does; the second attempt finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Begin = Callable[[str], bool]
"""Stores durably that the call of this key begins, before it returns. False: it had begun before."""
_begin: ContextVar[Begin | None] = ContextVar("assent_tool_ledger", default=None)


@contextmanager
def keeping_in(begin: Begin) -> Iterator[None]:
    """Use this ledger within the block."""
    token = _begin.set(begin)
    try:
        yield
    finally:
        _begin.reset(token)


def begins(key: str) -> bool:
    """Return whether this is the first attempt at the call of this key, as far as is known.

    Without a ledger, outside of a hosted run, every attempt counts as the first.
    """
    begin = _begin.get()
    return True if begin is None else begin(key)
