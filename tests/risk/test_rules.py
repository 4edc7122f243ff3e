"""The catalog of rules: each has an example that triggers it, and a similar text that does not."""

import json

import pytest

from app.risk.assess import assess_proposal
from app.risk.catalog import all_rules

WITHOUT = (
    "code.failed", "code.too_", "custom.", "plan.", "proposal.", "tool.args.too_many", "tool.registered",
    "sql.alter.default", "sql.check_failed", "sql.select.large", "sql.too_large",
)  # fmt: skip
"""Rules that no short text by itself triggers; their cases are in tests of their own: tests/unit/test_risk_*.py,
tests/risk/test_sql_*.py, and test_apart.py."""
RULES = {name: rule for name, rule in all_rules().items() if not name.startswith(WITHOUT)}


def found(language, text):
    if language == "tool_call":
        document = {"kind": "tool_call", "title": "t", **json.loads(text)}
    else:
        document = {"kind": "script", "title": "t", "language": language, "content": text}
    return {finding.rule for finding in assess_proposal(document).findings}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_triggered_by_its_example_and_not_by_the_harmless_text(name):
    rule = RULES[name]
    assert rule.example and rule.harmless and rule.language and rule.summary.endswith("."), rule
    assert name in found(rule.language, rule.example)
    assert name not in found(rule.language, rule.harmless)
