"""Forms drawn from a JSON Schema: the fields in which a person sees and edits a value.

A field that comes back as it was drawn gives exactly the value it was drawn from: opening a form and submitting it
changes nothing, whatever HTML does to numbers, line endings, and empty texts on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.domain.weight import weigh
from app.web.field_text import text_for_field
from app.web.forms.fields import MISSING, Field
from app.web.forms.schemas import (
    FieldShape,
    fixed_in,
    in_order,
    infer,
    is_table,
    required_in,
    shape_of,
    way_label,
    way_of,
)
from assent.conformance import FORMATS

MAX_FIELDS = 300
MAX_ENTRIES = 50
"""A longer list is a single JSON field."""
MAX_ROWS = 250
"""A longer table is a single JSON field."""
_MOST_DRAWN = 4 * MAX_FIELDS
"""Fields that are drawn before the rest becomes JSON: recursive definitions have no end."""
_A_FIELD = 120.0
"""Microseconds it takes to draw and render a field."""
_A_CELL = 15.0
"""Microseconds it takes to draw and render a cell of a table that nobody can change."""
_DEEPEST = 4
_LONG = 80
_PARTED = ("group", "list", "union")


def draw(schema: Mapping[str, Any] | None, root: str, original: Any = MISSING, label: str = "") -> Field:
    """The form for a value under `schema`; without one, the schema is inferred from the value."""
    definition = dict(schema) if schema is not None else infer(None if original is MISSING else original)
    drawn = _Drawing(definition).field(definition, root, root, original, True, 0)
    if drawn.fields and len(drawn.leaves()) > MAX_FIELDS:
        drawn = _leaf(FieldShape("json", definition), root, root, original, True)
    drawn.label = label or drawn.label
    drawn.move(root)
    return drawn


class _Drawing:
    """Draws the fields of one schema document, within which references are resolved."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._left = _MOST_DRAWN

    def field(self, schema: Any, name: str, key: str, original: Any, required: bool, depth: int) -> Field:
        shape = shape_of(schema, self._definitions)
        self._left -= 1
        weigh(_A_FIELD)
        if shape.kind not in _PARTED or self._left <= 0:
            kept = shape if shape.kind not in _PARTED else FieldShape("json", shape.schema, shape.nullable)
            return _leaf(kept, name, key, original, required)
        made = None
        if depth < _DEEPEST:
            match shape.kind:
                case "group":
                    made = self._group(shape, name, key, original, required, depth)
                case "list":
                    made = self._list(shape, name, key, original, required, depth)
                case "union":
                    made = self._union(shape, name, key, original, required, depth)
        return made or _leaf(FieldShape("json", shape.schema, shape.nullable), name, key, original, required)

    def _group(self, shape: FieldShape, name: str, key: str, original: Any, required: bool, depth: int) -> Field | None:
        if not (isinstance(original, dict) or original is MISSING or (original is None and shape.nullable)):
            return None
        values = original if isinstance(original, dict) else {}
        properties = shape.schema["properties"]
        if max(len(properties), len(values)) > MAX_FIELDS:
            return None  # it would end up as JSON, and drawing it first takes long
        wanted = set(required_in(shape.schema))
        group = _frame(shape, name, key, original, required)
        # Stored schemas have sorted keys, so the order of the fields is by whether they are required.
        for part, definition in in_order(shape.schema, properties.items(), wanted):
            value = values.get(part, MISSING)
            group.fields.append(self.field(definition, f"{name}.{part}", part, value, part in wanted, depth + 1))
        for part, value in values.items():
            if part not in properties:
                inferred = infer(value)
                inside = _Drawing(inferred)
                group.fields.append(inside.field(inferred, f"{name}.{part}", part, value, True, depth + 1))
        return group

    def _list(self, shape: FieldShape, name: str, key: str, original: Any, required: bool, depth: int) -> Field | None:
        start = shape.schema.get("default", MISSING) if original is MISSING else original
        entries = [] if start is MISSING or (start is None and shape.nullable) else start
        if not isinstance(entries, list):
            return None
        if is_table(shape, self._definitions) and original is not MISSING:
            return self._table(shape, name, key, entries, required, depth)
        if len(entries) > MAX_ENTRIES:
            return None
        made = _frame(shape, name, key, original, required)

        def entry(token: str) -> Field:
            known = token.isdigit() and int(token) < len(entries)
            value = entries[int(token)] if known else MISSING
            drawn = self.field(shape.schema["items"], f"{name}.{token}", token, value, True, depth + 1)
            if known and original is MISSING:
                for leaf in drawn.leaves():
                    leaf.default = leaf.value  # it is part of the list's default
            return drawn

        made.draw_part = entry
        # Files are uploaded into entries, so their list begins with an empty one.
        blank = start is MISSING and required and shape_of(shape.schema["items"], self._definitions).kind == "file"
        tokens = list(map(str, range(1 if blank else len(entries))))
        made.fields = [entry(token) for token in tokens]
        made.value = made.first = ",".join(tokens)
        made.default = made.value if original is MISSING else ""
        number_entries(made)
        return made

    def _table(
        self, shape: FieldShape, name: str, key: str, entries: list[Any], required: bool, depth: int
    ) -> Field | None:
        """A list whose entries are rows, of which people change those cells that are not read-only."""
        if len(entries) > MAX_ROWS or not all(isinstance(entry, dict) for entry in entries):
            return None
        made = _frame(shape, name, key, entries, required)
        made.is_table = True
        items = shape_of(shape.schema["items"], self._definitions)
        made.fields = [
            self._row(items, f"{name}.{number}", str(number), entry, depth + 2) for number, entry in enumerate(entries)
        ]
        made.value = made.first = ",".join(row.key for row in made.fields)
        number_entries(made)
        for row in made.fields:
            row.label = row.fields[0].value[:_LONG] if row.fields and row.fields[0].value else row.label
        return made

    def _row(self, shape: FieldShape, name: str, key: str, entry: dict[str, Any], depth: int) -> Field:
        row = _frame(shape, name, key, entry, True)
        properties, wanted = shape.schema["properties"], set(required_in(shape.schema))
        for part, definition in in_order(shape.schema, properties.items(), wanted):
            value = entry.get(part, MISSING)
            if isinstance(definition, dict) and definition.get("readOnly") is True:
                row.fields.append(_fixed(definition, f"{name}.{part}", part, value))
            else:
                row.fields.append(self.field(definition, f"{name}.{part}", part, value, part in wanted, depth))
        extra = [part for part in entry if part not in properties]
        row.fields += [_fixed({}, f"{name}.{part}", part, entry[part]) for part in extra]
        for leaf in row.leaves():
            leaf.first = leaf.value
        return row

    def _union(self, shape: FieldShape, name: str, key: str, original: Any, required: bool, depth: int) -> Field | None:
        start = shape.schema.get("default", MISSING) if original is MISSING else original
        nothing = start is MISSING or (start is None and shape.nullable)
        chosen = None if nothing else way_of(shape.ways, self._definitions, start)
        if not nothing and chosen is None:
            return None
        made = _frame(shape, name, key, original, required)
        made.options = [
            (str(number), way_label(way, self._definitions)) for number, way in enumerate(shape.ways)
        ]  # fmt: skip

        def way(number: str) -> Field:
            value = start if chosen is not None and number == str(chosen) else MISSING
            return self._way(shape.ways[int(number)], f"{name}.~{number}", key, value, depth)

        made.draw_part = way
        made.value = made.first = str(chosen) if chosen is not None else "0" if made.required_inside else ""
        made.default = made.value if original is MISSING else ""
        made.fields = [way(made.value)] if made.value else []
        return made

    def _way(self, schema: Any, name: str, key: str, value: Any, depth: int) -> Field:
        drawn = self.field(schema, name, key, value, True, depth + 1)
        drawn.label = way_label(schema, self._definitions)
        properties = drawn.shape.schema.get("properties", {}) if drawn.kind == "group" else {}
        for child in drawn.fields:
            # The value that distinguishes this way was chosen together with it.
            if child.kind == "select" and fixed_in(properties.get(child.key), self._definitions) is not None:
                child.kind = "fixed"
        return drawn


