"""The layout of this copy of the portal: a checkout that is used in place, or an installed wheel.

In a wheel, the same folders are inside one package, whose name is put before theirs
(`docs/decisions/0031-wheels.md`). Paths within them are therefore the same in both.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The folder of `app`, `templates`, `static`, and `migrations`."""
IS_CHECKOUT = "." not in __name__.rpartition(".")[0]
"""True if the modules are top-level ones, not inside another package."""
COMMAND = "bin/assent" if IS_CHECKOUT else "assent"
"""What people type to run the command line."""
PYTHON = (sys.executable, "-P")
"""The interpreter for our own processes. `-P` keeps the current folder, which may have other modules, off the path."""


def child_python_path() -> str:
    """Return the `PYTHONPATH` for our own processes, so that they import this copy of the portal."""
    ours = [str(ROOT)] if IS_CHECKOUT else []
    return os.pathsep.join(filter(None, [*ours, os.environ.get("PYTHONPATH", "")]))


def workflows_folder() -> Path:
    """Return the folder of the packages that are offered as workflows: in the checkout, or in the current folder."""
    return (ROOT if IS_CHECKOUT else Path.cwd()) / "workflows"


def add_folder(folder: Path) -> None:
    """Let workflows import modules of a folder, before installed ones but after Python's own.

    Python itself puts a script's folder first, where a stray `email.py` breaks the standard library.
    """
    if str(folder) in sys.path:
        return
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    place = next((place for place, entry in enumerate(sys.path) if entry in installed), len(sys.path))
    sys.path.insert(place, str(folder))
