"""The operator's copy of the toolkit. It is not part of Assent, and none is made up: a package without it says so."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from workflows.package_deployment.delivery.contents import DeliveryError
from workflows.package_deployment.delivery.variables import TOOLKIT_VARIABLE

MODULE = "PSAppDeployToolkit"
LAUNCHER = "Invoke-AppDeployToolkit.exe"
_PARTS = (MODULE, f"{MODULE}.Extensions", "Assets", "Config", "Strings")
"""The folders of the toolkit's template that are copied."""
_VERSION = re.compile(r"^\s*ModuleVersion\s*=\s*['\"](\d+(?:\.\d+){1,3})['\"]", re.MULTILINE | re.IGNORECASE)
_LARGEST_MANIFEST = 1_000_000
_MOST_FILES = 10_000


@dataclass(frozen=True)
class Toolkit:
    """A toolkit of version 4: its version, and its files by their paths in a package, with slashes."""

    version: str
    files: dict[str, Path]

    @property
    def has_launcher(self) -> bool:
        """Whether it has the program that starts scripts."""
        return LAUNCHER in self.files


def operators_toolkit() -> Toolkit | None:
    """Return the toolkit in the folder that the operator names, or None if none is named.

    Raises:
        DeliveryError: the folder is not a toolkit of version 4.
    """
    named = os.environ.get(TOOLKIT_VARIABLE, "")
    return read_toolkit(Path(named)) if named else None


def read_toolkit(folder: Path) -> Toolkit:
    """Return the toolkit in a folder: the template with the module in it, or the folder of the module itself.

    Raises:
        DeliveryError: there is no toolkit of version 4.
    """
    template = folder / MODULE / f"{MODULE}.psd1"
    module = folder / f"{MODULE}.psd1"
    try:
        if template.is_file():
            return Toolkit(_version(template), _template_files(folder))
        if module.is_file():
            return Toolkit(_version(module), _files_below(folder, MODULE))
    except OSError as error:
        raise DeliveryError(f"The toolkit in {TOOLKIT_VARIABLE} cannot be read: {error.strerror}.") from error
    raise DeliveryError(f"{TOOLKIT_VARIABLE} names no folder of the toolkit: it has no {MODULE}\\{MODULE}.psd1.")


def _version(manifest: Path) -> str:
    with manifest.open("rb") as file:
        content = file.read(_LARGEST_MANIFEST)
    for encoding in ("utf-16", "utf-8-sig") if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig",):
        found = _VERSION.search(content.decode(encoding, "replace"))
        if found:
            if found[1].split(".")[0] != "4":
                raise DeliveryError(
                    f"The toolkit in {TOOLKIT_VARIABLE} has version {found[1]}. Scripts need version 4."
                )
            return found[1]
    raise DeliveryError(f"The toolkit in {TOOLKIT_VARIABLE} does not say its version in {MODULE}.psd1.")


def _template_files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    launcher = folder / LAUNCHER
    if launcher.is_file() and not launcher.is_symlink():
        found[LAUNCHER] = launcher
    for part in _PARTS:
        found |= _files_below(folder / part, part)
    return found


def _files_below(folder: Path, prefix: str) -> dict[str, Path]:
    """Return the files below a folder. Links are not followed: what they lead to was not put there."""
    found: dict[str, Path] = {}
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(base, name)
            if path.is_file() and not path.is_symlink():
                found[f"{prefix}/{path.relative_to(folder).as_posix()}"] = path
            if len(found) > _MOST_FILES:
                raise DeliveryError(f"The folder {prefix} of the toolkit has more than {_MOST_FILES} files.")
    return found
