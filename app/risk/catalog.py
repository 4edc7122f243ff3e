"""The rules of all readers, without keeping the readers' parsers in the process that asks."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from app import risk as readers
from app.bounded_work import run_bounded
from app.risk.rules import RULES
from assent.contracts import RiskLevel

SECONDS = 30.0


@cache
def rule_levels() -> dict[str, RiskLevel]:
    """Return the usual level of each rule, by its id."""
    return run_bounded(_levels, (), SECONDS)


def _levels() -> dict[str, RiskLevel]:
    for module in walk_packages(readers.__path__, f"{readers.__name__}."):
        import_module(module.name)
    return {rule.id: rule.severity for rule in RULES.values()}
