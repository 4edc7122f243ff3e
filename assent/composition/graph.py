"""The graph of a workflow file: an ordinary LangGraph graph, with the steps of the workflows inside as parts of it.

A step that only reads is one node. A step with a gate is three: propose, gate, apply. Where people may be asked about a
failure, there is a fourth. A step that is a workflow is a node that determines its input, the nodes of its steps, and a
node in which they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypedDict

from assent.composition.linking import Flow, LinkedStep
from assent.composition.recovery_words import recovery_words
from assent.composition.scopes import SKIPPED, Scope, State, Values, done, without_output
from assent.composition.step_inputs import StepFailedError
from assent.composition.steps import StepNodes

_Route = Callable[[State], str]


@dataclass(frozen=True)
class _Ends:
    """Where a step begins and ends.

    Attributes:
        last: the node after which the next steps begin.
        route: returns ``next`` if they do, or another key of `targets`; None: they always do.
        targets: the nodes to which else it may lead.
    """

    first: str
    last: str
    route: _Route | None = None
    targets: dict[str, str] = field(default_factory=dict)


def build_graph(flow: Flow) -> Any:
    """Return the graph of a workflow, a `StateGraph`."""
    return _Builder().build(flow)


def outputs_in(flow: Flow, state: State) -> dict[str, Any]:
    """Return the outputs of a workflow's steps by their ids, of the values of a run that has ended; null without one.

    They fit `Flow.output`.
    """
    scope = _scope_of(flow, "")
    return {name: scope.result(name, state)["output"] for name in scope.steps}


def _scope_of(flow: Flow, prefix: str) -> Scope:
    scope = Scope(prefix, steps=tuple(linked.step.id for linked in flow.steps))
    for linked in flow.steps:
        if linked.flow is not None:
            scope.flows[linked.step.id] = _scope_of(linked.flow, f"{prefix}{linked.step.id}.")
    return scope


class _Builder:
    def __init__(self) -> None:
        self._channels: dict[str, Any] = {"input": Any}
        self._nodes: list[tuple[str, Any, dict[str, Any]]] = []
        self._edges: list[tuple[str | list[str], str]] = []
        self._routes: list[tuple[str, Callable[[State], Any], list[str]]] = []

    def build(self, flow: Flow) -> Any:
        from langgraph.graph import END, START, StateGraph

        self._end = END
        firsts, _ = self._flow(flow, Scope(), [END])
        for first in firsts:
            self._edges.append((START, first))
        schema: Any = TypedDict("State", self._channels, total=False)  # type: ignore[misc]
        graph = StateGraph(schema)
        for name, function, metadata in self._nodes:
            graph.add_node(name, function, metadata=metadata)
        for source, target in self._edges:
            graph.add_edge(source, target)
        for source, route, targets in self._routes:
            graph.add_conditional_edges(source, route, targets)
        return graph

    def _flow(self, flow: Flow, scope: Scope, after: list[str]) -> tuple[list[str], Scope]:
        """Add the steps of a workflow, and return the nodes with which it begins.

        Args:
            after: the nodes that follow the whole workflow.
        """
        scope.steps = tuple(linked.step.id for linked in flow.steps)
        ends: dict[str, _Ends] = {}
        for linked in flow.steps:
            if linked.flow is not None:
                scope.flows[linked.step.id] = Scope(f"{scope.prefix}{linked.step.id}.")
        for linked in flow.steps:
            ends[linked.step.id] = self._step(linked, scope)
        followers: dict[str, list[str]] = {name: [] for name in ends}
        joins: list[tuple[list[str], list[str]]] = []
        for linked in flow.steps:
            needs, first = linked.step.needs, ends[linked.step.id].first
            if len(needs) == 1:
                followers[needs[0]].append(first)
            elif needs:
                joins.append((list(needs), [first]))
        needed = {name for linked in flow.steps for name in linked.step.needs}
        sinks = [name for name in ends if name not in needed]
        if after != [self._end]:
            if len(sinks) == 1:
                followers[sinks[0]] += after
            else:
                joins.append((sinks, after))
        joined = {name for names, _ in joins for name in names}
        lasts = {name: self._leave(ends[name], followers[name], name in joined, scope, name) for name in ends}
        for names, targets in joins:
            self._edges += [([lasts[name] for name in names], target) for target in targets]
        return [ends[linked.step.id].first for linked in flow.steps if not linked.step.needs], scope

    def _leave(self, ends: _Ends, followers: list[str], joined: bool, scope: Scope, step: str) -> str:
        """Add the edges from the end of a step to the next ones, and return the node that joins can wait for."""
        if ends.route is None:
            self._edges += [(ends.last, follower) for follower in followers or ([] if joined else [self._end])]
            return ends.last
        last = ends.last
        following = followers
        if joined:
            # A join must wait for the node that runs once the step has really ended, not for each attempt.
            last = f"{scope.prefix}{step}.done"
            self._nodes.append((last, _nothing, {"title": f"End of “{step.replace('_', ' ')}”"}))
            self._edges += [(last, follower) for follower in followers]
            following = [last]
        following = following or [self._end]
        possible = list(dict.fromkeys([*ends.targets.values(), *following]))
        self._routes.append((ends.last, _router(ends.route, ends.targets, following), possible))
        return last

    def _step(self, linked: LinkedStep, scope: Scope) -> _Ends:
        if linked.flow is not None:
            return self._inner(linked, scope)
        nodes = StepNodes(linked, scope)
        self._channels |= dict.fromkeys(nodes.channels, Any)
        about = {"agent": linked.step.agent, "tool": nodes.tool.name}
        acts = about | {"recovery": recovery_words(linked)}
        title, path = linked.step.title, nodes.path
        if not linked.asks:
            self._nodes.append((path, nodes.read, {"title": title, **acts}))
            if not nodes.may_ask_on_failure:
                return _Ends(path, path)
            self._question(nodes, title, {"apply": path, "propose": path})
            return _Ends(path, path, _after_call(nodes), {"question": f"{path}.question"})
        first, gate, last = f"{path}.propose", f"{path}.gate", f"{path}.apply"
        self._nodes += [
            (first, nodes.propose, {"title": f"Propose: {title}", **about}),
            (gate, nodes.gate, {"title": f"Approval: {title}", **about}),
            (last, nodes.apply, {"title": title, **acts}),
        ]
        targets = {"question": f"{path}.question"} if nodes.may_ask_on_failure else {}
        self._routes.append((first, _router(_after_proposal(nodes), targets | {"gate": gate}, [last]), [
            gate, last, *targets.values(),
        ]))  # fmt: skip
        self._routes.append((gate, _router(_after_gate(nodes), {"stop": self._end}, [last]), [last, self._end]))
        back = {"apply": last, "propose": first}
        if linked.step.rests_on:
            look = f"{path}.look"
            self._nodes.append((look, nodes.look, {"title": f"Look again: {title}", "agent": linked.step.agent}))
            self._routes.append((look, _router(_after_look(nodes), targets, [first]), [first, *targets.values()]))
            back["look"] = targets["look"] = look
        if nodes.may_ask_on_failure:
            self._question(nodes, title, back)
        targets |= {"correct": first} if nodes.may_correct else {}
        targets |= {"again": last} if linked.rows is not None else {}
        return _Ends(first, last, _after_call(nodes), targets | {"stop": self._end})

    def _question(self, nodes: StepNodes, title: str, targets: dict[str, str]) -> None:
        name = f"{nodes.path}.question"
        self._nodes.append((name, nodes.ask, {"title": f"Question: {title}", "agent": nodes.step.agent}))
        found = targets | {"stop": self._end}
        self._routes.append((name, _router(nodes.after_question, found, []), list(dict.fromkeys(found.values()))))

    def _inner(self, linked: LinkedStep, scope: Scope) -> _Ends:
        """Add a step that is a workflow: the node that determines its input, its steps, and the node of its end."""
        assert linked.flow is not None
        path = f"{scope.prefix}{linked.step.id}"
        begin = _Begin(linked, scope, f"{path}.input")
        self._channels[begin.channel] = Any
        last = f"{path}.done"
        facts = {"agent": linked.step.agent}
        self._nodes.append((path, begin, {"title": linked.step.title, **facts}))
        self._nodes.append((last, _nothing, {"title": f"End of “{linked.step.title}”", **facts}))
        firsts, _ = self._flow(linked.flow, scope.flows[linked.step.id], [last])
        self._routes.append((path, _router(begin.route, {"skip": last}, firsts), [*firsts, last]))
        return _Ends(path, last)


class _Begin:
    """The node with which a step that is a workflow begins."""

    def __init__(self, linked: LinkedStep, scope: Scope, channel: str) -> None:
        self._linked = linked
        self._scope = scope
        self.channel = channel

    def __call__(self, state: State) -> dict[str, Any]:
        """Determine the workflow's input, or skip it."""
        linked = self._linked
        assert linked.flow is not None
        if linked.condition is not None and not Values(self._scope, state).is_true(linked.condition):
            return {self.channel: without_output(SKIPPED, f"The condition is not true: {linked.step.when}")}
        values = Values(self._scope, state)
        inputs = linked.inputs.resolve(values)
        problems = linked.flow.shape.problems(inputs)
        if values.missing and (values.missing_in_text or problems):
            reason = f"{values.missing[0]} has no value, because that step has no output."
            return {self.channel: without_output(SKIPPED, reason)}
        if problems:
            words = " ".join(f"{field or 'The input'}: {said}" for field, said in problems.items())
            raise StepFailedError(f"The inputs do not fit {linked.step.workflow}. {words}")
        return {self.channel: done(linked.flow.shape.document(inputs))}

    def route(self, state: State) -> str:
        """Return whether the workflow's steps are skipped."""
        return "skip" if state[self.channel]["status"] == SKIPPED else "next"


