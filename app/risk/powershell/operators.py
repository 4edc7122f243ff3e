"""PowerShell's operators, as far as their operands are known."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.risk.powershell.values import (
    ANY,
    LONGEST,
    MOST_ITEMS,
    Value,
    concatenated,
    either,
    items_value,
    number_value,
    text_value,
)
from app.risk.words import UNKNOWN

_FORMAT = re.compile(r"\{\{|\}\}|\{(\d+)(?:,-?\d+)?(?::([^}]*))?\}")
# A pattern that could take long on a text is not tried.
_EASY_PATTERN = re.compile(r"[^+*{}()|]*(?:[+*][^+*{}()|]*){0,2}")


def operate(operator: str, left: Value, right: Value) -> Value:
    """Return what a binary operator gives."""
    origin = left.origin | right.origin
    found = _BINARY[operator](left, right) if operator in _BINARY else Value(kind="bool" if operator in _TESTS else "")
    return found.came(origin) if operator not in _TESTS else found


_TESTS = frozenset(
    [
        "eq",
        "ne",
        "gt",
        "ge",
        "lt",
        "le",
        "like",
        "notlike",
        "match",
        "notmatch",
        "contains",
        "notcontains",
        "in",
        "notin",
        "is",
        "isnot",
        "and",
        "or",
        "xor",
    ]
)


def _plus(left: Value, right: Value) -> Value:
    if left.items is not None:
        return items_value([*left.items, *right.each()])
    if left.table is not None and right.table is not None:
        return Value(table={**left.table, **right.table})
    if left.kind == right.kind == "number" and left.number is not None and right.number is not None:
        return number_value(left.number + right.number)
    return concatenated([left, right])


def _times(left: Value, right: Value) -> Value:
    times = right.number
    if left.number is not None and left.kind == "number" and times is not None:
        return number_value(left.number * times)
    if left.known and times is not None and 0 <= times * len(left.text) <= LONGEST:
        return text_value(left.text * int(times))
    return ANY


def _arithmetic(work: Callable[[float, float], float]) -> Callable[[Value, Value], Value]:
    def apply(left: Value, right: Value) -> Value:
        if left.number is None or right.number is None:
            return Value(kind="number")
        try:
            return number_value(work(left.number, right.number))
        except (ZeroDivisionError, OverflowError, ValueError):
            return Value(kind="number")

    return apply


def _range(left: Value, right: Value) -> Value:
    first, last = left.number, right.number
    if first is None or last is None:
        if left.known and right.known and len(left.text) == len(right.text) == 1:
            return items_value(text_value(chr(code)) for code in _numbers(ord(left.text), ord(right.text)))
        return Value(many=True)
    if abs(last - first) > MOST_ITEMS:
        return Value(many=True)
    return items_value(number_value(number) for number in _numbers(int(first), int(last)))


def _numbers(first: int, last: int) -> range:
    return range(first, last + 1) if last >= first else range(first, last - 1, -1)


def _format(left: Value, right: Value) -> Value:
    if not left.known:
        return Value(left.texts)
    arguments = list(right.each())
    parts: list[Value] = []
    at = 0
    for match in _FORMAT.finditer(left.text):
        parts.append(text_value(left.text[at : match.start()]))
        at = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(text_value(match[0][0]))
        elif int(match[1]) < len(arguments) and not match[2]:
            parts.append(arguments[int(match[1])])
        else:
            parts.append(ANY)
    return concatenated([*parts, text_value(left.text[at:])])


def _join(left: Value, right: Value) -> Value:
    held = list(left.each())
    if not right.known or len(held) > MOST_ITEMS:
        return ANY
    if any(len(item.texts) > 1 for item in held):
        return ANY
    return text_value(right.text.join(item.text for item in held))


def _replace(left: Value, right: Value) -> Value:
    given = list(right.each())
    pattern, by = given[0] if given else ANY, given[1] if len(given) > 1 else text_value("")
    if not (pattern.known and by.known):
        return ANY
    return _each_text(left, lambda text: replaced(text, pattern.text, by.text))


def replaced(text: str, pattern: str, by: str) -> str:
    """Return a text in which what a regular expression matches is replaced; unknown if that might take long."""
    if not re.search(r"[\\.^$*+?{}\[\]|()]", pattern):
        return re.sub(re.escape(pattern), lambda _: by, text, flags=re.IGNORECASE)
    if len(text) > 5_000 or not _EASY_PATTERN.fullmatch(pattern):
        return UNKNOWN
    try:
        return re.sub(pattern, re.sub(r"\$(\d)", r"\\\1", by.replace("\\", r"\\")), text, flags=re.IGNORECASE)
    except (re.error, IndexError):
        return UNKNOWN


def _each_text(value: Value, work: Callable[[str], str]) -> Value:
    if value.items is not None:
        return items_value(_each_text(item, work) for item in value.items)
    return either([text_value(work(text)) if UNKNOWN not in text else ANY for text in value.texts])


def _split(left: Value, right: Value) -> Value:
    given = list(right.each())
    if not left.known or not given or not given[0].known or len(left.text) > 20_000:
        return Value(many=True)
    return split_text(left.text, given[0].text)


def split_text(text: str, pattern: str) -> Value:
    """Return the parts of a text between what a regular expression matches."""
    if not _EASY_PATTERN.fullmatch(pattern) or not pattern:
        return Value(many=True)
    try:
        return items_value(text_value(part) for part in re.split(pattern, text, maxsplit=MOST_ITEMS))
    except re.error:
        return Value(many=True)


_BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "+": _plus,
    "*": _times,
    "-": _arithmetic(lambda a, b: a - b),
    "/": _arithmetic(lambda a, b: a / b),
    "%": _arithmetic(lambda a, b: a % b),
    "bxor": _arithmetic(lambda a, b: int(a) ^ int(b)),
    "band": _arithmetic(lambda a, b: int(a) & int(b)),
    "bor": _arithmetic(lambda a, b: int(a) | int(b)),
    "..": _range,
    "f": _format,
    "join": _join,
    "replace": _replace,
    "split": _split,
    "as": lambda left, right: left,
    "??": lambda left, right: either([left, right]),
}


def apply_unary(operator: str, value: Value) -> Value:
    """Return what an operator before a value gives."""
    if operator == "join":
        return _join(value, text_value("")).came(value.origin)
    if operator == "split":
        return split_text(value.text.strip(), r"\s+").came(value.origin) if value.known else Value(many=True)
    if operator == ",":
        return items_value([value])
    if operator == "-" and value.number is not None:
        return number_value(-value.number)
    if operator == "+":
        return value
    return Value(kind="bool" if operator in ("!", "not") else "number")


def index_of(target: Value, index: Value) -> Value:
    """Return elements of a list, characters of a text, or an entry of a hashtable."""
    if target.table is not None:
        found = target.table.get(index.text.lower()) if index.known else None
        return found if found is not None else ANY.came(target.origin)
    picked: list[Value] = []
    held = list(target.each()) if target.items is not None else None
    letters = target.text if target.known and held is None else ""
    for place in index.each():
        number = place.number
        if number is None or not (held or letters):
            return Value(origin=target.origin, many=target.many, every=target.every)
        at = int(number)
        size = len(held) if held is not None else len(letters)
        if -size <= at < size:
            picked.append(held[at] if held is not None else text_value(letters[at]))
    if index.items is None:
        return picked[0].came(target.origin) if picked else ANY.came(target.origin)
    return items_value(picked).came(target.origin)


def cast(name: str, value: Value) -> Value:
    """Return a value made into a type."""
    kind = name.lower().removeprefix("system.")
    if kind in ("char", "char[]"):
        letters: list[Value] = []
        for item in value.each():
            number = item.number
            if item.kind == "number" or (number is not None and len(item.text) > 1):
                letters.append(text_value(chr(int(number))) if number is not None and 0 <= number < 0x110000 else ANY)
            elif item.known and kind == "char[]":
                letters += [text_value(letter) for letter in item.text[:MOST_ITEMS]]
            else:
                letters.append(item)
        return (letters[0] if kind == "char" and letters else items_value(letters)).came(value.origin)
    if kind in ("int", "int32", "int64", "long", "byte", "double", "float", "decimal", "uint32"):
        text = value.text.strip() if value.known else ""
        if re.fullmatch(r"[+-]?\d{1,15}", text):
            return number_value(int(text)).came(value.origin)
        if re.fullmatch(r"0x[0-9a-fA-F]{1,12}", text):
            return number_value(int(text, 16)).came(value.origin)
    if kind == "string" and value.items is not None:
        return _join(value, text_value(" ")).came(value.origin)
    return value
