"""The catalog of rules as a whole: importing all readers declares all rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from app.risk.rules import RULES, RiskRule


@cache
def all_rules() -> Mapping[str, RiskRule]:
    """Return all rules by ID, in the order of their IDs. This loads all parsers, which take memory."""
    package = import_module("app.risk")
    for module in walk_packages(package.__path__, "app.risk."):
        import_module(module.name)
    return dict(sorted(RULES.items()))
