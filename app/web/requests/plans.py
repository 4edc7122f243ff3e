"""A plan on its page: its steps with their fields, and what a submitted page says about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.plans import requires, tool_of, weigh_references
from app.domain.risk import Finding
from app.domain.text import span_words
from app.domain.weight import weigh
from app.web.field_text import Submission
from app.web.forms.drawing import draw
from app.web.forms.field_errors import labeled_fields, problem_at
from app.web.forms.fields import Field
from app.web.forms.values import is_untouched, read, refill
from app.web.requests.argument_list import ArgumentList, argument_list
from app.web.requests.calls import own_findings
from app.web.requests.code import Argument, arguments
from assent.digests import canonical

ORDER = "steps"
"""The field with the order of the steps: their positions in the proposal, separated by commas."""
CHOSEN = "step"
"""The check boxes of the steps that are kept."""
EDIT_LIMIT = 100_000
"""Longest inputs of a plan, in characters as JSON, that the page can edit: it submits all of them."""
_A_STEP = 500.0
"""Microseconds to render a step without its fields."""
_A_NEED = 15.0
"""Microseconds to render a link to a step that another one needs."""
_EFFECTS = {"read": "Only reads", "write": "Changes something", "destroy": "Destroys something"}


@dataclass(frozen=True)
class Need:
    """A step that another one needs, by its number and title on the page."""

    id: str
    number: int
    title: str


@dataclass
class StepView:
    """A step as the page shows it.

    Attributes:
        number: where it stands, from 1.
        token: where it stood in the proposal, for the buttons that move it.
        effect: what it changes, in words.
        is_gated: it requires an approval of its own.
        listing: its inputs as a list; None if there are none.
        arguments: inputs that are code, with risk findings at their lines.
        form: its inputs as a form; None if they cannot be edited here.
        up, down: it can be moved there, as far as the order of the others allows.
    """

    id: str
    name: str
    number: int
    token: int
    title: str
    tool: str
    workflow: str
    reason: str
    effect: str
    is_harmless: bool
    is_gated: bool
    lasts: str
    inputs: dict[str, Any]
    listing: ArgumentList | None
    arguments: list[Argument]
    general: list[Finding]
    chosen: bool
    form: Field | None
    needs: list[Need] = field(default_factory=list)
    up: bool = False
    down: bool = False
    error: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass
class PlanView:
    """A plan as the page shows it.

    Attributes:
        order: the value of the field `ORDER`.
        gated: how many of its steps require an approval of their own.
        ungated: how many change something without one.
        lasts: how long all steps together take, in words; empty if that is not known of each.
    """

    steps: list[StepView]
    order: str
    gated: int
    ungated: int
    lasts: str
    error: str = ""
    too_long: bool = False


def shown_plan(
    payload: dict[str, Any], findings: list[Finding], editable: bool, sent: Submission | None,
    problems: Mapping[str, str],
) -> PlanView:  # fmt: skip
    """The plan; after a refusal, and after a step was moved, with what the person submitted."""
    steps = payload["steps"]
    weigh_references(steps)
    order = _order(steps, sent)
    forms = editable and _fits(payload)
    views = [_view(steps[at], at, findings, forms, sent, problems) for at in order]
    now = [_with_sent_inputs(steps[at], sent) if forms else steps[at] for at in order]
    required = [requires(step) for step in now]
    weigh(_A_STEP * len(now) + _A_NEED * sum(map(len, required)))
    numbers = {view.id: number for number, view in enumerate(views, 1)}
    for place, view in enumerate(views):
        view.number = place + 1
        view.needs = [
            Need(views[number - 1].id, number, views[number - 1].title)
            for number in sorted(numbers[name] for name in required[place] if name in numbers)
        ]
        view.up = editable and place > 0 and now[place - 1]["id"] not in required[place]
        view.down = editable and place + 1 < len(now) and view.id not in required[place + 1]
    seconds = [step.get("estimated_seconds") for step in steps]
    total = sum(second for second in seconds if second is not None)
    return PlanView(
        views, ",".join(map(str, order)), sum(view.is_gated for view in views),
        sum(not view.is_gated and not view.is_harmless for view in views),
        _lasting(total) if all(second is not None for second in seconds) else "",
        problems.get("steps", ""), editable and not forms,
    )  # fmt: skip


def plan_change(payload: dict[str, Any], sent: Submission) -> dict[str, Any] | None:
    """How the submitted form differs from the proposal; None if it does not. Raises InvalidInputError."""
    if ORDER not in sent:
        return None
    steps, chosen = payload["steps"], set(sent.getlist(CHOSEN))
    forms = _fits(payload)
    kept: list[dict[str, Any]] = []
    problems: dict[str, str] = {}
    for at in _order(steps, sent):
        if steps[at]["id"] in chosen:
            try:
                inputs = _sent_inputs(steps[at], sent) if forms else None
            except InvalidInputError as error:
                problems |= error.extra.get("fields", {})
                continue
            kept.append({"id": steps[at]["id"]} | ({} if inputs is None else {"inputs": inputs}))
    if problems:
        raise InvalidInputError("Some fields are not valid.", problems)
    kept.extend({"id": name} for name in sorted(chosen - {step["id"] for step in steps}))
    return None if kept == [{"id": step["id"]} for step in steps] else {"steps": kept}


def plan_labels(plan: PlanView) -> dict[str, str]:
    """Labels of the steps and of the fields of their inputs, by their names in errors."""
    labels: dict[str, str] = {}
    for view in plan.steps:
        labels[view.name] = f"Step {view.number}, {view.title}"
        for drawn, label in labeled_fields(view.form) if view.form is not None else ():
            labels[drawn.path] = f"{label} of step {view.number}"
    return labels


def _view(
    step: dict[str, Any], at: int, findings: list[Finding], forms: bool, sent: Submission | None,
    problems: Mapping[str, str],
) -> StepView:  # fmt: skip
    name, inputs = f"steps.{step['id']}", step.get("inputs") or {}
    own = own_findings(findings, step["id"])
    form = _form(step) if forms and inputs_are_editable(step) else None
    if form is not None and sent is not None:
        refill(form, sent, problems)
    texts = arguments(tool_of(step), inputs, own, f"step-{at + 1}")
    paths = {argument.path for argument in texts}
    seconds = step.get("estimated_seconds")
    return StepView(
        id=step["id"], name=name, number=at + 1, token=at, title=step["title"], tool=step.get("tool", ""),
        workflow=step.get("workflow", ""), reason=step.get("reason", ""),
        effect=_EFFECTS.get(step["effect"], "Effect unknown"), is_harmless=step["effect"] == "read",
        is_gated=bool(step.get("gated", True)), lasts="" if seconds is None else _lasting(seconds), inputs=inputs,
        listing=argument_list(inputs, step.get("inputs_schema"), texts, mails=True) if inputs else None,
        arguments=texts,
        general=[finding for finding in own if finding.item not in paths],
        chosen=sent is None or ORDER not in sent or step["id"] in sent.getlist(CHOSEN), form=form,
        error=problems.get(name, ""), problems=_inside(form, problems),
    )  # fmt: skip


def inputs_are_editable(step: Mapping[str, Any]) -> bool:
    """True if the step has inputs, or takes some."""
    schema = step.get("inputs_schema")
    return bool(step.get("inputs")) or (isinstance(schema, dict) and bool(schema.get("properties")))


def _inside(form: Field | None, problems: Mapping[str, str]) -> list[str]:
    """The problems with the fields of a form."""
    fields = [drawn for drawn, _ in labeled_fields(form)] if form is not None else []
    return [words for drawn in fields if (words := problem_at(drawn, problems))]


def _order(steps: Sequence[Any], sent: Submission | None) -> list[int]:
    """The submitted order of the steps; those that it does not name come last."""
    usual = list(range(len(steps)))
    tokens = sent.get(ORDER, "").split(",") if sent is not None else []
    named = [int(token) for token in tokens if token.isascii() and token.isdigit() and len(token) < 5]
    order = [at for at in dict.fromkeys(named) if at < len(steps)]
    return order + [at for at in usual if at not in order]


def _fits(payload: dict[str, Any]) -> bool:
    """True if the inputs of all steps can be edited on the page."""
    return len(json.dumps([step.get("inputs") for step in payload["steps"]])) <= EDIT_LIMIT


def _form(step: dict[str, Any]) -> Field:
    return draw(step.get("inputs_schema"), f"steps.{step['id']}.inputs", step.get("inputs") or {}, "Inputs")


def _sent_inputs(step: dict[str, Any], sent: Submission) -> dict[str, Any] | None:
    """The submitted inputs of a step; None if they do not differ. Raises InvalidInputError."""
    if not inputs_are_editable(step):
        return None
    form = _form(step)
    if is_untouched(form, sent):
        return None
    inputs = read(form, sent)
    try:
        return None if canonical(inputs) == canonical(step.get("inputs") or {}) else inputs
    except ValueError as error:
        raise InvalidInputError("Some fields cannot be stored.", {f"steps.{step['id']}.inputs": str(error)}) from error


def _with_sent_inputs(step: dict[str, Any], sent: Submission | None) -> dict[str, Any]:
    """The step with the submitted inputs, as far as they can be read."""
    if sent is None or ORDER not in sent:
        return step
    try:
        inputs = _sent_inputs(step, sent)
    except InvalidInputError:
        return step
    return step if inputs is None else step | {"inputs": inputs}


def _lasting(seconds: float) -> str:
    return f"about {span_words(seconds)}" if seconds >= 60 else span_words(seconds)
