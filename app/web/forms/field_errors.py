"""Problems with a form's values, shown at the fields and in a summary that links to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.web.forms.fields import Field, element_id

PARTED = ("group", "list", "union")
"""Kinds of fields whose parts show their own problems."""


def problem_at(drawn: Field, problems: Mapping[str, str]) -> str:
    """The problem with a field; for a field submitted as a whole, also problems inside its value."""
    if drawn.path in problems or drawn.kind in PARTED:
        return problems.get(drawn.path, "")
    below = drawn.path + "."
    inside = [
        f"{_place_inside(path.removeprefix(below))}: {words}"
        for path, words in problems.items()
        if path.startswith(below)
    ]
    return "; ".join(inside[:3])


def _place_inside(path: str) -> str:
    """A path inside a value, in words: ``item 3, name``."""
    return ", ".join(f"item {int(part) + 1}" if re.fullmatch("[0-9]{1,6}", part) else part for part in path.split("."))


@dataclass(frozen=True)
class FieldError:
    """A problem with a field. `element_id` is empty if it concerns no particular field."""

    element_id: str
    label: str
    words: str


def field_errors(
    drawn: Field | None, problems: Mapping[str, str], others: Mapping[str, str] | None = None
) -> list[FieldError]:
    """All problems with the labels of their fields, in the form's order.

    Args:
        drawn: the form; None if the page has none.
        others: labels, by name, of fields on the page that are not in the form.
    """
    labels = others or {}
    found = [FieldError(element_id(name), labels[name], problems[name]) for name in labels if name in problems]
    shown = set(labels)
    for field, label in labeled_fields(drawn) if drawn is not None else ():
        words = problem_at(field, problems)
        if words:
            found.append(FieldError(field.element_id, label, words))
            shown |= {name for name in problems if name == field.path or _covers(field, name)}
    return found + [FieldError("", "", words) for name, words in problems.items() if name not in shown]


def _covers(field: Field, name: str) -> bool:
    return field.kind not in PARTED and name.startswith(field.path + ".")


def labeled_fields(drawn: Field, above: str = "", top: bool = True) -> Iterator[tuple[Field, str]]:
    """Every field that can have a problem, with its label, prefixed by those of the fields around it."""
    label = f"{above}{drawn.label}"
    if drawn.kind == "fixed":
        return
    if drawn.kind == "union" and drawn.fields and drawn.fields[0].kind not in PARTED:
        yield drawn.fields[0], label
        return
    frame = top and drawn.kind == "group"
    if not frame:
        yield drawn, label
    inside = drawn.fields[0].fields if drawn.kind == "union" and drawn.fields else drawn.fields
    for child in inside:
        yield from labeled_fields(child, "" if frame else f"{label}, ", False)
