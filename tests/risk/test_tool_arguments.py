"""Tools of unknown services: what their names and their arguments say together."""

import json
from pathlib import Path

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

CASES = Path(__file__).with_name("tool_calls.txt").read_text(encoding="utf-8").splitlines()
"""Each with its level, the tool, and the arguments."""


@pytest.mark.parametrize("line", CASES)
def test_levels(line: str) -> None:
    level, tool, args = line.split(" ", 2)
    found = assess_proposal({"kind": "tool_call", "title": "t", "tool": tool, "args": json.loads(args)})
    assert found.level == RiskLevel(level), [(finding.rule, finding.message) for finding in found.findings]


@pytest.mark.parametrize("tool", ["delete_rows", "wipe_disk", "send_money"])
def test_a_dry_run_has_an_unknown_effect_because_only_the_agent_says_so(tool: str) -> None:
    found = assess_proposal({"kind": "tool_call", "title": "t", "tool": tool, "args": {"dry_run": True}})
    assert found.level is RiskLevel.MEDIUM
    assert not found.understood


def test_a_question_to_the_user_is_not_understood_by_its_name_alone() -> None:
    found = assess_proposal({"kind": "tool_call", "title": "t", "tool": "ask_user", "args": {"question": "Why?"}})
    assert found.level is RiskLevel.LOW
    assert not found.understood
