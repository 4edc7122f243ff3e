"""Finding workflows by name, and describing them for the catalogue."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

import structlog
from langchain_core.runnables.graph import Edge
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from app.runtime.saver import Saver
from assent.workflow import Workflow

log = structlog.get_logger(__name__)
GROUP = "assent.workflows"


class WorkflowError(Exception):
    """A workflow cannot be loaded; the text says which and why."""


def find_workflows(paths: Iterable[str] = ()) -> list[Workflow]:
    """The workflows named by dotted path, or all that are installed.

    Args:
        paths: ``package.module:NAME`` each; empty: the entry points of the group ``assent.workflows`` and the
            packages under ``workflows``, which export ``WORKFLOW``.

    Raises:
        WorkflowError: one of the named cannot be loaded. Of those found by themselves, a broken one is logged and left
            out, so that it does not stop the others.
    """
    named = list(paths)
    found: dict[str, Workflow] = {}
    for path in named or _installed():
        try:
            workflow = _load(path)
            if workflow.name in found:
                continue
            found[workflow.name] = workflow
        except Exception as error:
            if named:
                raise WorkflowError(f"{path}: {error}") from error
            log.exception("workflow.broken", path=path)
    return list(found.values())


def _installed() -> list[str]:
    paths = [point.value for point in entry_points(group=GROUP)]
    try:
        package = importlib.import_module("workflows")
    except ModuleNotFoundError:
        return paths
    return paths + [f"workflows.{module.name}:WORKFLOW" for module in pkgutil.iter_modules(package.__path__)]


def _load(path: str) -> Workflow:
    module, _, name = path.partition(":")
    workflow = getattr(importlib.import_module(module), name or "WORKFLOW")
    if not isinstance(workflow, Workflow):
        raise TypeError(f"{name or 'WORKFLOW'} is not an assent.Workflow")
    return workflow


class Library:
    """Workflows, compiled once for one saver.

    Attributes:
        saver: stores the checkpoints of all of them.
    """

    def __init__(self, workflows: Iterable[Workflow], saver: Saver) -> None:
        self._workflows = {workflow.name: workflow for workflow in workflows}
        self.saver = saver
        self._graphs: dict[str, CompiledStateGraph[Any]] = {}

    def workflow(self, name: str) -> Workflow:
        """Raises WorkflowError if it is not installed here."""
        try:
            return self._workflows[name]
        except KeyError:
            raise WorkflowError(f"The workflow {name!r} is not installed on this worker.") from None

    def graph(self, name: str) -> CompiledStateGraph[Any]:
        """The compiled graph. Raises WorkflowError."""
        if name not in self._graphs:
            built = self.workflow(name).build()
            if isinstance(built, StateGraph):
                self._graphs[name] = built.compile(checkpointer=self.saver)
            elif isinstance(built, CompiledStateGraph):
                # Whatever it was compiled with, its runs are kept here.
                self._graphs[name] = built.copy({"checkpointer": self.saver})
            else:
                raise WorkflowError(f"The workflow {name!r} builds neither a StateGraph nor a compiled one.")
        return self._graphs[name]

    def node_facts(self, name: str) -> dict[str, dict[str, Any]]:
        """Title, agent, tool and skippable of each node."""
        builder = self.graph(name).builder
        return {node: node_facts(node, spec.metadata) for node, spec in builder.nodes.items()}

    def describe(self) -> list[dict[str, Any]]:
        """The rows of the catalogue."""
        return [self._entry(workflow) for workflow in self._workflows.values()]

    def _entry(self, workflow: Workflow) -> dict[str, Any]:
        drawn = self.graph(workflow.name).get_graph()
        facts = self.node_facts(workflow.name)
        edges = [[edge.source, edge.target, *_condition(edge)] for edge in drawn.edges]
        return {
            "name": workflow.name,
            "version": workflow.version,
            "title": workflow.title,
            "description": workflow.description,
            "input_schema": workflow.input_model.model_json_schema(),
            "examples": list(workflow.examples),
            "nodes": [{"id": node, **facts[node]} for node in _in_order(edges) if node in facts],
            "edges": [edge for edge in edges if edge[0] != START and edge[1] != END],
        }


def node_facts(node: str, metadata: dict[str, Any] | None) -> dict[str, Any]:
    """What a node says of itself, with its name where it says nothing."""
    said = metadata or {}
    return {
        "title": str(said.get("title") or node.replace("_", " ").capitalize()),
        "agent": str(said.get("agent") or ""),
        "tool": str(said.get("tool") or ""),
        "skippable": bool(said.get("skippable", False)),
    }


def _condition(edge: Edge) -> list[str]:
    """What marks an edge that a run may take or not: its label where the workflow gives one."""
    return [str(edge.data or "")] if edge.conditional else []


def _in_order(edges: list[list[str]]) -> list[str]:
    """Nodes in the order in which a run goes through them: each after all that lead to it, ways back left aside."""
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
    """Where a node leads to, last first, so that what is named first comes first in the reversed order."""
    return [target for source, target, *_ in reversed(edges) if source == node]
