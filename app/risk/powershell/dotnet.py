"""What .NET's types and methods do, and those of COM and WMI."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.effects import run_dynamic
from app.risk.powershell import dotnet_methods, dotnet_statics
from app.risk.powershell.known_variables import known_variable
from app.risk.powershell.nodes import Invoke
from app.risk.powershell.operators import operate
from app.risk.powershell.rules import BLINDS, NATIVE
from app.risk.powershell.values import ANY, NEW_GUID, NOTHING, Value, concatenated, items_value, plain_name, text_value
from app.risk.words import UNKNOWN

if TYPE_CHECKING:
    from app.risk.powershell.script import Script

_BLINDING = re.compile(
    r"amsi(?:utils|scanbuffer|initfailed|context|session|openses|initialize)|amsi\.dll|etwproviderfield|"
    r"cachedgrouppolicysettings|scriptblocklogging|pseTwLogProvider|eventwrite\b|_etwprovider",
    re.IGNORECASE,
)
_INJECTING = re.compile(
    r"virtualalloc|virtualprotect|createremotethread|writeprocessmemory|getdelegateforfunctionpointer|"
    r"createthread|queueuserapc|ntcreatethread|minidumpwritedump",
    re.IGNORECASE,
)


_SHORT = {
    name.rpartition(".")[2]: name
    for name in (
        "io.file", "io.directory", "io.path", "io.streamreader", "io.streamwriter", "io.memorystream", "io.filestream",
        "io.fileinfo", "io.directoryinfo", "io.compression.gzipstream", "io.compression.deflatestream",
        "io.compression.zipfile", "diagnostics.process", "diagnostics.processstartinfo", "net.webclient",
        "net.http.httpclient", "net.sockets.tcpclient", "net.sockets.udpclient", "net.sockets.tcplistener",
        "net.sockets.socket", "reflection.assembly", "runtime.interopservices.marshal", "text.encoding",
        "text.stringbuilder", "microsoft.win32.registry", "security.cryptography.protecteddata", "net.dns",
        "management.automation.language.parser", "net.mail.smtpclient",
    )
}  # fmt: skip
"""Types as they are named after ``using namespace``."""


def plain_type(name: str) -> str:
    """Return a type's name in lower case, without brackets, ``System.``, and the arguments of generic types."""
    text = name.strip("[] ").lower().replace(" ", "")
    text = re.sub(r"\[.*", "", text) if not text.endswith("[]") else text
    text = text.removeprefix("system.")
    return _SHORT.get(text, text)


def note_text(text: str, line: int, script: Script) -> None:
    """Note names in a text that only code has which hides from the virus scanner, or runs in memory."""
    if _BLINDING.search(text):
        script.reading.add(BLINDS, "This blinds the virus scanner or PowerShell's own logging.", line)
    elif _INJECTING.search(text):
        script.reading.add(NATIVE, "This runs code that it writes into memory.", line)


def cast_to(name: str, value: Value, line: int, script: Script) -> Value | None:
    """Return a value made into a type that means more than text or a number; None otherwise."""
    kind = plain_type(name)
    if kind in ("scriptblock", "management.automation.scriptblock"):
        return replace(value, kind="scriptblock-text")
    if kind in ("wmiclass", "wmi", "management.managementclass", "management.managementobject"):
        return Value(kind=f"wmi:{value.text.lower().rpartition(':')[2]}", origin=value.origin)
    if kind == "adsi":
        return Value(value.texts, kind="adsi")
    if kind == "type":
        for text in value.texts:
            note_text(text, line, script)
        return Value(tuple(f"[{text}]" for text in value.texts), kind="type", origin=value.origin)
    if kind == "adsisearcher":
        return Value(kind="adsisearcher", many=True)
    if kind == "uri":
        return replace(value, kind="uri")
    return None


