"""The loader of workflows from a folder, a file, or an entry point, with the location of errors."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from app.installation import add_folder, workflows_folder
from app.runtime.checks.finding import CheckFinding, raised, shown
from app.runtime.folder import FOLDER, import_folder
from assent.workflow import Workflow


class NoSuchWorkflowError(Exception):
    """The path names nothing that could be a workflow."""


@dataclass(frozen=True)
class Place:
    """The location of a workflow.

    Attributes:
        module: Dotted name of the module.
        name: Name of the workflow in the module.
        file: File of the module.
        folder: Folder of the workflow's own sources.
        root: Folder that has to be on the import path.
    """

    module: str
    name: str
    file: Path
    folder: Path
    root: Path | None


def find(path: str) -> Place:
    """Return the location for a folder, a file, or ``module:NAME``. Raises NoSuchWorkflowError."""
    where = Path(path)
    if where.is_dir() or where.suffix == ".py":
        file = where / "__init__.py" if where.is_dir() else where
        if not file.is_file():
            raise NoSuchWorkflowError(f"{path}: there is no {file.name if where.is_dir() else 'such file'}.")
        file = file.resolve()
        parts = [file.parent.name] if file.name == "__init__.py" else [file.stem]
        root = file.parent.parent if file.name == "__init__.py" else file.parent
        # Other packages end where there is no `__init__.py`; the workflows' folder needs none.
        while (root / "__init__.py").is_file() or root == workflows_folder():
            parts.insert(0, root.name)
            root = root.parent
        folder = file.parent if file.name == "__init__.py" or len(parts) > 1 else file
        return Place(".".join(parts), "WORKFLOW", file, folder, root)
    module, _, name = path.partition(":")
    if not all(part.isidentifier() for part in module.split(".")):
        raise NoSuchWorkflowError(f"{path}: neither a folder, nor a file, nor module:NAME.")
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise NoSuchWorkflowError(f"{path}: there is no module {module}.")
    file = Path(spec.origin)
    return Place(module, name or "WORKFLOW", file, file.parent if file.name == "__init__.py" else file, None)


def load(place: Place) -> Workflow | CheckFinding:
    """Import the workflow. Returns a finding if that fails."""
    if place.root is not None:
        add_folder(place.root)
    try:
        if (
            place.root is not None
            and place.root / FOLDER == workflows_folder()
            and place.module.startswith(f"{FOLDER}.")
        ):
            import_folder(workflows_folder())
        module = importlib.import_module(place.module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return raised(error, "import", "It cannot be imported", place.folder, str(place.file))
    found = getattr(module, place.name, None)
    if isinstance(found, Workflow):
        return found
    words = "is missing" if found is None else f"is a {type(found).__name__}"
    message = f"{place.name} {words}; it must be an assent.Workflow."
    return CheckFinding(shown(str(place.file)), _line_of(place, place.name), "workflow", message)


def line_of_workflow(place: Place) -> int:
    """Return the line of the module that creates the workflow; 1 if that cannot be seen."""
    return _line_of(place, place.name)


def _line_of(place: Place, name: str) -> int:
    for node in ast.parse(place.file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.lineno
    return 1
