"""What a node does before a gate happens twice: LangGraph runs the node again from its start when the answer arrives.

Read from the source, without running it. What a call does is judged by its name, and for functions of the workflow's
own by what they call in turn: it finds what is usual, and finding nothing proves nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from app.runtime.checking.finding import Finding, shown

MARK = re.compile(r"#\s*assent:\s*idempotent\b")
GATES = frozenset({"request_approval", "interrupt"})
MOMENTARY = frozenset({
    "now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "uuid1", "uuid4", "random", "randint",
    "choice", "sample", "shuffle", "token_hex", "token_urlsafe", "token_bytes",
})  # fmt: skip
"""Functions of the standard library that give something else each time, by their last name."""
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
_WRITES = re.compile(r"[rbt]*[wax+][rbt+]*")
_DEPTH = 6


@dataclass(frozen=True)
class _Told:
    """A call that matters before a gate."""

    line: int
    words: str
    momentary: bool


@dataclass
class _Source:
    """A function with what its names mean."""

    function: Any
    node: ast.FunctionDef | ast.AsyncFunctionDef
    file: str
    lines: Sequence[str]
    names: dict[str, Any]

    def marked(self, line: int) -> bool:
        """True if the author says that it may happen again: in this line, or alone in the one before."""
        before = self.lines[line - 2].strip() if line > 1 else ""
        return bool(MARK.search(self.lines[line - 1]) or (before.startswith("#") and MARK.match(before)))


@dataclass
class Effects:
    """Finds effects before gates in the functions of one workflow.

    Args:
        folder: in which the workflow's own sources lie; functions from elsewhere are judged by their names.
    """

    folder: Path
    _known: dict[Any, str] = field(default_factory=dict)

    def of(self, node: str, function: Callable[..., Any]) -> list[Finding]:
        """What the node does before one of its gates."""
        source = self._source(function)
        if source is None or _says_idempotent(source.node):
            return []
        walk = _Walk(self, source)
        walk.block(source.node.body, [])
        return sorted({self._finding(node, source, *each) for each in walk.found})

    def _finding(self, node: str, source: _Source, told: _Told, gate: str) -> Finding:
        where = shown(source.file), told.line
        if told.momentary:
            return Finding(
                *where, "changing",
                f"{told.words} before {gate} gives something else when node {node!r} runs again with the answer; a "
                "proposal made of it would not be the one that was reviewed. Make it in an earlier node.",
            )  # fmt: skip
        return Finding(
            *where, "twice",
            f"{told.words} before {gate} happens again when node {node!r} runs again with the answer. Put it in a node "
            "of its own, or mark it with “# assent: idempotent” if that does no harm.",
        )  # fmt: skip

    def gate_in(self, function: Any, depth: int = 0) -> bool:
        """True if a function of the workflow's own asks people."""
        source = self._source(function)
        if source is None or depth > _DEPTH:
            return False
        return any(
            _last(call) in GATES or self.gate_in(_meaning(call.func, source.names), depth + 1)
            for call in ast.walk(source.node)
            if isinstance(call, ast.Call)
        )

    def told(self, call: ast.Call, source: _Source, depth: int = 0) -> _Told | None:
        """What is to be said of a call: that it has an effect, or gives something else each time; None: nothing."""
        name = _dotted(call.func)
        if source.marked(call.lineno):
            return None
        meant = _meaning(call.func, source.names)
        inner = self._source(meant)
        if inner is not None:
            inside = self._inside(inner, depth)
            return _Told(call.lineno, f"{name}() ({inside})", False) if inside else None
        if _is_momentary(call, name, meant):
            return _Told(call.lineno, f"{name}()", True)
        return _Told(call.lineno, f"{name}()", False) if _has_effect(call, name, meant) else None

    def _inside(self, source: _Source, depth: int) -> str:
        """The effect that a function of the workflow's own has, in words; empty: none that is seen."""
        if depth > _DEPTH or _says_idempotent(source.node):
            return ""
        if source.function not in self._known:
            self._known[source.function] = ""  # it may call itself
            for call in _calls(source.node.body):
                told = self.told(call, source, depth + 1)
                if told is not None and not told.momentary:
                    place = f"{told.words.partition(' (')[0]}, line {told.line} of {Path(source.file).name}"
                    self._known[source.function] = place
                    break
        return self._known[source.function]

    def _source(self, function: Any) -> _Source | None:
        function = inspect.unwrap(function) if callable(function) else None
        if not inspect.isfunction(function):
            return None
        file = function.__code__.co_filename
        if not Path(file).is_relative_to(self.folder):
            return None
        tree, lines = _parsed(file)
        for each in ast.walk(tree):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == function.__name__:
                first = min([each.lineno, *(one.lineno for one in each.decorator_list)])
                if first <= function.__code__.co_firstlineno <= each.lineno:
                    names = inspect.getclosurevars(function)
                    return _Source(function, each, file, lines, {**names.globals, **names.nonlocals})
        return None


