"""Values of ``${name…}``: defaults, substrings, removed and replaced parts, cases, and elements of arrays."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.shell.patterns import expression_of
from app.risk.shell.state import SOME, Value
from app.risk.shell.tree import Literal, Parameter, Part
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.shell.expansion import Expander

_HOME = "/home/user"
"""Stands for the home folder where a part of its path is taken."""


def value_of(expander: Expander, part: Parameter, index: str | None) -> Value:
    """Return the value of a parameter.

    Args:
        expander: Expands the argument, and knows the variables.
        index: The subscript; None if there is none.
    """
    if index is not None and index not in ("@", "*"):
        index = expander.calculated(index)
    values = _elements(expander.value(part.name), index)
    operator = part.operator
    if operator == "":
        return values
    if operator == "length":
        return _length(values, index)
    if operator == "indirect":
        name = values[0].text if values else ""
        return expander.value(name) if re.fullmatch(r"\w+|[@*]", name) else (Word(UNKNOWN),)
    if operator.lstrip(":") in ("-", "=", "+", "?"):
        return _default(expander, part, values)
    if operator == "other":
        expander.parts_text(part.argument)
        return (Word(UNKNOWN, several=True),)
    if operator == ":" and (part.name in "@*" or index in ("@", "*")):
        return _slice(values, _offsets(expander, part))
    return tuple(replace(word, text=_changed(expander, part, word.text)) for word in values)


def _elements(values: Value, index: str | None) -> Value:
    if index is None or index in ("@", "*"):
        return values
    if re.fullmatch(r"-?\d{1,6}", index):
        number = int(index)
        if len(values) == 1 and not values[0].known and values[0].several:
            return values
        return (values[number],) if -len(values) <= number < len(values) else (Word(""),)
    return (Word(UNKNOWN),)


def _length(values: Value, index: str | None) -> Value:
    if index in ("@", "*"):
        known = all(word.known for word in values)
        return (Word(str(len(values)) if known else SOME),)
    known = bool(values) and values[0].known and not values[0].text.startswith("~")
    return (Word(str(len(values[0].text)) if known else SOME),)


def _default(expander: Expander, part: Parameter, values: Value) -> Value:
    operator = part.operator
    listed = part.name in ("@", "*")
    is_set = listed or part.name.isdigit() or expander.state.is_set(part.name)
    text = "".join(word.text for word in values)
    argument = expander.parts_text(part.argument)
    if operator.endswith("?"):
        return tuple(replace(word, text=SOME if word.text == UNKNOWN else word.text) for word in values)
    if operator.endswith("+"):
        if not is_set or UNKNOWN in text:
            return (replace(argument, text=f"{UNKNOWN}{argument.text}" if argument.text else ""),)
        return (argument,) if text or operator == "+" else (Word(""),)
    if operator.endswith("="):
        expander.state.set(part.name, (argument,), *(() if not is_set else (values,)))
    if not is_set and part.name not in expander.state.variables:
        # It may come from outside; what the code says is used first, and something unknown is tried, too.
        expander.most = max(expander.most, 2)
        return (argument,) if expander.choice % 2 == 0 else (Word(SOME),)
    if text == UNKNOWN:
        expander.most = max(expander.most, 2)
        return (argument,) if expander.choice % 2 == 0 else (replace(values[0], text=SOME),)
    return values if text else (argument,)


def _slice(values: Value, argument: str) -> Value:
    match = re.fullmatch(r"\s*(-?\d{1,6})\s*(?::\s*(\d{1,6}))?\s*", argument)
    if match is None or not all(word.known for word in values):
        return (Word(UNKNOWN, several=True),)
    start = max(int(match.group(1)) - 1, 0)
    return values[start : start + int(match.group(2))] if match.group(2) else values[start:]


def _changed(expander: Expander, part: Parameter, text: str) -> str:
    operator = part.operator
    if text.startswith("~"):
        text = _HOME + text[1:]
    if operator == ":":
        return _substring(text, _offsets(expander, part))
    if operator[0] in "^,":
        return _cased(operator, text)
    if operator[0] in "#%":
        pattern = expander.parts_text(part.argument).text
        return _shown(_removed(operator, text, pattern))
    if operator[0] == "/":
        before, after = _split(part.argument)
        pattern, put = expander.parts_text(before).text, expander.parts_text(after).text
        return _shown(_replaced(operator, text, pattern, put))
    if operator == "@P":  # as a prompt, in which commands run
        return expander.expanded_again(text)
    return text if operator in ("@Q", "@E", "@A") and UNKNOWN not in text else UNKNOWN


def _offsets(expander: Expander, part: Parameter) -> str:
    """Return where a substring begins, and how long it is, as they are written."""
    text = expander.parts_text(part.argument).text
    expander.calculated(text)
    return text


def _shown(text: str) -> str:
    return "~" + text[len(_HOME) :] if text == _HOME or text.startswith(f"{_HOME}/") else text


def _substring(text: str, argument: str) -> str:
    match = re.fullmatch(r"\s*(-?\d{1,6})\s*(?::\s*(-?\d{1,6}))?\s*", argument)
    if match is None or UNKNOWN in text:
        return UNKNOWN
    start = int(match.group(1))
    if match.group(2) is None:
        return text[start:]
    length = int(match.group(2))
    rest = text[start:]
    return rest[:length]


def _cased(operator: str, text: str) -> str:
    change = str.upper if operator[0] == "^" else str.lower
    return change(text) if len(operator) == 2 else change(text[:1]) + text[1:]


def _removed(operator: str, text: str, pattern: str) -> str:
    """Remove the shortest or the longest match of a pattern at the beginning or at the end."""
    if UNKNOWN in pattern:
        return UNKNOWN
    if UNKNOWN in text:
        if operator[0] == "%" and text.endswith(pattern) and not re.search(r"[*?\[]", pattern):
            return text[: len(text) - len(pattern)]
        return UNKNOWN
    expression = re.compile(expression_of(pattern), re.DOTALL)
    text = text[:2_000]
    cuts = range(len(text) + 1)
    if operator[0] == "#":
        order = cuts if operator == "#" else reversed(cuts)
        return next((text[cut:] for cut in order if expression.fullmatch(text, 0, cut)), text)
    order = reversed(cuts) if operator == "%" else cuts
    return next((text[:cut] for cut in order if expression.fullmatch(text, cut)), text)


def _replaced(operator: str, text: str, pattern: str, put: str) -> str:
    if UNKNOWN in text + pattern:
        return UNKNOWN
    expression = expression_of(pattern)
    if operator == "/#":
        expression = f"^{expression}"
    elif operator == "/%":
        expression = f"{expression}$"
    if not pattern:
        return text
    return re.sub(expression, lambda _: put, text[:2_000], count=0 if operator == "//" else 1)


def _split(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Split an argument at its first slash."""
    for place, part in enumerate(parts):
        if isinstance(part, Literal) and "/" in part.text and (not part.quoted or len(part.text) > 1):
            before, _, after = part.text.partition("/")
            return [*parts[:place], Literal(before, True)], [Literal(after, True), *parts[place + 1 :]]
    return parts, []
