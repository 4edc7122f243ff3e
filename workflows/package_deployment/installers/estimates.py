"""Estimates that follow from what was read: installed size, duration, and recommendations for the packager."""

from __future__ import annotations

from workflows.package_deployment.analysis import (
    Check,
    Confidence,
    Duration,
    PackageAnalysis,
    Scope,
    Technology,
)

LARGE_PACKAGE = 100 << 20
_MB = 1_000_000
_MOST_NAMES = 5
_GROWTH = 2.5
"""How much larger than a compressed installer its content usually is."""


def add_estimates(analysis: PackageAnalysis) -> None:
    """Fill in the installed size, the duration, and the recommendations, from all other fields."""
    if analysis.installed_bytes is None:
        analysis.installed_bytes = _known_size(analysis)
    analysis.duration = _duration(analysis)
    analysis.recommendations += [words for words in _recommendations(analysis) if words]


def _known_size(analysis: PackageAnalysis) -> int | None:
    sizes = [file.size for file in analysis.files if file.size is not None]
    is_whole = len(sizes) == len(analysis.files) and analysis.files_total in (None, len(sizes))
    return sum(sizes) if sizes and is_whole else None


def _duration(analysis: PackageAnalysis) -> Duration | None:
    """Return a wide estimate: fast and slow disks, and custom actions that do nothing or a lot."""
    if analysis.technology is Technology.UNKNOWN:
        return None
    size = analysis.installed_bytes
    reasons = []
    if size is None:
        size = round(analysis.size_bytes * _GROWTH)
        reasons.append("the size of the installer, because its content is not known")
    else:
        reasons.append(f"{_megabytes(size)} to install")
    low, high = 2 + size / (150 * _MB), 10 + size / (20 * _MB)
    files = analysis.files_total if analysis.files_total is not None else len(analysis.files)
    if files:
        low, high = low + files * 0.001, high + files * 0.01
        reasons.append(_count(files, "file"))
    if analysis.msi and (actions := len(analysis.msi.custom_actions)):
        high += actions * 2
        reasons.append(_count(actions, "custom action"))
    if analysis.msi and (services := len(analysis.msi.services)):
        low, high = low + services, high + services * 15
        reasons.append(_count(services, "service"))
    if analysis.bundle and (packages := len(analysis.bundle.packages)):
        low, high = low + packages * 2, high + packages * 60
        reasons.append(_count(packages, "package"))
    return Duration(
        seconds_low=round(low), seconds_high=round(high), reason=f"Estimated from {_listed(reasons)}."
    )  # fmt: skip


def _recommendations(analysis: PackageAnalysis) -> list[str]:
    return [
        *_about_the_kind(analysis),
        *_about_the_signature(analysis),
        *_about_the_scope(analysis),
        *_about_the_msi(analysis),
        *_about_the_size(analysis),
    ]


def _about_the_kind(analysis: PackageAnalysis) -> list[str]:
    if analysis.technology is Technology.UNKNOWN:
        return ["Find out from the manufacturer how this is installed without questions: its technology is not known."]
    if analysis.technology is Technology.MSI_TRANSFORM:
        return ["Deploy the transform together with its MSI (TRANSFORMS=…): it installs nothing by itself."]
    if analysis.technology is Technology.MERGE_MODULE:
        return ["Ask the manufacturer for an installer: a merge module is a part for building an MSI."]
    if analysis.technology is Technology.MSI_PATCH:
        return ["Deploy the patch only where its product is installed: it changes that, and installs nothing new."]
    install = analysis.switch("install")
    if install is None:
        return ["Find out from the manufacturer how this is installed without questions: no arguments are known."]
    if install.confidence is not Confidence.CERTAIN:
        return ["Try the silent installation on a test computer: its arguments are usual, but not certain."]
    return []


def _about_the_signature(analysis: PackageAnalysis) -> list[str]:
    signature = analysis.signature
    found = []
    if not signature.is_signed and signature.digest is Check.ABSENT:
        found.append("Compare the SHA-256 with the manufacturer's: the package is not signed.")
    if signature.digest is Check.DIFFERS:
        found.append("Do not deploy this file: it was changed after it was signed.")
    if signature.signature is Check.DIFFERS:
        found.append("Do not deploy this file: its signature was not made with the key of its certificate.")
    if signature.chain is Check.DIFFERS:
        found.append("Check who the signer is: the certificate does not lead to a root that the operator has named.")
    return found


def _about_the_scope(analysis: PackageAnalysis) -> list[str]:
    if analysis.scope is Scope.USER:
        return ["Install it in the user's session: it is for one user, and the system account is another one."]
    if analysis.scope is Scope.EITHER:
        return ["State for whom it is installed, in the arguments: the package allows all users or one user."]
    return []


def _about_the_msi(analysis: PackageAnalysis) -> list[str]:
    msi = analysis.msi
    if msi is None or analysis.technology is not Technology.MSI:
        return []
    found = []
    if not analysis.product_code:
        found.append("Ask the manufacturer for a complete package: without a product code, it cannot be uninstalled.")
    if not analysis.upgrade_code:
        found.append("Uninstall earlier versions in the script: the package has no upgrade code to find them by.")
    if elevated := sum(action.is_elevated for action in msi.custom_actions):
        actions = f"{elevated} of {len(msi.custom_actions)}"
        found.append(f"Review the custom actions: {actions} run with the rights of the system.")
    if msi.restarts:
        found.append(f"Plan for a restart of the computer: {msi.restarts[0].lower()}{msi.restarts[1:]}")
    if msi.services:
        names = _first([service.name for service in msi.services])
        found.append(f"Check that the services run after the installation: {names}.")
    if msi.inner_installers:
        found.append(f"Check what the installers inside do: {_first(msi.inner_installers)}.")
    if msi.external_files:
        found.append(f"Deliver the files beside the MSI that it needs: {_first(msi.external_files)}.")
    return found


def _about_the_size(analysis: PackageAnalysis) -> list[str]:
    if analysis.size_bytes <= LARGE_PACKAGE:
        return []
    return [f"Raise the time limits of the deployment: the package has {_megabytes(analysis.size_bytes)}."]


def _megabytes(size: int) -> str:
    return f"{size / _MB:,.0f} MB" if size >= _MB else f"{size:,} bytes"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _first(names: list[str]) -> str:
    """Return the first names in a sentence, and how many more there are."""
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return _listed([*names[:_MOST_NAMES], *more])


def _listed(parts: list[str]) -> str:
    if len(parts) < 3:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"
