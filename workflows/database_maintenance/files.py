"""Files and folders that a run may name: those inside one directory, which the operator configures.

Whoever may start a run chooses its input. A name in it must not reach what else the worker's account can read or write.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ASSENT_MAINTENANCE_DIR"


class OutsideError(ValueError):
    """A name leads out of the directory; the message repeats the name as given, and nothing about the worker's disk."""


def base_directory() -> Path:
    """The operator's directory: ``ASSENT_MAINTENANCE_DIR``, else ``maintenance`` in ``ASSENT_DATA_DIR``."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return Path(os.environ.get("ASSENT_DATA_DIR") or ".data") / "maintenance"


def inside(name: str) -> Path:
    """The absolute path of what a run's input names, links resolved; it need not exist.

    Args:
        name: relative to the operator's directory, or an absolute path in it.

    Raises:
        OutsideError: it is not inside the directory once links are resolved, or is no usable name.
    """
    base = base_directory()
    try:
        root = base.resolve()
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a null character, a name too long
        raise OutsideError(f"{name[:200]!r} cannot be used as a name in the maintenance directory.") from error
    if not path.is_relative_to(root):
        raise OutsideError(f"{name[:200]!r} is outside the directory that runs may use files of ({VARIABLE}).")
    return path
