"""Calls of tools: validated on the way in and out, limited in time, recorded, and repeated only where that is safe."""

from __future__ import annotations

import asyncio
import contextvars
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, JsonValue

from assent.masking import mask, mask_error, mask_text
from assent.models.errors import StoppedByPeopleError
from assent.toolbox.context import ToolContext, current_context, new_context
from assent.toolbox.errors import (
    ApprovalRequiredError,
    ToolError,
    ToolFailedError,
    ToolInputError,
    ToolOutputError,
    ToolTimeoutError,
)
from assent.toolbox.failures import FailureKind, failure_of
from assent.toolbox.input_warnings import warnings_about
from assent.toolbox.model import Tool
from assent.toolbox.shapes import MisshapenError
from assent.toolbox.uses import CallStatus, ToolUse, record

ATTEMPTS = 3
"""How often a tool that may be repeated is called before its call fails."""
PAUSE_SECONDS = 0.5
"""Pause after the first failure; it doubles with each further one."""
_LONGEST_PAUSE = 60.0
_GRACE_SECONDS = 1.0
"""How much longer than its timeout a coroutine may take to be canceled, before its thread is abandoned."""
_LONGEST_INPUTS = 4_000
_LONGEST_ERROR = 2_000


@dataclass(frozen=True)
class Limits:
    """How often a call is made, how long to wait in between, and how long each attempt may take.

    Attributes:
        attempts: at most so many attempts. A tool that may not be repeated is called once, whatever this says.
        backoff: seconds to wait after the first failure; twice as long after each further one, at most a minute.
        timeout: seconds for each attempt; None: the tool's.
        after_timeouts: whether to repeat after a timeout and a lost connection.
    """

    attempts: int = ATTEMPTS
    backoff: float = PAUSE_SECONDS
    timeout: float | None = None
    after_timeouts: bool = True

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures."""
        return min(self.backoff * 2.0 ** (failures - 1), _LONGEST_PAUSE)

    def repeat_after(self, error: Exception) -> bool:
        """Return whether repeating the call may be of use: never after denied permissions and refused statements."""
        if isinstance(error, ToolError) and error.final:
            return False
        kind = failure_of(error).kind
        return self.after_timeouts if kind is FailureKind.TIMEOUT else kind is FailureKind.OTHER


USUAL = Limits()


@dataclass(frozen=True)
class ToolResult:
    """What a call returned.

    Attributes:
        output: as the tool's code made it: an instance of its output model, or a dict.
        document: the same as JSON.
        warnings: what was odd about the inputs.
        seconds: how long it took, with repetitions.
        attempts: how often the function was called.
    """

    tool: Tool
    output: Any
    document: dict[str, JsonValue]
    warnings: tuple[str, ...]
    seconds: float
    attempts: int


def call(
    tool: Tool, inputs: Mapping[str, Any] | BaseModel, *, limits: Limits = USUAL, notes: tuple[str, ...] = ()
) -> ToolResult:
    """Call a tool that only reads, and return its validated output.

    Tools that change something are called by `assent.toolbox.gates.apply`, with what people approved.

    Args:
        inputs: an object that fits the tool's input schema.
        limits: how often to try, and for how long.
        notes: what people should know about this call; recorded with it, without secrets.

    Raises:
        ApprovalRequiredError: the tool does not only read. Nothing was called.
        ToolInputError, ToolOutputError, ToolFailedError, ToolTimeoutError: as their names say.
    """
    _refuse_changes(tool)
    return run(tool, inputs, limits=limits, notes=notes)


async def acall(tool: Tool, inputs: Mapping[str, Any] | BaseModel, *, limits: Limits = USUAL) -> ToolResult:
    """As `call`, without blocking the event loop."""
    _refuse_changes(tool)
    return await arun(tool, inputs, limits=limits)


def _refuse_changes(tool: Tool) -> None:
    if tool.reads_only:
        return
    error = ApprovalRequiredError(
        f"{tool.name} may change something (effect: {tool.effect.value}): propose the call, and apply what is approved."
    )
    at = _Attempts(tool, USUAL, "")
    at.ended(CallStatus.REFUSED, str(error))
    raise error


def run(
    tool: Tool, inputs: Any, *, limits: Limits = USUAL, request_id: str = "", notes: tuple[str, ...] = ()
) -> ToolResult:
    """Call a tool, whatever it changes. The caller is responsible for its approval. Raises as `call`."""
    attempts = _Attempts(tool, limits, request_id, notes)
    value = attempts.validated(inputs)
    while True:
        context = attempts.begins()
        try:
            returned = _within(attempts.seconds, tool, value, context)
        except BaseException as error:
            time.sleep(attempts.failed(error))
        else:
            return attempts.succeeded(returned)


async def arun(tool: Tool, inputs: Any, *, limits: Limits = USUAL, request_id: str = "") -> ToolResult:
    """As `run`, without blocking the event loop: a function that is not async runs in a thread."""
    attempts = _Attempts(tool, limits, request_id)
    value = attempts.validated(inputs)
    while True:
        context = attempts.begins()
        try:
            returned = await _awaited(attempts.seconds, tool, value, context)
        except BaseException as error:
            await asyncio.sleep(attempts.failed(error))
        else:
            return attempts.succeeded(returned)


@contextmanager
def recorded(tool: Tool, inputs: Mapping[str, Any], *, request_id: str = "") -> Iterator[None]:
    """Record the block as a call of a tool, for a step that does the tool's work itself.

    The call is on the run's page and is counted on the tool's, like any other. Nothing is validated, limited in time,
    or repeated, and exceptions pass. It is up to the step that what requires approval has it.

    Args:
        inputs: what the tool would get; recorded without secrets.
        request_id: the request in which people approved it, if they did.
    """
    attempts = _Attempts(tool, USUAL, request_id, inputs=dict(inputs))
    token = current_context.set(attempts.begins())
    try:
        yield
    except Exception as error:
        if not _belongs_to_langgraph(error):
            attempts.ended(CallStatus.FAILED, _told(error))
        raise
    else:
        attempts.ended(CallStatus.OK, "")
    finally:
        current_context.reset(token)


class _Attempts:
    """The attempts at one call, and its record."""

    def __init__(
        self, tool: Tool, limits: Limits, request_id: str, notes: tuple[str, ...] = (), inputs: Any = None
    ) -> None:
        self._tool = tool
        self._limits = limits
        self._most = limits.attempts if tool.may_repeat else 1
        self._request_id = request_id
        context = new_context()
        self._context = replace(context, changes=context.changes or not tool.reads_only)
        self._count = 0
        self._began_at = datetime.now(UTC)
        self._began = time.perf_counter()
        self._inputs: Any = inputs
        self._warnings = notes
        self.seconds = tool.timeout if limits.timeout is None else limits.timeout

    def validated(self, inputs: Any) -> Any:
        """Return the inputs as the tool takes them. Raises ToolInputError."""
        try:
            value = self._tool.takes.read(inputs)
            self._inputs = self._tool.takes.document(value)
        except MisshapenError as misfit:
            error = ToolInputError(f"The inputs do not fit {self._tool.name}.", _named(misfit))
            self.ended(CallStatus.INVALID_INPUT, str(error))
            raise error from misfit
        left_out = self._tool.takes.ignored(inputs)
        self._warnings += tuple(warnings_about(self._tool, value, self._inputs, left_out))
        return value

    def begins(self) -> ToolContext:
        """Return the context of the next attempt."""
        self._count += 1
        return replace(self._context, attempt=self._count)

    def failed(self, error: BaseException) -> float:
        """Return the seconds to wait until the next attempt. Raises if there is none."""
        if not isinstance(error, Exception) or _belongs_to_langgraph(error):
            raise error
        if isinstance(error, StoppedByPeopleError):
            self.ended(CallStatus.FAILED, str(error))
            raise error
        if self._count < self._most and self._limits.repeat_after(error):
            return self._limits.pause(self._count)
        timed_out = isinstance(error, ToolTimeoutError)
        self.ended(CallStatus.TIMED_OUT if timed_out else CallStatus.FAILED, _told(error))
        if isinstance(error, ToolError):
            raise error
        times = f" in {self._count} attempts" if self._count > 1 else ""
        message = f"{self._tool.name} failed{times}: {_told(error)}"
        raise ToolFailedError(message, type(error).__name__, self._count) from error

    def succeeded(self, returned: Any) -> ToolResult:
        """Return the result of a call that returned something. Raises ToolOutputError."""
        try:
            output = self._tool.returns.read(returned)
            document = self._tool.returns.document(output)
        except MisshapenError as misfit:
            error = ToolOutputError(f"What {self._tool.name} returned does not fit its output schema.", _named(misfit))
            self.ended(CallStatus.INVALID_OUTPUT, str(error))
            raise error from misfit
        seconds = self.ended(CallStatus.OK, "")
        return ToolResult(self._tool, output, document, self._warnings, seconds, self._count)

    def ended(self, status: CallStatus, error: str) -> float:
        """Record the call, and return the seconds that it took."""
        seconds = time.perf_counter() - self._began
        context = self._context
        record(ToolUse(
            tool=self._tool.name, version=self._tool.version, status=status, began=self._began_at, seconds=seconds,
            attempts=self._count, inputs=_shown(self._inputs), error=mask_text(error)[:_LONGEST_ERROR],
            warnings=self._warnings, call_id=context.call_id, parent_id=context.parent_id, run_id=context.run_id,
            node=context.node, request_id=self._request_id,
        ))  # fmt: skip
        return seconds


def _called(seconds: float, tool: Tool, value: Any, context: ToolContext) -> Any:
    """Call the function here. A coroutine function gets an event loop of its own, and is canceled when it is late."""
    if tool.is_async:
        return asyncio.run(_awaited(seconds, tool, value, context))
    token = current_context.set(context)
    try:
        return tool.function(value, context) if tool.takes_context else tool.function(value)
    finally:
        current_context.reset(token)


async def _awaited(seconds: float, tool: Tool, value: Any, context: ToolContext) -> Any:
    if not tool.is_async:
        return await asyncio.to_thread(_within, seconds, tool, value, context)
    token = current_context.set(context)
    try:
        made = tool.function(value, context) if tool.takes_context else tool.function(value)
        return await asyncio.wait_for(made, seconds)
    except TimeoutError as error:
        raise _too_slow(tool, seconds, stopped=True) from error
    finally:
        current_context.reset(token)


def _within(seconds: float, tool: Tool, value: Any, context: ToolContext) -> Any:
    """Call the function in a thread of its own, which is abandoned after so many seconds. Raises ToolTimeoutError."""
    returned: list[Any] = []
    raised: list[BaseException] = []
    here = contextvars.copy_context()

    def body() -> None:
        try:
            returned.append(here.run(_called, seconds, tool, value, context))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body, name=f"tool {tool.name}", daemon=True)
    thread.start()
    thread.join(seconds + _GRACE_SECONDS if tool.is_async else seconds)
    if raised:
        raise raised[0]
    if not returned:
        raise _too_slow(tool, seconds, stopped=False)
    return returned[0]


def _too_slow(tool: Tool, seconds: float, *, stopped: bool) -> ToolTimeoutError:
    doubt = "It may have been carried out all the same." if stopped else "It may still be running."
    words = f"{tool.name} has not finished after {seconds:g} s."
    return ToolTimeoutError(words if tool.reads_only else f"{words} {doubt}")


def _belongs_to_langgraph(error: Exception) -> bool:
    """Return whether LangGraph raised this to suspend or steer the graph."""
    errors = sys.modules.get("langgraph.errors")
    return errors is not None and isinstance(error, errors.GraphBubbleUp)


def _told(error: BaseException) -> str:
    return " ".join(str(error).split()) if isinstance(error, ToolError) else mask_error(error)


def _named(misfit: MisshapenError) -> dict[str, str]:
    return {name or "the value": words for name, words in misfit.fields.items()}


def _shown(inputs: Any) -> str:
    """Return the inputs as masked JSON text, cut after it was masked, so that no secret is cut in half and missed."""
    if inputs is None:
        return ""
    masked, _ = mask(inputs)
    text = json.dumps(masked, ensure_ascii=False)
    return text if len(text) <= _LONGEST_INPUTS else f"{text[:_LONGEST_INPUTS]}…"
