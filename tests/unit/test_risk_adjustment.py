"""A policy that changes risk rules: what the assessment says then, and what it would have said."""

from __future__ import annotations

import pytest

from app.domain.risk import Assessment, Finding, RuleChange, Touches, assess
from assent.contracts import RiskLevel

DROP = Finding("sql.drop", RiskLevel.CRITICAL, "Drops.", 1)
LOCK = Finding("sql.lock", RiskLevel.HIGH, "Locks.", 2, unread=True)
NOTE = Finding("sql.note", RiskLevel.LOW, "Notes.", 3)
FOUND = assess([DROP, LOCK, NOTE], understood=True, touches=Touches(objects=("orders",)))


def adjusted(floor: RiskLevel = RiskLevel.SAFE, **levels: RiskLevel | None) -> Assessment:
    changes = {f"sql.{name}": RuleChange(f"sql.{name}", level, "Because.") for name, level in levels.items()}
    return FOUND.adjusted(changes, 3, floor)


@pytest.mark.parametrize(
    ("levels", "level", "rules"),
    [
        ({"drop": None}, RiskLevel.HIGH, ["sql.lock", "sql.note"]),
        ({"drop": RiskLevel.MEDIUM}, RiskLevel.HIGH, ["sql.lock", "sql.drop", "sql.note"]),
        ({"drop": None, "lock": None, "note": None}, RiskLevel.SAFE, []),
        ({"note": RiskLevel.CRITICAL}, RiskLevel.CRITICAL, ["sql.drop", "sql.note", "sql.lock"]),
    ],
)
def test_the_findings_that_count_set_the_level(
    levels: dict[str, RiskLevel | None], level: RiskLevel, rules: list[str]
) -> None:
    found = adjusted(**levels)
    assert (found.level, [finding.rule for finding in found.findings]) == (level, rules)
    assert (found.understood, found.touches) == (FOUND.understood, FOUND.touches)
    assert found.adjustment is not None
    assert (found.adjustment.level, found.adjustment.policy_version) == (RiskLevel.CRITICAL, 3)
    assert [change.rule for change in found.adjustment.changes] == sorted(f"sql.{name}" for name in levels)
    assert found.original() == FOUND
    stored = Assessment.from_json(found.to_json())
    assert stored == found and stored.original() == FOUND


def test_the_proposals_own_minimum_stays() -> None:
    assert adjusted(RiskLevel.MEDIUM, drop=None, lock=None, note=None).level is RiskLevel.MEDIUM


def test_what_has_no_findings_is_not_recorded() -> None:
    assert adjusted(other=None) is FOUND and "adjustment" not in FOUND.to_json()
