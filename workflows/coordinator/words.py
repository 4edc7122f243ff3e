"""Words of requests and of descriptions, in a form in which they can be compared."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from workflows.coordinator.acts import (
    ACTS,
    ASKED_FOR,
    GERMAN,
    GERMAN_STOP_WORDS,
    GERMAN_VERBS,
    LIGHT,
    act_named,
    names_a_state,
)

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
STOP_WORDS = frozenset({
    "be", "hello", "hey", "hi", "shall", "should", "thank", "thanks",
    "a", "about", "after", "again", "all", "also", "an", "and", "any", "are", "as", "at", "because",
    "been", "before", "but", "by", "can", "could", "did", "do", "does", "each", "else", "every", "for",
    "from", "get", "had", "has", "have", "he", "her", "here", "him", "his", "how", "i", "if", "in", "into",
    "is", "it", "its", "just", "let", "like", "many", "may", "me", "might", "more", "most", "much", "must",
    "my", "need", "needs", "no", "not", "now", "of", "on", "one", "only", "or", "other", "our", "out", "over",
    "own", "please", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these",
    "they", "this", "those", "to", "too", "under", "until", "up", "us", "very", "want", "was", "we", "were",
    "what", "when", "where", "whether", "which", "while", "who", "whose", "why", "will", "with", "would",
    "you", "your", "everything", "anything", "something", "nothing", "beforehand", "afterwards", "finally",
}) | GERMAN_STOP_WORDS  # fmt: skip
"""Words that say nothing about what is needed."""

_CHANGING = {
    "add": "create", "append": "create", "build": "create", "create": "create", "insert": "create", "make": "create",
    "export": "export", "generate": "create", "rebuild": "create", "reindex": "create",
    "apply": "apply", "patch": "apply", "upgrade": "apply", "update": "apply", "change": "apply", "modify": "apply",
    "edit": "apply", "set": "apply", "configure": "apply",
    "clean": "delete", "clear": "delete", "delete": "delete", "drop": "delete", "erase": "delete", "purge": "delete",
    "remove": "delete", "truncate": "delete", "wipe": "delete",
    "archive": "compress", "compress": "compress", "zip": "compress",
    "back": "backup", "backup": "backup", "snapshot": "backup",
    "deploy": "deploy", "install": "deploy", "publish": "deploy", "release": "deploy", "roll": "deploy",
    "disable": "disable", "enable": "enable", "grant": "grant", "revoke": "revoke",
    "fix": "fix", "heal": "fix", "mend": "fix", "optimize": "optimize", "refresh": "refresh", "repair": "fix",
    "improve": "optimize", "tune": "optimize", "shrink": "optimize", "vacuum": "optimize",
    "kill": "stop", "stop": "stop", "terminate": "stop", "cancel": "stop", "block": "block",
    "move": "move", "rename": "rename", "migrate": "move", "copy": "copy", "restore": "restore", "rollback": "restore",
    "reboot": "restart", "restart": "restart", "rotate": "rotate", "run": "run", "scale": "scale", "start": "start",
    "resize": "scale", "send": "send", "post": "send", "notify": "send", "write": "write", "store": "write",
    "save": "write", "close": "close", "open": "open", "merge": "merge",
}  # fmt: skip
_READING = {
    "analyse": "analyze", "analyze": "analyze", "examine": "analyze", "inspect": "analyze", "investigate": "analyze",
    "diagnose": "analyze", "review": "analyze", "identify": "find", "assess": "analyze",
    "check": "check", "monitor": "check", "test": "check", "validate": "check", "verify": "check", "watch": "check",
    "compare": "compare", "count": "count", "describe": "describe", "explain": "describe", "summarize": "describe",
    "detect": "find", "discover": "find", "find": "find", "locate": "find", "look": "find", "search": "find",
    "display": "list", "fetch": "list", "list": "list", "print": "list", "read": "list", "see": "list", "show": "list",
    "forecast": "forecast", "predict": "forecast", "measure": "measure", "weigh": "measure", "report": "report",
}  # fmt: skip
VERBS = _CHANGING | _READING
"""Verbs of requests, each with the one that stands for all that mean the same."""
CHANGES, READS = frozenset(_CHANGING.values()), frozenset(_READING.values())
"""The verbs of changes, and those that find something out, in their basic forms."""
BASIC_VERBS = CHANGES | READS
_ALIKE = {
    "fix": ("optimize", "refresh", "apply", "restart"), "optimize": ("fix", "refresh"), "refresh": ("optimize",),
    "create": ("write",), "write": ("create",), "apply": ("write",), "stop": ("delete",),
}  # fmt: skip
LEAVING = frozenset({"backup", "copy", "export", "send"})
"""Verbs of changes that leave what they are about as it is, so that there is nothing to look at before and after."""
GOALS = frozenset({"fix", "optimize"})
"""Verbs of changes that say what is to be reached, and not how."""
VAGUE = GOALS | {"create", "write", "apply", "run"}
"""Verbs of changes that say too little to choose a tool by themselves."""
TAKING = frozenset({"delete", "stop", "revoke", "disable", "block", "move", "rename", "restore"})
"""Verbs of changes that take something away."""
_BEFORE_VERBS = frozenset(
    {
        "also",
        "and",
        "be",
        "can",
        "could",
        "just",
        "kindly",
        "must",
        "not",
        "now",
        "or",
        "please",
        "should",
        "then",
        "they",
        "to",
        "want",
        "we",
        "will",
        "would",
        "you",
        "bitte",
    }
)
LONGEST_TEXT = 20_000
"""Characters of a request that are read for words; the rest is shown to people, and does not choose any step."""


def words(text: str) -> list[str]:
    """Return the words of a text that say something, in their basic forms."""
    return [basic(word) for word in raw_words(text) if word not in STOP_WORDS]


def raw_words(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, as they are written; names are split at underscores and capitals."""
    for found in _WORD.finditer(_CAMEL.sub(" ", text[:LONGEST_TEXT])):
        yield found[0].lower()


