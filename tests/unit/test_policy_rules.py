"""Which rule applies, and the terms it makes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.policy.calendars import deadline_again, next_opening
from app.domain.policy.facts import Facts, Policy, Requester
from app.domain.policy.parser import read_policy
from app.domain.policy.rules import CompiledPolicy
from app.domain.policy.summary import summary
from app.domain.policy.terms import Edited, EscalationStep, OnExpiry, Stage, Terms, default_terms
from app.domain.risk import Assessment, Finding
from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel, Verdict

ROOT = Path(__file__).parents[2]
BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = datetime(2026, 11, 27, 16, tzinfo=BERLIN)
HOUR = 3600
FEW = tuple(Finding(f"rule.{number}", RiskLevel.LOW, "", number + 1) for number in range(3))
SCORE = {"safe": 0.0, "low": 2.5, "medium": 5.0, "high": 7.5, "critical": 9.5}

SHIPPED: Policy = CompiledPolicy(read_policy((ROOT / "policies.yaml").read_text(), "policies.yaml"), 1)
HEAD = """
version: 1
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-17:00"}, teams: [dba], default: true}
  night: {timezone: UTC, hours: {mon-sun: ["00:00-06:00", "20:00-24:00"]}, teams: [ops], people: [Owl@example.com]}
"""


def facts(risk: str = "medium", understood: bool = True, **changed: Any) -> Facts:
    level = RiskLevel(risk)
    values = {"workflow": "w", "node": "n", "agent": "a", "kind": "script", "environment": "production"}
    return Facts(**(values | {"assessment": Assessment(level, SCORE[risk], understood=understood)} | changed))


def policy(text: str) -> CompiledPolicy:
    return CompiledPolicy(read_policy(HEAD + text, "policies.yaml"), 7)


def one(*fields: str, when: str = "true") -> CompiledPolicy:
    """A policy of one rule."""
    return policy("\n".join(["rules:", "  - name: R", f"    when: '{when}'", *(f"    {field}" for field in fields)]))


def test_every_field_reaches_the_terms() -> None:
    made = one(
        "stages:",
        "  - {name: Database, teams: [dba], people: [Lead@Example.com], quorum: 2}",
        "  - {name: Platform, teams: platform}",
        "deny_threshold: 2",
        "reason_required: [approve]",
        "edit: false",
        "reauthenticate: 10 minutes",
        'change_windows: [{days: [sat, sun], hours: ["10:00-12:00", "22:00-24:00"], timezone: UTC, '
        "except: [2026-12-26]}]",
        "deadline: 4 hours",
        "warn: 30 minutes before",
        "on_expiry: escalate",
        "escalation: [{after: 1 hour, teams: [ops], people: [Owl@example.com], priority: 2}]",
        "grants: false",
        "grace: 20 seconds",
    ).terms(facts(), FRIDAY)

    assert (made.name, made.policy_version) == ("R", 7)
    assert made.stages == (
        Stage(name="Database", teams=("dba",), people=("lead@example.com",), quorum=2),
        Stage(name="Platform", teams=("platform",)),
    )
    assert (made.deny_threshold, made.grace_seconds) == (2, 20)
    assert one("grace: none").terms(facts(), FRIDAY).grace_seconds == 0
    assert set(made.reason_required) == {Verdict.APPROVE, Verdict.REJECT, Verdict.REQUEST_CHANGES}
    assert not made.edit_allowed
    assert made.reauthenticate_seconds == 600
    assert [(window.days, window.start, window.end, window.except_days) for window in made.windows] == [
        ((5, 6), "10:00", "12:00", ("2026-12-26",)),
        ((5, 6), "22:00", "00:00", ("2026-12-26",)),
    ]
    assert (made.deadline_seconds, made.warn_seconds) == (4 * HOUR, 1800)
    assert made.on_expiry is OnExpiry.ESCALATE
    assert made.escalation == (
        EscalationStep(after_seconds=HOUR, words="1 hour", teams=("ops",), people=("owl@example.com",), priority=2),
    )
    assert not made.grants_allowed


@pytest.mark.parametrize(("word", "needed"), [("true", True), ("yes", True), ("all", True), ("no", False)])
def test_the_words_of_a_switch_hold_for_reasons_as_they_do_for_edits(word: str, needed: bool) -> None:
    made = one(f"reason_required: {word}").terms(facts(), FRIDAY)
    assert (Verdict.APPROVE in made.reason_required) is needed
    assert Verdict.REJECT in made.reason_required


@pytest.mark.parametrize(("said", "expected"), [
    ("", [Edited.EDITOR_COUNTS, Edited.SECOND_PERSON]),
    ("    edited: second_person\n", [Edited.SECOND_PERSON] * 2),
    ("    edited: editor_counts\n", [Edited.EDITOR_COUNTS] * 2),
])  # fmt: skip
def test_a_rule_says_what_an_editors_approval_is_worth(said: str, expected: list[Edited]) -> None:
    text = f"version: 1\nrules:\n  - name: a\n    when: 'true'\n{said}"
    policy = CompiledPolicy(read_policy(text, "p.yaml"), 1)
    assert [policy.terms(facts(level), FRIDAY).edited for level in ("medium", "high")] == expected
    also = summary(policy.document)[0].also
    assert any("second person after an edit" in line for line in also) is bool(said)


def test_a_rule_that_says_nothing_is_as_the_strict_default_but_for_its_name() -> None:
    for level in RiskLevel:
        strict = default_terms(level)
        made = one().terms(facts(level.value), FRIDAY)
        assert made.model_copy(update={"name": strict.name, "policy_version": None, "stages": strict.stages}) == strict
        assert made.stages == (Stage(),)


FIRST = """
rules:
  - {name: one, when: 'environment == "staging"', deadline: 1 hour}
  - {name: two, when: 'risk.rank >= 3', deadline: 2 hours}
  - {name: three, when: 'risk.rank >= 2 && environment == "production"', deadline: 3 hours}
