"""The parts of a plan, and the rules that the steps of a valid plan follow.

A plan is a list of steps in the order in which they are carried out. A step needs those that it names in `needs`, and
those whose output its inputs refer to, as in ``${find.rows[0].name}``. Everything that a step needs comes before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from assent.composition.references import (
    Fields,
    Items,
    Reference,
    ReferenceSyntaxError,
    Template,
    Text,
    Whole,
    template_of,
)
from assent.effects import Effect
from assent.naming import name_problem
from assent.visible import VisibleText

MAX_STEPS = 100
"""Most steps of a plan."""
MAX_INPUTS = 200_000
"""Most characters of the inputs of one step, as JSON."""
_RESERVED = frozenset({"input", "item", "index"})
"""Ids that references in workflow files need for something else."""


class Complexity(StrEnum):
    """How much a request takes."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanRequirement(_Part):
    """A tool or workflow that a plan uses, and why."""

    name: str = Field(min_length=1, max_length=250, description="With its version, such as count_rows@1.2")
    reason: str = Field(default="", max_length=2_000, description="Why it is needed")


class PlanAssessment(_Part):
    """What the agent makes of the request that a plan is for."""

    complexity: Complexity
    reasons: list[str] = Field(default_factory=list, max_length=20, description="Why it is as complex as that")
    tools: list[PlanRequirement] = Field(default_factory=list, max_length=MAX_STEPS)
    workflows: list[PlanRequirement] = Field(default_factory=list, max_length=MAX_STEPS)


class PlanStep(_Part):
    """One step of a plan: a call of a tool, or a run of a workflow as a part of this one.

    Reviewers may leave it out, move it, or edit its inputs.
    """

    id: str = Field(min_length=1, max_length=100, description="In snake_case; needs and references name it")
    title: VisibleText = Field(min_length=1, max_length=200, description="What the step does, in one line")
    tool: str = Field(default="", max_length=250, description="With its version, such as count_rows@1.2")
    workflow: str = Field(default="", max_length=250, description="In place of a tool: the name of a workflow")
    inputs: dict[str, JsonValue] = Field(
        default_factory=dict, description="Texts may refer to outputs of earlier steps, such as ${find.rows[0].name}"
    )
    inputs_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of inputs")
    needs: list[str] = Field(
        default_factory=list, max_length=MAX_STEPS,
        description="Ids of earlier steps without which it makes no sense, besides those that its inputs refer to",
    )  # fmt: skip
    effect: Effect = Field(description="What the step changes")
    gated: bool = Field(
        default=True, description="Whether the step requires an approval of its own before it changes anything"
    )
    reason: str = Field(default="", max_length=20_000, description="Why the step is needed, in Markdown")
    estimated_seconds: float | None = Field(default=None, ge=0, le=366 * 86_400)

    @property
    def requires(self) -> list[str]:
        """The ids of the steps that have to come before it: those in `needs`, and those that its inputs refer to."""
        return requirements(self.needs, self.inputs)


def references(value: Any) -> Iterator[Reference]:
    """Yield the references in a value of any kind. Raises ReferenceSyntaxError."""
    yield from _in_template(template_of(value))


def _in_template(template: Template) -> Iterator[Reference]:
    if isinstance(template, Whole):
        yield template.reference
    elif isinstance(template, Text):
        yield from (part for part in template.parts if isinstance(part, Reference))
    elif isinstance(template, Fields):
        for _, inside in template.entries:
            yield from _in_template(inside)
    elif isinstance(template, Items):
        for inside in template.entries:
            yield from _in_template(inside)


def requirements(needs: Sequence[str], inputs: Any) -> list[str]:
    """Return the ids of the steps that a step with these needs and inputs requires, each once.

    References that cannot be read are passed over.
    """
    try:
        found = [reference.root for reference in references(inputs)]
    except ReferenceSyntaxError:
        found = []
    return list(dict.fromkeys([*needs, *found]))


def problems(steps: Sequence[PlanStep]) -> list[str]:
    """Return what is wrong with the steps of a plan, one sentence for each problem, which names the step."""
    found: list[str] = []
    places: dict[str, int] = {}
    for number, step in enumerate(steps, 1):
        if step.id in places:
            found.append(f"The steps {places[step.id]} and {number} have the same id {step.id!r}.")
        places.setdefault(step.id, number)
    for number, step in enumerate(steps, 1):
        found.extend(f"Step {number} ({step.id!r}): {words}" for words in _step_problems(step))
        found.extend(f"Step {number} ({step.id!r}): {words}" for words in _order_problems(step, number, places))
    return found


def _step_problems(step: PlanStep) -> Iterator[str]:
    if problem := name_problem(step.id, "step"):
        yield problem
    elif step.id in _RESERVED:
        yield f"{step.id!r} is a reserved word. Use another id."
    if bool(step.tool) == bool(step.workflow):
        yield "A step has either a tool or a workflow."
    if len(json.dumps(step.inputs)) > MAX_INPUTS:
        yield f"The inputs have more than {MAX_INPUTS:,} characters."
    try:
        for _ in references(step.inputs):
            pass
    except ReferenceSyntaxError as error:
        yield f"A reference in the inputs cannot be read: {error}"


def _order_problems(step: PlanStep, number: int, places: dict[str, int]) -> Iterator[str]:
    """Yield what a step requires and does not find before it."""
    for name in step.requires:
        how = "needs" if name in step.needs else "has inputs that refer to"
        if name == step.id:
            yield f"It {how} itself."
        elif name not in places:
            yield f"It {how} {name!r}, and there is no such step."
        elif places[name] > number:
            yield f"It {how} {name!r}, which comes later."
