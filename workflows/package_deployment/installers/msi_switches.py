"""The arguments of msiexec.exe that do something with an MSI without asking."""

from __future__ import annotations

from workflows.package_deployment.analysis import Confidence, PackageAnalysis, Scope, Switch, Technology

_BY_WINDOWS = "Windows Installer defines it for every MSI"


def msi_switches(analysis: PackageAnalysis, folder_property: str) -> list[Switch]:
    """Return the arguments for an MSI, or a patch, as they follow msiexec.exe."""
    name = analysis.file_name.replace('"', "_")
    if analysis.technology is Technology.MSI_PATCH:
        return [_switch("install", f'/p "{name}" /qn', "Windows Installer defines it for every patch"), *_of_all()]
    if analysis.technology is not Technology.MSI:
        return []
    code = analysis.product_code
    found = [_switch("install", f'/i "{name}" /qn', f"{_BY_WINDOWS}: no dialogs are shown")]
    if code:
        found.append(_switch("uninstall", f"/x {code} /qn", f"{_BY_WINDOWS}, by its product code"))
        found.append(_switch("repair", f"/f {code} /qn", f"{_BY_WINDOWS}, by its product code"))
    found += _of_all()
    if folder_property:
        confidence = Confidence.LIKELY if folder_property == "TARGETDIR" else Confidence.CERTAIN
        found.append(Switch(
            purpose="folder", arguments=f'{folder_property}="<folder>"', confidence=confidence,
            reason=f"{folder_property} is the package's folder for its files.",
        ))  # fmt: skip
    if analysis.scope is Scope.EITHER:
        found.append(_switch("all_users", "ALLUSERS=1", "Windows Installer then installs for all users"))
    elif analysis.scope is Scope.USER:
        found.append(Switch(
            purpose="all_users", arguments="ALLUSERS=1", confidence=Confidence.GUESS,
            reason="Windows Installer then installs for all users, which the author of the package may not have meant.",
        ))  # fmt: skip
    extract = f'/a "{name}" /qn TARGETDIR="<folder>"'
    found.append(_switch("extract", extract, f"{_BY_WINDOWS}: it only copies the files"))
    return found


def _of_all() -> list[Switch]:
    return [
        _switch("log", '/l*v "<log>"', f"{_BY_WINDOWS}: a log with all details"),
        _switch("no_restart", "/norestart", f"{_BY_WINDOWS}: it ends with code 3010 if a restart is needed"),
    ]


def _switch(purpose: str, arguments: str, reason: str) -> Switch:
    return Switch(purpose=purpose, arguments=arguments, confidence=Confidence.CERTAIN, reason=f"{reason}.")
