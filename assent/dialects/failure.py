"""Error checkpoints: when a step fails after its retries, people decide what to do."""

from __future__ import annotations

import traceback
from enum import StrEnum
from typing import Any

from assent.contracts import Outcome
from assent.dialects.base import EndRun, Pending, Seen, UnfitAnswerError, refused
from assent.masking import mask_text

MAX_TRACE = 8_000


class ErrorAction(StrEnum):
    """What people can choose for a failed step."""

    RETRY = "retry"
    SKIP = "skip"
    ABORT = "abort"


class FailureDialect:
    """Not an interrupt, but created by the runtime when a node raised. Answered with an `ErrorAction`."""

    name = "error"
    alone = False
    may_be_passed_over = False
    acts = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        return None

    def answer(self, outcome: Outcome, pending: Pending) -> ErrorAction | EndRun:
        if end := refused(outcome):
            return end
        try:
            action = ErrorAction(outcome.answer["action"])  # type: ignore[index, arg-type, call-overload]
        except (KeyError, TypeError, ValueError) as error:
            raise UnfitAnswerError(f"not one of {', '.join(ErrorAction)}") from error
        ending = f": {outcome.comment}" if outcome.comment else "."
        return EndRun(f"Aborted after the step failed{ending}") if action is ErrorAction.ABORT else action


def failure_document(node: str, title: str, error: BaseException | str, skippable: bool) -> dict[str, Any]:
    """Return what reviewers see of a failed step."""
    trace = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else str(error)
    kind = type(error).__name__ if isinstance(error, BaseException) else "Error"
    choices = [action.value for action in ErrorAction if skippable or action is not ErrorAction.SKIP]
    return {
        "kind": "error",
        "title": f"“{title}” failed: {mask_text(_first_line(error, kind))}"[:200],
        "node": node,
        "error": kind,
        "message": mask_text(str(error))[:MAX_TRACE],
        # Masked before it is cut: half a secret would not be recognized.
        "trace": mask_text(trace)[-MAX_TRACE:],
        "choices": choices,
    }


def failure_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the answer: one of the possible actions."""
    return {
        "type": "object",
        "properties": {"action": {"title": "What now?", "enum": document["choices"]}},
        "required": ["action"],
        "additionalProperties": False,
    }


def _first_line(error: BaseException | str, kind: str) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else kind
