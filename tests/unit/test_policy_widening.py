"""What a new version of a policy approves without people that the one in force did not."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.domain.policy import condition_words
from app.domain.policy.at_once import ending
from app.domain.policy.document import PolicyDocument
from app.domain.policy.facts import Facts
from app.domain.policy.parser import PolicyFileError, read_policy
from app.domain.policy.rules import CompiledPolicy
from app.domain.policy.terms import Unanswered
from app.domain.policy.verdicts import Decide, Ruling
from app.domain.policy.widening import lowers_critical, widened
from app.domain.risk import Assessment
from assent.composition.cel import tokens
from assent.contracts import RiskLevel
from tests.thorough import examples

LOW = "understood && risk.rank <= 1"
HARMLESS = f"{{name: Harmless, when: {LOW}, decide: approve, until: 2027-03-31, sample: 2%}}"
ASKS = "{name: Production, when: environment == 'production', ask: {teams: dba}}"
REJECTS = "{name: Production, when: environment == 'production', decide: reject"
READS = f"{{name: Reads, when: {LOW} && tool == 'read', decide: approve, until: 2027-03-31, sample: 50%}}"
FORBIDS = "{name: Drops, when: tool == 'drop', decide: reject}"
TEXTS = "{name: Texts, when: args.amount > 500, ask: {teams: dba}}"
SPACES = "{name: Team, when: labels.team == 'data  platform', ask: {teams: dba}}"
RELAXED = "{name: Relaxed, when: node == 'relaxed', unanswered: ask}"
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
        ((HARMLESS, TEXTS), (HARMLESS,)),
        ((HARMLESS, TEXTS), (HARMLESS, ASKS, TEXTS)),
        ((HARMLESS, TEXTS), (HARMLESS, TEXTS.replace("500", "501"))),
        ((SPACES, HARMLESS), (SPACES.replace("  ", " "), HARMLESS)),
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
        ((HARMLESS, TEXTS), (TEXTS, HARMLESS)),
        ((HARMLESS, TEXTS), (HARMLESS, TEXTS, ASKS)),
        ((HARMLESS, ASKS, TEXTS), (HARMLESS, ASKS, TEXTS)),
        ((HARMLESS, TEXTS), (HARMLESS, "{name: Texts, when: args.amount  > 500, decide: reject}")),
        ((HARMLESS, RELAXED), (HARMLESS, RELAXED)),
    ],
)
def test_what_does_not(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    assert widened(policy(*old), policy(*new)) == ()


def conditioned(condition: str) -> PolicyDocument:
    """A policy whose only rule approves under this condition."""
    block = "".join(f"      {line}\n" for line in condition.splitlines())
    rule = f"  - name: Harmless\n    decide: approve\n    until: 2027-03-31\n    when: |\n{block}"
    return read_policy(f"version: 1\nrules:\n{rule}", "policies.yaml")


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        (f"{LOW} && tool == 'read'", f"{LOW}\n&&\ttool=='read'  // a remark", False),
        (f"{LOW} // for now\n&& tool == 'read'", f"{LOW} // for now && tool == 'read'", True),
        (f"{LOW} && tool != 'a  b'", f"{LOW} && tool != 'a b'", True),
        (f'{LOW} && tool != """a // b"""', f'{LOW} && tool != """a // c"""', True),
        (f"{LOW} && tool != 'a\\tb'", f"{LOW}  && tool != 'a\\tb'", True),
    ],
)
def test_blanks_and_remarks_change_a_condition_only_where_they_mean_something(old: str, new: str, wider: bool) -> None:
    assert bool(widened(conditioned(old), conditioned(new))) is wider


AMOUNTS = "{name: Amounts, when: args.amount > 500, unanswered: ask}"
NIGHTS = "days: mon-fri, hours: '22:00-04:00', timezone: UTC"
ALL_NIGHTS = NIGHTS.replace("mon-fri", "mon-sun")


def windowed(*windows: str, holiday: str = "2027-01-01") -> PolicyDocument:
    """A policy whose only rule approves what then runs in these windows."""
    office = f"{{timezone: UTC, hours: {{mon-fri: '09:00-17:00'}}, holidays: [{holiday}]}}"
    text = "".join(f"{{{window}}}, " for window in windows)
    rule = HARMLESS.replace("{", f"{{change_windows: [{text}], " if windows else "{", 1)
    return read_policy(f"version: 1\ncalendars: {{office: {office}}}\nrules:\n  - {rule}", "policies.yaml")


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        (windowed(NIGHTS), windowed(), True),
        (windowed(NIGHTS), windowed(ALL_NIGHTS), True),
        (windowed(NIGHTS), windowed(NIGHTS.replace("04", "05")), True),
        (windowed(NIGHTS), windowed(NIGHTS, "calendar: office"), True),
        (windowed(f"{NIGHTS}, except: [2027-01-01]"), windowed(NIGHTS), True),
        (windowed("calendar: office"), windowed("calendar: office", holiday="2027-01-02"), True),
        (windowed(), windowed(NIGHTS), False),
        (windowed(NIGHTS, "calendar: office"), windowed(NIGHTS), False),
        (windowed(ALL_NIGHTS), windowed(f"{NIGHTS}, except: [2027-01-01]"), False),
        (windowed("calendar: office"), windowed("calendar: office", holiday="2027-01-01, 2027-01-02"), False),
    ],
)
def test_other_times_at_which_it_may_run_need_one(old: PolicyDocument, new: PolicyDocument, wider: bool) -> None:
    why = "What “Harmless” approves may run at times at which it could not before."
    assert widened(old, new) == ((why,) if wider else ())


