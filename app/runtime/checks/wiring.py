"""Checks of a graph's structure: routes to missing nodes, and settings that are incompatible with gates."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langgraph.graph import END, StateGraph
from langgraph.graph.state import CompiledStateGraph

from app.runtime.checks.finding import CheckFinding, at, shown
from app.runtime.checks.sources import DEPTH, Source, Sources, calls, last_name, meaning, statements

_RUNNING = frozenset({"invoke", "ainvoke", "stream", "astream"})


class Wiring:
    """Checks the graphs of one workflow.

    Args:
        build: The workflow's function, where findings are located if nothing more precise is known.
        fallback: The file in which findings are located otherwise.
    """

    def __init__(self, sources: Sources, build: Callable[..., Any], fallback: str) -> None:
        self._sources = sources
        self._build = build
        self._fallback = fallback

    def of(self, graph: StateGraph[Any] | CompiledStateGraph[Any], parents: str = "") -> list[CheckFinding]:
        """Return findings about a graph and the graphs inside it, except for the code of the nodes."""
        builder = graph.builder if isinstance(graph, CompiledStateGraph) else graph
        found = [*self._contexts(builder, parents), *self._routes(builder, parents), *self._settings(builder, parents)]
        if isinstance(graph, CompiledStateGraph):
            found += self._breakpoints(graph, parents)
        for name, spec in builder.nodes.items():
            runnable: Any = spec.runnable
            if isinstance(runnable, CompiledStateGraph):
                found += self.of(runnable, f"{parents}{name}/")
        return found

    def asks(self, runnable: Any) -> bool:
        """Return True if a node, or a node of its subgraph, requests approval."""
        if isinstance(runnable, CompiledStateGraph):
            return any(self.asks(spec.runnable) for spec in runnable.builder.nodes.values())
        return any(self._sources.asks(function) for function in functions_of(runnable))

    def _contexts(self, builder: StateGraph[Any], parents: str) -> Iterator[CheckFinding]:
        if builder.context_schema is not None:
            graph = f"The graph of node {parents.removesuffix('/')!r}" if parents else "The graph"
            words = (
                f"{graph} has a context_schema, but runs are started with an input and without a context: "
                "runtime.context is None. Use the input, or the worker's environment."
            )
            yield self._where(("context_schema",), "context", words)

    def _settings(self, builder: StateGraph[Any], parents: str) -> Iterator[CheckFinding]:
        for name, spec in builder.nodes.items():
            runnable: Any = spec.runnable
            if spec.cache_policy is not None and self.asks(runnable):
                words = (
                    f"Node {parents + name!r} requests approval and has a cache_policy: a decision for one run would "
                    "apply to others. The portal does not cache it; remove the policy, or request approval elsewhere."
                )
                yield self._where((name, "cache_policy"), "cached", words)
            if isinstance(runnable, CompiledStateGraph) and runnable.checkpointer is False:
                yield self._where((name, "checkpointer"), "checkpointer", _no_checkpoints(f"Node {parents + name!r}"))
            for source in (reached for one in functions_of(runnable) for reached in self._sources.reached(one)):
                for call in calls(source.body):
                    if last_name(call.func) in _RUNNING and isinstance(call.func, ast.Attribute):
                        graph = meaning(call.func.value, source.names)
                        if isinstance(graph, CompiledStateGraph) and graph.checkpointer is False:
                            words = _no_checkpoints(f"The graph that node {parents + name!r} runs")
                            yield CheckFinding(shown(source.file), call.lineno, "checkpointer", words)

    def _breakpoints(self, graph: CompiledStateGraph[Any], parents: str) -> Iterator[CheckFinding]:
        for setting, nodes in (
            ("interrupt_before", graph.interrupt_before_nodes), ("interrupt_after", graph.interrupt_after_nodes),
        ):  # fmt: skip
            if nodes:
                named = "every node" if isinstance(nodes, str) else ", ".join(repr(parents + name) for name in nodes)
                words = (
                    f"{setting} of {named}: each time a run reaches it, the breakpoint opens an approval request that "
                    "asks whether to continue."
                )
                yield self._where((setting,), "breakpoint", words, note=True)

    # Routes

    def _routes(self, builder: StateGraph[Any], parents: str) -> Iterator[CheckFinding]:
        nodes = {*builder.nodes, END}
        for start, branches in builder.branches.items():
            for branch in branches.values():
                known = set(branch.ends) if branch.ends is not None else nodes
                of = "its path map" if branch.ends is not None else "the graph"
                for source, line, target in (edge for one in functions_of(branch.path) for edge in self._targets(one)):
                    if target not in known and not (isinstance(target, _Sent) and target in nodes):
                        after = f"The router after {parents + start!r}"
                        words = f"{after} goes to {str(target)!r}, which {of} does not have."
                        yield CheckFinding(shown(source.file), line, "route", words)
        for name, spec in builder.nodes.items():
            for source in (reached for one in functions_of(spec.runnable) for reached in self._sources.reached(one)):
                for line, target in _commands(source):
                    if target not in nodes:
                        words = f"Node {parents + name!r} goes to {str(target)!r}, which the graph does not have."
                        yield CheckFinding(shown(source.file), line, "route", words)

    def _targets(self, function: Any, depth: int = 0) -> Iterator[tuple[Source, int, Any]]:
        """Yield the targets of a router, as far as they are constants."""
        source = self._sources.of(function)
        if source is None or depth > DEPTH:
            return
        given: Sequence[ast.AST | None]
        if isinstance(source.node, ast.Lambda):
            given = [source.node.body]
        else:
            given = [statement.value for statement in statements(source.body) if isinstance(statement, ast.Return)]
        for value in given:
            for part in _parts(value, source, set()):
                called = meaning(part.func, source.names) if isinstance(part, ast.Call) else None
                if called is not None and self._sources.of(called) is not None:
                    yield from self._targets(called, depth + 1)
                elif (target := _constant(part, source)) is not None:
                    yield source, part.lineno, target

    def _where(self, named: tuple[str, ...], code: str, words: str, note: bool = False) -> CheckFinding:
        """Return a finding at the call that names something, among the calls that build the graph."""
        for source in self._sources.reached(self._build):
            for call in calls(source.body):
                said = {word.arg for word in call.keywords} | {
                    arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                }
                if said & set(named):
                    return CheckFinding(shown(source.file), call.lineno, code, words, note)
        here = at(self._build, code, words, self._fallback)
        return CheckFinding(here.file, here.line, code, words, note)


class _Sent(str):
    """A node that `Send` names. Path maps do not apply to it."""


def functions_of(runnable: Any) -> list[Any]:
    """Return the functions of a runnable."""
    both = (getattr(runnable, "func", None), getattr(runnable, "afunc", None))
    return [function for function in both if function is not None]


def _no_checkpoints(what: str) -> str:
    return (
        f"{what} is a graph compiled with checkpointer=False, which cannot be suspended: requests for approval in it "
        "fail, and after a crash all of it runs again. Compile it without a checkpointer; it uses that of the run."
    )


def _parts(value: ast.AST | None, source: Source, seen: set[str]) -> Iterator[ast.expr]:
    """Yield the values that an expression may have."""
    if isinstance(value, ast.IfExp):
        yield from _parts(value.body, source, seen)
        yield from _parts(value.orelse, source, seen)
    elif isinstance(value, ast.List | ast.Tuple | ast.Set):
        for element in value.elts:
            yield from _parts(element, source, seen)
    elif isinstance(value, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        yield from _parts(value.elt, source, seen)
    elif isinstance(value, ast.BoolOp):
        for operand in value.values:
            yield from _parts(operand, source, seen)
    elif isinstance(value, ast.Name) and value.id not in source.names and value.id not in seen:
        for statement in statements(source.body):
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == value.id for target in statement.targets
            ):
                yield from _parts(statement.value, source, seen | {value.id})
    elif isinstance(value, ast.expr):
        yield value


def _constant(part: ast.expr, source: Source) -> Any:
    """Return the node that an expression names; None if it cannot be known without running it."""
    if isinstance(part, ast.Constant):
        return part.value
    if isinstance(part, ast.Call) and last_name(part.func) == "Send" and part.args:
        sent = _constant(part.args[0], source)
        return _Sent(sent) if isinstance(sent, str) else None
    meant = meaning(part, source.names)
    return meant if isinstance(meant, str) else None


def _commands(source: Source) -> Iterator[tuple[int, Any]]:
    """Yield the targets of `Command(goto=…)` of a function in the graph of its node."""
    for call in calls(source.body):
        words = {word.arg: word.value for word in call.keywords}
        if last_name(call.func) == "Command" and "goto" in words and "graph" not in words:
            for part in _parts(words["goto"], source, set()):
                if (target := _constant(part, source)) is not None:
                    yield part.lineno, target
