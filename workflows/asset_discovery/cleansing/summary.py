"""What cleansing changed, by column and rule, for people to approve."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workflows.asset_discovery.cleansing.rules import FACTS, Rule

_EXAMPLES = 5


@dataclass(frozen=True)
class ChangeGroup:
    """The changes of one column by one rule.

    Attributes:
        column, field: The column, and the field to which it is mapped.
        rule: The rule; `title` is in words.
        beyond_form: Whether people have to approve it.
        optional: Whether people can leave it out.
        count: Number of cells.
        examples: Up to five different ones, the most frequent first: row, text before, text after (None for nothing).
    """

    column: str
    field: str
    rule: Rule
    title: str
    beyond_form: bool
    optional: bool
    count: int
    examples: tuple[tuple[int, str, str | None], ...]


def summarize(changes: pl.DataFrame) -> list[ChangeGroup]:
    """The groups of changes (see `Cleansed.changes`): those beyond form first, then the largest."""
    if changes.is_empty():
        return []
    counted = changes.group_by("column", "field", "rule", "before", "after").agg(
        pl.len().alias("count"), pl.col("row").min().alias("row")
    )
    grouped = (
        counted.sort("count", "row", descending=[True, False])
        .group_by("column", "field", "rule", maintain_order=True)
        .agg(
            pl.col("count").sum().alias("total"), pl.struct("row", "before", "after").head(_EXAMPLES).alias("examples")
        )
    )
    groups = [
        ChangeGroup(
            column, field, Rule(rule), FACTS[Rule(rule)].title, FACTS[Rule(rule)].beyond_form,
            not FACTS[Rule(rule)].needed, total,
            tuple((example["row"], example["before"], example["after"]) for example in examples),
        )
        for column, field, rule, total, examples in grouped.iter_rows()
    ]  # fmt: skip
    return sorted(groups, key=lambda group: (not group.beyond_form, -group.count, group.column, group.rule))
