"""Names of workflow files. Nothing else is loaded with this module."""

from __future__ import annotations

from pathlib import Path

FILE_NAME = "workflow.yaml"
"""The workflow file of a folder."""
TOOLS_NAME = "tools.py"
"""The module with the tools beside it."""


def is_workflow_file(path: str | Path) -> bool:
    """Return whether a path is that of a YAML file."""
    return Path(path).suffix in (".yaml", ".yml")


def shown_path(file: Path) -> str:
    """Return a path relative to the current folder if it is inside."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
