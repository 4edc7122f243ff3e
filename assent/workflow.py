"""How a workflow describes itself to the portal, and how it finds its target systems."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from assent.models.budgets import Budget


@dataclass(frozen=True)
class Workflow:
    """A named, versioned LangGraph graph with an input schema.

    Attributes:
        name: identifier, lower case with underscores.
        version: change it when runs of the older graph could not continue in the newer one.
        input_model: the input of a run; the start form is generated from its JSON Schema.
        build: returns a `langgraph.graph.StateGraph`, or a compiled one such as LangChain's `create_agent` makes; the
            portal stores its checkpoints, whatever it was compiled with. Nodes describe themselves in their metadata:
            ``add_node("health", fn, metadata={"title": "Check health", "agent": "inspector", "tool": "checks"})``
            with ``"skippable": True`` if a person may skip the node after it fails. A failed node runs again on
            retry and after a crash, so nodes with side effects must be idempotent.
        initial_state: creates the graph's input from the validated input; default
            ``{"input": input.model_dump(mode="json")}``.
        examples: inputs offered on the start page.
        model_budget: what the models of a run may cost (`assent.models.Budget`) before people are asked. Where the
            operator's budget is smaller, that one counts.
        source, source_file: the text from which the workflow was made, and its file, if it was written in YAML; pages
            show the text beside the graph.
        output_schema: the JSON Schema of what a run gives to a workflow that has run it as a part; None: nothing.
        output_of: returns that, given the values of a run that has ended.
    """

    name: str
    version: str
    title: str
    description: str
    input_model: type[BaseModel]
    build: Callable[[], Any]
    initial_state: Callable[[Any], dict[str, Any]] | None = None
    examples: Sequence[dict[str, Any]] = field(default_factory=tuple)
    source: str = ""
    source_file: str = ""
    output_schema: dict[str, Any] | None = None
    output_of: Callable[[Any], Any] | None = None
    model_budget: Budget | None = None

    def state_for(self, run_input: dict[str, Any]) -> dict[str, Any]:
        """Return the graph's initial state. Raises pydantic.ValidationError on invalid input."""
        model = self.input_model.model_validate(run_input)
        if self.initial_state is not None:
            return self.initial_state(model)
        return {"input": model.model_dump(mode="json")}


Function = TypeVar("Function", bound=Callable[..., Any])


def idempotent(function: Function) -> Function:
    """Mark a function as idempotent, so that nodes may call it before a gate.

    The function itself is unchanged; `assent workflow check` relies on the mark. A comment ``# assent: idempotent`` on
    the line of a call marks that call in the same way.
    """
    return function


class UnknownTargetError(LookupError):
    """No address is configured for the named target."""


def target_address(name: str) -> str:
    """Return the address of a workflow's target system, from the operator's ``ASSENT_TARGET_<NAME>`` setting.

    Runs name targets instead of containing addresses, so that a run's input never contains a password.

    Raises:
        UnknownTargetError: no address is configured under that name.
    """
    address = os.environ.get(f"ASSENT_TARGET_{name.upper().replace('-', '_')}")
    if not address:
        raise UnknownTargetError(
            f"No target named {name!r}: set ASSENT_TARGET_{name.upper().replace('-', '_')} to its address."
        )
    return address
