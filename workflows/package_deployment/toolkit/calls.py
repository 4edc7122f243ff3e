"""The check of each command of a script: whether it exists, and whether its arguments fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from app.risk.powershell.nodes import BlockValue, Given, Named, Node, Splat, Text, Variable
from workflows.package_deployment.toolkit import cmdlets, earlier_names, programs
from workflows.package_deployment.toolkit.binding import Argument, Bound, Report, bind, find
from workflows.package_deployment.toolkit.catalog import Command, catalog
from workflows.package_deployment.toolkit.code_running import (
    constant,
    is_known,
    is_template,
    note_bound,
    note_command,
    note_method,
    note_redefined,
    note_required,
    note_using,
)
from workflows.package_deployment.toolkit.earlier_names import Earlier
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.names import near, shown
from workflows.package_deployment.toolkit.script import Call, Script, callee, literal_text
from workflows.package_deployment.toolkit.splatting import contents

_MODULE = re.compile(r"(?:PSAppDeployToolkit|Microsoft\.PowerShell\.\w+|CimCmdlets)\\([\w-]+)", re.IGNORECASE)
_MOST_SUGGESTIONS = 40
"""For so many unknown names, near ones are looked for: a search takes milliseconds."""


@cache
def _all_names() -> tuple[str, ...]:
    return (*catalog(), *(command.name for command in cmdlets.cmdlets().values()))


class CallCheck:
    """Checks the commands of one script, one after the other."""

    def __init__(self, script: Script, report: Report) -> None:
        self.script = script
        self.report = report
        self.defined = {name: callee(function) for name, function in script.functions.items()}
        self.bound: list[tuple[Call, Bound]] = []
        """The calls whose commands and parameters are known, with what became of their arguments."""
        self.dispatches = False
        """Whether the script runs the part for the deployment's type as the toolkit's templates do."""
        self._suggested = 0

    def run(self) -> None:
        """Check all commands and the methods that run code."""
        for name, command in self.defined.items():
            if is_known(name):
                line = self.script.functions[name].line
                self.report(
                    line,
                    Level.WARNING,
                    "function.shadows",
                    f"The script defines {shown(command.name)}, a name of the toolkit or of Windows PowerShell.",
                    "Use another name.",
                )
        for call in self.script.calls:
            self.script.clock.step()
            self._check(call)
        for method, _ in self.script.methods:
            note_method(method, self.report)
        for variable in self.script.redefined:
            if variable.name == "psdefaultparametervalues":
                words = "Default values of parameters are not followed: commands may get others than are written."
                self.report(variable.line, Level.WARNING, "parameter.defaults", words, "Write them where they count.")
            else:
                note_redefined(variable.line, f"${variable.name}", self.report)
        note_required(self.script.text, self.report)
        for using in self.script.modules:
            note_using(using, self.report)

    def _check(self, call: Call) -> None:
        name = self._name(call)
        if name is None:
            return
        command = self._command(name, call)
        if command is None:
            return
        note_command(command, call, self.report)
        self._bind(command, call, list(self._arguments(command, call.node.arguments, call)))

    def _bind(self, command: Command, call: Call, arguments: list[Argument]) -> None:
        complete = all(argument is not _NOT_KNOWN for argument in arguments)
        known = [argument for argument in arguments if argument is not _NOT_KNOWN]
        if command.parameters is None:
            return
        bound = bind(command, known, piped=call.piped, complete=complete, line=call.node.line, report=self.report)
        self.bound.append((call, bound))
        note_bound(bound, call, self.report)
        if bound.rest or command.name == "Invoke-ADTCommandWithRetries":
            self._check_passed_on(bound, call)

    def _check_passed_on(self, bound: Bound, call: Call) -> None:
        """Check the arguments that a command passes on to the one that it calls."""
        name = literal_text(bound.value("Command"))
        command = self._command(name, call) if name else None
        if command is None:
            return
        note_command(command, call, self.report)
        if command.parameters is not None:
            passed, line = _paired(command, bound.rest), call.node.line
            bind(command, passed, piped=False, complete=bound.complete, line=line, report=self.report)

    # --- names

    def _name(self, call: Call) -> str | None:
        """Return the name of the command that a call runs, or None if it is not known or is a block of the script."""
        node, operator = call.node.name, call.node.operator
        line = call.node.line
        text = literal_text(node)
        if text is None and isinstance(node, Variable):
            value = constant(node, call)
            if isinstance(value, BlockValue):
                return None
            text = literal_text(value)
        if text is not None:
            if programs.SCRIPT_SUFFIX.search(text) or self._may_be_script(text):
                self.report(
                    line,
                    Level.ERROR,
                    "command.script_file",
                    f"This may run another script, which is not checked: {shown(text)}.",
                    "",
                )
                return None
            return text
        if isinstance(node, BlockValue):
            return None
        if is_template(call, self.script):
            self.dispatches = True
            return None
        if isinstance(node, Text) and isinstance(node.parts[-1], str):
            last = node.parts[-1]
            if programs.SCRIPT_SUFFIX.search(last):
                self.report(
                    line,
                    Level.ERROR,
                    "command.script_file",
                    f"This runs another script, which is not checked: {shown(call.node.shown)}.",
                    "",
                )
                return None
            if program := programs.program_of(last) if re.search(r"\.\w{3}$", last) else "":
                self._report_program(program, line)
                return None
        what = "dot-sources" if operator == "." else "calls"
        self.report(
            line,
            Level.ERROR,
            "command.dynamic",
            f"This {what} something that is only known when the script runs: {shown(call.node.shown)}.",
            "Name the command.",
        )
        return None

    def _may_be_script(self, name: str) -> bool:
        """Return whether a name with a folder or module, but without a suffix, may mean what is not checked.

        PowerShell runs ``.\\x.ps1`` for ``.\\x``, and for ``Module\\Name`` whatever this module has.
        """
        last = re.split(r"[\\/]", name)[-1]
        return last != name and "." not in last and not _MODULE.fullmatch(name)

    def _command(self, name: str, call: Call) -> Command | None:
        line = call.node.line
        if found := _MODULE.fullmatch(name):
            name = found[1]
        lower = name.lower()
        if (own := self.defined.get(lower)) is not None:
            return own
        if lower in catalog():
            return catalog()[lower]
        if (built_in := cmdlets.cmdlet(lower)) is not None:
            return built_in
        if target := cmdlets.alias(lower):
            self.report(
                line, Level.INFO, "command.alias", f"{shown(name)} is an alias of {target}.", f"Write {target}."
            )
            return cmdlets.cmdlet(target)
        if program := programs.program_of(name):
            self._report_program(program, line)
            return None
        if (earlier := earlier_names.functions().get(lower)) is not None:
            self._report_earlier(earlier, call)
            return None
        self._report_unknown(name, line)
        return None

    def _report_program(self, program: str, line: int) -> None:
        instead = programs.INSTEAD.get(program, "Start-ADTProcess")
        self.report(
            line,
            Level.WARNING,
            "command.program",
            f"This starts the program {shown(program)}: the toolkit neither logs it nor checks its exit code.",
            f"Use {instead}.",
        )

    def _report_earlier(self, earlier: Earlier, call: Call) -> None:
        translated = earlier_names.translate(earlier, call.node)
        words = f"{earlier.name} is a function of version 3 of the toolkit; version 4 does not have it."
        suggestion = " ".join(filter(None, (translated.call, *translated.notes)))
        self.report(call.node.line, Level.ERROR, "command.version_3", words, shown(suggestion, 900))

    def _report_unknown(self, name: str, line: int) -> None:
        if name.lower() in earlier_names.REMOVED:
            words = f"{shown(name)} was in versions 4.0 and 4.1 of the toolkit; version 4.2 does not have it."
            self.report(line, Level.ERROR, "command.unknown", words, "")
            return
        self._suggested += 1
        meant = near(name, (*_all_names(), *self.defined)) if self._suggested <= _MOST_SUGGESTIONS else []
        self.report(
            line,
            Level.ERROR,
            "command.unknown",
            f"{shown(name)} is no function of the toolkit, no function of this script, and no known cmdlet.",
            f"Did you mean {meant[0]}?" if meant else "",
        )

    # --- arguments

    def _arguments(self, command: Command, nodes: list[Node], call: Call) -> Iterator[Argument]:
        pending: Argument | None = None
        switch = ""
        for node in nodes:
            if switch and isinstance(node, Given) and _is_truth(node.value):
                self.report(
                    node.line,
                    Level.ERROR,
                    "switch.value",
                    f"-{switch} of {command.name} is a switch, which takes a value only after a colon.",
                    f"-{switch}:{node.shown}",
                )
                switch = ""
                continue
            switch = ""
            if pending is not None:
                if isinstance(node, Given):
                    yield Argument(pending.name, node.value, pending.line)
                    pending = None
                    continue
                yield pending
                pending = None
            match node:
                case Named(name=name, value=None):
                    argument = Argument(name, None, node.line, has_value=False)
                    parameter, _ = find(command, name)
                    if parameter is not None and parameter.is_switch:
                        switch = parameter.name
                        yield argument
                    elif parameter is None and any(p.takes_rest for p in command.parameters or ()):
                        yield argument
                    else:
                        pending = argument
                case Named(name=name, value=value):
                    yield Argument(name, value, node.line)
                case Splat(name=name):
                    yield from self._splatted(name, call, node.line)
                case Given(value=value):
                    yield Argument(None, value, node.line)
        if pending is not None:
            yield pending

    def _splatted(self, name: str, call: Call, line: int) -> Iterator[Argument]:
        found = contents(name, call)
        for entry in found.entries:
            yield Argument(entry.name, entry.value, entry.line or line, entry.sure, True, from_table=True)
        if not found.complete:
            self.report(
                line,
                Level.INFO,
                "splat.not_checked",
                f"What @{shown(name)} holds is not known: {found.reason}. Only what is known was checked.",
                "",
            )
            yield _NOT_KNOWN


_NOT_KNOWN = Argument(None, None, 0)
"""Stands for arguments that are not known."""


def _paired(command: Command, arguments: list[Argument]) -> list[Argument]:
    """Join names of parameters with the values that follow them."""
    joined: list[Argument] = []
    for argument in arguments:
        last = joined[-1] if joined else None
        if argument.name is None and last is not None and last.name is not None and not last.has_value:
            parameter, _ = find(command, last.name)
            if parameter is None or not parameter.is_switch:
                joined[-1] = Argument(last.name, argument.value, last.line)
                continue
        joined.append(argument)
    return joined


def _is_truth(value: Node) -> bool:
    return isinstance(value, Variable) and value.name in ("true", "false")
