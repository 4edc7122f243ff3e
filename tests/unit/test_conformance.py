"""JSON Schemas from anybody: nothing is fetched, nothing takes long, and complaints say what is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from referencing.exceptions import Unresolvable

from assent.conformance import MisfitError, check_is_schema, check_schema
from assent.expressions import ExpressionError, expression
from assent.validator import TooMuchWorkError, errors_of, fewer_steps

KEYWORDS = ("$ref", "$dynamicRef", "$recursiveRef")
SECONDS = 10
"""What no check takes, however busy the machine is; without the mend each of them takes minutes, or never ends."""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server with a schema that everything fits, and the addresses that were fetched from it."""
    fetched: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", fetched
    server.shutdown()
    thread.join(10)
    server.server_close()


def complaint(schema: Any) -> str:
    """What is said about a schema; empty if it can be used."""
    try:
        check_is_schema(schema, "schema")
    except MisfitError as error:
        return error.fields["schema"]
    return ""


def misfit(value: Any, schema: Any) -> dict[str, str]:
    """What is said about a value, by field."""
    try:
        check_schema(value, schema, "value")
    except MisfitError as error:
        return error.fields or {"": error.message}
    return {}


def ways_out(address: str) -> list[Any]:
    """Schemas that refer to something outside themselves, in every way there is."""
    return [
        *({word: f"{address}/a"} for word in KEYWORDS),
        {"$id": f"{address}/", "$ref": "b"},
        {"$id": f"{address}/", "allOf": [{"$dynamicRef": "b#c"}]},
        {"allOf": [{"$id": f"{address}/d/", "$ref": "e"}]},
        {"allOf": [{"$id": f"{address}/d/", "$ref": "#/$defs/e", "$defs": {"e": {}}}]},
        {"$schema": "http://json-schema.org/draft-04/schema#", "not": {"$ref": f"{address}/f"}},
        {"properties": {"x": {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": f"{address}/g"}}},
        {"unknown": {"x": {"$ref": f"{address}/h"}}, "$ref": "#/unknown/x"},
        {"$ref": "//127.0.0.1/i"},
    ]


def test_nothing_is_fetched_whatever_a_schema_refers_to(elsewhere: tuple[str, list[str]], tmp_path: Path) -> None:
    address, fetched = elsewhere
    local = tmp_path / "schema.json"
    local.write_text("{}")
    for schema in (*ways_out(address), *ways_out(f"file://{tmp_path}"), {"$ref": local.as_uri()}):
        assert complaint(schema), schema
        assert misfit({"x": 1}, schema), schema
        with suppress(Unresolvable):  # even if nothing had been checked before
            errors_of({"x": 1}, schema)
    assert not fetched


def test_a_schema_that_names_a_vocabulary_or_a_dialect_fetches_neither(elsewhere: tuple[str, list[str]]) -> None:
    address, fetched = elsewhere
    schema = {"$schema": f"{address}/dialect", "$vocabulary": {f"{address}/words": True}, "type": "integer"}
    assert not complaint(schema)
    assert not misfit(1, schema) and misfit("a", schema)
    assert not fetched


def test_a_refused_reference_says_what_to_do_instead() -> None:
    assert "Nothing is fetched: put its target under $defs" in complaint({"$ref": "https://example.org/a"})
    assert complaint({"$ref": "#/$defs/a"}) == "The reference '#/$defs/a' points to nothing in the schema."


@pytest.mark.parametrize("reference", ["#/$defs/even", "#even", "#/$defs/a~1b", "#/$defs/a%2Fb".replace("%2F", "~1")])
def test_references_inside_a_schema_work(reference: str) -> None:
    even = {"$anchor": "even", "type": "integer", "multipleOf": 2}
    schema = {"$id": "https://example.org/even", "$defs": {"even": even, "a/b": {"multipleOf": 2}}, "$ref": reference}
    assert not complaint(schema)
    assert not misfit(2, schema) and misfit(3, schema)


def test_a_schema_may_refer_to_itself_for_parts_of_a_value_only() -> None:
    tree = {"type": "object", "properties": {"inside": {"type": "array", "items": {"$ref": "#"}}}, "maxProperties": 1}
    assert not complaint(tree)
    assert not misfit({"inside": [{"inside": []}, {}]}, tree)
    wrong = misfit({"inside": [{"inside": [{"inside": 3}]}]}, tree)
    assert wrong == {"value.inside.0.inside.0.inside": "This must be a list."}
    for endless in ({"$ref": "#"}, {"allOf": [{"anyOf": [{"$ref": "#"}]}]}, {"if": {"$ref": "#"}},
                    {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}):  # fmt: skip
        assert "endlessly" in complaint(endless)


def doubled(depth: int, apart: bool) -> dict[str, Any]:
    """A schema of a few lines that applies to one value, or to its parts, 2 ** depth times."""

    def twice(number: int) -> dict[str, Any]:
        below = {"$ref": f"#/$defs/a{number - 1}"}
        if apart:
            return {"properties": {"x": below}, "allOf": [{"properties": {"x": below}}]}
        return {"allOf": [below, below]}

    definitions = {f"a{number}": twice(number) for number in range(1, depth)}
    return {"$defs": {"a0": {"type": "string"}} | definitions, "$ref": f"#/$defs/a{depth - 1}"}


def nested(depth: int) -> Any:
    """An object in an object, and so on."""
    value: Any = "a"
    for _ in range(depth):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"properties": {f"p{number}": {} for number in range(6_000)}}, "more than 5,000 schemas"),
        ({"enum": list(range(60_000))}, "more than 50,000 values"),
        ({"description": "a" * 600_000}, "more than 500,000 characters"),
        ({"items": nested(80)}, "nested more than 64 levels"),
        ({"properties": {f"p{number}": {"pattern": f"a{number}"} for number in range(501)}}, "500 regular expressions"),
        (doubled(40, apart=False), "More than 100,000 schemas apply to one value"),
    ],
)  # fmt: skip
def test_a_schema_has_limits(schema: Any, words: str) -> None:
    started = time.monotonic()
    assert words in complaint(schema)
    assert "cannot be used" in misfit(1, schema)[""]
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (nested(60), doubled(60, apart=True)),
        ([{"a": number} for number in range(100_000)], {"uniqueItems": True}),
        (list(range(100_000)), {"items": {"enum": [-number for number in range(10_000)]}}),
        (list(range(100_000)), {"items": {"required": [f"{number}" for number in range(10_000)]}}),
        (list(range(200_000)), {"allOf": [{"type": "string"}] * 4_000}),
        ({f"{number}": 1 for number in range(40_000)}, {"unevaluatedProperties": False}),
        ({f"a{number}": 1 for number in range(40_000)}, {"propertyNames": {"pattern": r"(\w{1,100}){1,9}!$"}}),
        ("a" * 1_000_000, {"pattern": r"([\w]{1,100}){1,9}!$"}),
        ("a" * 1_000_000 + "!", {"pattern": "^(a+)+$"}),
        ({"a" * 5_000 + f"!{number}": 1 for number in range(300)}, {"patternProperties": {"^(a+)+$": False}}),
        ("1" * 100_000, {"format": "ipv6"}),
    ],
)  # fmt: skip
def test_no_value_takes_long(value: Any, schema: Any) -> None:
    started = time.monotonic()
    misfit(value, schema)
    assert time.monotonic() - started < SECONDS


