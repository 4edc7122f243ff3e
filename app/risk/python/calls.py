"""Calls of Python: which function or method it is, and what it would do with these values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tree_sitter import Node

from app.risk.effects import UNKNOWN as UNKNOWN_CALL
from app.risk.effects import run_dynamic
from app.risk.python import (  # noqa: F401 - importing some of these adds their functions
    browser_clients,
    clients,
    cloud_clients,
    cluster_clients,
    computing,
    dynamic_code,
    embedded_stores,
    file_servers,
    files,
    functions,
    guards,
    libraries,
    listeners,
    machine_clients,
    methods,
    native,
    networks,
    processes,
    service_clients,
    store_clients,
    tables,
    windows_clients,
)  # fmt: skip
from app.risk.python.decorations import FROM_OUTSIDE, MOCK
from app.risk.python.evaluator import Evaluator, own_functions
from app.risk.python.expressions import attribute
from app.risk.python.flow import element
from app.risk.python.imports import canonical
from app.risk.python.nodes import line, text
from app.risk.python.own import Own
from app.risk.python.values import ANY, Value, chosen
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.words import UNKNOWN, Word

_MOST_ITEMS = 200
_MAKE_FUNCTIONS = (
    "functools.", "operator.", "collections.namedtuple", "dataclasses.make_dataclass", "typing.", "enum.", "re.",
    "numpy.vectorize",
)  # fmt: skip
"""What makes functions and classes of what it was handed, which counts already. Those of others are not known."""


@dataclass
class Call:
    """A call.

    Attributes:
        evaluator: The evaluator of the text.
        node: The call.
        arguments: Positional arguments.
        keywords: Named arguments.
        base: The object of a method.
        method: The method's name; empty for a function.
        chain: The names of the attributes and methods before it, such as ``objects`` and ``all``.
    """

    evaluator: Evaluator
    node: Node
    arguments: list[Value]
    keywords: dict[str, Value]
    base: Value = ANY
    method: str = ""
    chain: tuple[str, ...] = ()

    @property
    def reading(self) -> Reading:
        """The reading to which findings are added."""
        return self.evaluator.reading

    @property
    def line(self) -> int:
        """1-based line."""
        return line(self.node)

    def argument(self, place: int, *names: str) -> Value:
        """Return an argument by its place or its name; `ANY` if it is not given."""
        if place < len(self.arguments):
            return self.arguments[place]
        return next((self.keywords[name] for name in names if name in self.keywords), ANY)

    def word(self, value: Value) -> Word:
        """Return a value as a path or an argument of a command."""
        return value.word(self.line, self.shown)

    @property
    def shown(self) -> str:
        """The call as it is written, for messages."""
        return text(self.node)

    @property
    def bound(self) -> dict[str | int, Value]:
        """The arguments by place and name."""
        by_place: dict[str | int, Value] = dict(enumerate(self.arguments))
        by_place.update(self.keywords)
        return by_place

    def handed(self, arguments: list[Value], callee: Value) -> Call:
        """Return a call at the same place of a function that was passed as an argument."""
        return replace(self, arguments=arguments, keywords={}, base=ANY, method=callee.name.rpartition(".")[2])

    def choosing(self, number: int) -> Call:
        """Return the call with one of the choices of each value that has several."""
        arguments = [chosen(value, number) for value in self.arguments]
        keywords = {name: chosen(value, number) for name, value in self.keywords.items()}
        return replace(self, arguments=arguments, keywords=keywords, base=chosen(self.base, number))

    @property
    def many(self) -> bool:
        """True if it is made again and again, and not just for each of a few known values."""
        return self.evaluator.loops > self.evaluator.rounds

    @property
    def filtered(self) -> bool:
        """True if a condition decides for which rounds of a loop it is made."""
        return self.evaluator.guards > 0

    def is_false(self, name: str) -> bool:
        """Return True if a named argument is given as False."""
        given = self.node.child_by_field_name("arguments")
        parts = given.named_children if given is not None else []
        return any(part.type == "keyword_argument" and text(part).replace(" ", "") == f"{name}=False" for part in parts)

    @property
    def marks(self) -> frozenset[str]:
        """The marks of all arguments."""
        given = [*self.arguments, *self.keywords.values()]
        return frozenset().union(*(value.marks for value in given)) if given else frozenset()


def call(evaluator: Evaluator, node: Node) -> Value:
    """Evaluate a call, with its function and its arguments."""
    function = node.child_by_field_name("function")
    if function is None:
        return ANY
    made = Call(evaluator, node, [], {})
    callee = ANY
    if function.type == "attribute":
        made.base = evaluator.visit(function.child_by_field_name("object"))
        made.method = text(function.child_by_field_name("attribute") or function)
        made.chain = _chain(function)
        own = evaluator.lookup(text(function))
        callee = own if own is not ANY else attribute(evaluator, made.base, made.method, made.line)
    else:
        callee = evaluator.visit(function)
    _collect(made)
    value = called(made, callee)
    if made.keywords or made.arguments:
        guards.note_options(made, callee)
    _hand_over(made)
    return value


def _hand_over(made: Call) -> None:
    """Treat functions that are passed as arguments as called with what follows them: ``Thread(target=f, args=…)``."""
    later = next((made.keywords[name].items for name in ("args", "argument") if name in made.keywords), None)
    for place, value in enumerate([*made.arguments, *made.keywords.values()]):
        if value.name in functions.KNOWN_FUNCTIONS or value.name.startswith("own."):
            if value.name.startswith("builtins.") and value.name not in tables.EVALUATES:
                continue
            following = made.arguments[place + 1 :]
            if made.method in listeners.HANDLES and made.base.kind != "pathlib.Path":
                made.evaluator.facts.add("serves")
                called(made.handed([FROM_OUTSIDE] * 4, value), value)
                continue
            if made.method in _FOR_EACH and following:
                _call_for_each(made, value, following[0])
                continue
            if made.method in _WITH_LIST and following and following[0].items is not None:
                following = list(following[0].items)
            arguments = list(later) if later is not None else following
            called(made.handed(arguments, value), value)


_FOR_EACH = word_set("map imap imap_unordered map_async starmap starmap_async")
_WITH_LIST = word_set("Timer Thread Process apply apply_async enter enterabs")


def _call_for_each(made: Call, callee: Value, given: Value) -> None:
    """Call a function for each of the values that it is handed."""
    made.evaluator.loops += 1
    for item in (given.items or ())[:_MOST_ITEMS] if given.items else [element(given)]:
        parts = item.items if made.method.startswith("starmap") and item.items is not None else [item]
        called(made.handed(list(parts), callee), callee)
    made.evaluator.loops -= 1


def _collect(made: Call) -> None:
    given = made.node.child_by_field_name("arguments")
    if given is None:
        return
    if given.type == "generator_expression":
        made.arguments.append(made.evaluator.visit(given))
        return
    for part in given.named_children:
        if part.type == "keyword_argument":
            name = part.child_by_field_name("name")
            made.keywords[text(name) if name is not None else ""] = made.evaluator.visit(
                part.child_by_field_name("value")
            )
        elif part.type == "list_splat":
            value = made.evaluator.visit(part)
            made.arguments += value.items if value.items is not None else [value]
        elif part.type == "dictionary_splat":
            made.keywords |= dict(made.evaluator.visit(part).fields or ())
        elif part.type != "comment":
            made.arguments.append(made.evaluator.visit(part))


def called(made: Call, callee: Value) -> Value:
    """Evaluate a call of a function whose arguments are known."""
    if callee.kind == "operator.methodcaller" and made.arguments:
        base = made.arguments[0]
        inner = replace(made, base=base, method=callee.text or "", arguments=list(callee.items or ()))
        return called(inner, attribute(made.evaluator, base, inner.method, made.line))
    if callee.kind == MOCK and made.evaluator.mocks_hold:
        return Value(kind=MOCK)
    if callee.kind == MOCK:
        run_dynamic(made.reading, made.word(Value()), made.line)
        return ANY
    if callee.name.startswith("own."):
        return _call_own(made, callee)
    if callee.name:
        return functions.call_function(made, canonical(callee.name))
    if made.method:
        return _call_method(made)
    if callee.held:
        return _one_of(made, callee.held)
    kind, _, last = callee.kind.rpartition(".")
    if kind and (found := clients.call_client(replace(made, base=callee), kind, last)) is not None:
        return found
    if callee.kind.startswith("own."):
        return ANY
    if callee.kind == "reflected":
        run_dynamic(made.reading, made.word(Value()), made.line)
        return ANY
    if callee == ANY:
        function = made.node.child_by_field_name("function")
        if function is not None and function.type in ("call", "subscript", "lambda", "parenthesized_expression"):
            made.reading.doubt()
        else:
            words = f"What {text(function)[:60] if function is not None else 'this'} does is not known."
            made.reading.add(UNKNOWN_CALL, words, made.line)
    elif not callee.kind.startswith(_MAKE_FUNCTIONS):
        made.reading.doubt()
    return Value(marks=callee.marks, kind=callee.kind)


def _one_of(made: Call, functions_held: tuple[Value, ...]) -> Value:
    """Call each of the functions of which one is called."""
    for held in functions_held:
        made.reading.budget.step()
        called(replace(made, method=held.name.rpartition(".")[2]) if held.name else made, held)
    return ANY


def _call_own(made: Call, callee: Value) -> Value:
    own = own_functions(made.evaluator, callee)
    if own is None:
        return _call_inherited(made, callee)
    arguments = made.bound
    known = any(value.text is not None or value.items or value.name for value in arguments.values())
    if own.node.type == "class_definition":
        instance = Value(kind=callee.name)
        if "__init__" in own.methods and known:
            made.evaluator.follow(own.methods["__init__"], arguments, instance)
        return instance
    return made.evaluator.follow(own.node, arguments)


def _call_inherited(made: Call, callee: Value) -> Value:
    """Call a function of one of the text's classes that another class defines: ``User.drop_collection()``."""
    own = made.evaluator.own.get(callee.name.rpartition(".")[0])
    if own is None or not made.method:
        return ANY
    if made.method in own.methods:
        return made.evaluator.follow(own.methods[made.method], made.bound)
    return ANY if own.whole else methods.call_method(replace(made, base=Value(kind=callee.name.rpartition(".")[0])))


