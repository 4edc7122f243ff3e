"""The instructions that follow from the package and the mode, without anybody asking."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflows.package_deployment.analysis import Architecture, PackageAnalysis, Technology
from workflows.package_deployment.scripts.blocks import RestartBehavior
from workflows.package_deployment.scripts.instruction_base import Instruction, Mode, Origin, Source
from workflows.package_deployment.scripts.instruction_kinds import EarlierVersions, Installation, Requirement
from workflows.package_deployment.scripts.instructions_for_users import CloseApplication, Deferral, Restart, Window
from workflows.package_deployment.scripts.literals import cleaned
from workflows.package_deployment.scripts.planning import application_name, product_code, switch_for

_MOST_PROCESSES = 5
_HELPERS = re.compile(
    r"setup|install|unins|update|crash|report|helper|service|svc|redist|elevat|broker|maintenance|launcher|stub|host|"
    r"cli$|test|bench|\d{6}",
    re.IGNORECASE,
)
"""What the names of programs contain that people do not open."""
_DEFERRALS = 3
_PROCESS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,199}')


def _fact(words: str) -> Source:
    return Source(origin=Origin.ANALYSIS, words=words)


def _mode(mode: Mode) -> Source:
    return Source(origin=Origin.MODE, words=mode.value)


def from_package(analysis: PackageAnalysis, mode: Mode) -> Iterator[Instruction]:
    """Yield what follows from the package and the mode."""
    yield from _installation(analysis)
    if mode is Mode.QUICK:
        return
    for program in programs(analysis):
        yield CloseApplication(process=program, source=_fact(f"the package contains {program}.exe"))
    yield Window(which="progress", source=_mode(mode))
    yield Restart(behavior=RestartBehavior.PASS_ON, source=_mode(mode))
    if mode is Mode.COMPREHENSIVE:
        yield from _comprehensive(analysis)


def _comprehensive(analysis: PackageAnalysis) -> Iterator[Instruction]:
    mode = _mode(Mode.COMPREHENSIVE)
    yield Deferral(times=_DEFERRALS, source=mode)
    yield Window(which="completion", source=mode)
    if megabytes := _space(analysis):
        yield Requirement(free_disk_mb=megabytes, source=_fact(_space_words(analysis)))
    if analysis.architecture in {Architecture.X64, Architecture.ARM64}:
        words = f"the package is for {analysis.architecture.value}"
        yield Requirement(architecture=analysis.architecture, source=_fact(words))
    yield Requirement(no_pending_restart=True, source=mode)
    code = cleaned(analysis.upgrade_code).upper()
    if analysis.technology is Technology.MSI and re.fullmatch(r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", code):
        yield EarlierVersions(upgrade_code=code, source=_fact(f"the upgrade code is {code}"))
    elif analysis.technology is not Technology.MSI and cleaned(analysis.product_name) and cleaned(analysis.version):
        name = cleaned(analysis.product_name)
        yield EarlierVersions(name=name, source=_fact(f"the product is called {name}"))


def _installation(analysis: PackageAnalysis) -> Iterator[Instruction]:
    name, code = application_name(analysis), product_code(analysis)
    if analysis.technology is Technology.MSI:
        source = _fact("the installer is an MSI")
        yield Installation(purpose="install", how=f"run msiexec with the MSI of {name}.", source=source)
    elif known := switch_for(analysis, "install"):
        source = _fact(known.reason)
        yield Installation(
            purpose="install", how=f"run the EXE process with the arguments {known.arguments}.", source=source
        )
    if code:
        source = _fact(f"the product code is {code}")
        yield Installation(purpose="uninstall", how=f"run msiexec with the product code {code}.", source=source)
        yield Installation(purpose="repair", how=f"run msiexec to repair the product code {code}.", source=source)
    elif known := switch_for(analysis, "uninstall"):
        how = f"uninstall the installed application {name} with the arguments {known.arguments}."
        yield Installation(purpose="uninstall", how=how, source=_fact(known.reason))


def programs(analysis: PackageAnalysis) -> list[str]:
    """Return the names, without .exe, of the programs in the package that people probably open."""
    stems = [
        cleaned(file.path).replace("/", "\\").rsplit("\\", 1)[-1][:-4].strip()
        for file in analysis.files if file.path.lower().endswith(".exe")
    ]  # fmt: skip
    usable = [stem for stem in dict.fromkeys(stems) if _PROCESS.fullmatch(stem) and not _HELPERS.search(stem)]
    return usable[:_MOST_PROCESSES] if len(usable) <= 4 * _MOST_PROCESSES else []


def _space(analysis: PackageAnalysis) -> int:
    """Return the MB that the disk should have: what is installed, and a copy of the installer."""
    installed = analysis.installed_bytes or 3 * analysis.size_bytes
    return min(10_000_000, (installed + analysis.size_bytes) // 1_000_000 + 100)


def _space_words(analysis: PackageAnalysis) -> str:
    if analysis.installed_bytes:
        return f"it installs {analysis.installed_bytes} bytes"
    return f"the installer has {analysis.size_bytes} bytes"
