"""The JSON Schema of workflow files, for editors: completion, and mistakes while people type."""

from __future__ import annotations

from typing import Any

from assent.composition.fields import (
    GROUP_FIELDS,
    MAX_ATTEMPTS,
    MAX_STEPS,
    RECOVER_FIELDS,
    RETRY_FIELDS,
    STEP_FIELDS,
    WORKFLOW_FIELDS,
    Field,
)
from assent.naming import LONGEST_NAME, SNAKE

ADDRESS = "https://json-schema.org/draft/2020-12/schema"
DURATION = r"^[0-9]+(\.[0-9]+)?\s*(ms|s|sec|m|min|h)$"
"""Durations, as `assent.composition.document.duration` reads them."""
_TYPES = {str: "string", int: "integer", list: "array", dict: "object"}
_NAME = {"type": "string", "pattern": f"^{SNAKE.pattern}$", "maxLength": LONGEST_NAME}


def editor_schema() -> dict[str, Any]:
    """Return the JSON Schema of a workflow file.

    It describes the fields. References, tools, and conditions are checked by ``assent workflow check``.
    """
    workflow = _object(WORKFLOW_FIELDS, "A workflow in YAML")
    properties = workflow["properties"]
    properties["name"] |= _NAME
    properties["input"] = {
        "description": WORKFLOW_FIELDS["input"].meaning,
        "oneOf": [{"type": "object"}, {"type": "string", "pattern": r"^\w+(\.\w+)*[.:]\w+$"}],
    }
    properties["examples"] |= {"items": {"type": "object"}}
    entry = {"oneOf": [{"$ref": "#/$defs/step"}, {"$ref": "#/$defs/group"}]}
    properties["steps"] |= {"items": entry, "minItems": 1, "maxItems": MAX_STEPS}
    recover = _object(RECOVER_FIELDS, "What is done about failures of a known kind")
    parts = {"step": _step(), "group": _group(), "retry": _retry(), "recover": recover}
    return {"$schema": ADDRESS} | workflow | {"$defs": parts}


def _step() -> dict[str, Any]:
    step = _object(STEP_FIELDS, "A step: a call of a tool, or a workflow")
    properties = step["properties"]
    properties["id"] |= _NAME
    properties["workflow"] |= _NAME
    properties["needs"] |= {"items": _NAME, "uniqueItems": True}
    properties["for_each"] |= {"pattern": r"^\$\{.+\}$"}
    properties["timeout"] |= {"pattern": DURATION}
    tolerance = {"oneOf": [{"enum": ["exact", "magnitude"]}, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}]}
    counts = {"type": "object", "additionalProperties": tolerance, "minProperties": 1}
    properties["rests_on"] |= {"additionalProperties": counts}
    properties["retry"] = {"$ref": "#/$defs/retry", "description": STEP_FIELDS["retry"].meaning}
    properties["recover"] = {"$ref": "#/$defs/recover", "description": STEP_FIELDS["recover"].meaning}
    return step | {"oneOf": [{"required": ["tool"]}, {"required": ["workflow"]}]}


def _group() -> dict[str, Any]:
    group = _object(GROUP_FIELDS, "Steps that run at the same time")
    group["properties"]["parallel"] |= {"items": {"$ref": "#/$defs/step"}, "minItems": 2}
    return group


def _retry() -> dict[str, Any]:
    retry = _object(RETRY_FIELDS, "How often a failed call is repeated")
    retry["properties"]["attempts"] |= {"minimum": 1, "maximum": MAX_ATTEMPTS}
    retry["properties"]["backoff"] |= {"pattern": DURATION}
    return retry


def _object(fields: dict[str, Field], title: str) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "properties": {name: _field(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }


def _field(field: Field) -> dict[str, Any]:
    made: dict[str, Any] = {"description": field.meaning, "type": _TYPES[field.kind]}
    if field.kind is str:
        made["minLength"] = 1
    return made | ({"enum": list(field.choices)} if field.choices else {})
