"""Checks of tools, and their facts as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assent.schemas import SchemaError, check
from assent.toolbox.model import Tool
from assent.toolbox.shapes import MisshapenError

_MOST_CAPABILITIES = 20


@dataclass(frozen=True)
class Finding:
    """A problem of a tool, in a sentence."""

    tool: str
    problem: str


def check_tool(tool: Tool) -> list[Finding]:
    """Return the problems of a tool: schemas, examples, and dependencies. The tool is not called."""
    problems: list[str] = []
    for words, shape in (("input", tool.takes), ("output", tool.returns)):
        try:
            schema = shape.schema
            check(schema)
        except Exception as error:
            reason = error if isinstance(error, SchemaError) else f"{type(error).__name__}: {error}"
            problems.append(f"The {words} schema cannot be used: {reason}")
    for number, example in enumerate(tool.examples, 1):
        try:
            tool.takes.document(tool.takes.read(example))
        except MisshapenError as misfit:
            problems.append(f"Example {number} does not fit the input schema: {misfit}")
    if len(tool.capabilities) > _MOST_CAPABILITIES:
        problems.append(f"It has {len(tool.capabilities)} capabilities; use at most {_MOST_CAPABILITIES}.")
    for dependency in tool.check_dependencies():
        if not dependency.available:
            detail = f": {dependency.detail}" if dependency.detail else "."
            problems.append(f"It needs {dependency.name}, which is not available{detail}")
    return [Finding(tool.full_name, problem) for problem in problems]


def facts_of(tool: Tool) -> dict[str, Any]:
    """Return the facts about a tool as JSON, for lists, pages, and programs."""
    return {
        "name": tool.name,
        "version": tool.version,
        "title": tool.label,
        "description": tool.description,
        "effect": tool.effect.value,
        "idempotent": tool.may_repeat,
        "risk": tool.least_risk.value,
        "capabilities": list(tool.capabilities),
        "timeout": tool.timeout,
        "tier": tool.tier.value,
        "sends_to": list(tool.sends_to),
        "source": tool.source,
        "pin": tool.pin,
        "notes": list(tool.notes),
        "input_schema": tool.takes.schema,
        "output_schema": tool.returns.schema,
        "examples": [dict(example) for example in tool.examples],
    }
