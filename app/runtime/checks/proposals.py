"""Unknown fields of proposals, on which the gate would fail only when it is reached."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from app.runtime.checks.finding import CheckFinding, shown
from app.runtime.checks.sources import Source, Sources, calls, last_name, meaning
from assent import contracts

_KINDS = {
    model.model_fields["kind"].default: model
    for model in (
        contracts.Script, contracts.Optimizations, contracts.ToolCall, contracts.ToolCalls, contracts.Plan,
        contracts.Question, contracts.Custom,
    )
}  # fmt: skip


def unknown_fields(sources: Sources, function: Callable[..., Any]) -> list[CheckFinding]:
    """Return findings about unknown fields in the proposals of a node, and of the workflow's own functions it calls."""
    return sorted({finding for source in sources.reached(function) for finding in _in(source)})


def _in(source: Source) -> Iterator[CheckFinding]:
    for call in calls(source.body):
        model = _model(call, source)
        if model is not None:
            for word in call.keywords:
                if word.arg is not None and word.arg not in _names(model):
                    yield _finding(source, word.value.lineno, model, word.arg)
        elif last_name(call.func) == "request_approval" and call.args and isinstance(call.args[0], ast.Dict):
            yield from _in_document(source, call.args[0])


def _in_document(source: Source, document: ast.Dict) -> Iterator[CheckFinding]:
    keys = {
        key.value: (key.lineno, value)
        for key, value in zip(document.keys, document.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    kind = keys.get("kind", (0, None))[1]
    model = _KINDS.get(kind.value) if isinstance(kind, ast.Constant) else None
    if model is not None:
        for name, (line, _) in keys.items():
            if name not in _names(model):
                yield _finding(source, line, model, name)


def _model(call: ast.Call, source: Source) -> type[BaseModel] | None:
    """Return the contract model that a call instantiates."""
    meant = meaning(call.func, source.names)
    if meant is None:  # it may be imported inside the function
        meant = getattr(contracts, last_name(call.func), None)
    own = isinstance(meant, type) and issubclass(meant, BaseModel) and meant.__module__.partition(".")[0] == "assent"
    return meant if own and meant.model_config.get("extra") == "forbid" else None


def _names(model: type[BaseModel]) -> set[str]:
    return {*model.model_fields, *(field.alias for field in model.model_fields.values() if field.alias)}


def _finding(source: Source, line: int, model: type[BaseModel], name: str) -> CheckFinding:
    known = ", ".join(sorted(_names(model) - {"kind"}))
    words = f"{model.__name__} has no field {name!r}, so the gate would fail when it is reached. Its fields: {known}."
    return CheckFinding(shown(source.file), line, "field", words)
