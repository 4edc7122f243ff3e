"""The fields of a drawn form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.web.forms.schemas import FieldShape

MISSING: Any = object()
"""Stands for the absence of a value, which JSON's null does not."""


@dataclass
class Field:
    """One field of a form, or a group of them.

    Attributes:
        name: the name in the form: the root and the path, joined by dots.
        path: the name in errors. It differs from `name` inside lists, whose entries keep their names when others
            are removed, and inside unions.
        kind: the kind of its shape, or ``fixed`` for a value that nobody can change, which only tables show.
        value: the text it shows; ``on`` or empty for a checkbox; for a list, the tokens of its entries;
            for a union, the number of the selected way.
        original: the value it was drawn from, or MISSING.
        options: value and label of each option of a select, or of each way of a union.
        attributes: HTML attributes that help while typing; only the server validates.
        default: the schema's default as the field would show it; empty if there is none.
        fields: the members of a group, the entries of a list, or the selected way of a union.
        draw_part: draws the entry of a list with that token, or the way of a union with that number.
        language: the language of its code; empty for other texts.
        marks: risk findings at lines of that code, for the editor.
        is_table: for a list, whether it is a table: it has a row for each entry, and rows are not added or removed.
        first: for a list, a union, or a cell of a table, the `value` it was drawn with.
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
    is_table: bool = False

    @property
    def has_default(self) -> bool:
        """True if the schema has a default."""
        return "default" in self.shape.schema

    @property
    def is_changed(self) -> bool:
        """True if it, or any field inside it, shows something other than its default."""
        return any(leaf.value != leaf.default for leaf in self.leaves())

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return element_id(self.name)

    @property
    def has_table(self) -> bool:
        """True if it is a table, or has one inside."""
        return self.is_table or any(child.has_table for child in self.fields)

    @property
    def is_folded(self) -> bool:
        """True if its schema calls it advanced, and nobody has changed anything in it."""
        changed = any(leaf.value != leaf.first or leaf.error for leaf in self.leaves())
        return self.shape.schema.get("x-advanced") is True and not changed

    @property
    def required_inside(self) -> bool:
        """True if it needs a value even if nobody touches its fields."""
        return self.required and not self.shape.nullable

    @property
    def must_fill(self) -> bool:
        """True if it must not be left empty."""
        texts = self.kind in ("text", "long") and self.original is not MISSING
        return self.required_inside and not texts and self.kind not in ("lines", "numbers", "list", "check")

    def leaves(self) -> list[Field]:
        """The fields that a form submits: this one and all fields inside it, at any depth."""
        inside = [leaf for child in self.fields for leaf in child.leaves()]
        return inside if self.kind == "group" or self.is_table else [] if self.kind == "fixed" else [self, *inside]

    def settings(self) -> list[Field]:
        """The fields as a person counts them: a list or a union counts once."""
        if self.kind == "group":
            return [setting for child in self.fields for setting in child.settings()]
        return [] if self.kind == "fixed" else [self]

    def move(self, path: str) -> None:
        """Change the path that errors use for it."""
        self.path = path
        for number, child in enumerate(self.fields):
            child.move(path if self.kind == "union" else f"{path}.{number if self.kind == 'list' else child.key}")


def element_id(name: str) -> str:
    """The id of the element for the field `name`."""
    return "f-" + re.sub(r"\s", "_", name)
