"""The steps up to the plan: assess the request, compose a plan, ask for what is missing, and revise."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from assent import Outcome, Question, ReceiptStatus, report_receipt, request_approval
from assent.composition.schema_views import View
from assent.plans import PlanStep
from assent.schemas import SchemaError, check
from workflows.coordinator.assessing import assessed, first_look
from workflows.coordinator.composing import Composition, Wish, compose, fingerprint
from workflows.coordinator.filling import said_by_name
from workflows.coordinator.matching import Matcher
from workflows.coordinator.model_planning import by_model
from workflows.coordinator.needs import MOST_NEEDS, Need, in_order, needs_in
from workflows.coordinator.proposing import AGENT, proposal, steps_in
from workflows.coordinator.registered import Facts, Registered, name_of, registered
from workflows.coordinator.routing import router_of
from workflows.coordinator.state import Json, State, settings_of
from workflows.coordinator.words import begins_with_verb, words

MOST_QUESTIONS = 5
"""How often people are asked for values that are missing."""
MOST_REVISIONS = 20
_TARGET = "ASSENT_TARGET_"
_CANDIDATES = 5
_NOT = re.compile(
    r"\b(?:without|skip|omit|leave out|except|do not|don.t|never|no need|remove|drop|instead of)\b|^(?:no|not)\b"
    r"|\b(?:must|should|may|shall) not (?!be\b)", re.IGNORECASE,
)  # fmt: skip
_SETTLED = ("done", "rejected")


def assess(state: State) -> State:
    """Find out what the request needs, and which tools and workflows may serve it."""
    matcher = Matcher(registered())
    needs = _needs(state, matcher)[:MOST_NEEDS]
    matches = {
        need.text: sorted(
            [*matcher.matching_tools(need)[:_CANDIDATES], *matcher.matching_workflows(need)[:_CANDIDATES]],
            key=lambda match: (-match.score, match.name),
        )[:_CANDIDATES]
        for need in needs
    }
    return {
        "assessment": {"needs": first_look(needs, matches)},
        "values": dict(state.get("values") or settings_of(state).values),
    }


def compose_plan(state: State) -> State:
    """Compose the plan, or find out what is missing for one. What does not fit is never proposed."""
    found = registered()
    matcher = Matcher(found, router_of(found.workflows))
    wish = _wish(state, matcher)
    proposed, way = by_model(wish, matcher)
    made = proposed if proposed is not None else compose(wish, matcher)
    update: State = {
        "problems": made.problems, "unserved": made.unserved, "plan": None, "question": None, "way": way,
    }  # fmt: skip
    if made.missing:
        question = _question(made)
        if state.get("asked", 0) >= MOST_QUESTIONS:
            return update | {"stopped": f"Values were still missing after {MOST_QUESTIONS} questions."}
        return update | {"question": question.model_dump(mode="json")}
    if not made.steps:
        return update | {"stopped": _nothing_to_do(state, made, found)}
    facts: dict[str, Facts] = {step.id: found.facts(step.tool, step.workflow) for step in made.steps}
    assessment = assessed(wish.needs, made.steps, made.used, [*made.problems, *made.unserved])
    plan = proposal(state | {"way": way}, made, assessment)
    return update | {
        "plan": plan.model_dump(mode="json"), "facts": facts,
        "assessment": state["assessment"] | assessment.model_dump(mode="json"),
    }  # fmt: skip


def missing_inputs(state: State) -> State:
    """Ask for the values that are missing. Do nothing else, because the step runs again when they are there."""
    assert state["question"] is not None
    outcome = request_approval(Question.model_validate(state["question"]))
    if not isinstance(outcome.answer, dict):
        reason = f" {outcome.comment}" if outcome.comment else ""
        return {"stopped": f"Nobody gave the values that were missing.{reason}"}
    return {"values": {**state["values"], **outcome.answer}, "asked": state.get("asked", 0) + 1}


def revise(state: State) -> State:
    """Apply the comment with which changes were requested, as far as it names steps, values, or further needs."""
    outcome = Outcome.model_validate(state["outcome"])
    report_receipt(outcome, ReceiptStatus.NOT_APPLIED, "Changes were requested; the request is planned again.")
    revision = state.get("revision", 0) + 1
    comment = "\n".join(remark.comment for remark in outcome.remarks if remark.comment)
    update: State = {"revision": revision, "outcome": None, "remark": f"Changes were requested: {comment}"}
    if revision > MOST_REVISIONS:
        return update | {"stopped": f"Changes were requested {MOST_REVISIONS} times."}
    steps = steps_in(state)
    verbs = Matcher(registered()).verbs
    values: Json = {}
    further: list[str] = []
    avoided = set(state.get("avoided", []))
    for need in needs_in(comment, verbs):
        unwanted = _named_steps(need.text, steps) if _NOT.search(need.text) else []
        said = {} if begins_with_verb(need.text, verbs) else _values_in(need.text, steps)
        if unwanted:
            avoided |= {name_of(step) for step in unwanted}
        elif said:
            values |= said
        else:
            further.append(need.written)
    if not comment.strip():
        update["remark"] = "Changes were requested without saying which, so that this is the same plan."
    extra = list(state.get("extra", []))
    if further:
        extra.append("\n".join(further))  # one text, because a clause may refer to another one
    return update | {"values": {**state["values"], **values}, "extra": extra, "avoided": sorted(avoided)}


def _needs(state: State, matcher: Matcher) -> tuple[Need, ...]:
    return tuple(in_order(need for text in _texts(state) for need in needs_in(text, matcher.verbs)))


def _texts(state: State) -> list[str]:
    return [settings_of(state).request, *state.get("extra", [])]


def _wish(state: State, matcher: Matcher) -> Wish:
    past = state.get("past", [])
    done = frozenset(
        fingerprint(step["name"], step["planned"])
        for step in past
        if step["effect"] != "read" and step["result"]["status"] in _SETTLED
    )
    return Wish(
        needs=_needs(state, matcher), text="\n".join(_texts(state)), given=state["values"],
        targets=configured_targets(), avoided=frozenset(state.get("avoided", [])), done=done,
    )  # fmt: skip


def configured_targets() -> tuple[str, ...]:
    """Return the names of the targets that the operator has configured."""
    return tuple(sorted(name.removeprefix(_TARGET).lower() for name in os.environ if name.startswith(_TARGET)))


def _question(made: Composition) -> Question:
    """Return the question about what is missing; its answer has a field for each value."""
    properties: Json = {}
    definitions: Json = {}
    lines = []
    for name, wanted in made.missing.items():
        schema = _plain(wanted.view)
        properties[name] = schema
        definitions |= _definitions(wanted.view)
        lines.append(f"- **{name}**, for {', '.join(f'`{user}`' for user in wanted.wanted_by)}")
    answer: Json = {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip
    if definitions:
        answer["$defs"] = definitions
    try:
        check(answer)
    except SchemaError:
        answer["properties"] = {name: {"type": "string", "title": name} for name in properties}
        answer.pop("$defs", None)
    title = f"What is missing for the plan: {', '.join(made.missing)}"
    return Question(
        title=title[:200], agent=AGENT, answer_schema=answer,
        question="\n".join(["The request does not say, and no registered tool returns:", "", *lines])[:20_000],
    )  # fmt: skip


def _plain(view: View) -> Any:
    return dict(view.schema) if isinstance(view.schema, dict) else {}


def _definitions(view: View) -> Json:
    found = view.root.get("$defs") if isinstance(view.root, dict) else None
    return dict(found) if isinstance(found, dict) and "$ref" in str(view.schema) else {}


def _nothing_to_do(state: State, made: Composition, found: Registered) -> str:
    """Return why there is no plan, in sentences."""
    if not len(found.tools) and not found.workflows:
        return "No tools and no workflows are registered, so that no plan can be made."
    if made.problems:
        return "No plan could be made, because something is missing."
    if state.get("past"):
        return "Nothing is left to do of the request."
    if state.get("avoided"):
        return "Nothing is left of the plan without what reviewers do not want."
    return "Nothing that is registered serves the request."


# What reviewers have said


def _named_steps(text: str, steps: list[PlanStep]) -> list[PlanStep]:
    """Return the steps that a text names: those of whose words it has the most, at least half."""
    said = set(words(text))
    scored = []
    for step in steps:
        own = set(words(f"{step.title} {step.id}"))
        scored.append((len(own & said) / len(own) if own else 0.0, step))
    best = max((score for score, _ in scored), default=0.0)
    return [step for score, step in scored if score == best] if best >= 0.5 else []


def _values_in(text: str, steps: list[PlanStep]) -> Json:
    """Return the values that a text gives inputs of the steps by their names."""
    said = {name: said_by_name(name, view, text) for name, view in _fields(steps).items()}
    return {name: value for name, value in said.items() if value is not None}


def _fields(steps: list[PlanStep]) -> Mapping[str, View]:
    schemas = [step.inputs_schema or {} for step in steps]
    return {name: view for schema in schemas for name, view in View(schema, schema).fields()}


def route(state: State) -> str:
    """Return where a composition leads."""
    if state.get("stopped"):
        return "report"
    return "missing_inputs" if state.get("question") else "approval"


def route_after_answer(state: State) -> str:
    """Return whether the request is assessed again."""
    return "report" if state.get("stopped") else "assess"
