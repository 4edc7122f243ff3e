"""The exceptions of the sandbox; their messages say what to do."""

from __future__ import annotations

from assent.errors import AssentError


class SandboxError(AssentError):
    """Base class of all exceptions of the sandbox."""


class SandboxUnavailableError(SandboxError):
    """There is no working sandbox on this machine. Nothing was run, because nothing is run without one."""


class SandboxLimitError(SandboxError):
    """The function was stopped because it reached a limit.

    Attributes:
        limit: ``time``, ``memory``, or ``size``.
    """

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


class SandboxFailedError(SandboxError):
    """The function raised an exception, its process crashed, or its result cannot be read.

    Attributes:
        kind: the name of the exception's class, such as ``ValueError``; empty after a crash.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind
