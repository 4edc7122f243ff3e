"""What is valid in a policy and probably not meant: each is warned about, and refuses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.policy.conditions import ConditionError, Conditions
from app.domain.policy.doubts import MOST_RULES, doubts, teams_in_conditions
from app.domain.policy.parser import read_policy
from app.domain.policy.yaml_tree import read_tree

EXAMPLE = (Path(__file__).parents[2] / "policies.yaml").read_text()
OFFICE = 'calendars: {office: {timezone: UTC, hours: {mon-fri: "09:00-17:00"}, default: true}}\n'


def doubtful(*rules: str, head: str = "") -> list[str]:
    """The doubts about a policy with these rules, each written in one line without its braces."""
    text = f"version: 1\n{head}rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
    return list(doubts(read_policy(text, "p.yaml"), read_tree(text).data))


def when(*conditions: str) -> list[str]:
    """The doubts about rules A, B, C … with these conditions."""
    names = [f"{chr(65 + at % 26)}{at // 26 or ''}" for at in range(len(conditions))]
    return doubtful(*(f"name: {name}, when: '{text}'" for name, text in zip(names, conditions, strict=True)))


NEVER = "its condition never holds, so the rule is never used."


def hidden(who: str, by: str) -> list[str]:
    return [f"{who}: is never reached, because “{by}” before it matches everything that it matches."]


@pytest.mark.parametrize(("conditions", "expected"), [
    (["risk.rank > 4"], [f"A: {NEVER}"]),
    (['risk.level == "high" && risk.rank < 2'], [f"A: {NEVER}"]),
    (['kind == "script" && kind == "question"'], [f"A: {NEVER}"]),
    (['risk.rank >= 1', 'risk.level == "critical"'], hidden("B", "A")),
    (['risk.rank >= 1', 'risk.level == "critical" && environment == "production"'], hidden("B", "A")),
    (['environment == "production"', 'risk.rank >= 3 && environment == "production"'], hidden("B", "A")),
    (['environment == "production" || understood', 'environment == "production" && understood'], hidden("B", "A")),
    (['understood', '!understood', 'size > 3'],
     ["C: is never reached, because “A” and “B” before it match everything that it matches."]),
    (['risk.level == "critical"', 'risk.rank >= 1'], []),
    (['environment == "production" && risk.rank >= 3', 'environment == "production"'], []),
    (['environment == "production"', 'environment == "staging"'], []),
    (['tool == "a" || tool == "b"', 'tool == "b" && kind == "tool_call"'], []),
])  # fmt: skip
def test_rules_that_nothing_reaches(conditions: list[str], expected: list[str]) -> None:
    assert when(*conditions) == expected


def test_a_rule_that_approves_hides_none_after_it() -> None:
    approving = "name: A, when: 'understood && risk.rank <= 1', decide: approve, until: 2027-01-31"
    asking = "name: B, when: 'understood && risk.rank == 0'"
    assert doubtful(approving, asking) == []
    assert doubtful(asking, asking.replace("B", "C").replace("== 0", "< 1")) == hidden("C", "B")


def test_with_many_rules_only_repetitions_are_looked_for() -> None:
    many = [f'tool == "t{number}" && risk.rank > 4' for number in range(MOST_RULES)]
    found = when(*many, 'tool == "t7" && risk.rank > 4 && understood')
    assert len(found) == 1 and "is never reached" in found[0]


@pytest.mark.parametrize(("rule", "expected"), [
    ("ask: {quorum: true}", "quorum is true, which counts as 1; write the number."),
    ("stages: [{teams: dba}, {teams: ops, quorum: true}]", "quorum is true, which counts as 1; write the number."),
    ("deny_threshold: true", "deny_threshold is true, which counts as 1; write the number."),
    ("escalation: [{after: 1 hour, priority: true}], deadline: 5 hours",
     "priority is true, which counts as 1; write the number."),
    ("deadline: 4 working hours, warn: 6 hours",
     "warns 6 hours before the deadline, which may be only 4 h after the opening; then the warning comes when an "
     "eighth of the time is left."),
    ("deadline: 4 working hours, warn: 1 hour", ""),
    ("edit: true, ask: {quorum: 1}", ""),
])  # fmt: skip
def test_fields_that_do_less_than_they_say(rule: str, expected: str) -> None:
    found = doubtful(f"name: A, when: 'size >= 0', {rule}", head=OFFICE)
    assert found == ([f"A: {expected}"] if expected else [])


@pytest.mark.parametrize(("condition", "expected"), [
    ("args.amount * 2 > 10", ["args.amount * 2 cannot be evaluated if args.amount is a decimal, such as 7.5; write "
                              "double(args.amount) and 2.0."]),
    ("1.19 * args.amount > 10.0", ["1.19 * args.amount cannot be evaluated if args.amount is a whole number, such as "
                                   "7; write double(args.amount) and 1.19."]),
    ("double(args.amount) * 1.19 > 10.0", []),
    ("args.amount > 10", []),
])  # fmt: skip
def test_calculations_that_only_some_numbers_allow(condition: str, expected: list[str]) -> None:
    assert when(condition) == [f"A: {words}" for words in expected]


@pytest.mark.parametrize(("condition", "form"), [
    ("risk.rank >= 2.0", "without a point, such as 7"),
    ("size == 10.0", "without a point, such as 7"),
    ("risk.rank in [1.0]", "without a point, such as 7"),
    ("risk.score >= 7", "with a point, such as 7.0"),
    ("risk.score in [7]", "with a point, such as 7.0"),
])  # fmt: skip
def test_the_form_of_a_number_is_that_of_the_fact(condition: str, form: str) -> None:
    with pytest.raises(ConditionError, match=form):
        Conditions([condition]).compile(condition)


def test_teams_that_conditions_name() -> None:
    conditions = ('"dba" in requester.teams', 'requester.teams.exists(t, t == "ops" || t in ["a", "b"])',
                  '!("dba" in requester.teams) && labels.team == "c"')  # fmt: skip
    text = "version: 1\nrules:\n" + "".join(
        f"  - {{name: R{at}, when: '{condition}'}}\n" for at, condition in enumerate(conditions)
    )
    found = teams_in_conditions(read_policy(text, "p.yaml"))
    assert found == {"dba": ["R0", "R2"], "ops": ["R1"], "a": ["R1"], "b": ["R1"]}


def test_the_example_raises_no_doubts() -> None:
    assert doubts(read_policy(EXAMPLE, "policies.yaml"), read_tree(EXAMPLE).data) == ()
