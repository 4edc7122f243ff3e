"""What a new version of a policy approves without people that the one in force did not."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain.policy.at_once import ending
from app.domain.policy.document import PolicyDocument
from app.domain.policy.parser import read_policy
from app.domain.policy.widening import lowers_critical, widened
from assent.contracts import RiskLevel

LOW = "understood && risk.rank <= 1"
HARMLESS = f"{{name: Harmless, when: {LOW}, decide: approve, until: 2027-03-31, sample: 2%}}"
ASKS = "{name: Production, when: environment == 'production', ask: {teams: dba}}"
REJECTS = "{name: Production, when: environment == 'production', decide: reject"
READS = f"{{name: Reads, when: {LOW} && tool == 'read', decide: approve, until: 2027-03-31, sample: 50%}}"
FORBIDS = "{name: Drops, when: tool == 'drop', decide: reject}"
FOR_NOW = "{name: Drops, when: tool == 'drop', decide: reject, until: 2027-02-28}"


def policy(*rules: str) -> PolicyDocument:
    text = "".join(f"  - {rule.replace(chr(39), chr(34))}\n" for rule in rules)
    return read_policy(f"version: 1\nrules:\n{text}", "policies.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((ASKS,), (HARMLESS, ASKS)),
        ((HARMLESS,), (HARMLESS.replace("<= 1", "<= 1 && size < 9"),)),
        ((HARMLESS,), (HARMLESS.replace("03-31", "04-01"),)),
        ((HARMLESS,), (HARMLESS.replace("2%", "1%"),)),
        ((HARMLESS,), (HARMLESS.replace(", sample: 2%", ""),)),
        ((ASKS, HARMLESS), (HARMLESS, ASKS)),
        ((ASKS, HARMLESS), (HARMLESS,)),
        ((ASKS, HARMLESS), (ASKS.replace("production", "prod"), HARMLESS)),
        ((FORBIDS, HARMLESS), (HARMLESS,)),
        ((FORBIDS, HARMLESS), (FOR_NOW, HARMLESS)),
        ((HARMLESS, FORBIDS), (HARMLESS,)),
        ((HARMLESS, FORBIDS), (HARMLESS, FOR_NOW)),
        ((HARMLESS, FORBIDS), (HARMLESS, ASKS, FORBIDS)),
        (
            (ASKS, HARMLESS),
            (f"{REJECTS}, until: 2027-02-28}}", HARMLESS),
        ),
        ((READS, HARMLESS), (HARMLESS,)),
        ((READS, HARMLESS), (HARMLESS, READS)),
        ((READS, HARMLESS), (READS.replace("03-31", "03-30"), HARMLESS)),
    ],
)
def test_what_needs_a_second_person(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    [why] = widened(policy(*old), policy(*new))
    assert "“Harmless”" in why


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((HARMLESS,), (HARMLESS,)),
        ((HARMLESS, ASKS), (HARMLESS,)),
        ((HARMLESS, ASKS), (ASKS,)),
        ((HARMLESS,), (HARMLESS.replace("03-31", "03-30"),)),
        ((HARMLESS,), (HARMLESS.replace("2%", "3%"),)),
        ((HARMLESS,), (HARMLESS.replace("name: Harmless", "name: Other").replace("&&", " && "),)),
        ((HARMLESS,), (ASKS, FORBIDS, HARMLESS)),
        ((HARMLESS, ASKS), (ASKS, HARMLESS)),
        ((HARMLESS, FORBIDS), (FORBIDS, HARMLESS)),
        ((ASKS, HARMLESS), (f"{REJECTS}}}", HARMLESS)),
        ((HARMLESS, FOR_NOW), (HARMLESS, FORBIDS)),
        ((HARMLESS, ASKS, FORBIDS), (HARMLESS, ASKS, FORBIDS)),
        ((HARMLESS,), (HARMLESS, FORBIDS)),
        ((FOR_NOW, HARMLESS), (FOR_NOW, HARMLESS)),
        ((FORBIDS,), (ASKS,)),
        ((READS, HARMLESS), (READS,)),
        ((READS, HARMLESS), (FORBIDS, READS, HARMLESS)),
        ((READS, HARMLESS), (READS.replace("50%", "60%"), HARMLESS)),
        ((HARMLESS, READS), (READS, HARMLESS)),
        ((READS.replace("50%", "1%"), HARMLESS), (HARMLESS,)),
    ],
)
def test_what_does_not(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    assert widened(policy(*old), policy(*new)) == ()


def test_where_no_policy_was_every_approval_is_new() -> None:
    assert len(widened(None, policy(HARMLESS))) == 1
    assert widened(None, policy(ASKS, FORBIDS)) == ()


LEVELS = {"sql.drop.database": RiskLevel.CRITICAL, "sql.lock_table": RiskLevel.HIGH}


def risk_rules(rules: tuple[str, ...] = (ASKS,), **levels: str) -> PolicyDocument:
    """A policy with these levels of risk rules, whose ids are given with a word for each."""
    ids = {"drop": "sql.drop.database", "lock": "sql.lock_table"}
    lines = "".join(f"  {ids[name]}: {{level: {level}, reason: Because.}}\n" for name, level in levels.items())
    text = "".join(f"  - {rule.replace(chr(39), chr(34))}\n" for rule in rules)
    head = f"risk_rules:\n{lines}" if lines else ""
    return read_policy(f"version: 1\n{head}rules:\n{text}", "policies.yaml")


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ({}, {"drop": "off"}, True),
        ({}, {"drop": "high"}, True),
        ({}, {"drop": "critical"}, False),
        ({}, {"lock": "off"}, False),
        ({"drop": "high"}, {"drop": "high"}, False),
        ({"drop": "high"}, {"drop": "off"}, False),
        ({"drop": "high"}, {}, False),
        ({"lock": "critical"}, {}, True),
        ({"lock": "critical"}, {"lock": "high"}, True),
    ],
)
def test_a_critical_rule_that_counts_less_needs_a_second_person(
    old: dict[str, str], new: dict[str, str], wider: bool
) -> None:
    assert bool(widened(risk_rules(**old), risk_rules(**new), LEVELS)) is wider


def test_where_a_rule_approves_every_rule_that_counts_less_does() -> None:
    approving = (HARMLESS, ASKS)
    for levels in ({"lock": "off"}, {"lock": "medium"}):
        [why] = widened(risk_rules(approving), risk_rules(approving, **levels), LEVELS)
        assert why.startswith("The risk rule sql.lock_table") and why.endswith("it was high.")
    assert widened(risk_rules(approving), risk_rules(approving, lock="critical"), LEVELS) == ()
    assert widened(risk_rules(approving, lock="low"), risk_rules(approving, lock="low"), LEVELS) == ()


def test_a_check_warns_of_critical_rules_and_unknown_ones() -> None:
    assert lowers_critical(risk_rules(drop="off", lock="off"), LEVELS) == (
        "The critical risk rule sql.drop.database is switched off; a second person has to confirm that.",
    )
    [unknown] = lowers_critical(risk_rules(lock="off"), {"sql.lock_tables": RiskLevel.HIGH})
    assert unknown == "There is no risk rule sql.lock_table, did you mean sql.lock_tables?"


def test_an_end_is_announced_two_weeks_before() -> None:
    document = policy(HARMLESS, FOR_NOW)
    assert ending(document, date(2027, 2, 1)) == ()
    assert ending(document, date(2027, 2, 20)) == ("Drops: stops deciding after its last day, 2027-02-28.",)
    assert ending(document, date(2027, 4, 1)) == (
        "Harmless: has decided nothing since its last day, 2027-03-31.",
        "Drops: has decided nothing since its last day, 2027-02-28.",
    )
