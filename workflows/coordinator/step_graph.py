"""The graph of one step of an approved plan. It depends only on the run's state, so it is the same after a restart.

A step that calls a tool is made of the nodes of a workflow file: the same gate, attempts, questions, and receipts.
A step that is a workflow is that workflow's own graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assent.composition.document import Recovery, Step, document_from
from assent.composition.graph import build_graph
from assent.composition.inputs import InputShape, schema_model
from assent.composition.linking import Flow, LinkedStep
from assent.composition.references import Literal
from assent.composition.schema_views import View
from assent.composition.scopes import FAILED, REJECTED
from assent.contracts import STEP_LABEL
from assent.plans import PlanStep
from workflows.coordinator.proposing import AGENT
from workflows.coordinator.registered import Facts, Registered, tool_of

NOTE = (
    "This is a step of an approved plan. Approve it with changes instead of requesting changes: a request for changes "
    "counts as a rejection. If it is rejected, the steps that need it are not carried out, and the others are."
)
"""Part of the summary of each call that a plan proposes."""


@dataclass(frozen=True)
class StepRun:
    """What carries out a step.

    Attributes:
        graph: without a checkpointer, so that it uses that of the graph around it.
        initial: its input.
    """

    graph: Any
    initial: Any


class StepChangedError(Exception):
    """A step is in the middle of a workflow that has changed, or is gone. The message says what to do."""


def tool_run(step: PlanStep, inputs: dict[str, Any], facts: Facts, found: Registered) -> StepRun:
    """Return what calls the tool of a step, with a gate if it changes something."""
    tool = tool_of(facts, found)
    written = Step(
        id=step.id, path=("steps", 0), title=step.title[:150], agent=AGENT, tool=tool.full_name, workflow="", inputs={},
        when="", needs=(), for_each="", rests_on={}, retry=None, recover=Recovery(), timeout=None,
        gate="auto" if tool.reads_only and not step.gated else "always", urgency="normal", on_error="ask",
        on_reject="skip",
    )  # fmt: skip
    linked = LinkedStep(
        written, tool, None, Literal(inputs), None, None, View(tool.returns.schema, tool.returns.schema), note=NOTE,
        labels={STEP_LABEL: step.id}, asks_about_changed_tools=False,
    )  # fmt: skip
    document = document_from(
        {"name": "step", "version": "1", "title": step.title[:150], "steps": [{"id": step.id, "tool": tool.name}]}
    )
    flow = Flow(document, InputShape(schema_model({})), (linked,))
    return StepRun(build_graph(flow).compile(), {"input": {}})


def workflow_run(inputs: dict[str, Any], facts: Facts, found: Registered) -> StepRun:
    """Return what runs the workflow of a step.

    Raises:
        StepChangedError: it is not the workflow that was approved.
    """
    from langgraph.graph import StateGraph

    if difference := found.difference(facts):
        raise StepChangedError(
            f"{difference} The step is in the middle of it, and nothing was done. Retry it where the workflow is as it "
            "was, or skip the step."
        )
    workflow = found.workflows[facts["name"]]
    built = workflow.build()
    graph = built.compile() if isinstance(built, StateGraph) else built.copy({"checkpointer": None})
    return StepRun(graph, workflow.state_for(inputs))


def not_done_inside(final: Any) -> dict[str, str]:
    """Return the steps of a workflow in YAML that were not carried out, each with what has become of it."""
    results = final.items() if isinstance(final, dict) else ()
    return {
        name.removesuffix(".result"): value["status"]
        for name, value in results
        if name.endswith(".result") and isinstance(value, dict) and value.get("status") in (REJECTED, FAILED)
    }


def workflow_output(final: Any, facts: Facts, found: Registered) -> Any:
    """Return what a workflow gives to the plan: its outputs if it declares some, or else null."""
    workflow = found.workflows[facts["name"]]
    return workflow.output_of(final) if workflow.output_of is not None else None
