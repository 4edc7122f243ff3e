"""The order of a schema's names is kept beside a proposal, and changes nothing but the order."""

from __future__ import annotations

from typing import Any

from app.domain.schema_order import MOST_NAMES, in_order, order_of
from assent.digests import canonical


def stored(value: Any) -> Any:
    """As it comes out of the database: with sorted names."""
    if isinstance(value, dict):
        return {name: stored(value[name]) for name in sorted(value)}
    return [stored(item) for item in value] if isinstance(value, list) else value


ITEM = {"type": "object", "properties": {"sku": {}, "price": {"properties": {"net": {}, "gross": {}}}}}
SCHEMA = {
    "type": "object", "properties": {"order": {}, "amount": {}, "lines": {"items": ITEM}},
    "$defs": {"Z": {"properties": {"b": {}, "a": {}}}},
}  # fmt: skip


def test_what_was_written_is_read_in_the_same_order() -> None:
    for document in (
        {"kind": "tool_call", "args": {"properties": {"b": 1, "a": 2}}, "args_schema": SCHEMA},
        {"kind": "tool_calls", "calls": [{"args_schema": {"properties": {"a": {}}}}, {"args_schema": SCHEMA}]},
        {"kind": "plan", "steps": [{"inputs_schema": SCHEMA}]},
        {"kind": "custom", "data_schema": SCHEMA},
    ):
        kept = order_of(document)
        shown = in_order(stored(document), kept)
        assert canonical(shown) == canonical(document)
        assert order_of(shown) == kept and kept
    properties = shown["data_schema"]["properties"]
    assert list(properties) == ["order", "amount", "lines"]
    assert list(properties["lines"]["items"]["properties"]["price"]["properties"]) == ["net", "gross"]


def test_nothing_is_kept_where_there_is_nothing_to_keep() -> None:
    many = {f"{number:05}": {} for number in range(MOST_NAMES, -1, -1)}
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"properties": {"b": deep, "a": {}}}
    for document in (
        {"kind": "script", "content": "x"}, {"args_schema": {"properties": {"a": {}, "b": {}}}}, {"args_schema": "x"},
        {"args_schema": {"properties": many}}, {"calls": "x"}, "x", None,
    ):  # fmt: skip
        assert order_of(document) is None
        assert in_order(document, None) is document
    document = {"args_schema": deep}
    assert canonical(in_order(document, order_of(document))) == canonical(document)
