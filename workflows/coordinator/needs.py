"""What a request needs: its text, taken apart into clauses, each of which is matched with what is registered."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace

from workflows.coordinator.acts import LIGHT, NEW
from workflows.coordinator.words import (
    BASIC_VERBS,
    LONGEST_TEXT,
    begins_with_verb,
    changing_verbs,
    maker_of_report,
    raw_words,
    words,
)

MOST_NEEDS = 20
"""Most clauses of a request that become parts of a plan."""
LONGEST_CLAUSE = 1_000
_LONGEST_ORDER = 60
"""Characters of a text that may be nothing but words of order."""
_SENTENCES = re.compile(r"(?<=[.!?;]) |(?<=\S): (?=[A-Z])")
_CONNECTORS = re.compile(
    r",? (?:and then|then|after that|afterwards|and also|and|but|plus|as well as|und dann|dann|danach|und|sowie) |, ",
    re.IGNORECASE,
)
_BEFORE = re.compile(r",? (?:before|prior to) ", re.IGNORECASE)
_AFTER = re.compile(r",? (?:after|once) ", re.IGNORECASE)
_WITHOUT = re.compile(r",? (?=(?:without|ohne) )", re.IGNORECASE)
_UNWANTED = re.compile(
    r"^(?:please |bitte |but |and |also |just )*(?:do not|don.?t|never|without|ohne|you (?:must|should) not)\b|"
    r"^(?:bitte )?(?:\w+ ){1,3}kein(?:e|en)?\b", re.IGNORECASE,
)  # fmt: skip
_LEADING = re.compile(r"(before|prior to|after|once) ([^,]+), (.+)", re.IGNORECASE)
_FIRST_WORDS = (
    r"(?:first of all|first|beforehand|before (?:that|anything else|everything else)|up front|to begin with|"
    r"zuerst|zunächst|vorher|davor|als erstes)"
)
_LAST_WORDS = r"(?:finally|lastly|at the (?:very )?end|last of all|zuletzt|zum schluss|am ende|abschließend)"
_THEN = re.compile(
    r"^(?:(?:and|then|after that|afterwards|next|dann|danach|anschließend),? )+|,? (?:afterwards|after that|danach)$",
    re.IGNORECASE,
)
_POLITE = r"(?:(?:but|and|und|aber|please|bitte) )*"
_WITHOUT_EDGES = {
    -1: re.compile(
        rf"^{_POLITE}{_FIRST_WORDS}(,? )|,? (?:{_FIRST_WORDS}|before)$|(?<= )(?:vorher|zuerst|zunächst) ", re.IGNORECASE
    ),
    1: re.compile(rf"^{_POLITE}{_LAST_WORDS}(,? )|,? {_LAST_WORDS}$", re.IGNORECASE),
}
_ONLY_ORDER = re.compile(rf"\s*{_POLITE}(?:{_FIRST_WORDS}|{_LAST_WORDS})\s*", re.IGNORECASE)
_PRONOUNS = frozenset({"it", "them", "this", "that", "these", "those", "its", "their", "sie", "es", "diese"})
_BLANKS = re.compile(r"\s+")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")


@dataclass(frozen=True)
class Need:
    """A clause of a request.

    Attributes:
        text: as it was written, without words of order.
        verbs: those of changing, in their basic forms; none: something is to be found out.
        makes: the verb of a change that may serve it as well, if nothing that reads does: of *create a report*.
        about: the clause that it refers to, as in *fix it*; empty: none.
        unwanted: it says what is not to be done.
        place: -1: it comes before everything else; 1: after everything else; 0: where it stands.
        written: the clause with its words of order.
    """

    text: str
    verbs: frozenset[str]
    makes: frozenset[str] = frozenset()
    about: str = ""
    place: int = 0
    unwanted: bool = False
    written: str = ""

    @property
    def changes(self) -> bool:
        """Whether it asks for a change."""
        return bool(self.verbs)

    @property
    def own_words(self) -> list[str]:
        """The words besides verbs."""
        return [word for word in words(self.text) if word not in BASIC_VERBS | LIGHT | NEW and word not in self.verbs]


def needs_in(request: str, verbs: Container[str] = ()) -> list[Need]:
    """Return the clauses of a request, in their order, each once. Only its first part is read if it is very long.

    Args:
        verbs: of changes, besides those that are known here, in their basic forms.
    """
    found: list[Need] = []
    lines = (_BULLET.sub("", _BLANKS.sub(" ", line)).strip() for line in request[:LONGEST_TEXT].splitlines())
    for sentence in (sentence for line in lines for sentence in _SENTENCES.split(line)):
        for clause in _clauses(sentence, verbs):
            written = clause.strip(" \t,;.?!")[:LONGEST_CLAUSE]
            place, text = _placed(written, verbs)
            if not words(text) or _is_repeated(text, found):
                continue
            about, unwanted = _about(text, found), _UNWANTED.search(text) is not None
            makes = maker_of_report(text)
            found.append(Need(text, changing_verbs(text, verbs), makes, about, place, unwanted, written))
    return in_order(_with_context(found))


def in_order(needs: Iterable[Need]) -> list[Need]:
    """Return needs in the order that they ask for."""
    return sorted(needs, key=lambda need: need.place)


def _is_repeated(text: str, found: Sequence[Need]) -> bool:
    """Return whether a clause was there before: again after a change, something may be found out again."""
    for need in reversed(found):
        if need.text.lower() == text.lower():
            return True
        if need.changes:
            return any(earlier.text.lower() == text.lower() and earlier.changes for earlier in found)
    return False


def _about(text: str, found: Sequence[Need]) -> str:
    """Return the clause that a pronoun refers to: the one before, or what that one refers to itself."""
    if not found or not _PRONOUNS & set(raw_words(text)):
        return ""
    return found[-1].about if found[-1].about and not found[-1].own_words else found[-1].text


def _with_context(found: Sequence[Need]) -> list[Need]:
    """Let a clause that is nothing but an act, such as *take a backup*, be about what stands beside it."""
    made = list(found)
    for number, need in enumerate(found):
        if need.changes and not need.about and not need.own_words and len(found) > 1:
            made[number] = replace(need, about=found[number - 1 if number else 1].text)
    return made


def _placed(clause: str, verbs: Container[str]) -> tuple[int, str]:
    """Return where a clause belongs, and the clause without the words that say so."""
    text = _THEN.sub("", clause)
    for place, edge in _WITHOUT_EDGES.items():
        match = edge.search(text)
        if match is None:
            continue
        rest = _BLANKS.sub(" ", f"{text[: match.start()]} {text[match.end() :]}").strip(" ,")
        leads = match[1] if match.lastindex else ""
        if match.start() or leads.startswith(",") or begins_with_verb(rest[:80], verbs):
            return place, rest  # “the first rows” says nothing of order
    return 0, text


def _clauses(sentence: str, verbs: Container[str]) -> list[str]:
    """Return the parts of a sentence that begin with a verb of their own, in the order of their acts.

    A conjunction alone separates nothing.
    """
    if (leading := _LEADING.fullmatch(sentence[:LONGEST_CLAUSE])) and _is_act(leading[2], verbs):
        earlier, later = _split(leading[2], verbs), _split(leading[3], verbs)
        return [*later, *earlier] if leading[1].lower() in ("before", "prior to") else [*earlier, *later]
    return _split(sentence, verbs)


def _split(sentence: str, verbs: Container[str]) -> list[str]:
    """Return the clauses of a sentence; what comes after *after* comes before what stands in front of it."""
    segments = [
        [
            clause
            for part in _parts(segment, _BEFORE, _is_act, verbs)
            for wanted in _parts(part, _WITHOUT, _is_left_out, verbs)
            for clause in _parts(wanted, _CONNECTORS, _begins, verbs)
        ]
        for segment in _parts(sentence, _AFTER, _is_act, verbs)
    ]
    return [clause for segment in reversed(segments) for clause in segment]


def _parts(
    text: str, connectors: re.Pattern[str], begins: Callable[[str, Container[str]], bool], verbs: Container[str]
) -> list[str]:
    parts: list[str] = []
    start = 0
    for connector in connectors.finditer(text):
        before = text[start : connector.start()] if connector.start() - start <= _LONGEST_ORDER else "…"
        if not _ONLY_ORDER.fullmatch(before) and begins(text[connector.end() : connector.end() + 80], verbs):
            parts.append(text[start : connector.start()])
            start = connector.end()
    return [*parts, text[start:]]


def _begins(text: str, verbs: Container[str]) -> bool:
    """Return whether a clause begins here: with a verb, or with a word of order and a verb."""
    without = re.sub(rf"^(?:{_FIRST_WORDS}|{_LAST_WORDS}),? ", "", text, flags=re.IGNORECASE)
    return begins_with_verb(text, verbs) or begins_with_verb(without, verbs)


def _is_left_out(text: str, verbs: Container[str]) -> bool:
    """Return whether an act follows that is not wanted: *without taking a backup*."""
    return _is_act(text.partition(" ")[2], verbs)


def _is_act(text: str, verbs: Container[str]) -> bool:
    """Return whether an act follows, and not a point in time, such as *the weekend* or *the backup*."""
    first = next(raw_words(text), "")
    return first not in ("the", "that", "this", "my", "our", "its") and begins_with_verb(text, verbs)
