"""Rules and risk of several tool calls: none slips past its rule among others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.changes import apply_change
from app.domain.errors import InvalidInputError
from app.domain.policy.facts import Facts, Requester
from app.domain.policy.parser import read_policy
from app.domain.policy.rules import CompiledPolicy
from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

POLICY = """
version: 1
rules:
  - name: Reading
    when: 'tool == "look_up"'
    ask: {teams: [readers]}
    deadline: 2 hours
  - name: Dropping
    when: 'tool == "drop_table" && kind == "tool_call"'
    ask: {teams: [dba], quorum: 2}
    deadline: 1 hour
"""


def batch() -> dict[str, Any]:
    """A harmless call and one that is not."""
    calls = [
        {"id": "1", "tool": "look_up", "args": {"word": "risk"}},
        {"id": "2", "tool": "drop_table", "args": {"sql": "drop table orders"}},
    ]
    return {"kind": "tool_calls", "title": "2 calls", "calls": calls}


def test_every_calls_rule_holds() -> None:
    policy = CompiledPolicy(read_policy(POLICY, "policies.yaml"), 1)
    document = batch()
    facts = Facts.of(document, assess_proposal(document), workflow="w", node="n", agent="a", requester=Requester())
    terms = policy.terms(facts, datetime.now(UTC))
    assert terms.name == "Reading and Dropping"
    assert {team for stage in terms.stages for team in stage.teams} == {"readers", "dba"}
    assert terms.quorum == 3 and terms.deadline_seconds == 3600


def test_a_call_that_people_can_only_answer_is_not_made_and_the_complaint_is_at_its_field() -> None:
    document = batch()
    document["calls"][0]["decisions"] = ["reject", "respond"]
    with pytest.raises(InvalidInputError) as refused:
        apply_change(document, {"calls": [{"id": "2", "decision": "reject"}]})
    assert list(refused.value.extra["fields"]) == ["calls.1.message"]


def test_the_riskiest_call_counts_and_one_that_is_left_out_does_not() -> None:
    document = batch()
    risk = assess_proposal(document)
    assert risk.level.rank >= RiskLevel.HIGH.rank
    assert {finding.item.partition("/")[0] for finding in risk.findings if finding.severity.rank >= 3} == {"2"}
    left = apply_change(document, {"calls": [{"id": "2", "decision": "reject", "message": "No."}]})
    assert assess_proposal(left).level.rank < risk.level.rank
