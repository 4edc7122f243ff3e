"""The words and codes for environments, states, criticality, and types of assets."""

from __future__ import annotations

from workflows.asset_discovery.cleansing.vocabulary import lines_of
from workflows.asset_discovery.fields import Field


def _read() -> dict[Field, dict[str, list[str]]]:
    found: dict[Field, dict[str, list[str]]] = {}
    words: list[str] = []
    for line in lines_of("category_words"):
        if line.startswith(" "):
            words += line.strip().split("|")
        else:
            field, _, name = line.partition(": ")
            words = found.setdefault(Field(field), {}).setdefault(name, [])
    return found


WORDS = _read()
"""For each field the classes with their words."""
CODES: dict[Field, dict[str, str]] = {
    Field.ENVIRONMENT: {
        "p": "production", "pr": "production", "pd": "production", "l": "production",
        "a": "acceptance", "q": "acceptance", "qa": "acceptance", "s": "acceptance", "u": "acceptance",
        "t": "test", "ts": "test", "i": "test",
        "d": "development", "dv": "development", "e": "development",
        "r": "recovery", "dr": "recovery",
    },
    Field.STATUS: {
        # The states of ServiceNow's `install_status`.
        "1": "in use", "2": "planned", "3": "in maintenance", "4": "in maintenance", "5": "planned", "6": "in stock",
        "7": "retired", "8": "retired", "100": "retired",
        "ac": "in use", "in": "stopped", "sb": "stopped", "a": "in use", "i": "stopped", "r": "retired",
    },
    Field.ASSET_TYPE: {},
}  # fmt: skip
"""Codes, which are tried only where a whole column consists of them."""
