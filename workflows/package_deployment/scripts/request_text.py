"""The text of a request while it is read: what has been understood of it, and what is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.scripts.instruction_base import Instruction, Mode, Origin, Source
from workflows.package_deployment.scripts.instruction_kinds import (
    CopyFile,
    EarlierVersions,
    Leave,
    RegistryValue,
    Secret,
    Shortcut,
    UserSetup,
)
from workflows.package_deployment.scripts.instructions_for_users import CloseApplication
from workflows.package_deployment.scripts.literals import cleaned

_CLAUSE = re.compile(r"[\n;]+|(?<=[.!?])\s+(?=[^\W_a-zäöü]|[\"'“„(*•-])")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")
_PROGRAM = re.compile(r"\(\s*([\w.+#-]{1,100}\.exe)\s*\)", re.IGNORECASE)
_GAP = "\0"
_NEGATION = re.compile(
    r"(?:\b(?:do|does|must|should|shall|may|need|can)(?:\s+not|n[’']?t)|\bcannot|\b(?:never|not|without|avoid|nicht|nie|niemals"
    r"|ohne|keine?[nmrs]?)|\bno\s+need\s+to)"
    r"(?:\s+(?:please|ever|also|the|to|have|has|be|need|any|even|yet|auch|bitte|die|den|das|zu|dabei|more))*\s*$",
    re.IGNORECASE,
)
_NEGATED_AFTERWARDS = re.compile(r"\s*\bnicht\b(?!\s+(?:nur|vergessen))", re.IGNORECASE)
_NEGATED_FROM_AFAR = re.compile(
    r"(?:\b(?:not|never|except|excluding|instead\s+of|rather\s+than|nicht|niemals|außer|ausgenommen|statt|anstatt)|n[’']t)\b"
    r"(?P<between>(?:\s+[^\s,;:.()\0]+){0,4})\s*$"
    r"|\b(?:no(?:\s+longer)?|no\s+more|remove|skip|drop|delete|omit|ignore|cancel|entfern\w*|lösch\w*|streich\w*|keine?[nmrs]?)"
    r"(?:\s+(?:the|a|any|all|that|this|check|for|of|on|property|properties|arguments?|parameters?|switch|requirement|need|die"
    r"|den|das|der|Eigenschaft|Prüfung|auf)){0,5}\s*$",
    re.IGNORECASE,
)
"""A word that may turn round what follows some words later, as in: do not install on Windows 11."""
_NEGATED_LATER = re.compile(
    r"\s*\b(?:(?:is|are|was|must|should|shall|does|do|can|may|need|ist|sind|wird|werden|soll|sollen|darf|dürfen|muss|müssen)"
    r"\s+(?:not|never|no\s+longer|nicht|nie)\b(?!\s+(?:only|just|nur))|(?:is|are|must|should|does|do|need)n[’']t\b"
    r"|(?:is|are|ist|sind)\s+(?:wrong|forbidden|unwanted|unnecessary|obsolete|falsch|verboten|unerwünscht|unnötig|überflüssig)\b)"
    r"(?:\s+(?:be|to|any|more|mehr|needed|required|wanted|used|set|supported|allowed|necessary|nötig|erwünscht|unterstützt"
    r"|erlaubt|gesetzt|verwendet|werden))*",
    re.IGNORECASE,
)
"""Words that turn round what stands before them, as in: Windows 11 is not required."""
_STAYS = re.compile(
    r"\b(?:and|but|then|so|if|unless|less|lower|fewer|below|older|earlier|before|until|without|only|just|forget|later|more"
    r"|und|aber|sondern|dann|wenn|falls|weniger|älter|vor|bevor|bis|ohne|nur|vergessen)\b",
    re.IGNORECASE,
)
"""Words after which it says something else, as in: do not forget to close Word."""
LONGEST_CLAUSE = 2_000
"""Characters of a clause that are read."""
_WORD = re.compile(r"[^\s\0,.:!?()]+(?:[.:][^\s\0,.:!?()]+)*")
_FILLER_WORDS = """
quietly able may lassen a about according additionally after afterwards again all already also always an and any
app application applications apps are as at automatically be because been before being both but by can case
client clients computer computers could deploy deployed deployment desktop device devices do does done during
each either end ensure etc every everything existing file files finally first following for from fully further
furthermore get give given go had has have having here how if in install installation installations installed
installer installing into is it its itself just keep kindly let like machine machines make me must need needed
needs new next note now of off on once one only onto or other our out over package packaging pc pcs please
program programs put run running same script set setting settings shall should silent silently so software some
sure take than thank thanks that the their them then there these they thing this those though thus to too up
upon us use used user user's users using usual very via want wants was we well were what when where whether
which while who whole will windows with within without would you your yes ok version product setup software's
psadt psappdeploytoolkit toolkit standard normal msi exe required requirement requirements requires require
option options value prior beforehand complete completed aber alle allem allen aller alles als also am an auch
auf aus automatisch bei beim benötigt benutzer bevor bitte bis da dabei damit danach dann das dass dem den denn
der des dessen die dies diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er
erst erstellen es falls für ganz gerät geräte gern hier ich ihm ihn ihr im immer in installation installieren
installiert ist ja jede jedem jeden jeder jedes jetzt kann können mache machen man mit möchten müssen muss nach
nicht noch nun nur ob oder ohne paket pro programm rechner sein seine setzen sich sie sind skript so soll sollen
sollte sollten sowie still und uns unser unsere vom von vor vorher wenn werden wir wird wurde zu zuerst zum zur
zuvor zusätzlich anwendung anwendungen software verteilen verteilung
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
"""Words that ask for nothing by themselves."""

