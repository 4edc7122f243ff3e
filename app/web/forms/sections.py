"""Sections of a drawn form: fields that need attention, and optional ones that are collapsed.

A schema may assign a property to a section (``"x-group": "Backup"``) and mark it as advanced (``"x-advanced": true``).
A property that is an object is a section of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.text import plural
from app.web.forms.field_errors import labeled_fields
from app.web.forms.fields import Field

MANY = 6
"""With more optional fields than this, they are collapsed unless the schema has hints of its own."""
_LONGEST_TITLE = 80


@dataclass
class Section:
    """A section of a form. `title` is empty for the fields at the top."""

    title: str
    help: str = ""
    shown: list[Field] = field(default_factory=list)
    folded: list[Field] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """True if the collapsed fields have a problem or a value other than the default."""
        return any(field.error for folded in self.folded for field, _ in labeled_fields(folded)) or self.changed > 0

    @property
    def changed(self) -> int:
        """How many of the collapsed fields differ from their defaults."""
        return sum(setting.is_changed for folded in self.folded for setting in folded.settings())

    @property
    def words(self) -> str:
        """How many fields are collapsed, and how many of them differ from their defaults."""
        count = plural(sum(len(folded.settings()) for folded in self.folded), "setting")
        return f"{count}, {self.changed} changed" if self.changed else f"{count}, default values"


def sections(drawn: Field) -> list[Section]:
    """The sections of a form, in the schema's order; fields without a heading come first."""
    if drawn.kind != "group":
        return [Section("", shown=[drawn])]
    hinted = any(_group(child) or _advanced(child) is not None for child in drawn.fields)
    many = sum(len(child.settings()) for child in drawn.fields if not child.required) > MANY
    made: dict[str, Section] = {"": Section("")}
    for child in drawn.fields:
        if child.kind == "group" and not _group(child):
            _own_section(child, made)
            continue
        section = made.setdefault(_group(child), Section(_group(child)))
        folds = not child.required and (_advanced(child) or (_advanced(child) is None and many and not hinted))
        (section.folded if folds else section.shown).append(child)
    return [section for section in made.values() if section.shown or section.folded]


def _own_section(group: Field, made: dict[str, Section]) -> None:
    """Give an object its own section: collapsed as a whole if it is optional, otherwise field by field."""
    section = made.setdefault(f"\n{group.name}", Section(group.label, group.help))
    for child in group.fields:
        whole = not group.required and _advanced(group) is not False
        folds = whole or (not child.required and bool(_advanced(child)))
        (section.folded if folds else section.shown).append(child)


def _group(drawn: Field) -> str:
    hint = drawn.shape.schema.get("x-group")
    return " ".join(hint.split())[:_LONGEST_TITLE] if isinstance(hint, str) else ""


def _advanced(drawn: Field) -> bool | None:
    hint = drawn.shape.schema.get("x-advanced")
    return hint if isinstance(hint, bool) else None
