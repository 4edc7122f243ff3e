"""The report of a package, in Markdown: what it is, what was asked for, what was found, and who approved it.

Texts of installers and requests are shown as what they are; nothing of them is markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

from assent.markdown import code, escaped, table
from workflows.package_deployment.analysis import Check, PackageAnalysis, Signature
from workflows.package_deployment.delivery.commands import command_line, exit_codes
from workflows.package_deployment.delivery.contents import PackageContents
from workflows.package_deployment.delivery.toolkit_folder import Toolkit
from workflows.package_deployment.scripts.planning import application_name
from workflows.package_deployment.scripts.rendering import TOOLKIT_VERSION
from workflows.package_deployment.toolkit.findings import QualityCheck

_CHECKS = {
    Check.MATCHES: "matches", Check.DIFFERS: "**differs**", Check.NOT_CHECKED: "not checked", Check.ABSENT: "absent"
}  # fmt: skip
_MEANINGS = {
    "success": "success", "soft_restart": "success, restart needed", "hard_restart": "success, the computer restarts",
    "retry": "try again later", "failed": "failed",
}  # fmt: skip
_DECISIONS = {"approve": "approved", "modify": "approved with changes", "request_changes": "changes requested"}
_MOST_ROWS = 200


def write_report(contents: PackageContents, toolkit: Toolkit | None, missing: Sequence[str]) -> str:
    """Return the report."""
    analysis = contents.analysis
    lines = [
        f"# {escaped(application_name(analysis))} {escaped(analysis.version)}",
        "",
        *_section("Package", _facts(analysis)),
        *_section("Signature", _signature(analysis.signature)),
        *_section("Approval", _approval(contents)),
        *_section("Deployment", _deployment(contents, toolkit)),
        *_section("What is missing", [f"- {escaped(words)}" for words in missing]),
        *_section("Instructions", _instructions(contents)),
        *_section("Not understood", [f"- {escaped(words)}" for words in contents.instructions.not_understood]),
        *_section("Notes", _notes(contents)),
        *_section("Findings", _findings(contents)),
        *_section("Quality", _quality(contents.quality)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"## {title}", "", *lines, "")


def _facts(analysis: PackageAnalysis) -> list[str]:
    facts = [
        ("File", code(analysis.file_name)),
        ("Size", f"{analysis.size_bytes:,} bytes"),
        ("SHA-256", code(analysis.sha256)),
        ("Technology", f"{analysis.technology.in_words} ({analysis.confidence.value})"),
        ("Manufacturer", escaped(analysis.manufacturer)),
        ("Architecture", analysis.architecture.value),
        ("Scope", analysis.scope.value.replace("_", " ")),
        ("Language", escaped(analysis.language)),
        ("Product code", code(analysis.product_code)),
        ("Upgrade code", code(analysis.upgrade_code)),
        ("Files inside", str(analysis.files_total or len(analysis.files) or "")),
    ]
    return table(("Fact", "Value"), [row for row in facts if row[1]])


def _signature(signature: Signature) -> list[str]:
    if signature.absence:
        return [signature.absence]
    rows = [
        ("Digest of the file", _CHECKS[signature.digest]),
        ("Signature", _CHECKS[signature.signature]),
        ("Chain to a root that the operator names", _CHECKS[signature.chain]),
        ("Revocation", _CHECKS[signature.revocation]),
        ("Time stamp", _CHECKS[signature.time_stamp_check]),
        ("Chain of the time stamp", _CHECKS[signature.time_stamp_chain]),
        ("Signer", escaped(signature.signer)),
        ("Signed at, as the time stamp says", escaped(signature.time_stamp)),
    ]
    lines = table(("Check", "Result"), [row for row in rows if row[1]])
    if signature.notes:
        lines += ["", *(f"- {escaped(note)}" for note in signature.notes)]
    for number, nested in enumerate(signature.nested, 2):
        lines += ["", f"Signature {number} of the same file:", "", *_signature(nested)]
    return lines


def _approval(contents: PackageContents) -> list[str]:
    rows = [
        (
            escaped(item.who),
            escaped(_DECISIONS.get(item.verdict, item.verdict.replace("_", " "))),
            f"{item.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            escaped(item.comment),
        )
        for item in contents.approvals
    ]
    digest = f"SHA-256 of `Invoke-AppDeployToolkit.ps1`: {code(contents.approved_sha256)}"
    return [digest, "", *(table(("Who", "Decision", "When", "Comment"), rows) if rows else ["No approver is named."])]


def _deployment(contents: PackageContents, toolkit: Toolkit | None) -> list[str]:
    rule = {key: value for key, value in contents.detection.model_dump(mode="json").items() if value}
    rows = [
        ("Install", code(command_line("Install", toolkit))),
        ("Uninstall", code(command_line("Uninstall", toolkit))),
        ("Repair", code(command_line("Repair", toolkit))),
        ("Detection", ", ".join(f"{key.replace('_', ' ')}: {code(value)}" for key, value in rule.items())),
        ("Toolkit", f"{toolkit.version if toolkit else 'none'} (the script was checked against {TOOLKIT_VERSION})"),
    ]
    codes = [(str(number), _MEANINGS[meaning]) for number, meaning in sorted(exit_codes(contents).items())]
    return [*table(("What", "How"), rows), "", *table(("Exit code", "Meaning"), codes)]


def _instructions(contents: PackageContents) -> list[str]:
    rows = [
        (escaped(item.sentence), f"{item.source.origin.value}: {escaped(item.source.words)}")
        for item in contents.instructions.items[:_MOST_ROWS]
    ]
    return table(("Instruction", "From"), rows) if rows else []


def _findings(contents: PackageContents) -> list[str]:
    rows = [
        (str(item.line), item.level.value, escaped(item.words), escaped(item.suggestion))
        for item in contents.findings[:_MOST_ROWS]
    ]
    return table(("Line", "Level", "Finding", "Suggestion"), rows) if rows else ["The checks have found nothing."]


def _notes(contents: PackageContents) -> list[str]:
    notes = (*contents.instructions.notes, *contents.analysis.notes)
    return [f"- {escaped(note)}" for note in notes[:_MOST_ROWS]]


def _quality(checks: Sequence[QualityCheck]) -> list[str]:
    rows = [
        (escaped(check.title), f"{round(100 * check.passed)} %", str(check.weight), escaped(check.words))
        for check in checks
    ]
    return table(("Check", "Passed", "Weight", "Why"), rows) if rows else []