"""


@pytest.mark.parametrize(
    ("asked", "name", "hours"),
    [
        (facts("critical", environment="staging"), "one", 1),
        (facts("high"), "two", 2),
        (facts("medium"), "three", 3),
    ],
)
def test_the_first_rule_that_holds_applies(asked: Facts, name: str, hours: int) -> None:
    made = policy(FIRST).terms(asked, FRIDAY)
    assert (made.name, made.deadline_seconds) == (name, hours * HOUR)


def test_no_rule_falls_to_the_policys_default_or_to_the_strict_one() -> None:
    asked = facts("low", expires_in_seconds=90 * 86_400)
    strict = policy(FIRST)
    expected = default_terms(RiskLevel.LOW, 90 * 86_400)
    assert strict.terms(asked, FRIDAY) == expected.model_copy(update={"policy_version": 7})

    own = policy(FIRST + "default: {ask: {teams: [dba]}, deadline: 5 hours}")
    made = own.terms(asked, FRIDAY)
    assert (made.stages, made.deadline_seconds, made.policy_version) == ((Stage(teams=("dba",)),), 5 * HOUR, 7)
    assert made.name == "policy's default"


@pytest.mark.parametrize(("wanted", "seconds"), [(None, 4 * HOUR), (600, 600), (4 * HOUR + 1, 4 * HOUR)])
def test_an_agent_may_shorten_the_deadline_but_not_lengthen_it(wanted: int | None, seconds: int) -> None:
    made = one("deadline: 4 hours", "warn: 1 hour before").terms(facts(expires_in_seconds=wanted), FRIDAY)
    assert made.deadline_seconds == seconds
    assert made.warn_seconds == (HOUR if seconds > HOUR else seconds // 8)


@pytest.mark.parametrize(
    ("line", "seconds"), [("warn: never", 0), ("warn: 90 minutes", 5400), ("edit: true", 4 * HOUR // 8)]
)
def test_people_are_warned_when_the_rule_says_so_or_late(line: str, seconds: int) -> None:
    assert one("deadline: 4 hours", line).terms(facts(), FRIDAY).warn_seconds == seconds


# Working hours: on Friday at 16:00 the office has one hour left, and the night watch begins at 21:00 Berlin time.


@pytest.mark.parametrize(
    ("lines", "ends"),
    [
        (["ask: {teams: [dba]}"], datetime(2026, 11, 30, 10, tzinfo=BERLIN)),
        (["ask: {teams: [ops]}"], datetime(2026, 11, 27, 23, tzinfo=BERLIN)),
        (["ask: {teams: [platform, ops]}"], datetime(2026, 11, 27, 23, tzinfo=BERLIN)),
        (["ask: {people: [owl@example.com]}"], datetime(2026, 11, 27, 23, tzinfo=BERLIN)),
        (["ask: {teams: [platform]}"], datetime(2026, 11, 30, 10, tzinfo=BERLIN)),
        (["stages: [{teams: platform}, {teams: ops}]"], datetime(2026, 11, 30, 10, tzinfo=BERLIN)),
        (["ask: {teams: [dba]}", "calendar: night"], datetime(2026, 11, 27, 23, tzinfo=BERLIN)),
    ],
)
def test_working_hours_are_those_of_whom_the_rule_asks_first(lines: list[str], ends: datetime) -> None:
    made = one(*lines, "deadline: 2 working hours").terms(facts(), FRIDAY)
    assert FRIDAY + timedelta(seconds=made.deadline_seconds) == ends


@pytest.mark.parametrize("fraction", [0, 1, 400_000, 999_999])
def test_a_deadline_in_working_hours_ends_on_the_minute_whatever_the_fraction_of_its_start(fraction: int) -> None:
    opened = FRIDAY.replace(hour=18, microsecond=fraction)
    made = one("ask: {teams: [dba]}", "deadline: 2 working hours").terms(facts(), opened)
    ends = opened + timedelta(seconds=made.deadline_seconds)
    assert ends.replace(second=0, microsecond=0) == datetime(2026, 11, 30, 11, tzinfo=BERLIN)


def test_a_chain_in_working_hours_stays_in_order() -> None:
    chain = "escalation: [{after: 2 working hours, teams: ops}, {after: 3 hours, teams: platform}]"
    steps = one("ask: {teams: dba}", "on_expiry: escalate", chain).terms(facts(), FRIDAY).escalation
    assert FRIDAY + timedelta(seconds=steps[0].after_seconds) == datetime(2026, 11, 30, 10, tzinfo=BERLIN)
    assert steps[1].after_seconds == steps[0].after_seconds
    assert [step.words for step in steps] == ["2 working hours", "3 hours"]


def test_a_deadline_in_working_hours_begins_again_in_working_hours() -> None:
    chain = ["on_expiry: escalate", "escalation: [{after: 1 hour, teams: [ops]}]"]
    made = one("ask: {teams: [dba]}", "deadline: 8 working hours", *chain).terms(facts(), FRIDAY)
    made = Terms.from_json(made.to_json())
    first = FRIDAY + timedelta(seconds=made.deadline_seconds)
    assert first == datetime(2026, 11, 30, 16, tzinfo=BERLIN)
    assert deadline_again(made, first) == datetime(2026, 12, 1, 16, tzinfo=BERLIN), "a working day"
    plain = one("deadline: 8 hours", *chain).terms(facts(), FRIDAY)
    assert deadline_again(plain, first) == first + timedelta(hours=8)
    hurried = one("deadline: 8 working hours", *chain).terms(facts(expires_in_seconds=HOUR), FRIDAY)
    assert deadline_again(hurried, first) == first + timedelta(hours=1), "the agent's own time is no working time"


def test_a_calendar_may_be_a_change_window() -> None:
    windows = one("change_windows: [{calendar: night}]").terms(facts(), FRIDAY).windows
    assert next_opening(windows, FRIDAY) == datetime(2026, 11, 27, 20, tzinfo=UTC)
    assert next_opening(windows, datetime(2026, 11, 28, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("level", list(RiskLevel))
def test_silence_approves_only_what_is_harmless_whatever_the_condition_lets_through(level: RiskLevel) -> None:
    made = one("on_expiry: approve", when="risk.rank < 9").terms(facts(level.value), FRIDAY)
    assert made.on_expiry is (OnExpiry.APPROVE if level.rank <= 1 else OnExpiry.REJECT)


def test_silence_never_approves_what_the_portal_has_not_understood() -> None:
    rule = one("on_expiry: approve", when="risk.rank <= 1")
    assert rule.terms(facts("low"), FRIDAY).on_expiry is OnExpiry.APPROVE
    assert rule.terms(facts("low", understood=False), FRIDAY).on_expiry is OnExpiry.REJECT


SIMILAR = """\
rules:
  - name: Both
    when: |
      tool == "read" // as it is called
      && node == "relaxed"
  - name: One
    when: tool == "read" // as it is called && node == "relaxed"
  - {name: Narrow, when: 'node=="strict"&&size>1'}
  - {name: Never reached, when: 'node == "strict" && size > 1'}
