"""Effects before a gate. They happen twice, because LangGraph runs the node again from its start with the answer.

The check reads the source without running it. It judges calls by name, and the workflow's own functions by what they
call in turn. So it finds common mistakes, but finding none proves nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from app.runtime.checks.finding import CheckFinding, shown
from app.runtime.checks.models import asks_model
from app.runtime.checks.sources import DEPTH, Source, Sources, calls, dotted, meaning

MOMENTARY = frozenset({
    "now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "uuid1", "uuid4", "random", "randint",
    "choice", "sample", "shuffle", "token_hex", "token_urlsafe", "token_bytes",
})  # fmt: skip
"""Functions of the standard library that return a different value each time, by the last part of their name."""
_MOMENTARY_OF = frozenset({"datetime", "date", "time", "uuid", "random", "secrets"})
_METHODS = frozenset({
    "write", "writelines", "write_text", "write_bytes", "unlink", "touch", "mkdir", "rmdir", "rename", "executemany",
    "executescript", "commit", "post", "put", "patch", "delete", "send", "sendmail", "send_message", "publish",
    "upload", "insert_one", "insert_many", "update_one", "update_many", "delete_one", "delete_many", "save",
    "put_object",
})  # fmt: skip
_VERBS = re.compile(
    r"(send|delete|create|insert|drop|write|update|post|publish|upload|apply|execute|remove|notify|charge|pay|transfer|"
    r"deploy|restart|start|stop|kill|purge|truncate)_\w+"
)
_HARMLESS = frozenset({"publish_artifact", "report_receipt", "update_forward_refs", "create_model"})
_OF_MODULES = {
    "os": {"remove", "unlink", "rename", "replace", "makedirs", "mkdir", "rmdir", "removedirs", "system", "kill"},
    "shutil": {"rmtree", "move", "copy", "copy2", "copyfile", "copytree"},
    "subprocess": {"run", "call", "check_call", "check_output", "Popen"},
}
_READS = re.compile(r"\s*(select|show|explain|with|values|pragma)\b", re.IGNORECASE)
_WORDS = {
    "twice": "happens again {}. Move it to a node of its own, or mark it with “# assent: idempotent” if that is "
    "harmless.",
    "changing": "returns a different value {}; a proposal made from it would not be the one that was reviewed. Call it "
    "in an earlier node.",
    "model": "asks the model again {}, which may answer differently; a proposal made from that would not be the one "
    "that was reviewed. Ask the model in an earlier node.",
}
_WRITES = re.compile(r"[rbt]*[wax+][rbt+]*")


@dataclass(frozen=True)
class _Effect:
    """A call that is a problem before a gate."""

    line: int
    words: str
    kind: str = "twice"


@dataclass
class Effects:
    """Finds effects before gates in the functions of one workflow."""

    sources: Sources
    _known: dict[Any, _Effect | None] = field(default_factory=dict)

    def of(self, node: str, function: Callable[..., Any]) -> list[CheckFinding]:
        """Return the effects before gates in the node, and in its own functions that request approval."""
        source = self.sources.of(function)
        if source is None or "idempotent" in source.decorators:
            return []
        found: set[CheckFinding] = set()
        for reached in self.sources.reached(function):
            if not isinstance(reached.node, ast.Lambda) and "idempotent" not in reached.decorators:
                walk = _EffectWalk(self, reached)
                walk.block(reached.node.body, [])
                found |= {self._finding(node, reached, *spot) for spot in walk.found}
        return sorted(found)

    def _finding(self, node: str, source: Source, effect: _Effect, gate: str) -> CheckFinding:
        again = f"when node {node!r} runs again with the answer"
        words = f"{effect.words} before {gate} {_WORDS[effect.kind].format(again)}"
        return CheckFinding(shown(source.file), effect.line, effect.kind, words)

    def effect(self, call: ast.Call, source: Source, depth: int = 0) -> _Effect | None:
        """Return whether a call has an effect, or a different result each time; None if neither."""
        name = dotted(call.func)
        if source.marked(call.lineno):
            return None
        meant = meaning(call.func, source.names)
        inner = self.sources.of(meant)
        if inner is not None:
            inside = self._inside(inner, depth)
            return _Effect(call.lineno, f"{name}() ({inside.words})", inside.kind) if inside else None
        if asks_model(call, source.names):
            return _Effect(call.lineno, f"{name}()", "model")
        if _is_momentary(call, name, meant):
            return _Effect(call.lineno, f"{name}()", "changing")
        return _Effect(call.lineno, f"{name}()") if _has_effect(call, name, meant) else None

    def _inside(self, source: Source, depth: int) -> _Effect | None:
        """Return the effect of a function of the workflow's own; None if none can be seen."""
        if depth > DEPTH or "idempotent" in source.decorators:
            return None
        if source.function not in self._known:
            self._known[source.function] = None  # it may call itself
            for call in calls(source.body):
                effect = self.effect(call, source, depth + 1)
                if effect is not None and effect.kind != "changing":
                    where = f"{effect.words.partition(' (')[0]}, line {effect.line} of {Path(source.file).name}"
                    self._known[source.function] = _Effect(effect.line, where, effect.kind)
                    break
        return self._known[source.function]


