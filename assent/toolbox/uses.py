"""Records of calls: each call of a tool is passed to those that record calls here, and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

log = logging.getLogger(__name__)


class CallStatus(StrEnum):
    """How a call ended."""

    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    INVALID_INPUT = "invalid_input"
    INVALID_OUTPUT = "invalid_output"
    REFUSED = "refused"


@dataclass(frozen=True)
class ToolUse:
    """One call of a tool, without secrets.

    Attributes:
        began: when it was made, in UTC.
        seconds: how long it took, with repetitions.
        attempts: how often the function was called; 0 if it was not.
        inputs: the inputs as JSON text, masked and cut.
        error: why it failed, masked; empty if it did not.
    """

    tool: str
    version: str
    status: CallStatus
    began: datetime
    seconds: float
    attempts: int
    inputs: str
    error: str
    warnings: tuple[str, ...]
    call_id: str
    parent_id: str
    run_id: str
    node: str
    request_id: str = ""


Recorder = Callable[[ToolUse], None]
_recorder: ContextVar[Recorder | None] = ContextVar("assent_tool_recorder", default=None)


@contextmanager
def recording_to(recorder: Recorder) -> Iterator[None]:
    """Pass the calls within the block to `recorder`, which must not raise and may be called from several threads."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


def record(use: ToolUse) -> None:
    """Log a call, and pass it to the recorder if there is one."""
    level = logging.INFO if use.status is CallStatus.OK else logging.WARNING
    log.log(
        level, "tool %s@%s: %s after %.3f s%s", use.tool, use.version, use.status.value, use.seconds,
        f": {use.error}" if use.error else "",
    )  # fmt: skip
    recorder = _recorder.get()
    if recorder is None:
        return
    try:
        recorder(use)
    except Exception:
        log.exception("The call of %s could not be recorded.", use.tool)