"""


def test_the_same_blanks_do_not_make_the_same_condition() -> None:
    """And a version that was loaded stays readable, although one of its rules is never reached."""
    compiled = policy(SIMILAR)
    names = [compiled.terms(facts(tool="read", node=node), FRIDAY).name for node in ("relaxed", "other")]
    assert names == ["Both", "One"]


@pytest.mark.parametrize(
    ("wanted", "silence"), [(None, OnExpiry.APPROVE), (90_000, OnExpiry.APPROVE), (10, OnExpiry.REJECT)]
)
def test_an_agent_cannot_hasten_an_approval_on_expiry(wanted: int | None, silence: OnExpiry) -> None:
    rule = one("on_expiry: approve", "deadline: 1 day", when="risk.rank <= 1")
    assert rule.terms(facts("low", expires_in_seconds=wanted), FRIDAY).on_expiry is silence


@pytest.mark.parametrize("level", list(RiskLevel))
def test_a_standing_grant_never_answers_what_is_risky(level: RiskLevel) -> None:
    assert one("grants: true").terms(facts(level.value), FRIDAY).grants_allowed is (level.rank <= 2)


def test_where_a_fresh_sign_in_is_asked_for_a_grant_answers_only_if_the_rule_says_so() -> None:
    assert not one("reauthenticate: 10 minutes").terms(facts("low"), FRIDAY).grants_allowed
    said = one("reauthenticate: 10 minutes", "grants: true")
    assert said.terms(facts("low"), FRIDAY).grants_allowed


# A condition that cannot be evaluated

FAILING = """
rules:
  - {name: lax, when: 'size * 9223372036854775807 > 0', deadline: 300 days,
     ask: {teams: [interns]}, on_expiry: reject, grants: true, edit: true}
  - {name: firm, when: 'environment == "production"', ask: {teams: [dba], quorum: 2}, edit: false, deadline: 1 hour,
     change_windows: [{calendar: night}], reauthenticate: 5 minutes}
