"""The steps that carry out an approved plan: choose the next one, carry it out, and ask people when the world changes.

What has become of each step is stored with the step, so that a run that continues elsewhere repeats nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assent import Outcome, Question, publish_artifact, request_approval
from assent.composition.inputs import InputShape
from assent.composition.references import MissingValueError, Reference, step_into, template_of
from assent.composition.scopes import FAILED, SKIPPED, done, has_output, without_output
from assent.plans import PlanStep, references
from assent.toolbox.shapes import MisshapenError
from workflows.coordinator.planning import MOST_REVISIONS
from workflows.coordinator.proposing import AGENT, steps_in
from workflows.coordinator.registered import Facts, Registered, name_of, registered
from workflows.coordinator.reporting import PROGRESS, progress_text, receipt_of
from workflows.coordinator.state import Json, State
from workflows.coordinator.step_graph import not_done_inside, tool_run, workflow_output, workflow_run

_SHOWN = 2_000
"""Characters of an output that are kept for the report; what other steps refer to is kept whole."""
_ACTIONS = {
    "replan": "Plan again", "skip": "Go on without these steps", "stop": "Stop, and write the report",
}  # fmt: skip


class _Outputs:
    """Gives the values of references to the outputs of earlier steps."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self._results = results

    def value(self, reference: Reference, inside_text: bool) -> Any:
        """Return the value. Raises MissingValueError."""
        return step_into(self._results[reference.root]["output"], reference.keys, reference)


def next_step(state: State) -> State:
    """Choose the next step, and determine its inputs. Steps that cannot be carried out get a result that says why."""
    steps, results = _steps(state), dict(state["results"])
    found = registered()
    if (unfinished := state.get("current")) and unfinished not in results:
        results[unfinished] = without_output(FAILED, "It failed, and people decided to go on without it.")
    if changed := _differences(steps, results, state["facts"], found):
        return {"results": results, "current": None, "changed": changed}
    for step in steps:
        if step.id in results:
            continue
        prepared = _prepared(step, results, state["facts"][step.id], found)
        if isinstance(prepared, str):
            results[step.id] = without_output(SKIPPED, prepared)
            continue
        return {"results": results, "current": step.id, "inputs": prepared, "changed": {}}
    return {"results": results, "current": None, "changed": {}}


def route_next(state: State) -> str:
    """Return where the choice leads."""
    if state["changed"]:
        return "what_now"
    return "carry_out" if state.get("current") else "report"


async def carry_out(state: State) -> State:
    """Carry out the current step, which asks for its own approval if it changes something."""
    step = next(step for step in _steps(state) if step.id == state["current"])
    facts, found = state["facts"][step.id], registered()
    stopped = ""
    if facts["kind"] == "tool":
        run = tool_run(step, state["inputs"], facts, found)
        final = await run.graph.ainvoke(run.initial)
        result = final[f"{step.id}.result"]
        failure = final.get(f"{step.id}.failure") or {}
        stopped = result["reason"] if failure.get("answer") == "stop" else ""
        if result["status"] == FAILED and not stopped and (difference := registered().difference(facts)):
            return {"current": None, "changed": {step.id: f"{difference} {result['reason']}"[:2_000]}}
    else:
        run = workflow_run(state["inputs"], facts, found)
        final = await run.graph.ainvoke(run.initial)
        result = done(workflow_output(final, facts, found)) | {"inside": not_done_inside(final)}
    results = {**state["results"], step.id: _kept(step, result, _steps(state))}
    now: State = {"results": results, "current": None}
    publish_artifact(PROGRESS, progress_text(_steps(state), results), "text/markdown")
    return now | {"stopped": stopped} if stopped else now


def route_after_step(state: State) -> str:
    """Return where a step leads."""
    if state.get("stopped"):
        return "report"
    return "what_now" if state["changed"] else "next_step"


