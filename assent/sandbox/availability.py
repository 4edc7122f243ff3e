"""Whether there is a sandbox on this machine, for tools that need one."""

from __future__ import annotations

import threading
import time

from assent.sandbox.calls import run_in_sandbox
from assent.sandbox.errors import SandboxError
from assent.toolbox.model import Dependency

NAME = "a sandbox (bubblewrap)"
_SECONDS = 60.0
_lock = threading.Lock()
_answer: tuple[float, Dependency] | None = None


def sandbox_dependencies() -> list[Dependency]:
    """Return whether the sandbox works, for the `dependencies` of a tool. It is tried at most once a minute."""
    global _answer
    with _lock:
        if _answer is None or time.monotonic() - _answer[0] > _SECONDS:
            _answer = (time.monotonic(), _tried())
        return [_answer[1]]


def _tried() -> Dependency:
    try:
        run_in_sandbox("assent.sandbox.attempt:nothing", code=["assent"])
    except SandboxError as error:
        return Dependency(NAME, False, str(error))
    return Dependency(NAME, True, "works")
