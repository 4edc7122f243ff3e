"""The toolbox of this process: tools of installed packages, and of the modules `tools` in the folder `workflows`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from app.installation import workflows_folder
from app.runtime.folder import FOLDER, import_folder
from app.runtime.loading import PATIENCE_SECONDS, LoadError, told, within
from assent.composition.files import FILE_NAME
from assent.toolbox.discovery import find_tools, has_registry, installed_places, use_registry
from assent.toolbox.errors import InvalidToolError, ToolError
from assent.toolbox.model import Tool
from assent.toolbox.registry import Registry

SETTING = "ASSENT_TOOL_SERVERS"


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


def usable_toolbox() -> Registry:
    """Return the registry of the process if it has one, or else what `find_toolbox` finds."""
    registry = has_registry()
    return registry if registry is not None else find_toolbox()


@contextmanager
def opened_toolbox(tool_servers: str, patience: float | None = None) -> Iterator[Registry]:
    """Yield all tools that can be called here, those of MCP servers among them, as the registry of the process.

    Args:
        tool_servers: The file that lists the servers; empty: there are none. If it cannot be used, that is in `broken`.
        patience: Seconds to wait for the servers; None: as long as the slowest may take.
    """
    registry = find_toolbox()
    with ExitStack() as stack:
        if tool_servers:
            try:
                # The library for MCP is an extra, and takes a while to load.
                from assent.toolbox.mcp_entries import read_servers
                from assent.toolbox.mcp_servers import ToolServers

                servers = stack.enter_context(ToolServers(read_servers(tool_servers)))
            except (ToolError, ImportError) as error:
                registry.broken[SETTING] = told(error) if isinstance(error, ImportError) else str(error)
            else:
                servers.attach_to(registry, patience)
        use_registry(registry)
        stack.callback(use_registry, None)
        yield registry


def _places_in_folder(patience: float) -> list[str]:
    """Return ``workflows.<name>.tools`` for each folder that has one: a package, a workflow in YAML, or only tools.

    Raises:
        LoadError: The folder cannot be imported.
    """
    folder = workflows_folder()
    if not folder.is_dir():
        return []
    packages = {module.name for module in pkgutil.iter_modules([str(folder)]) if module.ispkg}
    for file in (FILE_NAME, "tools.py"):
        packages |= {found.parent.name for found in folder.glob(f"*/{file}") if found.parent.name.isidentifier()}
    named = [
        name for name in sorted(packages) if any((folder / name / tools).exists() for tools in ("tools.py", "tools"))
    ]
    if named:
        within(patience, f"The import of {FOLDER}", partial(import_folder, folder))
    return [f"{FOLDER}.{name}.tools" for name in named]
