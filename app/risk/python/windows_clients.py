"""Windows from Python: COM and WMI, services, accounts, the registry, and event logs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.risk.effects import READS_SECRET, Act, act_on
from app.risk.powershell import rules
from app.risk.python import processes
from app.risk.python.clients import DATA, Use, library
from app.risk.python.known_calls import Row, known_by_calls
from app.risk.python.libraries import MESSAGE, REMOTE
from app.risk.python.method_names import CHANGES_OBJECT, DELETES_OBJECT
from app.risk.python.values import Value, text_of
from app.risk.rules import RiskRule
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


@dataclass(frozen=True)
class _Deed:
    """What a method of a class does: patterns for both in lower case, and what is noted."""

    owner: str
    method: str
    rule: RiskRule
    words: str
    level: RiskLevel | None = None


_COM = (
    _Deed("", r"registertask\w*", rules.STARTS, "registers something that runs by the clock", HIGH),
    _Deed("", r"reg(?:write|delete)", rules.MANAGEMENT, "changes the registry"),
    _Deed("", r"deletetask", rules.MANAGEMENT, "deletes what runs by the clock"),
    _Deed(r"hnetcfg", r"add|remove|restorelocalfirewalldefaults", rules.MANAGEMENT, "changes what may pass"),
    _Deed("", r"save|run_macro|copyhere|put_|setinfo|put", CHANGES_OBJECT, "writes something"),
    _Deed("", r"(?:install|uninstall|shutdown|reboot|stop|disable|format|kill)\w*", rules.MANAGEMENT,
          "stops something"),
)  # fmt: skip
_WMI = (
    _Deed("shadowcopy", r"delete\w*", rules.RESTORE_POINTS, "deletes restore points"),
    _Deed("systemrestore", r"disable|restore", rules.RESTORE_POINTS, "switches restore points off"),
    _Deed("", r"win32shutdown\w*|reboot|shutdown", rules.RESTARTS, "restarts or turns off the machine"),
    _Deed("volume|disk|part", r"format\w*|clear|delete\w*", rules.DISK_GONE, "formats or erases a disk"),
    _Deed("service", r"stopservice|change\w*|delete|pauseservice", rules.STOPS_SERVICE,
          "stops or changes a service", HIGH),
    _Deed("service", r"(?:start|resume)service", CHANGES_OBJECT, "starts a service"),
    _Deed("", r"uninstall|install|upgrade", rules.INSTALLS, "installs or removes a product"),
    _Deed("", r"cleareventlog", rules.EVENT_LOGS, "deletes a log of events"),
    _Deed("", r"(?:create|delete|set|add|remove|enable|disable|rename|clear|put|change)\w*", rules.MANAGEMENT,
          "changes the machine"),
)  # fmt: skip


def _note_deed(use: Use, deeds: tuple[_Deed, ...], owner: str, verb: str) -> None:
    for deed in deeds:
        if re.search(deed.owner, owner) and re.fullmatch(deed.method, verb):
            use.made.reading.add(deed.rule, f"This calls {use.shown}: it {deed.words}.", use.made.line, deed.level)
            return


@library("win32com", "comtypes")
def call_com(use: Use) -> Value | None:
    """Judge a call of a COM object."""
    made, method = use.made, use.method
    if method in ("Dispatch", "DispatchEx", "CreateObject", "GetObject", "GetActiveObject", "EnsureDispatch"):
        named = text_of(made.argument(0, "progid", "Pathname")).lower()
        kind = "wmi.com" if named.startswith("winmgmts") or "wbem" in named else f"win32com.{named.replace('.', '_')}"
        return Value(kind=kind)
    owner, verb = ".".join(use.path[1:]), method.lower()
    if verb in ("run", "exec", "shellexecute", "executeshellcommand"):
        parts = made.arguments[:2] if verb == "shellexecute" else made.arguments[:1]
        processes.read_shell(made, Value(" ".join(text_of(part) for part in parts)))
    elif verb in ("deletefile", "deletefolder"):
        act_on(made.reading, Act.DELETE_ALL if "folder" in verb else Act.DELETE, made.word(made.argument(0)))
    elif verb in ("movefile", "movefolder"):
        act_on(made.reading, Act.MOVE, made.word(made.argument(0)))
    elif verb.startswith(("saveas", "exportas", "savecopyas")):
        act_on(made.reading, Act.WRITE, made.word(made.argument(0)))
    elif verb in ("send", "sendmail"):
        level = HIGH if made.many else None
        made.reading.add(MESSAGE, "This sends a message, which cannot be recalled.", made.line, level)
    elif verb in ("delete", "delete_", "deleteobject", "empty", "clear"):
        level = CRITICAL if made.many and use.everything else HIGH if made.many else MEDIUM
        made.reading.add(DELETES_OBJECT, f"This calls {use.shown}, which deletes something.", made.line, level)
    else:
        _note_deed(use, _COM, owner, verb)
    return use.result("whole") if not made.arguments or verb.startswith("get") else use.result()


@library("wmi")
def call_wmi(use: Use) -> Value | None:
    """Judge a call of WMI: a class is listed, or a method of its objects is called."""
    made, method = use.made, use.method
    first = made.argument(0, "computer", "server", "CommandLine")
    if method in ("WMI", "connect_server", "ConnectServer"):
        remote = first.text is not None and first.text.lower() not in ("localhost", ".", "127.0.0.1", "")
        return use.result("remote") if remote else use.result()
    if re.match(r"(?:Win32|CIM|MSFT|Msvm)_", method):
        marks = made.base.marks | (frozenset() if made.keywords or made.arguments else frozenset({"whole"}))
        return Value(kind=use.result().kind, marks=marks)
    owner, verb = " ".join(use.path[1:]).lower(), method.lower().rstrip("_")
    if verb in ("query", "execquery", "instancesof", "instances"):
        asked = text_of(first).lower()
        kind = re.search(r"(?:win32|msft|cim)_\w+", asked)
        marks = made.base.marks | (frozenset() if " where " in asked else frozenset({"whole"}))
        return Value(kind=f"wmi.WMI.{kind[0] if kind else 'object'}", marks=marks)
    if "remote" in made.base.marks:
        made.reading.add(REMOTE, "This calls a method on another machine.", made.line)
    if "process" in owner and verb == "create":
        processes.read_shell(made, first)
    elif "process" in owner and verb == "terminate":
        level = CRITICAL if made.many and use.everything else HIGH if made.many and not made.filtered else MEDIUM
        made.reading.add(processes.ENDS_PROCESS, "This ends a process.", made.line, level)
    elif verb in ("watch_for", "get", "associators", "references"):
        return Value(kind=DATA)
    else:
        _note_deed(use, _WMI, owner, verb)
    return use.result()


known_by_calls(
    "win32serviceutil win32service",
    Row(r" (?:stopservice|removeservice|deleteservice|changeserviceconfig\w*|controlservice|restartservice)\b",
        rules.STOPS_SERVICE, "stops, changes, or deletes a service", HIGH),
    Row(r" (?:installservice|createservice)\b", rules.STARTS, "installs a service"),
    Row(r" startservice\b", CHANGES_OBJECT, "starts a service"),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "win32net win32security win32ts ntsecuritycon",
    Row(r"(?:addmembers|netgroupadduser|setmembers).*(?:admin|schema)", rules.ACCOUNTS,
        "makes somebody an administrator",
        CRITICAL),
    Row(r" net(?:user|localgroup|group)(?:del|add|set|change)\w*", rules.ACCOUNTS, "changes accounts or groups", HIGH),
    Row(r" (?:lsaaddaccountrights|setfilesecurity|setnamedsecurityinfo|setsecurityinfo|adjusttokenprivileges"
        r"|impersonate\w*|logonuser"
        r"|createprocessasuser)\b", rules.ACCOUNTS, "changes rights, or acts as somebody else", HIGH),
    Row(r" wtslogoffsession|wtsterminateprocess|wtsshutdownsystem", rules.RESTARTS, "ends somebody's session", HIGH),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "win32evtlog win32evtlogutil",
    Row(r" (?:cleareventlog|evtclearlog)\b", rules.MANAGEMENT, "deletes a log of events", HIGH),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "win32cred",
    Row(r" (?:credread|credenumerate)\b", READS_SECRET, "reads stored passwords", secret=True),
    Row(r" (?:creddelete|credwrite)\b", rules.ACCOUNTS, "changes stored passwords", HIGH),
    Row(r""),
)  # fmt: skip
