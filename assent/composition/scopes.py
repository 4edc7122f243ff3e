"""The values of a run as the steps of one workflow file see them.

A run's state has one value for each step, so that storing a step costs the same whatever came before. The workflows
inside of a workflow are parts of the same graph; each has a scope of its own, and a path in front of its names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assent.composition.conditions import STATUS, Condition, UndecidedError
from assent.composition.references import Key, Reference, step_into

State = Mapping[str, Any]
DONE, SKIPPED, REJECTED, FAILED = "done", "skipped", "rejected", "failed"
"""What can become of a step; only one that is done has an output."""
_NOT_RUN = {"status": SKIPPED, "output": None}


def done(output: Any) -> dict[str, Any]:
    """Return the result of a step that has been executed."""
    return {"status": DONE, "output": output}


def without_output(status: str, reason: str) -> dict[str, Any]:
    """Return the result of a step that has no output, and why. It may be done: people may know that it was."""
    return {"status": status, "output": None, "reason": reason[:2_000]}


def has_output(result: Mapping[str, Any]) -> bool:
    """Return whether references to the step find something."""
    return result["status"] == DONE and "reason" not in result


@dataclass
class Scope:
    """The names of one workflow file within a run.

    Attributes:
        prefix: the path of the step that the file is, with a dot; empty for the run's own workflow.
        flows: the scopes of the steps that are workflows, by id.
        calls: the nodes of the other steps, by id.
    """

    prefix: str = ""
    flows: dict[str, Scope] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    calls: dict[str, Any] = field(default_factory=dict)

    def input(self, state: State) -> Any:
        """Return the input of the workflow."""
        return state[f"{self.prefix}input"]["output"] if self.prefix else state.get("input")

    def result(self, step: str, state: State) -> Mapping[str, Any]:
        """Return what has become of a step."""
        path = f"{self.prefix}{step}"
        inner = self.flows.get(step)
        if inner is None:
            return state.get(f"{path}.result") or _NOT_RUN
        begun = state.get(f"{path}.input") or _NOT_RUN
        if begun["status"] != DONE:
            return dict(begun)
        return done({name: inner.result(name, state)["output"] for name in inner.steps})

    def lacks_output(self, step: str, state: State) -> bool:
        """Return whether a step has no output, or one of its own steps has none."""
        if not has_output(self.result(step, state)):
            return True
        inner = self.flows.get(step)
        return inner is not None and any(inner.lacks_output(name, state) for name in inner.steps)

    def found(self, step: str, keys: tuple[Key, ...], state: State) -> tuple[Mapping[str, Any], tuple[Key, ...]]:
        """Return the result of the innermost step that a reference names, and the keys that are left."""
        inner = self.flows.get(step)
        if inner is not None and keys and isinstance(keys[0], str) and keys[0] in inner.steps:
            begun = state.get(f"{self.prefix}{step}.input") or _NOT_RUN
            return inner.found(keys[0], keys[1:], state) if begun["status"] == DONE else (begun, keys)
        return self.result(step, state), keys


class Values:
    """Gives the values of references, and notes which of them name steps without an output.

    Attributes:
        missing: the references to steps that have no output; as whole values they are null.
        missing_in_text: one of them stands in a text.
    """

    def __init__(self, scope: Scope, state: State, local: Mapping[str, Any] | None = None) -> None:
        self._scope = scope
        self._state = state
        self._local = local or {}
        self.missing: list[Reference] = []
        self.missing_in_text = False

    def value(self, reference: Reference, inside_text: bool) -> Any:
        """Return the value of a reference. Raises MissingValueError."""
        root = reference.root
        if root in self._local:
            return step_into(self._local[root], reference.keys, reference)
        if root == "input":
            return step_into(self._scope.input(self._state), reference.keys, reference)
        result, keys = self._scope.found(root, reference.keys, self._state)
        if not has_output(result):
            self.missing.append(reference)
            self.missing_in_text |= inside_text
            return "" if inside_text else None
        return step_into(result["output"], keys, reference)

    def is_true(self, condition: Condition) -> bool:
        """Return whether a condition is true. One that needs a step without an output is not.

        Raises:
            UndecidedError: it could not be evaluated.
        """
        known: dict[str, Any] = {}
        lacking = False
        for name in condition.names:
            if name == "input":
                known[name] = self._scope.input(self._state)
            elif name != STATUS:
                lacking |= self._scope.lacks_output(name, self._state)
                known[name] = self._scope.result(name, self._state)["output"]
        if STATUS in condition.names:
            known[STATUS] = {step: self._scope.result(step, self._state)["status"] for step in self._scope.steps}
        try:
            return condition.holds(known)
        except UndecidedError:
            if lacking:
                return False
            raise
