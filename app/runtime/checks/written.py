"""The checks of workflows in YAML, where the file itself has the places of mistakes."""

from __future__ import annotations

from pathlib import Path

from app.installation import add_folder, workflows_folder
from app.runtime.checks.finding import CheckFinding, shown
from app.runtime.folder import import_folder
from app.runtime.toolbox import usable_toolbox
from assent.composition.files import FILE_NAME, is_workflow_file
from assent.composition.loading import load_workflow
from assent.composition.mistakes import CompositionError
from assent.workflow import Workflow


def written_file(path: str) -> Path | None:
    """Return the workflow file of a path, if it is one, or a folder with one; None if it is something else."""
    where = Path(path)
    if where.is_dir() and not (where / "__init__.py").is_file() and (where / FILE_NAME).is_file():
        return where / FILE_NAME
    return where if is_workflow_file(where) and where.is_file() else None


def load_written(file: Path) -> Workflow | list[CheckFinding]:
    """Load a workflow file. Returns findings if that fails."""
    if file.resolve().parent.parent == workflows_folder().resolve():
        add_folder(workflows_folder().parent)
        import_folder(workflows_folder())
    try:
        return load_workflow(file, usable_toolbox())
    except CompositionError as error:
        return [
            CheckFinding(
                shown(mistake.file or str(file)), mistake.line, "yaml",
                f"{mistake.field}: {mistake.message}" if mistake.field else mistake.message, column=mistake.column,
            )
            for mistake in error.mistakes
        ]  # fmt: skip
