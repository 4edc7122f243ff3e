"""The value of a submitted form, and the form filled in again as it was submitted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from app.domain.errors import InvalidInputError
from app.web.field_text import text_for_field
from app.web.forms.drawing import MAX_ENTRIES, number_entries
from app.web.forms.field_errors import labeled_fields, problem_at
from app.web.forms.fields import MISSING, Field
from assent.json_values import parse

REARRANGE = "rearrange"
"""The name of the buttons that add and remove list entries and switch between the ways of a union."""
_TOKEN = re.compile(r"n?[0-9]{1,4}")


def read(drawn: Field, form: Mapping[str, str]) -> Any:
    """The value of a submitted form; `drawn` is changed to have the form's entries and ways.

    Raises:
        InvalidInputError: a field is not valid; `fields` says which.
    """
    arrange(drawn, form)
    problems: dict[str, str] = {}
    value = _read(drawn, form, problems)
    if problems:
        raise InvalidInputError("Some fields are not valid.", problems)
    return value


def arrange(drawn: Field, form: Mapping[str, str]) -> None:
    """Give lists and unions the entries and ways of a form; those that it does not name stay as they are."""
    if drawn.draw_part is not None and drawn.name in form:
        parts = {child.key if drawn.kind == "list" else drawn.value: child for child in drawn.fields}
        wanted = _tokens(form[drawn.name]) if drawn.kind == "list" else _ways(drawn, form[drawn.name])
        drawn.fields = [parts.get(token) or drawn.draw_part(token) for token in wanted]
        if drawn.kind == "list":
            number_entries(drawn)
        drawn.value = ",".join(wanted)
        drawn.move(drawn.path)
    for child in drawn.fields:
        arrange(child, form)


def _tokens(given: str) -> list[str]:
    """The entries of a list: a number is the position in the original, ``n1`` a new entry."""
    return list(dict.fromkeys(token for token in given.split(",") if _TOKEN.fullmatch(token)))[:MAX_ENTRIES]


def _ways(drawn: Field, given: str) -> list[str]:
    return [given] if given in {option for option, _ in drawn.options} else []


def rearranged(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """The form after its `REARRANGE` button: ``add:<list>``, ``remove:<list>:<token>``, or ``show``.

    ``up:<list>:<token>`` and ``down:<list>:<token>`` move an entry by one place.
    """
    changed = MultiDict(form)
    act, _, rest = form.get(REARRANGE, "").partition(":")
    if act == "add":
        tokens = _tokens(form.get(rest, ""))
        newest = max((int(token[1:]) for token in tokens if token.startswith("n")), default=0)
        changed[rest] = ",".join([*tokens, f"n{newest + 1}"])
    elif act == "remove":
        name, _, token = rest.rpartition(":")
        changed[name] = ",".join(kept for kept in _tokens(form.get(name, "")) if kept != token)
    elif act in ("up", "down"):
        name, _, token = rest.rpartition(":")
        changed[name] = _moved(form.get(name, ""), token, -1 if act == "up" else 1)
    return changed


def _moved(order: str, token: str, by: int) -> str:
    """The tokens with this one moved by a number of places, as far as there are any."""
    tokens = order.split(",")
    if token in tokens:
        place = tokens.index(token)
        tokens.insert(max(0, place + by), tokens.pop(place))
    return ",".join(tokens)


def _read(drawn: Field, form: Mapping[str, str], problems: dict[str, str]) -> Any:
    if drawn.kind == "fixed":
        return drawn.shape.schema["const"] if drawn.original is MISSING else drawn.original
    if drawn.kind in ("group", "list", "union"):
        return _read_parted(drawn, form, problems)
    sent = text_for_field(form.get(drawn.name, ""))
    if sent == drawn.value and (drawn.original is not MISSING or not drawn.required):
        return drawn.original
    if drawn.kind == "check":
        return bool(sent)
    if drawn.kind not in ("text", "long"):
        sent = sent.strip()
    if not sent:
        return _read_empty(drawn, problems)
    return _parse(drawn, sent, problems)


def _read_parted(drawn: Field, form: Mapping[str, str], problems: dict[str, str]) -> Any:
    if drawn.kind == "group":
        if drawn.original in (MISSING, None) and not drawn.required_inside and is_untouched(drawn, form):
            return drawn.original
        pairs = {child.key: _read(child, form, problems) for child in drawn.fields}
        return {key: value for key, value in pairs.items() if value is not MISSING}
    if (drawn.original is not MISSING or not drawn.required) and is_untouched(drawn, form):
        return drawn.original
    if drawn.kind == "union":
        return _read(drawn.fields[0], form, problems) if drawn.fields else _read_empty(drawn, problems)
    values = [_read(child, form, problems) for child in drawn.fields]
    return [value for value in values if value is not MISSING]


def is_untouched(drawn: Field, form: Mapping[str, str]) -> bool:
    """True if the field and everything inside it came back as drawn."""
    return all(
        text_for_field(form.get(leaf.name, _unsent(leaf))) == (leaf.first if leaf.draw_part else leaf.value)
        for leaf in drawn.leaves()
    )


def _unsent(leaf: Field) -> str:
    """The value of a field that the form does not name: lists and unions stay as they are."""
    return leaf.value if leaf.draw_part else ""


def _read_empty(drawn: Field, problems: dict[str, str]) -> Any:
    if drawn.kind in ("lines", "numbers") and (drawn.required or drawn.original is not MISSING):
        return []
    if drawn.shape.nullable and (drawn.required or drawn.original is not MISSING):
        return None
    if not drawn.required:
        return MISSING
    if drawn.kind in ("text", "long") and drawn.original is not MISSING:
        return ""
    problems[drawn.path] = "This field is required."
    return MISSING


def _parse(drawn: Field, sent: str, problems: dict[str, str]) -> Any:
    try:
        match drawn.kind:
            case "number":
                return _number(sent, drawn.shape.schema.get("type") == "integer")
            case "select":
                if sent not in {option for option, _ in drawn.options}:
                    raise ValueError("This is not one of the options.")
                return parse(sent)
            case "lines":
                return [line.strip() for line in sent.split("\n") if line.strip()]
            case "numbers":
                return _numbers(sent, drawn.shape.whole_numbers)
            case "json":
                return parse(sent)
    except ValueError as error:
        problems[drawn.path] = str(error)
        return MISSING
    if "\n" not in sent.rstrip("\n") and "\n" not in str(drawn.value):
        return sent.rstrip("\n")  # somebody pressed Enter in a single-line value
    return sent.replace("\n", "\r\n") if _crlf(drawn.original) else sent


def _crlf(original: Any) -> bool:
    return isinstance(original, str) and "\r\n" in original and original.count("\n") == original.count("\r\n")


def _number(sent: str, whole: bool) -> int | float:
    if re.fullmatch(r"[+-]?[0-9]{1,30}", sent):
        return int(sent)
    if not whole and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", sent) and len(sent) < 60:
        number = float(sent)
        if number not in (float("inf"), float("-inf")):
            return number
    raise ValueError("Enter a whole number." if whole else "Enter a number, such as 2.5.")


def _numbers(sent: str, whole: bool) -> list[int | float]:
    numbers: list[int | float] = []
    for place, item in enumerate(filter(None, re.split(r"[\s,;]+", sent.strip("[] "))), 1):
        try:
            numbers.append(_number(item, whole))
        except ValueError as error:
            raise ValueError(f"Item {place}: {error}") from error
    return numbers


def refill(drawn: Field, form: Mapping[str, str], problems: Mapping[str, str]) -> Field:
    """Fill `drawn` in as it was submitted, with problems at their fields, and return it."""
    arrange(drawn, form)
    for leaf in drawn.leaves():
        if leaf.draw_part is None:
            leaf.value = text_for_field(form.get(leaf.name, ""))
    for field, _ in labeled_fields(drawn):
        field.error = problem_at(field, problems)
    return drawn
