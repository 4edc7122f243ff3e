"""Forms drawn from a JSON Schema: what a person sees of a value, and the value that a submitted form gives.

A field that comes back as it was drawn gives the value it was drawn from, to the letter: opening a form and sending it
again changes nothing, whatever HTML does to numbers, line ends and empty texts on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import InvalidInputError
from app.web.schemas import Shape, infer, shape_of

MISSING: Any = object()
"""Stands for "there is no value", which JSON's null does not."""

MAX_FIELDS = 300
_LONG = 80


@dataclass
class Field:
    """One field of a form, or a group of them.

    Attributes:
        name: the field's name in the form: the root and the path, joined by dots, as errors name it.
        kind: ``text``, ``long``, ``number``, ``check``, ``select``, ``lines``, ``json`` or ``group``.
        value: what the field shows, as text; ``on`` or empty for a check box.
        original: the value it was drawn from, or MISSING.
        options: value and label of each choice of a select.
        attributes: HTML attributes that help while typing; the check that counts is the server's.
        default: the schema's default as the field would show it; empty where it has none.
    """

    name: str
    key: str
    label: str
    kind: str
    shape: Shape
    required: bool
    help: str = ""
    value: str = ""
    original: Any = MISSING
    error: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    default: str = ""

    @property
    def has_default(self) -> bool:
        """True if leaving the field alone gives a value."""
        return "default" in self.shape.schema

    @property
    def is_changed(self) -> bool:
        """True if it shows anything but its default; of a group, if any field inside does."""
        return any(leaf.value != leaf.default for leaf in self.leaves())

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return element_id(self.name)

    @property
    def required_inside(self) -> bool:
        """True if a value has to be made even when nobody touches its fields."""
        return self.required and not self.shape.nullable

    def leaves(self) -> list[Field]:
        """This field, or the fields of the group, however deep."""
        return [leaf for each in self.fields for leaf in each.leaves()] if self.kind == "group" else [self]


def element_id(name: str) -> str:
    """The id of the element that the form knows as `name`."""
    return "f-" + re.sub(r"\s", "_", name)


