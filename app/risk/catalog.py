"""The rules of all readers, without keeping the readers' parsers in the process that asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from app import risk as readers
from app.bounded_work import run_bounded
from app.risk.rules import RULES, RiskRule
from assent.contracts import RiskLevel

SECONDS = 30.0


@cache
def rules() -> Mapping[str, RiskRule]:
    """Return all rules by ID, in the order of their IDs."""
    return run_bounded(all_rules, (), SECONDS)


def rule_levels() -> dict[str, RiskLevel]:
    """Return the usual level of each rule, by its ID."""
    return {name: rule.severity for name, rule in rules().items()}


def all_rules() -> dict[str, RiskRule]:
    """Return all rules, and load all readers into this process for it."""
    for module in walk_packages(readers.__path__, f"{readers.__name__}."):
        import_module(module.name)
    return dict(sorted(RULES.items()))
