"""Scores what asset discovery makes of inventories whose truth is known.

The rules are those of the data set: a column that the truth ignores is no asset column, alternatives that the truth
accepts are no mistake, duplicates count by pairs of rows, and a column that was not found counts as ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Truth:
    """An inventory, and what it means.

    Attributes:
        path: The inventory.
        document: Its truth, in the form that `tests/workflows/asset_discovery/inventories/README.md` describes.
    """

    path: Path
    document: dict[str, Any]

    @property
    def mapping(self) -> dict[str, str]:
        """The field of each column."""
        return dict(self.document["mapping"])

    def accepted(self, column: str) -> set[str]:
        """The fields that are no mistake for a column."""
        return {self.mapping[column], *self.document["accept"].get(column, ())}

    def invalid(self) -> set[int]:
        """The rows that are no assets, or have a cell that cannot be right."""
        return {entry["row"] for entry in self.document["invalid"]}


@dataclass
class Outcome:
    """What the importer made of an inventory.

    Attributes:
        mapping: For each column its field and the confidence, from 0 to 1.
        duplicates, invalid, dependencies, sensitive: As in the truth; None where that was not done.
        lost: Valid rows that are in no group and not in the inventory either.
        values: For each value that the truth names, whether it is right.
    """

    mapping: dict[str, tuple[str, float]]
    duplicates: list[list[int]] | None = None
    invalid: set[int] | None = None
    dependencies: set[tuple[str, str]] | None = None
    sensitive: set[str] | None = None
    lost: set[int] = field(default_factory=set)
    values: dict[int, bool] = field(default_factory=dict)


@dataclass
class Share:
    """So many of so many."""

    part: int = 0
    whole: int = 0

    def note(self, right: bool) -> None:
        """Count one more."""
        self.part += right
        self.whole += 1

    @property
    def value(self) -> float:
        """From 0 to 1; 1 of nothing."""
        return self.part / self.whole if self.whole else 1.0

    def __str__(self) -> str:
        return f"{100 * self.value:5.1f} % ({self.part}/{self.whole})"


@dataclass
class Retrieval:
    """Found things against those that are true."""

    hit: int = 0
    given: int = 0
    true: int = 0

    def note(self, given: set[Any], true: set[Any]) -> None:
        """Add one file's."""
        self.hit += len(given & true)
        self.given += len(given)
        self.true += len(true)

    @property
    def precision(self) -> float:
        """The share of what was found that is true."""
        return self.hit / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        """The share of what is true that was found."""
        return self.hit / self.true if self.true else 1.0

    def __str__(self) -> str:
        return f"{100 * self.precision:.1f} / {100 * self.recall:.1f} % ({self.hit} of {self.true}, {self.given} given)"


