"""A script whose quality is judged: what its calls are, in which part they are, and what is known about its package."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.toolkit.binding import Bound
from workflows.package_deployment.toolkit.calls import CallCheck
from workflows.package_deployment.toolkit.findings import Level, ScriptFinding
from workflows.package_deployment.toolkit.script import Call, Script, read_script
from workflows.package_deployment.toolkit.session import Session, session_of
from workflows.package_deployment.toolkit.structure import Part, parts_of_deployment

INSTALLERS = frozenset(
    {
        "start-adtmsiprocess",
        "start-adtmsiprocessasuser",
        "start-adtmspprocess",
        "start-adtmspprocessasuser",
        "start-adtprocess",
        "start-adtprocessasuser",
        "uninstall-adtapplication",
        "install-adtmsupdates",
        "add-appxpackage",
        "add-appxprovisionedpackage",
        "remove-appxpackage",
        "remove-appxprovisionedpackage",
    }
)
"""What installs or removes software."""
REMOVERS = frozenset({"uninstall-adtapplication", "remove-appxpackage", "remove-appxprovisionedpackage"})
"""What only removes software."""


@dataclass(frozen=True)
class Judgment:
    """The result of a check: the share that is passed, and why, in words."""

    passed: float
    words: str


@dataclass
class JudgedScript:
    """A script, read for its quality.

    Attributes:
        parts: Install, uninstall, and repair, as far as the script has them.
        calls: The calls of known commands, in the order of the text, with what became of their arguments.
    """

    script: Script
    analysis: PackageAnalysis | None
    findings: list[ScriptFinding]
    has_detection_rule: bool | None
    session: Session
    parts: dict[str, Part]
    calls: list[tuple[Call, Bound]] = field(default_factory=list)

    def named(self, *names: str, part: str = "") -> list[Bound]:
        """Return the calls of these commands, in one part or in the whole script."""
        where = self.parts.get(part)
        if part and where is None:
            return []
        return [
            bound
            for call, bound in self.calls
            if bound.command.name.lower() in names and (where is None or where.has(call))
        ]

    def position(self, part: str, names: frozenset[str]) -> int | None:
        """Return the place of the first call of these commands in a part, or None."""
        where = self.parts.get(part)
        if where is None:
            return None
        places = [call.order for call, bound in self.calls if bound.command.name.lower() in names and where.has(call)]
        return min(places, default=None)


def judged(
    text: str, analysis: PackageAnalysis | None, findings: list[ScriptFinding], has_detection_rule: bool | None
) -> JudgedScript:
    """Read a script for its quality. Raises UnreadableError."""
    script = read_script(text)
    checked = CallCheck(script, _ignore)
    checked.run()
    parts = parts_of_deployment(script)
    return JudgedScript(script, analysis, findings, has_detection_rule, session_of(script), parts, checked.bound)


def _ignore(line: int, level: Level, code: str, words: str, suggestion: str) -> None:
    """Findings are known already."""