class _Walk:
    """Goes through a node's statements in the order in which they may be run."""

    def __init__(self, effects: Effects, source: _Source) -> None:
        self._effects = effects
        self._source = source
        self.found: set[tuple[_Told, str]] = set()

    def block(self, body: Sequence[ast.stmt], before: list[_Told]) -> list[_Told] | None:
        """What has happened by the end of the statements; None if they never come to it."""
        for statement in body:
            after = self._statement(statement, before)
            if after is None:
                return None
            before = after
        return before

    def _statement(self, each: ast.stmt, before: list[_Told]) -> list[_Told] | None:
        match each:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return before
            case ast.Return() | ast.Raise():
                self._expressions(each, before)
                return None
            case ast.If():
                before = self._expressions(each.test, before)
                return _either(self.block(each.body, before), self.block(each.orelse, before))
            case ast.For() | ast.AsyncFor() | ast.While():
                before = self._expressions(each.test if isinstance(each, ast.While) else each.iter, before)
                once = self.block(each.body, before) or before
                again = self.block(each.body, once) or once  # what one round did comes before the gate of the next
                return self.block(each.orelse, again)
            case ast.With() | ast.AsyncWith():
                for item in each.items:
                    before = self._expressions(item.context_expr, before)
                return self.block(each.body, before)
            case ast.Try():
                tried = self.block(each.body, before)
                ends = [self.block(handler.body, tried or before) for handler in each.handlers]
                ends.append(self.block(each.orelse, tried) if tried is not None else None)
                return self._finally(each, _either(*ends), before)
            case ast.Match():
                before = self._expressions(each.subject, before)
                return _either(before, *(self.block(case.body, before) for case in each.cases))
        return self._expressions(each, before)

    def _finally(self, each: ast.Try, after: list[_Told] | None, before: list[_Told]) -> list[_Told] | None:
        last = self.block(each.finalbody, after if after is not None else before)
        return last if after is not None else None

    def _expressions(self, each: ast.AST, before: list[_Told]) -> list[_Told]:
        for call in _calls([each]):
            meant = _meaning(call.func, self._source.names)
            if _last(call) in GATES or self._effects.gate_in(meant):
                self.found |= {(told, f"{_dotted(call.func)}()") for told in before}
            elif (told := self._effects.told(call, self._source)) is not None:
                before = [*before, told]
        return before


def _either(*ends: list[_Told] | None) -> list[_Told] | None:
    come = [each for each in ends if each is not None]
    return list(dict.fromkeys(told for each in come for told in each)) if come else None


def _calls(body: Sequence[ast.AST]) -> Iterator[ast.Call]:
    """The calls of these statements in the order in which they are made, but for those of functions defined in them."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield from _calls(list(ast.iter_child_nodes(node)))
        if isinstance(node, ast.Call):
            yield node


@lru_cache(maxsize=256)
def _parsed(file: str) -> tuple[ast.Module, Sequence[str]]:
    text = Path(file).read_text(encoding="utf-8")
    return ast.parse(text), text.splitlines()


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "…"


def _last(call: ast.Call) -> str:
    return _dotted(call.func).rpartition(".")[2]


def _meaning(node: ast.AST, names: dict[str, Any]) -> Any:
    """What a name means where the function is defined; None where that is not known without running it."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _meaning(node.value, names)
        return getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
    return None


def _says_idempotent(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(_dotted(each).rpartition(".")[2] == "idempotent" for each in node.decorator_list)


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
        modes = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        return any(_WRITES.fullmatch(each) for each in modes)
    if owner and last == "execute":
        first = call.args[0] if call.args else None
        return not (isinstance(first, ast.Constant) and isinstance(first.value, str) and _READS.match(first.value))
    return (bool(owner) and last in _METHODS) or bool(_VERBS.fullmatch(last))
