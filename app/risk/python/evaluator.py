"""Following a Python text in order: what names stand for, and which calls are made with which values."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tree_sitter import Node

from app.risk.budget import OverBudgetError
from app.risk.python import assignments, decorations, expressions, flow
from app.risk.python.imports import CONVENTIONS, import_names
from app.risk.python.nodes import rest_of, text
from app.risk.python.own import Own
from app.risk.python.values import ANY, Value, one_of
from app.risk.reading import Reading
from app.risk.words import UNKNOWN

DEEPEST = 120
"""How deep a text may be nested."""
_CALL_DEPTH = 3
"""How deep calls of the text's own functions are followed."""
_MOST_CALLS = 10
"""How many different calls of one function are followed."""
_BUILTINS = frozenset(dir(builtins)) | {"unicode", "xrange", "raw_input", "execfile", "reduce", "get_ipython"}
_PLAIN = ("builtins.str", "builtins.bytes", "builtins.object", "typing.Any")


class Evaluator:
    """Visits the nodes of one text.

    Attributes:
        reading: What is found is added here.
        scopes: What names stand for: of the module, and of the functions and classes around the current node.
        own: Functions and classes of the text, by qualified name (``own.NAME``).
        facts: What has been seen so far that gives later calls a meaning, such as ``socket``.
        dialect: The dialect of the database that was opened last.
        stale: Dictionaries that were changed after they were made.
        listed: Patterns of files that the text has listed, and that are there.
        secret_copies: Paths of files into which the text has copied secrets.
        looked_at: Paths of files that the text has read.
        downloaded: Paths of files to which something was downloaded.
        written: Texts that were written to files, by path.
        given_run: Line of a program or code that is run, and not known at all; 0 if there is none.
        loops: How many loops the current node is in.
        rounds: How many of these loops are followed round by round.
        guards: How many conditions are between the innermost loop and the current node.
        options: What is known of the options of the command line, by name.
        called: Names that the text calls, other than where it defines them.
        mocks_hold: Nothing in the text suggests that what it replaces by mocks runs nevertheless.
        mocked: What is only played at the current node: functions such as ``shutil.rmtree``, and ``moto``.
    """

    def __init__(
        self,
        reading: Reading,
        call: Callable[[Evaluator, Node], Value],
        *,
        mocks_hold: bool,
        called: frozenset[str] = frozenset(),
    ) -> None:
        self.reading = reading
        self.own: dict[str, Own] = {}
        self.facts: set[str] = set()
        self.dialect = ""
        self.stale: set[Value] = set()
        self.listed: set[str] = set()
        self.secret_copies: set[str] = set()
        self.looked_at: set[str] = set()
        self.downloaded: set[str] = set()
        self.written: dict[str, str] = {}
        self.given_run = 0
        self.loops = 0
        self.rounds = 0
        self.guards = 0
        self.options: dict[str, Value] = {}
        self.called = called
        self.mocks_hold = mocks_hold
        self.mocked: frozenset[str] = frozenset()
        self._decorators: dict[int, list[tuple[Node, Value]]] = {}
        self._pending: list[tuple[Node, Value | None]] = []
        self._call = call
        self.scopes: list[dict[str, Value]] = [{}]
        self._returns: list[list[Value]] = [[]]
        self._depth = 0
        self._nodes = 0
        self._following = 0
        self._followed: dict[object, Value] = {}
        self._follows: Counter[int] = Counter()
        self._missed: set[int] = set()

    # Names

    def lookup(self, name: str) -> Value:
        """Return what a name stands for."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        if name in _BUILTINS:
            return Value(name=f"builtins.{name}")
        return Value(name=CONVENTIONS[name]) if name in CONVENTIONS else ANY

    def bind(self, name: str, value: Value) -> None:
        """Let a name stand for a value."""
        self.scopes[-1][name] = value

    def assign(self, target: Node, value: Value) -> None:
        """Assign to a name, an attribute, an element, or several of them."""
        assignments.assign(self, target, value)

    def note_given_run(self, line: int) -> None:
        """Note that a function runs a program or code that it was given from outside."""
        if self._following or self.loops:
            self.given_run = self.given_run or line

    def note_stale(self, value: Value) -> None:
        """Note that a list or dictionary is changed in place: what other names of it hold is not known any more."""
        if value.fields is not None:
            self.stale.add(value)

    # Nodes

    def visit(self, node: Node | None) -> Value:
        """Evaluate an expression or run a statement, with everything in it."""
        if node is None:
            return ANY
        self._depth += 1
        self._nodes += 1
        late = self._nodes % 500 == 0 and self.reading.budget.late
        if self._depth > DEEPEST or late:
            self._depth = 0
            raise OverBudgetError
        try:
            handler = _STATEMENTS.get(node.type) or expressions.EXPRESSIONS.get(node.type)
            if handler is not None:
                return handler(self, node)
            if node.type == "call":
                self.reading.budget.step()
                return self._call(self, node)
            self.visit_all(node.named_children)
            return ANY
        finally:
            self._depth -= 1

    def visit_all(self, nodes: list[Node]) -> None:
        """Visit nodes in order."""
        for node in nodes:
            self.visit(node)

    # Functions of the text

    def follow(self, node: Node, arguments: dict[str | int, Value], own_object: Value | None = None) -> Value:
        """Run a function of the text with arguments, and return its result. Deep nesting is not followed."""
        known = tuple((name, value) for name, value in arguments.items() if value != ANY)
        key = (node.start_byte, own_object, known, self.mocked)
        if key in self._followed:
            return self._followed[key]
        if self._following >= _CALL_DEPTH or self._follows[node.start_byte] >= _MOST_CALLS:
            self._missed.add(node.start_byte)
            return ANY
        self._follows[node.start_byte] += 1
        self._followed[key] = ANY  # for calls of itself
        self._following += 1
        try:
            value = self._followed[key] = self._inside(node, arguments, own_object)
            return value
        finally:
            self._following -= 1

    def handle(self, function: Value) -> None:
        """Run a function of the text as one that is called with what comes from other machines."""
        own = self.own.get(function.name)
        self.facts.add("serves")
        if own is not None and own.node.type == "function_definition":
            self.follow(own.node, dict.fromkeys(range(4), decorations.FROM_OUTSIDE))

    def is_fixture(self, node: Node) -> bool:
        """Return True if pytest calls a function, to hand over what it returns to tests."""
        made = self._decorators.get(node.start_byte, [])
        return any((value.name or value.kind) == "pytest.fixture" for _, value in made)

    def _inside(self, node: Node, arguments: dict[str | int, Value], own_object: Value | None = None) -> Value:
        self.scopes.append({})
        self._returns.append([])
        loops, self.loops = self.loops, 0 if not arguments else self.loops
        options = self.reading.options
        try:
            names = list(self._parameters(node.child_by_field_name("parameters")))
            if own_object is not None and names:
                self.bind(names.pop(0)[0], own_object)
            rest = rest_of(node.child_by_field_name("parameters"))
            decorators = self._decorators.get(node.start_byte, [])
            defaults = decorations.defaults(self, node, decorators)
            handed = decorations.handed(decorators)
            for number, (name, default) in enumerate(names):
                default = defaults.get(name, handed if default == ANY else default)
                if name in rest and number in arguments:
                    given = [
                        arguments[place] for place in sorted(place for place in arguments if isinstance(place, int))
                    ]
                    self.bind(name, Value(items=tuple(given[number:])))
                else:
                    self.bind(name, arguments.get(number, arguments.get(name, default)))
            with decorations.mocking(self, [value for _, value in self._decorators.get(node.start_byte, [])]):
                value = self.visit(node.child_by_field_name("body"))
            returned = self._returns[-1]
            if node.type == "lambda":
                return value
            return one_of(returned) if returned else ANY
        finally:
            self.loops = loops
            if not arguments:
                self.reading.options = options
            self.scopes.pop()
            self._returns.pop()

    def _parameters(self, node: Node | None) -> Iterator[tuple[str, Value]]:
        for part in node.named_children if node is not None else []:
            if part.type == "identifier":
                yield text(part), ANY
            elif part.type in ("default_parameter", "typed_default_parameter"):
                name = part.child_by_field_name("name")
                yield text(name) if name is not None else "", self.visit(part.child_by_field_name("value"))
            elif part.type == "typed_parameter":
                yield text(part.named_children[0]).lstrip("*"), self._annotated(part.child_by_field_name("type"))
            elif part.type in ("list_splat_pattern", "dictionary_splat_pattern"):
                yield text(part).lstrip("*"), ANY

    def _annotated(self, node: Node | None) -> Value:
        """Return what a value's annotation says about it."""
        parts = node.named_children if node is not None else []
        named = self.visit(parts[0]) if parts and parts[0].type in ("identifier", "attribute") else ANY
        if named.name in ("pathlib.Path", "pathlib.PurePath"):
            return Value(UNKNOWN, kind="pathlib.Path")
        return Value(kind=named.name) if named.name and named.name not in _PLAIN else ANY

    def define(self, node: Node) -> Value:
        """Note a function or class, and read its body once as if it were called with unknown arguments."""
        name_node = node.child_by_field_name("name")
        name = f"own.{text(name_node)}" if name_node is not None else "own."
        value = Value(name=name)
        self.own[name] = Own(node)
        if name_node is not None:
            self.bind(text(name_node), value)
        if node.type == "class_definition":
            self._define_class(node, name)
        else:
            self._annotations(node)
            self._follow_later(node)
        return value

    def _annotations(self, node: Node) -> None:
        """Evaluate the annotations of a function, which happens where it is defined."""
        parameters = node.child_by_field_name("parameters")
        for part in parameters.named_children if parameters is not None else []:
            self.visit(part.child_by_field_name("type"))
        self.visit(node.child_by_field_name("return_type"))

    def _follow_later(self, node: Node, own_object: Value | None = None) -> None:
        """Read a function as if it were called with unknown arguments, unless the text itself calls it with others."""
        if len(self.scopes) == 1 or self.mocked:
            self._pending.append((node, own_object))
        else:
            self.follow(node, {}, own_object)

    def finish(self) -> None:
        """Read the functions that the text defines, but has not called: last those that others of them call."""
        self._pending.sort(key=lambda pending: text(pending[0].child_by_field_name("name")) in self.called)
        while self._pending:
            node, own_object = self._pending.pop(0)
            if not self._follows[node.start_byte] or node.start_byte in self._missed:
                self._follows[node.start_byte] = 0
                self.follow(node, {}, own_object)

    def _define_class(self, node: Node, name: str) -> None:
        bases = node.child_by_field_name("superclasses")
        own = self.own[name]
        own.bases = [self.visit(base) for base in bases.named_children] if bases is not None else []
        body = node.child_by_field_name("body")
        if body is None:
            return
        for part in body.named_children:
            inner = part.child_by_field_name("definition") if part.type == "decorated_definition" else part
            inner_name = inner.child_by_field_name("name") if inner is not None else None
            if inner is not None and inner.type == "function_definition" and inner_name is not None:
                own.methods[text(inner_name)] = inner
        self.scopes.append({})
        try:
            for part in body.named_children:
                inner = part.child_by_field_name("definition") if part.type == "decorated_definition" else part
                if inner is None or inner.type != "function_definition":
                    self.visit(part)
            own.attributes.update(self.scopes[-1])
        finally:
            self.scopes.pop()
        if "__init__" in own.methods:
            self.follow(own.methods["__init__"], {}, Value(kind=name))
        for method in own.methods.values():
            self._follow_later(method, Value(kind=name))

    # Statements

    def _with(self, node: Node) -> Value:
        clauses = [part for part in node.named_children if part.type == "with_clause"]
        values = [self.visit(item) for clause in clauses for item in clause.named_children]
        with decorations.mocking(self, values):
            self.visit(node.child_by_field_name("body"))
        return ANY

    def _as_pattern(self, node: Node) -> Value:
        value = self.visit(node.named_children[0]) if node.named_children else ANY
        target = node.child_by_field_name("alias")
        if target is not None:
            self.assign(target, value)
        return value

    def _assignment(self, node: Node) -> Value:
        self.visit(node.child_by_field_name("type"))
        value = self.visit(node.child_by_field_name("right"))
        left = node.child_by_field_name("left")
        if left is not None and node.child_by_field_name("right") is not None:
            self.assign(left, value)
        return value

    def _augmented(self, node: Node) -> Value:
        value = expressions.binary(self, node)
        left = node.child_by_field_name("left")
        if left is not None:
            self.assign(left, value)
        return value

    def _return(self, node: Node) -> Value:
        values = [self.visit(part) for part in node.named_children]
        self._returns[-1].append(values[0] if values else ANY)
        return ANY

    def _try(self, node: Node) -> Value:
        self.visit_all(node.named_children)
        return ANY

    def _import(self, node: Node) -> Value:
        for name, value in import_names(node, self.reading, self.downloaded):
            self.bind(name, value)
        return ANY

    def _decorated(self, node: Node) -> Value:
        decorators = [part for part in node.named_children if part.type == "decorator"]
        made = [(part, self.visit(part.named_children[0])) for part in decorators if part.named_children]
        definition = node.child_by_field_name("definition")
        if definition is not None:
            self._decorators[definition.start_byte] = made
        return self.visit(definition)

    def _nothing(self, _node: Node) -> Value:
        return ANY

    def _expression(self, node: Node) -> Value:
        values = [self.visit(part) for part in node.named_children]
        return values[-1] if values else ANY


