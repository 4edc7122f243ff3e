"""The toolbox of this process: tools of installed packages, and of the modules `tools` in the folder `workflows`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import partial

from app.installation import workflows_folder
from app.runtime.folder import FOLDER, import_folder
from app.runtime.loading import PATIENCE_SECONDS, LoadError, within
from assent.composition.loading import FILE_NAME
from assent.toolbox.discovery import find_tools, installed_places
from assent.toolbox.errors import InvalidToolError
from assent.toolbox.model import Tool
from assent.toolbox.registry import Registry


def find_toolbox(patience: float = PATIENCE_SECONDS) -> Registry:
    """Return all tools that are installed here. What cannot be loaded is in `broken`, and stops nothing else.

    Args:
        patience: Seconds to wait for the import of each module.
    """
    problem = ""
    places = installed_places()
    try:
        places += _places_in_folder(patience)
    except LoadError as error:
        problem = str(error)

    def load(place: str, work: Callable[[], list[Tool]]) -> list[Tool]:
        try:
            return within(patience, f"The import of {place}", work)
        except LoadError as error:
            raise InvalidToolError(str(error)) from error

    registry = find_tools(places, load)
    if problem:
        registry.broken[FOLDER] = problem
    return registry


def _places_in_folder(patience: float) -> list[str]:
    """Return ``workflows.<name>.tools`` for each package, and each folder of a workflow in YAML, that has one.

    Raises:
        LoadError: The folder cannot be imported.
    """
    folder = workflows_folder()
    if not folder.is_dir():
        return []
    packages = {module.name for module in pkgutil.iter_modules([str(folder)]) if module.ispkg}
    packages |= {file.parent.name for file in folder.glob(f"*/{FILE_NAME}")}
    named = [
        name for name in sorted(packages) if any((folder / name / tools).exists() for tools in ("tools.py", "tools"))
    ]
    if named:
        within(patience, f"The import of {FOLDER}", partial(import_folder, folder))
    return [f"{FOLDER}.{name}.tools" for name in named]