DENIED = "{name: Relaxed, when: node == 'relaxed'}"


def keyboard(*rules: str, default: str = "") -> PolicyDocument:
    """A policy with these rules and this default."""
    text = "".join(f"  - {rule.replace(chr(39), chr(34))}\n" for rule in rules)
    return read_policy(f"version: 1\nrules:\n{text or ' []'}\n{default and f'default: {default}'}", "policies.yaml")


LEFT = "leaves calls that nobody decides in time to the person at the keyboard."
ALSO = "also leaves to the person at the keyboard what “{}” decided about before."
ASK = "{unanswered: ask}"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (keyboard(FORBIDS), keyboard(FORBIDS, RELAXED), f"“Relaxed” {LEFT}"),
        (keyboard(DENIED), keyboard(RELAXED), f"“Relaxed” {LEFT}"),
        (keyboard(RELAXED), keyboard(RELAXED.replace("'relaxed'", "'other'")), f"“Relaxed” {LEFT}"),
        (keyboard(default="{unanswered: deny}"), keyboard(default=ASK), f"The policy's default {LEFT}"),
        (None, keyboard(default=ASK), f"The policy's default {LEFT}"),
        (keyboard(ASKS, RELAXED), keyboard(RELAXED), f"“Relaxed” {ALSO.format('Production')}"),
        (keyboard(ASKS, RELAXED), keyboard(RELAXED, ASKS), f"“Relaxed” {ALSO.format('Production')}"),
        (keyboard(FORBIDS, RELAXED), keyboard(FOR_NOW, RELAXED), f"“Relaxed” {ALSO.format('Drops')}"),
        (keyboard(ASKS, default=ASK), keyboard(default=ASK), f"The policy's default {ALSO.format('Production')}"),
        (keyboard(AMOUNTS, default=ASK), keyboard(default=ASK), f"The policy's default {ALSO.format('Amounts')}"),
    ],
)  # fmt: skip
def test_what_is_left_to_the_keyboard_needs_a_second_person(
    old: PolicyDocument | None, new: PolicyDocument, why: str
) -> None:
    assert widened(old, new) == (why,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (keyboard(RELAXED, default=ASK), keyboard(RELAXED, default=ASK)),
        (keyboard(RELAXED, default=ASK), keyboard(default=ASK)),
        (keyboard(RELAXED), keyboard(ASKS, FORBIDS, RELAXED)),
        (keyboard(RELAXED), keyboard(DENIED)),
        (keyboard(AMOUNTS, default=ASK), keyboard(AMOUNTS, ASKS, default=ASK)),
        (keyboard(ASKS, RELAXED), keyboard(f"{REJECTS}}}", RELAXED)),
        (keyboard(HARMLESS, RELAXED), keyboard(RELAXED)),
        (keyboard(RELAXED, ASKS), keyboard(RELAXED)),
    ],
)
def test_what_is_left_to_it_as_before_does_not(old: PolicyDocument, new: PolicyDocument) -> None:
    assert widened(old, new) == ()


CONDITIONS = ("tool == 'drop'", "node == 'relaxed'", "args.amount > 500")
APPROVING = (LOW, f"{LOW} && tool == 'drop'", f"{LOW} && node == 'relaxed'")
SITUATIONS = [
    (
        Facts("w", node, "a", "tool_call", Assessment(RiskLevel.LOW, 2.0, understood=True), tool=tool, args=args),
        datetime(2027, month, 1, tzinfo=UTC),
    )
    for tool, node, args, month in itertools.product(
        ("drop", "read"), ("relaxed", "strict"), ({}, {"amount": 9}, {"amount": 900}, {"amount": "900"}), (1, 3)
    )
]


def rules(conditions: tuple[str, ...], *bodies: str) -> st.SearchStrategy[str]:
    ends = ("", ", until: 2027-02-01", ", until: 2027-04-01")
    parts = st.tuples(st.sampled_from(conditions), st.sampled_from(bodies), st.sampled_from(ends))
    return parts.map(lambda found: f"when: {found[0]}, {found[1]}" + (found[2] if "decide" in found[1] else ""))


