"""Nothing dangerous is rated below high because it is hidden: in quotes, variables, encodings, other names, or keys."""

from __future__ import annotations

import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.risk.score import RANK, level_of, read

BYPASSES = Path(__file__).with_name("bypasses.jsonl")
FIELDS = {"id", "area", "language", "text", "floor", "why"}

# False while readers are still missing. Then the first test only counts, and the second holds what is reached today.
READY = False
EXPECTED_BELOW = 2
# At least this share of them reaches its own floor, in percent: often that is critical. Raise it, never lower it.
REACHED = 94


@functools.cache
def rated() -> list[tuple[dict[str, Any], str]]:
    return [(row, level_of(row)) for row in read(BYPASSES)]


def test_every_bypass_has_its_fields() -> None:
    rows = read(BYPASSES)
    assert len(rows) >= 120
    for row in rows:
        assert row.keys() == FIELDS | ({"dialect"} if row["area"] == "sql" else set()), row["id"]
        assert row["floor"] in ("high", "critical"), row["id"]
        assert row["area"] in ("sql", "command", "tool_call"), row["id"]
        if row["area"] == "tool_call":
            assert json.loads(row["text"]).keys() == {"tool", "args"}, row["id"]
    assert [name for name, count in Counter(row["id"] for row in rows).items() if count > 1] == []
    assert [text for text, count in Counter(row["text"] for row in rows).items() if count > 1] == []


def test_no_bypass_is_rated_below_high() -> None:
    below = [
        f"{row['id']} {got}: {row['why']}: {row['text'][:90]!r}" for row, got in rated() if RANK[got] < RANK["high"]
    ]
    if READY:
        assert below == []
    else:
        assert len(below) <= EXPECTED_BELOW, "\n".join(below)


def test_most_bypasses_reach_their_own_floor() -> None:
    reached = sum(RANK[got] >= RANK[row["floor"]] for row, got in rated())
    assert 100 * reached / len(rated()) >= REACHED