def what_now(state: State) -> State:
    """Ask what to do about steps whose tool or workflow is not what the plan was approved with."""
    outcome = request_approval(_question(state))
    answer = outcome.answer if isinstance(outcome.answer, dict) else {}
    action = str(answer.get("action") or "stop")
    revision = state.get("revision", 0) + 1
    if action == "skip":
        left_out = {name: without_output(SKIPPED, words) for name, words in state["changed"].items()}
        return {"results": {**state["results"], **left_out}, "changed": {}}
    if action == "replan" and revision <= MOST_REVISIONS:
        plan = Outcome.model_validate(state["outcome"])
        receipt_of(plan, state, "The rest is planned again.")
        remark = f"The world has changed since the plan before was approved: {' '.join(state['changed'].values())}"
        return {
            "past": [*state.get("past", []), *_past(state)], "outcome": None, "plan": None, "steps": [], "results": {},
            "changed": {}, "revision": revision, "remark": remark[:2_000], "earlier": plan.request_id,
        }  # fmt: skip
    reason = f"Stopped, because the world had changed. {' '.join(state['changed'].values())} {outcome.comment}"
    return {"stopped": reason.strip()[:2_000], "changed": {}}


def route_after_question(state: State) -> str:
    """Return where the answer leads."""
    if state.get("stopped"):
        return "report"
    return "next_step" if state.get("outcome") else "assess"


def _question(state: State) -> Question:
    titles = {step.id: step.title for step in _steps(state)}
    lines = [f"- **{titles[name]}**: {words}" for name, words in state["changed"].items()]
    return Question(
        title="The plan no longer fits: what now?", agent=AGENT,
        question="\n".join([
            "Something has changed since the plan was approved. These steps are not carried out as they are:", "",
            *lines, "",
            "- **replan**: what is left is planned again with what is registered now, for people to decide on.",
            "- **skip**: the plan goes on without these steps, and without those that need them.",
            "- **stop**: nothing more is done, and the report is written.",
        ])[:20_000],
        answer_schema={
            "type": "object", "properties": {"action": {"title": "What now?", "enum": list(_ACTIONS)}},
            "required": ["action"], "additionalProperties": False,
        },
    )  # fmt: skip


def _steps(state: State) -> list[PlanStep]:
    return [PlanStep.model_validate(step) for step in state.get("steps", [])]


def _differences(
    steps: list[PlanStep], results: Mapping[str, Any], facts: Mapping[str, Facts], found: Registered
) -> dict[str, str]:
    """Return what is no longer as it was, of the steps that are left."""
    left = [step for step in steps if step.id not in results]
    return {step.id: words for step in left if (words := found.difference(facts[step.id]))}


def _prepared(step: PlanStep, results: Mapping[str, Any], facts: Facts, found: Registered) -> Json | str:
    """Return the inputs of a step, or why it cannot be carried out."""
    used = {reference.root for reference in references(step.inputs)}
    for name in step.requires:
        if results[name]["status"] != "done":
            return f"It needs the step “{name}”, which was not carried out."
        if name in used and not has_output(results[name]):
            return f"It needs the output of the step “{name}”, which is not known."
    try:
        inputs = template_of(step.inputs).resolve(_Outputs(results))
    except MissingValueError as error:
        return str(error)
    if problem := _misfit(inputs, facts, found):
        return f"Its inputs do not fit. {problem}"
    return dict(inputs)


def _misfit(inputs: Any, facts: Facts, found: Registered) -> str:
    if facts["kind"] == "workflow":
        problems = InputShape(found.workflows[facts["name"]].input_model).problems(inputs)
        return " ".join(f"{name or 'The input'}: {words}" for name, words in problems.items())
    try:
        found.tools.get(f"{facts['name']}@{facts['version']}").takes.read(inputs)
    except MisshapenError as error:
        return str(error)
    return ""


def _kept(step: PlanStep, result: Json, steps: list[PlanStep]) -> Json:
    """Return the result of a step as it is stored: its output only if another step refers to it, and what is shown."""
    output = result["output"]
    shown = json.dumps(output, ensure_ascii=False, indent=2) if output is not None else ""
    is_used = any(step.id in {reference.root for reference in references(other.inputs)} for other in steps)
    kept = result | {"shown": shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"}
    return kept if is_used or len(shown) <= _SHOWN else kept | {"output": None, "reason": ""}


def _past(state: State) -> list[Json]:
    """Return the steps of the plan that is given up, with their results."""
    planned = {step.id: step.inputs for step in steps_in(state)}
    return [
        {
            "title": step.title, "name": name_of(step), "effect": step.effect.value,
            "planned": planned.get(step.id, step.inputs), "result": state["results"][step.id],
        }
        for step in _steps(state)
        if step.id in state["results"]
    ]  # fmt: skip
