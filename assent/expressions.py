"""Regular expressions that agents and people give. They are matched by RE2, which never backtracks.

JSON Schema means the regular expressions of ECMA 262. RE2 knows them without backreferences and without looking
ahead or behind. What tools write most often is understood all the same: tests ahead at the start of a pattern, as in
``^(?=.*[A-Z])(?!.*secret).{8,}$``, become expressions of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_PATTERN = 2_000
"""Longest expression, in characters."""
MAX_PROGRAM = 10_000
"""Largest expression, in instructions of RE2; repeats such as ``(\\w{1,100}){1,9}`` have many."""
_MAX_TESTS = 10
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|c([A-Za-z])|(.))", re.DOTALL)
_TEST = re.compile(r"\(\?[=!]")
_PLAIN = 200
_COSTLY = re.compile(r"\\[pP]|\{[0-9,]*[0-9]{2}|\{[^{}]*\}[^{}]*\)[^{}]*\{|\(\?[a-z]*i")
"""Classes of Unicode, repeats from 10 on, repeats of repeats, and letters of either case."""
_LOOKS = ("invalid perl operator", "invalid named capture")


class ExpressionError(ValueError):
    """An expression cannot be used; its text says why in one sentence."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression.

    Attributes:
        wanted: all of these are found in a text that matches.
        unwanted: none of these is.
        size: instructions of RE2. The time that a match takes is at most proportional to this and the text's length.
    """

    wanted: tuple[Any, ...]
    unwanted: tuple[Any, ...]
    size: int

    def found_in(self, text: str) -> bool:
        """True if some part of the text matches."""
        encoded = text.encode("utf-8") if text.isascii() else _SURROGATES.sub("\ufffd", text).encode("utf-8")
        return all(pattern.search(encoded) for pattern in self.wanted) and not any(
            pattern.search(encoded) for pattern in self.unwanted
        )


def is_costly(pattern: str) -> bool:
    """True if compiling it may take milliseconds: it repeats something often, or names large classes of characters."""
    return len(pattern) > _PLAIN or bool(_COSTLY.search(pattern))


@lru_cache(maxsize=256)
def expression(pattern: str) -> Expression:
    """The expression of a pattern. Raises ExpressionError: not one that is understood here, or too large."""
    if len(pattern) > MAX_PATTERN:
        raise ExpressionError(
            f"A regular expression has at most {MAX_PATTERN:,} characters; this has {len(pattern):,}."
        )
    tests, rest = _tests_ahead(_translated(pattern))
    wanted = [_compiled(f"^(?:{test})") for sign, test in tests if sign == "="]
    unwanted = [_compiled(f"^(?:{test})") for sign, test in tests if sign == "!"]
    wanted.append(_compiled(rest))
    size = sum(pattern.programsize for pattern in (*wanted, *unwanted))
    if size > MAX_PROGRAM:
        raise ExpressionError("This regular expression is too large: it repeats too much.")
    return Expression(tuple(wanted), tuple(unwanted), size)


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
    """The pattern with ECMA 262's escapes in RE2's words, and no half characters."""

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


def _tests_ahead(pattern: str) -> tuple[list[tuple[str, str]], str]:
    """The tests ahead right after the start of a pattern, each with its sign (``=`` or ``!``), and what follows."""
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
        return [], pattern  # a choice at the top is one between what stands before it, tests included, and the rest
    return tests, f"^{rest}" if tests else pattern


def _group_end(pattern: str, start: int) -> tuple[int, bool]:
    """Where the group that starts here ends, and whether there is a choice at its top. Raises ExpressionError."""
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
