"""What is derived from cleansed cells for comparing and counting; the cells keep what the file says."""

from __future__ import annotations

import polars as pl

from workflows.asset_discovery.cleansing.categories import categories
from workflows.asset_discovery.cleansing.systems import system_of
from workflows.asset_discovery.cleansing.vendors import vendor_of
from workflows.asset_discovery.fields import Field

CLASSES: dict[Field, str] = {
    Field.ENVIRONMENT: "environment_class",
    Field.STATUS: "status_class",
    Field.CRITICALITY: "criticality_class",
    Field.ASSET_TYPE: "type_class",
}
"""The column for the class of a field's text (see `category_words`)."""
DERIVED = (*CLASSES.values(), "vendor", "os_family", "os_release")
"""All derived columns: classes; the manufacturer under one name; the operating system's family and release."""


def with_derived(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the derived columns."""
    return frame.with_columns(
        *(_class_of(frame[field.value], field).alias(name) for field, name in CLASSES.items()),
        _mapped(frame["manufacturer"], {text: vendor_of(text) for text in _different(frame["manufacturer"])}).alias(
            "vendor"
        ),
        *_systems(frame),
    )


def class_readings(frame: pl.DataFrame) -> pl.DataFrame:
    """How texts were read as classes: `field`, `text`, `class`, `sure` (not a mere code), and `count` of cells."""
    rows = []
    for field in CLASSES:
        read = categories(field, _different(frame[field.value]))
        counted = frame[field.value].drop_nulls().value_counts(sort=True)
        rows += [
            (field.value, text, read[text].name or None, read[text].sure, count) for text, count in counted.iter_rows()
        ]
    schema = {"field": pl.String, "text": pl.String, "class": pl.String, "sure": pl.Boolean, "count": pl.UInt32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _different(series: pl.Series) -> list[str]:
    return series.drop_nulls().unique().to_list()


def _mapped(series: pl.Series, values: dict[str, str]) -> pl.Series:
    return series.replace_strict(list(values), list(values.values()), default=None, return_dtype=pl.String)


def _class_of(series: pl.Series, field: Field) -> pl.Series:
    read = categories(field, _different(series))
    named = {text: category.name for text, category in read.items() if category.name}
    return _mapped(series, named)


def _systems(frame: pl.DataFrame) -> list[pl.Series]:
    pairs = frame.select("os", "os_version").unique().filter(pl.col("os").is_not_null())
    found = [system_of(name, version or "") for name, version in pairs.iter_rows()]
    known = pairs.with_columns(
        pl.Series("os_family", [system.family for system in found], dtype=pl.String),
        pl.Series("os_release", [system.release or None for system in found], dtype=pl.String),
    )
    joined = frame.select("os", "os_version").join(
        known, on=["os", "os_version"], how="left", nulls_equal=True, maintain_order="left"
    )
    return [joined["os_family"], joined["os_release"]]
