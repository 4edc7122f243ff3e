"""Which columns of a table hold personal data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.personal import checks, shapes
from workflows.asset_discovery.personal.findings import EMAIL, Finding, findings_in
from workflows.asset_discovery.personal.headings import announced, is_doubtful, names_users
from workflows.asset_discovery.personal.kinds import TITLES, PersonalColumn, PersonalKind, sensitivity_of
from workflows.asset_discovery.personal.links import PeopleNamed
from workflows.asset_discovery.personal.words import word_set

if TYPE_CHECKING:
    from workflows.asset_discovery.mapped import Mapping
    from workflows.asset_discovery.tables import Column, Table

_LOOKED_AT = 2_000
"""Distinct values of a column by whose shapes it is judged. Free text is searched in all of them."""
_SEARCHED = 2_000
"""Distinct texts of a column that are searched closely, of those that might hold personal data."""
_ROWS_NAMED = 20
_CANDIDATES = (
    r"@|(?i)\b(tel|tél|phone|télé|mobi|móvil|handy|cell?|gsm|fax|priv|home|thuis|casa|perso|ext|durchw|dw|nebenst|rufn"
    r"|poste|kom|puhelin|dect|interno|ramal|soukr|otthon|тел|моб|дом)|(\+|00)\d|\b0\d{1,4}[ /-]\d{3}"
    r"|\d{4}[ -]?\d{4,6}[ -]?\d{4}|[A-Z]{2}\d{2} ?[A-Z0-9]|\b756|電話|携帯|内線|手机|电话|分机|휴대폰|전화"
    r"|さん|様|先生|女士"
    r"|(?i)\b(mr|mrs|ms|miss|dr|prof|herr|frau|kole|kolleg|colle|coleg|mme|mlle|monsieur|madame|sra|señor|signor|sig|dott"
    r"|pani|dhr|mevr|fru|ssn|sozial|steuer|national|social)|\p{Lu}\p{L}+ \p{Lu}\p{L}+"
)
_EMPTY = word_set("- -- --- n/a na none null unknown nil ? #n/a s.o. n.c. néant idem entf.") | {""}


@dataclass(frozen=True)
class _Values:
    """The distinct values of a column, without those that say nothing, and how many cells each has."""

    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def share(self, test: Callable[[str], bool]) -> float:
        """The share of cells whose value passes the test; 0 without values."""
        total = self.total
        return sum(count for value, count in self.counts.items() if test(value)) / total if total else 0.0


def recognize(table: Table, mapping: Mapping | None = None) -> tuple[PersonalColumn, ...]:
    """Return the columns that hold personal data, in the order of the table.

    Headings, the shapes and check digits of values, names that recur in other columns, and, where it is given, the
    mapping to the field “owner” each count; what no heading announces must be shown by the values alone.
    """
    owners = {item.column for item in mapping.columns if item.field is Field.OWNER} if mapping else set()
    values = {column.key: _values(table, column.key) for column in table.columns}
    found: dict[str, PersonalColumn] = {}
    for column in table.columns:
        if (recognized := _of_values(column, values[column.key], column.key in owners)) is not None:
            found[column.key] = recognized
    named = PeopleNamed.of(found.values(), {key: item.counts for key, item in values.items()})
    for column in table.columns:
        if column.key in found:
            continue
        if (text := _free_text(table, column.key)) is not None:
            found[column.key] = text
        elif of := named.in_column(values[column.key].counts):
            reason = f"Its values contain names of people that are in the column “{of}” as well."
            found[column.key] = _column(column.key, PersonalKind.USER_ID, reason)
    return tuple(found[column.key] for column in table.columns if column.key in found)


def _column(key: str, kind: PersonalKind, reason: str) -> PersonalColumn:
    return PersonalColumn(key, kind, sensitivity_of(kind), reason)


def _values(table: Table, key: str) -> _Values:
    counted = table.frame[key].drop_nulls().value_counts(sort=True, name="cells").head(_LOOKED_AT)
    pairs = zip(counted[key].to_list(), counted["cells"].to_list(), strict=True)
    return _Values({value: count for value, count in pairs if value.strip().casefold() not in _EMPTY})


def _of_values(column: Column, values: _Values, is_owner: bool) -> PersonalColumn | None:
    if not values.counts:
        return None
    heading = column.key
    said = announced(_last_part(heading))
    if said is not None and (kind := _confirmed(said[0], heading, values)) is not None:
        return _column(heading, kind, f"The heading says “{said[1]}”, and its values are {_seen(kind)}.")
    if (kind := _by_checks(values)) is not None:
        return _column(heading, kind, f"At least four of five values are {TITLES[kind]}, by shape and check digits.")
    if values.share(lambda value: EMAIL.fullmatch(shapes.bare(value)) is not None) >= 0.3:
        return _column(heading, PersonalKind.EMAIL, "Many of its values are email addresses.")
    distinct = len(values.counts)
    if distinct >= 3 and values.share(shapes.is_phone) >= 0.6:
        return _column(heading, PersonalKind.PHONE, "Most of its values are phone numbers.")
    if is_owner and values.share(lambda value: shapes.is_name(value) and not value.isupper()) >= 0.5:
        return _column(heading, PersonalKind.NAME, "It is the owner, and most of its values look like names of people.")
    if distinct >= 3 and values.share(shapes.is_known_name) >= 0.5:
        return _column(heading, PersonalKind.NAME, "Most of its values are names with common given names.")
    return None


def _confirmed(kind: PersonalKind, heading: str, values: _Values) -> PersonalKind | None:
    """What a column holds whose heading announces this kind; None if its values contradict that."""
    emails = values.share(lambda value: EMAIL.search(value) is not None)
    if emails >= 0.3:
        return PersonalKind.EMAIL
    if kind is PersonalKind.NAME:
        return _people(heading, values)
    if kind is PersonalKind.PHONE:
        fits = values.share(
            lambda value: shapes.is_extension(value) or shapes.is_phone(value) or shapes.is_dialed(value)
        )
        return kind if fits >= 0.5 else None
    if kind is PersonalKind.USER_ID:
        if values.share(shapes.is_name) >= 0.5:
            return PersonalKind.NAME
        fits = values.share(shapes.is_user_name if is_doubtful(heading) else shapes.is_identifier)
        return kind if fits >= 0.5 else None
    if kind in (PersonalKind.NATIONAL_ID, PersonalKind.DEVICE_ID):
        return kind if values.share(_many_digits) >= 0.5 else None
    if kind in (PersonalKind.BIRTH, PersonalKind.PAYMENT):
        return kind if values.share(lambda value: any(map(str.isdigit, value))) >= 0.5 else None
    if kind is PersonalKind.EMAIL:
        return None
    return kind


def _people(heading: str, values: _Values) -> PersonalKind | None:
    known = values.share(shapes.is_known_name)
    names = values.share(shapes.is_name)
    if known >= 0.3 or (names >= 0.5 and not is_doubtful(heading)):
        return PersonalKind.NAME
    if is_doubtful(heading):
        return None
    if values.share(shapes.is_identifier if names_users(heading) else shapes.is_user_name) >= 0.5:
        return PersonalKind.USER_ID
    either = values.share(lambda value: shapes.is_name(value) or shapes.is_single_name(value))
    return PersonalKind.NAME if either >= 0.7 and len(values.counts) >= 3 else None


def _by_checks(values: _Values) -> PersonalKind | None:
    if len(values.counts) < 3:
        return None
    for kind, test in (
        (PersonalKind.PAYMENT, checks.is_iban),
        (PersonalKind.PAYMENT, checks.is_card_number),
        (PersonalKind.DEVICE_ID, checks.is_imei),
    ):
        if values.share(lambda value, test=test: test(shapes.bare(value))) >= 0.8:  # type: ignore[misc]
            return kind
    if len(values.counts) >= 5 and values.share(lambda value: checks.is_national_id(shapes.bare(value))) >= 0.9:
        return PersonalKind.NATIONAL_ID
    return None


def _free_text(table: Table, key: str) -> PersonalColumn | None:
    """The column as free text in which at least one cell holds personal data; None if none does."""
    import polars as pl

    cells = table.frame.select(pl.col(key).alias("text")).with_row_index("row").drop_nulls()
    likely = cells.filter(pl.col("text").str.contains(_CANDIDATES)).unique("text", keep="first", maintain_order=True)
    kinds: dict[PersonalKind, None] = {}
    rows: list[int] = []
    for row, text in likely.head(_SEARCHED).iter_rows():
        if told := [finding for finding in findings_in(text) if _tells(finding, text)]:
            kinds |= dict.fromkeys(finding.kind for finding in told)
            rows.append(table.rows[row])
    if not rows:
        return None
    worst = max((sensitivity_of(kind) for kind in kinds), key=lambda level: level.rank)
    what = ", ".join(TITLES[kind] for kind in kinds)
    cells_named = "record" if len(rows) == 1 else "records"
    numbers = ", ".join(str(row) for row in rows[:5]) + (", …" if len(rows) > 5 else "")
    reason = f"Free text with {what}, in {cells_named} {numbers}."
    return PersonalColumn(key, PersonalKind.FREE_TEXT, worst, reason, tuple(rows[:_ROWS_NAMED]))


def _tells(finding: Finding, text: str) -> bool:
    """False for a name that may be that of a street, a building, or a product: it stands alone in its cell."""
    return finding.kind is not PersonalKind.NAME or len(text.split()) > 4


def _last_part(key: str) -> str:
    """The part of a dotted path that names the column itself; a heading with blanks is no path."""
    parts = [part for part in key.replace("[]", "").split(".") if part]
    return " ".join(parts[-2:]) if " " not in key and len(parts) > 1 else key


def _many_digits(value: str) -> bool:
    return sum(map(str.isdigit, value)) >= 5


def _seen(kind: PersonalKind) -> str:
    return {PersonalKind.FREE_TEXT: "texts", PersonalKind.SPECIAL: "no contradiction"}.get(kind, TITLES[kind])
