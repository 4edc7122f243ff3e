"""Cmdlets that read, write, and delete files, and what is on PowerShell's other drives."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.commands.known_files import note_file
from app.risk.effects import READS_SECRET, WRITES, Act, act_on
from app.risk.places import Place, place_of
from app.risk.powershell.call import Call
from app.risk.powershell.drives import define, drive_of, files_in, paths_of, plain
from app.risk.powershell.known_variables import PATHS
from app.risk.powershell.rules import CERTIFICATES, CHANGES_LOOKUP, CRITICAL, HIGH, LOCAL, LOW, REMOTE_ON, SETTINGS
from app.risk.powershell.table import cmdlet
from app.risk.powershell.values import NOTHING, Value, concatenated, either, plain_name, text_value
from app.risk.registry import delete_registry, read_registry, write_registry
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script
_TEMPORARY = r"C:\Temp\tmp.tmp"
_HARMLESS_DRIVES = frozenset({"variable", "function", "alias", "testregistry"})


@cmdlet("get-content", "import-csv", "import-clixml", "get-filehash", "format-hex", "import-powershelldatafile",
        "test-json", "select-xml", "get-authenticodesignature")  # fmt: skip
def _read(call: Call) -> Value:
    words = [word for word in paths_of(call) if word.text]
    if call.name in ("test-json", "select-xml") and call.value("path", "literalpath") is None:
        return Value(origin=call.origins())
    secret = False
    for word in words:
        before = len(call.reading.findings)
        read_path(call, word)
        secret = secret or any(f.rule == READS_SECRET.id for f in call.reading.findings[before:])
        secret = secret or word.text.lower() in call.script.secrets
    fetched = any(is_downloaded(call, word.text) for word in words)
    origin = {"secret"} if secret else set()
    rows = call.name == "import-csv"
    return Value(origin=frozenset(origin | ({"download"} if fetched else set())), many=rows)


def is_downloaded(call: Call, path: str) -> bool:
    """Return True if the script has downloaded this file before."""
    return came_by(plain_name(path), call.script.downloaded)


def came_by(path: str, downloaded: set[str]) -> bool:
    """Return True if a path, as `plain_name` gives it, was downloaded, or lies in a folder that was unpacked of it."""
    return path in downloaded or any(path.startswith(f"{folder}\\") for folder in downloaded)


def read_path(call: Call, word: Word) -> None:
    """Note that a path is read, whatever its drive."""
    drive = drive_of(word.text)
    if drive == "registry":
        read_registry(call.reading, word)
    elif drive == "env":
        call.reading.add(READS_SECRET, f"This reads {word.display}: the environment may hold secrets.", word.line)
    elif not drive:
        act_on(call.reading, Act.READ, word)
        if word.text.startswith(UNKNOWN):
            call.reading.doubt()


@cmdlet("get-childitem", "get-item", "resolve-path", "get-itemproperty", "get-itempropertyvalue", "test-path",
        "convert-path", "get-acl")  # fmt: skip
def _list(call: Call) -> Value:
    given = call.bound("path|literalpath")[0]
    base = given if given is not NOTHING else files_in(call.input) if call.input is not None else text_value(".")
    if call.name == "test-path":
        return Value(kind="bool")
    for word in base.words(call.line):
        drive = drive_of(word.text)
        if drive == "registry":
            read_registry(call.reading, word)
        elif drive == "env":
            read_path(call, word)
        elif not drive:
            act_on(call.reading, Act.LIST, plain(word))
    if any(drive_of(text) == "env" for text in base.texts):
        return Value(origin=frozenset({"secret"}), many=True)
    if call.name.startswith("get-itemproperty"):
        return Value(many=base.many)
    if call.name != "get-childitem":
        pattern = any(re.search(r"[*?]", text) for text in base.texts)
        return replace(base, kind="file", many=base.many or pattern, every=base.every or pattern)
    return _children(call, base)


def _children(call: Call, base: Value) -> Value:
    """Return what a folder holds; the unknown part stands for the names."""
    narrowed = call.value("filter", "include", "exclude") is not None
    below = either([concatenated([item, text_value("\\" + UNKNOWN)]) for item in base.each()])
    if any(re.search(r"[*?][^\\/]*$", text) for text in base.texts):
        below = base
    given = [value for value in (call.value("filter"), call.value("include")) if value is not None]
    texts = [text.replace("*", "x") for value in given for item in value.each() for text in item.texts]
    secret = {"secret"} if any(place_of(text) in (Place.SECRET, Place.ACCESS) for text in texts) else ()
    origin = below.origin.union(secret)
    return replace(below, kind="file", many=True, every=not narrowed, items=None, origin=origin)


@cmdlet("remove-item", "clear-item", "clear-recyclebin")
def _remove(call: Call) -> Value:
    if call.name == "clear-recyclebin":
        act_on(call.reading, Act.DELETE_MANY, Word("the recycle bin", call.line))
        return NOTHING
    for word in paths_of(call):
        delete_path(call, word, everything=call.flag("recurse"), many=_narrowed(call))
    return NOTHING


def _narrowed(call: Call) -> bool:
    return call.value("filter", "include") is not None


def delete_path(call: Call, word: Word, *, everything: bool, many: bool = False) -> None:
    """Note that a path is deleted, whatever its drive."""
    drive = drive_of(word.text)
    if drive == "registry":
        delete_registry(call.reading, word, key=True, many=word.several)
    elif drive == "cert":
        store = re.fullmatch(r"(?i)cert(?:ificate)?::?[\\/]?(?:\w+[\\/]?){0,2}(?:\*|" + UNKNOWN + ")?", word.text)
        level = CRITICAL if store and word.several and not many else None
        call.reading.add(CERTIFICATES, f"This deletes the certificate {word.display}.", word.line, level)
    elif drive in _HARMLESS_DRIVES or drive == "env":
        return
    elif drive:
        call.reading.add(SETTINGS, f"This deletes {word.display}.", word.line, HIGH if everything else None)
    else:
        _delete_files(call, _without_names(word), everything=everything, many=many)


def _without_names(word: Word) -> Word:
    """Return what a deletion of all that a folder holds amounts to: the folder's content."""
    if word.several and re.search(rf"[\\/]{UNKNOWN}$", word.text):
        return word.with_text(word.text[:-1] + "*")
    return word


