"""Words of requests, and the instructions that follow: arguments, properties, prerequisites, and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from workflows.package_deployment.analysis import Architecture, Scope
from workflows.package_deployment.scripts.instruction_base import Instruction, Source
from workflows.package_deployment.scripts.instruction_kinds import (
    ExitCodes,
    InstallerArguments,
    MsiProperty,
    Patch,
    Requirement,
    ScopeWish,
    Secret,
    Transform,
)
from workflows.package_deployment.scripts.request_text import Handler, Pattern, Request
from workflows.package_deployment.scripts.request_words import (
    DOTNET_RELEASES,
    QUOTED,
    WINDOWS_BUILDS,
    unquoted,
)

_HIDDEN_NAME = (
    r"(?:\w*(?:PIDKEY|LICEN[SC]E|SERIAL|PRODUCTKEY|PASSWORD|PASSWD|PWD|TOKEN|SECRET|APIKEY|ACTIVATION"
    r"|CREDENTIAL)\w*|\w*KEY)"
)
_HIDDEN_WORDS = (
    r"(?:licen[sc]e|product|serial|activation|volume|api|lizenz|produkt)[- ]?(?:key|number|code|schlüssel"
    r"|nummer|token)|"
    r"Lizenzschlüssel|Seriennummer|Produktschlüssel|password|passwort|kennwort|api[- ]?token|access token|secret"
)
_KEY_LIKE = r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,7}\b"
_FILE = r"(?:\"[^\"\\/\n]{1,150}\.%(ext)s\"|'[^'\\/\n]{1,150}\.%(ext)s'|[\w.()+#-]{1,150}\.%(ext)s)\b[\"']?"
_ENDS = r"\s+(?:and|und|but|not|except|without|aber|nicht|ohne)\s"
"""What ends arguments that are not in quotes."""
_VALUE = rf"(?:{QUOTED}|0x[0-9A-Fa-f]{{1,16}}|[^\s,;\"'()\0]+)"


def _secret(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    name = (groups.get("property") or "").upper()
    kind = groups.get("kind") or "license key"
    yield Secret(
        kind=kind.lower(), goes_to=name, source=Source(origin=source.origin, words=f"{name or kind} (not kept)")
    )


def _arguments(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    words = found["for"] or found["before"] or ""
    purpose: Literal["install", "uninstall", "repair"] = "install"
    if re.match(r"uninstall|deinstall|remov", words, re.IGNORECASE):
        purpose = "uninstall"
    elif re.match(r"repair|reparatur|reparier", words, re.IGNORECASE):
        purpose = "repair"
    yield InstallerArguments(purpose=purpose, arguments=unquoted(found["given"].strip()), source=source)


def _property(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield MsiProperty(name=found["property"].upper(), value=unquoted(found["value"]), source=source)


def _spoken_property(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    name, value = found["property"], unquoted(found["value"])
    if name != name.upper():
        raise ValueError("Public properties are in capitals.")
    yield MsiProperty(name=name, value=value, source=source)


def _transform(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Transform(file=found["file"].strip("\"'"), source=source)


def _patch(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Patch(file=found["file"].strip("\"'"), source=source)


def _space(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    factor = {"M": 1, "G": 1_024, "T": 1_024**2}[found["unit"][0].upper()]
    yield Requirement(free_disk_mb=int(float(found["amount"].replace(",", ".")) * factor), source=source)


def _windows(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    if groups.get("build"):
        yield Requirement(windows_build=int(groups["build"]), source=source)
        return
    version = f"{groups['release']} {groups['update'] or ''}".strip().lower()
    name = f"Windows {groups['release']} {(groups['update'] or '').upper()}".strip()
    yield Requirement(windows_build=WINDOWS_BUILDS[version], windows_name=name, source=source)


def _dotnet(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    version = found["version"]
    yield Requirement(dotnet_release=DOTNET_RELEASES[version], dotnet_name=version, source=source)


def _architecture(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    architecture = Architecture.ARM64 if "arm" in found[0].lower() else Architecture.X64
    yield Requirement(architecture=architecture, source=source)


def _no_pending_restart(_found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield Requirement(no_pending_restart=True, source=source)


def _scope(scope: Literal[Scope.MACHINE, Scope.USER]) -> Handler:
    def handler(_found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
        yield ScopeWish(scope=scope, source=source)

    return handler


def _exit_codes(meaning: Literal["success", "restart"]) -> Handler:
    def handler(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
        codes = [int(code) for code in re.findall(r"-?\d{1,10}", found["codes"])]
        yield ExitCodes(codes=codes, meaning=meaning, source=source)

    return handler


_CODES = r"(?P<codes>-?\d{1,10}(?:(?:, ?(?:and |und )?| and | und | or | oder )-?\d{1,10})*)"
_CODE_WORDS = r"(?:exit|return|error)[- ]?codes?|Rückgabe(?:wert|code)e?s?|Exit-?[Cc]odes?"

SECRETS = [
    Pattern(rf"[/-]{{0,2}}\b(?P<property>{_HIDDEN_NAME})\s*=\s*{_VALUE}", _secret),
    Pattern(
        r"(?:\b(?:use|with|enter|apply|set|verwende\w*|mit)\b (?:the |our |den |die |das )?)?\b"
        rf"(?P<kind>{_HIDDEN_WORDS})\b(?: ?(?:is|ist|lautet|:|=|to|auf))* ?"
        rf"(?:{QUOTED}|(?=\S*[\d@#$!])[^\s,;]{{4,200}})",
        _secret,
    ),
    Pattern(_KEY_LIKE, _secret),
]
INSTALLER = [
    Pattern(
        r"\b(?P<before>install\w*|uninstall\w*|deinstall\w*|repair\w*|reparatur\w*)?[ -]?(?:"
        r"(?:command[- ]?line )?(?:arguments?|parameters?|switches|switch|options?|flags?)|Parametern?"
        r"|Schaltern?|Argumenten?)"
        r"(?: (?:for|to|zum|zur|für)(?: the| die| das)? (?P<for>install\w*|uninstall\w*|deinstall\w*|repair\w*"
        r"|reparatur\w*))?(?: (?:are|is|sind|ist))?\s*:?\s*"
        rf"(?P<given>{QUOTED}|[/-][^;\n\0]*?(?=$|\0|[.;](?:\s|$)|{_ENDS}|\s+to (?:un)?install))",
        _arguments,
    ),
    Pattern(
        r"\b(?P<before>install|uninstall|deinstalliere\w*|repair|repariere\w*)(?:ation)?(?: it| silently| the "
        rf"(?:app(?:lication)?|package|software))* (?:with|using|mit) (?P<for>\0)?(?P<given>{QUOTED}"
        rf"|[/-][A-Za-z][^;\n\0]*?(?=$|\0|[.;](?:\s|$)|{_ENDS}))",
        _arguments,
    ),
    Pattern(
        r"\b(?:(?:use|with|apply|using|verwende\w*|mit)\b (?:the |a |der |dem |die )?)?(?:transforms?"
        rf"(?: file)?|transformation(?:sdatei)?)?:? ?(?P<file>{_FILE % {'ext': 'mst'}})",
        _transform,
    ),
    Pattern(
        r"\b(?:(?:use|with|apply|install|using|verwende\w*|mit)\b (?:the |a |der |dem |den )?)?(?:patch"
        rf"(?:es)?)?:? ?(?P<file>{_FILE % {'ext': 'msp'}})",
        _patch,
    ),
    Pattern(
        rf"\b(?:treat|accept|consider|handle|map|behandle\w*|werte\w*)?\s?(?:the )?(?:{_CODE_WORDS}) {_CODES} "
        r"(?:(?:should |must |can )?be (?:treated |accepted |handled |considered )?)?"
        r"(?:as|is|are|means?|to|als|ist|sind|bedeute\w*) (?:a |an |also )?(?:success(?:ful|es)?|ok|Erfolg"
        r"|erfolgreich)\b(?: werten| behandeln)?",
        _exit_codes("success"),
    ),
    Pattern(
        rf"\b(?:treat|accept|consider|handle|map|behandle\w*|werte\w*)?\s?(?:the )?(?:{_CODE_WORDS}) {_CODES} "
        r"(?:(?:should |must |can )?be (?:treated |accepted |handled |considered )?)?"
        r"(?:as|is|are|means?|to|als|ist|sind|bedeute\w*) (?:a |an |also |that a )?(?:restart|reboot"
        r"|soft reboot|Neustart)\b(?: (?:is )?(?:required|needed|nötig|erforderlich))?",
        _exit_codes("restart"),
    ),
]
REQUIREMENTS = [
    Pattern(
        r"\b(?:check (?:that |for )?|ensure |make sure |only if |prüfe\w* |requires? )?(?:there (?:is|are) )?"
        r"(?:no|without|kein(?:e|en)?|free of(?: any)?)(?: a)? (?:pending|outstanding|ausstehende\w*"
        r"|offene\w*) (?:restarts?|reboots?|Neustarts?)(?: (?:is|are|ist) (?:pending|outstanding))?"
        r"|\b(?:check (?:that |for )?|ensure |make sure )?(?:that )?no (?:restart|reboot) is pending\b"
        r"|\b(?:check(?: for)?|(?:abort|stop|do not install|don't install|never install|not install) (?:if|on"
        r"|when|while)) "
        r"(?:there is )?(?:a )?(?:pending (?:restarts?|reboots?)|(?:restart|reboot) is pending)",
        _no_pending_restart,
    ),
    Pattern(
        r"\b(?:(?:check(?:s|ing)?|require\w*|needs?|ensure|prüfe\w*|benötigt)\b(?: (?:for|that|there|is|are|of"
        r"|at|least|auf))* )?(?:at least |minimum(?: of)? |mindestens )?(?P<amount>\d{1,6}(?:[.,]\d{1,3})?) ?"
        r"(?P<unit>MB|GB|TB|MiB|GiB|TiB)"
        r"(?: of)?(?: (?:are |must be )?(?:free|available|freie[rn]?))?(?: (?:free )?(?:disk space|hard disk space"
        r"|disk|space|storage|Speicherplatz|Festplattenspeicher|Plattenplatz))?(?: (?:is |are |must be )?"
        r"(?:free|available|frei|required))?\b"
        r"|\bfree (?:disk )?space:? (?:of )?(?:at least )?(?P<amount2>\d{1,6}(?:[.,]\d{1,3})?) ?(?P<unit2>MB|GB|TB)\b",
        lambda found, request, source: _space(found, request, source) if found["amount"] else iter(()),
    ),
    Pattern(
        r"\b(?:(?:requires?|needs?|only (?:on|for)|at least|minimum|mindestens|nur (?:auf|für|unter)|benötigt"
        r"|check for) )*(?:Windows|Win) ?(?P<release>10|11)(?:,? (?:version |Version )?(?P<update>\d\dH\d|1809"
        r"|1903|1909|2004))?(?: (?:or|and|oder) (?:later|newer|higher|above|up|neuer|höher))?\b",
        _windows,
    ),
    Pattern(
        r"\b(?:(?:requires?|needs?|at least|minimum|mindestens) )*(?:(?:Windows|OS) )?build (?P<build>\d{4,5})"
        r"(?: (?:or|and|oder) (?:later|newer|higher|above|neuer|höher))?\b",
        _windows,
    ),
    Pattern(
        r"(?:\b(?:requires?|needs?|at least|minimum|mindestens|check (?:for|that)|benötigt) )*(?:the )?"
        r"(?:Microsoft )?\.NET(?: ?Framework)?(?: version)? (?P<version>4\.\d(?:\.\d)?)(?: (?:or|and|oder) "
        r"(?:later|newer|higher|neuer|höher))?(?: (?:is )?(?:installed|required|present))?",
        _dotnet,
    ),
    Pattern(
        r"\b(?:requires?|needs?|only (?:install )?(?:on|for)|install only (?:on|for)|nur (?:auf|für)|benötigt)"
        r" (?:an? )?(?:64[- ]?bit|x64|arm64)"
        r"(?:[- ](?:Windows|systems?|computers?|devices?|machines?|Systeme\w*|Rechner\w*))?(?: only)?\b|\b"
        r"(?:64[- ]?bit|x64|arm64)(?: (?:Windows|systems?|computers?|devices?|machines?))? only\b",
        _architecture,
    ),
]
SCOPE = [
    Pattern(
        r"\b(?:install\w* )?(?:for (?:all users|everyone|every user|the (?:whole )?(?:computer|machine))"
        r"|per[- ]machine|machine[- ]wide|system[- ]wide|für alle Benutzer|systemweit)\b",
        _scope(Scope.MACHINE),
    ),
    Pattern(
        r"\b(?:install\w* )?(?:for (?:the )?(?:current|signed[- ]in|logged[- ]on) user(?: only)?|per[- ]user"
        r"(?! setting)|nur für den (?:aktuellen |angemeldeten )?Benutzer|pro Benutzer|benutzerbezogen)\b",
        _scope(Scope.USER),
    ),
]
PROPERTIES = [
    Pattern(
        r"(?:\b(?:with|set|use|mit|setze\w*)(?: the)?(?: public)?(?: MSI)?(?: propert(?:y|ies)| Eigenschaft"
        rf"(?:en)?)? )?\b(?-i:(?P<property>[A-Z_][A-Z0-9_.]{{2,71}}))\s*=\s*(?P<value>{_VALUE}|\"\")",
        _property,
    ),
    Pattern(
        rf"\b(?:set )?(?:the )?(?:public |MSI )?(?:property|Eigenschaft) (?P<property>\w{{2,71}}) (?:to|auf) "
        rf"(?P<value>{_VALUE})(?: setzen)?",
        _spoken_property,
    ),
]
