"""The structure of ``Invoke-AppDeployToolkit.ps1``: parameters, table of the session, parts, module, and session."""

from __future__ import annotations

from dataclasses import dataclass

from app.risk.powershell.nodes import Block, BlockValue, Given, Named, TypeName
from workflows.package_deployment.toolkit.binding import Report
from workflows.package_deployment.toolkit.calls import CallCheck
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.script import Call, Scope, Script, literal_text
from workflows.package_deployment.toolkit.session import Session

_EXPECTED = ("AppVendor", "AppName", "AppVersion")
MODULE = "psappdeploytoolkit"
PARTS = ("install", "uninstall", "repair")


@dataclass
class Part:
    """A part of the deployment, such as what is done to install.

    Attributes:
        line: Its first line.
        blocks: Its blocks: one, or those before and after it, too.
        statements: How many statements it has.
    """

    name: str
    line: int
    blocks: list[Block]
    statements: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing is done in it."""
        return self.statements == 0

    def has(self, call: Call) -> bool:
        """Return whether a call is in this part."""
        scope: Scope | None = call.scope
        while scope is not None:
            if any(scope.block is block for block in self.blocks):
                return True
            scope = scope.parent
        return False


def parts_of_deployment(script: Script) -> dict[str, Part]:
    """Return the parts that a script has: install, uninstall, and repair.

    They are functions such as ``Install-ADTDeployment``, or variables with blocks, as the template of 4.2 has them.
    """
    found: dict[str, Part] = {}
    for name in PARTS:
        function = script.functions.get(f"{name}-adtdeployment")
        if function is not None:
            found[name] = Part(name, function.line, [function.block], _count(function.block))
    around: list[tuple[str, Block]] = []
    for call in script.calls:
        if (literal_text(call.node.name) or "").lower() != "new-variable":
            continue
        values = [argument.value for argument in call.node.arguments if isinstance(argument, (Given, Named))]
        names = {(literal_text(value) or "").lower() for value in values}
        for value in values:
            if isinstance(value, BlockValue):
                for name in PARTS:
                    if name in names:
                        block = value.block
                        found.setdefault(name, Part(name, call.node.line, [block], _count(block)))
                    elif names & {f"pre-{name}", f"post-{name}"}:
                        around.append((name, value.block))
    for name, block in around:
        if name in found:
            found[name].blocks.append(block)
    return found


def _count(block: Block) -> int:
    return sum(not isinstance(statement, TypeName) for statement in block.statements)


def check_structure(script: Script, checked: CallCheck, session: Session, report: Report) -> None:
    """Report what a deployment script lacks."""
    _check_parameters(script, report)
    _check_session(session, report)
    parts = parts_of_deployment(script)
    for name in PARTS:
        if name not in parts:
            level = Level.WARNING if name == "repair" else Level.ERROR
            report(
                1,
                level,
                "structure.part",
                f"The script does not say what is done to {name}.",
                f"Define {name.capitalize()}-ADTDeployment.",
            )
    _check_frame(script, checked, parts, report)


def _check_parameters(script: Script, report: Report) -> None:
    declared = {parameter.name for parameter in script.block.parameters}
    for name, level in (("DeploymentType", Level.ERROR), ("DeployMode", Level.WARNING)):
        if name.lower() not in declared:
            report(
                1,
                level,
                "structure.parameters",
                f"The script has no parameter -{name}.",
                "Begin with the parameters of the toolkit's template.",
            )


def _check_session(session: Session, report: Report) -> None:
    if not session.exists:
        report(1, Level.ERROR, "structure.session", "The script has no table $adtSession.", "")
        return
    for key in _EXPECTED:
        if not session.has(key):
            report(session.line(key), Level.WARNING, "structure.session", f"$adtSession has no {key}.", "")


def _check_frame(script: Script, checked: CallCheck, parts: dict[str, Part], report: Report) -> None:
    names = [(literal_text(call.node.name) or "").lower() for call in script.calls]
    if not any(name == "import-module" and imports_toolkit(script, index) for index, name in enumerate(names)):
        report(1, Level.ERROR, "structure.module", "The script does not import the module PSAppDeployToolkit.", "")
    for name, what in (("open-adtsession", "open"), ("close-adtsession", "close")):
        if name not in names:
            report(1, Level.ERROR, f"structure.{what}", f"The script does not {what} a session.", "")
    called = {(literal_text(call.node.name) or "").lower() for call in script.calls if call.scope.home is script.top}
    idle = [name for name in parts if f"{name}-adtdeployment" not in called]
    if idle and not checked.dispatches:
        report(
            1,
            Level.ERROR,
            "structure.dispatch",
            f"Nothing runs the part for: {', '.join(idle)}.",
            'Write & "$($adtSession.DeploymentType)-ADTDeployment".',
        )
    if names.count("close-adtsession") == 1:
        report(
            1,
            Level.WARNING,
            "structure.close",
            "The session is closed in one place only: after an error it stays open.",
            "Close it in the catch block, too.",
        )


def imports_toolkit(script: Script, index: int) -> bool:
    """Return whether a call of Import-Module names the toolkit."""
    pending = list(script.calls[index].node.arguments)
    texts: list[str] = []
    while pending:
        node = pending.pop()
        for part in getattr(node, "parts", ()):
            if isinstance(part, str):
                texts.append(part.lower())
        value = getattr(node, "value", None)
        if value is not None:
            pending.append(value)
        pending += [entry for _, entry in getattr(node, "entries", ())]
    return any(MODULE in text for text in texts)
