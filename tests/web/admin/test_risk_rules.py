"""The catalog of risk rules: all of them, with examples, and with what the policy in force changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.domain.people import SYSTEM
from app.risk.catalog import rules
from app.services.bundle import Services
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


def test_everybody_finds_all_rules(browse: Browse) -> None:
    page = browse("viewer").get("/rules")
    links = {link.attributes["href"].removeprefix("/rules/") for link in page.all("a")} & set(rules())
    assert links == set(rules())
    assert f"{len(rules())} rules" in page.text
    assert page.one("a", data_nav="policies").attributes["aria-current"] == "page"


@pytest.mark.parametrize(
    ("query", "found", "not_found"),
    [
        ("text=no_where", "sql.delete.no_where", "sql.drop.cascade"),
        ("language=shell&text=bomb", "shell.fork_bomb", "sql.delete.no_where"),
        ("level=critical", "shell.fork_bomb", "command.interactive"),
    ],
)
def test_rules_are_searched(browse: Browse, query: str, found: str, not_found: str) -> None:
    page = browse("viewer").get(f"/rules?{query}")
    assert page.all("a", href=f"/rules/{found}") and not page.all("a", href=f"/rules/{not_found}")


def test_a_search_without_results_and_one_that_makes_no_sense(browse: Browse) -> None:
    viewer = browse("viewer")
    assert "No matching rules" in viewer.get("/rules?text=frobnicate").text
    viewer.get("/rules?level=purple", 422)
    viewer.get("/rules?language=klingon", 422)
    viewer.get("/rules/no.such.rule", 404)


def test_a_rule_has_its_words_and_examples(browse: Browse) -> None:
    rule = rules()["sql.delete.no_where"]
    page = browse("viewer").get(f"/rules/{rule.id}")
    assert rule.summary in page.text and "PostgreSQL" in page.text
    triggers, harmless = page.all("div", class_="lines")
    assert rule.example in triggers.text and rule.harmless in harmless.text
    hidden = browse("viewer").get("/rules/text.bidi")
    assert "⟨U+202E⟩" in hidden.text
    assert "No short text triggers this rule" in browse("viewer").get("/rules/code.too_slow").text


def test_every_rule_has_a_page(browse: Browse) -> None:
    viewer = browse("viewer")
    for rule in list(rules())[::23]:
        assert rule in viewer.get(f"/rules/{rule}").one("h1").text


def test_what_the_policy_changes_is_said(browse: Browse, services: Services) -> None:
    assert "No policy is loaded" in browse("viewer").get("/rules/sql.lock_table").text
    text = (
        "version: 1\ndefault: {deadline: 1 day}\nrisk_rules:\n"
        "  sql.lock_table: {level: low, reason: <They> retry.}\n  sql.create: {level: 'off', reason: Staging.}\n"
    )
    stored = services.policies.load(SYSTEM, text, "policies.yaml").stored
    page = browse("viewer").get("/rules?changed=1")
    assert "Low by the policy" in page.text and "Switched off by the policy" in page.text
    assert not page.all("a", href="/rules/sql.delete.no_where")
    one = browse("viewer").get("/rules/sql.lock_table")
    assert f"Low in version {stored.version}: <They> retry." in one.text
    policies = browse("viewer").get("/policies")
    assert policies.all("a", href="/rules/sql.lock_table") and policies.all("a", href="/rules")
