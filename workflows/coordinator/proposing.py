"""The plan as a proposal: what people see, and what becomes of their decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assent import Outcome, Plan, ReceiptStatus, report_receipt, request_approval
from assent.contracts import CORRECTS_LABEL
from assent.plans import PlanAssessment, PlanStep
from workflows.coordinator.composing import Composition
from workflows.coordinator.linking import mistakes_of
from workflows.coordinator.registered import NAME, Facts, registered
from workflows.coordinator.state import State, settings_of

AGENT = "Coordinator"
MOST_MISFITS = 5
"""How often a plan is proposed again because what reviewers made of it does not fit."""
_MOST_LINES = 20


def proposal(state: State, made: Composition, assessment: PlanAssessment) -> Plan:
    """Return the plan that people decide on, from the state alone."""
    settings = settings_of(state)
    first = " ".join(settings.request.split())
    title = f"Plan: {first}"
    return Plan(
        title=title if len(title) <= 150 else f"{title[:149]}…", agent=AGENT, environment=settings.environment,
        summary=_summary(state, made.problems, made.unserved), goal=settings.request[:20_000], assessment=assessment,
        steps=made.steps, labels=_labels(state),
    )  # fmt: skip


def _labels(state: State) -> dict[str, str]:
    labels = {"workflow": NAME, "revision": str(state.get("revision", 0))}
    return labels | ({CORRECTS_LABEL: state["earlier"]} if state.get("earlier") else {})


def _summary(state: State, problems: Sequence[str], unserved: Sequence[str]) -> str:
    lines = []
    if state.get("remark"):
        lines += [f"Proposed again, as revision {state.get('revision', 0)}. {state['remark']}", ""]
    if state.get("way"):
        lines += [state["way"], ""]
    if problems or unserved:
        lines += ["Not planned:", *_bullets([*problems, *unserved]), ""]
    return "\n".join(lines).strip()[:20_000]


def _bullets(lines: Sequence[str]) -> list[str]:
    shown = [f"- {line[:500]}" for line in lines]
    return [*shown[:_MOST_LINES], f"- and {len(shown) - _MOST_LINES} more"] if len(shown) > _MOST_LINES else shown


def approval(state: State) -> State:
    """Suspend until people have decided on the plan. Do nothing else, because the step runs again then."""
    outcome = request_approval(state["plan"])
    return {"outcome": outcome.model_dump(mode="json")}


def route_after_approval(state: State) -> str:
    """Return where a decision leads."""
    outcome = Outcome.model_validate(state["outcome"])
    if outcome.approved:
        return "accept"
    return "revise" if outcome.verdict == "request_changes" else "report"


def accept(state: State) -> State:
    """Check what people have made of the plan. One that no longer fits is not carried out, but proposed again."""
    outcome = Outcome.model_validate(state["outcome"])
    plan = outcome.proposal
    assert isinstance(plan, Plan)
    found = registered()
    proposed = {step.id: step for step in steps_in(state)}
    facts: dict[str, Facts] = {}
    for step in plan.steps:
        known = state["facts"].get(step.id)
        same = step.id in proposed and _target(proposed[step.id]) == _target(step)
        if known is None or not same:
            return _again(state, outcome, {step.id: ["It is not a step of the plan that was proposed."]}, plan.steps)
        facts[step.id] = known
    moved_on = [step.id for step in plan.steps if found.difference(facts[step.id])]
    if not moved_on and (mistakes := mistakes_of(plan.steps, found)):
        return _again(state, outcome, mistakes, plan.steps)
    return {
        "steps": [step.model_dump(mode="json") for step in plan.steps], "facts": facts, "results": {}, "changed": {},
        "current": None, "edits": edits_between(list(proposed.values()), plan.steps), "remark": "", "earlier": "",
    }  # fmt: skip


def _again(state: State, outcome: Outcome, mistakes: Mapping[str, Sequence[str]], steps: Sequence[PlanStep]) -> State:
    """Propose the plan again: with what reviewers have made of it, except for what does not fit."""
    words = " ".join(f"{step or 'The plan'}: {' '.join(said)}" for step, said in mistakes.items())[:1_500]
    report_receipt(outcome, ReceiptStatus.NOT_APPLIED, f"The plan as it was changed does not fit. {words}")
    revision = state.get("revision", 0) + 1
    if state.get("remark", "").startswith(_MISFIT) and revision > MOST_MISFITS:
        return {"stopped": f"What reviewers made of the plan did not fit {MOST_MISFITS} times. {words}"}
    proposed = {step.id: step for step in steps_in(state)}
    mended = [
        proposed[step.id] if step.id in mistakes else step for step in steps if step.id in proposed
    ]  # fmt: skip
    kept = mended if mended and not mistakes_of(mended, registered()) else list(proposed.values())
    again = state | {"revision": revision, "remark": f"{_MISFIT} {words}", "earlier": outcome.request_id}
    plan = Plan.model_validate(state["plan"]).model_copy(
        update={
            "steps": kept, "labels": _labels(again), "summary": _summary(again, state["problems"], state["unserved"]),
        }
    )  # fmt: skip
    return {
        "plan": plan.model_dump(mode="json"), "revision": revision, "remark": again["remark"], "outcome": None,
        "earlier": outcome.request_id,
    }  # fmt: skip


_MISFIT = "What was changed in the plan does not fit:"


def route_after_accepting(state: State) -> str:
    """Return whether the plan is carried out, or proposed again."""
    if state.get("stopped"):
        return "report"
    return "next_step" if state.get("outcome") else "approval"


def steps_in(state: State) -> list[PlanStep]:
    """Return the steps of the plan as it was proposed."""
    plan = state.get("plan")
    return [PlanStep.model_validate(step) for step in plan["steps"]] if plan else []


def _target(step: PlanStep) -> tuple[str, str]:
    return step.tool, step.workflow


def edits_between(before: Sequence[PlanStep], after: Sequence[PlanStep]) -> list[str]:
    """Return what reviewers have changed in a plan, in sentences."""
    kept = {step.id: step for step in after}
    found = [f"Left out: {step.title}." for step in before if step.id not in kept]
    order = [step.id for step in before if step.id in kept]
    if order != [step.id for step in after if step.id in order]:
        found.append(f"Reordered: {', '.join(step.title for step in after)}.")
    for step in before:
        now = kept.get(step.id)
        if now is not None and now.inputs != step.inputs:
            names = sorted(
                {name for name in {*now.inputs, *step.inputs} if now.inputs.get(name) != step.inputs.get(name)}
            )
            found.append(f"Inputs changed: {', '.join(names)} of {step.title}.")
    return found
