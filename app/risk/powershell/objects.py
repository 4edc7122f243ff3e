"""Cmdlets that work on what the pipeline brings, on variables, and on objects."""

from __future__ import annotations

from dataclasses import replace

from app.risk.powershell import dotnet
from app.risk.powershell.call import Call, run_blocks
from app.risk.powershell.evaluation import property_of
from app.risk.powershell.files import read_path
from app.risk.powershell.known_variables import known_variable
from app.risk.powershell.nodes import Binary, Node, Number, Variable
from app.risk.powershell.table import cmdlet
from app.risk.powershell.values import ANY, NEW_GUID, NOTHING, Value, element, items_value, text_value


@cmdlet("foreach-object")
def _each(call: Call) -> Value:
    item = element(call.input) if call.input is not None else ANY
    outcome: Value = NOTHING
    ran = False
    named = [value for key, (value, _, _) in call.named.items() if value is not None]
    for value in [value for value, _, _ in call.positional] + named:
        for held in value.each():
            if held.block is not None:
                ran = True
                result = call.script.run_block(held.block, item)
                outcome = result if result is not NOTHING else outcome
    member = call.value("membername")
    if not ran and (call.positional or member is not None):
        name = member if member is not None else call.positional[0][0]
        arguments = [value for value, _, _ in call.positional[1:]]
        result = property_of(item, name.text.lower()) if not arguments else ANY
        return dotnet.call_method(item, name.text, arguments, call.line, call.script, certain=False) or result
    return (
        replace(outcome, many=outcome.many or item.many, every=outcome.every or item.every)
        if outcome is not NOTHING
        else NOTHING
    )


@cmdlet("where-object")
def _where(call: Call) -> Value:
    item = element(call.input) if call.input is not None else ANY
    for value in [value for value, _, _ in call.positional] + [v for v, _, _ in call.named.values() if v is not None]:
        if value.block is not None:
            call.script.run_block(value.block, item)
    if call.input is None:
        return ANY
    origin = call.input.origin if _leaves_out(call) else call.input.origin - {"listed"}
    return replace(call.input, every=call.input.every and _keeps_all(call), many=True, origin=origin)


def _leaves_out(call: Call) -> bool:
    """Whether a condition names what is left out, as ``$_ -notmatch 'kube'`` does, rather than what is kept."""
    blocks = [value.block for value, _, _ in call.positional if value.block is not None]
    first = blocks[0].statements[0] if len(blocks) == 1 and len(blocks[0].statements) == 1 else None
    return isinstance(first, Binary) and first.operator.lower().lstrip("ic").startswith(("not", "ne"))


def _keeps_all(call: Call) -> bool:
    """Whether a condition cannot leave anything out: a constant, or a name that is not empty."""
    return any(
        value.block is not None and len(value.block.statements) == 1 and _is_true(value.block.statements[0])
        for value, _, _ in call.positional
    )


def _is_true(node: Node) -> bool:
    return (isinstance(node, Variable) and node.name in ("true", "_")) or (isinstance(node, Number) and node.value != 0)


@cmdlet("select-object")
def _select(call: Call) -> Value:
    blocks(call)
    held = call.input if call.input is not None else ANY
    first = call.value("first", "last", "index")
    expanded = call.value("expandproperty")
    if expanded is not None and expanded.known:
        held = property_of(held, expanded.text.lower())
    if first is None:
        return held
    few = first.number is not None and first.number <= 1
    items = held.items[: int(first.number)] if held.items is not None and first.number is not None else held.items
    return replace(held, items=items, many=held.many and not few, every=False, origin=held.origin - {"listed"})


@cmdlet("sort-object", "group-object", "get-unique", "get-random", "out-string", "measure-command",
        "compare-object", "measure-object")  # fmt: skip
def _same(call: Call) -> Value:
    blocks(call)
    if call.name == "measure-object":
        return Value(kind="number", table=None)
    if call.name == "get-random" and call.input is not None:
        return replace(element(call.input), many=False, every=False)
    return call.input if call.input is not None else Value(origin=call.origins())


