"""The quality of a deployment script: named checks with weights, shown one by one.

There is no opaque score: a total is the sum of these checks, and each says in words why it is passed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.toolkit import quality_behavior, quality_package
from workflows.package_deployment.toolkit.findings import Level, QualityCheck, ScriptFinding
from workflows.package_deployment.toolkit.judged_script import JudgedScript, Judgment, judged
from workflows.package_deployment.toolkit.script import UnreadableError


def _errors(script: JudgedScript) -> Judgment:
    errors = [finding for finding in script.findings if finding.level is Level.ERROR]
    if not errors:
        return Judgment(1, "Validation has found no errors.")
    first = errors[0]
    return Judgment(0, f"{len(errors)} errors, the first in line {first.line}: {first.words}"[:400])


def _warnings(script: JudgedScript) -> Judgment:
    warnings = [finding for finding in script.findings if finding.level is Level.WARNING]
    if not warnings:
        return Judgment(1, "Validation has no warnings.")
    return Judgment(1 - min(len(warnings), 5) / 5, f"{len(warnings)} warnings, the first in line {warnings[0].line}.")


Judge = Callable[[JudgedScript], Judgment | None]
"""Judges a script; None if the check does not apply to it."""
_CHECKS: tuple[tuple[str, str, int, Judge], ...] = (
    ("errors", "No errors in validation", 20, _errors),
    ("warnings", "Few warnings in validation", 5, _warnings),
    ("install", "Installs the package", 8, quality_package.install),
    ("uninstall", "Can be uninstalled", 8, quality_package.uninstall),
    ("repair", "Can be repaired", 4, quality_package.repair),
    ("product_code", "Uninstalls by product code", 6, quality_package.product_code),
    ("detection", "Can be detected reliably", 6, quality_package.detection),
    ("silent_switches", "Silent switches are certain", 8, quality_package.silent_switches),
    ("signature", "Signature of the package was checked", 5, quality_package.signature),
    ("closes_applications", "Closes applications first", 6, quality_behavior.closes_applications),
    ("prerequisites", "Checks prerequisites", 5, quality_behavior.prerequisites),
    ("restart", "Handles restarts", 5, quality_behavior.restart),
    ("logging", "Logs what it does", 4, quality_behavior.logging),
    ("silent_mode", "Respects silent mode", 4, quality_behavior.silent_mode),
    ("paths", "No hard-coded paths", 3, quality_behavior.paths),
    ("metadata", "Metadata and comments are complete", 3, quality_behavior.metadata),
)
WEIGHTS = {name: weight for name, _, weight, _ in _CHECKS}
"""The weights of all checks by name."""


def assess_quality(
    script: str,
    analysis: PackageAnalysis | None,
    findings: Iterable[ScriptFinding],
    *,
    has_detection_rule: bool | None = None,
) -> list[QualityCheck]:
    """Judge a script.

    Args:
        findings: What `check_script` has found in it.
        has_detection_rule: Whether there is a rule for its detection; None if that is to be seen from the analysis.

    Returns:
        One check after the other. Those that do not apply to the package are left out, such as those about a package
        that was not analyzed. A script that cannot be read passes none.
    """
    found = list(findings)
    try:
        read = judged(script, analysis, found, has_detection_rule)
    except UnreadableError as error:
        return [
            QualityCheck(name=name, title=title, weight=weight, passed=0, words=str(error)[:300])
            for name, title, weight, _ in _CHECKS
        ]
    checks: list[QualityCheck] = []
    for name, title, weight, judge in _CHECKS:
        judgment = judge(read)
        if judgment is not None:
            passed = round(min(max(judgment.passed, 0.0), 1.0), 4)
            checks.append(QualityCheck(name=name, title=title, weight=weight, passed=passed, words=judgment.words))
    return checks