def _fixed(schema: dict[str, Any], name: str, key: str, value: Any) -> Field:
    """A cell of a table that nobody can change."""
    weigh(_A_CELL)
    cell = _frame(FieldShape("fixed", schema), name, key, value, False)
    cell.value = "" if value is MISSING or value is None else value if isinstance(value, str) else json.dumps(value)
    return cell


def number_entries(made: Field) -> None:
    """Label the entries of a list by their positions."""
    for number, entry in enumerate(made.fields, 1):
        title = entry.shape.schema.get("title")
        entry.label = f"{title if isinstance(title, str) and title else 'Entry'} {number}"


def _frame(shape: FieldShape, name: str, key: str, original: Any, required: bool) -> Field:
    """A field without a value."""
    schema = shape.schema
    return Field(
        name=name,
        key=key,
        label=str(schema.get("title") or key.replace("_", " ").capitalize()),
        kind=shape.kind,
        shape=shape,
        required=required,
        help=_help(schema, shape.kind),
        original=original,
        options=list(shape.options),
        attributes=dict(shape.attributes),
    )


def _leaf(shape: FieldShape, name: str, key: str, original: Any, required: bool) -> Field:
    schema = shape.schema
    start = schema.get("default", MISSING) if original is MISSING else original
    made = _frame(shape, name, key, original, required)
    made.value = "" if start is None and shape.nullable else _text_of(made.kind, start)
    if start is not MISSING and not _holds(made, start):
        made.kind, made.value, made.options = "json", _text_of("json", start), []
    if made.attributes.get("type") == "date" and not _is_date(made.value):
        del made.attributes["type"]
    if made.kind == "text" and (len(made.value) > _LONG or "\n" in made.value):
        made.kind = "long"
    if "default" in schema:
        usual = schema["default"]
        made.default = "" if usual is None and shape.nullable else _text_of(made.kind, usual)
    return made


