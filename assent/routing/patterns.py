"""The first stages: the exact name of a workflow, and wordings that leave no doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from assent.routing.text import folded

_START = (
    r"(?:please |pls |can you |could you |bitte |i want to |i'd like to )*"
    r"(?:run|start|launch|trigger|execute|kick off|use|open|begin|starte|fuhre|lance|demarre|ejecuta|inicia|avvia|"
    r"esegui|uruchom|voer|begin)"
)
_ARTICLE = r"(?: a| an| the| our| der| die| das| den| le| la| les| el| il| lo| de| het)?"
_NEGATION = re.compile(
    r"(?:\bnot?|n't|\bnever|\bwithout|instead of|rather than|\bkein\w*|\bnicht|\bpas|\bnie)\W+(?:\w+\W+){0,3}$"
)
_WORDS = r"(?:workflow|work flow|agent|run|job|report|routine|playbook|ablauf)"

# Codes that belong to one workflow, whatever else the text says about them, and what they mean.
_CODES = {
    "database_blocking": (
        r"ora-000(?:54|60)|lock wait timeout exceeded|error 1205|deadlock detected|40p01", "a lock",
    ),
    "database_capacity": (
        r"ora-(?:0165[0-9]|01688|01691|19809|19815|00257|30036)|unable to extend (?:table|index|segment)",
        "space that has run out",
    ),
}  # fmt: skip


class Match(NamedTuple):
    """A workflow that the wording of a text names, and what was found in it."""

    workflow: str
    found: str


def exact_name(text: str, titles: Mapping[str, str]) -> Match | None:
    """Return the workflow if the text is its name or title, whether or not words such as "run" are around it.

    Args:
        titles: The titles of all known workflows, by their names.
    """
    said = re.sub(r"[\s_-]+", " ", folded(text)).strip(" .!?\"'`")
    said = re.sub(rf"^{_START}{_ARTICLE} ", "", said)
    said = re.sub(rf"(?: {_WORDS})?(?:,? (?:please|pls|bitte|now|jetzt))?$", "", said)
    for name, title in titles.items():
        if said in (name.replace("_", " "), folded(title)):
            return Match(name, title)
    return None


def named(text: str, titles: Mapping[str, str]) -> Match | None:
    """Return the workflow that a text says it wants by name: "run database maintenance on …"."""
    low = folded(text)
    said = re.sub(r"[\s_-]+", " ", low)
    matches: dict[str, Match] = {}
    for name, title in titles.items():
        plain = re.escape(name.replace("_", " "))
        title_said = re.escape(re.sub(r"[\s_-]+", " ", folded(title)))
        either = rf"(?:{plain}|{title_said})"
        wanted = rf"(?:^{_START}{_ARTICLE} {either}\b(?! of)|\b{either} {_WORDS}\b|\bworkflow[: ]+[\"'“]?{either}\b)"
        found = re.search(wanted, said)
        if found is None and "_" in name:
            found = re.search(rf"\b{re.escape(name)}\b", low)
        if found and not _NEGATION.search((low if "_" in found[0] else said)[: found.start()]):
            matches[name] = Match(name, title)
    return next(iter(matches.values())) if len(matches) == 1 else None


def coded(text: str) -> Match | None:
    """Return the workflow of an error code that belongs to one only."""
    low = folded(text)
    found = [
        (workflow, hit[0], meaning)
        for workflow, (codes, meaning) in _CODES.items()
        if (hit := re.search(rf"\b(?:{codes})\b", low))
    ]
    if len(found) != 1:
        return None
    [(workflow, code, meaning)] = found
    return Match(workflow, f"“{code.upper() if '-' in code else code}” means {meaning}")