def _delete_files(call: Call, word: Word, *, everything: bool, many: bool) -> None:
    act = Act.DELETE_ALL if everything else Act.DELETE_MANY if word.several or many else Act.DELETE
    own = plain_name(word.text) in call.script.made
    if own and (word.known or has_own_name(word)):
        call.reading.add(LOCAL, f"This deletes {word.display}, which this script has made.", word.line)
        return
    act_on(call.reading, act, word)


@cmdlet("remove-itemproperty", "clear-itemproperty")
def _remove_property(call: Call) -> Value:
    for word in paths_of(call, "name"):
        if drive_of(word.text) == "registry":
            delete_registry(call.reading, word, key=False)
        else:
            call.reading.add(SETTINGS, f"This removes a property of {word.display}.", word.line)
    return NOTHING


@cmdlet("set-itemproperty", "new-itemproperty", "rename-itemproperty", "copy-itemproperty", "move-itemproperty",
        "set-item")  # fmt: skip
def _set_property(call: Call) -> Value:
    name = call.bound("path|literalpath", "value" if call.name == "set-item" else "name")[1]
    for word in paths_of(call, "name", "value"):
        drive = drive_of(word.text)
        if call.name == "set-item" and define(call, word, name):
            continue
        if drive == "registry":
            write_registry(call.reading, word, name.text if name.known else "")
        elif drive == "wsman":
            call.reading.add(REMOTE_ON, f"This changes {word.display}, which remote sessions obey.", word.line)
        elif drive == "env":
            _set_environment(call, word)
        elif drive in _HARMLESS_DRIVES:
            continue
        else:
            call.reading.add(SETTINGS, f"This changes a property of {word.display}.", word.line)
    return NOTHING


def _set_environment(call: Call, word: Word) -> None:
    variable = re.split(r"[:\\/]", word.text)[-1]
    call.reading.touch(environment=[variable.upper()])
    if variable.lower() in PATHS:
        call.reading.add(CHANGES_LOOKUP, f"This changes {variable}, which decides what runs.", word.line)


@cmdlet("set-content", "add-content", "out-file", "export-csv", "export-clixml", "tee-object", "clear-content",
        "start-transcript", "export-binarymilog", "export-alias")  # fmt: skip
def _write(call: Call) -> Value:
    act = Act.EMPTY if call.name == "clear-content" else Act.APPEND if call.name == "add-content" else Act.WRITE
    if call.flag("append"):
        act = Act.APPEND
    if call.name == "tee-object" and call.value("variable") is not None:
        return call.input or NOTHING
    value = call.bound("path|literalpath|filepath", "value|inputobject")[1]
    for word in paths_of(call, "value|inputobject", piped=False):
        if define(call, word, value if value is not NOTHING else call.input or NOTHING):
            continue
        write_path(call, _in_place(word, act), Act.OVERWRITE if _in_place(word, act) is not word else act)
        _remember(call, word.text)
        content = value if value is not NOTHING else call.input or NOTHING
        _note_content(call, word, content, append=act is Act.APPEND)
    return (call.input or NOTHING) if call.name == "tee-object" else NOTHING


def _in_place(word: Word, act: Act) -> Word:
    """Return one of many files that a loop over a folder writes to as all of them."""
    listed = act is Act.WRITE and word.several and re.search(rf"[\\/]{UNKNOWN}$|\*", word.text)
    return replace(word, glob=True) if listed else word


def _note_content(call: Call, word: Word, value: Value, *, append: bool) -> None:
    """Note what a file holds that the script writes, for programs that it runs with the file afterwards."""
    lines = [text for item in value.each() for text in item.texts[:1]] if value is not NOTHING else []
    if word.known and lines and all(UNKNOWN not in text for text in lines):
        note_file(call.reading, word, Word("\n".join(lines[:500]), call.line), append=append)


