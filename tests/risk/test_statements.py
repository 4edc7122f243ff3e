"""Statements of the databases' manuals: what destroys, exposes, or locks is rated so, and what only looks is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel


def _cases() -> Iterator[tuple[str, str, str]]:
    dialect = ""
    for line in Path(__file__).with_name("statements.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("# "):
            dialect = line[2:].replace("none", "")
        elif line:
            level, _, text = line.partition(" ")
            yield level, dialect, text


CASES = list(_cases())


@pytest.mark.parametrize(("level", "dialect", "text"), CASES, ids=[text[:60] for _, _, text in CASES])
def test_a_statement_is_rated_by_what_it_does(level, dialect, text):
    proposal = {"kind": "script", "title": "t", "language": "sql", "content": text, "dialect": dialect}
    assessment = assess_proposal({key: value for key, value in proposal.items() if value})
    assert assessment.level is RiskLevel(level), assessment.findings
    assert "code.failed" not in {found.rule for found in assessment.findings}