def text_for_field(text: str) -> str:
    """The text as a browser will hold it in a field: no NUL, no half of a pair, one kind of line end."""
    text = re.sub(r"[\x00\ud800-\udfff]", "\ufffd", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def draw(schema: Mapping[str, Any] | None, root: str, original: Any = MISSING, label: str = "") -> Field:
    """The form for a value under `schema`; without a schema the value itself says what it is made of."""
    definition = dict(schema) if schema is not None else infer(None if original is MISSING else original)
    drawn = _draw(definition, definition, root, root, original, True, 0)
    if drawn.kind == "group" and len(drawn.leaves()) > MAX_FIELDS:
        drawn = _leaf(Shape("json", definition), root, root, original, True)
    drawn.label = label or drawn.label
    return drawn


def _draw(
    schema: Any, definitions: dict[str, Any], name: str, key: str, original: Any, required: bool, depth: int
) -> Field:
    shape = shape_of(schema, definitions)
    open_to = isinstance(original, dict) or original is MISSING or (original is None and shape.nullable)
    if shape.kind != "group" or depth > 3 or not open_to:
        return _leaf(shape if shape.kind != "group" else Shape("json", shape.schema), name, key, original, required)
    group = _leaf(shape, name, key, original, required)
    values = original if isinstance(original, dict) else {}
    wanted = set(shape.schema.get("required") or ())
    properties = shape.schema["properties"]
    # Stored schemas have sorted keys, so what must be filled in comes first instead of what begins with an a.
    for each, definition in sorted(properties.items(), key=lambda item: item[0] not in wanted):
        group.fields.append(
            _draw(definition, definitions, f"{name}.{each}", each, values.get(each, MISSING), each in wanted, depth + 1)
        )
    for each in values:
        if each not in properties:
            child = infer(values[each])
            group.fields.append(_draw(child, child, f"{name}.{each}", each, values[each], True, depth + 1))
    return group


def _leaf(shape: Shape, name: str, key: str, original: Any, required: bool) -> Field:
    schema = shape.schema
    start = schema.get("default", MISSING) if original is MISSING else original
    made = Field(
        name=name,
        key=key,
        label=str(schema.get("title") or key.replace("_", " ").capitalize()),
        kind=shape.kind,
        shape=shape,
        required=required,
        help=str(schema.get("description") or ""),
        original=original,
        options=list(shape.options),
        attributes=dict(shape.attributes),
    )
    if shape.kind != "group":
        made.value = "" if start is None and shape.nullable else _text_of(made.kind, start)
        if start is not MISSING and not _holds(made, start):
            made.kind, made.value, made.options = "json", _text_of("json", start), []
    if made.kind == "text" and (len(made.value) > _LONG or "\n" in made.value):
        made.kind = "long"
    if made.kind != "group" and "default" in schema:
        usual = schema["default"]
        made.default = "" if usual is None and shape.nullable else _text_of(made.kind, usual)
    return made


def _holds(made: Field, value: Any) -> bool:
    """True if a field of this kind can show `value`; what a schema says and what is there may differ."""
    match made.kind:
        case "text" | "long":
            return value is None or isinstance(value, str)
        case "number":
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case "check":
            return isinstance(value, bool)
        case "select":
            return made.value in {option for option, _ in made.options}
        case "lines":
            return isinstance(value, list) and all(
                isinstance(each, str) and each == each.strip() and each and not re.search(r"[\r\n\x00]", each)
                for each in value
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
    if kind == "select":
        return json.dumps(value, ensure_ascii=True)
    return text_for_field(value) if isinstance(value, str) else json.dumps(value)


def _readable_json(value: Any) -> str:
    flat = isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)
    return json.dumps(value, indent=None if flat else 2, ensure_ascii=False)


def read(drawn: Field, form: Mapping[str, str]) -> Any:
    """The value that a submitted form gives.

    Raises:
        InvalidInputError: something cannot be read as what the field is for; `fields` says where.
    """
    problems: dict[str, str] = {}
    value = _read(drawn, form, problems)
    if problems:
        raise InvalidInputError("Some fields cannot be read.", problems)
    return value


def _read(drawn: Field, form: Mapping[str, str], problems: dict[str, str]) -> Any:
    if drawn.kind == "group":
        if (
            (drawn.original is MISSING or drawn.original is None)
            and not drawn.required_inside
            and is_untouched(drawn, form)
        ):
            return drawn.original
        values = {each.key: _read(each, form, problems) for each in drawn.fields}
        kept = {key: value for key, value in values.items() if value is not MISSING}
        return kept
    sent = text_for_field(form.get(drawn.name, ""))
    if sent == drawn.value and (drawn.original is not MISSING or not drawn.required):
        return drawn.original
    if drawn.kind == "check":
        return bool(sent)
    if drawn.kind not in ("text", "long"):
        sent = sent.strip()
    if not sent:
        return _read_empty(drawn, problems)
    return _parse(drawn, sent, problems)


def is_untouched(drawn: Field, form: Mapping[str, str]) -> bool:
    """True if the field, or all fields of the group, came back as they were drawn."""
    return all(text_for_field(form.get(leaf.name, "")) == leaf.value for leaf in drawn.leaves())


def _read_empty(drawn: Field, problems: dict[str, str]) -> Any:
    if drawn.kind == "lines" and (drawn.required or drawn.original is not MISSING):
        return []
    if drawn.shape.nullable and (drawn.required or drawn.original is not MISSING):
        return None
    if not drawn.required:
        return MISSING
    if drawn.kind in ("text", "long") and drawn.original is not MISSING:
        return ""
    problems[drawn.name] = "This is needed."
    return MISSING


def _parse(drawn: Field, sent: str, problems: dict[str, str]) -> Any:
    try:
        match drawn.kind:
            case "number":
                return _number(sent, drawn.shape.schema.get("type") == "integer")
            case "select":
                if sent not in {option for option, _ in drawn.options}:
                    raise ValueError("This is not one of the choices.")
                return json.loads(sent)
            case "lines":
                return [line.strip() for line in sent.split("\n") if line.strip()]
            case "json":
                return parse_json(sent)
    except ValueError as error:
        problems[drawn.name] = str(error)
        return MISSING
    if "\n" not in sent.rstrip("\n") and "\n" not in str(drawn.value):
        return sent.rstrip("\n")  # somebody pressed Enter where one line was meant
    return sent.replace("\n", "\r\n") if _crlf(drawn.original) else sent


def _crlf(original: Any) -> bool:
    return isinstance(original, str) and "\r\n" in original and original.count("\n") == original.count("\r\n")


def _number(sent: str, whole: bool) -> int | float:
    if re.fullmatch(r"[+-]?[0-9]{1,30}", sent):
        return int(sent)
    if not whole and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", sent) and len(sent) < 60:
        number = float(sent)
        if number not in (float("inf"), float("-inf")):
            return number
    raise ValueError("This needs a whole number." if whole else "This needs a number, such as 2.5.")


def parse_json(sent: str) -> Any:
    """A JSON text as its value. Raises ValueError with a sentence that says where it stops being JSON."""
    try:
        return json.loads(sent, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise ValueError("This is nested too deeply.") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"This is not JSON: {name} is not a number.")


def refill(drawn: Field, form: Mapping[str, str], problems: Mapping[str, str]) -> Field:
    """Show what was sent again, with complaints at their fields; `drawn` itself is changed and returned."""
    for leaf in drawn.leaves():
        leaf.value = text_for_field(form.get(leaf.name, ""))
        leaf.error = complaint_at(leaf.name, problems, exact=False)
    return drawn


def complaint_at(name: str, problems: Mapping[str, str], *, exact: bool = True) -> str:
    """What was said about a field; with `exact` off, also about something inside its value."""
    if name in problems:
        return problems[name]
    if exact:
        return ""
    below = name + "."
    inside = [
        f"{_place_inside(path.removeprefix(below))}: {words}"
        for path, words in problems.items()
        if path.startswith(below)
    ]
    return "; ".join(inside[:3])


def _place_inside(path: str) -> str:
    """A place in a value, as a person would say it: ``item 3, name``."""
    return ", ".join(f"item {int(part) + 1}" if re.fullmatch("[0-9]{1,6}", part) else part for part in path.split("."))


@dataclass(frozen=True)
class Complaint:
    """What is wrong with a field. `element_id` is empty where it is about none in particular."""

    element_id: str
    label: str
    words: str


def complaints(drawn: Field, problems: Mapping[str, str], others: Mapping[str, str] | None = None) -> list[Complaint]:
    """All problems with the labels of their fields, in the order of the form.

    Args:
        others: labels of fields by name that are on the page and not in the form.
    """
    found = [
        Complaint(element_id(name), label, problems[name]) for name, label in (others or {}).items() if name in problems
    ]
    told = set(others or {})
    for leaf, label in _labelled(drawn, ""):
        words = complaint_at(leaf.name, problems, exact=False)
        if words:
            found.append(Complaint(leaf.element_id, label, words))
            told |= {name for name in problems if name == leaf.name or name.startswith(leaf.name + ".")}
    return found + [Complaint("", "", words) for name, words in problems.items() if name not in told]


def _labelled(drawn: Field, path: str) -> list[tuple[Field, str]]:
    """The fields with their labels, those in a group within another after the group's own."""
    if drawn.kind != "group":
        return [(drawn, f"{path}{drawn.label}")]
    return [pair for each in drawn.fields for pair in _labelled(each, path + _step(each))]


def _step(inner: Field) -> str:
    return f"{inner.label}, " if inner.kind == "group" else ""