def basic(word: str) -> str:
    """Return a word without its ending, and a verb as the one that stands for all that mean the same."""
    for form in _forms(word):
        if form in VERBS:
            return VERBS[form]
    known = ACTS.get(word) or GERMAN_VERBS.get(word) or GERMAN.get(word)
    return known or ACTS.get(_without_ending(word)) or _without_ending(word)


def _forms(word: str) -> Iterator[str]:
    """Yield what a verb may be without its ending: ``counting`` is ``count``, ``deleted`` is ``delete``."""
    yield word
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            yield stem
            yield f"{stem}e"
            if len(stem) > 2 and stem[-1] == stem[-2]:
                yield stem[:-1]


def _without_ending(word: str) -> str:
    if word.isdigit() or len(word) < 4:
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def changing_verbs(text: str, more: Container[str] = ()) -> frozenset[str]:
    """Return the verbs of changing that stand where the verb of a request stands, in their basic forms.

    There is one in ``Drop the table`` and ``I want to drop the table``, and none in ``check the last backup``.

    Args:
        more: verbs in their basic forms, besides those that are known here.
    """
    said = list(raw_words(text))
    found: set[str] = set()
    for place, word in enumerate(said):
        if place and said[place - 1] not in _BEFORE_VERBS:
            asked = word in ASKED_FOR and said[place - 1] in ("i", "ich", "wir")
            found |= {act_named(said[place:])} & CHANGES if asked else set()
            continue
        act = act_named(said[place:])
        if act and act not in READS:
            found.add(act)
        elif act or names_a_state(said[place:]):
            continue
        else:
            found.update(_CHANGING[form] for form in _forms(word) if form in _CHANGING)
            found.update({GERMAN_VERBS[word]} & CHANGES if word in GERMAN_VERBS else ())
            found.update({basic(word)} if basic(word) in more and basic(word) not in READS else ())
    if said and said[-1] in GERMAN_VERBS:  # a German infinitive is the last word
        found |= {GERMAN_VERBS[said[-1]]} & CHANGES
    return frozenset(found)


def maker_of_report(text: str) -> frozenset[str]:
    """Return the verb with which a clause asks for a thing to be made that finds something out: *create a report*.

    It reads, unless only a tool that makes such a thing serves it.
    """
    said = list(raw_words(text))
    makers = {word: _CHANGING[word] for word in said[:3] if word in _CHANGING and word in LIGHT}
    for place, word in enumerate(said[:3]):
        if word in makers and act_named(said[place:]) in READS:
            return frozenset({makers[word]})
    return frozenset()


def means_the_same(wanted: Iterable[str], offered: Container[str]) -> bool:
    """Return whether one of the wanted verbs, or one that means about the same, is offered."""
    return any(verb in offered or any(other in offered for other in _ALIKE.get(verb, ())) for verb in wanted)


def begins_with_verb(text: str, more: Container[str] = ()) -> bool:
    """Return whether the first word that says something is a verb of a request."""
    said = list(raw_words(text))
    place = next((place for place, word in enumerate(said) if word not in STOP_WORDS), len(said))
    first = said[place] if place < len(said) else ""
    if names_a_state(said[place:]):
        return False
    return (
        any(form in VERBS or form in LIGHT for form in _forms(first))
        or basic(first) in more
        or bool(first in ACTS or first in GERMAN_VERBS or (said and said[-1] in GERMAN_VERBS))
    )


def quoted(found: Iterable[str]) -> str:
    """Return words for people: “count” and “rows”."""
    shown = [f"“{word}”" for word in found]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
