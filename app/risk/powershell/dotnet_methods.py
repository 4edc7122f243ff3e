"""Methods of objects, whose types are often not known: the name says what they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.effects import Act, act_on, connect, run_dynamic
from app.risk.powershell.code import run_text
from app.risk.powershell.nodes import Block
from app.risk.powershell.rules import (
    ACCOUNTS,
    CRITICAL,
    DISK_GONE,
    ENDS_PROCESS,
    HIGH,
    INSTALLS,
    MANAGEMENT,
    MEDIUM,
    RESTARTS,
    RESTORE_POINTS,
    SETTINGS,
    STARTS,
    STOPS_SERVICE,
    UNKNOWN_METHOD,
)
from app.risk.powershell.values import ANY, NEW_GUID, NOTHING, Value, element, items_value, plain_name, text_value
from app.risk.rules import RiskRule, word_set
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script

Method = Callable[[Value, str, list[Value], int, "Script"], Value]
"""Notes what a method does: its object, its name, its arguments, its line."""
_HARMLESS = word_set(
    """
    tostring tolower toupper tolowerinvariant toupperinvariant trim trimstart trimend split replace contains
    startswith endswith substring indexof lastindexof insert padleft padright equals gettype gethashcode
    compareto tochararray normalize add addrange addday adddays addhours addminutes addseconds addmonths
    addyears addmilliseconds addticks subtract tolocaltime touniversaltime toshortdatestring tolongdatestring
    tofiletime append appendline appendformat appendlines insertrange removerange removeat clear containskey
    containsvalue trygetvalue getenumerator toarray clone reverse sort push pop peek enqueue dequeue first last
    count sum max min where select any all foreach getvalue getvaluenames getsubkeynames getvaluekind read
    readline readtoend readalltext close dispose flush matches match ismatch getproperties getmethods getmember
    item keys values min round floor ceiling abs tobytes getbytes getstring computehash selectnodes
    selectsinglenode getattribute setattribute appendchild createelement createattribute importnode removechild
    loadxml createnode clonenode hasattribute removeattribute findname showdialog show hide focus refresh update
    addscript_ addparameter addargument beginupdate endupdate suspendlayout resumelayout performlayout add_click
    add_load add_closing add_shown add_tick add_keydown getresponse_ waitforexit waitforstatus wait
    beginoutputreadline beginerrorreadline hasexited isinrole getexporttype union intersectwith exceptwith
    unionwith symmetricexceptwith issubsetof findall findone find exists addparameters isnullorempty write
    writeline seek copyto tojson getnewclosure setvariable_ getlength upperbound getupperbound getlowerbound
    setvalue_ remove_ datediff validate getsteppablepipeline begin process end shouldprocess shouldcontinue
    throwterminatingerror writeverbose writewarning writeerror writeobject writedebug writeprogress
    getresolvedproviderpathfrompspath getunresolvedproviderpathfrompspath popup getnamespace getfolder parsename
    getdetailsof items verbs namespace environment_ specialfolders expandenvironmentstrings logmessage
    getcomputername getdomain getcurrentdomain isloaded stopwatch elapsed remove opensubkey configureawait
    invokecommand
    """
)
_READING = re.compile(
    r"(?:get|is|has|to|try|contains|find|starts|ends|read|select|index|compare|equals|parse|count|query|search|"
    r"lookup|format|enumerate|add_|remove_|op_|as|describe|exists|filter|measure|cast|peek|convert)(?![a-z]*\b$^).*"
)


def call(target: Value, method: str, arguments: list[Value], line: int, script: Script, certain: bool) -> Value | None:
    """Call a method of an object; returns None if it may as well be a property."""
    for value in arguments:
        for held in value.each():
            if held.block is not None:
                _run(held.block, target, script)
    if method == "foreach" and arguments and arguments[0].known and arguments[0].block is None:
        return call(element(target), arguments[0].text.lower(), arguments[1:], line, script, certain)
    work = _BY_KIND.get(target.kind, {}).get(method)
    if work is None and _CONNECTION.fullmatch(target.kind):
        work = _CONNECTIONS.get(method)
    if work is None and target.kind.startswith("com:"):
        work = _COM.get(method)
    if work is None and target.kind.startswith("wmi"):
        work = _wmi
    if work is None:
        work = _BY_NAME.get(method)
    if work is not None:
        return work(target, method, arguments, line, script)
    pure = _pure(target, method, arguments)
    if pure is not None:
        return pure
    origin = target.origin.union(*(value.origin for value in arguments)) if arguments else target.origin
    if method in _HARMLESS:
        return Value(kind=target.kind if target.origin else "", origin=origin, many=target.many)
    if _READING.fullmatch(method) or not certain:
        if not certain:
            return None
        script.reading.doubt()
        return Value(origin=origin, kind="reflection" if target.kind in ("reflection", "type") else "")
    if target.kind == "reflection":
        run_dynamic(script.reading, "a method found by reflection", line)
        return Value(origin=origin, kind="reflection")
    if _is_plain(target):
        script.reading.doubt()
        return Value(origin=origin)
    if not script.defines(target.kind, method):
        script.reading.add(UNKNOWN_METHOD, f"What the method {method} does is not known.", line)
    return Value(origin=origin)


def _run(block: Block, target: Value, script: Script) -> None:
    script.run_block(block, element(target))


def _is_plain(target: Value) -> bool:
    """Whether an object is a mere value of the script: a text, a list, a window."""
    return (
        target.known or target.items is not None
        or target.kind.startswith(("collections", "text.", "windows.", "drawing", "xml", "adtsession", "number"))
    )  # fmt: skip


def _pure(target: Value, method: str, arguments: list[Value]) -> Value | None:
    """Return what a method of a text gives, if that is known."""
    first, second = [*arguments, ANY, ANY][:2]
    if method == "tostring" and target.text == NEW_GUID:
        return target
    if (
        method in ("tostring", "trim", "tochararray", "getnewclosure", "normalize", "readtoend", "toarray")
        and not arguments
    ):
        text = target.text.strip() if method == "trim" and target.known else None
        if method == "tochararray" and target.known:
            return items_value(map(text_value, target.text[:4_000])).came(target.origin)
        return replace(target, texts=(text,)) if text is not None else target
    if not target.known or target.items is not None or not all(value.known for value in arguments):
        return None
    text, numbers = target.text, [value.number for value in arguments]
    found: str | None = None
    if method in ("tolower", "tolowerinvariant"):
        found = text.lower()
    elif method in ("toupper", "toupperinvariant"):
        found = text.upper()
    elif method == "replace" and len(arguments) == 2:
        found = text.replace(first.text, second.text) if first.text else text
    elif method in ("substring", "remove") and numbers and numbers[0] is not None:
        start = int(numbers[0])
        length = int(numbers[1]) if len(numbers) > 1 and numbers[1] is not None else len(text)
        found = text[start : start + length] if method == "substring" else text[:start] + text[start + length :]
    elif method == "insert" and len(arguments) == 2 and numbers[0] is not None:
        found = text[: int(numbers[0])] + second.text + text[int(numbers[0]) :]
    elif method in ("trim", "trimstart", "trimend"):
        letters = "".join(value.text for value in arguments)
        found = {"trim": text.strip, "trimstart": text.lstrip, "trimend": text.rstrip}[method](letters or None)
    elif method == "split" and first.text:
        return items_value(map(text_value, re.split(f"[{re.escape(first.text)}]", text)[:4_000])).came(target.origin)
    return None if found is None else Value((found,), origin=target.origin)


def _download(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:

    for word in arguments[0].words(line) if arguments else ():
        connect(script.reading, word)
    if "file" in method and len(arguments) > 1:
        for word in arguments[1].words(line):
            act_on(script.reading, Act.WRITE, word)
            script.downloaded.add(plain_name(word.text))
        return NOTHING
    return Value(origin=frozenset({"download"}))


def _upload(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    secret = any("secret" in value.origin or value.text.lower() in script.secrets for value in arguments)
    for word in arguments[0].words(line) if arguments else ():
        connect(script.reading, word, sends=True, secret=secret)
    return Value(origin=frozenset({"download"}))


def _delete(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    if "shadowcopy" in target.kind:
        script.reading.add(RESTORE_POINTS, "This deletes restore points.", line)
    elif target.kind == "file" or (target.known and target.text):
        everything = bool(arguments) and arguments[0].text.lower() not in ("false", "0")
        for word in target.words(line):
            act_on(
                script.reading, Act.DELETE_ALL if everything else Act.DELETE_MANY if word.several else Act.DELETE, word
            )
    else:
        script.reading.add(MANAGEMENT, "This deletes an object.", line, HIGH)
        script.reading.doubt()
    return NOTHING


def _move(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    if target.kind == "file":
        for word in target.words(line):
            act_on(script.reading, Act.MOVE if method != "copyto" else Act.READ, word)
        for word in arguments[0].words(line) if arguments else ():
            act_on(script.reading, Act.WRITE, word)
    return NOTHING


def _kill(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    script.reading.add(ENDS_PROCESS, "This ends a process.", line, HIGH if target.every else MEDIUM)
    return NOTHING


def _invoke(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    if target.block is not None:
        return script.run_block(target.block, None, {str(n): value for n, value in enumerate(arguments)})
    if target.kind == "powershell":
        return Value(origin=target.origin)
    if target.kind == "scriptblock-text" or {"download", "network", "decoded"} & target.origin:
        return run_text(target, line, "this", script)
    if target.kind in ("command", "method", "", "reflection"):
        run_dynamic(script.reading, "Invoke", line)
    return Value(origin=target.origin)


def _code(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    value = arguments[-1] if arguments else ANY
    if method == "newscriptblock":
        return Value(value.texts, kind="scriptblock-text", origin=value.origin)
    if method == "addcommand" and value.known:
        from app.risk.powershell.table import is_known

        if is_known(value.text.lower()):
            script.reading.doubt()
            return replace(target, origin=target.origin | value.origin)
    run_text(value, line, "this", script)
    return replace(target, origin=target.origin | value.origin)


def _shell_run(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    from app.risk.powershell.commands import start
    from app.risk.powershell.running import split_arguments

    parts: list[str] = []
    for value in arguments[: 2 if method == "shellexecute" else 1]:
        parts += split_arguments(value.text)
    if parts:
        start([Word(part, line) for part in parts], line, None, script)
    return ANY


def _wmi(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    return wmi_method(f"{target.kind.removeprefix('wmi:')} {target.text.lower()}", method, arguments, line, script)


def wmi_method(kind: str, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    """Note what a method of a WMI class does."""
    name = kind.rpartition(":")[2].replace(UNKNOWN, "").strip()
    if "win32_process" in name and method == "create":
        _shell_run(Value(), "run", arguments, line, script)
    elif "shadowcopy" in name and method in ("delete", "delete_"):
        script.reading.add(RESTORE_POINTS, "This deletes restore points.", line)
    elif "userprofile" in name and method in ("delete", "delete_"):
        words = "This deletes profiles of users with all their files."
        script.reading.add(MANAGEMENT, words, line, CRITICAL)
    elif method in ("win32shutdown", "win32shutdowntracker", "reboot", "shutdown"):
        script.reading.add(RESTARTS, "This restarts or turns off the machine.", line)
    elif method in ("uninstall", "install", "upgrade"):
        script.reading.add(INSTALLS, f"This calls {method} of a product.", line)
    elif method in ("format", "formatvolume"):
        script.reading.add(DISK_GONE, "This formats a volume.", line)
    elif method in ("terminate",):
        script.reading.add(ENDS_PROCESS, "This ends a process.", line)
    elif method in ("stopservice", "change", "changestartmode", "delete", "pauseservice") and "service" in name:
        script.reading.add(STOPS_SERVICE, "This stops, changes, or deletes a service.", line)
    elif not re.match(r"(?:get|query|is|enum)", method):
        script.reading.add(MANAGEMENT, f"This calls {method} of {name or 'a WMI class'}.", line)
    return ANY


def _changes(rule: RiskRule, words: str) -> Method:
    def work(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
        script.reading.add(rule, words, line)
        return ANY

    return work


def _send(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    secret = any("secret" in value.origin for value in arguments)
    if target.kind.startswith("com:") or secret or "network" not in target.origin:
        connect(script.reading, Word(UNKNOWN, line, "another machine"), sends=True, secret=secret)
    return Value(origin=frozenset({"download"}))


def _open(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    for value in arguments[:2]:
        for word in value.words(line):
            if re.match(r"https?://", word.text, re.IGNORECASE):
                connect(script.reading, word)
                return Value(origin=frozenset({"download"}))
    return replace(target, origin=target.origin | ({"download"} if "http" in target.kind else set()))


def _members(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    held = target
    for value in arguments:
        held = held.came(value.origin)
    return held


def _sql(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    command = (target.table or {}).get("commandtext", ANY)
    for text in command.texts:
        if UNKNOWN in text:
            run_dynamic(script.reading, "the SQL", line)
        else:
            script.reading.read("sql", text, line, fixed=True, dialect="tsql", within="In the SQL: ")
    return Value(many=True)


_CONNECTION = re.compile(r"(?:.*\.)?\w*(?:sql|oledb|odbc|oracle|sqlite)\w*connection")


def _opened(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    return NOTHING


def _command(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    return Value(kind="data.command", table={})


_CONNECTIONS: dict[str, Method] = {"open": _opened, "changedatabase": _opened, "createcommand": _command}
"""Methods of a connection to a database."""


def _save(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    if arguments and arguments[0].known and not arguments[0].kind:
        act_on(script.reading, Act.WRITE, arguments[0].words(line)[0])
    elif not arguments and (target.table or {}).get("targetpath") is not None:
        act_on(script.reading, Act.WRITE, target.words(line)[0])
    else:
        script.reading.add(SETTINGS, "This saves changes of an object.", line)
    return NOTHING


def _shortcut(target: Value, method: str, arguments: list[Value], line: int, script: Script) -> Value:
    return Value(arguments[0].texts if arguments else (UNKNOWN,), kind="shortcut", table={"targetpath": ANY})


_COM = {
    "run": _shell_run, "exec": _shell_run, "shellexecute": _shell_run, "executeshellcommand": _shell_run,
    "regwrite": _changes(MANAGEMENT, "This writes into the registry."),
    "regdelete": _changes(MANAGEMENT, "This deletes from the registry."),
    "createshortcut": _shortcut, "send": _send, "open": _open, "navigate": _download, "navigate2": _download,
    "install": _changes(INSTALLS, "This installs something."), "uninstall": _changes(INSTALLS,
    "This removes something."),
    "deletefile": _delete, "deletefolder": _delete, "appactivate": _members, "quit": _members,
    "registertaskdefinition": _changes(STARTS, "This registers something that runs by the clock."),
    "createobject": _members, "copyhere": _members, "minimizeall": _members, "undominimizeall": _members,
    "sendkeys": _members, "logevent": _members, "connect": _members, "download": _members, "speak": _members,
    "createupdatesearcher": _members, "search": _members, "invokeverb": _changes(STARTS, "This opens something."),
}  # fmt: skip
_BY_NAME = {
    "downloadstring": _download, "downloadfile": _download, "downloaddata": _download,
    "downloadstringtaskasync": _download,
    "downloadfileasync": _download, "downloadfiletaskasync": _download, "downloaddatataskasync": _download,
    "getstringasync": _download, "getasync": _download, "getbytearrayasync": _download, "getstreamasync": _download,
    "openread": _download, "uploadstring": _upload, "uploadfile": _upload, "uploaddata": _upload,
    "uploadvalues": _upload,
    "postasync": _upload, "putasync": _upload, "sendasync": _upload, "deleteasync": _upload,
    "delete": _delete, "moveto": _move, "copyto": _move, "kill": _kill, "closemainwindow": _kill,
    "invoke": _invoke, "invokewithcontext": _invoke, "begininvoke": _invoke, "invokeasync": _invoke,
    "invokereturnasis": _invoke,
    "dynamicinvoke": _invoke,
    "invokescript": _code, "newscriptblock": _code, "addscript": _code, "addcommand": _code,
    "invokemember": _invoke, "invokeexpression": _code,
    "win32shutdown": _changes(RESTARTS, "This restarts or turns off the machine."),
    "setpassword": _changes(ACCOUNTS, "This sets a password."),
    "deletesubkey": _changes(MANAGEMENT, "This deletes a key of the registry."),
    "deletesubkeytree": _changes(MANAGEMENT, "This deletes a key of the registry with everything in it."),
    "deletevalue": _changes(MANAGEMENT, "This deletes a value of the registry."),
    "createsubkey": _changes(SETTINGS, "This makes a key in the registry."),
    "executenonquery": _sql, "executereader": _sql, "executescalar": _sql, "fill": _sql,
    "save": _save, "put": _save, "setinfo": _save, "commitchanges": _save, "put_": _save,
    "stop": _changes(SETTINGS, "This stops something."), "sendmessage": _send,
    "deletetree": _changes(MANAGEMENT, "This deletes an object of the directory with everything below."),
    "terminate": _kill, "setaccesscontrol": _changes(MANAGEMENT, "This changes permissions."),
    "getfield": _members, "getmethod": _members, "getproperty": _members, "gettypes": _members, "getstream": _members,
    "getresponsestream": _members, "getresponse": _download, "readasstringasync": _members,
    "connect": _members, "createinstance": _members,
}  # fmt: skip
_BY_KIND = {
    "diagnostics.process": {"start": lambda t, m, a, n, s: _started(t, n, s)},
    "diagnostics.processstartinfo": {},
    "file": {"delete": _delete, "create": lambda t, m, a, n, s: t, "opentext": _members, "openread": _members},
    "net.mail.smtpclient": {"send": _send},
}  # fmt: skip


def _started(target: Value, line: int, script: Script) -> Value:
    from app.risk.powershell.dotnet_statics import call as call_static

    info = (target.table or {}).get("startinfo", Value(table=target.table or {}))
    return call_static("diagnostics.process", "start", [info], line, script)