default: {ask: {teams: [platform]}}
"""


def test_a_condition_that_cannot_be_evaluated_never_leads_to_something_laxer() -> None:
    rules = policy(FAILING)
    asked = facts("critical", size=2)

    made = rules.terms(asked, FRIDAY)

    assert made.name == "strict default, because the condition of “lax” could not be evaluated"
    assert made.deadline_seconds == 4 * HOUR  # the strict default's for critical risk
    assert made.on_expiry is OnExpiry.REJECT
    assert not made.edit_allowed and not made.grants_allowed
    assert made.reauthenticate_seconds == 300
    assert made.windows
    asking = {team for stage in made.stages for team in stage.teams}
    assert asking == {"interns", "dba"}
    assert sum(stage.quorum for stage in made.stages if "dba" in stage.teams) == 2
    ((failed, reason),) = rules.match(asked, FRIDAY).failed
    assert (failed.name, "overflow" in reason) == ("lax", True)


def test_where_it_can_be_evaluated_the_same_policy_does_as_it_says() -> None:
    rules = policy(FAILING)
    assert rules.terms(facts(size=1), FRIDAY).name == "lax"
    assert rules.terms(facts(size=0), FRIDAY).name == "firm"
    assert rules.terms(facts(size=0, environment=""), FRIDAY).name == "policy's default"


# The example, and how fast it is


def test_the_example_says_what_its_comments_say() -> None:
    opened = datetime(2026, 11, 23, 9, tzinfo=BERLIN)
    lock = Assessment(RiskLevel.MEDIUM, 5.0, (Finding("sql.lock_table", RiskLevel.MEDIUM, "", 1),))
    expected = [
        (facts("critical"), "Irreversible in production", [("dba",), ("platform",)]),
        (facts("high"), "High risk", [("dba", "platform")]),
        (facts(assessment=lock, environment="sample"), "Locks and schema changes", [("dba",)]),
        (facts("medium", environment="sample"), "Sample database", [("dba", "platform")]),
        (facts("low", labels={"purpose": "report"}), "Harmless reports", [("platform",)]),
        (facts("low"), "policy's default", [("dba", "platform")]),
        (facts("medium", labels={"purpose": "report"}), "policy's default", [("dba", "platform")]),
    ]
    for asked, name, teams in expected:
        made = SHIPPED.terms(asked, opened)
        assert (made.name, [stage.teams for stage in made.stages]) == (name, teams)
    assert SHIPPED.terms(facts("low", labels={"purpose": "report"}), opened).on_expiry is OnExpiry.APPROVE


@pytest.mark.parametrize(
    ("tool", "args", "environment", "name", "people"),
    [
        ("refund_payment", {"order": "B-1041", "amount": 120}, "", "Payments and refunds", 1),
        ("refund_payment", {"order": "B-1041", "amount": 500}, "", "Payments and refunds", 1),
        ("refund_payment", {"order": "B-1041", "amount": 500.01}, "", "Payments and refunds above 500", 2),
        ("create_transfer", {"amount_cents": 90000, "to": "DE02"}, "production", "Payments and refunds above 500", 2),
        ("list_payments", {"customer": "7"}, "", "policy's default", 1),
        ("send_email", {"to": "ops@example.com", "body": "Done."}, "", "policy's default", 1),
        ("send_email", {"to": ["ops@example.com", "A <a@example.org>"]}, "", "Mail outside the organization", 1),
        ("send_email", {"to": "ops@example.com", "bcc": "a@example.org"}, "", "Mail outside the organization", 1),
        ("send_email", {"to": [f"p{n}@example.com" for n in range(21)]}, "", "Mail to many recipients", 2),
        ("restart_service", {"service": "checkout"}, "staging", "Infrastructure", 1),
        ("restart_service", {"service": "checkout"}, "production", "Infrastructure in production", 1),
        ("scale_deployment", {"name": "web", "replicas": 0}, "", "Infrastructure", 1),
        ("terraform_apply", {"workspace": "prod"}, "", "Infrastructure in production", 1),
        ("run_sql", {"sql": "ALTER TABLE orders DROP COLUMN note"}, "", "Locks and schema changes", 1),
        ("run_sql", {"sql": "DELETE FROM orders"}, "staging", "Data at risk", 1),
    ],
)
def test_the_example_judges_money_mail_and_infrastructure_by_value(
    tool: str, args: dict[str, Any], environment: str, name: str, people: int
) -> None:
    made = SHIPPED.terms(called((tool, args), environment=environment), FRIDAY)
    assert (made.name, made.quorum) == (name, people)


def test_in_the_example_each_call_of_a_request_is_judged_by_its_own_rule() -> None:
    made = SHIPPED.terms(called(("refund_payment", {"amount": 5}), ("send_email", {"to": "a@example.org"})), FRIDAY)
    assert made.name == "Payments and refunds and Mail outside the organization"


def called(*calls: tuple[str, dict[str, Any]], environment: str = "") -> Facts:
    """The facts about a proposal of tool calls, assessed as in real life."""
    listed = [{"tool": tool, "args": args} for tool, args in calls]
    one = {"kind": "tool_call", **listed[0]} if len(calls) == 1 else {"kind": "tool_calls", "calls": listed}
    document = {"title": "A call", "environment": environment, **one}
    assessment = assess_proposal(document)
    return Facts.of(document, assessment, workflow="w", node="n", agent="a", requester=Requester())


def test_thirty_rules_are_decided_in_a_fraction_of_a_millisecond() -> None:
    lines = ["rules:"]
    for number in range(30):
        condition = f'environment == "e{number}" && risk.level in ["high", "critical"] || '
        condition += f'findings.exists(f, f.rule.startsWith("x{number}.")) || labels.team == "t{number}"'
        lines.append(f"  - {{name: rule {number}, when: '{condition}', deadline: 8 working hours}}")
    rules = policy("\n".join(lines))
    asked = facts(assessment=Assessment(RiskLevel.HIGH, 7.5, FEW), labels={"team": "t29"})
    assert rules.terms(asked, FRIDAY).name == "rule 29"

    best = min(_seconds(lambda: rules.terms(asked, FRIDAY)) for _ in range(20))

    assert best < 0.001  # about 0.2 ms here, with the terms


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