def _remember(call: Call, path: str) -> None:
    origins = call.origins()
    if "secret" in origins:
        call.script.secrets.add(path.lower())
    if origins & {"download", "decoded"}:
        call.script.downloaded.add(plain_name(path))
    call.script.written.add(plain_name(path))


def write_path(call: Call, word: Word, act: Act = Act.WRITE) -> None:
    """Note that a path is written, whatever its drive."""
    drive = drive_of(word.text)
    if drive == "registry":
        write_registry(call.reading, word)
    elif drive == "env":
        _set_environment(call, word)
    elif not drive:
        act_on(call.reading, act, word)


def redirect(target: Value, append: bool, value: Value, line: int, script: Script) -> None:
    """Note that output goes into a file."""
    for word in target.words(line):
        if target.kind == "null" or word.text.lower() in ("", "nul"):
            continue
        call = Call("out-file", ">", line, script, value)
        write_path(call, word, Act.APPEND if append else Act.WRITE)
        _remember(call, word.text)


@cmdlet("new-item", "mkdir", "new-temporaryfile")
def _new(call: Call) -> Value:
    if call.name == "new-temporaryfile":
        call.script.made.add(plain_name(_TEMPORARY))
        return Value((_TEMPORARY,), kind="file")
    kind = call.value("itemtype", "type")
    folder = call.name == "mkdir" or (kind is not None and "directory".startswith(kind.text.lower()))
    link = kind is not None and kind.text.lower() in ("symboliclink", "junction", "hardlink")
    name = call.value("name")
    words = paths_of(call, piped=False) or [Word(".", call.line)]
    made: list[str] = []
    for given in words:
        word = given.with_text(f"{given.text}\\{name.text}") if name is not None else given
        if define(call, word, call.value("value") or NOTHING):
            continue
        if folder and not drive_of(word.text):
            make_folder(call, word)
        elif link:
            act_on(call.reading, Act.WRITE, word)
            call.reading.doubt()
        else:
            write_path(call, word, Act.WRITE if call.flag("force") else Act.CREATE)
        made.append(word.text)
    return Value(tuple(made), kind="file")


def has_own_name(word: Word) -> bool:
    """Return True if a path ends with a name that is partly known, so that it is never the folder around it."""
    return word.known or (
        bool(re.sub(rf"{UNKNOWN}|\W", "", re.split(r"[\\/]", word.text)[-1])) and ".." not in word.text
    )


def make_folder(call: Call, word: Word) -> None:
    """Note that a folder is made: small, wherever it is, but for places where files take effect."""
    if place_of(word.text) in (Place.STARTUP, Place.SCHEDULE, Place.ACCESS, Place.HOOK, Place.BOOT):
        act_on(call.reading, Act.CREATE, word)
        return
    call.reading.touch(paths=[word.text] if word.known else [])
    if not word.known:
        call.reading.doubt()
    if has_own_name(word) and place_of(word.text) in (Place.TEMPORARY, Place.WORKING):
        call.script.made.add(plain_name(word.text))
    call.reading.add(WRITES, f"This makes the folder {word.display}.", word.line, LOW)


@cmdlet("copy-item", "move-item", "rename-item")
def _copy(call: Call) -> Value:
    moves = call.name != "copy-item"
    target = "newname" if call.name == "rename-item" else "destination"
    sources = paths_of(call, target)
    for word in sources:
        drive = drive_of(word.text)
        if drive == "registry":
            read_registry(call.reading, word)
        elif not drive and not moves:
            act_on(call.reading, Act.READ, word)
        elif not drive:
            act_on(call.reading, Act.DELETE_MANY if word.several and word.glob else Act.MOVE, word)
    if call.name == "rename-item":
        return NOTHING
    session = call.value("tosession", "fromsession") is not None
    for word in call.words("path|literalpath", target, place=1, piped=False):
        write_path(call, _into(word, sources), Act.WRITE)
        if any(is_downloaded(call, source.text) for source in sources):
            call.script.downloaded.add(plain_name(word.text))
        if any(place_of(source.text) in (Place.SECRET, Place.ACCESS) for source in sources):
            call.script.secrets.add(word.text.lower())
    if session:
        call.reading.add(SETTINGS, "This copies files to or from another machine.", call.line)
    return NOTHING


def _into(target: Word, sources: list[Word]) -> Word:
    """Return the file that a copy into a folder makes."""
    name = sources[0].text.replace("/", "\\").rpartition("\\")[2] if len(sources) == 1 else ""
    last = target.text.replace("/", "\\").rpartition("\\")[2]
    if name and "*" not in name and "." not in last and UNKNOWN not in name:
        return target.with_text(target.text.rstrip("\\/") + "\\" + name)
    return target


@cmdlet("set-acl")
def _rights(call: Call) -> Value:
    for word in paths_of(call, "aclobject"):
        if drive_of(word.text) == "registry":
            write_registry(call.reading, word)
        else:
            act_on(call.reading, Act.CHANGE_RIGHTS, word)
    return NOTHING


@cmdlet("unblock-file")
def _unblock(call: Call) -> Value:
    for word in paths_of(call):
        call.reading.add(SETTINGS, f"This lets {word.display} run although it is from the internet.", word.line, HIGH)
    return NOTHING
