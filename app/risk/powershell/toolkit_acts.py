"""PSAppDeployToolkit's functions whose effect depends on their arguments."""

from __future__ import annotations

import re

from app.risk.commands.table import program_name
from app.risk.effects import Act, act_on, run_dynamic
from app.risk.places import Place, place_of
from app.risk.powershell.call import Call, run_blocks
from app.risk.powershell.commands import cmdlet as run_cmdlet
from app.risk.powershell.commands import resolved
from app.risk.powershell.files import delete_path, make_folder, read_path, write_path
from app.risk.powershell.rules import ENDS_PROCESS, HIGH, INSTALLS, LOW, MEDIUM, PSADT, RESTARTS, SETTINGS, SHOWS
from app.risk.powershell.running import split_arguments, start_program
from app.risk.powershell.table import cmdlet, is_known, target_of
from app.risk.powershell.values import NOTHING, Value
from app.risk.registry import delete_registry, read_registry, registry_path, write_registry
from app.risk.rules import word_set
from app.risk.words import UNKNOWN, Word

_PATH = "literalpath|path|filepath"


@cmdlet("start-adtprocess", "start-adtprocessasuser")
def _process(call: Call) -> Value:
    path, given = call.bound("filepath|path", "argumentlist|parameters|arguments")
    secret = call.value("secureargumentlist")
    words: list[Word] = []
    for item in given.each():
        for text in item.texts if item.kind != "null" else ():
            words += [Word(part, call.line) for part in split_arguments(text)]
    for text in path.texts:
        name = Word(_in_files(text), call.line)
        start_program(call, name, words, path)
    if secret is not None and not secret.known:
        call.reading.doubt()
    return Value(kind="process")


_SYSTEM_PROGRAMS = word_set(
    """
    attrib bcdedit bitsadmin certutil cleanmgr cmd cmdkey cscript curl defrag diskpart dism driverquery expand explorer
    format fsutil gpupdate icacls ipconfig label manage-bde mklink msiexec mshta net net1 netsh notepad ping pnputil
    powercfg powershell print pwsh reagentc reg regedit regsvr32 robocopy route rundll32 runas sc schtasks setx sfc
    shutdown subst
    systeminfo takeown tar taskkill tasklist tzutil vssadmin w32tm wbadmin wevtutil where whoami winget wmic
    wscript wusa xcopy secedit auditpol
    """
)


def _in_files(name: str) -> str:
    """A program without a folder is looked for in the deployment's own files first."""
    if re.search(r"[\\/]", name) or program_name(name) in _SYSTEM_PROGRAMS or not re.search(r"\.\w{3}$", name):
        return name
    return f".\\Files\\{name}"


@cmdlet("start-adtmsiprocess", "start-adtmsiprocessasuser")
def _msi(call: Call) -> Value:
    action, path = call.bound("action", "filepath|path|productcode")
    verb = {"uninstall": "removes", "repair": "repairs", "patch": "patches", "activesetup": "repairs"}.get(
        action.text.lower(), "installs"
    )
    shown = ", ".join(word.display for word in path.words(call.line) if word.text) or "a package"
    call.reading.add(INSTALLS, f"This {verb} {shown}.", call.line)
    return Value(kind="process")


@cmdlet("show-adtinstallationwelcome")
def _welcome(call: Call) -> Value:
    closes = call.find("closeprocesses", "closeapps") is not None
    forced = call.flag("silent") or call.find(
        "forcecloseprocessescountdown", "forcecloseappscountdown", "forcecountdown"
    ) is not None  # fmt: skip
    if closes and forced:
        call.reading.add(ENDS_PROCESS, "This closes the user's programs, without asking if need be.", call.line)
    else:
        call.reading.add(SHOWS, "This asks the user to close programs and to go on.", call.line)
    return NOTHING


@cmdlet("show-adtinstallationrestartprompt")
def _restart(call: Call) -> Value:
    asked = not call.flag("silentrestart") and call.find("silentcountdown", "silentcountdownseconds") is None
    can_wait = call.flag("nocountdown")
    words = "This asks the user to restart the machine." if asked else "This restarts the machine without asking."
    call.reading.add(RESTARTS, words, call.line, (LOW if can_wait else MEDIUM) if asked else HIGH)
    return NOTHING


@cmdlet("get-adtregistrykey")
def _read_key(call: Call) -> Value:
    for word in call.words("literalpath|key|path"):
        read_registry(call.reading, word)
    return Value()


@cmdlet("set-adtregistrykey")
def _set_key(call: Call) -> Value:
    key, name = call.bound("literalpath|key", "name")
    for word in key.words(call.line):
        write_registry(call.reading, _as_key(word), name.text if name.known else "")
    if call.value("sid") is not None and any(_is_user(word) for word in key.words(call.line)):
        call.reading.add(PSADT, "This writes into another user's registry.", call.line, HIGH)
    return NOTHING


def _is_user(word: Word) -> bool:
    return registry_path(word.text).startswith("hkcu")


def _as_key(word: Word) -> Word:
    return word if registry_path(word.text) or not word.known else word.with_text(f"HKLM:\\{word.text}")


@cmdlet("remove-adtregistrykey")
def _remove_key(call: Call) -> Value:
    key, name = call.bound("literalpath|key|path", "name")
    for word in key.words(call.line):
        delete_registry(call.reading, _as_key(word), key=name is NOTHING)
    return NOTHING


@cmdlet("invoke-adtallusersregistryaction")
def _all_users(call: Call) -> Value:
    call.reading.add(PSADT, "This changes the registry of every user of the machine.", call.line, HIGH)
    run_blocks(call)
    settings = call.value("registrysettings", "scriptblock")
    if settings is not None and settings.block is None:
        call.reading.doubt()
    return NOTHING


@cmdlet("remove-adtfile")
def _remove_file(call: Call) -> Value:
    for word in call.words(_PATH):
        delete_path(call, word, everything=call.flag("recurse"))
    return NOTHING


@cmdlet("remove-adtfolder")
def _remove_folder(call: Call) -> Value:
    for word in call.words(_PATH):
        delete_path(call, word, everything=not (call.flag("disablerecursion") or call.flag("onlyifempty")))
    return NOTHING


_OWN_FILES = re.compile(
    r"(?i)[\\/]?(?:documents|desktop|pictures|videos|music|downloads|onedrive[^\\/]*|appdata(?:[\\/]\w+)?)(?:[\\/]\*?(?:\.\*)?)?"
)
"""Folders of a profile in which people keep what is theirs."""


@cmdlet("remove-adtfilefromuserprofiles")
def _remove_from_profiles(call: Call) -> Value:
    path = call.bound("literalpath|path")[0]
    whole = any(text.strip("\\/*. ") in ("", UNKNOWN) or _OWN_FILES.fullmatch(text) for text in path.texts)
    shown, _, _, _ = target_of(call)
    if whole:
        act_on(call.reading, Act.DELETE_ALL, Word("C:\\Users\\*", call.line, path.text.replace(UNKNOWN, "…")))
    else:
        words = f"This deletes {shown or 'files'} in the profiles of all users."
        call.reading.add(PSADT, words, call.line, HIGH)
    return NOTHING


@cmdlet("copy-adtfiletouserprofiles")
def _copy_to_profiles(call: Call) -> Value:
    shown, known, _, _ = target_of(call)
    call.reading.add(PSADT, f"This copies {shown or 'files'} into the profiles of all users.", call.line, HIGH)
    if not known:
        call.reading.doubt()
    return NOTHING


@cmdlet("copy-adtfile")
def _copy(call: Call) -> Value:
    for word in call.words("literalpath|path", "destination"):
        read_path(call, word)
    for word in call.words("literalpath|path", "destination", place=1, piped=False):
        before = len(call.reading.findings)
        write_path(call, word, Act.WRITE)
        if len(call.reading.findings) > before and call.reading.findings[-1].severity is LOW:
            continue
        if len(call.reading.findings) == before:
            call.reading.add(PSADT, f"This copies files to {word.display}.", word.line, MEDIUM)
    return NOTHING


@cmdlet("new-adtfolder")
def _folder(call: Call) -> Value:
    for word in call.words(_PATH):
        make_folder(call, word)
    return NOTHING


@cmdlet("new-adtzipfile")
def _archive(call: Call) -> Value:
    target, source = call.bound("destinationpath|destinationarchivedirectorypath", "literalpath|path|sourcefilepath")
    for word in target.words(call.line):
        act_on(call.reading, Act.WRITE, word)
    if call.flag("removesourceafterarchiving"):
        for word in source.words(call.line):
            act_on(call.reading, Act.DELETE_ALL, word)
    return NOTHING


@cmdlet("new-adtshortcut", "set-adtshortcut")
def _shortcut(call: Call) -> Value:
    for word in call.words(_PATH):
        if place_of(word.text) is Place.STARTUP:
            act_on(call.reading, Act.WRITE, word)
        else:
            call.reading.add(PSADT, f"This makes or changes the shortcut {word.display}.", word.line, MEDIUM)
            call.reading.touch(paths=[word.text] if word.known else [])
            if not word.known:
                call.reading.doubt()
    return NOTHING


@cmdlet("set-adtinivalue", "set-adtinisection", "remove-adtinivalue", "remove-adtinisection")
def _ini(call: Call) -> Value:
    for word in call.words("filepath"):
        act_on(call.reading, Act.APPEND, word)
        call.reading.add(SETTINGS, f"This changes a setting in {word.display}.", word.line, MEDIUM)
    return NOTHING


@cmdlet("set-adtitempermission")
def _permission(call: Call) -> Value:
    for word in call.words(_PATH):
        everything = call.find("inheritance", "enableinheritance") is not None
        act_on(call.reading, Act.CHANGE_RIGHTS_ALL if everything else Act.CHANGE_RIGHTS, word)
    return NOTHING


@cmdlet("set-adtenvironmentvariable", "remove-adtenvironmentvariable")
def _environment(call: Call) -> Value:
    name, _, target = call.bound("variable", "value", "target")
    lasting = target.text.lower() in ("machine", "user")
    level = HIGH if target.text.lower() == "machine" or name.text.lower() == "path" else MEDIUM if lasting else LOW
    call.reading.add(SETTINGS, f"This changes the environment variable {name.text}.", call.line, level)
    return NOTHING


_RETRIES = ("command", "retries", "sleepduration", "maximumelapsedtime")


@cmdlet("invoke-adtcommandwithretries")
def _again(call: Call) -> Value:
    name = call.bound("command")[0]
    if name.kind == "command" or name.known:
        inner = resolved(name.text, call.script)
        if is_known(inner):
            rest = Call(inner, call.shown, call.line, call.script, call.input, call.positional[1:],
                        {k: v for k, v in call.named.items() if k not in _RETRIES})  # fmt: skip
            return run_cmdlet(rest)
    run_dynamic(call.reading, call.shown, call.line)
    return Value(origin=call.origins())
