"""How good are the indexes that database maintenance proposes? Databases unlike the demo, against a full search.

usage: python -m bench.maintenance [name …]

For every slow query of every database, all indexes on up to two of its columns are built on the real table and
measured: the best of them is what an exhaustive search would choose. A line per query says whether the proposed index
is as good, whether the gain that was promised is the gain that came, and whether validation kept what was proposed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import sqrt
from pathlib import Path

import psycopg

from app.embedded import EmbeddedServer
from bench.maintenance_databases import DATABASES, Made
from workflows.database_maintenance import operations
from workflows.database_maintenance.candidates import make_candidate, usages
from workflows.database_maintenance.inputs import MaintenanceInput, TrialPlace
from workflows.database_maintenance.measure import effect_on, gain, times
from workflows.database_maintenance.model import Candidate, Measurement, Query, TrialError
from workflows.database_maintenance.targets.opening import opened

AS_GOOD = 1.3
"""An index is as good as the best one if its time is at most this many times as long, or 0.05 ms longer."""


@dataclass
class Line:
    """The result for one query."""

    database: str
    query: str
    now_ms: float
    proposed: str
    best: str
    as_good: bool
    promised: float
    real: float
    kept: bool

    @property
    def promise_kept(self) -> bool:
        """Whether the real gain is within a factor of two of the promised one."""
        return 0.5 <= self.promised / max(self.real, 0.001) <= 2


def main(names: Sequence[str]) -> None:
    """Print a line per query, and the shares."""
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        os.environ["ASSENT_MAINTENANCE_DIR"] = folder
        with EmbeddedServer(Path(folder) / "server") as server:
            for made in DATABASES:
                if not names or made.name in names:
                    lines += _examine(made, server.ensure_database(made.name.replace("-", "_")))
    _summarize(lines)


def _examine(made: Made, address: str) -> list[Line]:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(made.setup.encode())
        connection.execute(b"VACUUM ANALYZE")
    os.environ["ASSENT_TARGET_BENCH"] = address
    settings = MaintenanceInput(
        target="bench",
        workload=made.workload,
        min_duration_ms=made.slow_ms,
        backup_required=False,
        trial_rows=made.rows,
    )
    queries = operations.find_slow_queries(settings).queries
    best = {query.id: _exhaustive(settings, query) for query in queries}
    found = operations.find_missing_indexes(settings, queries)
    before = {query.id: query.measured for query in queries if query.measured}
    applied = [operations.create_index(settings, one.id, one.statement) for one in found.candidates]
    after = operations.validate_results(settings, queries, before, applied)
    dropped = {verdict.index for verdict in after.verdicts if not verdict.keep}
    lines = [_line(made, query, found, best[query.id], after.after[query.id], dropped) for query in queries]
    for line in lines:
        print(
            f"  {line.database:16} {line.query:28} {line.now_ms:9.1f} ms  {'as good' if line.as_good else 'WORSE':8}"
            f" promised {times(line.promised):>9} real {times(line.real):>9} {'' if line.kept else 'DROPPED '}"
            f" {line.proposed or '–'} | {line.best or '–'}",
            flush=True,
        )
    return lines


def _exhaustive(settings: MaintenanceInput, query: Query) -> tuple[str, float]:
    """Return the best index on up to two columns, built on the real table, and the time with it."""
    direct = settings.model_copy(
        update={"trials_on": TrialPlace.TABLES, "trial_lock_ms": 60_000, "trial_rows": 50_000_000}
    )
    best, best_ms = "", query.measured.ms if query.measured else 0.0
    with opened(direct) as target:
        schema = target.schema()
        tried: dict[str, Candidate] = {}
        for usage in usages(query.sql, schema, target.dialect):
            keys = list(dict.fromkeys([*usage.equal, *usage.listed, *usage.ranges, *usage.joins, *usage.order]))
            for length in (1, 2):
                for chosen in permutations(keys, length):
                    candidate = make_candidate(usage.table, list(chosen), target.dialect, query.id)
                    tried[candidate.id] = candidate
        for candidate in tried.values():
            with target.lab([candidate.table], set()) as lab:
                try:
                    with lab.attempt():
                        lab.build(candidate)
                        measured = lab.measure(query)
                except TrialError:
                    continue
            if candidate.id in measured.indexes and measured.ms < best_ms / 1.15:
                best, best_ms = candidate.id, measured.ms
    return best, best_ms


def _line(
    made: Made, query: Query, found: operations.MissingIndexes, best: tuple[str, float], after: Measurement,
    dropped: set[str],
) -> Line:  # fmt: skip
    assert query.measured is not None
    effects = [effect for effect in found.together if effect.query == query.name]
    least, most = gain(effects[0]) if effects else (1.0, 1.0)
    promised = sqrt(least * most)
    used = [candidate.id for candidate in found.candidates if candidate.id in after.indexes]
    name, best_ms = best
    return Line(
        database=made.name,
        query=query.name,
        now_ms=query.measured.ms,
        proposed=", ".join(used),
        best=name,
        as_good=not name or name in used or after.ms <= max(best_ms * AS_GOOD, best_ms + 0.05),
        promised=promised if used else 1.0,
        real=gain(effect_on(query, query.measured, after))[0] if used else 1.0,
        kept=not dropped & set(used),
    )


def _summarize(lines: list[Line]) -> None:
    if not lines:
        return
    served = [line for line in lines if line.proposed]
    shares = {
        "as good as the exhaustive search (to reach: 90 %)": [line.as_good for line in lines],
        "gain within a factor of 2 of the promised one (to reach: 85 %)": [line.promise_kept for line in served],
        "proposed and dropped again by validation (to reach: at most 5 %)": [not line.kept for line in served],
    }
    databases = len({line.database for line in lines})
    print(f"{len(lines)} slow queries of {databases} databases:")
    for what, values in shares.items():
        print(f"  {100 * sum(values) / max(1, len(values)):5.1f} %  {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
