"""The exceptions of the toolbox; their messages say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assent.errors import AssentError

if TYPE_CHECKING:
    from assent.contracts import Changed


class ToolError(AssentError):
    """Base class of all exceptions about tools.

    Attributes:
        final: whether repeating the call is of no use.
    """

    final = False


class InvalidToolError(ToolError):
    """A tool is not declared correctly, or two tools have the same name and version."""


class UnknownToolError(ToolError, LookupError):
    """There is no such tool, or none of a version that fits."""


class ToolInputError(ToolError, ValueError):
    """The inputs do not fit the tool's input schema. The tool was not called.

    Attributes:
        fields: the problem with each invalid field, by its path, joined by dots.
    """

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        self.message = message
        self.fields = fields
        super().__init__(" ".join([message, *(f"{name}: {words}." for name, words in fields.items())]))


class ToolOutputError(ToolError):
    """The tool returned something that does not fit its output schema.

    It has been executed: what it changes may have been changed.

    Attributes:
        fields: the problem with each invalid field, by its path, joined by dots.
    """

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        self.message = message
        self.fields = fields
        super().__init__(" ".join([message, *(f"{name}: {words}." for name, words in fields.items())]))


class ToolFailedError(ToolError):
    """The tool raised an exception, which is the cause of this one.

    Attributes:
        kind: the name of the exception's class.
        attempts: how often the tool was called.
    """

    def __init__(self, message: str, kind: str, attempts: int = 1) -> None:
        self.kind = kind
        self.attempts = attempts
        super().__init__(message)


class ToolTimeoutError(ToolError, TimeoutError):
    """The tool took longer than its timeout.

    A function that is not async cannot be stopped from outside: it may still be running, and still change something.
    """


class ToolUnavailableError(ToolError):
    """The MCP server of the tool cannot be reached. The tool was not called."""


class ToolChangedError(ToolError):
    """The MCP server says something else about the tool than when the call was proposed. The tool was not called."""

    final = True


class ApprovalRequiredError(ToolError):
    """The tool changes something, and nobody has approved this call."""


class OutcomeUnknownError(ToolError):
    """An earlier attempt at this approved call ended before its result was stored, and repeating it is not safe.

    Whether it was carried out is not known. Somebody has to check.
    """


class BasisChangedError(ToolError):
    """What the approved proposal rests on has changed, or could not be read again. Nothing was called.

    The receipt says so. Look again, and make the proposal again, with `changed`.

    Attributes:
        changed: what has changed; part of the next proposal.
    """

    def __init__(self, message: str, changed: Changed) -> None:
        self.changed = changed
        super().__init__(message)
