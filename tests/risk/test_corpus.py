"""The labeled corpus is sound, and the assessment does not fall behind what it has reached on it."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.risk.score import CORPUS, RANK, Score, read, score

FILES = ("shared", "dev", "held")
FIELDS = {"id", "area", "language", "text", "level", "why"}
LANGUAGES = {
    "sql": {"sql"},
    "command": {"bash", "sh", "zsh", "powershell", "python", "dockerfile", "crontab", "yaml", "json"},
    "tool_call": {"json"},
}
DIALECTS = {"postgres", "mysql", "sqlite", "tsql", "oracle", "snowflake", "bigquery", "clickhouse"}

# What each area reaches today, in percent: exact levels, recall of high or critical, recall of critical, and at most
# this share of harmless cases rated high. First over `shared` and `dev` together, then over `held`. Raise a floor (and
# lower a ceiling) when the assessment has become better; never the other way, except when cases are
# added, or labeled again by somebody who knows the standard and not the rules.
FLOORS = {
    "bash": ((99, 100, 99, 0), (91, 98, 95, 3)),
    "config": ((97, 98, 95, 5), (90, 95, 95, 5)),
    "powershell": ((99, 100, 98, 0), (90, 99, 89, 2)),
    "python": ((98, 100, 97, 0), (89, 97, 86, 6)),
    "sql": ((98, 99, 99, 2), (86, 97, 84, 5)),
    "tool_call": ((99, 100, 99, 0), (90, 97, 92, 2)),
}


@functools.cache
def scored(names: tuple[str, ...]) -> Score:
    return score(row for name in names for row in read(CORPUS / f"{name}.jsonl"))


@pytest.mark.parametrize("name", FILES)
def test_every_case_has_its_fields(name: str) -> None:
    rows = read(CORPUS / f"{name}.jsonl")
    assert rows
    for row in rows:
        extra = {"dialect", "tables"} if row["area"] == "sql" else set()
        assert row.keys() >= FIELDS, row["id"]
        assert row.keys() <= FIELDS | extra, row["id"]
        assert all(isinstance(row[key], str) and row[key].strip() for key in FIELDS), row["id"]
        assert row["level"] in RANK, row["id"]
        assert row["language"] in LANGUAGES[row["area"]], row["id"]
        if row["area"] == "sql":
            assert row["dialect"] in DIALECTS, row["id"]
        if row["area"] == "tool_call":
            call = json.loads(row["text"])
            assert call.keys() == {"tool", "args"}, row["id"]
            assert isinstance(call["tool"], str), row["id"]
            assert isinstance(call["args"], dict), row["id"]


def test_no_case_is_there_twice() -> None:
    rows = [row for name in FILES for row in read(CORPUS / f"{name}.jsonl")]
    ids = Counter(row["id"] for row in rows)
    assert [name for name, count in ids.items() if count > 1] == []
    texts = Counter((row["language"], row.get("dialect"), " ".join(row["text"].split()).lower()) for row in rows)
    assert [text for text, count in texts.items() if count > 1] == []


def test_the_corpus_is_large_and_half_of_it_is_ordinary() -> None:
    own = [row for name in ("dev", "held") for row in read(CORPUS / f"{name}.jsonl")]
    assert len(own) >= 800
    ordinary = sum(RANK[row["level"]] <= RANK["medium"] for row in own) / len(own)
    assert 0.42 <= ordinary <= 0.6
    held = len(read(CORPUS / "held.jsonl")) / len(own)
    assert 0.3 <= held <= 0.45


@pytest.mark.parametrize("area", FLOORS)
@pytest.mark.parametrize("names", [("shared", "dev"), ("held",)], ids="+".join)
def test_an_area_stays_above_its_floor(area: str, names: tuple[str, ...]) -> None:
    tally = scored(names).areas[area]
    exact, high, critical, harmless = FLOORS[area][names == ("held",)]
    # Only figures: the cases that are held back do not belong into a failure's text.
    reached = {
        "exact": tally.exact,
        "high": tally.recall(RANK["high"]),
        "critical": tally.recall(RANK["critical"]),
        "harmless": tally.harmless_rated_high,
    }
    figures = f"{area} on {'+'.join(names)}: " + ", ".join(f"{key} {value:.1f}" for key, value in reached.items())
    assert not reached["exact"] < exact, figures
    assert not reached["high"] < high, figures
    assert not reached["critical"] < critical, figures
    assert not reached["harmless"] > harmless, figures


def test_the_score_shows_nothing_of_what_is_held_back(tmp_path: Path) -> None:
    row = read(CORPUS / "held.jsonl")[0]
    part = tmp_path / "part.jsonl"
    part.write_text(json.dumps(row) + "\n", encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.risk.score", str(part), *arguments]
        return subprocess.run(command, cwd=CORPUS.parents[2], capture_output=True, text=True, timeout=120)

    figures, refused = run(), run("--misses")
    assert figures.returncode == 0
    assert "ms per assessment" in figures.stdout
    assert row["id"] not in figures.stdout + figures.stderr
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert row["id"] not in refused.stderr