@dataclass
class Figures:
    """The figures of a group of inventories, and the mistakes behind them."""

    columns: Share = field(default_factory=Share)
    asset: Share = field(default_factory=Share)
    false: int = 0
    alone: Share = field(default_factory=Share)
    alone_asset: Share = field(default_factory=Share)
    duplicates: Retrieval = field(default_factory=Retrieval)
    traps: int = 0
    invalid: Retrieval = field(default_factory=Retrieval)
    dependencies: Retrieval = field(default_factory=Retrieval)
    sensitive: Retrieval = field(default_factory=Retrieval)
    values: Share = field(default_factory=Share)
    lost: int = 0
    mistakes: list[str] = field(default_factory=list)

    def note(self, truth: Truth, outcome: Outcome, threshold: float) -> None:
        """Add an inventory. What is decided alone has at least the threshold's confidence."""
        name = truth.path.name
        for column in truth.mapping:
            self._column(truth, column, outcome, threshold)
        self._rows(truth, outcome)
        if outcome.sensitive is not None:
            self._set(self.sensitive, outcome.sensitive, set(truth.document["sensitive"]), f"{name}: sensitive")
        if outcome.dependencies is not None:
            true = {_edge(edge) for edge in truth.document["dependencies"]}
            self._set(self.dependencies, {_edge(edge) for edge in outcome.dependencies}, true, f"{name}: edge")
        for number, right in outcome.values.items():
            self.values.note(right)
            if not right:
                self.mistakes.append(f"{name}: value {truth.document['values'][number]}")

    def _column(self, truth: Truth, column: str, outcome: Outcome, threshold: float) -> None:
        name, confidence = outcome.mapping.get(column, ("ignore", 0.0))
        right = name in truth.accepted(column)
        alone = confidence >= threshold
        self.columns.note(right)
        if truth.mapping[column] != "ignore":
            self.asset.note(right)
            self.alone_asset.note(alone)
        elif name != "ignore" and not right:
            self.false += 1
        if alone:
            self.alone.note(right)
        if not right:
            sure = "decided alone as" if alone else f"proposed ({confidence:.2f}) as"
            place = f"{truth.path.name}: column {column!r}"
            self.mistakes.append(f"{place} {sure} {name}, should be {truth.mapping[column]}")

    def _rows(self, truth: Truth, outcome: Outcome) -> None:
        name = truth.path.name
        if outcome.duplicates is not None:
            true, given = pairs(truth.document["duplicates"]), pairs(outcome.duplicates)
            self.traps += len(given & (pairs(truth.document["distinct"]) - true))
            self._set(self.duplicates, given, true, f"{name}: duplicates")
        if outcome.invalid is not None:
            self._set(self.invalid, outcome.invalid, truth.invalid(), f"{name}: invalid row")
        self.lost += len(outcome.lost)

    def _set(self, retrieval: Retrieval, given: set[Any], true: set[Any], what: str) -> None:
        retrieval.note(given, true)
        self.mistakes += [f"{what} {item}: not found" for item in sorted(true - given)]
        self.mistakes += [f"{what} {item}: wrong" for item in sorted(given - true)]

    def columns_lines(self) -> Iterable[str]:
        """How well the columns are mapped, for people."""
        yield f"asset columns right                {self.asset}"
        yield f"all columns right                  {self.columns}; {self.false} to ignore were given a field"
        yield f"decided alone, of asset columns    {self.alone_asset}"
        yield f"of those decided alone, right      {self.alone}"

    def rows_lines(self) -> Iterable[str]:
        """How well the rows are read, for people."""
        if self.sensitive.true or self.sensitive.given:
            yield f"sensitive columns, P / R           {self.sensitive}"
        if self.invalid.given:
            yield f"invalid rows, P / R                {self.invalid}; {self.lost} valid rows lost"
        if self.duplicates.given:
            yield f"duplicates, P / R                  {self.duplicates}; {self.traps} pairs are look-alikes"
        if self.dependencies.given:
            yield f"dependencies, P / R                {self.dependencies}"
        if self.values.whole:
            yield f"values of single cells right       {self.values}"


def pairs(groups: Iterable[Iterable[Any]]) -> set[tuple[int, int]]:
    """Every two rows of a group, the smaller first. What is no number in a group is its reason."""
    numbers = ([item for item in group if isinstance(item, int)] for group in groups)
    return {(min(pair), max(pair)) for group in numbers for pair in combinations(group, 2) if pair[0] != pair[1]}


def _edge(edge: Iterable[str]) -> Pair:
    source, target = list(edge)[:2]
    return (source.casefold().split(".")[0], target.casefold().split(".")[0])


def truths(folder: Path) -> list[Truth]:
    """The inventories of a folder that have a truth beside them."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.truth.json"))]
    return [Truth(folder / Path(str(document["file"])).name, document) for document in found]


def scored(inventories: Iterable[Truth], outcome: Callable[[Truth], Outcome], threshold: float) -> Figures:
    """The figures of a group."""
    figures = Figures()
    for truth in inventories:
        figures.note(truth, outcome(truth), threshold)
    return figures
