"""Checks that LangGraph can store a graph's state: its annotations, and its defaults."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from inspect import getsourcelines, isabstract
from typing import Any, get_args, get_origin

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from app.runtime.checks.finding import CheckFinding, at, shown

_CODE = "state"
_PLAIN_MODULES = frozenset({
    "builtins", "collections", "datetime", "decimal", "uuid", "ipaddress", "pathlib", "re", "zoneinfo",
})  # fmt: skip
_NEVER = (complex, range, type, object, slice)
_ABSTRACT = frozenset({
    "Mapping", "MutableMapping", "Sequence", "MutableSequence", "Set", "MutableSet", "Collection", "Sized", "Hashable",
})  # fmt: skip
_DEPTH = 12


def of_schema(schema: Any, fallback: str) -> list[CheckFinding]:
    """Return findings about fields of a state that LangGraph's serializer cannot store."""
    try:
        hints = typing.get_type_hints(schema, include_extras=True)
    except Exception as error:
        return [at(schema, _CODE, f"The annotations of {schema.__name__} cannot be read: {error}", fallback)]
    found = []
    for name, hint in hints.items():
        if wrong := next(_not_stored(hint), ""):
            message = (
                f"The field {name!r} of {schema.__name__} contains {wrong}, which cannot be stored with the thread. "
                "Keep a reference to it in the state, and open or create it inside the node."
            )
            found.append(_at_field(schema, name, message, fallback))
        if (reason := _default_not_stored(schema, name)) and not wrong:
            message = f"The default of {name!r} of {schema.__name__} cannot be stored with the thread: {reason}."
            found.append(_at_field(schema, name, message, fallback))
    return found


def round_trip(value: Any) -> str:
    """Return why a value does not survive LangGraph's serializer; empty if it does."""
    serializer = JsonPlusSerializer()
    try:
        back = serializer.loads_typed(serializer.dumps_typed(value))
    except Exception as error:
        return str(error) or type(error).__name__
    if type(back) is not type(value):
        return f"it is stored as {type(value).__name__} and read back as {type(back).__name__}"
    return ""


def _not_stored(hint: Any, depth: int = 0) -> Iterator[str]:
    """Yield descriptions of the parts of an annotation that cannot be stored."""
    if depth > _DEPTH or hint is Any or hint is None or isinstance(hint, str | typing.TypeVar | typing.ForwardRef):
        return
    origin, inner = get_origin(hint), get_args(hint)
    if origin is typing.Literal:
        return
    if origin is typing.Annotated:
        yield from _not_stored(inner[0], depth + 1)
        return
    if hint is Callable or origin is Callable or hint is typing.Callable:
        yield "a function"
        return
    if isinstance(hint, types.BuiltinFunctionType | types.FunctionType) and not hasattr(hint, "__supertype__"):
        yield f"the result of {hint.__name__}()"
        return
    if hasattr(hint, "__supertype__"):
        yield from _not_stored(hint.__supertype__, depth + 1)
        return
    if isinstance(origin, type) and origin is not types.UnionType and not _is_stored(origin):
        yield f"a {origin.__module__}.{origin.__qualname__}".replace("builtins.", "")
    for node in inner:
        yield from _not_stored(node, depth + 1)
    if origin is None and isinstance(hint, type):
        if typing.is_typeddict(hint) or dataclasses.is_dataclass(hint) or issubclass(hint, BaseModel):
            if hint.__module__.partition(".")[0] not in ("langchain_core", "langchain", "langgraph"):
                yield from _inside(hint, depth)
        elif not _is_stored(hint):
            yield f"a {hint.__module__}.{hint.__qualname__}".replace("builtins.", "")


def _inside(owner: Any, depth: int) -> Iterator[str]:
    try:
        hints = typing.get_type_hints(owner, include_extras=True)
    except Exception:
        return
    for hint in hints.values():
        if get_origin(hint) is not typing.ClassVar:
            yield from _not_stored(hint, depth + 1)


def _is_stored(kind: type) -> bool:
    if kind in _NEVER or issubclass(kind, BaseException):
        return False
    if issubclass(kind, BaseModel | Enum) or dataclasses.is_dataclass(kind) or typing.is_typeddict(kind):
        return True
    if issubclass(kind, tuple | list | dict | set | frozenset | str | int | float | bytes | bytearray | types.NoneType):
        return True
    if kind.__module__ in ("collections.abc", "typing") or isabstract(kind):
        return kind.__name__ in _ABSTRACT or issubclass(kind, Mapping)
    return kind.__module__ in _PLAIN_MODULES or kind.__module__.partition(".")[0] in ("numpy", "pandas", "langgraph")


def _default_not_stored(schema: Any, name: str) -> str:
    missing = object()
    value: Any = missing
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        field = schema.model_fields.get(name)
        if field is not None and not field.is_required() and field.default_factory is None:
            value = field.default
    elif dataclasses.is_dataclass(schema):
        for attribute in dataclasses.fields(schema):
            if attribute.name == name and attribute.default is not dataclasses.MISSING:
                value = attribute.default
            elif attribute.name == name and attribute.default_factory is not dataclasses.MISSING:
                value = attribute.default_factory()
    return "" if value is missing else round_trip(value)


def _at_field(schema: Any, name: str, message: str, fallback: str) -> CheckFinding:
    here = at(schema, _CODE, message, fallback)
    try:
        lines, first = getsourcelines(schema)
    except (OSError, TypeError):
        return here
    for number, line in enumerate(lines):
        if line.strip().startswith((f"{name}:", f"{name} :")):
            return CheckFinding(here.file, first + number, _CODE, message)
    return CheckFinding(shown(here.file), here.line, _CODE, message)
