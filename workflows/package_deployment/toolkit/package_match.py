"""What a script says about the package, compared with what the analysis says: codes, files, hashes, and version."""

from __future__ import annotations

import re

from app.risk.powershell.nodes import Node, Text
from workflows.package_deployment.analysis import Architecture, PackageAnalysis, Technology
from workflows.package_deployment.scripts.literals import safe_file_name
from workflows.package_deployment.toolkit import programs
from workflows.package_deployment.toolkit.binding import Bound, Report
from workflows.package_deployment.toolkit.calls import CallCheck
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.names import near, shown
from workflows.package_deployment.toolkit.script import Call, Script, literal_text
from workflows.package_deployment.toolkit.session import Session
from workflows.package_deployment.toolkit.structure import parts_of_deployment

_GUID = re.compile(r"(?<![0-9A-Fa-f-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f-])")
_HASH = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40})(?![0-9A-Fa-f])")
_MODULE = "8C3C366B-8606-4576-9F2D-4051144F7CA2"
"""The toolkit's own GUID, with which scripts import it."""
_SOURCES = re.compile(r"(?:\$\(?\$?adtsession\.)?dirfiles\)?[\\/]|^\.?[\\/]?files[\\/]", re.IGNORECASE)
_STARTS_MSI = frozenset({"start-adtmsiprocess", "start-adtmsiprocessasuser"})
_STARTS = _STARTS_MSI | frozenset(
    {"start-adtprocess", "start-adtprocessasuser", "start-adtmspprocess", "start-adtmspprocessasuser"}
)
_INSTALLERS = re.compile(r"\.(?:msi|msp|exe|msix|appx|cab|mst|cmd|bat|ps1)$", re.IGNORECASE)
_NOT_STARTED = frozenset({Technology.MSI_TRANSFORM, Technology.MERGE_MODULE, Technology.UNKNOWN})
"""What is used by something else, or what nobody knows how to start."""
_MOST_TEXTS = 20_000
_ARCHITECTURES = {
    Architecture.X86: {"x86", "32", "32-bit", "x32", "win32"},
    Architecture.X64: {"x64", "64", "64-bit", "amd64", "win64"},
    Architecture.ARM64: {"arm64"},
}


def compare(script: Script, checked: CallCheck, session: Session, analysis: PackageAnalysis, report: Report) -> None:
    """Report where a script says something else about the package than the analysis does."""
    _compare_codes(script, checked, analysis, report)
    _compare_files(checked, analysis, report)
    _compare_hashes(script, analysis, report)
    _compare_session(session, analysis, report)


def known_codes(analysis: PackageAnalysis) -> dict[str, str]:
    """Return the codes of a package, without braces and in capitals, with what each of them is."""
    found: dict[str, str] = {}
    for code, what in (
        (analysis.product_code, "product code"),
        (analysis.upgrade_code, "upgrade code"),
        (analysis.msi.package_code if analysis.msi else "", "package code"),
        (analysis.bundle.bundle_id if analysis.bundle else "", "bundle id"),
        *((code, "upgrade code") for code in (analysis.bundle.upgrade_codes if analysis.bundle else ())),
        *((package.product_code, "product code") for package in (analysis.bundle.packages if analysis.bundle else ())),
    ):
        if code:
            found.setdefault(code.strip("{}").upper(), what)
    return found


def _compare_codes(script: Script, checked: CallCheck, analysis: PackageAnalysis, report: Report) -> None:
    known = known_codes(analysis)
    passed: set[tuple[int, str]] = set()
    install = parts_of_deployment(script).get("install")
    for call, bound in checked.bound:
        text = literal_text(bound.value("ProductCode"))
        match = _GUID.search(text or "")
        if bound.command.source != "toolkit" or match is None:
            continue
        code, line = match[0].upper(), bound.given_line("ProductCode", call.node.line)
        passed.add((line, code))
        # While something is installed, what came before it may be removed.
        installing = install is not None and install.has(call)
        _compare_code(code, line, bound, known, report, may_differ=installing)
    if not known:
        return
    for text_node in script.texts[:_MOST_TEXTS]:
        for part in text_node.parts:
            for found in _GUID.findall(part) if isinstance(part, str) else ():
                code = found.upper()
                if code in known or code == _MODULE or (text_node.line, code) in passed:
                    continue
                report(
                    text_node.line,
                    Level.WARNING,
                    "package.code",
                    f"{{{code}}} is no code of the analyzed package.",
                    _code_suggestion(known),
                )


def _compare_code(
    code: str, line: int, bound: Bound, known: dict[str, str], report: Report, *, may_differ: bool
) -> None:
    what = known.get(code)
    if what == "product code" or not known:
        return
    if what:
        report(
            line,
            Level.ERROR,
            "package.code",
            f"{{{code}}} is the {what} of the package, not its product code.",
            _code_suggestion(known),
        )
        return
    other = bound.command.name.lower() not in _STARTS_MSI
    level = Level.WARNING if may_differ or other else Level.ERROR
    report(
        line, level, "package.code", f"{{{code}}} is no product code of the analyzed package.", _code_suggestion(known)
    )


def _code_suggestion(known: dict[str, str]) -> str:
    codes = [code for code, what in known.items() if what == "product code"]
    return f"The product code is {{{codes[0]}}}." if len(codes) == 1 else ""


