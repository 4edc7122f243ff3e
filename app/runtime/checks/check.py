"""The checks of a workflow: all problems that can be found without running it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, ValidationError

from app.runtime.checks.effects import Effects
from app.runtime.checks.finding import CheckFinding, at, raised, shown
from app.runtime.checks.gates import Gates
from app.runtime.checks.loader import Place, find, line_of_workflow, load
from app.runtime.checks.proposals import unknown_fields
from app.runtime.checks.sources import Sources
from app.runtime.checks.stored import of_schema, round_trip
from app.runtime.checks.wiring import Wiring, functions_of
from app.runtime.checks.written import load_written, written_file
from app.runtime.library import find_workflows
from assent.naming import agent_id, agent_problem, name_problem
from assent.nodes import node_facts
from assent.workflow import Workflow

FormProblem = Callable[[dict[str, Any]], str]


def check(path: str, form_problem: FormProblem) -> list[CheckFinding]:
    """Return the findings, in the order of their files and lines.

    Args:
        path: A folder, a file, or ``module:NAME``.
        form_problem: Returns why a JSON Schema has no start form, or an empty string if it has one.

    Raises:
        NoSuchWorkflowError: The path names nothing that could be a workflow.
    """
    written = written_file(path)
    if written is not None:
        workflow = load_written(written)
        if isinstance(workflow, list):
            return workflow
        here = _Here(Place(written.stem, "", written, written.parent, None), 1)
        return sorted({*_names(workflow, here), *_input(workflow, here, form_problem), *_graph(workflow, here)})
    place = find(path)
    loaded = load(place)
    if isinstance(loaded, CheckFinding):
        return [loaded]
    here = _Here(place, line_of_workflow(place))
    return sorted({*_names(loaded, here), *_input(loaded, here, form_problem), *_graph(loaded, here)})


def loaded(path: str) -> Workflow | list[CheckFinding]:
    """Return the workflow of a path, or why it cannot be loaded. Raises NoSuchWorkflowError."""
    written = written_file(path)
    if written is not None:
        return load_written(written)
    found = load(find(path))
    return [found] if isinstance(found, CheckFinding) else found


class _Here:
    """The location of findings about the workflow as a whole."""

    def __init__(self, place: Place, line: int) -> None:
        self.place = place
        self.file = str(place.file)
        self._line = line

    def finding(self, code: str, message: str) -> CheckFinding:
        """Return a finding at the line that creates the workflow."""
        return CheckFinding(shown(self.file), self._line, code, message)


def _names(workflow: Workflow, here: _Here) -> list[CheckFinding]:
    found = []
    if not isinstance(workflow.name, str):
        found.append(here.finding("name", f"The name {workflow.name!r} is not a text."))
    elif problem := name_problem(workflow.name, "workflow"):
        found.append(here.finding("name", problem))
    for what in ("version", "title"):
        if not isinstance(said := getattr(workflow, what), str) or not said.strip():
            found.append(here.finding(what, f"The {what} is missing."))
    for other in find_workflows().workflows:
        if other.name == workflow.name and _made_in(other) != _made_in(workflow):
            where = _made_in(other)
            found.append(here.finding("name", f"The name {workflow.name!r} is also that of the workflow in {where}."))
    return found


def _made_in(workflow: Workflow) -> str:
    if workflow.source_file:
        return shown(workflow.source_file)
    code = getattr(workflow.build, "__code__", None)
    return shown(code.co_filename) if code is not None else repr(workflow.build)


def _input(workflow: Workflow, here: _Here, form_problem: FormProblem) -> list[CheckFinding]:
    model = workflow.input_model
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return [here.finding("input", "The input model is not a pydantic model.")]
    try:
        schema = model.model_json_schema()
        json.dumps(schema, allow_nan=False)
    except Exception as error:
        said = str(error).partition("\n")[0]
        return [at(model, "input", f"{model.__name__} has no JSON Schema: {said}", here.file)]
    if problem := form_problem(schema):
        return [at(model, "input", f"{model.__name__} has no start form: {problem}", here.file)]
    found = []
    for number, example in enumerate(workflow.examples, 1):
        try:
            state = workflow.state_for(example)
        except ValidationError as error:
            first = error.errors()[0]
            words = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            found.append(here.finding("example", f"Example {number} does not fit {model.__name__}: {words}"))
        except Exception as error:
            found.append(
                raised(error, "example", f"Example {number} makes no valid state", here.place.folder, here.file)
            )
        else:
            for name, value in state.items() if isinstance(state, dict) else ():
                if reason := round_trip(value):
                    words = f"The initial state of example {number} cannot be stored: {name!r}: {reason}."
                    found.append(here.finding("state", words))
    return found


def _graph(workflow: Workflow, here: _Here) -> list[CheckFinding]:
    folder = here.place.folder
    try:
        built = workflow.build()
        builder: StateGraph[Any] = built.builder if isinstance(built, CompiledStateGraph) else built
        if not isinstance(builder, StateGraph):
            return [at(workflow.build, "graph", "build() returns neither a StateGraph nor a compiled one.", here.file)]
        if builder is built:
            builder.compile()
    except Exception as error:
        return [raised(error, "graph", "The graph cannot be built", folder, here.file)]
    found = _node_names(builder, here)
    for schema in builder.schemas:
        if _is_own(schema, folder):
            found += of_schema(schema, here.file)
    sources = Sources(folder)
    return found + Wiring(sources, workflow.build, here.file).of(built) + _nodes(builder, sources, "")


def _node_names(builder: StateGraph[Any], here: _Here) -> list[CheckFinding]:
    """Return findings about the names of agents and tools in the metadata of the nodes."""
    found = []
    agents: dict[str, str] = {}
    for name, spec in builder.nodes.items():
        facts = node_facts(name, spec.metadata)
        agent, tool = facts["agent"], facts["tool"]
        problem = agent_problem(agent) if agent else ""
        other = agents.setdefault(agent_id(agent), agent) if agent and not problem else agent
        if other != agent:
            problem = f"The agents {other!r} and {agent!r} have the same id, {agent_id(agent)}. Use one of the names."
        if problem:
            found.append(here.finding("agent", f"Node {name}: {problem}"))
        if tool and (problem := name_problem(tool, "tool")):
            found.append(here.finding("tool", f"Node {name}: {problem}"))
    return list(dict.fromkeys(found))


def _is_own(schema: Any, folder: Path) -> bool:
    import inspect

    try:
        return Path(inspect.getsourcefile(schema) or "/").is_relative_to(folder)
    except (OSError, TypeError):
        return False


def _nodes(builder: StateGraph[Any], sources: Sources, parents: str) -> list[CheckFinding]:
    found: list[CheckFinding] = []
    effects, gates = Effects(sources), Gates(sources)
    for name, spec in builder.nodes.items():
        runnable: Any = spec.runnable
        if isinstance(runnable, CompiledStateGraph):
            found += _nodes(runnable.builder, sources, f"{parents}{name}/")
            continue
        for function in functions_of(runnable):
            found += effects.of(parents + name, function) + gates.of(parents + name, function)
            found += unknown_fields(sources, function)
    return found
