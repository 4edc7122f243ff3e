"""Look-alikes by what they share: one entry for all records that have a value in common and are different assets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

_SHARED = {"serial": "serial number", "macs": "MAC address", "ips": "IP address", "fqdn": "FQDN", "short": "name"}


@dataclass
class Shared:
    """Records that share a value: their positions, and what differs between two of them."""

    what: str
    value: str
    differences: str
    rows: set[int] = field(default_factory=set)

    @property
    def reason(self) -> str:
        """In words, for people."""
        return f"same {self.what} ({self.value}); {self.differences}"


def by_shared_value(base: pl.DataFrame, pairs: Iterable[tuple[tuple[int, int], str]]) -> list[Shared]:
    """The look-alikes by what they share; pairs that share nothing but looks are left out.

    Args:
        base: See `identities`.
        pairs: Pairs of different assets, with what differs between them.
    """
    pairs = list(pairs)
    rows = {row for pair, _ in pairs for row in pair}
    chosen = base.filter(pl.col("index").is_in(list(rows))).select("index", *_SHARED)
    records = {record["index"]: record for record in chosen.iter_rows(named=True)}
    found: dict[tuple[str, str], Shared] = {}
    for (a, b), differences in pairs:
        for name, title in _SHARED.items():
            value = _common(records[a][name], records[b][name])
            if value:
                entry = found.setdefault((name, value), Shared(title, value, differences))
                entry.rows |= {a, b}
                break
    return list(found.values())


def _common(one: Any, other: Any) -> str:
    if not one or not other:
        return ""
    if isinstance(one, list):
        return next((value for value in one if value in other), "")
    return one if one == other else ""
