"""The check of a deployment script: commands, parameters, values, structure, and what it says about the package."""

from __future__ import annotations

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.toolkit.calls import CallCheck
from workflows.package_deployment.toolkit.earlier_names import VARIABLES
from workflows.package_deployment.toolkit.findings import Level, ScriptFinding
from workflows.package_deployment.toolkit.grammar import doubtful_lines
from workflows.package_deployment.toolkit.names import shown
from workflows.package_deployment.toolkit.package_match import compare
from workflows.package_deployment.toolkit.script import Script, UnreadableError, read_script
from workflows.package_deployment.toolkit.session import session_of
from workflows.package_deployment.toolkit.structure import check_structure

MOST_FINDINGS = 500


class Report:
    """Collects findings, each once."""

    def __init__(self) -> None:
        self._found: dict[ScriptFinding, None] = {}
        self.left_out = 0

    def __call__(self, line: int, level: Level, code: str, words: str, suggestion: str = "") -> None:
        """Add a finding."""
        finding = ScriptFinding(line=max(line, 1), level=level, code=code, words=words, suggestion=suggestion)
        if finding in self._found:
            return
        if len(self._found) >= MOST_FINDINGS:
            self.left_out += level is Level.ERROR
            return
        self._found[finding] = None

    def findings(self) -> list[ScriptFinding]:
        """Return what was found, by line."""
        found = sorted(self._found, key=lambda finding: finding.line)
        if self.left_out:
            words = f"There are more than {MOST_FINDINGS} findings; {self.left_out:,} more errors are not listed."
            found.insert(0, ScriptFinding(line=1, level=Level.ERROR, code="script.too_many_findings", words=words))
        return found


def check_script(
    script: str, analysis: PackageAnalysis | None = None, *, fragment: bool = False
) -> list[ScriptFinding]:
    """Check a deployment script against what the toolkit, Windows PowerShell 5.1, and the analyzed package have.

    Args:
        analysis: The package that the script installs; without it, codes, files, and hashes are not compared.
        fragment: Whether this is a part of a script, such as a block, which has no session of its own.

    Returns:
        What was found, by line. A script with errors must not be delivered. A script that cannot be read at all,
        because it is too large or nested too deep, has one error that says so.
    """
    report = Report()
    try:
        read = read_script(script)
        for line in read.unparsed:
            report(line, Level.ERROR, "script.unparsed", "This statement cannot be parsed, so it was not checked.", "")
        checked = CallCheck(read, report)
        checked.run()
        session = session_of(read)
        _check_variables(read, report)
        for line in doubtful_lines(script):
            if line not in read.unparsed:
                words = "A second grammar of PowerShell does not accept this place."
                report(line, Level.WARNING, "syntax.doubtful", words, "Look for a missing or an additional sign.")
        if not fragment:
            check_structure(read, checked, session, report)
        if analysis is not None:
            compare(read, checked, session, analysis, report)
    except UnreadableError as error:
        words = shown(str(error), 200)
        return [ScriptFinding(line=1, level=Level.ERROR, code="script.unreadable", words=words)]
    return report.findings()


def _check_variables(script: Script, report: Report) -> None:
    """Report variables of version 3 that nothing in the script sets."""
    for variable, scope in script.variables:
        replacement = VARIABLES.get(variable.name)
        if replacement is None or variable.scope in ("using", "global"):
            continue
        if scope.history(variable.name) or scope.declares(variable.name):
            continue
        words = f"${variable.name} was a variable of version 3 of the toolkit; version 4 does not set it."
        report(variable.line, Level.WARNING, "variable.version_3", words, f"Write {replacement}.")
