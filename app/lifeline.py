"""A lifeline that prevents orphans: child processes end when their parent has ended, even after ``kill -9``."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable

PARENT_VARIABLE = "ASSENT_SUPERVISOR"
"""Set by `assent serve` for its children: the ID of the process with which they end."""

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 1.0


def die_with_parent_hook(number: int) -> Callable[[], None] | None:
    """Return a function that a child runs between fork and exec so that the kernel signals it when its parent ends.

    Args:
        number: The signal to send.

    Returns:
        The function; None if the kernel does not support this.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork: afterwards locks may be held
    parent = os.getpid()

    def hook() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return hook


def follow_supervisor() -> None:
    """End this process when its supervisor ends, if it has one and the kernel does not do this."""
    supervisor = os.environ.get(PARENT_VARIABLE, "")
    if not supervisor.isdigit() or sys.platform.startswith("linux"):
        return

    def watch() -> None:
        while os.getppid() == int(supervisor):
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