def known_files(analysis: PackageAnalysis) -> set[str]:
    """Return the names, in lower case, of the package, of what is in it, and of the packages of a bundle."""
    # A package is delivered under a name that is safe on every system.
    names = {analysis.file_name.lower(), safe_file_name(analysis.file_name).lower()}
    names.update(re.split(r"[\\/]", file.path)[-1].lower() for file in analysis.files)
    packages = analysis.bundle.packages if analysis.bundle else ()
    names.update(re.split(r"[\\/]", package.name)[-1].lower() for package in packages)
    return names


def _compare_files(checked: CallCheck, analysis: PackageAnalysis, report: Report) -> None:
    known = known_files(analysis)
    uses_package = False
    others: list[tuple[int, str]] = []
    for call, bound in checked.bound:
        if bound.command.name.lower() not in _STARTS:
            continue
        value = bound.value("FilePath")
        name, is_source = _file_of(value)
        if not name:
            uses_package = uses_package or value is not None
            continue
        line = bound.given_line("FilePath", call.node.line)
        if name.lower() in known:
            uses_package = True
            _compare_action(call, bound, name, line, report)
        elif is_source and name.lower() not in programs.NAMES and programs.program_of(name) not in programs.NAMES:
            others.append((line, name))
    for line, name in others:
        meant = near(name, [analysis.file_name])
        # Beside the package itself, a similar name may be that of another file, such as a prerequisite.
        report(
            line,
            Level.ERROR if meant and not uses_package else Level.WARNING,
            "package.file",
            f"{shown(name)} is neither the analyzed package nor in it.",
            f"Did you mean {shown(analysis.file_name)}?" if meant else "Add it to the package's files.",
        )
    if analysis.technology in _NOT_STARTED:
        return
    starts = [bound for _, bound in checked.bound if bound.command.name.lower() in _STARTS]
    if starts and not uses_package and not any(bound.has("ProductCode") for bound in starts):
        report(1, Level.WARNING, "package.not_used", f"Nothing in the script starts {shown(analysis.file_name)}.", "")


def _compare_action(call: Call, bound: Bound, name: str, line: int, report: Report) -> None:
    if name.lower().endswith(".msi") and bound.command.name.lower() not in _STARTS_MSI:
        report(
            line,
            Level.ERROR,
            "package.wrong_command",
            f"{bound.command.name} cannot start {shown(name)}, which is an MSI.",
            "Use Start-ADTMsiProcess.",
        )
    elif name.lower().endswith(".exe") and bound.command.name.lower() in _STARTS_MSI:
        report(
            line,
            Level.ERROR,
            "package.wrong_command",
            f"{bound.command.name} cannot start {shown(name)}, which is no MSI.",
            "Use Start-ADTProcess.",
        )


def _file_of(value: Node | None) -> tuple[str, bool]:
    """Return the name of a file that is started, and whether it comes with the package."""
    if not isinstance(value, Text) or not value.parts or not isinstance(value.parts[-1], str):
        return "", False
    name = re.split(r"[\\/]", value.parts[-1])[-1]
    if not _INSTALLERS.search(name):
        return "", False
    written = "".join(part if isinstance(part, str) else f"${_member(part)}" for part in value.parts)
    plain = all(isinstance(part, str) for part in value.parts) and not re.search(r"[\\/]", written)
    return name, plain or bool(_SOURCES.search(written))


def _member(part: object) -> str:
    """Return the last name of a property in a text, such as DirFiles of $($adtSession.DirFiles)."""
    statements = getattr(part, "statements", None)
    if isinstance(statements, list) and len(statements) == 1:
        part = statements[0]
    return literal_text(getattr(part, "name", None)) or str(getattr(part, "name", ""))


def _compare_hashes(script: Script, analysis: PackageAnalysis, report: Report) -> None:
    known = {analysis.sha256.lower(), analysis.sha1.lower(), analysis.signature.thumbprint.lower()}
    known.update(file.sha256.lower() for file in analysis.files)
    known.discard("")
    for text in script.texts[:_MOST_TEXTS]:
        for part in text.parts:
            for found in _HASH.findall(part) if isinstance(part, str) else ():
                if found.lower() in known:
                    continue
                sure = len(found) == 64
                what = "SHA-256" if sure else "SHA-1 or thumbprint"
                report(
                    text.line,
                    Level.ERROR if sure else Level.WARNING,
                    "package.hash",
                    f"{found[:16]}… is no {what} of the analyzed package.",
                    f"The package has the SHA-256 {analysis.sha256}." if sure else "",
                )


def _compare_session(session: Session, analysis: PackageAnalysis, report: Report) -> None:
    for key, expected in (("AppVersion", analysis.version), ("AppName", analysis.product_name)):
        said = session.text(key)
        if said and expected and not _agree(said, expected):
            report(
                session.line(key),
                Level.WARNING,
                "package.session",
                f"{key} is {shown(said)}, but the package says {shown(expected)}.",
                "",
            )
    said = session.text("AppArch").lower()
    names = _ARCHITECTURES.get(analysis.architecture)
    if said and names and said not in names:
        report(
            session.line("AppArch"),
            Level.WARNING,
            "package.session",
            f"AppArch is {shown(said)}, but the package is for {analysis.architecture.value}.",
            "",
        )


def _agree(said: str, expected: str) -> bool:
    first, second = said.lower().strip(), expected.lower().strip()
    return first in second or second in first
