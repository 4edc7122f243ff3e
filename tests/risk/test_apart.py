"""Assessing in another process: the same result, and a clear one where it is stopped."""

import psutil
import pytest

from app.bounded_work import Pool
from app.risk import apart
from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

SCRIPT = {"kind": "script", "title": "t", "language": "sql", "content": "DELETE FROM orders;"}


@pytest.fixture
def pool(monkeypatch):
    made = Pool(processes=1)
    monkeypatch.setattr(apart, "_pool", made)
    yield made
    made.close()


def readers():
    return {child.pid for child in psutil.Process().children()}


def test_the_result_is_the_same_as_in_this_process(pool):
    assert apart.assess_apart(SCRIPT) == assess_proposal(SCRIPT)


def test_what_holds_no_code_needs_no_process(pool):
    before = readers()
    question = {"kind": "question", "title": "t", "question": "Now?"}
    assert apart.assess_apart(question) == assess_proposal(question)
    assert apart.assess_apart(5) == assess_proposal(5)
    assert readers() == before


def test_reading_that_takes_too_long_is_stopped_and_not_understood(pool):
    document = {**SCRIPT, "content": "SELECT 1;\n" * 20_000}
    assessment = apart.assess_apart(document, seconds=0.2)
    assert (assessment.level, assessment.understood) == (RiskLevel.HIGH, False)
    assert [(found.rule, found.unread) for found in assessment.findings] == [("code.too_slow", True)]
    assert apart.assess_apart(SCRIPT) == assess_proposal(SCRIPT)


def test_the_minimum_risk_of_the_proposal_still_holds(pool):
    document = {**SCRIPT, "content": "SELECT 1;\n" * 20_000, "risk_floor": "critical"}
    assert apart.assess_apart(document, seconds=0.2).level is RiskLevel.CRITICAL


def test_a_process_that_was_killed_is_replaced(pool):
    before = readers()
    apart.assess_apart(SCRIPT)
    for pid in readers() - before:
        psutil.Process(pid).kill()
    assert apart.assess_apart(SCRIPT) == assess_proposal(SCRIPT)
