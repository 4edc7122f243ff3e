"""The rules of all readers, without keeping the readers' parsers in the process that asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from app import risk as readers
from app.bounded_work import run_bounded
from app.risk.languages import language_named
from app.risk.rules import RULES, RiskRule
from assent.contracts import RiskLevel

SECONDS = 30.0
LANGUAGES = {
    "sql": "SQL",
    "shell": "Shell and command-line programs",
    "powershell": "PowerShell",
    "python": "Python",
    "tool_call": "Tool calls",
    "dockerfile": "Dockerfiles",
    "yaml": "YAML files",
    "json": "JSON files",
    "crontab": "Cron tables",
    "cypher": "Cypher",
    "mongo": "MongoDB",
    "redis": "Redis",
    "": "All proposals",
}
"""Languages of rules in words, in the order of the catalog. Rules without examples have none."""


@cache
def rules() -> Mapping[str, RiskRule]:
    """Return all rules by ID, in the order of their IDs."""
    return run_bounded(all_rules, (), SECONDS)


def language_of(rule: RiskRule) -> str:
    """Return the language of a rule as one of `LANGUAGES`."""
    named = language_named(rule.language) or rule.language
    return named if named in LANGUAGES else ""


def by_language(some: Iterable[RiskRule]) -> dict[str, list[RiskRule]]:
    """Return rules by their languages in words, without the languages of none of them."""
    found: dict[str, list[RiskRule]] = {words: [] for words in LANGUAGES.values()}
    for rule in some:
        found[LANGUAGES[language_of(rule)]].append(rule)
    return {words: listed for words, listed in found.items() if listed}


def rule_levels() -> dict[str, RiskLevel]:
    """Return the usual level of each rule, by its ID."""
    return {name: rule.severity for name, rule in rules().items()}


def all_rules() -> dict[str, RiskRule]:
    """Return all rules, and load all readers into this process for it."""
    for module in walk_packages(readers.__path__, f"{readers.__name__}."):
        import_module(module.name)
    return dict(sorted(RULES.items()))