def _call_method(made: Call) -> Value:
    if made.base.kind.startswith("own."):
        own = made.evaluator.own.get(made.base.kind)
        if own is not None and made.method in own.methods:
            return made.evaluator.follow(own.methods[made.method], made.bound, made.base)
        if own is not None and (found := _found_by_class(made, own)) is not None:
            return found
        if own is not None and own.whole:
            return ANY
    _change_list(made)
    _fill(made)
    return methods.call_method(made)


def _found_by_class(made: Call, own: Own) -> Value | None:
    """Call what a class's own way of finding attributes returns; None if the class has none."""
    name = next((name for name in ("__getattr__", "__getattribute__") if name in own.methods), "")
    if not name:
        return None
    callee = made.evaluator.follow(own.methods[name], {0: Value(made.method)}, made.base)
    return called(made, callee) if callee.name else called(replace(made, method="", base=ANY), ANY)


_FILLS = word_set(
    "set_content attach add_attachment add_alternative set_payload append extend update insert add write writestr "
    "writelines put setdefault add_field set_data"
)


def _fill(made: Call) -> None:
    """Note that an object holds secrets after they were put into it."""
    function = made.node.child_by_field_name("function")
    owner = function.child_by_field_name("object") if function is not None else None
    kept = made.marks & {"secret", "dump"}
    if not kept or made.method not in _FILLS or owner is None or owner.type != "identifier":
        return
    if not kept <= made.base.marks:
        made.base = made.base.marked(*kept)
        made.evaluator.bind(text(owner), made.base)


