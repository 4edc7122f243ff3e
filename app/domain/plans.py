"""Plans under review: which steps a plan has, and what reviewers may change about them. Pure.

Reviewers may leave steps out, move them, and edit their inputs. They add no steps: a plan that needs another step goes
back to its agent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.misfits import check_schema
from app.domain.weight import weigh
from assent.composition.references import ReferenceSyntaxError
from assent.plans import references, requirements

_A_REFERENCE = 40.0
"""Microseconds to read a reference as often as a decision, or a page, does."""


def steps_of(payload: Any) -> list[dict[str, Any]]:
    """The steps of a plan; empty for proposals of other kinds."""
    steps = payload.get("steps") if isinstance(payload, Mapping) and payload.get("kind") == "plan" else None
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def tool_of(step: Mapping[str, Any]) -> str:
    """The name of a step's tool without its version; empty if the step is a workflow."""
    return str(step.get("tool") or "").partition("@")[0]


def requires(step: Mapping[str, Any]) -> list[str]:
    """The ids of the steps that have to come before this one."""
    return requirements(step.get("needs") or [], step.get("inputs") or {})


def weigh_references(steps: Sequence[Mapping[str, Any]]) -> None:
    """Declare the cost of reading the references in the inputs of steps."""
    weigh(_A_REFERENCE * json.dumps([step.get("inputs") for step in steps]).count("${"))


def refers(value: Any) -> bool:
    """True if a value refers to the output of a step, so that it is not known yet."""
    try:
        return next(references(value), None) is not None
    except ReferenceSyntaxError:
        return False


def edit_plan(payload: dict[str, Any], kept: Any) -> dict[str, Any]:
    """Change a plan to the steps that reviewers keep, and return it.

    Args:
        kept: a list of objects, each with the `id` of a step and, if they change, its `inputs`; in the new order.

    Raises:
        InvalidInputError: the resulting plan would not be valid; `fields` names the steps.
    """
    weigh_references(payload["steps"])
    edits = _edits(payload, kept)
    steps = {step["id"]: step for step in payload["steps"]}
    for name, edit in edits.items():
        if "inputs" in edit:
            _edit_inputs(steps[name], edit["inputs"], f"steps.{name}.inputs")
    payload["steps"] = [steps[name] for name in edits]
    if lacking := missing(payload["steps"], steps):
        raise InvalidInputError(" ".join(lacking.values()), {f"steps.{name}": words for name, words in lacking.items()})
    return payload


def missing(chosen: Sequence[Mapping[str, Any]], steps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What steps in this order lack: a sentence for each that requires one that is left out or comes later.

    Args:
        chosen: the steps that are kept, in order.
        steps: all steps of the plan by their ids.
    """
    kept, before = {step["id"] for step in chosen}, set[str]()
    found: dict[str, str] = {}
    for step in chosen:
        lacks = [_lack(name, kept, steps) for name in requires(step) if name not in before]
        if lacks:
            found[step["id"]] = f"“{step['title']}” needs {' and '.join(lacks)}."
        before.add(step["id"])
    return found


def _lack(name: str, kept: set[str], steps: Mapping[str, Mapping[str, Any]]) -> str:
    if name not in steps:
        return f"{name!r}, and there is no such step"
    return f"“{steps[name]['title']}”, which {'comes later' if name in kept else 'is left out'}"


def _edits(payload: dict[str, Any], kept: Any) -> dict[str, dict[str, Any]]:
    """What reviewers say about each step that they keep, by its id."""
    if not isinstance(kept, list) or not all(
        isinstance(edit, dict) and isinstance(edit.get("id"), str) for edit in kept
    ):
        raise InvalidInputError("The steps are a list of objects with an id.", {"steps": "not a list of steps"})
    edits = {edit["id"]: edit for edit in kept}
    if unknown := sorted(set(edits) - {step["id"] for step in payload["steps"]}):
        raise InvalidInputError(
            f"There is no step {', '.join(map(repr, unknown))}. To have a step added, request changes.",
            {f"steps.{name}": "unknown" for name in unknown},
        )
    if len(edits) != len(kept):
        raise InvalidInputError("A step appears twice.", {"steps": "named twice"})
    if not edits:
        raise InvalidInputError("Choose at least one step, or reject the plan.", {"steps": "Choose at least one step."})
    for name, edit in edits.items():
        if others := sorted(set(edit) - {"id", "inputs"}):
            raise InvalidInputError(
                "Only a step's inputs can be edited.", {f"steps.{name}.{others[0]}": "not known here"}
            )
    return edits


def _edit_inputs(step: dict[str, Any], inputs: Any, where: str) -> None:
    """Give a step other inputs. What refers to an output is not known yet, and so is not checked against the schema."""
    if not isinstance(inputs, dict):
        raise InvalidInputError("The inputs must be an object.", {where: "not an object"})
    open_paths = [".".join([where, *path]) for path in _referring(inputs, (), where)]
    try:
        check_schema(inputs, step.get("inputs_schema"), where)
    except InvalidInputError as error:
        fields = error.extra.get("fields", {})
        known = {name: words for name, words in fields.items() if not any(_concerns(name, path) for path in open_paths)}
        if known or not fields:
            raise InvalidInputError(error.message, known) from error
    step["inputs"] = inputs


def _concerns(name: str, path: str) -> bool:
    """True if a problem with a field is one with the value at a path, or with something around or inside of it."""
    return name == path or name.startswith(f"{path}.") or path.startswith(f"{name}.")


def _referring(value: Any, path: tuple[str, ...], where: str) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the texts that refer to outputs. Raises InvalidInputError: a reference cannot be read."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _referring(inside, (*path, name), where)
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from _referring(inside, (*path, str(number)), where)
    elif isinstance(value, str):
        try:
            if next(references(value), None) is not None:
                yield path
        except ReferenceSyntaxError as error:
            raise InvalidInputError(
                f"A reference cannot be read: {error}", {".".join([where, *path]): str(error)}
            ) from error
