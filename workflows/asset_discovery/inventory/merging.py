"""One record for each asset, with where each value comes from, and what the records contradict each other in."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workflows.asset_discovery.cleansing.derived import DERIVED, with_derived
from workflows.asset_discovery.fields import FACTS, Field, ValueKind
from workflows.asset_discovery.inventory.duplicates import DuplicateGroup, Duplicates

_FIELDS = [field for field in Field if field is not Field.IGNORE]
_LISTS = [field.value for field in _FIELDS if FACTS[field].value is ValueKind.LIST]
_TOLERANCE = 0.05


@dataclass(frozen=True)
class Merged:
    """The inventory.

    Attributes:
        frame: A row for each asset, in the order of its first record: `asset` (from 1), `records` (positions in the
            frame of records, the one that counts most first), then the fields, and what is derived (`DERIVED`).
        sources: For each asset of several records, which record each value comes from: `asset`, `field`, `record`. A
            list has the values of all its records.
        conflicts: What its records contradict each other in: `asset`, `field`, `value` and `record` (those taken),
            `other` and `other_record`, with both values as text. Numbers conflict from a difference of 5 % on.
    """

    frame: pl.DataFrame
    sources: pl.DataFrame
    conflicts: pl.DataFrame


def merge(frame: pl.DataFrame, found: Duplicates) -> Merged:
    """Merge the records that are one asset.

    A record of an asset in use counts more than one of a retired asset, then one with more values, then the first.
    Its values are taken, and those of the next one where it has none.

    Args:
        frame: Cleansed records (see `duplicates`); those that are not valid are left out.
        found: What `duplicates` found in the same frame, with what people have decided.
    """
    groups = found.groups
    records = _grouped(frame.with_row_index("record").filter("_valid"), groups)
    several = _ranked(records.filter(pl.col("group").is_not_null()))
    joined = several.group_by("group", maintain_order=True).agg(
        pl.col("record").alias("records"), *(_value_of(field) for field in _FIELDS)
    )
    single = records.filter(pl.col("group").is_null()).with_columns(pl.concat_list("record").alias("records"))
    both = pl.concat([single.select(joined.columns), joined])
    assets = both.sort(pl.col("records").list.min()).with_row_index("asset", offset=1)
    numbers = assets.filter(pl.col("group").is_not_null()).select("group", "asset")
    numbered = several.join(numbers, on="group", maintain_order="left")
    whole = with_derived(assets).select("asset", "records", *(field.value for field in _FIELDS), *DERIVED)
    return Merged(whole, _sources(numbered), _conflicts(numbered))


def _grouped(records: pl.DataFrame, groups: tuple[DuplicateGroup, ...]) -> pl.DataFrame:
    """The records with the number of their group; null for those that have none."""
    members = pl.DataFrame(
        {
            "record": pl.Series([row for group in groups for row in group.rows], dtype=pl.UInt32),
            "group": pl.Series([number for number, group in enumerate(groups) for _ in group.rows], dtype=pl.UInt32),
        }
    )
    return records.join(members, on="record", how="left", maintain_order="left")


def _ranked(records: pl.DataFrame) -> pl.DataFrame:
    """The records of groups, those that count most first."""
    filled = pl.sum_horizontal(pl.col(field.value).is_not_null() for field in _FIELDS)
    retired = pl.col("status_class").fill_null("") == "retired"
    return records.with_columns(filled.alias("_filled"), retired.alias("_retired")).sort(
        "group", "_retired", "_filled", "record", descending=[False, False, True, False]
    )


def _value_of(field: Field) -> pl.Expr:
    column = pl.col(field.value)
    if field.value not in _LISTS:
        return column.drop_nulls().first()
    values = column.drop_nulls().explode().unique(maintain_order=True)
    return pl.when(values.len() > 0).then(values.implode()).alias(field.value)


def _sources(numbered: pl.DataFrame) -> pl.DataFrame:
    taken = [
        numbered.filter(pl.col(field.value).is_not_null())
        .group_by("asset", maintain_order=True)
        .agg(pl.col("record") if field.value in _LISTS else pl.col("record").head(1))
        .explode("record")
        .select("asset", pl.lit(field.value).alias("field"), "record")
        for field in _FIELDS
    ]
    return pl.concat(taken).sort("asset", maintain_order=True)


def _conflicts(numbered: pl.DataFrame) -> pl.DataFrame:
    found = [_conflicts_of(numbered, field) for field in _FIELDS if field.value not in _LISTS]
    return pl.concat(found).sort("asset", maintain_order=True)


def _conflicts_of(numbered: pl.DataFrame, field: Field) -> pl.DataFrame:
    filled = numbered.select("asset", "record", pl.col(field.value).alias("other")).filter(
        pl.col("other").is_not_null()
    )
    first = filled.group_by("asset", maintain_order=True).first().rename({"other": "value", "record": "taken"})
    both = filled.join(first, on="asset", maintain_order="left").filter(pl.col("record") != pl.col("taken"))
    value, other = pl.col("value"), pl.col("other")
    if FACTS[field].value is ValueKind.NUMBER:
        differ = (value - other).abs() > _TOLERANCE * pl.max_horizontal(value.abs(), other.abs())
    elif FACTS[field].value is ValueKind.TEXT:
        differ = value.str.to_lowercase() != other.str.to_lowercase()
    else:
        differ = value != other
    return both.filter(differ).select(
        "asset", pl.lit(field.value).alias("field"), value.cast(pl.String), pl.col("taken").alias("record"),
        other.cast(pl.String), pl.col("record").alias("other_record"),
    )  # fmt: skip
