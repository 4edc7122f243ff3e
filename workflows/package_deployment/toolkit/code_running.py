"""Commands and methods that run code which is not written where it is run, so that it cannot be checked."""

from __future__ import annotations

import re

from app.risk.powershell.nodes import Array, BlockValue, Given, Invoke, Named, Node, Text, Using, Variable
from workflows.package_deployment.toolkit import cmdlets
from workflows.package_deployment.toolkit.binding import Bound, Report
from workflows.package_deployment.toolkit.catalog import Command, catalog
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.names import shown
from workflows.package_deployment.toolkit.script import Call, Script, literal_text

DISPATCH = '& "$($adtsession.deploymenttype)-adtdeployment"'
"""How the templates of versions 4.0 and 4.1 call the function of the deployment's type."""
_PHASES = frozenset(f"{when}{what}" for when in ("", "pre-", "post-") for what in ("install", "uninstall", "repair"))
"""The variables whose blocks the template of version 4.2 runs."""
_RUN_PHASE = re.compile(
    r"get-variable\b[^|{}]*\"pre-\$\(\$adtsession\.deploymenttype\)\"[^|{}]*\|\s*[.&]\s*\{\s*process\s*\{"
    r"[^{}]{0,300}\{[^{}]{0,300}\.\s+\$_\.value",
    re.IGNORECASE,
)
"""How it runs them."""
_BLOCKS = {
    "invoke-command": ("ScriptBlock",),
    "start-job": ("ScriptBlock", "InitializationScript"),
    "foreach-object": ("Process", "Begin", "End"),
    "where-object": ("FilterScript",),
    "invoke-adtallusersregistryaction": ("ScriptBlock",),
    "invoke-adtcommandwithretries": ("Command",),
    "measure-command": ("Expression",),
    "trace-command": ("Expression",),
    "new-module": ("ScriptBlock",),
    "register-objectevent": ("Action",),
    "register-engineevent": ("Action",),
    "register-wmievent": ("Action",),
    "register-cimindicationevent": ("Action",),
    "set-psbreakpoint": ("Action",),
}
"""The parameters of commands that run a block."""
_TEXT_TO_CODE = frozenset(
    {"invokescript", "newscriptblock", "invokecommand", "addscript", "addcommand", "expandstring"}
)
_RUNS_FILE = {"invoke-command": "FilePath", "start-job": "FilePath"}
"""The parameters of commands that run the script in a file."""
_MAKES_ITEMS = frozenset(
    {"set-item", "new-item", "copy-item", "move-item", "rename-item", "set-content", "add-content", "set-location",
     "push-location"}
)  # fmt: skip
"""Cmdlets that define functions and aliases, if their path is in the drive of these."""
_COMMAND_DRIVE = re.compile(r"(?:[\w.]+\\)?(?:function|alias):", re.IGNORECASE)
_REQUIRED = re.compile(
    r"^[ \t]*#requires\b[^\r\n]*?[-\u2013\u2014\u2015](?:modules?|assembly|pssnapin)[ \t:]+([^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_OWN_MODULE = re.compile(r"(?:.*[\\/])?PSAppDeployToolkit(?:\.\w+)*", re.IGNORECASE | re.DOTALL)


def note_command(command: Command, call: Call, report: Report) -> None:
    """Note what a command does with code, whatever its arguments are bound to."""
    line = call.node.line
    match command.name.lower():
        case "invoke-expression":
            words = f"{command.name} runs a text as code, which cannot be checked."
            report(line, Level.ERROR, "code.from_text", words, "Write the commands themselves.")
        case "add-type":
            words = "Add-Type compiles or loads code that is not checked."
            report(line, Level.WARNING, "code.compiled", words, "")
        case "set-alias" | "new-alias":
            words = "An alias gives a command another name, which is not followed."
            report(line, Level.WARNING, "command.new_alias", words, "Use the command's own name.")
        case "start-process":
            words = "Start-Process neither logs nor checks exit codes as the toolkit does."
            report(line, Level.WARNING, "command.program", words, "Use Start-ADTProcess.")
        case "new-variable" | "set-variable":
            _note_phase(call, report)


def _note_phase(call: Call, report: Report) -> None:
    """Check that what the template of version 4.2 runs are blocks in the script."""
    given = [argument.value for argument in call.node.arguments if isinstance(argument, (Given, Named))]
    if not any((literal_text(value) or "").lower() in _PHASES for value in given):
        return
    if not any(isinstance(value, BlockValue) for value in given):
        words = "What runs in this part of the deployment is not written in the script."
        report(call.node.line, Level.ERROR, "command.dynamic", words, "Give it a block.")


def note_bound(bound: Bound, call: Call, report: Report) -> None:
    """Note blocks that a command is to run and that are not written where it is called."""
    name = bound.command.name.lower()
    if name == "import-module":
        _note_module(bound, call, report)
    elif name in ("set-alias", "new-alias"):
        _note_alias(bound, call, report)
    elif name in _MAKES_ITEMS:
        _note_item(bound, call, report)
    elif name == "foreach-object":
        _note_member(bound, call, report)
    if bound.has(_RUNS_FILE.get(name, "")):
        words = f"{bound.command.name} runs another script, which is not checked."
        report(call.node.line, Level.ERROR, "command.script_file", words, "")
    for parameter in _BLOCKS.get(name, ()):
        value = bound.value(parameter)
        if value is None or _is_written(value, call):
            continue
        retries = name == "invoke-adtcommandwithretries"
        words = f"{bound.command.name} runs something that is only known when the script runs."
        report(
            call.node.line,
            Level.ERROR if retries else Level.WARNING,
            "command.dynamic" if retries else "code.computed",
            words,
            "Name the command." if retries else "",
        )


def _is_written(value: Node, call: Call) -> bool:
    if isinstance(value, Variable):
        return isinstance(constant(value, call), (BlockValue, Text))
    if isinstance(value, Text):
        return literal_text(value) is not None
    return isinstance(value, (BlockValue, Array))


def note_using(using: Using, report: Report) -> None:
    """Note what a script loads before it runs, other than names of types and the toolkit."""
    name = using.name.split("#")[0].strip().strip("'\"")
    if using.what == "namespace" or (using.what == "module" and _OWN_MODULE.fullmatch(name)):
        return
    words = f"The {shown(using.what)} {shown(name)} is not checked, and what it defines is not known."
    report(using.line, Level.WARNING, "module.other", words, "")


def note_required(text: str, report: Report) -> None:
    """Note modules that ``#Requires`` loads before a script runs, other than the toolkit."""
    for found in _REQUIRED.finditer(text):
        others = [name for name in re.findall(r"[^\s,'\"]+", found[1]) if not _OWN_MODULE.fullmatch(name)]
        if others:
            line = text.count("\n", 0, found.start(1)) + 1
            words = f"The module {shown(others[0])} is not checked, and its functions are not known."
            report(line, Level.WARNING, "module.other", words, "")


def _note_module(bound: Bound, call: Call, report: Report) -> None:
    for parameter in ("Name", "FullyQualifiedName", "ModuleInfo", "Assembly"):
        text = literal_text(bound.value(parameter))
        if text and not _OWN_MODULE.fullmatch(text):
            words = f"The module {shown(text)} is not checked, and its functions are not known."
            report(call.node.line, Level.WARNING, "module.other", words, "")


def _note_alias(bound: Bound, call: Call, report: Report) -> None:
    """Report an alias in place of a known command: PowerShell looks for aliases first."""
    name = literal_text(bound.value("Name"))
    if name is None or is_known(name):
        words = "The name of this alias is computed."
        if name:
            words = f"This gives the name {shown(name)} to another command."
        report(call.node.line, Level.ERROR, "command.redefined", words, "Use the command's own name.")


def is_known(name: str) -> bool:
    """Return whether a name is a function of the toolkit or a known cmdlet."""
    return name.lower() in catalog() or cmdlets.cmdlet(name.lower()) is not None


def _note_item(bound: Bound, call: Call, report: Report) -> None:
    for parameter in ("Path", "LiteralPath", "Destination"):
        value = bound.value(parameter)
        for node in value.items if isinstance(value, Array) else [value]:
            start = node.parts[0] if isinstance(node, Text) and node.parts else ""
            if isinstance(start, str) and _COMMAND_DRIVE.match(start):
                note_redefined(call.node.line, start, report)


def note_redefined(line: int, what: str, report: Report) -> None:
    """Report that functions or aliases are defined in a way that is not followed."""
    words = f"This changes what a command does, in a way that is not followed: {shown(what)}."
    report(line, Level.ERROR, "command.redefined", words, "Define a function with a name of its own.")


def _note_member(bound: Bound, call: Call, report: Report) -> None:
    """Check a method that ``ForEach-Object`` calls by its name."""
    value = bound.value("MemberName")
    if value is None and not bound.has("Process"):
        # A text in the place of the block is the name of a member.
        loose = [argument.value for argument in call.node.arguments if isinstance(argument, Given)]
        value = next((given for given in loose if isinstance(given, Text)), None)
    if value is None:
        return
    name = (literal_text(value) or "").lower()
    if not name or name in _TEXT_TO_CODE:
        words = "This makes code out of a text, which cannot be checked." if name else "This method's name is computed."
        report(call.node.line, Level.ERROR, "code.from_text" if name else "command.dynamic", words, "")
    elif name in ("invoke", "invokereturnasis", "invokewithcontext"):
        report(call.node.line, Level.WARNING, "code.computed", "This runs a block or a method that is computed.", "")


def note_method(method: Invoke, report: Report) -> None:
    """Note a method that makes or runs code."""
    name = (literal_text(method.name) or "").lower()
    target = getattr(method.target, "name", "")
    kind = target.lower().rpartition(".")[2] if isinstance(target, str) else ""
    if not name:
        report(method.line, Level.ERROR, "command.dynamic", "The name of this method is computed.", "")
    elif name in _TEXT_TO_CODE or (method.static and name == "create" and kind in ("scriptblock", "powershell")):
        words = "This makes code out of a text, which cannot be checked."
        report(method.line, Level.ERROR, "code.from_text", words, "Write the commands themselves.")
    elif not method.static and name in ("invoke", "invokereturnasis", "invokewithcontext"):
        report(method.line, Level.WARNING, "code.computed", "This runs a block or a method that is computed.", "")
    elif method.static and kind == "assembly" and name.startswith(("load", "unsafeload")):
        report(method.line, Level.WARNING, "code.compiled", "This loads code that is not checked.", "")
    elif method.static and kind == "process" and name == "start":
        words = "This starts a program: the toolkit neither logs it nor checks its exit code."
        report(method.line, Level.WARNING, "command.program", words, "Use Start-ADTProcess.")


def constant(variable: Variable, call: Call) -> Node | None:
    """Return the value of a variable that the script sets once, or None."""
    history = call.scope.history(variable.name)
    return history[0].value if len(history) == 1 and history[0].key is None else None


def is_template(call: Call, script: Script) -> bool:
    """Return whether a call is how the toolkit's own templates run the part for the deployment's type."""
    written = re.sub(r"\s+", " ", call.node.shown.lower()).strip()
    if written == DISPATCH:
        return True
    if written != ". $_.value":
        return False
    runs = [other for other in script.calls if re.sub(r"\s+", " ", other.node.shown.lower()).strip() == written]
    set_otherwise = any(
        not isinstance(event.value, BlockValue) for phase in _PHASES for event in script.top.variables.get(phase, [])
    )
    return len(runs) == 1 and not set_otherwise and _RUN_PHASE.search(script.text) is not None
