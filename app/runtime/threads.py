"""Waiting in a step's thread for what the worker's event loop does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopWork:
    """Lets the steps of a run, which are in threads, wait for work on the event loop that makes this object."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def wait(self, work: Coroutine[Any, Any, T], called: str) -> T:
        """Return what the work returns.

        Args:
            called: the function of the SDK that the step has called.

        Raises:
            RuntimeError: an async step has called it, on the event loop itself.
        """
        if threading.get_ident() == self._thread:
            work.close()
            raise RuntimeError(
                f"An async step must call `a{called}` instead of `{called}`, which would block the worker."
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
