"""Static methods and constructors of .NET."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.risk.effects import CHANGES_RIGHTS, DOWNLOADED, HIDDEN, Act, act_on, run_dynamic
from app.risk.places import Place, place_of
from app.risk.powershell.known_variables import PATHS
from app.risk.powershell.rules import (
    CHANGES_LOOKUP,
    HIGH,
    LOADS,
    LOCAL,
    MEDIUM,
    NATIVE,
    SECRETS,
    SETTINGS,
    SOCKET,
    UNKNOWN_METHOD,
    WATCHES,
)
from app.risk.powershell.values import ANY, NOTHING, Value, concatenated, plain_name, text_value
from app.risk.registry import write_registry
from app.risk.rules import RiskRule, word_set
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script

_HARMLESS = word_set(
    """
    tuple valuetuple dictionary list hashset stringsplitoptions io.searchoption validateset
    math string datetime datetimeoffset timespan guid convert bitconverter io.path regex
    text.regularexpressions.regex version char int int32 int64 long double decimal byte bool boolean enum array
    uri text.encoding text.stringbuilder globalization.cultureinfo environment console random stringcomparer
    object net.ipaddress ipaddress semver semanticversion management.automation.semanticversion xml
    linq.enumerable security.principal.windowsidentity security.principal.windowsprincipal
    management.automation.language.parser net.dns diagnostics.stopwatch threading.thread
    collections.generic.list collections.arraylist hashtable collections.hashtable
    collections.generic.dictionary security.cryptography.sha256 security.cryptography.md5
    security.cryptography.sha1 security.cryptography.sha512 security.cryptography.hashalgorithm
    management.automation.wildcardpattern psobject pscustomobject management.automation.psobject web.httputility
    net.webutility io.compression.zipfile xml.xmlconvert numerics.biginteger timezoneinfo
    management.automation.pscredential nullable void runtime.interopservices.runtimeinformation bigint single
    float uint32 uint64 int16 short ref security.accesscontrol.filesystemaccessrule security.principal.ntaccount
    management.automation.psparser management.automation.language.ast consolecolor io.fileinfo io.directoryinfo
    net.networkinformation.networkinterface windows.forms.messagebox windows.messagebox gc drawing.color
    collections.concurrent.concurrentdictionary
    """
)
"""Types whose methods only compute, unless `_METHODS` says otherwise."""


def _path(value: Value, line: int) -> list[Word]:
    return value.words(line)


def _file(act: Act) -> Callable[[list[Value], int, Script], Value]:
    def work(arguments: list[Value], line: int, script: Script) -> Value:
        for word in _path(arguments[0], line) if arguments else ():
            act_on(script.reading, act, word)
        return ANY

    return work


def _delete_folder(arguments: list[Value], line: int, script: Script) -> Value:
    everything = len(arguments) > 1 and arguments[1].text.lower() not in ("false", "0")
    words = _path(arguments[0], line) if arguments else []
    if words and all(plain_name(word.text) in script.made for word in words):
        script.reading.add(LOCAL, f"This deletes {words[0].display}, which this script has made.", line)
        return NOTHING
    return _file(Act.DELETE_ALL if everything else Act.DELETE)(arguments, line, script)


def _make_folder(arguments: list[Value], line: int, script: Script) -> Value:
    for word in _path(arguments[0], line) if arguments else ():
        if word.known and place_of(word.text) in (Place.TEMPORARY, Place.WORKING):
            script.made.add(plain_name(word.text))
    return _file(Act.CREATE)(arguments, line, script)


def _move(arguments: list[Value], line: int, script: Script) -> Value:
    _file(Act.MOVE)(arguments[:1], line, script)
    return _file(Act.WRITE)(arguments[1:2], line, script)


def _copy(arguments: list[Value], line: int, script: Script) -> Value:
    _file(Act.READ)(arguments[:1], line, script)
    return _file(Act.WRITE)(arguments[1:2], line, script)


def _start(arguments: list[Value], line: int, script: Script) -> Value:
    from app.risk.powershell.commands import start
    from app.risk.powershell.running import split_arguments

    if arguments and arguments[0].table is not None:
        held = arguments[0].table
        arguments = [held.get("filename", ANY), held.get("arguments", NOTHING)]
    words = []
    for value in arguments[1:2]:
        words += [Word(part, line) for part in split_arguments(value.text)]
    for name in arguments[0].texts if arguments else ():
        start([Word(name, line), *words], line, None, script)
    return Value(kind="diagnostics.process")


def _set_environment(arguments: list[Value], line: int, script: Script) -> Value:
    name = arguments[0].text if arguments else UNKNOWN
    lasting = len(arguments) > 2 and arguments[2].text.lower() != "process"
    script.reading.touch(environment=[name.upper()])
    if name.lower() in PATHS or UNKNOWN in name:
        words = f"This changes {name.replace(UNKNOWN, 'a variable')}, which may decide what runs."
        script.reading.add(CHANGES_LOOKUP, words, line)
    elif lasting:
        level = HIGH if arguments[2].text.lower() == "machine" else MEDIUM
        script.reading.add(SETTINGS, f"This sets the environment variable {name} for good.", line, level)
    return NOTHING


def _load(arguments: list[Value], line: int, script: Script) -> Value:
    value = arguments[0] if arguments else ANY
    if "download" in value.origin:
        script.reading.add(DOWNLOADED, "This loads a library as it is downloaded.", line)
    elif "decoded" in value.origin:
        script.reading.add(HIDDEN, "This decodes a hidden library and loads it.", line)
    if not (value.known and re.match(r"(?:system|microsoft|presentation|windows)[\w.]*(?:,.*)?$", value.text, re.I)):
        script.reading.add(LOADS, "This loads a library, which has not been read.", line)
    return Value(kind="reflection", origin=value.origin)


def _block(arguments: list[Value], line: int, script: Script) -> Value:
    value = arguments[0] if arguments else ANY
    return Value(value.texts, kind="scriptblock-text", origin=value.origin, items=value.items)


def _note(rule: RiskRule, words: str) -> Callable[[list[Value], int, Script], Value]:
    def work(arguments: list[Value], line: int, script: Script) -> Value:
        script.reading.add(rule, words, line)
        return ANY

    return work


def _registry(arguments: list[Value], line: int, script: Script) -> Value:
    name = arguments[1].text if len(arguments) > 1 else ""
    for word in arguments[0].words(line) if arguments else ():
        write_registry(script.reading, word, name)
    return NOTHING


def _unprotect(arguments: list[Value], line: int, script: Script) -> Value:
    script.reading.add(SECRETS, "This decrypts what Windows keeps for an account.", line)
    return Value(origin=frozenset({"secret"}))


def _read_all(arguments: list[Value], line: int, script: Script) -> Value:
    _file(Act.READ)(arguments, line, script)
    secret = any(place_of(text) in (Place.SECRET, Place.ACCESS) for value in arguments[:1] for text in value.texts)
    return Value(origin=frozenset({"secret"} if secret else ()))


_FILE = "io.file"
_FOLDER = "io.directory"
_METHODS: dict[str, Callable[[list[Value], int, Script], Value]] = {
    **{f"{_FILE}.{name}": _read_all for name in (
        "readalltext", "readalllines", "readallbytes", "openread", "opentext", "readlines")},
    **{f"{_FILE}.{name}": _file(Act.WRITE) for name in (
        "writealltext", "writealllines", "writeallbytes", "create", "createtext", "openwrite", "open")},
    **{f"{_FILE}.{name}": _file(Act.APPEND) for name in ("appendalltext", "appendalllines", "appendtext")},
    **{f"{_FILE}.{name}": _file(Act.CHANGE_RIGHTS) for name in (
        "setattributes", "setaccesscontrol", "encrypt", "decrypt")},
    f"{_FILE}.delete": _file(Act.DELETE),
    f"{_FILE}.move": _move,
    f"{_FILE}.replace": _move,
    f"{_FILE}.copy": _copy,
    f"{_FOLDER}.delete": _delete_folder,
    f"{_FOLDER}.move": _move,
    f"{_FOLDER}.createdirectory": _make_folder,
    "io.compression.zipfile.extracttodirectory": lambda a, n, s: _file(Act.WRITE)(a[1:2], n, s),
    "io.compression.zipfile.createfromdirectory": lambda a, n, s: _file(Act.WRITE)(a[1:2], n, s),
    "diagnostics.process.start": _start,
    "environment.setenvironmentvariable": _set_environment,
    "environment.exit": lambda a, n, s: NOTHING,
    "environment.getenvironmentvariables": lambda a, n, s: Value(origin=frozenset({"secret"}), many=True),
    "scriptblock.create": _block,
    "management.automation.scriptblock.create": _block,
    **{f"{kind}.{name}": _load for kind in ("reflection.assembly", "appdomain", "runtime.loader.assemblyloadcontext")
       for name in ("load", "loadfile", "loadfrom", "loadwithpartialname", "unsafeloadfrom")},
    "powershell.create": lambda a, n, s: Value(kind="powershell"),
    "management.automation.powershell.create": lambda a, n, s: Value(kind="powershell"),
    "runspacefactory.createrunspace": lambda a, n, s: Value(kind="runspace"),
    "microsoft.win32.registry.setvalue": _registry,
    "win32.registry.setvalue": _registry,
    "microsoft.win32.registrykey.openremotebasekey": _note(SOCKET, "This opens the registry of another machine."),
    "security.cryptography.protecteddata.unprotect": _unprotect,
    "runtime.interopservices.marshal.securestringtobstr": lambda a, n, s: Value(origin=frozenset({"secret"})),
    "runtime.interopservices.marshal.ptrtostringauto": lambda a, n, s: Value(origin=a[0].origin if a else frozenset()),
    "runtime.interopservices.marshal.ptrtostringbstr": lambda a, n, s: Value(origin=a[0].origin if a else frozenset()),
    "runtime.interopservices.marshal.zerofreebstr": lambda a, n, s: NOTHING,
    "runtime.interopservices.marshal.releasecomobject": lambda a, n, s: NOTHING,
    "runtime.interopservices.marshal.finalreleasecomobject": lambda a, n, s: NOTHING,
    "runtime.interopservices.marshal.sizeof": lambda a, n, s: ANY,
    "activator.createinstance": lambda a, n, s: _instance(a, n, s),
    "type.gettypefromprogid": lambda a, n, s: Value((f"com:{a[0].text.lower()}" if a else "",), kind="comtype"),
    "type.gettypefromclsid": lambda a, n, s: Value(kind="comtype"),
    "windows.forms.clipboard.gettext": _note(WATCHES, "This reads the clipboard."),
    "windows.clipboard.gettext": _note(WATCHES, "This reads the clipboard."),
    "windows.forms.sendkeys.sendwait": _note(WATCHES, "This types keys in other programs."),
    "microsoft.visualbasic.interaction.shell": _start,
}  # fmt: skip
_NATIVE = re.compile(
    r"runtime\.interopservices\.marshal|(?:.*\W)?(?:kernel32|ntdll|nativemethods|win32api)(?:\W.*)?", re.IGNORECASE
)


def call(kind: str, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    """Call a static method."""
    origin = frozenset().union(*(value.origin for value in arguments)) if arguments else frozenset()
    work = _METHODS.get(f"{kind}.{method}")
    if work is not None:
        return work(arguments, line, script)
    if kind in ("io.file", "io.directory"):
        if not re.match(r"(?:exists|get|enumerate)", method):
            script.reading.add(UNKNOWN_METHOD, f"What {kind}.{method} does to files is not known.", line)
        for word in arguments[0].words(line) if arguments else ():
            act_on(script.reading, Act.LIST, word)
        if method.startswith(("getfiles", "getdirectories", "enumerate", "getfilesystem")) and arguments:
            below = concatenated([arguments[0], text_value("\\" + UNKNOWN)])
            return Value(below.texts, kind="file", many=True, every=len(arguments) < 2)
        return ANY
    if kind in _HARMLESS or kind.startswith(("text.encoding", "drawing.", "windows.forms", "collections.", "linq.",
                                             "windows.markup", "windows.controls", "globalization.", "xml.",
                                             "net.servicepointmanager", "windows.media", "psadt.")):  # fmt: skip
        return Value(origin=origin)
    if method.startswith(
        ("is", "get", "parse", "tryparse", "to", "from", "compare", "equals", "has", "find", "format")
    ):
        script.reading.doubt()
        return Value(origin=origin)
    if _NATIVE.match(kind):
        script.reading.add(NATIVE, f"This calls {kind}.{method}, which works on memory.", line)
        return ANY
    if not script.defines(kind, method):
        script.reading.add(UNKNOWN_METHOD, f"What {kind}.{method} does is not known.", line)
    return Value(origin=origin)


def _instance(arguments: list[Value], line: int, script: Script) -> Value:
    first = arguments[0] if arguments else ANY
    if first.kind == "comtype":
        return construct(first.text, arguments[1:], line, script)
    if first.kind == "type":
        return construct(first.text.strip("[]").lower().removeprefix("system."), arguments[1:], line, script)
    script.reading.add(UNKNOWN_METHOD, "This makes an object that is known only when it runs.", line)
    return ANY


_PLAIN_OBJECTS = re.compile(
    r"(?:collections\..*|text\.stringbuilder|psobject|pscustomobject|object|object\[\]|string|string\[\]|byte\[\]|int\[\]|"
    r"version|datetime|timespan|guid|uri|xml(?:\..*)?|random|hashtable|management\.automation\..*|globalization\..*|"
    r"windows\.forms\..*|windows\.controls.*|windows\.media.*|windows\.window|drawing\..*|security\.principal\..*|"
    r"security\.accesscontrol\..*|text\..*|io\.(?:memorystream|streamreader|stringreader|stringwriter|path|fileinfo|"
    r"directoryinfo|binaryreader|compression\..*)|diagnostics\..*|net\.(?:webclient|networkcredential|http\..*|mail\..*|"
    r"cookiecontainer|ipendpoint|ipaddress)|security\.cryptography\..*|timers\.timer|data\..*|"
    r"directoryservices\..*|threading\..*|componentmodel\..*|numerics\..*|pscredential|exception|.*exception|"
    r"net\.sockets\..*|io\.streamwriter|io\.filestream|io\.binarywriter|psadt\..*|hashset|microsoft\.sqlserver\..*|"
    r"system\.version|semver|ordered|int|char|char\[\]|array|tuple)"
)


def construct(kind: str, arguments: list[Value], line: int, script: Script) -> Value:
    """Make an object of a type."""
    origin = frozenset().union(*(value.origin for value in arguments)) if arguments else frozenset()
    held = [item for value in arguments for item in value.each()]
    if UNKNOWN in kind:
        run_dynamic(script.reading, "an object of an unknown type", line)
        return Value(origin=origin)
    if kind.startswith("com:"):
        if kind.removeprefix("com:") not in _COM:
            script.reading.add(UNKNOWN_METHOD, f"What the component {kind[4:]} does is not known.", line)
        return Value(kind=kind)
    if kind.startswith("net.sockets") and kind.endswith(("tcpclient", "udpclient", "tcplistener", "socket")):
        return _socket(kind, held, line, script)
    if kind in ("io.streamwriter", "io.filestream") and held and not held[0].kind:
        read_only = any(value.text.lower() in ("open", "read") for value in held[1:])
        for word in held[0].words(line) if "network" not in origin else ():
            act_on(script.reading, Act.READ if read_only else Act.WRITE, word)
    if kind == "io.streamreader" and held and held[0].known and not held[0].kind and not origin:
        act_on(script.reading, Act.READ, held[0].words(line)[0])
    if kind.startswith("io.compression") and "zip" not in kind.removeprefix("io.compression.gzip"):
        from app.risk.powershell.dotnet import unpacked

        return unpacked(held[0] if held else ANY).came(origin)
    if kind in ("io.memorystream", "io.streamreader", "io.stringreader", "io.binaryreader"):
        first = held[0] if held else ANY
        return Value(first.texts if len(held) == 1 else (UNKNOWN,), kind="stream", origin=origin)
    if kind in ("io.fileinfo", "io.directoryinfo"):
        return Value(held[0].texts if held else (UNKNOWN,), kind="file")
    if kind == "diagnostics.processstartinfo" and held:
        table = {"filename": held[0], "arguments": held[1] if len(held) > 1 else NOTHING}
        return Value(kind=kind, table=table, origin=origin)
    everybody = kind.endswith("accessrule") and len(held) > 1 and _EVERYBODY.fullmatch(held[0].text)
    if everybody and re.search(r"fullcontrol|modify|write", held[1].text, re.IGNORECASE):
        words = f"This lets {held[0].text} change what is in a folder or a file."
        script.reading.add(CHANGES_RIGHTS, words, line, HIGH)
    if script.defines(kind):
        return Value(kind=kind, origin=origin)
    if not _PLAIN_OBJECTS.fullmatch(kind):
        script.reading.add(UNKNOWN_METHOD, f"What making a {kind} does is not known.", line)
    return Value(kind=kind, origin=origin, items=tuple(held) if kind.startswith("collections") and held else None)


_EVERYBODY = re.compile(
    r"(?i)(?:everyone|(?:builtin\\)?users|(?:nt authority\\)?authenticated users|guests|\*?s-1-1-0)"
)
_COM = word_set(
    """
    wscript.shell shell.application scripting.filesystemobject wscript.network excel.application
    word.application outlook.application powerpoint.application msxml2.xmlhttp msxml2.serverxmlhttp
    msxml2.serverxmlhttp.6.0 msxml2.xmlhttp.6.0 winhttp.winhttprequest.5.1 microsoft.update.session
    microsoft.update.searcher microsoft.update.updatecoll microsoft.update.systeminfo
    microsoft.update.autoupdate schedule.service internetexplorer.application adodb.connection adodb.stream
    windowsinstaller.installer hnetcfg.fwpolicy2 microsoft.sms.client microsoft.sms.tsenvironment
    microsoft.sms.tsprogressui uiresource.uiresourcemgr sapi.spvoice mmc20.application microsoft.xmlhttp
    microsoft.xmldom scriptcontrol msscriptcontrol.scriptcontrol cpapplet.cpappletmgr
    """
)


def _socket(kind: str, held: list[Value], line: int, script: Script) -> Value:
    host = held[0] if held else ANY
    script.reading.touch(hosts=[host.text] if host.known and kind.endswith("client") else [])
    what = (
        "listens for other machines"
        if kind.endswith("listener")
        else f"opens a connection to {host.words(line)[0].display}"
    )
    script.reading.add(SOCKET, f"This {what}.", line)
    return Value(kind=kind, origin=frozenset({"network"}))
