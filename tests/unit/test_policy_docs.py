"""The reference of policies is complete, and its examples and the file of examples can be loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.domain.policy.conditions import FACTS
from app.domain.policy.document import (
    CalendarPart,
    EscalationPart,
    PolicyDocument,
    RiskRulePart,
    Rule,
    StagePart,
    WindowPart,
)
from app.domain.policy.parser import read_policy
from app.domain.policy.rules import CompiledPolicy
from app.domain.policy.terms import OnExpiry

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "policies.md").read_text()
EXAMPLES = re.findall(r"(?ms)^```yaml\n(.*?)^```", REFERENCE)


def rows(heading: str) -> set[str]:
    """The first cells, in code style, of the table under a heading."""
    found = re.search(rf"(?ms)^#+ {heading}\n(.*?)(?=^#+ |\Z)", REFERENCE)
    assert found, heading
    return set(re.findall(r"(?m)^\| `([^`]+)` \|", found[1]))


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("The file", PolicyDocument),
        ("Rules", Rule),
        ("Stages", StagePart),
        ("Escalation", EscalationPart),
        ("Change windows", WindowPart),
        ("Calendars", CalendarPart),
        ("Risk rules", RiskRulePart),
    ],
)
def test_every_field_is_documented(heading: str, model: type[BaseModel]) -> None:
    assert rows(heading) == {field.alias or name for name, field in model.model_fields.items()}


def test_every_fact_and_every_meaning_of_silence_is_documented() -> None:
    assert rows("Conditions") == set(FACTS)
    assert rows("When nobody decides") == {expiry.value for expiry in OnExpiry}


@pytest.mark.parametrize("text", [*EXAMPLES, (ROOT / "policies.yaml").read_text()])
def test_the_examples_can_be_loaded(text: str) -> None:
    CompiledPolicy(read_policy(text, "example.yaml"), 1)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
