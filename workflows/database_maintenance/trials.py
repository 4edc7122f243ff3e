"""Chooses indexes by building and measuring them, never by guesswork.

For each slow query, the most expensive first, every candidate is built in a lab in addition to those chosen so far,
and the query is measured again. The best one is chosen if it saves at least the minimum; then the next is searched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from workflows.database_maintenance.candidates import WORTHWHILE_ROWS, aliases, candidates_for
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.measure import effect_on, improvement, overall
from workflows.database_maintenance.model import (
    Candidate,
    Effect,
    Measurement,
    Query,
    Schema,
    Skipped,
    TrialError,
)
from workflows.database_maintenance.targets.base import Lab, NeedsCopyError, Target

_PER_QUERY = 3
_AS_GOOD = 1.1
"""Among candidates whose times differ by less than this factor, the one with fewer keys is chosen."""

T = TypeVar("T")


@dataclass
class IndexChoice:
    """The result of the trials."""

    chosen: list[Candidate] = field(default_factory=list)
    rejected: list[Skipped] = field(default_factory=list)
    together: list[Effect] = field(default_factory=list)


class Trials:
    """One search for indexes on one target."""

    def __init__(self, target: Target, schema: Schema, settings: MaintenanceInput) -> None:
        self._target = target
        self._schema = schema
        self._settings = settings
        self._copies: set[str] = set()
        self._rejected: dict[str, Skipped] = {}
        self._chosen: list[Candidate] = []

    def choose(self, queries: Sequence[Query], leave_out: Callable[[Candidate], bool] = lambda _: False) -> IndexChoice:
        """Return the indexes to propose for measured queries, except those for which `leave_out` is true."""
        for query in sorted(queries, key=lambda query: -query.load):
            try:
                found = candidates_for(query, self._schema, self._target.dialect, self._settings.max_table_rows)
            except ValueError as error:
                self._rejected[query.id] = Skipped(name=query.name, reason=f"no candidates: {error}")
                continue
            wanted = [candidate for candidate in found if not leave_out(candidate)]
            if wanted:
                try:
                    self._choose_for(query, wanted)
                except TrialError as error:
                    self._rejected[query.id] = Skipped(name=query.name, reason=f"no trials: {error}")
        kept = sorted(self._chosen, key=lambda candidate: -_saved_ms(candidate))
        for surplus in kept[self._settings.max_indexes :]:
            self._reject(surplus, f"more than {self._settings.max_indexes} indexes were found; this one saves less")
        self._chosen = kept[: self._settings.max_indexes]
        try:
            together = self._weigh(queries)
        except TrialError as error:
            for candidate in self._chosen:
                self._reject(candidate, f"could not be measured together with the others: {error}")
            self._chosen, together = [], []
        self._chosen.sort(key=lambda candidate: -_saved_ms(candidate))
        chosen = {candidate.id for candidate in self._chosen}
        rejected = [candidate for key, candidate in self._rejected.items() if key not in chosen]
        return IndexChoice(self._chosen, rejected, together)

    def _choose_for(self, query: Query, found: list[Candidate]) -> None:
        names = {candidate.id for candidate in self._chosen}
        fresh = [candidate for candidate in found if candidate.id not in names]
        if fresh:
            mentioned = set(aliases(query.sql, self._target.dialect).values())
            tables = self._schema.tables
            there = [other for other in self._chosen if tables[other.table].bare.lower() in mentioned]
            self._chosen += self._in_lab([*fresh, *there], lambda lab: self._search(lab, query, fresh, there))

    def _search(self, lab: Lab, query: Query, fresh: list[Candidate], there: list[Candidate]) -> list[Candidate]:
        for candidate in there:
            lab.build(candidate)
        current = lab.measure(query)
        picks: list[Candidate] = []
        remaining = [candidate.model_copy(deep=True) for candidate in fresh]
        while remaining and len(picks) < _PER_QUERY:
            tried = [(candidate, result) for candidate in remaining if (result := self._try(lab, query, candidate))]
            best = self._best(tried, current)
            if best is None:
                break
            candidate, after = best
            candidate.effects = [effect_on(query, current, after)]
            candidate.method = lab.method_for(candidate.table)
            candidate.findings = self._findings(candidate, query, current)
            lab.build(candidate)
            picks.append(candidate)
            current = after
            remaining = [other for other in remaining if other.id != candidate.id]
        return picks

    def _try(self, lab: Lab, query: Query, candidate: Candidate) -> Measurement | None:
        """Return the query's time with a candidate; None if it cannot be built, or the plan does not use it."""
        try:
            with lab.attempt():
                candidate.bytes = lab.build(candidate)
                after = lab.measure(query)
        except TrialError as error:
            self._reject(candidate, f"cannot be built: {error}")
            return None
        if candidate.id not in after.indexes:
            self._reject(candidate, f"built, but the plan of “{query.name}” does not use it")
            return None
        return after

    def _best(
        self, tried: list[tuple[Candidate, Measurement]], current: Measurement
    ) -> tuple[Candidate, Measurement] | None:
        useful = []
        for candidate, after in tried:
            saved = improvement(current.ms, after.ms)
            if saved >= self._settings.min_improvement:
                useful.append((candidate, after))
                self._reject(candidate, "another index serves the same queries as well or better")
            else:
                self._reject(
                    candidate,
                    f"saves {saved:.0%} when measured; at least {self._settings.min_improvement:.0%} is required",
                )
        if not useful:
            return None
        fastest = min(after.ms for _, after in useful)
        as_good = [measured for measured in useful if measured[1].ms <= fastest * _AS_GOOD]
        return min(as_good, key=lambda measured: (len(measured[0].keys), measured[1].ms))

    def _weigh(self, queries: Sequence[Query]) -> list[Effect]:
        """Measure all chosen indexes together, and each by the loss without it; drop those without a loss.

        Returns the effect of all of them together on every query.
        """
        while self._chosen:
            baseline, together = self._measure_together(queries)
            surplus = None
            for candidate in sorted(self._chosen, key=lambda candidate: len(candidate.keys)):
                candidate.effects = self._effects_of(candidate, queries, together)
                before, after = overall(candidate.effects)
                if improvement(before, after) < self._settings.min_improvement:
                    surplus = candidate
                    break
            if surplus is None:
                return [effect_on(*effect) for effect in zip(queries, baseline, together, strict=True)]
            self._chosen = [candidate for candidate in self._chosen if candidate is not surplus]
            self._reject(surplus, "the other proposed indexes serve its queries as well")
        return []

    def _measure_together(self, queries: Sequence[Query]) -> tuple[list[Measurement], list[Measurement]]:
        """Measure all queries without and with all chosen indexes."""

        def both(lab: Lab) -> tuple[list[Measurement], list[Measurement]]:
            return [lab.measure(query) for query in queries], _measure_with(lab, self._chosen, queries)

        return self._in_lab(self._chosen, both)

    def _effects_of(
        self, candidate: Candidate, queries: Sequence[Query], together: Sequence[Measurement]
    ) -> list[Effect]:
        """Return what each query that uses the candidate loses without it, with the other indexes in place."""
        users = [triple for triple in zip(queries, together, strict=True) if candidate.id in triple[1].indexes]
        used = {name for _, after in users for name in after.indexes}
        rest = [other for other in self._chosen if other is not candidate]
        others = [other for other in rest if other.id in used or other.table == candidate.table]
        served = [query for query, _ in users]
        without = self._in_lab([candidate, *others], lambda lab: _measure_with(lab, others, served))
        return [effect_on(query, before, after) for (query, after), before in zip(users, without, strict=True)]

    def _in_lab(self, built: Sequence[Candidate], work: Callable[[Lab], T]) -> T:
        """Act in a lab for the tables of `built`; start over on a copy of a table that needs one."""
        tables = list(dict.fromkeys(candidate.table for candidate in built))
        while True:
            try:
                with self._target.lab(tables, self._copies) as lab:
                    return work(lab)
            except NeedsCopyError as needed:
                if needed.table in self._copies:
                    raise TrialError(f"{needed.table} can be tried neither directly nor on a copy") from needed
                self._copies.add(needed.table)

    def _findings(self, candidate: Candidate, query: Query, before: Measurement) -> list[str]:
        """Return what the plan currently does with the candidate's table, in words."""
        table = self._schema.tables[candidate.table]
        scans = [scan for scan in before.scans if scan.table == table.bare and scan.read > WORTHWHILE_ROWS]
        return [
            f"“{query.name}” reads {min(scan.read, table.rows):,} rows of {table.name} to keep {scan.kept:,}"
            for scan in scans[:1]
        ]

    def _reject(self, candidate: Candidate, reason: str) -> None:
        self._rejected[candidate.id] = Skipped(name=f"{candidate.table} ({', '.join(candidate.keys)})", reason=reason)


def _measure_with(lab: Lab, built: Sequence[Candidate], queries: Sequence[Query]) -> list[Measurement]:
    for candidate in built:
        lab.build(candidate)
    return [lab.measure(query) for query in queries]


def _saved_ms(candidate: Candidate) -> float:
    before, after = overall(candidate.effects)
    return before - after
