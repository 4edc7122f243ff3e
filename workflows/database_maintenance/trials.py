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
from workflows.database_maintenance.joins import Join, joins_of
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
from workflows.database_maintenance.names import Names
from workflows.database_maintenance.noise import Change, change
from workflows.database_maintenance.targets.base import Lab, NeedsCopyError, Target
from workflows.database_maintenance.validation import Pair, outweighs, sorted_out

_PER_QUERY = 3
_AS_GOOD, _NOISE_MS = 1.25, 0.05
"""Candidates whose times differ by less than this factor or time are as good as each other."""
_AS_CHEAP = 1.1
"""Among them, and among those whose work differs by less than this factor, the one with the fewest keys is chosen."""

T = TypeVar("T")


@dataclass
class IndexChoice:
    """The result of the trials."""

    chosen: list[Candidate] = field(default_factory=list)
    rejected: list[Skipped] = field(default_factory=list)
    together: list[Effect] = field(default_factory=list)
    unserved: list[Skipped] = field(default_factory=list)
    """The queries for which no index is proposed, with the reasons."""


class Trials:
    """One search for indexes on one target."""

    def __init__(self, target: Target, schema: Schema, settings: MaintenanceInput) -> None:
        self._target = target
        self._schema = schema
        self._settings = settings
        self._copies: set[str] = set()
        self._rejected: dict[str, Skipped] = {}
        self._chosen: list[Candidate] = []
        self._names = Names.of(schema)
        self._joins: list[Join] = []
        self._unserved: dict[str, str] = {}

    def choose(self, queries: Sequence[Query], leave_out: Callable[[Candidate], bool] = lambda _: False) -> IndexChoice:
        """Return the indexes to propose for measured queries, except those for which `leave_out` is true."""
        self._joins = joins_of(queries, self._schema, self._target.dialect)
        for query in sorted(queries, key=lambda query: -query.load):
            try:
                found = self._candidates_for(query)
            except ValueError as error:
                self._unserved[query.id] = f"no candidates: {error}"
                continue
            wanted = [candidate for candidate in found if not leave_out(candidate)]
            self._unserved[query.id] = self._why_not(query, found, wanted)
            if wanted:
                try:
                    self._choose_for(query, wanted)
                except TrialError as error:
                    self._unserved[query.id] = f"no trials: {error}"
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
        served = {effect.query for candidate in self._chosen for effect in candidate.effects}
        unserved = [
            Skipped(name=query.name, reason=self._unserved[query.id]) for query in queries if query.name not in served
        ]
        return IndexChoice(self._chosen, rejected, together, unserved)

    def _why_not(self, query: Query, found: list[Candidate], wanted: list[Candidate]) -> str:
        """Return why no index will be proposed for a query, if none of `wanted` helps."""
        least = self._settings.min_improvement
        if wanted:
            return f"of {len(wanted)} indexes tried, none saves {least:.0%} of its time"
        if found:
            return "the indexes for it are left out, as the comment asks"
        scans = [scan for scan in (query.measured.scans if query.measured else []) if scan.read >= WORTHWHILE_ROWS]
        if not scans:
            return f"its plan reads fewer than {WORTHWHILE_ROWS} rows of every table"
        rows = self._settings.max_table_rows
        if any(scan.is_of(table) for scan in scans for table in self._schema.tables.values() if table.rows > rows):
            return f"it reads tables with more than {rows:,} rows, which are not modified"
        return "none of its conditions can use an index that does not exist already"

    def _candidates_for(self, query: Query) -> list[Candidate]:
        rows = self._settings.max_table_rows
        return candidates_for(query, self._schema, self._target.dialect, rows, self._names)

    def _choose_for(self, query: Query, found: list[Candidate]) -> None:
        names = {candidate.id for candidate in self._chosen}
        fresh = [candidate for candidate in found if candidate.id not in names]
        if fresh:
            mentioned = self._tables_of(query)
            there = [other for other in self._chosen if other.table in mentioned]
            self._chosen += self._in_lab([*fresh, *there], lambda lab: self._search(lab, query, fresh, there))

    def _tables_of(self, query: Query) -> list[str]:
        """Return the tables that a query may read, by their names in it."""
        mentioned = set(aliases(query.sql, self._target.dialect).values())
        return [table.name for table in self._schema.tables.values() if table.bare.lower() in mentioned]

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
            candidate.method, candidate.scale = lab.method_for(candidate.table), lab.scale_for([candidate.table])
            candidate.effects = [effect_on(query, current, after, candidate.scale)]
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
            saved, least = improvement(current.ms, after.ms), self._settings.min_improvement
            if change(current, after, least) is Change.FASTER:
                useful.append((candidate, after))
                self._reject(candidate, "another index serves the same queries as well or better")
            else:
                reason = f"saves {saved:.0%} when measured; at least {least:.0%} is required, beyond noise"
                self._reject(candidate, reason)
        if not useful:
            return None
        fastest = min(after.ms for _, after in useful)
        as_good = [pair for pair in useful if pair[1].ms <= fastest * _AS_GOOD or pair[1].ms <= fastest + _NOISE_MS]
        # From here on nothing is a time, so that the same database gives the same choice.
        least = min(_work(after) for _, after in as_good)
        cheap = [pair for pair in as_good if _work(pair[1]) <= least * _AS_CHEAP]
        return min(cheap, key=lambda pair: (len(pair[0].keys), pair[0].id))

    def _weigh(self, queries: Sequence[Query]) -> list[Effect]:
        """Measure all chosen indexes together, and each by the loss without it; drop those without a loss.

        Returns the effect of all of them together on every query.
        """
        while self._chosen:
            effects, together = self._measure_together(queries)
            surplus = None
            for candidate in sorted(self._chosen, key=lambda candidate: len(candidate.keys)):
                pairs = self._pairs_of(candidate, queries, together)
                candidate.effects = [effect_on(*pair, candidate.scale) for pair in pairs]
                if not outweighs(*sorted_out(pairs, self._settings.min_improvement)):
                    surplus = candidate
                    break
            if surplus is None:
                return effects
            self._chosen = [candidate for candidate in self._chosen if candidate is not surplus]
            self._reject(surplus, "the other proposed indexes serve its queries as well")
        return []

    def _measure_together(self, queries: Sequence[Query]) -> tuple[list[Effect], list[Measurement]]:
        """Measure all queries without and with all chosen indexes; returns the difference, and those with them."""

        def both(lab: Lab) -> tuple[list[Effect], list[Measurement]]:
            without = [lab.measure(query) for query in queries]
            scales = [lab.scale_for(self._tables_of(query)) for query in queries]
            together = _measure_with(lab, self._chosen, queries)
            return [effect_on(*facts) for facts in zip(queries, without, together, scales, strict=True)], together

        return self._in_lab(self._chosen, both)

    def _pairs_of(self, candidate: Candidate, queries: Sequence[Query], together: Sequence[Measurement]) -> list[Pair]:
        """Return each query that uses the candidate, without it and with it, with the other indexes in place."""
        users = [triple for triple in zip(queries, together, strict=True) if candidate.id in triple[1].indexes]
        used = {name for _, after in users for name in after.indexes}
        rest = [other for other in self._chosen if other is not candidate]
        others = [other for other in rest if other.id in used or other.table == candidate.table]
        served = [query for query, _ in users]
        without = self._in_lab([candidate, *others], lambda lab: _measure_with(lab, others, served))
        return [(query, before, after) for (query, after), before in zip(users, without, strict=True)]

    def _in_lab(self, built: Sequence[Candidate], work: Callable[[Lab], T]) -> T:
        """Act in a lab for the tables of `built`; start over on a copy of a table that needs one."""
        tables = list(dict.fromkeys(candidate.table for candidate in built))
        while True:
            try:
                with self._target.lab(tables, self._copies, self._joins) as lab:
                    return work(lab)
            except NeedsCopyError as needed:
                if needed.table in self._copies:
                    raise TrialError(f"{needed.table} can be tried neither directly nor on a copy") from needed
                self._copies.add(needed.table)

    def _findings(self, candidate: Candidate, query: Query, before: Measurement) -> list[str]:
        """Return what the plan currently does with the candidate's table, in words."""
        table = self._schema.tables[candidate.table]
        scans = [scan for scan in before.scans if scan.is_of(table) and scan.read > WORTHWHILE_ROWS]
        return [
            f"“{query.name}” reads {min(scan.read, table.rows):,} rows of {table.name}"
            + ("" if scan.kept is None else f" to keep {scan.kept:,}")
            for scan in scans[:1]
        ]

    def _reject(self, candidate: Candidate, reason: str) -> None:
        self._rejected[candidate.id] = Skipped(name=f"{candidate.table} ({', '.join(candidate.keys)})", reason=reason)


def _work(measured: Measurement) -> float:
    """Return how much a plan reads: pages, and rows, of which a page holds about a hundred."""
    return (measured.buffers or 0) + sum(scan.read for scan in measured.scans) / 100


def _measure_with(lab: Lab, built: Sequence[Candidate], queries: Sequence[Query]) -> list[Measurement]:
    for candidate in built:
        lab.build(candidate)
    return [lab.measure(query) for query in queries]


def _saved_ms(candidate: Candidate) -> float:
    before, after = overall(candidate.effects)
    return before - after
