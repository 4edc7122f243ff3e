"""The run's state: only JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from workflows.package_deployment.inputs import DeploymentInput

Json = dict[str, Any]


class State(TypedDict, total=False):
    """What the steps have found and done so far; comments name the step that writes each key."""

    input: Json  # start
    analysis: Json  # analyze
    switches: Json  # ask: arguments by purpose that a person has given
    suggestions: list[str]  # revise: the comments with which changes were requested, oldest first
    instructions: Json  # instruct
    functions: list[Json]  # retrieve: for each instruction the functions that fit
    draft: Json  # generate
    script: str  # generate, recheck: what is proposed
    findings: list[Json]  # validate, recheck
    quality: list[Json]  # assess
    proposal: Json  # assess
    outcome: Json | None  # propose
    revision: int  # revise, recheck: from 0; people read it from 1, as the portal counts
    why: str  # revise, recheck: why there is another revision, in Markdown
    corrects: str  # recheck: the approved request that was not applied
    delivered: Json  # deliver
    problem: str  # several: why nothing is delivered, in a sentence
    status: str  # report
    report: str  # report


def settings_of(state: State) -> DeploymentInput:
    """Return the run's input, validated again."""
    return DeploymentInput.model_validate(state["input"])
