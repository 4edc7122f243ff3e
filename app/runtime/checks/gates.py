"""Gates without effect: their exception is caught, or the decision is never checked."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.runtime.checks.finding import CheckFinding, shown
from app.runtime.checks.sources import DEPTH, Source, Sources, calls, dotted, last_name, meaning, statements

_BROAD = frozenset({"Exception", "BaseException", "GraphBubbleUp", "GraphInterrupt"})
"""Exceptions whose handlers catch the one with which a gate stops the graph, by the last part of their name."""
_BUBBLES = frozenset({"GraphBubbleUp", "GraphInterrupt"})
_LOOKS = frozenset({"approved", "verdict", "next_action", "answer"})
"""Attributes of an outcome that depend on the decision."""
_BESIDES = frozenset({
    "payload", "proposal", "comment", "remarks", "digest", "proposed_digest", "request_id", "decided_at",
})  # fmt: skip
"""Attributes of an outcome that do not depend on the decision."""


class Gates:
    """Finds gates without effect in the functions of one workflow."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def of(self, node: str, function: Callable[..., Any]) -> list[CheckFinding]:
        """Return findings about the gates of a node, and of the workflow's own functions that it calls."""
        found: set[CheckFinding] = set()
        for source in self._sources.reached(function):
            found |= set(self._swallowed(node, source)) | set(self._ignored(node, source))
        return sorted(found)

    def _gate_in(self, body: Sequence[ast.AST], source: Source) -> str:
        """Return the first gate in these statements, as it is written; empty if there is none."""
        gates = (call for call in calls(body) if self._sources.is_gate(call, source))
        return next((f"{dotted(gate.func)}()" for gate in gates), "")

    # Swallowed

    def _swallowed(self, node: str, source: Source) -> Iterator[CheckFinding]:
        for statement in statements(source.body):
            if isinstance(statement, ast.Try | ast.TryStar) and (gate := self._gate_in(statement.body, source)):
                yield from self._caught(node, source, statement, gate)
            elif isinstance(statement, ast.With | ast.AsyncWith) and (gate := self._gate_in(statement.body, source)):
                for item in statement.items:
                    call = item.context_expr
                    if isinstance(call, ast.Call) and last_name(call.func) == "suppress" and _broad(call.args):
                        yield self._swallows(node, source, statement.lineno, f"{dotted(call.func)}()", gate)
            elif (
                isinstance(statement, ast.Call)
                and _keeps_exceptions(statement)
                and (gate := self._gate_in(statement.args, source))
            ):
                yield self._swallows(node, source, statement.lineno, "return_exceptions=True", gate)

    def _caught(self, node: str, source: Source, statement: ast.Try | ast.TryStar, gate: str) -> Iterator[CheckFinding]:
        for handler in statement.handlers:
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            if handler.type is None or _broad(kinds):
                if not _lets_out(handler):
                    named = f"except {ast.unparse(handler.type)}" if handler.type else "except"
                    yield self._swallows(node, source, handler.lineno, f"“{named}”", gate)
                break  # the handlers below are never reached
        ending = next((one for one in statements(statement.finalbody) if isinstance(one, ast.Return)), None)
        if ending is not None:
            yield self._swallows(node, source, ending.lineno, "“return” in “finally”", gate)

    @staticmethod
    def _swallows(node: str, source: Source, line: int, what: str, gate: str) -> CheckFinding:
        return CheckFinding(
            shown(source.file), line, "swallowed",
            f"{what} around {gate} catches the exception with which the gate stops the graph, so node {node!r} "
            "continues as if people had approved. Put “except GraphBubbleUp: raise” (from langgraph.errors) first.",
        )  # fmt: skip

    # Ignored

    def _ignored(self, node: str, source: Source) -> Iterator[CheckFinding]:
        parents = {child: parent for parent in ast.walk(source.node) for child in ast.iter_child_nodes(parent)}
        for call in calls(source.body):
            if self._gives_outcome(call, source) and (words := self._fault(call, parents, source)):
                yield CheckFinding(
                    shown(source.file), call.lineno, "ignored",
                    f"{words.format(f'{dotted(call.func)}()')}, so node {node!r} continues even if people reject. "
                    "Continue only if .approved of the outcome is true.",
                )  # fmt: skip

    def _gives_outcome(self, call: ast.Call, source: Source, depth: int = 0) -> bool:
        """Return True for `request_approval`, and for functions of the workflow's own that return its outcome."""
        if last_name(call.func) == "request_approval":
            return True
        inner = self._sources.of(meaning(call.func, source.names))
        if inner is None or depth > DEPTH:
            return False
        given = [statement.value for statement in statements(inner.body) if isinstance(statement, ast.Return)]
        calls = [value for value in given if isinstance(value, ast.Call)]
        return any(self._gives_outcome(call, inner, depth + 1) for call in calls)

    def _fault(self, call: ast.Call, parents: dict[ast.AST, ast.AST], source: Source) -> str:
        """Return the problem with how an outcome is used; empty if none can be seen."""
        used: ast.AST = call
        parent = parents.get(used)
        if isinstance(parent, ast.Await):
            used, parent = parent, parents.get(parent)
        if isinstance(parent, ast.Expr):
            return "The outcome of {} is not used"
        if isinstance(parent, ast.Return):
            return ""  # the callers are checked
        name = _assigned(parent, used)
        if not name:
            uses: list[ast.AST] = [used]
        else:
            uses = [
                one for one in ast.walk(source.node)
                if isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)
            ]  # fmt: skip
            uses += [parent] if isinstance(parent, ast.NamedExpr) else []
            if not uses:
                return "The outcome of {} is not used"
        ways = {_way(one, parents) for one in uses} - {"reported"}
        if ways & {"checked"}:
            return ""
        if "passed on" in ways and (
            self._sources.mentions(source.file, _LOOKS - {"answer"}) or self._sources.applies(source.file)
        ):
            return ""
        return "The decision on {} is not checked"


