"""Names that a package exports and loads only when they are used.

The portal's web process must load neither an HTTP client nor, above all, LangGraph; and `assent hook`, which starts
before each tool call of a coding agent, not even pydantic.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def late_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that exports names of its modules.

    Args:
        modules: the names that each module defines, with spaces in between.
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return load
