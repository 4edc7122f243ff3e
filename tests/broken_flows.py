"""Workflows each of which is broken in its own way, and one that is not."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent import Workflow
from tests.flows import FlowInput, FlowState, effect

KEY = "ASSENT_TEST_MODEL_KEY"
SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl"


def _node(state: FlowState) -> FlowState:
    effect(state, "done")
    return {}


def _graph(**metadata: Any) -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("node", _node, metadata=metadata or None)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph


def _needs_a_key() -> StateGraph:
    os.environ[KEY]
    return _graph()


def _leaks() -> NoReturn:
    raise RuntimeError(f"401 Unauthorized for the key {SECRET}")


def _exits() -> NoReturn:
    sys.exit(3)


class Silent:
    """A title that cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Undrawable(BaseModel):
    """Pydantic makes no JSON Schema of it."""

    callback: type


def _workflow(name: str, build: Any, model: Any = FlowInput, **values: Any) -> Workflow:
    return Workflow(name, "1", values.pop("title", name), "A workflow for tests.", model, build, **values)


GOOD = _workflow("good", _graph)
KEYLESS = _workflow("keyless", _needs_a_key)
LEAKY = _workflow("leaky", _leaks)
EXITING = _workflow("exiting", _exits)
NO_GRAPH = _workflow("no_graph", lambda: "a text")
SILENT = _workflow("silent", lambda: _graph(title=Silent()))
NO_SCHEMA = _workflow("no_schema", _graph, Undrawable)
NO_MODEL = _workflow("no_model", _graph, dict)
NO_JSON = _workflow("no_json", _graph, examples=({"at": object()},))
NO_ROW = _workflow("no_row", _graph, title="a\x00b")
NO_WORKFLOW = {"name": "not one"}
NAMELESS = _workflow(7, _graph)  # type: ignore[arg-type]
SECOND = _workflow("good", _needs_a_key)
SAID = {
    "keyless": "KeyError: 'ASSENT_TEST_MODEL_KEY'",
    "leaky": "RuntimeError: 401 Unauthorized for the key",
    "exiting": "SystemExit: 3",
    "no_graph": "neither a StateGraph nor a compiled one",
    "silent": "RuntimeError: no words",
    "no_schema": "Cannot generate a JsonSchema",
    "no_model": "model_json_schema",
    "no_json": "not JSON serializable",
    "no_row": "cannot be added to the catalog",
    "tests.broken_flows:NO_WORKFLOW": "TypeError: NO_WORKFLOW is not an assent.Workflow",
    "tests.broken_flows:NAMELESS": "7 is not a valid name",
    "tests.broken_flows:SECOND": "'good', is already used by tests.broken_flows:GOOD",
    "tests.broken_flows:MISSING": "MISSING is not an assent.Workflow",
    "tests.broken_import:WORKFLOW": "SystemExit: 4",
    "tests.no_such_module:WORKFLOW": "ModuleNotFoundError: No module named 'tests.no_such_module'",
}
"""What is said of each, by its name or path."""
NAMES = (
    "KEYLESS", "LEAKY", "EXITING", "NO_GRAPH", "SILENT", "NO_SCHEMA", "NO_MODEL", "NO_JSON", "NO_ROW", "NO_WORKFLOW",
    "NAMELESS", "GOOD", "SECOND", "MISSING",
)  # fmt: skip
ALL = ",".join(
    [*(f"tests.broken_flows:{name}" for name in NAMES), "tests.broken_import:WORKFLOW", "tests.no_such_module:WORKFLOW"]
)
