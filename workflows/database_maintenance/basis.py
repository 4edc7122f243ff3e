"""What a proposal of indexes rests on: the indexes that exist, and about how large their tables are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlglot import exp

from assent import Changed, Optimizations, Outcome
from assent.contracts import Basis, BasisChange
from assent.toolbox import changes_since, read
from assent.toolbox.basis import basis_from
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import Candidate, Schema, StatementRefused
from workflows.database_maintenance.sqltext import folded
from workflows.database_maintenance.state import Json
from workflows.database_maintenance.statements import Definition, read_definition
from workflows.database_maintenance.tool_models import SchemaSummary
from workflows.database_maintenance.tools import analyze_schema

_INDEX = re.compile(r"tables\.(?P<table>.+)\.indexes\.(?P<index>.+)")


def indexes(settings: MaintenanceInput, schema: Schema, candidates: Sequence[Candidate]) -> Json:
    """Return that the candidates' tables have the indexes that they had when the candidates were tried."""
    inputs = _inputs(settings, candidates)
    found = SchemaSummary.of(schema, inputs["tables"]).model_dump(mode="json")
    return _json(basis_from(analyze_schema, inputs, found, {"tables.*.indexes": "exact"}))


def sizes(settings: MaintenanceInput, candidates: Sequence[Candidate]) -> Json:
    """Read about how large the candidates' tables are; after their statistics were refreshed, which may correct it."""
    return _json(read(analyze_schema, _inputs(settings, candidates), {"tables.*.rows": "magnitude"}))


def _inputs(settings: MaintenanceInput, candidates: Sequence[Candidate]) -> Json:
    return {"target": settings.target, "tables": sorted({candidate.table for candidate in candidates})}


def _json(basis: Basis) -> Json:
    return basis.model_dump(mode="json")


def changes(outcome: Outcome, dialect: str) -> Changed | None:
    """Read again what an approved proposal rests on, and return what has changed.

    The approved indexes themselves are no change: an attempt that was interrupted may have created them, and
    `create_index` knows what to do with one that somebody else has made under the same name.
    """
    found = changes_since(outcome, [analyze_schema])
    if found is None:
        return None
    proposal = outcome.proposal
    assert isinstance(proposal, Optimizations)
    ours = list(_definitions((item.statement for item in proposal.items), dialect))
    others = [change for change in found.changes if not _is_ours(change, ours, dialect)]
    return found.model_copy(update={"changes": others}) if others else None


def _definitions(statements: Iterable[str], dialect: str) -> Iterable[Definition]:
    for statement in statements:
        try:
            yield read_definition(statement, dialect)
        except StatementRefused:
            continue


def _is_ours(change: BasisChange, ours: Iterable[Definition], dialect: str) -> bool:
    place = _INDEX.fullmatch(change.path)
    return place is not None and any(
        place["index"] == definition.name and _bare(place["table"], dialect) == definition.bare_table
        for definition in ours
    )


def _bare(table: str, dialect: str) -> str:
    """Return a table's own name, of the name that statements use."""
    return folded(exp.to_table(table, dialect=dialect).this, dialect)