def _change_list(made: Call) -> None:
    """Follow changes of a list that a name stands for."""
    function = made.node.child_by_field_name("function")
    owner = function.child_by_field_name("object") if function is not None else None
    items = made.base.items
    if items is None or owner is None or owner.type != "identifier" or not made.arguments:
        return
    added = made.arguments[-1]
    if made.many:
        added = Value(UNKNOWN)
    if made.method == "append":
        items += (added,)
    elif made.method == "extend":
        items += added.items if added.items is not None else (Value(UNKNOWN),)
    elif made.method == "insert":
        place = made.arguments[0].number or 0
        items = (*items[:place], added, *items[place:])
    else:
        return
    made.evaluator.bind(text(owner), replace(made.base, items=items[:_MOST_ITEMS], empty=False))


def _chain(node: Node) -> tuple[str, ...]:
    """Return the names in an expression such as ``a.b(c).d``, without arguments: ``a``, ``b``, ``d``."""
    names: list[str] = []
    current: Node | None = node
    while current is not None and len(names) < 20:
        if current.type == "attribute":
            names.append(text(current.child_by_field_name("attribute") or current))
            current = current.child_by_field_name("object")
        elif current.type == "call":
            current = current.child_by_field_name("function")
        elif current.type in ("subscript", "await"):
            current = current.child_by_field_name("value") or (
                current.named_children[0] if current.named_children else None
            )
        else:
            if current.type == "identifier":
                names.append(text(current))
            break
    return tuple(reversed(names))