def static_property(target: Value, name: Value, line: int, script: Script) -> Value:
    """Return a property of a type."""
    kind = plain_type(target.text) if target.kind == "type" else ""
    for text in (target.text, name.text):
        note_text(text, line, script)
    known = _STATIC_PROPERTIES.get(f"{kind}.{name.text.lower()}")
    if known is not None:
        return text_value(known)
    if name.text.lower() in ("assembly", "module", "basetype"):
        return Value(kind="reflection")
    return Value(kind="type" if kind == "" else "")


_STATIC_PROPERTIES = {
    "environment.newline": "\r\n",
    "io.path.directoryseparatorchar": "\\",
    "io.path.pathseparator": ";",
    "string.empty": "",
    "environment.currentdirectory": ".",
    "environment.systemdirectory": "C:\\Windows\\System32",
}


def call(target: Value, name: Value, arguments: list[Value], node: Invoke, script: Script) -> Value:
    """Call a method."""
    script.reading.budget.step()
    for value in (target, name, *arguments):
        for text in value.texts:
            if len(text) < 2_000:
                note_text(text, node.line, script)
    if not name.known:
        run_dynamic(script.reading, "a method", node.line)
        return Value(origin=target.origin)
    method = name.text.lower()
    if node.static or (target.kind == "type" and method not in ("gettype", "getmethod", "invokemember", "tostring")):
        return _static(plain_type(target.text), method, arguments, node.line, script, target)
    return call_method(target, method, arguments, node.line, script) or NOTHING


def _static(kind: str, method: str, arguments: list[Value], line: int, script: Script, target: Value) -> Value:
    if UNKNOWN in kind:
        run_dynamic(script.reading, "a method of a type", line)
        return Value(origin=target.origin)
    if method == "new":
        return construct(kind, arguments, line, script)
    pure = _pure(kind, method, arguments)
    if pure is not None:
        if kind == "io.path" and method == "gettempfilename":
            script.made.add(plain_name(pure.text))
        return pure
    return dotnet_statics.call(kind, method, arguments, line, script)


def _pure(kind: str, method: str, arguments: list[Value]) -> Value | None:
    """Return what a method gives that only computes, if that is known."""
    origin = frozenset().union(*(value.origin for value in arguments)) if arguments else frozenset()
    first = arguments[0] if arguments else ANY
    if kind == "convert" and method == "frombase64string":
        return decoded(first).came(origin | {"decoded"})
    if kind == "convert" and method in ("tochar", "toint32", "tobyte", "toint16", "toint64"):
        return _number(first, arguments[1] if len(arguments) > 1 else None, method == "tochar").came(origin)
    if kind == "convert" and method == "tostring":
        return first
    if kind.startswith("text.encoding") and method in ("getstring", "getbytes"):
        return encoded(kind, method, first).came(origin)
    if kind in ("string", "") and method in ("join", "concat", "format"):
        return _string(method, arguments).came(origin)
    if kind == "io.path" and method == "combine":
        parts: list[Value] = []
        for value in arguments:
            if re.match(r"[A-Za-z]:|[\\/~]", value.text):
                parts = []
            parts += [value, text_value("\\")]
        return concatenated(parts[:-1])
    if kind == "io.path" and method == "gettemppath":
        return text_value("C:\\Temp\\")
    if kind == "io.path" and method in ("gettempfilename", "getrandomfilename"):
        return text_value("C:\\Temp\\random.tmp" if method == "gettempfilename" else "random.tmp")
    if kind == "environment" and method == "getfolderpath" and first.known:
        return text_value(_FOLDERS.get(first.text.lower(), f"~\\{first.text}"))
    if kind == "environment" and method == "getenvironmentvariable" and first.known:
        return known_variable(f"env:{first.text.lower()}") or ANY
    if kind == "environment" and method == "expandenvironmentvariables" and first.known:
        return text_value(_expanded(first.text))
    if kind == "array" and method == "reverse":
        return NOTHING
    if kind == "guid" and method == "newguid":
        return text_value(NEW_GUID)
    return None


