"""Files and folders that a run may name: those inside one directory, which the operator configures.

People who may start a run choose its input. A name in it must not lead to other files of the worker's account.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ASSENT_MAINTENANCE_DIR"


class OutsideError(ValueError):
    """A name leads out of the directory; the message contains only the name as given, and nothing about the disk."""


def base_directory() -> Path:
    """Return the operator's directory: ``ASSENT_MAINTENANCE_DIR``, or ``maintenance`` in ``ASSENT_DATA_DIR``."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return Path(os.environ.get("ASSENT_DATA_DIR") or ".data") / "maintenance"


def inside(name: str) -> Path:
    """Return the absolute path for a name in a run's input, with links resolved; it need not exist.

    Args:
        name: relative to the operator's directory, or an absolute path in it.

    Raises:
        OutsideError: it is outside the directory once links are resolved, or the name is not usable.
    """
    base = base_directory()
    try:
        root = base.resolve()
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a null character, a name too long
        raise OutsideError(f"{name[:200]!r} cannot be used as a name in the maintenance directory.") from error
    if not path.is_relative_to(root):
        raise OutsideError(f"{name[:200]!r} is outside the directory whose files runs may use ({VARIABLE}).")
    return path