def blocks(call: Call) -> None:
    """Run the script blocks among the arguments for what the pipeline brings."""
    run_blocks(call, element(call.input) if call.input is not None else ANY)


@cmdlet("write-output", "write-host", "write-verbose", "write-warning", "write-error", "write-information",
        "write-debug", "write-progress", "out-default", "out-host", "out-null", "format-table", "format-list",
        "format-wide", "format-custom")  # fmt: skip
def _print(call: Call) -> Value:
    blocks(call)
    if call.name == "write-output":
        held = [value for value, _, _ in call.positional]
        if not held and call.input is not None:
            return call.input
        return held[0] if len(held) == 1 else items_value(held)
    return NOTHING


@cmdlet("set-variable", "new-variable")
def _set_variable(call: Call) -> Value:
    name, value = call.bound("name", "value")
    if value is NOTHING and call.input is not None:
        value = call.input
    for one in name.texts:
        call.script.scopes[-1][one.lower()] = value
    return NOTHING


@cmdlet("get-variable")
def _get_variable(call: Call) -> Value:
    name = call.bound("name")[0]
    found = call.script.lookup(name.text.lower()) if name.known else None
    if found is None and name.known:
        found = known_variable(name.text.lower())
    if found is None:
        return ANY
    return found if call.flag("valueonly") else Value(table={"value": found, "name": name})


@cmdlet("remove-variable", "clear-variable")
def _remove_variable(call: Call) -> Value:
    name = call.bound("name")[0]
    for one in name.texts:
        call.script.scopes[-1][one.lower()] = NOTHING
    return NOTHING


@cmdlet("set-alias", "new-alias")
def _alias(call: Call) -> Value:
    name, value = call.bound("name", "value|definition")
    if name.known and value.known:
        call.script.aliases[name.text.lower()] = value.text.lower()
    else:
        call.reading.doubt()
    return NOTHING


@cmdlet("get-command", "get-alias")
def _get_command(call: Call) -> Value:
    name = call.bound("name")[0]
    return replace(name, kind="command") if name is not NOTHING else Value(kind="command", many=True)


@cmdlet("new-object")
def _new_object(call: Call) -> Value:
    com = call.value("comobject")
    if com is not None:
        return dotnet.construct(f"com:{com.text.lower()}", [], call.line, call.script)
    name, given = call.bound("typename", "argumentlist")
    arguments = list(given.each()) if given is not NOTHING else []
    properties = call.value("property")
    if name.known and name.text.lower() in ("psobject", "pscustomobject", "object") and properties is not None:
        return properties
    return dotnet.construct(name.text, arguments, call.line, call.script)


@cmdlet("convertto-securestring", "convertfrom-securestring", "get-credential")
def _secret(call: Call) -> Value:
    if call.name == "convertfrom-securestring":
        return Value(origin=call.origins() | ({"secret"} if call.flag("asplaintext") else set()))
    return Value(kind="credential")


@cmdlet("convertfrom-json", "convertto-json", "convertfrom-csv", "convertto-csv", "convertto-html", "convertto-xml",
        "convertfrom-stringdata", "convertfrom-string", "select-string", "convertfrom-clixml", "out-gridview",
        "add-member", "convertto-clixml", "invoke-formatter")  # fmt: skip
def _converted(call: Call) -> Value:
    blocks(call)
    held = call.input if call.input is not None else next((v for v, _, _ in call.positional), NOTHING)
    if call.name == "select-string":
        for word in call.words("pattern", "path|literalpath", place=1, piped=False):
            read_path(call, word)
        held = NOTHING if call.value("path", "literalpath") is not None else held
        if not call.flag("notmatch"):
            return Value(origin=call.origins() - {"listed"}, many=held.many, every=held.every)
    return Value(origin=call.origins(), many=held.many, every=held.every)


@cmdlet("new-guid")
def _new_guid(call: Call) -> Value:
    return text_value(NEW_GUID)
