"""What people have corrected in earlier files, applied to this one: openly, and only where the values are alike too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assent.lessons import Proposed, RecalledLesson
from assent.situations import Situation
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import THRESHOLD, ColumnMapping, Mapping
from workflows.asset_discovery.mapping.likelihoods import form_fit
from workflows.asset_discovery.mapping.profiles import profile_of, sampled
from workflows.asset_discovery.mapping.vocabulary import is_nothing
from workflows.asset_discovery.personal.columns import recognize
from workflows.asset_discovery.personal.kinds import PersonalColumn
from workflows.asset_discovery.personal.masking import masked_samples
from workflows.asset_discovery.tables import Column, Table

KIND = "column"
_SAMPLES = 24
_IMPOSSIBLE = -3.5
"""A lesson is not applied where the values speak so much against its field."""


def situation_of(table: Table, column: Column, personal: PersonalColumn | None = None) -> Situation:
    """The situation of a column, for lessons: its heading, some of its values, and the other headings.

    Args:
        personal: What was recognized about the column, so that its values are masked; others are if they are of people.
    """
    values = table.frame[column.key].drop_nulls().unique(maintain_order=True).head(_SAMPLES * 3).to_list()
    kept = masked_samples([value for value in values if not is_nothing(value)][:_SAMPLES], personal)
    return Situation(
        kind=KIND, texts={"heading": column.heading or column.key}, samples={"values": list(kept)},
        around=[other.heading or other.key for other in table.columns if other is not column][:40],
    )  # fmt: skip


def proposed_for(table: Table, mapping: Mapping) -> list[Proposed]:
    """What lessons are looked up for: the field of each column, which is a guess where people would decide."""
    personal = {item.column: item for item in recognize(table, mapping)}
    situations = (situation_of(table, column, personal.get(column.key)) for column in table.columns)
    return [
        Proposed(situation=situation, value=found.field.value, guess=is_guess(found))
        for situation, found in zip(situations, mapping.columns, strict=True)
    ]


def is_guess(found: ColumnMapping) -> bool:
    """True for a field that people have to decide, so that any lesson may replace it."""
    return found.confidence < THRESHOLD


def corrected_by(table: Table, mapping: Mapping, recalled: Sequence[RecalledLesson]) -> Mapping:
    """The mapping with the lessons that apply; each changed column names its lesson, and what it was before."""
    columns = list(mapping.columns)
    for lesson in recalled:
        if not lesson.applies or not 0 <= lesson.number < len(columns) or columns[lesson.number].lesson:
            continue
        found = columns[lesson.number]
        field = _field(lesson.after)
        if field is None or (not is_guess(found) and found.field is not _field(lesson.before)):
            continue
        if _is_possible(table, table.columns[lesson.number], field):
            columns[lesson.number] = _corrected(found, field, lesson)
    return replace(mapping, columns=tuple(columns))


def _corrected(found: ColumnMapping, field: Field, lesson: RecalledLesson) -> ColumnMapping:
    by = f" by {lesson.by}" if lesson.by else ""
    reason = f"People have corrected a column like this one before{by}, from {found.field.value} to {field.value}."
    if field is found.field:
        reason = f"People have decided a column like this one in the same way before{by}. {found.reason}"
    others = ((found.field, found.confidence), *found.others) if field is not found.field else found.others
    sure = max(THRESHOLD, min(0.99, lesson.similarity))
    return replace(found, field=field, confidence=sure, reason=reason, lesson=lesson.lesson, others=others)


def _field(value: object) -> Field | None:
    try:
        return Field(str(value))
    except ValueError:
        return None


def _is_possible(table: Table, column: Column, field: Field) -> bool:
    """False if the values are of another form than the field's, whatever the heading is."""
    profile = profile_of(column.key, column.heading, sampled(table.frame)[column.key].to_list())
    return not profile.total or field is Field.IGNORE or form_fit(field, profile) > _IMPOSSIBLE
