"""Going through a script's statements: variables, branches, loops, and functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.risk.budget import OverBudgetError
from app.risk.effects import run_unread
from app.risk.powershell import commands
from app.risk.powershell.code import run_text
from app.risk.powershell.evaluation import evaluate
from app.risk.powershell.files import redirect
from app.risk.powershell.known_variables import PATHS
from app.risk.powershell.nodes import (
    Array,
    Assign,
    Attempt,
    Block,
    Cast,
    Command,
    Flow,
    Function,
    If,
    Index,
    Loop,
    Member,
    Methods,
    Node,
    Pipeline,
    Redirect,
    Switch,
    Using,
    Variable,
    all_below,
)
from app.risk.powershell.operators import operate
from app.risk.powershell.rules import CERTIFICATES_UNCHECKED, CHANGES_LOOKUP
from app.risk.powershell.values import ANY, NOTHING, Value, either, element, items_value
from app.risk.reading import TOO_DEEP, Reading

_DEEPEST_CALLS = 6


class Script:
    """A script that is being read.

    Attributes:
        aliases: Aliases that the script defines.
        functions: Functions that it defines.
        downloaded: Paths, in lower case, to which it downloads something.
        secrets: Paths, in lower case, to which it writes secrets.
        location: The folder to which it goes; empty for the one in which it begins.
        drives: Where drives of the session point, by their names in lower case.
        made: Folders that it makes.
        written: Files that it writes.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.scopes: list[dict[str, Value]] = [{}]
        self.aliases: dict[str, str] = {}
        self.functions: dict[str, Block] = {}
        self.downloaded: set[str] = set()
        self.secrets: set[str] = set()
        self.made: set[str] = set()
        self.written: set[str] = set()
        self.called: set[str] = set()
        self.calls: list[str] = []
        self.location = ""
        self.drives = {"temp": "C:\\Temp", "testdrive": "C:\\Temp\\Pester"}
        self.locations: list[str] = []
        self._spent = 0
        self._again = 0

    def read(self, block: Block, in_attributes: list[Block]) -> None:
        """Read a whole script.

        A function that nothing calls is read as if somebody called it with unknown values, and so are the script blocks
        in attributes.
        """
        self._declare(block.statements)
        self._parameters(block, {})
        for statement in block.statements:
            self.run(statement)
        for inner in in_attributes:
            self.run_block(inner, ANY)
        for name in [name for name in self.functions if name not in self.called]:
            if name not in self.called:
                self.call(name, {}, NOTHING)

    def _declare(self, statements: list[Node]) -> None:
        for node in statements:
            if isinstance(node, Function):
                self.functions[node.name] = node.block
            elif isinstance(node, Methods):
                self._declare(node.members)

    def spend(self, value: Value = NOTHING) -> None:
        """Count a step that made this value. Raises OverBudgetError if the time is up."""
        self._spent += 1 + len(value.items or ()) // 50 + len(value.text) // 2_000
        if self._spent >= 64:
            self._spent = 0
            if self.reading.budget.late:
                raise OverBudgetError

    def lookup(self, name: str) -> Value | None:
        """Return the value of a variable; None if the script has not set it."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def assign(self, target: Node, value: Value) -> None:
        """Set a variable or whatever else is on the left of an assignment."""
        if isinstance(target, Variable):
            if target.name.startswith("env:"):
                self._environment(target)
            elif target.name.startswith("function:"):
                self._set_function(target, value)
            elif target.name.startswith("alias:") and value.known:
                self.aliases[target.name[6:]] = value.text.lower()
            scope = self.scopes[0] if target.scope in ("script", "global") else self.scopes[-1]
            scope[target.name] = value
        elif isinstance(target, Cast):
            self.assign(target.operand, evaluate(Cast(target.line, target.type, _Known(target.line, value)), self)
                        if "[" not in target.type and "(" not in target.type else value)  # fmt: skip
        elif isinstance(target, Array):
            held = list(value.each())
            for place, part in enumerate(target.items):
                self.assign(part, held[place] if value.items is not None and place < len(held) else ANY)
        elif isinstance(target, (Member, Index)):
            self._assign_part(target, value)
        else:
            evaluate(target, self)

    def _set_function(self, target: Variable, value: Value) -> None:
        if value.block is not None:
            self.functions[target.name[9:]] = value.block
        else:
            run_text(value, target.line, f"${target.name}", self)

    def _environment(self, target: Variable) -> None:
        name = target.name[4:]
        self.reading.touch(environment=[name.upper()])
        if name in PATHS:
            words = f"This changes {name.upper()}, which decides what programs and modules run."
            self.reading.add(CHANGES_LOOKUP, words, target.line)

    def _assign_part(self, target: Member | Index, value: Value) -> None:
        owner = evaluate(target.target, self)
        key = evaluate(target.name if isinstance(target, Member) else target.index, self)
        if isinstance(target, Member) and target.static:
            if key.text.lower() == "servercertificatevalidationcallback":
                words = "This turns the check of certificates off."
                self.reading.add(CERTIFICATES_UNCHECKED, words, target.line)
        elif isinstance(target.target, Variable) and key.known:
            changed = {**(owner.table or {}), key.text.lower(): value}
            kept = Value(owner.texts, None, changed, None, owner.kind, owner.origin | value.origin)
            self.assign(Variable(target.line, target.target.name, target.target.scope), kept)

    def run(self, node: Node) -> Value:
        """Run a statement; returns what it gives."""
        self.spend()
        work = _STATEMENTS.get(type(node))
        return work(self, node) if work is not None else evaluate(node, self)

    def run_block(self, block: Block, item: Value | None = None, arguments: dict[str, Value] | None = None) -> Value:
        """Run a script block in a scope of its own. `item` is its ``$_``."""
        self._declare(block.statements)
        scope: dict[str, Value] = {} if item is None else {"_": item, "psitem": item}
        self.scopes.append(scope)
        try:
            self._parameters(block, arguments or {})
            return self._outputs(block.statements)
        finally:
            ended = self.scopes.pop()
            if arguments is None:  # most blocks run in the scope of their caller, or their changes may matter there
                self.scopes[-1].update({k: v for k, v in ended.items() if k in self.scopes[-1]})

    def _outputs(self, statements: list[Node]) -> Value:
        values = [value for value in map(self.run, statements) if value is not NOTHING]
        return either(values) if values else NOTHING

    def _parameters(self, block: Block, given: dict[str, Value]) -> None:
        for place, declared in enumerate(block.parameters):
            value = given.get(declared.name, given.get(str(place)))
            if value is None and declared.default is not None:
                value = either([evaluate(declared.default, self), *([] if given else [ANY])])
            self.scopes[-1][declared.name] = ANY if value is None else value

    def call(self, name: str, given: dict[str, Value], item: Value) -> Value:
        """Call a function of the script."""
        self.called.add(name)
        if name in self.calls or len(self.calls) >= _DEEPEST_CALLS:
            return ANY
        self.calls.append(name)
        try:
            extra = items_value(value for key, value in given.items() if key.isdigit())
            return self.run_block(self.functions[name], item, {**given, "args": extra} if given else given)
        except RecursionError:
            self.reading.add(
                TOO_DEEP, f"The calls of {name} are nested too deep to be read.", self.functions[name].line
            )
            return ANY
        finally:
            self.calls.pop()

    def statements(self, statements: list[Node]) -> Value:
        """Run statements in the scope that is there."""
        self._declare(statements)
        return self._outputs(statements)

    def _pipeline(self, node: Pipeline) -> Value:
        value: Value | None = None
        for element_node in node.elements:
            if isinstance(element_node, Command):
                value = commands.run(element_node, value, self)
            else:
                value = evaluate(element_node, self)
        for target in node.redirects:
            self._redirect(target, value or NOTHING)
        return NOTHING if value is None else value

    def _redirect(self, node: Redirect, value: Value) -> None:
        self.reading.budget.step()
        if node.operator != "<":
            redirect(evaluate(node.target, self), ">>" in node.operator, value, node.line, self)

    def _assign(self, node: Assign) -> Value:
        value = self.run(node.value)
        if node.operator != "=":
            before = evaluate(node.target, self)
            value = operate(node.operator[:-1], before, value).came(value.origin | before.origin)
        self.assign(node.target, value)
        return NOTHING

    def _if(self, node: If) -> Value:
        outcomes: list[Value] = []
        kept: list[dict[str, Value]] = []
        for condition, block in node.branches:
            if condition is not None:
                evaluate(condition, self)
            before = dict(self.scopes[-1])
            outcomes.append(self.statements(block.statements))
            kept.append(self.scopes[-1])
            self.scopes[-1] = before
        if node.branches[-1][0] is not None:
            kept.append(self.scopes[-1])
        self._merge(kept)
        return either([value for value in outcomes if value is not NOTHING])

    def _merge(self, scopes: list[dict[str, Value]]) -> None:
        names = {name for scope in scopes for name in scope}
        merged: dict[str, Value] = {}
        self._spent += len(names) // 20
        for name in names:
            values = [scope.get(name, NOTHING) for scope in scopes]
            merged[name] = values[0] if all(value is values[0] for value in values) else either(values)
        self.scopes[-1] = merged

    def _switch(self, node: Switch) -> Value:
        item = evaluate(node.condition, self)
        outcomes: list[Value] = []
        kept = [dict(self.scopes[-1])]
        for condition, block in node.branches:
            label = evaluate(condition, self) if condition is not None else ANY
            before = dict(self.scopes[-1])
            self.scopes[-1]["_"] = label if label.known and label.text.lower() != "default" else element(item)
            outcomes.append(self.statements(block.statements))
            kept.append(self.scopes[-1])
            self.scopes[-1] = before
        self._merge(kept)
        return either([value for value in outcomes if value is not NOTHING])

    def _loop(self, node: Loop) -> Value:
        values = self.run(node.values) if node.values is not None else NOTHING
        for statement in node.before:
            self.run(statement)
        self._forget(node.body)
        if node.variable:
            self.scopes[-1][node.variable] = element(values)
        outcomes = self._repeat(node.body)
        return either([value for value in outcomes if value is not NOTHING])

    def _repeat(self, body: list[Node]) -> list[Value]:
        """Run the body of a loop, and again if what it brings in may reach its beginning."""
        before = {name: value.origin for name, value in self.scopes[-1].items()}
        outcomes = [self._part(part) for part in body]
        brought = any(value.origin - before.get(name, value.origin) for name, value in self.scopes[-1].items())
        if brought and self._again < 3:
            self._again += 1
            outcomes += [self._part(part) for part in body]
            self._again -= 1
        return outcomes

    def _part(self, part: Node) -> Value:
        return self.statements(part.statements) if isinstance(part, Block) else self.run(part)

    def _forget(self, body: list[Node]) -> None:
        """Note that variables which a loop sets may be anything when its body runs again."""
        scope = self.scopes[-1]
        for node in all_below(body):
            if isinstance(node, Assign) and isinstance(node.target, Variable) and node.target.name in scope:
                scope[node.target.name] = either([scope[node.target.name], ANY])

    def _attempt(self, node: Attempt) -> Value:
        return either([self.statements(block.statements) for block in node.blocks])

    def _function(self, node: Function) -> Value:
        self.functions[node.name] = node.block
        return NOTHING

    def defines(self, kind: str, method: str = "") -> bool:
        """Return True if the script itself has this class, with this method; their bodies are read where they stand."""
        if method:
            return f"{kind}.{method}" in self.functions
        return bool(kind) and any(name.startswith(f"{kind}.") for name in self.functions)

    def _methods(self, node: Methods) -> Value:
        for member in node.members:
            if not isinstance(member, Function):
                self.run(member)
        return NOTHING

    def _flow(self, node: Flow) -> Value:
        return self.run(node.value) if node.value is not None else NOTHING

    def _using(self, node: Using) -> Value:
        if node.what in ("module", "assembly"):
            commands.load_module(node.name.strip("\"'"), node.line, self)
        elif node.what not in ("namespace", ""):
            run_unread(self.reading, f"using {node.what}", node.line)
        return NOTHING

    def _block(self, node: Block) -> Value:
        return self.statements(node.statements)


class _Known(Node):
    """A value that is known already, where an expression is expected."""

    __slots__ = ("value",)

    def __init__(self, line: int, value: Value) -> None:
        super().__init__(line)
        self.value = value


_STATEMENTS: dict[type[Node], Callable[[Script, Any], Value]] = {
    Pipeline: Script._pipeline,
    Assign: Script._assign,
    If: Script._if,
    Switch: Script._switch,
    Loop: Script._loop,
    Attempt: Script._attempt,
    Function: Script._function,
    Methods: Script._methods,
    Flow: Script._flow,
    Using: Script._using,
    Block: Script._block,
    _Known: lambda script, node: node.value,
}
