"""Words of requests, and the instructions that follow: closing, deferring, windows, and restarts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from workflows.package_deployment.scripts.blocks import RestartBehavior
from workflows.package_deployment.scripts.instruction_base import Instruction, Source
from workflows.package_deployment.scripts.instructions_for_users import (
    CloseApplication,
    Closing,
    Deferral,
    Interaction,
    Restart,
    Window,
)
from workflows.package_deployment.scripts.package_facts import programs
from workflows.package_deployment.scripts.request_text import (
    Handler,
    Pattern,
    Request,
    names_something,
    without_fillers,
)
from workflows.package_deployment.scripts.request_words import (
    APPLICATIONS,
    DATE,
    DURATION,
    NUMBER,
    QUOTED,
    iso_date,
    number,
    seconds,
    unquoted,
)

_AND = re.compile(r"\s*(?:,\s*(?:and|or|und|oder)\b|,|&|\band\b|\bor\b|\bund\b|\boder\b|/)\s*", re.IGNORECASE)
_STOP = (
    r"(?=$|[;\0(]|[.!?](?:\s|$)|\s+-\s|\s+(?:before|prior|first|if|when|after|during|while|then|without"
    r"|with|so|because|for|from|on|"
    r"vor|vorher|zuerst|falls|wenn|nach|danach|dann|ohne|mit|damit)\b|"
    r"\s*(?:,|\band\b|\bund\b)\s*(?:then\s+|also\s+|dann\s+)?(?:allow|let|show|do|don|remove|uninstall"
    r"|install|set|copy|suppress|"
    r"force|prompt|ask|no|use|delete|create|run|check|log|block|prevent|defer|restart|reboot|wait|keep|write|zeige|"
    r"entferne|setze|kopiere|lasse|erlaube|unterdrücke|deinstalliere|installiere|kein|starte)\b)"
)
_ITSELF = re.compile(
    r"(?:the |this |running |open |die |das )*(?:app(?:lication)?|program(?:m)?|software|product|it|itself|anwendung|"
    r"instances?(?: of (?:it|the app(?:lication)?))?)s?(?: itself| selbst)?",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:bitte |please |all |any |running |open |the "
    r"|processes? |applications? |apps? |instances? of |microsoft |adobe "
    r"|google |mozilla |"
    r"alle |laufende[n]? |offene[n]? |die |den |das |der |prozess(?:e)? |anwendung(?:en)? )+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"\s+(?:processes|process|applications?|apps?|windows|prozess(?:e)?|anwendung(?:en)?)$", re.IGNORECASE
)
_NAMED_PROGRAM = re.compile(r"‹([\w.+#-]{1,100})\.exe›$", re.IGNORECASE)
_PROCESS = re.compile(r"[\w.+#-]{1,100}\.exe", re.IGNORECASE)


def _close(found: re.Match[str], request: Request, source: Source) -> Iterator[Instruction]:
    for part in _AND.split(found["apps"]):
        if _ITSELF.fullmatch(part.strip()):
            if re.search(r"\bit\b", part, re.IGNORECASE) and names_something(found.string[: found.start()]):
                raise ValueError("It may be something else than the application that is installed.")
            names = programs(request.analysis)
            if not names:
                raise ValueError("It is not known which programs the package has.")
            yield from (CloseApplication(process=name, source=source) for name in names)
        elif part.strip():
            yield _application(part.strip(), request, source)


def _application(words: str, request: Request, source: Source) -> CloseApplication:
    """Return the application that words name: a process, one that is well known, or one in the package.

    Raises:
        ValueError: no process is known for these words.
    """
    if named := _NAMED_PROGRAM.search(words):
        return CloseApplication(process=named[1], source=source)
    if re.fullmatch(QUOTED, words):
        return CloseApplication(process=unquoted(words).removesuffix(".exe"), source=source)
    plain = _TRAILING.sub("", _LEADING.sub("", without_fillers(words))).strip()
    if _PROCESS.fullmatch(plain):
        return CloseApplication(process=plain[:-4], source=source)
    if known := APPLICATIONS.get(plain.lower()):
        return CloseApplication(process=known[0], description=known[1], source=source)
    squeezed = re.sub(r"\W", "", plain.lower())
    for program in programs(request.analysis):
        if squeezed in {re.sub(r"\W", "", program.lower()), re.sub(r"\W", "", request.analysis.product_name.lower())}:
            return CloseApplication(process=program, description=plain, source=source)
    raise ValueError(f"No process is known for {plain}.")


def _closing(**fields: Any) -> Handler:
    def handler(_found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
        yield Closing(source=source, **fields)

    return handler


def _defer_until(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Deferral(deadline=iso_date(found["date"]), source=source)


def _no_deferral(_found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Deferral(source=source)


def _window(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    word = found["window"].lower()
    which = (
        "progress" if word.startswith(("progress", "fortschritt")) else "welcome" if word[0] in "wb" else "completion"
    )
    text = unquoted(found["text"]) if found.groupdict().get("text") else ""
    yield Window(which=which, shown=not found["no"], text=text, source=source)


def _completion(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Window(which="completion", text=unquoted(found["text"]), source=source)


def _interaction(mode: Literal["Silent", "NonInteractive", "Interactive"]) -> Handler:
    def handler(_found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
        yield Interaction(mode=mode, source=source)

    return handler


def _restart(behavior: RestartBehavior) -> Handler:
    def handler(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
        groups = found.groupdict()
        amount, unit = groups.get("amount") or groups.get("amount2"), groups.get("unit") or groups.get("unit2")
        length = seconds(amount, unit) if amount and unit else None
        yield Restart(behavior=behavior, countdown=length, source=source)

    return handler


_RESTART = r"(?:restart(?:s|ing|ed)?|reboot(?:s|ing|ed)?|Neustart(?:s|en)?|neu\s?(?:zu\s?)?starten|neustarten)"
_AFTER = (
    r"(?:[,\s]+(?:after|in|within|with(?: a)?|nach|mit(?: einem)?)(?: (?:countdown|delay|Countdown)(?: "
    rf"(?:of|von))?)? {DURATION})?"
)
_DEFER = (
    r"(?:defer(?:ral|rals|red|ring)?|postpone(?:ments?|d)?|snoozes?|delay(?:s|ed)?|auf(?:zu)?schieben"
    r"|verschieben|zurück(?:zu)?stellen|Aufsch[uü]be?|Verschiebung(?:en)?)"
)
_FORBIDDEN = r"do not|don't|must not|mustn't|may not|cannot|can't|should not|shouldn't"
_COUNT = rf"(?P<count>{NUMBER})"


def _countdown(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    amount = found["amount"] or found["amount2"] or found["amount3"]
    length = seconds(amount, found["unit"] or found["unit2"] or found["unit3"])
    forced = bool(re.search(r"forc|zwing", found.string, re.IGNORECASE))
    if re.search(_RESTART, found.string, re.IGNORECASE):
        yield Restart(
            behavior=RestartBehavior.FORCE if forced else RestartBehavior.PROMPT, countdown=length, source=source
        )
    else:
        yield Closing(countdown=length, forced=forced, source=source)


def _block(found: re.Match[str], request: Request, source: Source) -> Iterator[Instruction]:
    yield from _close(found, request, source)
    yield Closing(blocks_start=True, source=source)


def _defer_times(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Deferral(times=number(found["count"] or found["count2"]), source=source)


def _defer_days(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    if not re.search(_DEFER, found.string, re.IGNORECASE):
        return
    weeks = found["unit"].lower().startswith("w")
    yield Deferral(days=number(found["count"]) * (7 if weeks else 1), source=source)


def _prompt(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    amount, unit = found["amount"] or found["amount3"], found["unit"] or found["unit3"]
    yield Restart(behavior=RestartBehavior.PROMPT, countdown=seconds(amount, unit) if amount else None, source=source)


CLOSING = [
    Pattern(
        r"\b(?:block|blockiere\w*) (?P<apps>[^.;,\0]{1,80}?) (?:during|while|until|während|bis)\b[^.;,\0]{0,40}", _block
    ),
    Pattern(
        r"\b(?:block|prevent|keep|stop)\b[^.;\0]{0,60}?\bfrom (?:being )?"
        r"(?:(?:re)?start(?:ed|ing)?|open(?:ed|ing)?|launch(?:ed|ing)?)(?: again)?"
        r"(?: (?:during|while|until)[^.;,\0]{0,40})?"
        r"|\b(?:block|prevent)\b[^.;\0]{0,60}? (?:start|restart|launch|execution)\b|\bblock execution\b"
        r"|\b(?:Start|Ausführung)[^.;\0]{0,40}? (?:blockieren|verhindern|sperren)\b",
        _closing(blocks_start=True),
    ),
    Pattern(
        r"\b(?:prompt|ask|let|remind|allow|tell)\b(?: the)? ?(?:users?|them|him|people)? ?to save(?: (?:their "
        r"|open |the )*"
        r"(?:work|documents?|files?))?|\bprompt to save\b|\bzum Speichern (?:auffordern|fragen)|\bSpeichern anbieten",
        _closing(prompt_to_save=True),
    ),
    Pattern(
        r"\b(?:give|allow)(?: (?:the |all )?users?| them)? (?P<amount3>\d{1,5}) (?P<unit3>minutes?|seconds?) to "
        r"(?:save|close|finish)(?: (?:their |open |the |all )*(?:work|documents?|files?|apps?|applications?))?|"
        rf"(?:\b(?:after|with|in|within|over|nach|mit|binnen)(?: an?| eine[mr]?)? )?(?:{DURATION}[ -]"
        r"(?:countdown|warning)\b|"
        r"\bcountdown (?:of |is |from |von |: ?)?(?P<amount2>\d{1,5})[ -]?(?P<unit2>s\w*|min\w*|Sek\w*|Min\w*"
        r"|Stunden?|hours?)\b)"
        r"(?: (?:before (?:closing|the apps? (?:is|are) closed)))?",
        _countdown,
    ),
    Pattern(
        r"\b(?:(?:force(?:fully|-)?[ -]?|automatically |silently )*(?:clos(?:e|ing)|quit|exit|kill|terminate"
        r"|shut ?down|end|stop))"
        rf"\s+(?P<apps>[^;\0]{{1,200}}?){_STOP}",
        _close,
    ),
    Pattern(r"\b(?:schlie(?:ß|ss)en?|beenden?)(?: Sie)?\s+(?P<apps>[^;\0]{1,200}?)" + _STOP, _close),
    Pattern(
        r"(?P<apps>[\w.+#-]+(?: [A-Z][\w.+#-]*)*(?:(?:, | und | oder )[\w.+#-]+(?: [A-Z][\w.+#-]*)*)*)"
        r"(?: (?:soll|sollen|muss|müssen|vorher|zuerst|bitte))* (?:geschlossen|beendet|schließen|beenden)"
        r"(?: werden)?\b",
        _close,
    ),
    Pattern(
        r"(?P<apps>[\w.+#-]+(?: [A-Z][\w.+#-]*)*(?:(?:, | and | or )[\w.+#-]+(?: [A-Z][\w.+#-]*)*)*)"
        r" (?:(?:should|must|has to|have to|needs? to) be|is|are) (?:closed|terminated|shut down)\b(?: first| before)?",
        _close,
    ),
]
_NOT_LIMITED = (
    r"(?! (?:(?:the|this|it|die|das|es|installation|deployment|setup|update) ){0,3}(?:more|longer|beyond|past"
    r"|after(?! all)|later|until|unless|except|if|when|mehr|länger|nach|öfter|häufiger|wenn|falls|außer)\b)"
)
"""What does not follow where deferring is refused altogether, as in: do not defer more than 3 times."""
DEFERRAL = [
    Pattern(
        r"\b(?:no|without|disallow|do not allow|don't allow|never|kein(?:e|en)?|ohne|nicht)(?: any)?(?: user)?"
        rf"(?: to)? {_DEFER}\b{_NOT_LIMITED}"
        rf"|\b(?:(?:{_FORBIDDEN})(?: be)?|(?:{_FORBIDDEN}|never) (?:let|allow|permit)(?: the| any)?"
        rf"(?: users?| people| anybody| anyone| them)?(?: be)?)(?: able)?(?: to)? {_DEFER}\b{_NOT_LIMITED}",
        _no_deferral,
    ),
    Pattern(
        rf"(?:\b(?:allow|let|permit|offer|give|up|may|can|erlaube\w*|lasse\w*)\b[^.;,\0]{{0,40}}?\s)?"
        rf"(?:\b(?:{_DEFER}(?: (?:the|this|it|die|das|es))?(?: (?:installation|deployment|setup|update))?"
        rf"(?: (?:up to|at most|a maximum of|max(?:imum)?|bis zu|höchstens|maximal|:))* {_COUNT}[ -]?(?:times?"
        r"|x|mal)?\b(?! (?:day|week|Tag|Woche))"
        rf"|{_COUNT.replace('count', 'count2')}[ -]?(?:times? |x |mal |user )*{_DEFER}\b))(?: (?:werden|können"
        r"|dürfen|möglich|erlauben|zulassen|are|is|allowed|permitted))*",
        _defer_times,
    ),
    Pattern(
        rf"(?:\b(?:allow|let|permit|erlaube\w*)\b[^.;,\0]{{0,40}}?\s)?(?:{_DEFER}\b[^.;,\0]{{0,25}}? )?\b(?:for"
        r"|within|um|bis zu|up to|for up to|,? ?maximal)? ?"
        rf"{_COUNT} (?P<unit>days?|weeks?|Tagen?|Tage|Wochen?)\b(?: (?:of )?{_DEFER})?",
        _defer_days,
    ),
    Pattern(
        rf"(?:\b(?:allow |permit |erlaube\w* )?{_DEFER}\b[^.;\0]{{0,40}}? )?(?:\b(?:deferral )?deadline(?: "
        r"(?:is|of|on|for deferrals?"
        r"(?: is)?))?:? |\bFrist(?: (?:ist|bis|am))?:? |"
        rf"\b(?:until|till|bis(?: zum)?|no later than|spätestens(?: am)?|by) )(?:the )?(?P<date>{DATE})(?: {_DEFER})?",
        _defer_until,
    ),
]
WINDOWS = [
    Pattern(
        r"\b(?:(?:show|display|say|tell|zeige\w*)\b(?: (?:the |a |an |users? |die |eine |den )*)?(?:message|text"
        r"|prompt|note|notice|Meldung|Nachricht|Hinweis)?|message|Meldung)"
        r"(?: (?:at the end|afterwards|when (?:it is )?(?:done|finished|complete)|after (?:the )?installation"
        rf"|am Ende|danach))*(?: ?(?::|saying|with the text|that says|mit dem Text))* ?(?P<text>{QUOTED})"
        r"(?: (?:at the end|afterwards|when (?:it is )?(?:done|finished|complete)|after (?:the )?installation"
        r"|am Ende|danach))*",
        _completion,
    ),
    Pattern(
        r"\b(?:(?P<no>(?:show |display )?no|without|hide|skip|don't show|do not show"
        r"|(?:zeige\w* )?kein(?:e|en)?|ohne) |(?:show|display|with"
        r"|zeige\w*|mit) )"
        r"(?:(?:a|an|the|any|installation|eine?n?|die|den) )*(?P<window>progress|fortschritt\w*|welcome"
        r"|begrüßung\w*|completion|finish(?:ed)?|closing|final|abschluss\w*|end)"
        r"(?: ?-?(?:bar|dialogs?|windows?|screen|message|prompt|anzeige|fenster|meldung|balken))*\b(?: "
        r"(?:with the text|saying|mit dem Text) (?P<text>" + QUOTED + r"))?",
        _window,
    ),
    Pattern(
        r"\b(?:no pop-?ups?|keine Pop-?ups?)\b|\b(?:completely |fully |totally )?(?:silent(?:ly)? "
        r"(?:deployment|mode|for (?:the )?users?)|(?:(?:(?:show|display) )?no"
        r"|without(?: any)?|hide all|(?:do not|don't|never) (?:show|display)(?: any)?)"
        r" (?:user )?(?:ui|user interface|interaction|dialogs|windows|prompts)|"
        r"(?:(?:zeige\w* )?keine|ohne) (?:Benutzeroberfläche|Fenster|Dialoge|Interaktion)|unattended|unbeaufsichtigt"
        r"|im Hintergrund|in the background)\b",
        _interaction("Silent"),
    ),
    Pattern(
        r"\b(?:interactive (?:deployment|mode)|interaktiv\w*|always show (?:all )?(?:dialogs|windows))\b",
        _interaction("Interactive"),
    ),
    Pattern(r"\bnon-?interactive(?: (?:deployment|mode))?\b", _interaction("NonInteractive")),
]
RESTARTS = [
    Pattern(
        r"\b(?:suppress(?:ing|ed)?|avoid|prevent|no|never|without(?: an?)?|do not|don't|must not|should not"
        r"|kein(?:e|en)?|ohne|nicht)"
        rf"(?: (?:the|any|a|automatic|forced?|computer|to|trigger a|den|einen))* {_RESTART}(?: (?:the )?"
        r"(?:computer|machine|device|pc))?\b"
        rf"|\b{_RESTART} (?:(?:is|are|should be|must be|wird|soll) )?(?:suppressed|unterdrück\w+|vermeiden"
        r"|verhindern)(?: werden)?\b",
        _restart(RestartBehavior.SUPPRESS),
    ),
    Pattern(
        r"\b(?:pass|hand|return|report)(?: on| through)?(?: the)?(?: exit code)?(?: 3010)?(?: (?:for|of|the))*"
        rf" (?:exit code )?(?:3010|{_RESTART})(?: (?:on|through|code))?\b"
        r"|\b3010 (?:zurückgeben|weitergeben)\b",
        _restart(RestartBehavior.PASS_ON),
    ),
    Pattern(
        r"\b(?:prompt|ask|offer|remind|request)(?:s|ed)?\b(?: (?:the |all )?users?| them| people)?(?: (?:for"
        rf"|to|a|an|the))* {_RESTART}"
        rf"(?: (?:the |their )?(?:computer|machine|device|pc))?(?: if (?:needed|required|necessary))?{_AFTER}"
        rf"|\b(?:zum |um |nach )?(?:einen? )?{_RESTART} (?:auffordern|aufgefordert|bitten|gebeten|abfragen"
        r"|fragen|gefragt"
        r"|anbieten)\b(?: werden)?"
        rf"|\b(?:restart|reboot) prompt\b{_AFTER.replace('amount', 'amount3').replace('unit', 'unit3')}",
        _prompt,
    ),
    Pattern(
        r"\b(?:force|trigger|perform|do|enforce|require|erzwinge\w*)(?:s|d)?(?: (?:a|an|the|einen|den))* "
        rf"(?:automatic )?{_RESTART}"
        r"(?: (?:of )?(?:the )?(?:computer|machine|device|pc))?(?: (?:afterwards|at the end|if (?:needed"
        rf"|required|necessary)))?{_AFTER}"
        rf"|\b{_RESTART} (?:erzwingen|durchführen)\b",
        _restart(RestartBehavior.FORCE),
    ),
    Pattern(
        r"\b(?:restart|reboot)(?: (?:the )?(?:computer|machine|device|pc)s?)?(?: (?:automatically|afterwards"
        rf"|at the end|after (?:the )?installation|when (?:done|finished)))+{_AFTER}"
        r"|\b(?:restart|reboot) (?:the )?(?:computer|machine|device|pc)s? (?:after|in|within) "
        rf"{DURATION.replace('amount', 'amount2').replace('unit', 'unit2')}"
        r"|\b(?:den )?(?:Rechner|Computer|PC) (?:danach |anschließend |am Ende )?neu ?starten\b",
        _restart(RestartBehavior.FORCE),
    ),
]
