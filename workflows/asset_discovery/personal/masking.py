"""Masks personal data in the samples of proposals, lessons, and reports.

What is left lets people recognize the kind of a value, and two values as different, but not the person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.personal.findings import EMAIL, findings_in
from workflows.asset_discovery.personal.kinds import PersonalColumn, PersonalKind
from workflows.asset_discovery.personal.shapes import bare, is_name, is_single_name, is_user_name

if TYPE_CHECKING:
    import polars as pl

    from workflows.asset_discovery.mapped import Mapping

_LONGEST = 20_000
_MARKS: dict[PersonalKind, str] = {
    PersonalKind.NAME: "[name]",
    PersonalKind.EMAIL: "[email address]",
    PersonalKind.PHONE: "[phone number]",
    PersonalKind.USER_ID: "[user name]",
    PersonalKind.DEVICE_ID: "[device number]",
    PersonalKind.ADDRESS: "[address]",
    PersonalKind.BIRTH: "[date of birth]",
    PersonalKind.NATIONAL_ID: "[identity number]",
    PersonalKind.PAYMENT: "[payment data]",
    PersonalKind.SPECIAL: "[not shown]",
    PersonalKind.FREE_TEXT: "[text]",
}


def mask_text(text: str) -> str:
    """Return a text in which what it says of people is replaced by the name of its kind: `call [phone number]`."""
    parts: list[str] = []
    end = 0
    for finding in findings_in(text):
        parts += [text[end : finding.start], _MARKS[finding.kind]]
        end = finding.end
    rest = text[end:_LONGEST]
    return "".join([*parts, rest, " [rest not shown]" if len(text) > _LONGEST else ""])


def mask_value(value: str, kind: PersonalKind) -> str:
    """Return a value of a column that holds this kind: `Jane Smith` becomes `J… S…`."""
    text = bare(value)
    if not text:
        return value
    if EMAIL.fullmatch(text):
        local, _, domain = text.partition("@")
        return f"{local[0]}…@{domain}"
    if kind is PersonalKind.NAME:
        return " ".join(f"{word[0]}…" for word in text.replace(",", " ").split()[:4] if word[0].isalpha()) or "[name]"
    if kind is PersonalKind.USER_ID and len(text) > 3:
        return f"{text[0]}…"
    if kind in (PersonalKind.PHONE, PersonalKind.DEVICE_ID) and sum(map(str.isdigit, text)) > 6:
        return f"{text[:3] if text[0] == '+' else ''}…{text[-2:]}"
    if kind is PersonalKind.FREE_TEXT:
        return mask_text(value)
    return _MARKS[kind]


def mask_cell(text: str, field: Field) -> str:
    """Return a cell of a record as proposals show it: owners who are people by their initials, texts masked."""
    if field is Field.OWNER:
        return "; ".join(_mask_owner(part.strip()) for part in text.split(";"))
    return mask_text(text)


def _mask_owner(text: str) -> str:
    """Mask an owner who is a person; teams stay readable."""
    if is_name(text) or is_single_name(text) or is_user_name(text) or EMAIL.fullmatch(text):
        return mask_value(text, PersonalKind.NAME if not is_user_name(text) else PersonalKind.USER_ID)
    return mask_text(text)


def masked_samples(samples: Iterable[str], column: PersonalColumn | None) -> tuple[str, ...]:
    """Return samples as they may be shown; None: of a column without personal data, where stray ones are masked."""
    if column is None:
        return tuple(mask_text(sample) for sample in samples)
    return tuple(mask_value(sample, column.kind) for sample in samples)


def masked_mapping(mapping: Mapping, personal: Iterable[PersonalColumn]) -> Mapping:
    """Return a mapping whose samples are masked."""
    by_column = {item.column: item for item in personal}
    columns = (
        replace(item, samples=masked_samples(item.samples, by_column.get(item.column))) for item in mapping.columns
    )
    return replace(mapping, columns=tuple(columns))


def masked_frame(frame: pl.DataFrame, personal: Iterable[PersonalColumn]) -> pl.DataFrame:
    """Return a frame whose columns with personal data are masked, for reports that others read; others stay."""
    import polars as pl

    masked = []
    for column in personal:
        if column.column in frame.columns:
            values = frame[column.column].drop_nulls().unique()
            new = pl.Series([mask_value(value, column.kind) for value in values.to_list()], dtype=pl.String)
            masked.append(pl.col(column.column).replace_strict(values, new, default=None))
    return frame.with_columns(masked) if masked else frame
