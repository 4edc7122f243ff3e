"""What a drawn form consists of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.web.forms.schemas import FieldShape

MISSING: Any = object()
"""Stands for "there is no value", which JSON's null does not."""


@dataclass
class Field:
    """One field of a form, or a group of them.

    Attributes:
        name: the field's name in the form: the root and the path, joined by dots.
        path: as errors name it. It differs from the name inside lists, whose entries keep their names when others
            go, and inside unions.
        kind: a shape's, or ``fixed`` for a value that nobody chooses.
        value: what the field shows, as text; ``on`` or empty for a check box; of a list, the tokens of its entries;
            of a union, the number of the way.
        original: the value it was drawn from, or MISSING.
        options: value and label of each choice of a select, or of the ways of a union.
        attributes: HTML attributes that help while typing; the check that counts is the server's.
        default: the schema's default as the field would show it; empty where it has none.
        fields: those of a group, the entries of a list, or the one way of a union.
        draw_part: draws the entry of a list with that token, or the way of a union with that number.
        language: of the code that it holds; empty for other texts.
        marks: findings at lines of that code, for the editor.
        first: of a list or a union, the value with which it was drawn; others keep theirs.
    """

    name: str
    key: str
    label: str
    kind: str
    shape: FieldShape
    required: bool
    path: str = ""
    help: str = ""
    value: str = ""
    original: Any = MISSING
    error: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    default: str = ""
    draw_part: Callable[[str], Field] | None = None
    first: str = ""
    language: str = ""
    marks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_default(self) -> bool:
        """True if leaving the field alone gives a value."""
        return "default" in self.shape.schema

    @property
    def is_changed(self) -> bool:
        """True if it shows anything but its default; of what has fields inside, if any of them does."""
        return any(leaf.value != leaf.default for leaf in self.leaves())

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return element_id(self.name)

    @property
    def required_inside(self) -> bool:
        """True if a value has to be made even when nobody touches its fields."""
        return self.required and not self.shape.nullable

    @property
    def must_fill(self) -> bool:
        """True if leaving it empty is refused."""
        texts = self.kind in ("text", "long") and self.original is not MISSING
        return self.required_inside and not texts and self.kind not in ("lines", "numbers", "list", "check")

    def leaves(self) -> list[Field]:
        """What is sent of this field: itself, and whatever is inside, however deep."""
        inside = [leaf for child in self.fields for leaf in child.leaves()]
        return inside if self.kind == "group" else [] if self.kind == "fixed" else [self, *inside]

    def settings(self) -> list[Field]:
        """What a person would count: a list or a union is one of them."""
        if self.kind == "group":
            return [setting for child in self.fields for setting in child.settings()]
        return [] if self.kind == "fixed" else [self]

    def move(self, path: str) -> None:
        """Have errors name it otherwise."""
        self.path = path
        for number, child in enumerate(self.fields):
            child.move(path if self.kind == "union" else f"{path}.{number if self.kind == 'list' else child.key}")


def element_id(name: str) -> str:
    """The id of the element that the form knows as `name`."""
    return "f-" + re.sub(r"\s", "_", name)

