"""Names of the indexes that are proposed: each describes its index, and nothing else has it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from workflows.database_maintenance.model import Schema, Table
from workflows.database_maintenance.sqltext import shorten

_OPERATOR_CLASS = " text_pattern_ops"


@dataclass
class Names:
    """Gives every index on the same keys of the same table the same name, and two indexes never the same.

    Attributes:
        taken: the names of all relations, by schema.
    """

    taken: dict[str, set[str]] = field(default_factory=dict)
    _given: dict[tuple[str, ...], str] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Schema) -> Names:
        """Return names that are not in use in a database."""
        return cls({place: set(names) for place, names in schema.relations.items()})

    def name(self, table: Table, keys: list[str]) -> str:
        """Return the name of an index: at most 63 bytes, lowercase."""
        content = (table.name, *keys)
        if content not in self._given:
            taken = self.taken.get(table.schema_name, set()) | set(self._given.values())
            self._given[content] = next(name for name in _names(table, keys) if name not in taken)
        return self._given[content]


def _names(table: Table, keys: list[str]) -> Iterator[str]:
    place = [table.schema_name] if "." in table.name and table.schema_name else []
    base = "_".join(["idx", *(_word(text) for text in (*place, table.bare, *keys))])
    yield shorten(base)
    digest = hashlib.sha256("\0".join([table.name, *keys]).encode()).hexdigest()[:8]
    yield shorten(f"{base}_{digest}")
    yield from (shorten(f"{base}_{digest}_{number}") for number in count(2))


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text.removesuffix(_OPERATOR_CLASS)).strip("_").lower()