_Handler = Callable[[Evaluator, Node], Value]
_STATEMENTS: dict[str, _Handler] = {
    "if_statement": flow.if_statement, "for_statement": flow.for_statement, "while_statement": flow.while_statement,
    "with_statement": Evaluator._with, "as_pattern": Evaluator._as_pattern, "assignment": Evaluator._assignment,
    "augmented_assignment": Evaluator._augmented, "return_statement": Evaluator._return,
    "try_statement": Evaluator._try,
    "import_statement": Evaluator._import, "import_from_statement": Evaluator._import,
    "future_import_statement": Evaluator._nothing, "decorated_definition": Evaluator._decorated,
    "function_definition": Evaluator.define, "class_definition": Evaluator.define, "comment": Evaluator._nothing,
    "with_item": Evaluator._expression,
    "pass_statement": Evaluator._nothing, "break_statement": Evaluator._nothing, "type": Evaluator._expression,
    "continue_statement": Evaluator._nothing, "global_statement": Evaluator._nothing,
    "nonlocal_statement": Evaluator._nothing, "expression_statement": Evaluator._expression,
}  # fmt: skip


def own_functions(evaluator: Any, value: Value) -> Own | None:
    """Return the text's own function or class that a value is."""
    return evaluator.own.get(value.name) if value.name.startswith("own.") else None
