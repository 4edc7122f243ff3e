"""Discovery: the tools of installed packages, and of modules that are named."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import entry_points
from types import ModuleType

from assent.masking import mask_error, mask_text
from assent.toolbox.errors import InvalidToolError, ToolError
from assent.toolbox.model import Tool
from assent.toolbox.registry import Registry

GROUP = "assent.toolbox"
"""Entry points of this group name a module with tools, one tool, or a list of tools."""

_own: Registry | None = None

Load = Callable[[str, Callable[[], list[Tool]]], list[Tool]]
"""Calls the function that loads the place of this name; it may limit the time."""


def installed_places() -> list[str]:
    """Return the places that installed packages name: ``package.module`` or ``package.module:attribute``."""
    return sorted({point.value for point in entry_points(group=GROUP)})


def find_tools(places: Iterable[str], load: Load = lambda _, work: work()) -> Registry:
    """Return a registry of all tools at these places.

    A place that cannot be loaded, or has an invalid tool, is in the registry's `broken`, and stops no other.
    """
    registry = Registry()
    for place in places:
        try:
            for tool in load(place, lambda place=place: tools_at(place)):  # type: ignore[misc]
                registry.add(tool)
        except Exception as error:
            registry.broken[place] = mask_text(str(error)) if isinstance(error, ToolError) else mask_error(error)
    return registry


def tools_at(place: str) -> list[Tool]:
    """Return the tools at a place, in the order in which they are defined there.

    Raises:
        InvalidToolError: there is something else.
        Exception: whatever the import of the module raises.
    """
    name, _, attribute = place.partition(":")
    module = importlib.import_module(name)
    found = getattr(module, attribute) if attribute else module
    if isinstance(found, Tool):
        return [found]
    if isinstance(found, ModuleType):
        # Tools that a module has imported belong to where they are from.
        return [value for value in vars(found).values() if isinstance(value, Tool) and value.source == found.__name__]
    if isinstance(found, list | tuple) and all(isinstance(item, Tool) for item in found):
        return list(found)
    raise InvalidToolError(f"{place} is neither a module, nor a tool, nor a list of tools.")


def use_registry(registry: Registry | None) -> None:
    """Make this the registry of the process, in which workflow files find their tools; None: there is none."""
    global _own
    _own = registry


def has_registry() -> Registry | None:
    """Return the registry of the process; None if it has none of its own."""
    return _own


def process_registry() -> Registry:
    """Return the registry of the process, or else one of the tools of installed packages."""
    return _own if _own is not None else _installed()


@lru_cache(maxsize=1)
def _installed() -> Registry:
    return find_tools(installed_places())
