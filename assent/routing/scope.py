"""The limits of what a single workflow serves: what is outside, and what needs several of them."""

from __future__ import annotations

import re

from assent.routing.classifier import Scored, classifier
from assent.routing.text import folded

OUTSIDE = 0.5
"""A text that is not sure enough for a workflow is outside if the probability of that is at least this."""
NEEDS, SURE = 3, 0.8
"""Different needs in a text that no single workflow serves, and the confidence in each."""
_SHORTEST_NEED = 3
_MOST_PARTS, _LONGEST_SPLIT = 12, 1_000

_INSTRUCTIONS = re.compile(
    r"\b(?:ignore|disregard|forget|override) (?:all |any |the |your |my )*(?:previous |prior |above |earlier )*"
    r"(?:instructions?|rules?|prompts?|guidelines?)\b|\bsystem prompt\b|\byou are now\b|\bjailbreak\b|"
    r"\bdeveloper mode\b|\b(?:vergiss|ignoriere) (?:alle |deine |die )*(?:anweisungen|regeln)\b|"
    r"\bignore[zr]? (?:toutes |tes |vos |les )*(?:instructions|consignes|regles)\b|"
    r"\bignora (?:todas |tus |las |le |tutte )*(?:instrucciones|istruzioni|reglas|regole)\b"
)
_DESTRUCTION = re.compile(
    r"^(?:please |pls |just |now |immediately |bitte )*(?:delete|drop|wipe|erase|destroy|truncate|purge|format|nuke|"
    r"losche?n?|supprime[rz]?|borra|elimina|cancella|usun)\b(?! .{0,60}\b(?:duplicate|index|unused|stale)).{0,40}"
    r"\b(?:database|databases|db|datenbank|base de donnees|base de datos|baze|servers?|everything|all|alles?|tout|todo|"
    r"tutto|logs?|backups?|tables?|data)\b|"
    r"\b(?:disable|turn off|switch off|stop)\b.{0,20}\b(?:all|every)?\s?(?:logging|audit\w*|monitoring|antivirus)\b"
)


_UNASKED = re.compile(
    r"^(?:please |pls |just |now )*(?:kill|restart|reboot|delete|drop|stop|disable|shut|wipe|remove|terminate|run)\b"
    r".{0,120}\b(?:no questions|(?:don't|do not) ask|without (?:asking|approval|questions?|confirmation))\b"
)


def refusal(text: str) -> str:
    """Return why a text is not for a workflow, whatever words it uses; empty if it may be."""
    low = folded(text)
    if _INSTRUCTIONS.search(low):
        return "This gives instructions to the router, which only chooses a workflow. Describe what you need."
    if len(low) < 200 and _DESTRUCTION.search(low):
        return "No workflow destroys data or switches off protection on request. Describe the problem to be solved."
    if _UNASKED.search(low):
        return "Nothing is done without approval. Describe the problem to be solved."
    return ""


def is_outside(scored: Scored) -> bool:
    """Return whether a text that is not sure enough for a workflow looks like nothing that any of them does."""
    return scored.outside >= OUTSIDE


def separate_needs(text: str) -> list[str]:
    """Return the different workflows that the parts of a text need; fewer than two for most texts."""
    parts = [part for part in re.split(r"[.;!?\n]+|\b(?:then|and|danach|ensuite|puis)\b|,", text) if part]
    if not 1 < len(parts) <= _MOST_PARTS or len(text) > _LONGEST_SPLIT:
        return []
    wanted: dict[str, None] = {}
    for part in parts:
        if len(part.split()) >= _SHORTEST_NEED:
            scored = classifier().score(part)
            if scored.confidence >= SURE:
                wanted[scored.ranking[0][0]] = None
    return list(wanted)
