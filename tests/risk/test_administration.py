"""Commands of administrators: what destroys, exposes, weakens, or locks out is rated so, and what only looks is not."""

from pathlib import Path

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

LINES = Path(__file__).with_name("administration.txt").read_text(encoding="utf-8").splitlines()[1:]
CASES = [line.partition(" ")[::2] for line in LINES if line and not line.startswith("#")]


@pytest.mark.parametrize(("level", "text"), CASES, ids=[text[:60] for _, text in CASES])
def test_a_command_is_rated_by_what_it_does(level, text):
    assessment = assess_proposal({"kind": "script", "title": "t", "language": "shell", "content": text})
    assert assessment.level is RiskLevel(level), assessment.findings
    assert "code.failed" not in {found.rule for found in assessment.findings}