_FOLDERS = {
    "windows": "C:\\Windows", "system": "C:\\Windows\\System32", "programfiles": "C:\\Program Files",
    "programfilesx86": "C:\\Program Files (x86)", "commonapplicationdata": "C:\\ProgramData", "userprofile": "~",
    "applicationdata": "~\\AppData\\Roaming", "localapplicationdata": "~\\AppData\\Local", "desktop": "~\\Desktop",
    "startup": "~\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup", "mydocuments": "~\\Documents",
    "commonstartup": "C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\Startup", "personal": "~\\Documents",
    "commondesktopdirectory": "C:\\Users\\Public\\Desktop",
}  # fmt: skip


def _expanded(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = known_variable(f"env:{match[1].lower()}")
        return found.text if found is not None else UNKNOWN

    return re.sub(r"%([^%]{1,60})%", value, text)


def decoded(value: Value) -> Value:
    """Return the bytes that base64 stands for, each as a character; unknown if they are not known."""
    if not value.known:
        return Value(kind="bytes")
    try:
        raw = base64.b64decode(re.sub(r"\s", "", value.text), validate=False)
    except (binascii.Error, ValueError):
        return Value(kind="bytes")
    return Value((raw.decode("latin-1"),), kind="bytes")


def encoded(kind: str, method: str, value: Value) -> Value:
    """Return bytes as text, or text as bytes."""
    name = kind.rpartition(".")[2] if "." in kind else kind
    codec = {"unicode": "utf-16-le", "bigendianunicode": "utf-16-be", "utf8": "utf-8", "ascii": "latin-1",
             "default": "latin-1", "utf32": "utf-32-le", "latin1": "latin-1"}.get(name, "utf-8")  # fmt: skip
    if method == "getbytes":
        if value.known:
            return Value((value.text.encode(codec, "replace").decode("latin-1"),), kind="bytes")
        return Value(kind="bytes")
    raw: bytes | None = None
    if value.items is not None:
        numbers = [item.number for item in value.each()]
        if all(number is not None and 0 <= number < 256 for number in numbers):
            raw = bytes(int(number) for number in numbers if number is not None)
    elif value.known:
        raw = value.text.encode("latin-1", "replace")
    return ANY if raw is None else Value((raw.decode(codec, "replace"),))


def unpacked(value: Value) -> Value:
    """Return what compressed bytes hold; unknown if they are not known."""
    if not value.known or len(value.text) > 100_000:
        return Value(origin=value.origin)
    raw = value.text.encode("latin-1", "replace")
    for form in (31, -15, 15):
        worker = zlib.decompressobj(form)
        try:
            text = worker.decompress(raw, 200_000).decode("utf-8", "replace")
        except zlib.error:
            continue
        return Value((text,), origin=value.origin, kind="stream")
    return Value(origin=value.origin)


def _number(value: Value, base: Value | None, as_char: bool) -> Value:
    if base is not None and base.number is not None and value.known and len(value.text) < 20:
        try:
            number: float | None = int(value.text, int(base.number))
        except ValueError:
            number = None
    else:
        number = value.number
    if number is None:
        return ANY
    if as_char:
        return text_value(chr(int(number))) if 0 <= number < 0x110000 else ANY
    return Value((str(int(number)),), kind="number")


def _string(method: str, arguments: list[Value]) -> Value:
    if method == "join" and arguments:
        return operate("join", items_value(v for a in arguments[1:] for v in a.each()), arguments[0])
    if method == "concat":
        return operate("join", items_value(v for a in arguments for v in a.each()), text_value(""))
    if method == "format" and arguments:
        return operate("f", arguments[0], items_value(v for a in arguments[1:] for v in a.each()))
    return ANY


def call_method(
    target: Value, method: str, arguments: list[Value], line: int, script: Script, *, certain: bool = True
) -> Value | None:
    """Call a method of an object.

    Args:
        certain: It is a method, not perhaps a property.
    """
    return dotnet_methods.call(target, method.lower(), arguments, line, script, certain)


def construct(name: str, arguments: list[Value], line: int, script: Script) -> Value:
    """Make an object."""
    note_text(name, line, script)
    return dotnet_statics.construct(plain_type(name), arguments, line, script)
