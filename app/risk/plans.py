"""Reading a plan: what its steps would do, and whether they require their own approval before they do it.

What the agent says about a step (its effect, and whether it has a gate) can raise the risk, but never lower it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from app.domain.plans import refers, tool_of
from app.risk.reading import Reading
from app.risk.resemblance import call_text, second_opinion
from app.risk.rules import declare
from app.risk.text import fields_findings, strings_in
from app.risk.tools import is_ordinary, read_call
from assent.composition.references import ReferenceSyntaxError, Whole, template_of
from assent.contracts import RiskLevel
from assent.effects import Effect

DESTROYS = declare("plan.destroys", RiskLevel.HIGH, "A step of a plan destroys something.")
WRITES = declare("plan.writes", RiskLevel.MEDIUM, "A step of a plan changes something.")
UNGATED = declare("plan.ungated", RiskLevel.HIGH, "A step of a plan changes something without an approval of its own.")
WORKFLOW = declare(
    "plan.workflow", RiskLevel.MEDIUM, "A step of a plan is a workflow, whose steps have not been read.", unread=True
)
EFFECT_UNKNOWN = declare(
    "plan.effect_unknown", RiskLevel.HIGH, "A step of a plan does not say what it changes.", unread=True
)
OPEN = declare(
    "plan.open", RiskLevel.MEDIUM,
    "A step of a plan acts on the output of an earlier step without an approval of its own.", unread=True,
)  # fmt: skip


def read_step(step: Mapping[str, Any], reading: Reading, first: int) -> None:
    """Read a step of a plan. The caller gives its id to the findings.

    Args:
        first: The number of findings before the plan's first step.
    """
    reading.take(fields_findings(strings_in({name: value for name, value in step.items() if name != "inputs_schema"})))
    if tool := tool_of(step):
        # The own approval of a step shows what its inputs refer to, so here only the rest of them is read.
        inputs = _without_references(step.get("inputs")) if _is_gated(step) else step.get("inputs")
        told = call_text(tool, inputs), is_ordinary(tool, inputs)
        with nullcontext() if _is_gated(step) else second_opinion(reading, *told):
            read_call(tool, inputs, reading, first)
    else:
        name = str(step.get("workflow") or "without a name")[:100]
        reading.add(WORKFLOW, f"This runs the workflow {name}, whose own steps have not been read.")
    _read_effect(step, reading)


def _is_gated(step: Mapping[str, Any]) -> bool:
    return step.get("gated", True) is True


def _without_references(value: Any) -> Any:
    """The value without the texts in it that are nothing but a reference: a longer text could hide what acts."""
    if isinstance(value, Mapping):
        return {name: _without_references(inside) for name, inside in value.items() if not _is_open(inside)}
    if isinstance(value, list):
        return [_without_references(inside) for inside in value if not _is_open(inside)]
    return value


def _is_open(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance(template_of(value), Whole)
    except ReferenceSyntaxError:
        return False


def _read_effect(step: Mapping[str, Any], reading: Reading) -> None:
    effect, gated = step.get("effect"), _is_gated(step)
    later = " It requires its own approval before that." if gated else ""
    if effect == Effect.DESTROY:
        reading.add(DESTROYS, f"According to the agent, this destroys something.{later}")
    elif effect == Effect.WRITE:
        reading.add(WRITES, f"According to the agent, this changes something.{later}")
    elif effect != Effect.READ:
        reading.add(EFFECT_UNKNOWN, "The agent does not say what this changes.")
    if gated or effect == Effect.READ:
        return
    reading.add(UNGATED, "It has no approval of its own: the approval of the plan is the only one.")
    if refers(step.get("inputs")):
        reading.add(OPEN, "It acts on the output of an earlier step, which nobody has seen yet.")