_CAN_BE_LEFT = (CloseApplication, EarlierVersions, Shortcut, RegistryValue, CopyFile, UserSetup)


@dataclass
class Request:
    """One text, and who it comes from."""

    text: str
    origin: Origin
    analysis: PackageAnalysis
    mode: Mode
    found: list[Instruction] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)

    def clauses(self) -> Iterator[str]:
        """Yield the parts of the text that are read by themselves. The rest of a very long one is not understood."""
        for part in _CLAUSE.split(self.text):
            if clause := _BULLET.sub("", part).strip().rstrip(".!? "):
                if len(clause) > LONGEST_CLAUSE:
                    self.not_understood.append(cleaned(clause[LONGEST_CLAUSE:]))
                # The program that stands in brackets after a name belongs to it.
                yield _PROGRAM.sub(r"‹\1›", clause[:LONGEST_CLAUSE])


def without_fillers(words: str) -> str:
    """Return words without those at their beginning that ask for nothing by themselves."""
    parts = words.split()
    while parts and parts[0].lower() in _FILLERS:
        parts.pop(0)
    return " ".join(parts)


def names_something(words: str) -> bool:
    """Return whether words name something, so that *it* after them may mean that. What has been understood counts."""
    return _GAP in words or any(word[0].lower() not in _FILLERS for word in _WORD.finditer(words))


Handler = Callable[[re.Match[str], Request, Source], Iterable[Instruction]]
"""Returns the instructions of a match. Nothing, or an error of validation: the words are left."""


class Pattern:
    """Words, and what they ask for."""

    def __init__(self, words: str, handler: Handler) -> None:
        self.words = re.compile(words, re.IGNORECASE)
        self.handler = handler

    def read(self, clause: str, request: Request) -> str:
        """Add what matches, and return the clause with a gap where it stood."""
        at = 0
        while found := self.words.search(clause, at):
            if not found[0].strip() or _GAP in found[0]:
                at = found.end() + (found.start() == found.end())
                continue
            instructions = self._instructions(found, request)
            if not instructions:
                at = found.end()
                continue
            start, end = _with_negation(found, clause)
            if any(isinstance(item, Secret) for item in instructions):
                # Its words are kept nowhere, whatever stands before them.
                request.found += instructions
                start, end = found.span()
            elif (start, end) == found.span() and (far := _negated_from_afar(found, clause)):
                start, end = far
                request.not_understood.append(cleaned(clause[start:end]))
            elif (start, end) == found.span():
                request.found += instructions
            elif left := _left_alone(instructions, cleaned(clause[start:end])):
                request.found += left
            else:
                request.not_understood.append(cleaned(clause[start:end]))
            clause = clause[:start] + _GAP * (end - start) + clause[end:]
            at = end
        return clause

    def _instructions(self, found: re.Match[str], request: Request) -> list[Instruction]:
        try:
            return list(self.handler(found, request, Source(origin=request.origin, words=cleaned(found[0]))))
        except (ValidationError, ValueError, KeyError, StopIteration):
            return []


def _with_negation(found: re.Match[str], clause: str) -> tuple[int, int]:
    """Return where the words begin and end, together with a word before or after them that turns them round."""
    before = _NEGATION.search(clause[: found.start()])
    after = _NEGATED_AFTERWARDS.match(clause, found.end())
    return before.start() if before else found.start(), after.end() if after else found.end()


def _negated_from_afar(found: re.Match[str], clause: str) -> tuple[int, int] | None:
    """Return where words begin and end together with those that may turn them round; None if there are none."""
    if later := _NEGATED_LATER.match(clause, found.end()):
        return found.start(), later.end()
    before = _NEGATED_FROM_AFAR.search(clause[: found.start()])
    if before is None or _STAYS.search(f"{before['between'] or ''} {found[0].strip().partition(' ')[0]}"):
        return None
    return before.start(), found.end()


def _left_alone(instructions: list[Instruction], words: str) -> list[Instruction]:
    """Return what the opposite of instructions is; nothing if one of them has no plain opposite."""
    if not all(isinstance(item, _CAN_BE_LEFT) for item in instructions):
        return []
    return [
        Leave(of=list(item.about), what=item.sentence, source=Source(origin=item.source.origin, words=words))
        for item in instructions
    ]


def read_request(request: Request, patterns: Iterable[Pattern]) -> None:
    """Read all clauses; what is left of them is listed with the request."""
    known = list(patterns)
    for whole in request.clauses():
        clause = whole
        for pattern in known:
            clause = pattern.read(clause, request)
        request.not_understood += _left(clause)


def _left(clause: str) -> Iterator[str]:
    """Yield what is left of a clause: each stretch from its first to its last word that means something."""
    for stretch in re.split(f"{_GAP}+", clause):
        words = list(_WORD.finditer(stretch))
        telling = [
            word for word in words if word[0].lower().strip("\"'“”„‘’*") not in _FILLERS and re.search(r"\w", word[0])
        ]
        if telling:
            yield cleaned(stretch[telling[0].start() : telling[-1].end()])
