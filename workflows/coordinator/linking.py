"""Plans as workflow files: the same linker checks that everything that a plan names exists, and that its types fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assent.composition.document import document_from
from assent.composition.inputs import InputShape
from assent.composition.linking import Flow, NoSuchFlowError, link
from assent.composition.mistakes import CompositionError, did_you_mean
from assent.composition.schema_views import View, object_schema
from assent.plans import PlanStep
from workflows.coordinator.registered import Registered

_STEP = re.compile(r"steps\[(\d+)\](?:\.(.*))?", re.DOTALL)
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class WholeWorkflow(Flow):
    """A workflow of any kind, written in YAML or in Python, as one step of a plan.

    Attributes:
        gives: the schema of what it gives to the plan.
    """

    gives: View = field(default_factory=lambda: View(_NOTHING, _NOTHING))

    @property
    def output(self) -> View:
        """The schema of what references to the step find."""
        return self.gives


def mistakes_of(steps: Sequence[PlanStep], found: Registered) -> dict[str, list[str]]:
    """Return what does not fit in the steps of a plan, by step; what concerns the plan as a whole has an empty id."""
    data = {
        "name": "plan", "version": "1", "title": "Plan", "input": _NOTHING,
        "steps": [_written(step) for step in steps],
    }  # fmt: skip
    try:
        document = document_from(data)

        def workflow(name: str, trail: tuple[str, ...]) -> Flow:
            known = found.workflows.get(name)
            if known is None:
                raise NoSuchFlowError(f"There is no workflow {name!r}.{did_you_mean(name, found.workflows)}")
            gives = View(known.output_schema, known.output_schema) if known.output_schema else object_schema({})
            return WholeWorkflow(document, InputShape(known.input_model), (), gives)

        link(document, found.tools, workflow)
    except CompositionError as error:
        return _by_step(error, steps)
    return {}


def _written(step: PlanStep) -> dict[str, Any]:
    target = {"tool": step.tool} if step.tool else {"workflow": step.workflow}
    return {"id": step.id, **target, "inputs": step.inputs, "needs": step.requires}


def _by_step(error: CompositionError, steps: Sequence[PlanStep]) -> dict[str, list[str]]:
    by_step: dict[str, list[str]] = {}
    for mistake in error.mistakes:
        place = _STEP.fullmatch(mistake.field)
        step = steps[int(place[1])].id if place is not None and int(place[1]) < len(steps) else ""
        field = place[2] if place is not None else mistake.field
        by_step.setdefault(step, []).append(f"{field}: {mistake.message}" if field else mistake.message)
    return by_step
