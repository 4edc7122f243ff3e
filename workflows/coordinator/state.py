"""The run's state: only JSON, so that a run continues with it anywhere."""

from __future__ import annotations

from typing import Any, TypedDict

from workflows.coordinator.inputs import CoordinatorInput

Json = dict[str, Any]


class State(TypedDict, total=False):
    """What is known and done so far; comments name the step that writes each key."""

    input: Json  # start
    values: Json  # assess, missing_inputs: values for inputs, by name
    extra: list[str]  # revise: what reviewers have asked for besides the request
    avoided: list[str]  # revise: names that reviewers do not want
    assessment: Json  # assess
    asked: int  # missing_inputs: how often people were asked for values
    question: Json | None  # compose: what is asked
    plan: Json | None  # compose: the proposal, once everything fits
    facts: Json  # compose: what the plan relies on, by step
    problems: list[str]  # compose: what could not be made to fit
    unserved: list[str]  # compose: for what nothing is registered
    way: str  # compose: whether a model has proposed the plan; empty if none is configured
    revision: int  # revise, accept, what_now
    remark: str  # revise, accept, what_now: why the plan is proposed again
    earlier: str  # accept, what_now: the request of the plan that this one replaces
    outcome: Json | None  # approval
    steps: list[Json]  # accept: the approved steps
    edits: list[str]  # accept: what reviewers have changed
    results: Json  # next_step, carry_out: what has become of each step
    current: str | None  # next_step
    inputs: Json  # next_step: those of the current step
    changed: Json  # next_step, carry_out: what is no longer as it was, by step
    past: list[Json]  # what_now: steps of earlier plans, with their results
    notes: list[str]  # several: lines of the report
    stopped: str  # several: why the run ends before its plan is done
    status: str  # report
    report: str  # report


def settings_of(state: State) -> CoordinatorInput:
    """Return the run's input, validated again."""
    return CoordinatorInput.model_validate(state["input"])
