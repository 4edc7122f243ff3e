"""Regular expressions from agents and people, matched by RE2, which never backtracks.

JSON Schema uses the regular expressions of ECMA 262. RE2 supports them except for backreferences and lookaround.
The most common lookaround is supported all the same: lookaheads at the start of a pattern, as in
``^(?=.*[A-Z])(?!.*secret).{8,}$``, become separate expressions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_PATTERN = 2_000
"""Longest pattern, in characters."""
MAX_PROGRAM = 10_000
"""Largest compiled pattern, in instructions of RE2; repetitions such as ``(\\w{1,100}){1,9}`` need many."""
_MAX_TESTS = 10
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|c([A-Za-z])|(.))", re.DOTALL)
_TEST = re.compile(r"\(\?[=!]")
_PLAIN = 200
_COSTLY = re.compile(r"\\[pP]|\{[0-9,]*[0-9]{2}|\{[^{}]*\}[^{}]*\)[^{}]*\{|\(\?[a-z]*i")
"""Unicode classes, repetitions of 10 or more, nested repetitions, and case-insensitive letters."""
_LOOKS = ("invalid perl operator", "invalid named capture")


class ExpressionError(ValueError):
    """A pattern cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression.

    Attributes:
        required: each of these occurs in a matching text.
        excluded: none of these occurs in it.
        size: instructions of RE2. A match takes time at most proportional to this and to the text's length.
    """

    required: tuple[Any, ...]
    excluded: tuple[Any, ...]
    size: int

    def found_in(self, text: str) -> bool:
        """Return True if any part of the text matches."""
        encoded = text.encode("utf-8") if text.isascii() else _SURROGATES.sub("\ufffd", text).encode("utf-8")
        return all(pattern.search(encoded) for pattern in self.required) and not any(
            pattern.search(encoded) for pattern in self.excluded
        )


def is_costly(pattern: str) -> bool:
    """Return True if compiling it may take milliseconds, because of many repetitions or large character classes."""
    return len(pattern) > _PLAIN or bool(_COSTLY.search(pattern))


@lru_cache(maxsize=256)
def expression(pattern: str) -> Expression:
    """Return the compiled pattern. Raises ExpressionError: it is not supported, or too large."""
    if len(pattern) > MAX_PATTERN:
        raise ExpressionError(
            f"A regular expression has at most {MAX_PATTERN:,} characters; this has {len(pattern):,}."
        )
    tests, rest = _lookaheads(_translated(pattern))
    required = [_compiled(f"^(?:{test})") for sign, test in tests if sign == "="]
    excluded = [_compiled(f"^(?:{test})") for sign, test in tests if sign == "!"]
    required.append(_compiled(rest))
    size = sum(pattern.programsize for pattern in (*required, *excluded))
    if size > MAX_PROGRAM:
        raise ExpressionError("This regular expression is too large: it repeats too much.")
    return Expression(tuple(required), tuple(excluded), size)


def _compiled(pattern: str) -> Any:
    import re2  # here, because many processes never see an expression

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(pattern.encode("utf-8"), options)
    except re2.error as error:
        words = error.args[0].decode("utf-8", "replace") if error.args else ""
        raise ExpressionError(_complaint(words)) from None


def _complaint(words: str) -> str:
    if words.startswith(_LOOKS) or ("escape sequence: \\" in words and words[-1:].isdigit()):
        return "Regular expressions here cannot look ahead or behind, except at their start, or refer back to a group."
    if words.startswith("invalid repetition size"):
        return "A regular expression repeats something at most 1,000 times; use maxLength or maxItems for more."
    if words.startswith("pattern too large"):
        return "This regular expression is too large: it repeats too much."
    return f"This is not a regular expression: {words[:200]}"


def _translated(pattern: str) -> str:
    """Return the pattern with ECMA 262's escapes in RE2's syntax, and without unpaired surrogates."""

    def escape(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code:
            number = int(code, 16)
            if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
                raise ExpressionError(f"This is not a regular expression: there is no character {found[0]}.")
            return f"\\x{{{number:X}}}"
        if found[3]:
            return f"\\x{{{ord(found[3]) % 32:X}}}"
        return {"Z": r"\z", "/": "/", "-": r"\-"}.get(found[4], found[0])

    return _ESCAPE.sub(escape, _SURROGATES.sub("\ufffd", pattern)).replace("[^]", r"(?s:.)")


def _lookaheads(pattern: str) -> tuple[list[tuple[str, str]], str]:
    """Return the lookaheads at the start of a pattern, each with its sign (``=`` or ``!``), and the rest."""
    tests: list[tuple[str, str]] = []
    if not pattern.startswith("^(?"):
        return tests, pattern
    at = 1
    while _TEST.match(pattern, at) and len(tests) < _MAX_TESTS:
        end, _ = _group_end(pattern, at)
        tests.append((pattern[at + 2], pattern[at + 3 : end].removeprefix("^")))
        at = end + 1
    rest = pattern[at:]
    if any(_group_end(f"({part})", 0)[1] for part in (rest, *(test for _, test in tests))) if tests else False:
        return [], pattern  # a top-level alternation separates everything before it, lookaheads included, from the rest
    return tests, f"^{rest}" if tests else pattern


def _group_end(pattern: str, start: int) -> tuple[int, bool]:
    """Return the end of the group that starts here, and whether it has an alternation. Raises ExpressionError."""
    depth, at, choice, inside = 0, start, False, False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return at, choice
        elif char == "|" and depth == 1:
            choice = True
        at += 1
    raise ExpressionError("This is not a regular expression: a parenthesis is not closed.")
