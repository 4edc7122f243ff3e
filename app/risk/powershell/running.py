"""Cmdlets that run something: code, programs, script blocks, jobs, modules."""

from __future__ import annotations

import re

from app.risk.effects import connect, run_dynamic, run_unread
from app.risk.powershell.call import Call, run_blocks
from app.risk.powershell.code import run_text
from app.risk.powershell.commands import load_module, start
from app.risk.powershell.files import is_downloaded, write_path
from app.risk.powershell.programs import run_downloaded
from app.risk.powershell.rules import (
    COMPILES,
    CONFIGURATION,
    HIGH,
    MODULES,
    REMOTE,
    SCHEDULES,
    STARTS,
    STOPS_SERVICE,
    TESTS,
)
from app.risk.powershell.table import cmdlet
from app.risk.powershell.values import ANY, NOTHING, Value
from app.risk.words import UNKNOWN, Word

_ARGUMENT = re.compile(r'(?:[^\s"]|"[^"]*")+')
_PROGRAM_TYPES = re.compile(r"\.(?:exe|com|bat|cmd|ps1|msi|msix|appx|vbs|js|jar|hta|scr|lnk)$|^[\w-]+$", re.IGNORECASE)


def split_arguments(text: str) -> list[str]:
    """Split a command line as Windows does."""
    return [part.replace('"', "") for part in _ARGUMENT.findall(text)]


@cmdlet("invoke-expression")
def _expression(call: Call) -> Value:
    value = call.bound("command")[0]
    if value is NOTHING:
        value = call.input if call.input is not None else ANY
    return run_text(value, call.line, call.shown, call.script)


@cmdlet("invoke-command")
def _command(call: Call) -> Value:
    where = call.value("computername", "session", "vmname", "vmid", "containerid", "connectionuri", "hostname",
                       "sshconnection")  # fmt: skip
    first = call.positional[0][0] if call.positional else NOTHING
    if where is None and len(call.positional) > 1 and first.block is None:
        where = first
    if where is not None:
        _remote(call, where)
    file = call.value("filepath")
    if file is not None:
        for word in file.words(call.line):
            run_unread(call.reading, word)
    block = call.value("scriptblock")
    values = [value for value, _, _ in call.positional] + ([block] if block is not None else [])
    outcome: Value = ANY
    for value in values:
        if value.block is not None:
            arguments = call.value("argumentlist")
            given = {str(place): held for place, held in enumerate(arguments.each())} if arguments is not None else None
            outcome = call.script.run_block(value.block, call.input, given)
        elif value.kind == "scriptblock-text":
            outcome = run_text(value, call.line, call.shown, call.script)
    if file is None and not any(value.block or value.kind == "scriptblock-text" for value in values):
        run_dynamic(call.reading, call.shown, call.line)
    return outcome.came(call.origins())


def _remote(call: Call, where: Value) -> None:
    words = where.words(call.line)
    names = ", ".join(word.display for word in words[:3] if word.known and word.text) or "other machines"
    call.reading.add(REMOTE, f"This runs code on {names}.", call.line)
    call.reading.touch(hosts=[word.text for word in words if word.known])
    if not all(word.known for word in words):
        call.reading.doubt()


@cmdlet("enter-pssession", "new-pssession", "connect-pssession", "import-pssession", "new-cimsession",
        "receive-pssession")  # fmt: skip
def _session(call: Call) -> Value:
    where = call.bound("computername|name|session|vmname|hostname|connectionuri")[0]
    _remote(call, where)
    call.reading.doubt()
    return Value(kind="session")


@cmdlet("start-job", "start-threadjob", "foreach-parallel")
def _job(call: Call) -> Value:
    file = call.value("filepath")
    if file is not None:
        for word in file.words(call.line):
            run_unread(call.reading, word)
    return run_blocks(call, item=call.input).came(call.origins())


@cmdlet("register-objectevent", "register-engineevent", "register-cimindicationevent", "register-wmievent",
        "set-psbreakpoint", "set-psreadlinekeyhandler", "register-argumentcompleter")  # fmt: skip
def _event(call: Call) -> Value:
    return run_blocks(call)


@cmdlet("register-scheduledjob", "set-scheduledjob")
def _scheduled(call: Call) -> Value:
    call.reading.add(SCHEDULES, "This registers a job that runs by the clock.", call.line)
    return run_blocks(call)


@cmdlet("new-scheduledtaskaction")
def _task_action(call: Call) -> Value:
    _start(call, call.bound("execute", "argument"))
    return Value(kind="scheduledtaskaction", origin=call.origins())


@cmdlet("new-service")
def _service(call: Call) -> Value:
    call.reading.add(STOPS_SERVICE, "This makes a service, which runs by itself.", call.line)
    path = call.bound("name", "binarypathname|path")[1]
    words = [Word(part, call.line) for part in split_arguments(path.text)] if path.known else []
    if len(words) > 1:
        start(words, call.line, None, call.script)
    return NOTHING


