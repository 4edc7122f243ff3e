"""The second opinion: words tell where no rule knows a program or a tool. It only raises, and says so."""

import json
import re
from array import array
from pathlib import Path

import pytest

from app.risk import resemblance
from app.risk.assess import assess_proposal
from app.risk.resemblance import LONGEST, RESEMBLES_CRITICAL, RESEMBLES_HIGH, Numbers, opinion
from app.risk.sql.named_rows import writes_named_rows
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
LINES = Path(__file__).with_name("resemblance.txt").read_text(encoding="utf-8").splitlines()[1:]
CASES = [line.split(" ", 1) for line in LINES if line and not line.startswith("#")]
DELETES = "keyvaultctl purge --all-keys --force"


def assessed(text):
    if call := re.fullmatch(r"(\w+) (\{.*\})", text):
        return assess_proposal({"kind": "tool_call", "title": "t", "tool": call[1], "args": json.loads(call[2])})
    return assess_proposal({"kind": "script", "title": "t", "language": "bash", "content": text})


@pytest.mark.parametrize(("level", "text"), CASES)
def test_what_no_rule_knows_is_rated_by_its_words(level, text):
    found = assessed(text)
    assert found.level.value == level, found.findings
    assert not found.understood


def test_the_finding_names_the_words():
    worst = assessed(DELETES).findings[0]
    assert worst.rule == RESEMBLES_CRITICAL.id
    assert "purge" in worst.message


@pytest.mark.parametrize("level", [SAFE, LOW, CRITICAL])
def test_it_says_nothing_about_other_levels(level):
    assert opinion(DELETES, MEDIUM).severity is CRITICAL
    assert opinion(DELETES, level) is None


def test_high_is_not_raised_to_high():
    text = next(text for level, text in CASES if level == "high" and opinion(text, MEDIUM))
    assert opinion(text, MEDIUM).rule == RESEMBLES_HIGH.id
    assert opinion(text, HIGH) is None


def test_a_long_text_is_not_scored():
    assert opinion(f"{DELETES}\n{'#' * (LONGEST - len(DELETES) - 1)}", MEDIUM) is not None
    assert opinion(f"{DELETES}\n{'#' * LONGEST}", MEDIUM) is None


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800 purge", "é" * 500, "{" * 500])
def test_strange_texts_are_no_problem(text):
    assert opinion(text, MEDIUM) is None or opinion(text, MEDIUM).message


def test_arguments_that_are_nested_too_deep_have_no_text():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert resemblance.call_text("t", nested) == ""


def test_words_that_hardly_any_text_has_are_not_named():
    password = "Hunter Zwölfundvierzig Xylophonmusik"
    assert not re.search("(?i)zw|xylophon|musik", opinion(f"{DELETES} --password '{password}'", MEDIUM).message)


def test_calls_and_statements_of_one_proposal_have_an_opinion_each():
    calls = [{"id": "one", "tool": "look", "args": {}}, {"id": "two", "tool": "vault_console", "args": {"op": "purge"}}]
    found = assess_proposal({"kind": "tool_calls", "title": "t", "calls": calls})
    assert {finding.item for finding in found.findings if finding.rule.startswith("resembles.")} <= {"two"}


def test_what_is_written_is_what_is_read(tmp_path):
    size = 1 << resemblance.BITS
    given = Numbers(
        bytes(size), array("b", [3] * size), array("b", [-3] * size), (0.5, 0.25), (-1.0, -2.0), (0.25, -0.5)
    )
    given.write(tmp_path / "numbers")
    assert Numbers.read(tmp_path / "numbers") == given


def test_where_rules_understand_all_the_opinion_has_to_be_surer():
    text = "DELETE FROM t WHERE rowid = 5;"
    assert opinion(text, MEDIUM) is not None
    assert opinion(text, MEDIUM, understood=True) is None
    document = {"kind": "script", "title": "t", "language": "sql", "dialect": "sqlite", "content": text}
    assert assess_proposal(document).level is MEDIUM


def test_what_rules_understand_in_full_rises_by_one_step():
    assert opinion(DELETES, MEDIUM).severity is CRITICAL
    assert opinion(DELETES, MEDIUM, understood=True).severity is HIGH
    assert opinion("\n".join([DELETES] * 4), HIGH, understood=True).severity is CRITICAL


def test_a_short_text_that_rules_understand_stays_what_they_call_it():
    assert opinion(DELETES, HIGH).severity is CRITICAL
    assert opinion(DELETES, HIGH, understood=True) is None


def test_the_opinion_on_a_text_does_not_depend_on_what_stands_before_it():
    known = {"id": "b", "statement": "DELETE FROM t WHERE rowid = 5;", "title": "b"}
    unknown = {"id": "a", "statement": "some words that nobody understands", "title": "a"}
    document = {"kind": "optimizations", "title": "t", "language": "sql", "dialect": "sqlite"}
    for items in ([known], [unknown, known], [known, unknown]):
        found = assess_proposal(document | {"items": items}).findings
        assert not [finding for finding in found if finding.item == "b" and finding.rule.startswith("resembles.")]


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE orders SET paid = true WHERE id = 7;",
        "delete from sessions where id = 'abc'",
        "UPDATE products SET price_cents = 1999 WHERE sku = 'X-1'",
        "UPDATE orders SET paid = true WHERE (id IN (7, 8)) AND paid = false; SELECT 1;",
    ],
)
def test_writes_to_rows_that_are_named_by_their_key_are_no_more_than_rules_say(text: str) -> None:
    assert writes_named_rows(text, "postgres")
    for document in (
        {"kind": "script", "title": "t", "language": "sql", "dialect": "postgres", "content": text},
        {"kind": "optimizations", "title": "t", "items": [{"id": "a", "title": "t", "statement": text}]},
    ):
        assert assess_proposal(document).level is MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE users SET role = 'admin' WHERE id = 7",
        "DELETE FROM api_keys WHERE id = 7",
        "UPDATE orders SET paid = true WHERE paid = false",
        "DELETE FROM orders WHERE id = 7 OR paid",
        "DELETE FROM orders WHERE id = id",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders)",
        "DELETE FROM orders",
        "SELECT 1",
        "DELETE FROM orders WHERE id = 7; DROP TABLE orders",
        "DELETE FROM orders WHERE id = ((",
    ],
)
def test_other_writes_are_not_known_to_be_of_few_rows(text: str) -> None:
    assert not writes_named_rows(text, "postgres")
