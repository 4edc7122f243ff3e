"""What expressions give, and what they do: methods that they call, and commands within them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.risk.powershell import dotnet
from app.risk.powershell.known_variables import known_variable
from app.risk.powershell.nodes import (
    Array,
    Assign,
    Binary,
    BlockValue,
    Cast,
    Choice,
    Group,
    Index,
    Invoke,
    Member,
    Node,
    Number,
    Splat,
    Table,
    Text,
    TypeName,
    Unary,
    Variable,
)
from app.risk.powershell.operators import apply_unary, cast, index_of, operate
from app.risk.powershell.values import (
    ANY,
    NEW_GUID,
    NOTHING,
    Value,
    concatenated,
    either,
    items_value,
    number_value,
    text_value,
)
from app.risk.words import UNKNOWN

if TYPE_CHECKING:
    from app.risk.powershell.script import Script


def evaluate(node: Node, script: Script) -> Value:
    """Return what an expression gives. What it does on the way is added to the reading."""
    work = _KINDS.get(type(node))
    return work(node, script) if work is not None else script.run(node)


def _text(node: Text, script: Script) -> Value:
    if len(node.parts) == 1 and isinstance(node.parts[0], str):
        return Value((node.parts[0],))
    parts = []
    for part in node.parts:
        parts.append(Value((part,)) if isinstance(part, str) else _as_text(evaluate(part, script)))
    return concatenated(parts)


def _as_text(value: Value) -> Value:
    if value.table is not None or value.block is not None:
        return Value(origin=value.origin)
    return value


def _number(node: Number, script: Script) -> Value:
    return number_value(node.value)


def _variable(node: Variable, script: Script) -> Value:
    found = script.lookup(node.name)
    if node.name.startswith("env:"):
        script.reading.touch(environment=[node.name[4:].upper()])
    if found is None:
        found = known_variable(node.name)
    return ANY if found is None else found


def _splat(node: Splat, script: Script) -> Value:
    return script.lookup(node.name) or ANY


def _array(node: Array, script: Script) -> Value:
    value = items_value(evaluate(item, script) for item in node.items)
    script.spend(value)
    return value


def _table(node: Table, script: Script) -> Value:
    entries: dict[str, Value] = {}
    for key, value in node.entries:
        name = evaluate(key, script)
        held = script.run(value)
        if name.known:
            entries[name.text.lower()] = held
    origin = frozenset().union(*(value.origin for value in entries.values())) if entries else frozenset()
    return Value(table=entries, origin=origin)


def _block(node: BlockValue, script: Script) -> Value:
    return Value(block=node.block)


_RUN_BLOCKS = frozenset({"replace", "split"})
"""Operators that run a script block for each match."""


def _binary(node: Binary, script: Script) -> Value:
    chain: list[Binary] = []
    left: Node = node
    while isinstance(left, Binary):
        chain.append(left)
        left = left.left
    value = evaluate(left, script)
    for part in reversed(chain):
        right = evaluate(part.right, script)
        for given in right.each() if part.operator in _RUN_BLOCKS else ():
            if given.block is not None:
                script.run_block(given.block, ANY)
        value = operate(part.operator, value, right)
        script.spend(value)
    return value


def _unary(node: Unary, script: Script) -> Value:
    value = evaluate(node.operand, script)
    if node.operator in ("++", "--"):
        if isinstance(node.operand, Variable):
            script.assign(node.operand, Value(kind="number"))
        return NOTHING if node.operator else value
    return apply_unary(node.operator, value)


def _choice(node: Choice, script: Script) -> Value:
    evaluate(node.condition, script)
    return either([evaluate(node.yes, script), evaluate(node.no, script)])


def _cast(node: Cast, script: Script) -> Value:
    value = evaluate(node.operand, script)
    return dotnet.cast_to(node.type, value, node.line, script) or cast(node.type, value)


def _type(node: TypeName, script: Script) -> Value:
    return Value((f"[{node.name}]",), kind="type")


def _group(node: Group, script: Script) -> Value:
    values = [script.run(statement) for statement in node.statements]
    values = [value for value in values if value is not NOTHING]
    if node.opening == "@(":
        if len(values) == 1 and (values[0].items is not None or values[0].many):
            return values[0]
        return items_value(values)
    if len(values) == 1:
        return values[0]
    return items_value(values) if values else NOTHING


def _index(node: Index, script: Script) -> Value:
    return index_of(evaluate(node.target, script), evaluate(node.index, script))


def _member(node: Member, script: Script) -> Value:
    target = evaluate(node.target, script)
    name = evaluate(node.name, script)
    if node.static or target.kind == "type":
        return dotnet.static_property(target, name, node.line, script)
    return property_of(target, name.text.lower() if name.known else "")


def property_of(target: Value, name: str) -> Value:
    """Return a property of a value."""
    if target.text == NEW_GUID and name.lower() == "guid":
        return target
    if target.table is not None:
        if name in target.table:
            return target.table[name]
        if name in ("keys", "values"):
            return items_value(target.table.values() if name == "values" else map(text_value, target.table))
    if name in ("length", "count", "longlength"):
        return Value(kind="number")
    if target.items is not None and len(target.items) <= 200 and target.items:
        return items_value(property_of(item, name) for item in target.items)
    if target.kind == "file":
        if name in ("fullname", "pspath", "path", "versioninfo", "target", "resolvedtarget", "providerpath"):
            return target
        if name in ("directoryname", "directory", "parent", "psparentpath"):
            return replace(target, texts=tuple(_parent(text) for text in target.texts))
        if name in ("name", "basename", "pschildname", "extension"):
            return Value(tuple(_base(text) for text in target.texts), many=target.many, every=target.every)
    if name in _PROFILES and target.text.lower().endswith("profile.ps1"):
        return target
    if name in ("recoverypassword", "keyprotector") and "bitlocker" in target.kind:
        secret = replace(target, texts=(UNKNOWN,), origin=target.origin | {"secret"})
        return secret
    if name in _ROOTS.get(target.kind, ()):
        return replace(target, texts=(_ROOTS[target.kind][name],), kind="file")
    if name in ("profilepath", "localpath") and "profile" in f"{target.kind} {target.text}".lower():
        return replace(target, texts=(f"C:\\Users\\{UNKNOWN}",), kind="file")
    if target.kind == "executioncontext":
        return target
    if target.kind == "uri" and name in ("absoluteuri", "originalstring"):
        return target
    if name in ("name", "id", "identity", "samaccountname", "distinguishedname", "objectguid", "sid", "processname",
                "servicename", "displayname", "guid", "userprincipalname", "value", "invokecommand"):  # fmt: skip
        return replace(target, texts=(UNKNOWN,), table=None, block=None)
    return Value(kind=_of(target.kind, name), origin=target.origin, many=target.many, every=target.every)


_ROOTS: dict[str, dict[str, str]] = {
    "psdrive": {"root": "C:\\", "name": "C"},
    "volume": {"driveletter": "C", "path": "C:\\"},
    "drive": {"name": "C:\\", "rootdirectory": "C:\\"},
    "wmi:win32_logicaldisk": {"deviceid": "C:"},
    "wmi:win32_volume": {"driveletter": "C:", "name": "C:\\"},
}
"""Properties that name the drives of the machine, each of which may be the system's."""
_PROFILES = ("currentuserallhosts", "currentusercurrenthost", "allusersallhosts", "alluserscurrenthost")


def _of(kind: str, name: str) -> str:
    """What kind of object a property of an object is."""
    return {"entrypoint": "method", "startinfo": "startinfo"}.get(name, kind if kind.startswith("reflection") else "")


def _parent(path: str) -> str:
    head, slash, _ = path.replace("/", "\\").rstrip("\\").rpartition("\\")
    return head if slash else UNKNOWN


def _base(path: str) -> str:
    return path.replace("/", "\\").rstrip("\\").rpartition("\\")[2] or UNKNOWN


def _invoke(node: Invoke, script: Script) -> Value:
    target = evaluate(node.target, script)
    name = evaluate(node.name, script)
    arguments = [evaluate(argument, script) for argument in node.arguments]
    return dotnet.call(target, name, arguments, node, script)


def _assign(node: Assign, script: Script) -> Value:
    return script.run(node)


_KINDS: dict[type[Node], Callable[[Any, Script], Value]] = {
    Text: _text, Number: _number, Variable: _variable, Splat: _splat, Array: _array, Table: _table,
    BlockValue: _block, Binary: _binary, Unary: _unary, Choice: _choice, Cast: _cast, TypeName: _type,
    Group: _group, Index: _index, Member: _member, Invoke: _invoke, Assign: _assign,
}  # fmt: skip