def _help(schema: dict[str, Any], kind: str) -> str:
    """The schema's description and its limits for the value, in words."""
    description = str(schema.get("description") or "").rstrip()
    words = [description + ("" if description.endswith((".", "!", "?")) else ".")] if description else []
    if kind in ("text", "long") and schema.get("format") in FORMATS and schema["format"] not in ("date", "email"):
        words.append(f"{FORMATS[schema['format']][:1].upper()}{FORMATS[schema['format']][1:]}.")
    if kind == "number":
        words.append(_limits(schema))
    return " ".join(filter(None, words))


def _limits(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if isinstance(least, int | float) and isinstance(most, int | float):
        return f"{least:,} to {most:,}."
    if isinstance(least, int | float):
        return f"At least {least:,}."
    return f"At most {most:,}." if isinstance(most, int | float) else ""


def _is_date(text: str) -> bool:
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _holds(made: Field, value: Any) -> bool:
    """True if a field of this kind can show `value`, which may not match its schema."""
    match made.kind:
        case "text" | "long" | "file":
            return value is None or isinstance(value, str)
        case "number":
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case "numbers":
            return isinstance(value, list) and all(
                isinstance(item, int | float) and not isinstance(item, bool) for item in value
            )
        case "check":
            return isinstance(value, bool)
        case "select":
            return made.value in {option for option, _ in made.options}
        case "lines":
            return isinstance(value, list) and all(
                isinstance(item, str) and item == item.strip() and item and not re.search(r"[\r\n\x00]", item)
                for item in value
            )
    return True


def _text_of(kind: str, value: Any) -> str:
    if kind == "json":
        return "" if value is MISSING else text_for_field(_readable_json(value))
    if value is MISSING or value is None:
        return ""
    if kind == "check":
        return "on" if value is True else ""
    if kind == "lines":
        return text_for_field("\n".join(map(str, value))) if isinstance(value, list) else ""
    if kind == "numbers":
        return ", ".join(json.dumps(item) for item in value) if isinstance(value, list) else ""
    if kind == "select":
        return json.dumps(value, ensure_ascii=True)
    return text_for_field(value) if isinstance(value, str) else json.dumps(value)


def _readable_json(value: Any) -> str:
    flat = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    return json.dumps(value, indent=None if flat else 2, ensure_ascii=False)