@st.composite
def policies(draw: st.DrawFn) -> PolicyDocument:
    """A policy of a few rules of each kind."""
    asking = rules(CONDITIONS, "decide: reject", "unanswered: ask", "unanswered: deny")
    approving = rules(APPROVING, "decide: approve", "sample: 1%, decide: approve", "sample: 50%, decide: approve")
    found = [f"{{name: R{at}, {text}}}" for at, text in enumerate(draw(st.lists(asking | approving, max_size=4)))]
    try:
        return keyboard(*found, default=draw(st.sampled_from(("{unanswered: ask}", "{deadline: 1 day}"))))
    except PolicyFileError:
        assume(False)
        raise


def needs_no_reviewer(ruling: Ruling) -> bool:
    """True if no reviewer has to agree."""
    if ruling.decision is not None:
        return ruling.decision.verdict is Decide.APPROVE
    return ruling.terms.unanswered is Unanswered.ASK


@given(old=policies(), new=policies(), data=st.data())
@settings(max_examples=examples(300), deadline=None)
def test_what_needs_no_second_person_needs_no_fewer_reviewers(
    old: PolicyDocument, new: PolicyDocument, data: Any
) -> None:
    """Compared with what the two policies do."""
    if data.draw(st.booleans()):
        new = old.model_copy(
            update={"rules": tuple(data.draw(st.permutations(old.rules)))[: data.draw(st.integers(0, 4))]}
        )
    if widened(old, new):
        return
    before, after = CompiledPolicy(old, 1), CompiledPolicy(new, 2)
    for facts, at in SITUATIONS:
        was, now = before.ruling(facts, at), after.ruling(facts, at)
        assert needs_no_reviewer(was) or not needs_no_reviewer(now), (facts, at)
        if was.decision is not None and now.decision is not None and now.decision.verdict is Decide.APPROVE:
            assert now.decision.sample >= was.decision.sample, (facts, at)


def test_each_condition_is_read_a_few_times_however_many_rules_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other administrators wait for the lock meanwhile, and the comparison looks at every pair of rules."""
    rules = [
        f"{{name: R{number}, when: {LOW} && tool != 't{number}', decide: approve, until: 2027-03-31}}"
        if number % 2 == 0
        else f"{{name: R{number}, when: args.amount > {number}, ask: {{teams: dba}}}}"
        for number in range(60)
    ]
    document, read = policy(*rules), []
    monkeypatch.setattr(condition_words, "tokens", lambda text: read.append(text) or tokens(text))
    assert widened(document, document) == ()
    assert len(read) <= 4 * len(rules)


def test_where_no_policy_was_every_approval_is_new() -> None:
    assert len(widened(None, policy(HARMLESS))) == 1
    assert widened(None, policy(ASKS, FORBIDS)) == ()


def reading_tools(*patterns: str) -> PolicyDocument:
    """A policy that registers these tools as reading."""
    lines = "".join(f"  {pattern}: Because.\n" for pattern in patterns)
    head = f"reading_tools:\n{lines}" if lines else ""
    return read_policy(f"version: 1\n{head}default: {{deadline: 1 day}}\n", "policies.yaml")


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ((), ("mcp__docs__search",), ["mcp__docs__search"]),
        (("mcp__docs__search",), ("mcp__docs__search", "mcp__docs__list"), ["mcp__docs__list"]),
        (("mcp__docs__search",), ("mcp__docs__*",), ["mcp__docs__*"]),
        (("mcp__docs__*",), ("mcp__docs__search", "mcp__docs__get_*"), []),
        (("mcp__docs__search",), ("mcp__docs__Search",), ["mcp__docs__Search"]),
        (("mcp__docs__search",), (), []),
    ],
)
def test_whatever_is_newly_registered_as_reading_is_wider(
    old: tuple[str, ...], new: tuple[str, ...], wider: list[str]
) -> None:
    found = widened(reading_tools(*old), reading_tools(*new))
    assert list(found) == [f"Calls of {pattern} count as reading." for pattern in wider]
    assert bool(widened(None, reading_tools(*new))) is bool(new)


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


def test_so_does_every_rule_that_counts_less_where_calls_are_left_to_the_keyboard() -> None:
    [why] = widened(risk_rules((RELAXED,)), risk_rules((RELAXED,), lock="off"), LEVELS)
    assert why == "The risk rule sql.lock_table is switched off; it was high."


def test_a_rule_that_counts_more_and_still_lets_a_rule_approve_needs_one_too() -> None:
    """A rule before it may ask about what is safe only."""
    approving, levels = (HARMLESS, ASKS), {"sql.lock_table": RiskLevel.SAFE}
    [why] = widened(risk_rules(approving), risk_rules(approving, lock="low"), levels)
    assert why == "The risk rule sql.lock_table becomes low; it was safe."
    assert widened(risk_rules(approving), risk_rules(approving, lock="medium"), levels) == ()
    assert widened(risk_rules(), risk_rules(lock="low"), levels) == ()


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
