"""Tools for Redis and MongoDB, whose operations are given as texts, as words, or under named keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.risk.reading import Reading
from app.risk.tools.call import ToolCall
from app.risk.tools.programs import argument_lists

_MOST = 100


def read_store(
    call: ToolCall, kind: str, reading: Reading, read_code: Callable[[ToolCall, str, Reading], bool]
) -> bool:
    """Read an operation on Redis or MongoDB, given as a text, as words, or under named keys.

    Returns False if the tool is for something around the database, so that its name says more.
    """
    lists = argument_lists(call)
    if kind == "redis":
        lists = lists or [list(map(str, words)) for words in _pipeline(call)]
        if lists:
            for words in lists:
                reading.read("redis", " ".join(f'"{word}"' if " " in word else word for word in words))
            return True
        if read_code(call, kind, reading) or call.reads:
            return True
        rest = [word for word in call.words if word not in ("redis", "valkey", "command", "execute", "run")]
        if rest[:1] == ["flush"]:
            rest = ["flushdb" if rest[1:2] == ["db"] else "flushall"]
        elif rest[:1] == ["delete"]:
            rest = ["del"]
        values = [str(value) for value in call.args.values()] if isinstance(call.args, Mapping) else []
        reading.read("redis", " ".join([*rest, *values]))
        return True
    operation = call.text("operation", "op", "action", "method")
    named = ("filter", "pipeline", "document", "documents", "update")
    plain = not operation and all(call.value(name) is None for name in named)
    if plain and read_code(call, kind, reading):
        return True
    rest = [word for word in call.words if word not in ("mongo", "mongodb", "db", "tool", "execute", "run")]
    named_so = "find" if call.reads else "".join([*rest[:1], *(word.capitalize() for word in rest[1:])])
    name = operation or named_so
    document = {"operation": name, **(call.args if isinstance(call.args, Mapping) else {})}
    before = len(reading.findings)
    reading.read("mongo", json.dumps(document | {"operation": name}, default=str))
    if not operation and any(found.rule == "mongo.unknown" for found in reading.findings[before:]):
        # Nothing that the database itself calls so: a service around it, whose name says what it does.
        call.judged = ""
        return False
    return True


def _pipeline(call: ToolCall) -> list[list[Any]]:
    """Return the commands of a pipeline, each a list of words."""
    value = call.value("cmds", "commands", "pipeline", "operations", "ops", "calls", "args")
    lists = isinstance(value, list) and value and all(isinstance(entry, list) and entry for entry in value)
    return list(value[:_MOST]) if lists else []
