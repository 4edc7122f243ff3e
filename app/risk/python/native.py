"""Native code and the registry of Windows, which Python reaches directly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.effects import DEVICE, DOWNLOADED, Act, act_on
from app.risk.powershell.rules import NATIVE as IN_MEMORY
from app.risk.python import processes
from app.risk.python.functions import NATIVE, function
from app.risk.python.values import ANY, Value, text_of
from app.risk.registry import delete_registry, read_registry, write_registry
from app.risk.rules import word_set
from app.risk.words import Word

if TYPE_CHECKING:
    from app.risk.python.calls import Call

_INJECTS = re.compile(
    r"virtualalloc|virtualprotect|createremotethread|writeprocessmemory|createthread|queueuserapc|ntcreatethread"
    r"|rtlmovememory|minidumpwritedump|mprotect$",
    re.IGNORECASE,
)
"""Functions that put code into memory and run it."""
_LIBRARIES = word_set("CDLL WinDLL PyDLL OleDLL LoadLibrary dlopen")
_RAW = re.compile(r"\\\\[.?]\\(?:physicaldrive|harddisk|[a-z]:$)", re.IGNORECASE)
_WRITES_RAW = re.compile(
    r"GENERIC_WRITE|GENERIC_ALL|0x[14cCeEfF]0000000|WriteFile|\b(?:1073741824|268435456|3221225472)\b"
)
_HARMLESS = re.compile(
    r"\.(?:c_\w+|sizeof|byref|pointer|POINTER|cast|Structure|Union|create_(?:string|unicode)_buffer|string_at|wintypes\S*"
    r"|addressof|alignment|get_errno|get_last_error|FormatError|WinError|util\.find_library|CFUNCTYPE|WINFUNCTYPE|py_object"
    r"|GetSystemMetrics|IsUserAnAdmin|GetTickCount\w*|GetConsoleWindow|GetUserNameW|getpid|getuid|GetLastError|MessageBoxW?"
    r"|SetProcessDPIAware|SetConsoleTitleW?|FFI|cdef)$"
)


def call_native(made: Call, name: str) -> Value:
    """Judge a call of native code by the function's name."""
    last = name.rpartition(".")[2]
    first = made.argument(0)
    if name.startswith(("winreg.", "_winreg.")):
        return _registry(made, last)
    if last in _LIBRARIES or name in ("ctypes.cdll", "ctypes.windll"):
        path = first.text or ""
        if path and path in made.evaluator.downloaded:
            made.reading.add(DOWNLOADED, f"This loads {path[:60]}, which was downloaded before.", made.line)
            return Value(kind=name)
    elif last in ("system", "popen", "WinExec") and first.text is not None:
        processes.read_shell(made, first)
    elif last.lower().startswith("shellexecute") and len(made.arguments) >= 3:
        parts = [text_of(value) for value in made.arguments[2:4] if value.text is not None]
        processes.read_shell(made, Value(" ".join(parts)))
    elif last in ("unlink", "remove", "rmdir", "DeleteFileW", "DeleteFileA", "RemoveDirectoryW"):
        act_on(made.reading, Act.DELETE, made.word(first))
    elif last == "kill" and made.argument(0).number == -1:
        made.reading.add(processes.ENDS_PROCESS, "This ends every process.", made.line, processes.CRITICAL)
    elif _INJECTS.search(last):
        made.reading.add(IN_MEMORY, f"This calls {last}, which puts code into memory and runs it.", made.line)
    elif last.lower().startswith("createfile") and _RAW.match(first.text or "") and _WRITES_RAW.search(made.shown):
        made.reading.add(DEVICE, "This opens a disk as a whole to write to it.", made.line)
    if _HARMLESS.search(name) and not first.text:
        return Value(kind=name)
    made.reading.add(NATIVE, f"{name} calls native code, which can do anything.", made.line)
    return Value(kind=name)


@function(["ctypes.c_char_p", "ctypes.c_wchar_p", "ctypes.create_string_buffer", "ctypes.create_unicode_buffer"])
def _text(made: Call) -> Value:
    return made.argument(0)


_HIVES = {"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_CURRENT_USER": "HKCU", "HKEY_CLASSES_ROOT": "HKCR", "HKEY_USERS": "HKU"}
_READS = word_set("QueryValue QueryValueEx EnumKey EnumValue QueryInfoKey CloseKey FlushKey ExpandEnvironmentStrings")


def _registry(made: Call, name: str) -> Value:
    """Judge a call of `winreg`."""
    first = made.argument(0, "key")
    if name == "ConnectRegistry":
        return Value(made.argument(1).name.rpartition(".")[2] or "HKLM", kind="winreg.key")
    hive = _HIVES.get(first.name.rpartition(".")[2], first.text or "HKLM")
    sub = made.argument(1, "sub_key")
    path = Word(f"{hive}\\{text_of(sub)}" if sub.text is not None else hive, made.line, made.shown)
    if name in ("OpenKey", "OpenKeyEx"):
        read_registry(made.reading, path)
    elif name in ("CreateKey", "CreateKeyEx"):
        write_registry(made.reading, path)
    elif name in ("SetValue", "SetValueEx"):
        write_registry(made.reading, Word(hive, made.line, made.shown), text_of(sub) if sub.known else "")
    elif name in ("DeleteKey", "DeleteKeyEx", "DeleteTree"):
        delete_registry(made.reading, path, key=True)
    elif name == "DeleteValue":
        delete_registry(made.reading, Word(hive, made.line, made.shown), key=False)
    elif name not in _READS:
        made.reading.add(NATIVE, f"winreg.{name} changes the registry of Windows.", made.line)
    return Value(path.text, kind="winreg.key") if "Key" in name else ANY
