"""The library of workflows: finds them by name, and describes them for the catalog."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable, Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from langchain_core.runnables.graph import Edge
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from app.domain.text import is_storable
from app.installation import workflows_folder
from app.runtime.folder import FOLDER, import_folder
from app.runtime.loading import NOT_ENDED, PATIENCE_SECONDS, LoadError, told, within
from app.runtime.saver import Saver
from app.runtime.toolbox import usable_toolbox
from assent.breakpoints import Breakpoints
from assent.composition.files import FILE_NAME, is_workflow_file, shown_path
from assent.masking import mask_text
from assent.nodes import node_facts
from assent.workflow import Workflow

log = structlog.get_logger(__name__)
GROUP = "assent.workflows"
BROKEN = "The workflow “{}” is broken on the worker that claimed this run: {}. Fix it, restart the worker, and retry."


class WorkflowError(LoadError):
    """A workflow cannot be run here; the message says which, and why."""


class Found(NamedTuple):
    """The workflows that were found, and the errors of the others by path."""

    workflows: list[Workflow]
    broken: dict[str, str]


def find_workflows(paths: Iterable[str] = (), patience: float = PATIENCE_SECONDS) -> Found:
    """Find the workflows with these dotted paths, or all that are installed. A broken one does not affect the others.

    Args:
        paths: Paths such as ``package.module:NAME``, or of files in YAML. If empty, the entry points of the group
            ``assent.workflows``, the packages under `workflows_folder()` that export ``WORKFLOW``, and its folders
            with a ``workflow.yaml``.
        patience: Seconds to wait for the import of each.
    """
    found: dict[str, tuple[str, Workflow]] = {}
    broken: dict[str, str] = {}
    for path, required in _listed(list(paths), broken):
        try:
            workflow = within(patience, f"The import of {path}", partial(_load, path, required))
            if workflow is None:
                continue
            first, other = found.setdefault(workflow.name, (path, workflow))
            if other is not workflow:
                raise WorkflowError(f"Its name, {workflow.name!r}, is already used by {first}.")
        except LoadError as error:
            broken[path] = str(error)
            log.error("workflow.broken", path=path, error=broken[path])
    return Found([workflow for _, workflow in found.values()], broken)


def _listed(named: list[str], broken: dict[str, str]) -> list[tuple[str, bool]]:
    """Return paths where workflows may be, each with whether one is required there."""
    if named:
        return [(path, True) for path in named]
    paths = [(point.value, True) for point in entry_points(group=GROUP)]
    folder = workflows_folder()
    if not folder.is_dir():
        return paths
    try:
        within(PATIENCE_SECONDS, f"The import of {FOLDER}", partial(import_folder, folder))
    except LoadError as error:
        broken[FOLDER] = str(error)
        return paths
    # A module that exports no workflow is a helper of the others.
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    written = sorted(file for file in folder.glob(f"*/{FILE_NAME}") if file.parent.name not in names)
    paths += [(shown_path(file), True) for file in written]
    return paths + [(f"{FOLDER}.{name}:WORKFLOW", False) for name in names]


def _read(file: str | Path) -> Workflow:
    """Return the workflow of a file in YAML. What reads them is only loaded where there is one."""
    from assent.composition.loading import load_workflow

    return load_workflow(file, usable_toolbox())


def _load(path: str, required: bool) -> Workflow | None:
    if is_workflow_file(path):
        return _read(path)
    name, _, attribute = path.partition(":")
    module = importlib.import_module(name)
    workflow = getattr(module, attribute or "WORKFLOW", None)
    if workflow is None and not required:
        file = Path(module.__file__ or "").with_name(FILE_NAME)
        return _read(file) if file.is_file() else None
    if not isinstance(workflow, Workflow):
        raise TypeError(f"{attribute or 'WORKFLOW'} is not an assent.Workflow")
    if not isinstance(workflow.name, str) or not workflow.name or not is_storable(workflow.name):
        raise TypeError(f"{workflow.name!r} is not a valid name")
    return workflow


class Library:
    """Workflows, compiled once for one saver.

    Attributes:
        saver: Stores the checkpoints of all workflows.
        broken: Why workflows cannot be run, by name, or by path for those without a name.
    """

    def __init__(self, workflows: Iterable[Workflow], saver: Saver, broken: Mapping[str, str] | None = None) -> None:
        self._workflows = {workflow.name: workflow for workflow in workflows}
        self.saver = saver
        self.broken = dict(broken or {})
        self._graphs: dict[str, CompiledStateGraph[Any]] = {}
        self._breakpoints: dict[str, Breakpoints] = {}
        self._facts: dict[str, dict[str, dict[str, Any]]] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._loaded = False

    def load(self, patience: float = PATIENCE_SECONDS) -> None:
        """Build and describe all workflows. Those that fail are `broken`, as are others until their `build()` ends."""
        self._loaded = True
        for name in self._workflows:
            self.broken[name] = NOT_ENDED.format("Its build()", patience)
            try:
                within(patience, "Its build()", partial(self._load, name))
            except LoadError as error:
                if error.__cause__ is not None:
                    self.broken[name] = str(error)
                log.error("workflow.broken", workflow=name, error=str(error), exc_info=error.__cause__)

    def _load(self, name: str) -> None:
        self._make(name)
        self._entries[name] = self._entry(self.workflow(name))
        del self.broken[name]

    def usable(self) -> dict[str, Workflow]:
        """Return the workflows that are not broken, by name."""
        return {name: workflow for name, workflow in self._workflows.items() if name not in self.broken}

    def workflow(self, name: str) -> Workflow:
        """Return the workflow. Raises WorkflowError if it is not installed here."""
        try:
            return self._workflows[name]
        except KeyError:
            raise WorkflowError(f"The workflow {name!r} is not installed on this worker.") from None

    def graph(self, name: str) -> CompiledStateGraph[Any]:
        """Return the compiled graph. Raises WorkflowError."""
        if name not in self._graphs:
            workflow = self.workflow(name)
            if name in self.broken:
                raise WorkflowError(BROKEN.format(workflow.title, self.broken[name].rstrip(".")))
            try:
                self._make(name)
            except (Exception, SystemExit) as error:
                raise WorkflowError(BROKEN.format(workflow.title, told(error).rstrip("."))) from error
        return self._graphs[name]

    def _make(self, name: str) -> None:
        built = self.workflow(name).build()
        if isinstance(built, StateGraph):
            graph = built.compile(checkpointer=self.saver)
        elif isinstance(built, CompiledStateGraph):
            # Its runs are stored here, whatever checkpointer it was compiled with.
            graph = built.copy({"checkpointer": self.saver})
        else:
            raise TypeError("build() returns neither a StateGraph nor a compiled one")
        self._facts[name] = {node: node_facts(node, spec.metadata) for node, spec in graph.builder.nodes.items()}
        self._graphs[name] = graph

    def breakpoints(self, name: str) -> Breakpoints:
        """Return the breakpoints of the graph. Raises WorkflowError."""
        if name not in self._breakpoints:
            self._breakpoints[name] = Breakpoints(self.graph(name))
        return self._breakpoints[name]

    def node_facts(self, name: str) -> dict[str, dict[str, Any]]:
        """Return title, agent, tool, and skippable of each node. Raises WorkflowError."""
        self.graph(name)
        return self._facts[name]

    def describe(self) -> list[dict[str, Any]]:
        """Return the catalog's rows for the workflows that are not broken."""
        if not self._loaded:
            self.load()
        return [self._entries[name] for name in self._workflows if name in self._entries]

    def _entry(self, workflow: Workflow) -> dict[str, Any]:
        drawn = self._graphs[workflow.name].get_graph()
        facts = self._facts[workflow.name]
        edges = [[edge.source, edge.target, *_condition(edge)] for edge in drawn.edges]
        entry = {
            "name": workflow.name,
            "version": workflow.version,
            "title": workflow.title,
            "description": workflow.description,
            "input_schema": workflow.input_model.model_json_schema(),
            "examples": list(workflow.examples),
            "nodes": [{"id": node, **facts[node]} for node in _in_order(edges) if node in facts],
            "edges": [edge for edge in edges if edge[0] != START and edge[1] != END],
            "source": mask_text(workflow.source),
        }
        for name in ("version", "title", "description", "source"):
            if not isinstance(entry[name], str):
                raise TypeError(f"the {name} is not a text")
        if not is_storable(json.dumps(entry, allow_nan=False, ensure_ascii=False)):
            raise ValueError("it contains characters that cannot be stored")
        return entry


def _condition(edge: Edge) -> list[str]:
    """Return the mark of a conditional edge: its label, or an empty text; nothing for other edges."""
    return [str(edge.data or "")] if edge.conditional else []


def _in_order(edges: list[list[str]]) -> list[str]:
    """Return nodes in the order of a run: each after all nodes that lead to it, ignoring loops."""
    ended: list[str] = []
    seen = {START}
    path: list[tuple[str, list[str]]] = [(START, _targets(START, edges))]
    while path:
        node, targets = path[-1]
        fresh = next((target for target in targets if target not in seen), None)
        if fresh is None:
            ended.append(node)
            path.pop()
        else:
            seen.add(fresh)
            path.append((fresh, _targets(fresh, edges)))
    return ended[::-1]


def _targets(node: str, edges: list[list[str]]) -> list[str]:
    """Return a node's targets, the last one first, so that the first one comes first in the reversed order."""
    return [target for source, target, *_ in reversed(edges) if source == node]