def _assigned(parent: ast.AST | None, used: ast.AST) -> str:
    """Return the variable that a value is assigned to; empty if there is none."""
    targets: list[ast.expr] = []
    if isinstance(parent, ast.Assign):
        targets = parent.targets
    elif isinstance(parent, ast.AnnAssign | ast.NamedExpr) and parent.value is used:
        targets = [parent.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _way(used: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """Return how an outcome is used in one place: checked, used unchecked, reported on, or passed on."""
    parent = parents.get(used)
    if isinstance(parent, ast.Attribute):
        return "checked" if parent.attr in _LOOKS else "unchecked" if parent.attr in _BESIDES else "passed on"
    if isinstance(parent, ast.Call) and last_name(parent.func) == "report_receipt":
        return "reported"
    return "passed on"


def _broad(kinds: Sequence[ast.AST | None]) -> bool:
    return any(kind is not None and last_name(kind) in _BROAD for kind in kinds)


def _lets_out(handler: ast.ExceptHandler) -> bool:
    """Return True if a caught exception is raised again, always or if it is the gate's."""
    return _ends_in_raise(handler.body, handler.name) or any(
        isinstance(statement, ast.If)
        and any(last_name(part) in _BUBBLES for part in ast.walk(statement.test))
        and _ends_in_raise(statement.body, handler.name)
        for statement in statements(handler.body)
    )


def _ends_in_raise(body: Sequence[ast.stmt], name: str | None) -> bool:
    for node in body:
        if isinstance(node, ast.Raise):
            return node.exc is None or (isinstance(node.exc, ast.Name) and node.exc.id == name)
        if isinstance(node, ast.Return | ast.Continue | ast.Break):
            return False
        both = [node.body, node.orelse] if isinstance(node, ast.If) else []
        if both and all(_ends_in_raise(branch, name) for branch in both):
            return True
        if isinstance(node, ast.With | ast.AsyncWith) and _ends_in_raise(node.body, name):
            return True
    return False


def _keeps_exceptions(call: ast.Call) -> bool:
    return last_name(call.func) == "gather" and any(
        word.arg == "return_exceptions" and not (isinstance(word.value, ast.Constant) and not word.value.value)
        for word in call.keywords
    )
