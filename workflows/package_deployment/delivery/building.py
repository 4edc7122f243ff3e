"""A package from the approved script: its files, checked against what was analyzed and approved."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.package_deployment.delivery.commands import SCRIPT
from workflows.package_deployment.delivery.configuration_manager import configuration_manager_description
from workflows.package_deployment.delivery.contents import DeliveryError, PackageContents, needed_files
from workflows.package_deployment.delivery.intune import intune_description
from workflows.package_deployment.delivery.layout import (
    MANIFEST,
    Entry,
    entry,
    package_name,
    with_manifest,
    write_folder,
    write_zip,
)
from workflows.package_deployment.delivery.report import write_report
from workflows.package_deployment.delivery.toolkit_folder import MODULE, Toolkit
from workflows.package_deployment.delivery.variables import OUTPUT_VARIABLE, TOOLKIT_VARIABLE
from workflows.package_deployment.scripts.detection import Target, detection_script
from workflows.package_deployment.scripts.digests import script_bytes, script_digest
from workflows.package_deployment.scripts.planning import application_name, installer_name
from workflows.package_deployment.scripts.rendering import TOOLKIT_VERSION
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.findings import Level

DOCUMENTS = "Documentation"
"""The folder of the package for what people and management systems need, and computers do not."""


@dataclass(frozen=True)
class Package:
    """All files of a package, ready to be written."""

    name: str
    entries: list[Entry]
    missing: list[str]
    script_sha256: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(item.size for item in self.entries)

    @property
    def manifest_sha256(self) -> str:
        """The digest of the manifest, which has the digests of all other files."""
        return next(item.sha256 for item in self.entries if item.path == MANIFEST)

    def write_folder(self, under: Path) -> Path:
        """Write the package as a folder below another one, and return it."""
        return write_folder(self.entries, self.name, under)

    def write_zip(self, path: Path) -> None:
        """Write the package as a ZIP."""
        write_zip(self.entries, path)


def output_folder() -> Path | None:
    """Return the folder that the operator names for packages, or None: then only ZIPs are delivered."""
    named = os.environ.get(OUTPUT_VARIABLE, "")
    return Path(named) if named else None


def build_package(
    contents: PackageContents, installer: Path, toolkit: Toolkit | None, further: Mapping[str, Path] | None = None
) -> Package:
    """Return the files of a package.

    Args:
        installer: The file that was analyzed.
        toolkit: The operator's toolkit; without it, the package has none and says so.
        further: Other files that the script needs, such as transforms, by their names.

    Raises:
        DeliveryError: the script is not the approved one, or has errors; the installer is not the analyzed one; or a
            file cannot be used.
    """
    digest = script_digest(contents.script)
    if digest != contents.approved_sha256:
        raise DeliveryError(f"The script is not the approved one: its SHA-256 is {digest}.")
    errors = [item for item in check_script(contents.script, contents.analysis) if item.level is Level.ERROR]
    if errors:
        raise DeliveryError(f"The script has errors, the first in line {errors[0].line}: {errors[0].words}")
    files = _files(contents, installer, toolkit)
    missing = _missing(contents, toolkit, further or {}, files)
    size = sum(item.size for item in files)
    entries = with_manifest([*files, *_documents(contents, toolkit, missing, size)], _about(contents, toolkit, missing))
    name = package_name(application_name(contents.analysis), contents.analysis.version, entries)
    return Package(name, entries, missing, digest)


def _files(contents: PackageContents, installer: Path, toolkit: Toolkit | None) -> list[Entry]:
    """Return the files that computers need."""
    program = entry(f"Files/{installer_name(contents.analysis)}", installer)
    if program.sha256 != contents.analysis.sha256.lower():
        raise DeliveryError("The installer is not the one that was analyzed: its SHA-256 is another.")
    files = [entry(SCRIPT, script_bytes(contents.script)), program]
    if toolkit:
        files += [entry(path, source) for path, source in toolkit.files.items()]
    return files


def _missing(
    contents: PackageContents, toolkit: Toolkit | None, further: Mapping[str, Path], files: list[Entry]
) -> list[str]:
    """Add the further files that the script needs, and say which are not there."""
    missing = []
    if toolkit is None:
        missing.append(
            f"The toolkit: put {MODULE} {TOOLKIT_VERSION} with its launcher into this folder, or name it in "
            f"{TOOLKIT_VARIABLE}."
        )
    elif toolkit.version != TOOLKIT_VERSION:
        missing.append(f"The toolkit has version {toolkit.version}; the script was checked against {TOOLKIT_VERSION}.")
    elif not toolkit.has_launcher:
        missing.append("The toolkit has no launcher (Invoke-AppDeployToolkit.exe), so the commands start PowerShell.")
    given = {name.casefold(): path for name, path in further.items()}
    for folder, names in needed_files(contents.plan, contents.analysis).items():
        for name in names:
            if path := given.get(name.casefold()):
                files.append(entry(f"{folder}/{name}", path))
            elif name.casefold() != installer_name(contents.analysis).casefold():
                missing.append(f"{folder}\\{name}, which the script uses.")
    return missing


def _documents(contents: PackageContents, toolkit: Toolkit | None, missing: list[str], size: int) -> list[Entry]:
    texts: dict[str, bytes] = {
        "report.md": write_report(contents, toolkit, missing).encode(),
        "intune.json": _json(intune_description(contents, toolkit, size)),
        "configuration-manager.json": _json(configuration_manager_description(contents, toolkit)),
        "Detect-Intune.ps1": script_bytes(detection_script(contents.detection, Target.INTUNE)),
        "Detect-ConfigurationManager.ps1": script_bytes(
            detection_script(contents.detection, Target.CONFIGURATION_MANAGER)
        ),
    }
    return [entry(f"{DOCUMENTS}/{name}", text) for name, text in texts.items()]


def _about(contents: PackageContents, toolkit: Toolkit | None, missing: list[str]) -> dict[str, object]:
    return {
        "format": 1,
        "product": application_name(contents.analysis),
        "version": contents.analysis.version,
        "script": {"path": SCRIPT, "sha256": contents.approved_sha256},
        "toolkit": toolkit.version if toolkit else None,
        "missing": missing,
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
