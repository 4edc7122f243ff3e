"""How a workflow presents itself to the portal, and how it finds the systems it works on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel


@dataclass(frozen=True)
class Workflow:
    """A named, versioned LangGraph graph with an input schema.

    Attributes:
        name: identifier, lower case with underscores.
        version: changes when runs of the older graph could not carry on in the newer one.
        input_model: what a run is started with; the start form is drawn from its JSON Schema.
        build: returns a `langgraph.graph.StateGraph`, or a compiled one such as LangChain's `create_agent` makes; the
            portal keeps its checkpoints, whatever it was compiled with. Nodes say who they are in their metadata:
            ``add_node("health", fn, metadata={"title": "Check health", "agent": "inspector", "tool": "checks"})``
            with ``"skippable": True`` where a person may skip the node after it failed. A node that failed runs
            again on retry and after a crash, so nodes with side effects must be idempotent.
        initial_state: makes the graph's input from the validated input; default
            ``{"input": input.model_dump(mode="json")}``.
        examples: inputs offered on the start page.
    """

    name: str
    version: str
    title: str
    description: str
    input_model: type[BaseModel]
    build: Callable[[], Any]
    initial_state: Callable[[Any], dict[str, Any]] | None = None
    examples: Sequence[dict[str, Any]] = field(default_factory=tuple)

    def state_for(self, run_input: dict[str, Any]) -> dict[str, Any]:
        """The graph's initial state. Raises pydantic.ValidationError on invalid input."""
        model = self.input_model.model_validate(run_input)
        if self.initial_state is not None:
            return self.initial_state(model)
        return {"input": model.model_dump(mode="json")}


Function = TypeVar("Function", bound=Callable[..., Any])


def idempotent(function: Function) -> Function:
    """Say of a function that calling it again changes nothing more, so that it may stand before a gate.

    Changes nothing in the function; `assent workflow check` believes it. A comment ``# assent: idempotent`` in the line
    of a call says the same of that call.
    """
    return function


class UnknownTargetError(LookupError):
    """No address is configured for the named target."""


def target_address(name: str) -> str:
    """The address of a system a workflow works on, from the operator's ``ASSENT_TARGET_<NAME>`` setting.

    Runs name targets instead of carrying addresses, so that no password is ever part of a run's input.

    Raises:
        UnknownTargetError: nothing is configured under that name.
    """
    address = os.environ.get(f"ASSENT_TARGET_{name.upper().replace('-', '_')}")
    if not address:
        raise UnknownTargetError(
            f"No target named {name!r}: set ASSENT_TARGET_{name.upper().replace('-', '_')} to its address."
        )
    return address
