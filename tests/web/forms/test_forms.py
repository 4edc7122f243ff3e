"""Forms from schemas: unchanged fields give the value they were drawn from, to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidInputError
from app.domain.hidden_characters import plain_text
from app.web.filters import duration, span_words, visible
from app.web.forms.drawing import draw
from app.web.forms.field_errors import FieldError, field_errors
from app.web.forms.fields import MISSING, Field
from app.web.forms.sections import Section, sections
from app.web.forms.values import read, refill
from app.web.prose import markdown

EVERYTHING: dict[str, Any] = {
    "text": "a\r\nb\n", "empty": "", "null": None, "number": 1.0, "whole": 10**20, "small": 1e-7, "yes": True,
    "no": False, "list": ["a", " b "], "flat": ["a", "b"], "numbers": [1, 2.5], "none": {}, "odd\x00": "\x00\ud800",
    "nested": {"deep": {"deeper": {"deepest": {"x": [1]}}}}, "a.b": {"c": 1}, "unicode": "ü\u202e",
}  # fmt: skip
OTHERWISE = {
    "text": {"type": "string"},
    "number": {"type": "integer"},
    "yes": {"type": "string"},
    "flat": {"type": "array", "items": {"type": "string"}},
    "list": {"type": "array", "items": {"type": "string"}},
    "null": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "missing": {"type": "string", "default": "x"},
    "missing too": {"type": "boolean", "default": True},
}
"""A schema that the value above fits only in part."""


def sent_as_drawn(drawn: Field) -> dict[str, str]:
    """What a browser sends when nobody touches anything."""
    return {
        leaf.name: leaf.value.replace("\n", "\r\n") for leaf in drawn.leaves() if leaf.kind != "check" or leaf.value
    }


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "object", "properties": OTHERWISE},
        {"type": "object"},
        {"type": "string"},
    ],
)  # fmt: skip
def test_what_nobody_touched_comes_back_to_the_letter(schema: dict[str, Any] | None) -> None:
    drawn = draw(schema, "args", EVERYTHING)
    value = read(drawn, sent_as_drawn(drawn))
    assert value == EVERYTHING
    assert repr(sorted(value.items())) == repr(sorted(EVERYTHING.items()))


SCHEMA = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "share": {"type": "number"},
        "mode": {"enum": ["fast", "safe", 3]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "dry": {"type": "boolean"},
        "wet": {"type": "boolean", "default": True},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "window": {"anyOf": [{"$ref": "#/$defs/Window"}, {"type": "null"}]},
        "extra": {},
    },
    "$defs": {"Window": {"type": "object", "properties": {"from": {"type": "integer"}}, "required": ["from"]}},
}


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ({}, {}),
        ({"in.wet": ""}, {"wet": False}),
        ({"in.size": " -3 "}, {"size": -3}),
        ({"in.name": " x "}, {"name": " x "}),
        ({"in.name": "x\r\n"}, {"name": "x"}),
        ({"in.name": "x\r\ny\r\n"}, {"name": "x\ny\n"}),
        ({"in.share": "2.5"}, {"share": 2.5}),
        ({"in.mode": "3"}, {"mode": 3}),
        ({"in.tags": " a \r\n\r\nb"}, {"tags": ["a", "b"]}),
        ({"in.dry": "on"}, {"dry": True}),
        ({"in.window.from": "9"}, {"window": {"from": 9}}),
        ({"in.extra": '{"a": [1]}'}, {"extra": {"a": [1]}}),
    ],
)  # fmt: skip
def test_reading(sent: dict[str, str], value: dict[str, Any]) -> None:
    filled = {"in.name": "x", "in.size": "3", "in.wet": "on"} | sent
    assert read(draw(SCHEMA, "in"), filled) == {"name": "x", "size": 3} | value


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"in.size": "3"}, "in.name"),
        ({"in.name": "x"}, "in.size"),
        ({"in.name": "x", "in.size": "1e3"}, "in.size"),
        ({"in.name": "x", "in.size": "٣"}, "in.size"),
        ({"in.name": "x", "in.size": "3", "in.share": "nan"}, "in.share"),
        ({"in.name": "x", "in.size": "3", "in.share": "1e999"}, "in.share"),
        ({"in.name": "x", "in.size": "3", "in.mode": '"slow"'}, "in.mode"),
        ({"in.name": "x", "in.size": "3", "in.extra": "{"}, "in.extra"),
        ({"in.name": "x", "in.size": "3", "in.extra": "NaN"}, "in.extra"),
        ({"in.name": "x", "in.size": "3", "in.extra": "[" * 100_000}, "in.extra"),
    ],
)
def test_what_cannot_be_read_is_named(sent: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(draw(SCHEMA, "in"), sent)
    assert list(caught.value.extra["fields"]) == [field]


def test_a_value_can_be_emptied() -> None:
    drawn = draw(SCHEMA, "in", {"name": "x", "size": 1, "limit": 5, "share": 2.0, "tags": ["a"], "window": {"from": 1}})
    kept = read(drawn, {"in.name": "", "in.size": "1", "in.limit": "", "in.window.from": "1", "in.wet": "on"})
    assert kept == {"name": "", "size": 1, "limit": None, "tags": [], "window": {"from": 1}}


# Parts of a form

PARTED: dict[str, Any] = {
    "type": "object",
    "required": ["target", "window"],
    "properties": {
        "target": {"type": "string"},
        "note": {"type": "string"},
        "keep": {"type": "integer", "default": 30, "x-group": "Backup", "x-advanced": True},
        "proved": {"type": "boolean", "default": True, "x-group": "Backup", "x-advanced": True},
        "hours": {"type": "array", "items": {"type": "integer"}, "default": [1, 2], "x-group": "Time"},
        "zone": {"type": "string", "default": "UTC", "x-group": "Time", "x-advanced": True},
        "grid": {"type": "array", "items": {"type": "array"}, "default": [[1, 2]], "x-group": "Time"},
        "window": {
            "type": "object", "title": "Change window", "required": ["from"],
            "properties": {"from": {"type": "integer"}, "note": {"type": "string", "x-advanced": True}},
        },
        "limits": {"type": "object", "properties": {"rows": {"type": ["integer", "null"], "default": None}}},
    },
}  # fmt: skip


def parts(drawn: Field) -> dict[str, Section]:
    """The parts by title."""
    return {part.title: part for part in sections(drawn)}


def keys(fields: list[Field]) -> list[str]:
    """The names of fields without the path."""
    return [field.key for field in fields]


def test_a_form_comes_in_parts() -> None:
    found = parts(draw(PARTED, "in"))
    assert list(found) == ["", "Change window", "Backup", "Time", "Limits"]
    assert {title: (keys(part.shown), keys(part.folded)) for title, part in found.items()} == {
        "": (["target", "note"], []), "Backup": ([], ["keep", "proved"]), "Time": (["hours", "grid"], ["zone"]),
        "Change window": (["from"], ["note"]), "Limits": ([], ["rows"]),
    }  # fmt: skip
    assert not any(part.open for part in found.values())
    assert found["Backup"].words == "2 settings, default values"


@pytest.mark.parametrize(("count", "folded"), [(6, 0), (7, 7)])
def test_many_optional_fields_are_folded_where_the_schema_says_nothing(count: int, folded: int) -> None:
    names = {f"p{number}": {"type": "integer"} for number in range(count)}
    schema = {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}, **names}}
    (part,) = sections(draw(schema, "in"))
    assert len(part.folded) == folded and "x" in keys(part.shown)


def test_what_is_folded_opens_for_another_value_and_for_a_problem() -> None:
    given = parts(draw(PARTED, "in", {"target": "x", "keep": 31}))
    assert given["Backup"].open and given["Backup"].words == "2 settings, 1 changed"
    assert not given["Time"].open
    drawn = draw(PARTED, "in")
    grid = "[\n  [\n    1,\n    2\n  ]\n]"
    same = {"in.keep": "30", "in.proved": "on", "in.zone": "UTC", "in.hours": "1, 2", "in.grid": grid}
    sent = parts(refill(drawn, same, {"in.zone": "There is no such zone."}))
    assert sent["Time"].open and not sent["Backup"].open and not sent["Limits"].open
    off = parts(refill(draw(PARTED, "in"), same | {"in.proved": ""}, {}))
    assert off["Backup"].changed == 1


def test_odd_hints_are_no_hints() -> None:
    odd = {"x-group": {"a": 1}, "x-advanced": "yes", "type": "string"}
    (part,) = sections(draw({"type": "object", "properties": {"a": odd}}, "in"))
    assert part.title == "" and keys(part.shown) == ["a"]
    (leaf,) = sections(draw({"type": "string"}, "in"))
    assert leaf.shown[0].name == "in"


def test_problems_carry_the_labels_of_their_fields() -> None:
    problems = {
        "in.window.from": "This field is required.", "in.hours.1": "This must be a whole number.",
        "in.grid.1.1": "This must be a whole number.", "title": "Too odd.",
        "in": "Nothing else is allowed.",
    }  # fmt: skip
    assert field_errors(draw(PARTED, "in"), problems, {"title": "Title"}) == [
        FieldError("f-title", "Title", "Too odd."),
        FieldError("f-in.window.from", "Change window, From", "This field is required."),
        FieldError("f-in.hours", "Hours", "item 2: This must be a whole number."),
        FieldError("f-in.grid", "Grid", "item 2, item 2: This must be a whole number."),
        FieldError("", "", "Nothing else is allowed."),
    ]


@pytest.mark.parametrize("sent", ["[[1, 2]", "[1], 2", "[[1],]"])
def test_a_list_of_lists_is_json_with_its_error_at_the_field(sent: str) -> None:
    drawn = draw(PARTED, "in")
    with pytest.raises(InvalidInputError) as caught:
        read(drawn, {"in.target": "x", "in.window.from": "1", "in.grid": sent})
    assert list(caught.value.extra["fields"]) == ["in.grid"]
    assert refill(drawn, {"in.grid": sent}, caught.value.extra["fields"]).leaves()
    shown = next(leaf for leaf in drawn.leaves() if leaf.key == "grid")
    assert shown.value == sent and shown.error.startswith("This is not JSON")


def test_no_value_is_not_null() -> None:
    assert read(draw({"type": "string"}, "answer"), {"answer": "x"}) == "x"
    with pytest.raises(InvalidInputError):
        read(draw({"type": "string"}, "answer"), {})
    assert draw({"type": "string"}, "answer").original is MISSING


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext ü 漢字 🎉", "plain\n\ttext ü 漢字 🎉"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb\ufeff\u2060", "a⟨U+200B⟩b⟨U+FEFF⟩⟨U+2060⟩"),
        ("a\x00\x1b[31m\x85", "a⟨U+0000⟩⟨U+001B⟩[31m⟨U+0085⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\u3164\u115f\u2028", "⟨U+3164⟩⟨U+115F⟩⟨U+2028⟩"),
        ("a\rb", "a⟨U+000D⟩b"),
        ("👩\u200d💻 می\u200cخواهم", "👩\u200d💻 می\u200cخواهم"),
        ("a\u200db", "a⟨U+200D⟩b"),
    ],
)
def test_hidden_characters_become_visible(text: str, shown: str) -> None:
    assert plain_text(text) == shown
    assert visible(text).striptags() == " ".join(shown.split())
    assert str(visible("<b>" + text)).removeprefix('<bdi dir="auto">').startswith("&lt;b&gt;")


@pytest.mark.parametrize(
    "text",
    ["<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "[a](data:text/html,x)", "![a](javascript:x)",
     "[a](vbscript:x)", "[a](//evil.example)", "<a href='x'>", "[a]: javascript:x\n\n[a]", "<javascript:alert(1)>"],
)  # fmt: skip
def test_markdown_carries_nothing_that_acts(text: str) -> None:
    html = str(markdown(text))
    assert "<img" not in html and "<a" not in html


def test_markdown_headings_start_where_the_page_needs_them() -> None:
    assert "<h3>One</h3>" in markdown("# One\n## Two", 3) and "<h4>Two</h4>" in markdown("# One\n## Two", 3)
    assert "<h3>One</h3>" in markdown("### One", 3)
    assert "style=" not in markdown("|a|\n|:-:|\n|1|\n")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "less than a minute"), (59, "less than a minute"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"),
     (6720, "1 h 52 min"), (36_000, "10 h"), (172_799, "47 h"), (172_800, "2 days")],
)  # fmt: skip
def test_spans(seconds: float, words: str) -> None:
    assert span_words(seconds) == words


def test_durations() -> None:
    assert [duration(milliseconds) for milliseconds in (None, 12, 1400, 61_000)] == ["", "12 ms", "1.4 s", "1 min"]
