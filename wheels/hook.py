"""What Hatchling calls to make the portal's wheel."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TOP = Path(__file__).resolve().parents[1]


class PortalHook(BuildHookInterface):
    """Gives Hatchling the files of the wheel instead of what it would find in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files of the wheel to a folder that lasts as long as the build."""
        if version == "editable":
            raise RuntimeError("A checkout is used in place, without being installed: bin/setup makes its environment.")
        sys.path.insert(0, str(TOP))
        try:
            from wheels.tree import files
        finally:
            sys.path.remove(str(TOP))

        subprocess.run([str(TOP / "bin" / "build"), "--if-needed"], check=True)  # noqa: S603
        self._folder = tempfile.TemporaryDirectory(prefix="assent-wheel-")
        for name, content in files(TOP):
            path = Path(self._folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            build_data["force_include"][str(path)] = name
        # Not in pyproject.toml, where it would be a second place that says the version, and where the tool that locks
        # what the checkout needs would look for the SDK at the package index.
        build_data["dependencies"].append(f"assent-sdk=={self.metadata.version}")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        self._folder.cleanup()