def _nothing(state: State) -> dict[str, Any]:
    return {}


def _router(route: _Route, targets: dict[str, str], following: Iterable[str]) -> Callable[[State], Any]:
    """Return a function that LangGraph calls after a node: it returns the nodes to go on with."""
    going_on = list(following)

    def router(state: State) -> Any:
        return targets.get(route(state), going_on)

    return router


def _after_proposal(nodes: StepNodes) -> _Route:
    def route(state: State) -> str:
        if state.get(nodes.result) is not None:
            return "next"
        failed = nodes.may_ask_on_failure and state.get(nodes.failure) is not None
        return "question" if failed else "gate"

    return route


def _after_look(nodes: StepNodes) -> _Route:
    def route(state: State) -> str:
        return "question" if state.get(nodes.failure) is not None else "next"

    return route


def _after_gate(nodes: StepNodes) -> _Route:
    def route(state: State) -> str:
        result = state.get(nodes.result)
        return "stop" if result is not None and nodes.step.on_reject == "stop" else "next"

    return route


def _after_call(nodes: StepNodes) -> _Route:
    def route(state: State) -> str:
        result = state.get(nodes.result)
        if result is None:
            failed = nodes.may_ask_on_failure and state.get(nodes.failure) is not None
            if not failed and nodes.is_corrected(state):
                return "correct"
            return "question" if failed else "look" if nodes.must_look(state) else "again"
        return "stop" if result["status"] == "rejected" and nodes.step.on_reject == "stop" else "next"

    return route