def test_what_takes_too_many_steps_says_so_and_can_be_done_elsewhere() -> None:
    value = [{"a": number, "b": "x"} for number in range(5_000)]
    schema = {"items": {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}}
    assert not misfit(value, schema)
    with fewer_steps(1_000), pytest.raises(TooMuchWorkError):
        check_schema(value, schema, "value")
    big = {f"{number}": 1 for number in range(40_000)}
    assert misfit(big, {"unevaluatedProperties": False}) == {"value": "too much to check"}


@pytest.mark.parametrize(
    ("pattern", "fits", "misfits"),
    [
        (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", ["1.5", "-.5", "12"], ["-.", "+", "x"]),
        (r"^(?=.*[A-Z])(?=.*\d).{8,}$", ["Abcdefg1"], ["abcdefg1", "Ab1"]),
        (r"^\u0041[\u{4e00}-\u9fff]*\/$", ["A\u4e2d/"], ["B/"]),
        (r"(?<name>a)\-b\cJ", ["xa-b\n"], ["ab"]),
        (r"^a$", ["a"], ["a\n"]),
        ("half \ud83d", ["half \ud83d", "half \ufffd"], ["half"]),
    ],
)  # fmt: skip
def test_expressions_mean_what_json_schema_says(pattern: str, fits: list[str], misfits: list[str]) -> None:
    assert not complaint({"pattern": pattern})
    assert all(not misfit(text, {"pattern": pattern}) for text in fits)
    assert all(misfit(text, {"pattern": pattern}) for text in misfits)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"(?<=a)b", "cannot look ahead or behind"),
        (r"a(?=b)", "cannot look ahead or behind"),
        (r"^(?!a)b|c", "cannot look ahead or behind"),
        (r"(a)\1", "refer back to a group"),
        ("(", "not a regular expression"),
        ("^(?!(a", "not closed"),
        (r"\u{110000}", "no character"),
        ("a{1,2000}", "at most 1,000 times"),
        ("((a{1,100}){1,100}){1,100}", "1,000 times"),
        ("a" * 2_001, "at most 2,000 characters"),
        (r"(\p{L}{1,100}){1,9}", "too large"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_in_words(pattern: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        expression(pattern)
    assert complaint({"patternProperties": {pattern: {}}}).startswith("The pattern")
    assert words in complaint({"items": {"pattern": pattern}})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "strng"}, "type must be one or more of"),
        ({"type": []}, "type must be"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a: minLength must be a whole number of at least 0"),
        ({"required": "a"}, "required must be a list of names; it is 'a'"),
        ({"properties": []}, "properties must be an object of schemas"),
        ({"anyOf": []}, "anyOf must be a list of schemas"),
        ({"items": 3}, "/items is not a schema"),
        ({"pattern": 3}, "pattern must be a string"),
        ({"multipleOf": 0}, "a number above 0"),
        ({"$ref": 3}, "must be a string"),
        ("text", "The schema is not a schema"),
    ],
)
def test_what_is_no_schema_is_told_by_its_place(schema: Any, words: str) -> None:
    assert words in complaint(schema)


def test_equal_entries_choices_and_large_numbers() -> None:
    assert misfit([1, 1.0], {"uniqueItems": True}) and misfit([{"a": [1]}, {"a": [1]}], {"uniqueItems": True})
    assert not misfit([1, True, "1", [1], {"1": 1}], {"uniqueItems": True})
    assert not misfit({"a": 1.0}, {"enum": [{"a": 1}]})
    assert misfit(True, {"enum": [1]}) and misfit([0], {"const": [False]})
    assert misfit(10**4_000, {"multipleOf": 0.1}) and misfit(10**4_000, {"maximum": 1.5})
    assert misfit({"a": 1}, {"additionalProperties": False}) == {"value.a": "'a' is not a known name here."}


def test_each_expression_is_compiled_once_in_a_check() -> None:
    """More expressions than are remembered, met again and again in the same order, were compiled again every time."""
    schema = {"items": {"patternProperties": {f"x{number}[a-z]{{1,50}}": True for number in range(400)}}}
    expression.cache_clear()
    assert not list(errors_of([{"k": 1}] * 20, schema))
    assert expression.cache_info().misses == 400
