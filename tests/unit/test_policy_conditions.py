"""Conditions: what they see, what they bound, and what a label that is not set reads as."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.domain.policy.condition_words import may_fail
from app.domain.policy.conditions import MOST_NAMES, MOST_VALUES, UNKNOWN, ConditionError, Conditions
from app.domain.policy.facts import Facts, Requester
from app.domain.risk import Assessment, Finding, Touches
from assent.contracts import RiskLevel

FINDINGS = (Finding("sql.drop.table", RiskLevel.CRITICAL, "", 3), Finding("sql.other", RiskLevel.LOW, ""))
TOUCHES = Touches(commands=("rm",), paths=("/srv/a", "/srv/b"), hosts=("example.org",))


def facts(**changed: Any) -> Facts:
    values: dict[str, Any] = {
        "workflow": "maintenance",
        "node": "propose",
        "agent": "optimizer",
        "kind": "script",
        "assessment": Assessment(RiskLevel.CRITICAL, 9.5, FINDINGS, True, TOUCHES),
        "environment": "production",
        "language": "bash",
        "tool": "psql",
        "args": {"amount": 501, "to": {"name": "Ada"}, "items": [{"price": 1}, {"price": 6.5}]},
        "target": "shop",
        "labels": {"team": "search", "cost-center": "7"},
        "size": 1234,
        "requester": Requester("p1", "Release engineer", "release@example.com", ("reviewer",), ("platform",)),
    }
    return Facts(**(values | changed))


def holds(condition: str, known: Facts) -> bool:
    conditions = Conditions([condition])
    return conditions.compile(condition).holds(conditions.activation(known))


@pytest.mark.parametrize(
    "condition",
    [
        'workflow == "maintenance" && node == "propose" && agent == "optimizer"',
        'kind == "script" && tool == "psql" && target.startsWith("sh")',
        'environment in ["production", "staging"]',
        'risk.level == "critical" && risk.score > 9.0 && risk.rank == 4',
        'risk.level in ["high", "critical"]',
        "size > 1000",
        'findings.exists(f, f.rule.startsWith("sql.drop.") && f.severity == "critical" && f.line == 3)',
        "findings.exists(f, f.line == 0)",
        "size(findings) == 2",
        'labels.team == "search"',
        '"cost-center" in labels && labels["cost-center"] == "7"',
        'requester.id == "p1" && requester.name.contains("engineer") && requester.email.endsWith("@example.com")',
        '"reviewer" in requester.roles && "platform" in requester.teams',
        'workflow.matches("^main.*nce$")',
        'understood && language == "bash" && "rm" in commands && "example.org" in hosts',
        'paths.all(path, path.startsWith("/srv/")) && size(paths) == 2',
        'args.amount > 500 && args.amount < 500.5 + 1.0 && args["to"]["name"] == "Ada"',
        "args.items.exists(item, item.price > 5) && has(args.amount) && !has(args.other)",
        'workflow == "maintenance" // as the workflow is called',
    ],
)
def test_every_fact_can_be_asked_for(condition: str) -> None:
    assert holds(condition, facts())


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('labels.owner == "search"', False),
        ('labels.owner != "search"', True),
        ('labels.owner == ""', True),
        ("has(labels.owner)", False),
        ("has(labels.team)", True),
        ('has(labels.owner) && labels.owner == "search"', False),
        ('has(labels.team) && labels.team == "search"', True),
        ('"owner" in labels', False),
        ('!("owner" in labels) || labels["owner"] == "x"', True),
        ('labels.exists(key, key == "owner")', False),
        ("labels.size() == 2", True),
        ("size(labels) == 2", True),
    ],
)
def test_a_label_that_is_not_set_reads_as_empty(condition: str, expected: bool) -> None:
    assert holds(condition, facts()) is expected


def test_a_text_is_compared_to_its_end() -> None:
    assert not holds('environment == "production"', facts(environment="production\0"))
    assert not holds('labels.team == "search"', facts(labels={"team": "search\0"}))
    assert not holds('environment == "production"', facts(environment="production\ud800"))


OVERFLOWS = "size * 9223372036854775807 > 0"
"""Can be evaluated for sizes of 0 and 1 alone, which is why it is let through when it is loaded."""


def test_what_cannot_be_evaluated_says_so() -> None:
    assert holds(OVERFLOWS, facts(size=1))
    with pytest.raises(ConditionError, match="overflow"):
        holds(OVERFLOWS, facts(size=2))


def test_a_fact_of_the_wrong_type_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(ConditionError, match="Unexpected value type"):
        holds("size > 1", facts(size="many"))


def test_a_proposal_with_many_findings_is_judged_at_once_and_no_kind_is_overlooked() -> None:
    many = [Finding("sql.drop.table", RiskLevel.HIGH, "", number) for number in range(20_000)]
    many += [Finding("sql.rare", RiskLevel.HIGH, "", 20_000)]
    known = facts(assessment=Assessment(RiskLevel.HIGH, 7.5, tuple(many)))
    started = time.process_time()
    assert holds('findings.exists(f, f.rule == "sql.rare" && f.line == 20000)', known)
    assert holds("size(findings.filter(f, f.line > 0)) >= 499 && size(findings) == 500", known)
    assert time.process_time() - started < 1


def test_a_pattern_that_would_never_end_elsewhere_ends() -> None:
    started = time.process_time()
    assert not holds('target.matches("^(a+)+$")', facts(target="a" * 100_000 + "b"))
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("condition", "constant"),
    [("true", True), ("1 < 2", True), ('true || workflow == "a"', True), ("false", False), ('workflow == "a"', None)],
)
def test_a_condition_that_does_not_depend_on_anything_is_known(condition: str, constant: bool | None) -> None:
    assert Conditions([condition]).compile(condition).constant is constant


ADA, BEN = "ada@example.com", "ben@example.org"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"to": ADA}, [ADA]),
        ({"to": ["Ada <ADA@Example.com>", BEN]}, [ADA, BEN]),
        ({"to": f"{ADA}; {BEN},{ADA}"}, [ADA, BEN]),
        ({"toRecipients": [{"emailAddress": {"address": ADA}}], "Bcc": BEN}, [ADA, BEN]),
        ({"personalizations": [{"to": [{"name": "Ben", "email": BEN}]}], "from": {"email": ADA}}, [BEN]),
        ({"headers": {"To": f"mailto:{BEN}"}, "reply_to": ADA}, [BEN]),
        ({"destination": {"ToAddresses": [BEN]}}, [BEN]),
        ({"to": f"{BEN}\uff20example.com"}, [BEN, f"{BEN}@example.com"]),
        ({"to": f"{BEN}?x=@example.com"}, [BEN, f"{BEN}?x=@example.com"]),
        ({"to": f'"{BEN}"@example.com'}, [BEN, "@example.com"]),
        ({"body": f"Ask {BEN}.", "to": "ops"}, []),
        ({"replicas": {"to": 3}}, []),
        (None, []),
    ],
    ids=str,
)
def test_recipients_are_the_addresses_that_a_call_names(args: Any, expected: list[str]) -> None:
    known = facts(args=args)
    listed = ", ".join(f"'{address}'" for address in expected)
    assert holds(f"recipients == [{listed}]" if expected else "size(recipients) == 0", known)


def test_recipients_that_cannot_be_read_as_a_whole_are_unknown() -> None:
    outside = 'recipients.exists(address, !address.endsWith("@example.com"))'
    many = [f"p{number}@example.com" for number in range(MOST_NAMES + 1)]
    for args in ({"to": ", ".join(many)}, {"to": [f"{ADA} " * 900]}, UNKNOWN):
        with pytest.raises(ConditionError):
            holds(outside, facts(args=args))
    assert holds(f"tool == 'psql' || {outside}", facts(args=UNKNOWN))


@pytest.mark.parametrize("args", [{}, None, {"to": {}}, {"other": 600}], ids=str)
@pytest.mark.parametrize(
    "condition",
    ["args.amount > 500", "!(args.amount > 500)", 'args.amount > 500 || args.to.name == "x"', "args.amount != 1"],
)
def test_a_condition_on_an_argument_that_is_missing_does_not_hold(condition: str, args: Any) -> None:
    assert holds(condition, facts(args=args)) is False


@pytest.mark.parametrize("amount", ["1000", None, [1000], {"value": 1000}, True], ids=str)
def test_an_argument_of_another_type_is_no_way_around_a_condition(amount: Any) -> None:
    with pytest.raises(ConditionError):
        holds("args.amount > 500", facts(args={"amount": amount}))
    with pytest.raises(ConditionError):
        holds("args.amount > 500 || args.total > 500", facts(args={"amount": amount}))


@pytest.mark.parametrize("amount", [501, 500.5, 10**30, 2**63])
def test_amounts_of_every_size_are_compared(amount: float) -> None:
    assert holds("args.amount > 500", facts(args={"amount": amount}))


def test_what_is_too_much_to_look_at_is_not_taken_for_less() -> None:
    many = Assessment(RiskLevel.LOW, 2.5, (), True, Touches(paths=tuple(map(str, range(MOST_NAMES + 1)))))
    for condition, known in (
        ('paths.all(path, path != "/etc/shadow")', facts(assessment=many)),
        ("args.amount > 500", facts(args={"amount": 501, "more": [0] * MOST_VALUES})),
        ("args.amount > 500", facts(args=UNKNOWN)),
        ("args.amount > 500", facts(args="not an object")),
    ):
        with pytest.raises(ConditionError):
            holds(condition, known)


@pytest.mark.parametrize(
    ("condition", "bounded"),
    [
        ("understood && risk.rank <= 1", True),
        ('risk.level in ["safe", "low"] && understood == true && labels.team == "x"', True),
        ("!(risk.rank > 1) && (understood ? true : false) && args.amount < 5", True),
        ("understood && risk.rank <= 1 && has(labels.x) && paths.all(path, path == labels.x)", True),
        ("understood", False),
        ("understood && risk.score < 4.0", False),
        ("understood && risk.rank != 4", False),
        ('understood && risk.rank <= 1 || environment == "sandbox"', False),
        ('understood && (risk.rank <= 1 || agent == "trusted")', False),
        ('(understood || tool == "read") && risk.rank <= 1', False),
        ('findings.all(finding, finding.severity == "low") && understood', False),
    ],
)
def test_whether_a_condition_is_bounded_is_known_without_the_other_facts(condition: str, bounded: bool) -> None:
    conditions = Conditions([condition])
    compiled = conditions.compile(condition)
    found = conditions.needs(compiled, understood=False) and all(
        conditions.needs(compiled, understood=True, risk_rank=level.rank, risk_level=level.value)
        for level in RiskLevel
        if level.rank > RiskLevel.LOW.rank
    )
    assert found is bounded


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ('environment in ["production", "staging"] && !(tool == "drop")', False),
        ('findings.exists(f, f.rule.startsWith("sql.") && f.severity == "high") || size(findings) > 2', False),
        ('labels.team == "args" && "cost-center" in labels && "reviewer" in requester.roles', False),
        ('understood && risk.rank <= 1 && risk.score < 3.5 && tool.matches("^get_")  // args', False),
        ("args.amount > 500", True),
        ("size(recipients) > 20", True),
        ('"rm" in commands', True),
        ('paths.all(path, path.startsWith("/srv/"))', True),
        ('hosts.exists(host, host == "a")', True),
        ('"team" in labels && labels["team"] == "a"', True),
        ("size(findings) > 0 && findings[0].line == 1", True),
        ('has(labels.team) && labels.team == "a"', True),
        ('labels.amount != "" && int(labels.amount) > 500', True),
        ("tool.matches(labels.pattern)", True),
        ("size > 0 && 1000 / size > 5", True),
    ],
)
def test_which_conditions_may_fail(condition: str, fails: bool) -> None:
    Conditions([condition]).compile(condition)
    assert may_fail(condition) is fails