class _EffectWalk:
    """Walks through a node's statements in the order in which they may run."""

    def __init__(self, effects: Effects, source: Source) -> None:
        self._effects = effects
        self._source = source
        self.found: set[tuple[_Effect, str]] = set()

    def block(self, body: Sequence[ast.stmt], before: list[_Effect]) -> list[_Effect] | None:
        """Return the effects until the end of the statements; None if the end is never reached."""
        for statement in body:
            after = self._statement(statement, before)
            if after is None:
                return None
            before = after
        return before

    def _statement(self, statement: ast.stmt, before: list[_Effect]) -> list[_Effect] | None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return before
            case ast.Return() | ast.Raise():
                self._expressions(statement, before)
                return None
            case ast.If():
                before = self._expressions(statement.test, before)
                return _either(self.block(statement.body, before), self.block(statement.orelse, before))
            case ast.For() | ast.AsyncFor() | ast.While():
                head = statement.test if isinstance(statement, ast.While) else statement.iter
                before = self._expressions(head, before)
                once = self.block(statement.body, before) or before
                again = self.block(statement.body, once) or once  # an iteration precedes the next one's gate
                return self.block(statement.orelse, again)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    before = self._expressions(item.context_expr, before)
                return self.block(statement.body, before)
            case ast.Try():
                tried = self.block(statement.body, before)
                ends = [self.block(handler.body, tried or before) for handler in statement.handlers]
                ends.append(self.block(statement.orelse, tried) if tried is not None else None)
                return self._finally(statement, _either(*ends), before)
            case ast.Match():
                before = self._expressions(statement.subject, before)
                return _either(before, *(self.block(case.body, before) for case in statement.cases))
        return self._expressions(statement, before)

    def _finally(self, statement: ast.Try, after: list[_Effect] | None, before: list[_Effect]) -> list[_Effect] | None:
        last = self.block(statement.finalbody, after if after is not None else before)
        return last if after is not None else None

    def _expressions(self, node: ast.AST, before: list[_Effect]) -> list[_Effect]:
        for call in calls([node]):
            if self._effects.sources.is_gate(call, self._source):
                self.found |= {(effect, f"{dotted(call.func)}()") for effect in before}
            elif (effect := self._effects.effect(call, self._source)) is not None:
                before = [*before, effect]
        return before


def _either(*ends: list[_Effect] | None) -> list[_Effect] | None:
    come = [end for end in ends if end is not None]
    return list(dict.fromkeys(effect for end in come for effect in end)) if come else None


def _is_momentary(call: ast.Call, name: str, meant: Any) -> bool:
    owner, _, last = name.rpartition(".")
    if last not in MOMENTARY:
        return False
    if owner:
        return owner.rpartition(".")[2] in _MOMENTARY_OF
    return getattr(meant, "__module__", "") in _MOMENTARY_OF


def _has_effect(call: ast.Call, name: str, meant: Any) -> bool:
    owner, _, last = name.rpartition(".")
    if last in _HARMLESS or isinstance(meant, type):
        return False
    module = meant.__name__ if isinstance(meant, ModuleType) else owner.rpartition(".")[2]
    if last in _OF_MODULES.get(module, ()):
        return True
    if last == "open":
        given = [*call.args[0 if owner else 1 :], *(word.value for word in call.keywords)]
        constants = [argument.value for argument in given if isinstance(argument, ast.Constant)]
        modes = [value for value in constants if isinstance(value, str)]
        return any(_WRITES.fullmatch(mode) for mode in modes)
    if owner and last == "execute":
        first = call.args[0] if call.args else None
        return not (isinstance(first, ast.Constant) and isinstance(first.value, str) and _READS.match(first.value))
    return (bool(owner) and last in _METHODS) or bool(_VERBS.fullmatch(last))
