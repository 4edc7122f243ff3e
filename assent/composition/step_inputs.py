"""The inputs of a step's call, or of each row's call, from the values of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assent.composition.linking import LONGEST_LIST, LinkedStep
from assent.composition.scopes import Scope, State, Values
from assent.toolbox.errors import ToolError
from assent.toolbox.model import Tool
from assent.toolbox.shapes import MisshapenError

MOST_READ_ROWS = 1_000
"""Most rows of a step that only reads."""


class StepFailedError(ToolError):
    """A step could not be executed; the message says why."""


@dataclass(frozen=True)
class Skip:
    """The step is not executed; the reason is shown with its result."""

    reason: str


def prepared_inputs(linked: LinkedStep, scope: Scope, state: State) -> list[Any] | Skip:
    """Return the inputs of the call, or of each row's.

    Raises:
        MissingValueError, UndecidedError, StepFailedError: they cannot be determined.
    """
    step, values = linked.step, Values(scope, state)
    if linked.condition is not None and not values.is_true(linked.condition):
        return Skip(f"The condition is not true: {step.when}")
    if linked.rows is None:
        inputs = _inputs(linked, values)
        return inputs if isinstance(inputs, Skip) else [inputs]
    entries = linked.rows.resolve(values)
    if values.missing:
        return _without(values)
    most = LONGEST_LIST if linked.asks else MOST_READ_ROWS
    if not isinstance(entries, list) or len(entries) > most:
        words = f"{len(entries):,} entries; at most {most:,}" if isinstance(entries, list) else "no list, which"
        raise StepFailedError(f"{step.for_each} has {words} are possible.")
    found = []
    for index, item in enumerate(entries):
        inputs = _inputs(linked, Values(scope, state, {"item": item, "index": index}))
        if isinstance(inputs, Skip):
            return inputs
        found.append(inputs)
    return found


def _inputs(linked: LinkedStep, values: Values) -> Any:
    inputs = linked.inputs.resolve(values)
    if values.missing and (values.missing_in_text or not _fit(linked.tool, inputs)):
        return _without(values)
    return inputs


def _without(values: Values) -> Skip:
    return Skip(f"{values.missing[0]} has no value, because that step has no output.")


def _fit(tool: Tool | None, inputs: Any) -> bool:
    assert tool is not None
    try:
        tool.takes.read(inputs)
    except MisshapenError:
        return False
    return True
