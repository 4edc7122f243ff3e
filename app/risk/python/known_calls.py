"""Libraries whose calls are known by rows of patterns, which are looked for in a call with its arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.risk.python.clients import Use, library
from app.risk.python.values import Value
from app.risk.rules import RiskRule, word_set
from assent.contracts import RiskLevel

_LONGEST = 2_000
_READS = word_set(
    "get list read show find search fetch lookup describe status info is has version query select print count stats "
    "exists ping"
)


@dataclass(frozen=True)
class Row:
    """What a call does if a pattern is found in it.

    Attributes:
        pattern: A regular expression for the names that lead to the method, the method, and the arguments, all in lower
            case, such as ``libvirt.open.lookupbyname destroy`` or ``esptool main "erase_flash"``.
        rule: None if nothing is changed.
        words: What it does, as in "This erases a disk".
        level: How bad it is, if that is not what the rule says.
        all: How bad it is if it is done to everything that was listed.
        secret: What it returns is a secret.
    """

    pattern: str
    rule: RiskRule | None = None
    words: str = ""
    level: RiskLevel | None = None
    all: RiskLevel | None = None
    secret: bool = False


def known_by_calls(names: str, *rows: Row, special: Callable[[Use], None] | None = None) -> None:
    """Add libraries whose calls are known by rows.

    Args:
        names: The libraries' names, separated by spaces.
        rows: The first row whose pattern is found counts. If there is none, the method's name is judged.
        special: Called first, for what a row cannot say.
    """
    compiled = [(re.compile(row.pattern), row) for row in rows]

    def handle(use: Use) -> Value | None:
        if special is not None:
            special(use)
        line = f"{'.'.join(use.path)} {use.method} {use.given}"[:_LONGEST].lower()
        for pattern, row in compiled:
            if pattern.search(line):
                return _noted(use, row)
        if use.method[:1].isupper() and "_" not in use.method and len(use.path) < 3:
            return use.result()
        if use.verb in _READS:
            return listing(use)
        return None

    library(*word_set(names))(handle)


def listing(use: Use) -> Value:
    """Return what a call returns that reads: all there is, unless an argument chooses."""
    marks = use.made.base.marks | (use.made.marks & {"listed"})
    return Value(kind=use.result().kind, marks=marks | ({"whole"} if not use.filters else frozenset()))


def _noted(use: Use, row: Row) -> Value:
    if row.rule is not None:
        everything = use.made.many and use.everything
        level = row.all if everything and row.all is not None else row.level
        use.made.reading.add(row.rule, f"This calls {use.shown}: it {row.words}.", use.made.line, level)
    elif not row.secret:
        return listing(use)
    return use.result("secret") if row.secret else use.result()