@cmdlet("start-process")
def _process(call: Call) -> Value:
    path, arguments = call.bound("filepath|path", "argumentlist")
    if path is NOTHING and call.input is not None:
        path = call.input
    _start(call, [path, arguments])
    verb = call.value("verb")
    if verb is not None and verb.text.lower() == "runas":
        call.reading.add(STARTS, f"This runs {path.text or 'it'} with the rights of an administrator.", call.line, HIGH)
    for name in ("redirectstandardoutput", "redirectstandarderror"):
        target = call.value(name)
        if target is not None:
            for word in target.words(call.line):
                write_path(call, word)
    return Value(kind="process")


def _start(call: Call, given: list[Value]) -> None:
    path, arguments = given[0], given[1] if len(given) > 1 else NOTHING
    words: list[Word] = []
    for item in arguments.each():
        for text in item.texts if item.kind != "null" else ():
            words += [Word(part, call.line) for part in split_arguments(text)]
    for name in path.texts:
        start_program(call, Word(name, call.line), words, path)


def start_program(call: Call, name: Word, words: list[Word], path: Value) -> None:
    """Run a program, or open a document or an address with what is registered for it."""
    text = name.text.strip("\"'")
    if re.match(r"(?:https?|ftp)://", text, re.IGNORECASE):
        connect(call.reading, name)
        return
    if re.match(r"[a-z][a-z0-9.+-]+:(?![\\/])", text, re.IGNORECASE) and not re.match(r"[a-z]:", text, re.IGNORECASE):
        call.reading.add(STARTS, f"This opens {name.display}.", name.line)
        return
    if is_downloaded(call, text):
        run_downloaded(name, call.script)
    if UNKNOWN not in text and not _PROGRAM_TYPES.search(text) and not words:
        call.reading.add(STARTS, f"This opens {name.display} with the program for it.", name.line)
        return
    start([name.with_text(text), *words], name.line, None, call.script)


@cmdlet("invoke-item")
def _open(call: Call) -> Value:
    for word in call.words("path|literalpath"):
        start_program(call, word, [], NOTHING)
    return NOTHING


@cmdlet("import-module", "import-psworkflow", "add-pssnapin")
def _import(call: Call) -> Value:
    for word in call.words("name|assembly|moduleinfo"):
        if is_downloaded(call, word.text):
            run_downloaded(word, call.script)
        if not word.known and word.text.startswith(UNKNOWN):
            load_module(word.shown or "a module", word.line, call.script)
        else:
            load_module(word.text, word.line, call.script)
    return Value(kind="module", texts=call.bound("name")[0].texts)


@cmdlet("import-dscresource")
def _resource(call: Call) -> Value:
    return NOTHING


@cmdlet("start-dscconfiguration", "update-dscconfiguration", "publish-dscconfiguration", "invoke-dscresource",
        "set-dsclocalconfigurationmanager", "restore-dscconfiguration")  # fmt: skip
def _desired(call: Call) -> Value:
    call.reading.add(CONFIGURATION, "This applies a desired configuration.", call.line)
    return NOTHING


@cmdlet("add-type")
def _type(call: Call) -> Value:
    names = call.value("assemblyname")
    if names is not None and all(
        re.match(r"(?:system|presentation|windows|microsoft|uiautomation)[\w.]*", word.text, re.I)
        for word in names.words(call.line)
    ):
        return NOTHING
    what = "a library" if call.value("path", "literalpath") is not None or names is not None else "code in C#"
    if "download" in call.origins():
        run_text(Value(origin=frozenset({"download"})), call.line, call.shown, call.script)
    call.reading.add(COMPILES, f"This loads {what}, which has not been read.", call.line)
    return NOTHING


@cmdlet("invoke-pester", "invoke-scriptanalyzer", "invoke-build", "invoke-psake", "build-module", "invoke-psdeploy")
def _tests(call: Call) -> Value:
    if call.name == "invoke-scriptanalyzer":
        return NOTHING
    if call.name == "invoke-pester":
        call.reading.add(TESTS, "This runs the project's tests.", call.line)
    else:
        run_unread(call.reading, "the project's build script", call.line)
    return ANY


@cmdlet("install-module", "install-script", "install-package", "install-psresource", "update-module", "update-script",
        "update-psresource", "save-module", "save-script", "save-package", "save-psresource", "find-packageprovider",
        "install-packageprovider")  # fmt: skip
def _modules(call: Call) -> Value:
    scope = call.value("scope")
    source = call.value("repository", "source")
    level = None
    if scope is not None and scope.text.lower() == "allusers":
        level = HIGH
    if source is not None and not re.fullmatch(r"psgallery|nuget(?:gallery)?|chocolatey", source.text, re.IGNORECASE):
        level = HIGH
    names = ", ".join(word.display for word in call.words("name")) or "modules"
    call.reading.add(MODULES, f"This installs or downloads {names} from a gallery.", call.line, level)
    return NOTHING


@cmdlet("invoke-history", "invoke-asworkflow")
def _again(call: Call) -> Value:
    run_dynamic(call.reading, call.shown, call.line)
    return NOTHING
