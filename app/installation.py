"""How this copy of the portal is laid out: a checkout that is used in place, or an installed wheel.

In a wheel the same folders lie inside one package, which gets its own name put before all of theirs
(`docs/decisions/0031-wheels.md`). Paths within them are therefore the same in both.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""Above `app`, `templates`, `static`, and `migrations`."""
IS_CHECKOUT = "." not in __name__.rpartition(".")[0]
"""The modules are top-level ones, and not inside another package."""
COMMAND = "bin/assent" if IS_CHECKOUT else "assent"
"""What people type to run the command line."""
PYTHON = (sys.executable, "-P")
"""Our interpreter, for processes of our own. `-P` keeps the current folder, where others' modules lie, off its path."""


def child_python_path() -> str:
    """`PYTHONPATH` for processes of our own, in which the portal is what it is here."""
    ours = [str(ROOT)] if IS_CHECKOUT else []
    return os.pathsep.join(filter(None, [*ours, os.environ.get("PYTHONPATH", "")]))


def workflows_folder() -> Path:
    """The folder whose packages are offered as workflows: the checkout's, or `workflows` in the current folder."""
    return (ROOT if IS_CHECKOUT else Path.cwd()) / "workflows"


def add_folder(folder: Path) -> None:
    """Let workflows import modules of a folder, ahead of installed ones but behind Python's own.

    Python itself puts the folder of a script first, so that a stray `email.py` there breaks the standard library.
    """
    if str(folder) in sys.path:
        return
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    place = next((place for place, entry in enumerate(sys.path) if entry in installed), len(sys.path))
    sys.path.insert(place, str(folder))
