"""Words of requests, and the instructions that follow: shortcuts, the registry, files, and detection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from workflows.package_deployment.scripts.blocks import RegistryType
from workflows.package_deployment.scripts.instruction_base import Instruction, Source
from workflows.package_deployment.scripts.instruction_kinds import (
    CopyFile,
    DetectionWish,
    EarlierVersions,
    LogFolder,
    RegistryValue,
    Shortcut,
    UserSetup,
)
from workflows.package_deployment.scripts.planning import application_name
from workflows.package_deployment.scripts.request_text import Handler, Pattern, Request
from workflows.package_deployment.scripts.request_words import (
    PATH,
    QUOTED,
    place,
    unquoted,
)

_GUID = r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?"
_FILE = r"(?:\"[^\"\\/\n]{1,150}\.%(ext)s\"|'[^'\\/\n]{1,150}\.%(ext)s'|[\w.()+#-]{1,150}\.%(ext)s)\b[\"']?"
_ANY_FILE = _FILE % {"ext": r"[A-Za-z0-9]{1,8}"}
_SOME_PATH = rf"(?:{QUOTED}|{PATH})"
_HIVE = r"(?:HKLM|HKCU|HKEY_LOCAL_MACHINE|HKEY_CURRENT_USER)"
_KEY = (
    rf"(?:\"{_HIVE}:?\\[^\"\n]{{1,400}}\"|'{_HIVE}:?\\[^'\n]{{1,400}}'|{_HIVE}:?\\(?:[^\\\s\"',;:=]+"
    rf"(?: (?!{_HIVE})[^\\\s\"',;:=]+){{0,4}}\\)*[^\\\s\"',;:=]+)"
)
_VALUE = rf"(?:{QUOTED}|0x[0-9A-Fa-f]{{1,16}}|[^\s,;\"'()\0]+)"
_TYPE = (
    r"(?:\(?(?:as |of type |type |als |vom Typ )?(?:an? )?(?P<type>REG_DWORD|DWORD|REG_QWORD|QWORD|REG_SZ"
    r"|STRING|REG_EXPAND_SZ|EXPANDSTRING)\)?)"
)
_TYPES = {
    "DWORD": RegistryType.DWORD, "QWORD": RegistryType.QWORD, "SZ": RegistryType.STRING, "STRING": RegistryType.STRING,
    "EXPAND_SZ": RegistryType.EXPAND_STRING, "EXPANDSTRING": RegistryType.EXPAND_STRING,
}  # fmt: skip


def _shortcut(action: Literal["remove", "keep"]) -> Handler:
    def handler(found: re.Match[str], request: Request, source: Source) -> Iterator[Instruction]:
        where: Literal["desktop", "start_menu"] = (
            "start_menu" if re.search(r"start", found[0], re.IGNORECASE) else "desktop"
        )
        given = unquoted(found["name"]) if found["name"] else application_name(request.analysis)
        yield Shortcut(action=action, where=where, name=_link(given), source=source)

    return handler


def _new_shortcut(found: re.Match[str], request: Request, source: Source) -> Iterator[Instruction]:
    where: Literal["desktop", "start_menu"] = (
        "start_menu" if re.search(r"start.?men", found[0], re.IGNORECASE) else "desktop"
    )
    given = unquoted(found["name"]) if found["name"] else application_name(request.analysis)
    target, user_folder = place(unquoted(found["target"]))
    if user_folder:
        raise ValueError("A shortcut of all users cannot lead to the folder of one.")
    yield Shortcut(action="create", where=where, name=_link(given), target=target, source=source)


def _link(name: str) -> str:
    return name if name.lower().endswith((".lnk", ".url")) else f"{name}.lnk"


def _key(text: str) -> str:
    hive, _, rest = unquoted(text).partition("\\")
    short = {"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_CURRENT_USER": "HKCU"}
    hive = hive.rstrip(":").upper()
    return f"{short.get(hive, hive)}:\\{rest}"


def _registry(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    key, name = _key(groups["key"]), unquoted(groups.get("name") or groups.get("name2") or "")
    if not name:
        key, _, name = key.rpartition("\\")
    groups["type"] = groups.get("type") or groups.get("kind")
    kind = _TYPES[(groups.get("type") or "STRING").upper().removeprefix("REG_")]
    text = unquoted(groups["value"])
    if (
        not groups.get("type")
        and groups["value"][0] not in "\"'“„»‘"
        and re.fullmatch(r"\d{1,9}|0x[0-9a-fA-F]{1,8}", text)
    ):
        kind = RegistryType.DWORD
    value: str | int = text
    if kind in {RegistryType.DWORD, RegistryType.QWORD}:
        value = int(text, 0) if text.lower().startswith("0x") else int(text)
    yield RegistryValue(key=key, name=name, value=value, type=kind, source=source)


def _no_registry(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    key, name = _key(groups["key"]), unquoted(groups.get("name") or "")
    if not name:
        key, _, name = key.rpartition("\\")
    yield RegistryValue(action="remove", key=key, name=name, source=source)


def _copy(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    to, user_folder = place(unquoted(found["path"]))
    yield CopyFile.model_validate(
        {"file": found["file"].strip("\"'"), "to": to, "every_user": user_folder, "source": source}
    )


def _user_setup(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    file = groups.get("file") or groups.get("file2") or ""
    yield UserSetup(file=file.strip("\"'"), source=source)


def _earlier(found: re.Match[str], request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    if groups.get("code"):
        yield EarlierVersions(upgrade_code=groups["code"], source=source)
        return
    name = unquoted(groups["name"]) if groups.get("name") else ""
    if not name or re.fullmatch(
        r"(?:the |this |die |der )?(?:app\w*|software|product|program\w*|anwendung|it)", name, re.I
    ):
        name = application_name(request.analysis)
    yield EarlierVersions(name=name, source=source)


def _log_folder(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    yield LogFolder(path=unquoted(found["path"]), source=source)


def _detection(found: re.Match[str], _request: Request, source: Source) -> Iterator[Instruction]:
    groups = found.groupdict()
    version = groups.get("version") or ""
    if groups.get("key"):
        key = _key(groups["key"]).replace(":\\", "\\", 1)
        yield DetectionWish(
            by="registry", path=key, name=unquoted(groups["name"] or ""), version=version, source=source
        )
    elif groups.get("path"):
        yield DetectionWish(by="file", path=unquoted(groups["path"]), version=version, source=source)
    else:
        yield DetectionWish(by="product_code", source=source)


_LINK = r"(?:shortcuts?|icons?|links?|entry|entries|Verknüpfung(?:en)?|Symbole?|Einträge?|Eintrag)"
_WHERE = r"(?:(?:public |all users )?desktop|start ?menu|Startmenü-?|Desktop-?)"
_LINK_NAME = rf"(?: (?P<name>{QUOTED}|(?!on\b|from\b|for\b|of\b)[\w.+-]+\.lnk))?"
_LINK_PLACE = rf"(?:,? (?:on|from|in|of|auf|vom|von|im|aus)(?: dem)?(?: the)? {_WHERE})?"
SETTINGS = [
    Pattern(
        r"\b(?:remove|delete|no|without|suppress|hide|don't create|do not create|entferne\w*|lösche\w*|kein"
        rf"(?:e|en)?|ohne)(?: (?:the|any|all|a|die|alle|das))* (?:{_WHERE} ?)?{_LINK}{_LINK_NAME}{_LINK_PLACE}"
        r"(?: (?:entfernen|löschen))?"
        rf"|\b(?:die )?(?:Desktop-?|Startmenü-?)(?:verknüpfung|symbol|icon)(?:en)?(?P<x>) (?:entfernen|löschen)",
        lambda found, request, source: _shortcut("remove")(found, request, source),
    ),
    Pattern(
        r"\b(?:kein(?:e|en)? |entferne\w* (?:die )?)(?:Desktop-?|Startmenü-?)(?:verknüpfung|symbol|icon)"
        r"(?:en)?(?P<name>\0)?\b",
        _shortcut("remove"),
    ),
    Pattern(
        r"\b(?:keep|leave|preserve|behalte\w*)(?: (?:the|any|all|die))* "
        rf"(?:{_WHERE} ?)?{_LINK}{_LINK_NAME}{_LINK_PLACE}",
        _shortcut("keep"),
    ),
    Pattern(
        rf"\b(?:create|add|make|place|erstelle\w*|lege\w*)(?: (?:a|an|the|eine))* (?:{_WHERE} ?)?{_LINK}(?: "
        rf"(?:called|named|namens|mit dem Namen))?(?: (?P<name>{QUOTED}))?{_LINK_PLACE}"
        rf" (?:to|for|pointing to|auf|zu|für) (?P<target>{_SOME_PATH}){_LINK_PLACE}(?: an)?",
        _new_shortcut,
    ),
    Pattern(
        r"\b(?:set|create|write|add|setze\w*|schreibe\w*)(?: (?:the|a|den|einen))*(?: registry| Registry-?)?"
        rf"(?: ?(?:value|wert|entry|eintrag))?(?: (?P<name>{QUOTED}|(?!{_HIVE})[\w.-]+))? (?:in|under|at|unter)"
        rf"(?: (?:the )?(?:registry )?key)? (?P<key>{_KEY}) (?:to|=|auf|with(?: the)? value|mit(?: dem)? Wert) "
        rf"(?P<value>{_VALUE})(?: {_TYPE})?(?: (?:for|of) (?:all|every|each) users?)?(?: setzen)?",
        _registry,
    ),
    Pattern(
        r"(?:\b(?:set|create|write|add|setze\w*|schreibe\w*|setting)(?: (?:the|a|den))*(?: registry| Registry-?)?"
        rf"(?: (?P<kind>DWORD|QWORD|REG_DWORD|REG_SZ|string))?(?: ?(?:value|wert|key|entry))? )?(?P<key>{_KEY})"
        rf"(?:(?:,? value |,? Wert )(?P<name2>{QUOTED}|[\w.-]+)|(?:(?: ?: ?| )(?P<name>{QUOTED}|[\w.-]+)"
        rf"(?= ?=)))? ?(?:=|to|auf) ?(?P<value>{_VALUE})(?: {_TYPE})?(?: (?:for|of) (?:all|every|each) users?)?"
        r"(?: setzen)?",
        _registry,
    ),
    Pattern(
        r"\b(?:remove|delete|entferne\w*|lösche\w*)(?: (?:the|den))*(?: registry| Registry-?)?(?: ?(?:value"
        rf"|wert|entry))?(?: (?P<name>{QUOTED}|(?!{_HIVE})[\w.-]+) (?:from|in|under|aus))? ?(?P<key>{_KEY})",
        _no_registry,
    ),
    Pattern(
        r"\b(?:copy|place|put|kopiere\w*|lege\w*)(?: (?:the|a|die|das|our))*(?: (?:file|config(?:uration)?"
        rf"(?: file)?|settings file|Datei|Konfigurationsdatei))? (?P<file>{_ANY_FILE}) (?:to|into|in|nach|ins?)"
        rf"(?: (?:the|das|den))?(?: (?:folder|directory|Verzeichnis|Ordner))? (?P<path>{_SOME_PATH})(?: (?:for"
        r"|of) (?:every|each|all) users?)?(?: kopieren)?",
        _copy,
    ),
    Pattern(
        r"\b(?:run|execute|start|call|starte\w*|führe)(?: (?:the|a|die|das))*(?: (?:file|script|Datei"
        rf"|Skript))? (?P<file>{_ANY_FILE}) (?:once )?(?:(?:for|per) (?:every|each|all) users?|per user|(?:at"
        r"|on) (?:the )?(?:first |next )?(?:log ?on|sign[- ]?in|login)|(?:einmal )?(?:für|pro) (?:jeden "
        r"|alle )?Benutzer)(?: (?:at|on) (?:the )?(?:first |next )?(?:log ?on|sign[- ]?in|login))?(?: aus)?"
        rf"|\bActive ?Setup(?: (?:with|for|to run|mit|für|runs|running))?:? (?P<file2>{_ANY_FILE})",
        _user_setup,
    ),
    Pattern(
        r"\b(?:uninstall|remove|delete|deinstalliere\w*|entferne\w*)(?: (?:any|all|the|every|alle|das|die))*"
        r"(?: (?:products?|applications?|Produkte?))?(?: that have| with| mit)? (?:the |dem )?upgrade[- ]?code"
        rf" (?P<code>{_GUID})",
        _earlier,
    ),
    Pattern(
        r"\b(?:uninstall|remove|replace|delete|deinstalliere\w*|entferne\w*)(?: (?:any|all|the|every|alle|die"
        r"|installed))* (?:earlier|previous|older|old|prior|existing|former|ältere[nr]?|alte[nr]?|frühere[nr]?"
        r"|vorherige[nr]?|vorhandene[nr]?) (?:versions?|installations?|releases?|Version(?:en)?|Installation"
        r"(?:en)?)"
        rf"(?: (?:of|von)(?: the)? (?P<name>{QUOTED}|(?-i:[A-Z0-9][\w.+#-]*(?: [A-Z0-9][\w.+#-]*){{0,4}})|"
        r"(?:the |this )?(?:app(?:lication)?|software|product)))?(?: (?:first|before(?:hand)?|deinstallieren"
        r"|entfernen))*",
        _earlier,
    ),
    Pattern(
        r"\b(?:any |all )?(?:earlier|previous|older|old|existing) (?:versions?|installations?)"
        rf"(?: of (?P<name>{QUOTED}|(?-i:[A-Z0-9][\w.+#-]*(?: [A-Z0-9][\w.+#-]*){{0,4}})))? "
        r"(?:has to|have to|must|should|needs? to) be (?:removed|uninstalled|replaced)(?: first| before\w*)?",
        _earlier,
    ),
    Pattern(
        rf"\b(?:uninstall|deinstalliere\w*) (?P<name>{QUOTED}|(?-i:[A-Z][\w.+#-]*(?: [A-Z0-9][\w.+#-]*){{0,4}}))"
        r" (?:first|before(?:hand)?|vorher|zuerst)\b",
        _earlier,
    ),
    Pattern(
        r"\b(?:Ältere|Alte|Frühere|Vorherige|Vorhandene) (?:Version(?:en)?|Installation(?:en)?)(?: von "
        rf"(?P<name>{QUOTED}|(?-i:[A-Z0-9][\w.+#-]*(?: [A-Z0-9][\w.+#-]*){{0,4}})))? (?:(?:müssen|sollen|vorher"
        r"|zuerst) )*(?:deinstallier\w+|entfern\w+)(?: werden)?",
        _earlier,
    ),
    Pattern(
        r"\b(?:(?:write|store|put|save|keep|send|schreibe\w*|lege\w*) )?(?:the |all |die )?(?:install"
        r"(?:ation)? )?(?:logs?|log ?files?|Protokolle?|Logdateien|Logs)(?: (?:folder|directory|path|ordner"
        r"|verzeichnis))?(?: (?:should |sollen? )?(?:go|be written|be stored|is|are|kommen|liegen))?(?: ?(?:to"
        rf"|in|into|under|at|nach|unter|:))?(?: the folder| dem Ordner| den Ordner)? (?P<path>{_SOME_PATH})(?: "
        r"(?:schreiben|ablegen))?",
        _log_folder,
    ),
]
_DETECT = (
    r"\b(?:detect(?:ed|ion)?|check for|Erkennung|erkenn\w*)(?: (?:the|it|rule|method|should|be|is|must|app"
    r"(?:lication)?|die|das|Anwendung|soll))*(?: ?(?:by|via|using|with|through|on|über|anhand|mit|per|:))*"
)
DETECTION = [
    Pattern(
        rf"{_DETECT}(?: (?:the|der|den|des))? (?:MSI[- ])?(?:product ?code|Produktcode|ProductCode)"
        rf"(?: \(?{_GUID}\)?)?",
        _detection,
    ),
    Pattern(
        rf"{_DETECT}(?: (?:the|a|der|einen))?(?: (?:registry|Registry-?) ?(?:key|value|entry|schlüssel)?)? "
        rf"(?P<key>{_KEY})(?:,? (?:value |Wert )(?P<name>{QUOTED}|[\w.-]+))?(?:,? (?:with |in |mit )?"
        rf"(?:at least )?(?:version |Version )(?P<version>\d+(?:\.\d+){{1,3}}))?",
        _detection,
    ),
    Pattern(
        rf"{_DETECT}(?: (?:the|a|der|die))?(?: (?:file|existence of|Datei))*(?: version(?: of)?)? "
        rf"(?P<path>{_SOME_PATH})(?:,? (?:with |in |mit )?(?:at least )?(?:version |Version )(?P<version>\d+"
        rf"(?:\.\d+){{1,3}}))?",
        _detection,
    ),
]
