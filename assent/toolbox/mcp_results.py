"""Results of MCP tools, as documents. Whatever a server sends is text that nobody has checked."""

from __future__ import annotations

from typing import Any

from mcp.types import CallToolResult, EmbeddedResource, ResourceLink, TextContent, TextResourceContents
from pydantic import JsonValue

from assent.masking import mask_text
from assent.toolbox.errors import ToolFailedError, ToolOutputError

_LONGEST_ERROR = 2_000

TEXT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "The texts that the tool returned, one below the other."},
        "attachments": {
            "type": "array", "items": {"type": "object"},
            "description": "Images, sounds, and resources that the tool returned: described, without their content.",
        },
        "data": {"description": "Structured content of a tool that has no output schema."},
    },
    "required": ["text"],
}  # fmt: skip
"""The output of a tool without an output schema."""
VALUE_SCHEMA: dict[str, Any] = {"type": "object", "properties": {"value": {}}, "required": ["value"]}
"""The output of a tool whose output schema describes something else than an object."""


def document_of(name: str, result: CallToolResult, schema: dict[str, Any] | None, most: int) -> dict[str, JsonValue]:
    """Return the result of a call as a document.

    Args:
        name: the tool's name, for messages.
        schema: the tool's output schema.
        most: bytes of the largest result.

    Raises:
        ToolFailedError: the tool reported an error; its text is masked.
        ToolOutputError: the result is too large, or has no structured content although there is an output schema.
    """
    size = len(result.model_dump_json().encode())
    if result.is_error:
        words = " ".join(_text(result).split())[: 10 * _LONGEST_ERROR]
        said = mask_text(words)[:_LONGEST_ERROR] or "it gave no reason"
        raise ToolFailedError(f"{name} reported an error: {said}", "ToolError")
    if size > most:
        raise ToolOutputError(f"{name} returned {size:,} bytes; at most {most:,} are accepted.", {})
    if schema is None:
        document: dict[str, JsonValue] = {"text": _text(result)}
        if attachments := [_described(part) for part in result.content if not isinstance(part, TextContent)]:
            document["attachments"] = list(attachments)
        if result.structured_content is not None:
            document["data"] = result.structured_content
        return document
    if "structured_content" not in result.model_fields_set:
        raise ToolOutputError(f"{name} returned no structured content, which its output schema requires.", {})
    content = result.structured_content
    return content if is_of_object(schema) else {"value": content}


def is_of_object(schema: dict[str, Any]) -> bool:
    """Return whether a schema describes an object, as far as its type says."""
    return schema.get("type") == "object"


def _text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def _described(part: Any) -> dict[str, JsonValue]:
    """Return what a part of the content is, without the content itself."""
    if isinstance(part, ResourceLink):
        return {"type": "resource_link", "uri": str(part.uri), "name": part.name}
    if isinstance(part, EmbeddedResource):
        inside = part.resource
        size: dict[str, JsonValue]
        if isinstance(inside, TextResourceContents):
            size = {"characters": len(inside.text)}
        else:
            size = {"bytes": _decoded(inside.blob)}
        return {"type": "resource", "uri": str(inside.uri), "mime_type": inside.mime_type or "", **size}
    data = getattr(part, "data", "")
    kind, mime = getattr(part, "type", type(part).__name__), getattr(part, "mime_type", "")
    return {"type": str(kind), "mime_type": str(mime or ""), "bytes": _decoded(data)}


def _decoded(data: str) -> int:
    """Return the number of bytes of a text in base64, without decoding it."""
    return len(data) * 3 // 4 - data[-2:].count("=")
