"""Properties of references, schemas, and composition, for any values."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from assent.composition.document import parse_document
from assent.composition.graph import build_graph
from assent.composition.linking import link
from assent.composition.mistakes import CompositionError
from assent.composition.references import (
    MissingValueError,
    Reference,
    ReferenceSyntaxError,
    Whole,
    as_text,
    parse,
    step_into,
    template_of,
)
from assent.composition.schema_views import NoSuchPartError, View, clash
from assent.composition.yaml_reader import read_tree
from assent.conformance import MisfitError, check_schema
from assent.toolbox.registry import Registry
from tests.composition import tools_for_tests

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
KEYS = st.lists(st.integers(0, 10_000) | TEXTS, max_size=5)


class Fixed:
    """Gives each reference the value at its end."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def value(self, reference: Reference, inside_text: bool) -> Any:
        return step_into(self.values[reference.root], reference.keys, reference)


def quoted(value: Any) -> Any:
    """The value with every ${ written so that it stands for itself."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: quoted(inner) for key, inner in value.items()}
    return [quoted(inner) for inner in value] if isinstance(value, list) else value


@given(NAMES, KEYS)
def test_a_reference_is_read_as_it_is_written(root: str, keys: list[Any]) -> None:
    reference = Reference(root, tuple(keys))
    if "}" not in str(reference)[2:-1]:
        assert parse(str(reference)) == Whole(reference)


@given(VALUES)
def test_a_value_without_references_stays_as_it_is(value: Any) -> None:
    assert template_of(quoted(value)).resolve(Fixed({})) == value


@given(VALUES)
def test_a_whole_reference_gives_the_value_itself(value: Any) -> None:
    found = template_of({"a": ["${x}"]}).resolve(Fixed({"x": value}))
    assert found == {"a": [value]} and type(found["a"][0]) is type(value)


@given(TEXTS, VALUES, TEXTS)
def test_a_reference_in_a_text_is_its_text_between_the_others(before: str, value: Any, after: str) -> None:
    template = parse(f"{quoted(before)}-${{x}}-{quoted(after)}")
    try:
        assert template.resolve(Fixed({"x": value})) == f"{before}-{as_text(value, Reference('x', ()))}-{after}"
    except MissingValueError:
        assert value is None


@given(VALUES, VALUES)
def test_values_are_never_read_as_references_again(value: Any, other: Any) -> None:
    """What a tool returned is data, whatever it contains."""
    sent = {"x": [value, "${y}", {"k": "$${y} ${y}"}], "y": other}
    assert template_of("${x}").resolve(Fixed(sent)) == sent["x"]


@given(st.text(max_size=60))
def test_any_text_is_a_template_or_an_error_in_one_sentence(text: str) -> None:
    try:
        parse(text).resolve(Fixed({}))
    except ReferenceSyntaxError as error:
        assert "\n" not in str(error).replace(text, "")
    except KeyError:
        pass


@given(VALUES, KEYS)
def test_a_path_gives_what_is_there_or_says_what_is_missing(value: Any, keys: list[Any]) -> None:
    reference = Reference("x", tuple(keys))
    expected: Any = value
    try:
        for key in keys:
            if isinstance(expected, str | int | float | None) or isinstance(key, int) is isinstance(expected, dict):
                raise KeyError(key)
            expected = expected[key]
    except (KeyError, IndexError):
        try:
            step_into(value, reference.keys, reference)
        except MissingValueError as error:
            assert str(error).startswith(str(reference))
        else:
            raise AssertionError("it found something") from None
    else:
        assert step_into(value, reference.keys, reference) == expected


def schema_of(value: Any) -> dict[str, Any]:
    """The narrowest schema of a value."""
    if isinstance(value, dict):
        properties = {name: schema_of(inner) for name, inner in value.items()}
        return {"type": "object", "properties": properties, "required": list(value), "additionalProperties": False}
    if isinstance(value, list):
        entries = {"items": {"anyOf": [schema_of(inner) for inner in value]}} if value else {}
        return {"type": "array"} | entries
    kinds = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": kinds[type(value)]}


@settings(deadline=None)
@given(VALUES, VALUES)
@example([], [None])
def test_a_clash_is_only_reported_where_the_value_itself_would_not_fit(value: Any, other: Any) -> None:
    source, target = schema_of(value), schema_of(other)
    if clash(View(source, source), View(target, target)):
        try:
            check_schema(value, target, "")
        except MisfitError:
            return
        raise AssertionError("it fits")


@given(VALUES, KEYS)
def test_a_path_that_leads_somewhere_is_in_the_schema(value: Any, keys: list[Any]) -> None:
    view = View(schema_of(value), schema_of(value))
    try:
        step_into(value, tuple(keys), Reference("x", tuple(keys)))
    except MissingValueError:
        return
    for key in keys:
        view = view.part(key)
    assert view.types()


@given(VALUES)
def test_a_path_that_is_not_in_the_schema_leads_nowhere(value: Any) -> None:
    view = View(schema_of(value), schema_of(value))
    try:
        view.part("never-there")
    except NoSuchPartError as error:
        assert "never-there" in str(error)
    else:
        raise AssertionError("it is there") if isinstance(value, dict) else None


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_as_json_is_read_as_it_is(value: dict[str, Any]) -> None:
    """JSON is YAML, apart from odd numbers and characters, which are reported."""
    try:
        tree = read_tree(json.dumps(value, ensure_ascii=False))
    except CompositionError:
        return
    if not tree.mistakes:
        assert tree.data == value


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_file_is_a_document_or_has_mistakes_with_places(content: bytes | str) -> None:
    try:
        parse_document(content, "file")
    except CompositionError as error:
        assert error.mistakes and all(mistake.line >= 1 and mistake.column >= 1 for mistake in error.mistakes)


@st.composite
def workflows(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    """A workflow that adds up numbers, in any order and with any needs, and the value of each of its steps."""
    count = draw(st.integers(1, 8))
    lines, values = [], {}
    for number in range(count):
        earlier = [f"s{index}" for index in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
        first = f"${{{needs[0]}.value}}" if needs else str(draw(st.integers(0, 5)))
        others = [f"'${{{name}.value}}'" for name in needs[1:]]
        base = values[needs[0]] if needs else int(first)
        values[f"s{number}"] = base + 1
        value = f"'{first}'" if needs else first
        lines.append(
            f"  - id: s{number}\n    tool: add_up\n    needs: [{', '.join(needs)}]\n"
            f"    inputs: {{value: {value}, others: [{', '.join(others)}]}}\n"
        )
    order = draw(st.permutations(lines))
    return "name: sums\nversion: '1'\ntitle: Sums\nsteps:\n" + "".join(order), values


def nowhere(name: str, trail: tuple[str, ...]) -> Any:
    raise AssertionError(name)


@settings(deadline=None, max_examples=40)
@given(workflows())
def test_steps_run_once_each_after_those_that_they_need(made: tuple[str, dict[str, int]]) -> None:
    text, values = made
    flow = link(parse_document(text), tools_for_tests.registry(), nowhere)
    final = build_graph(flow).compile().invoke({"input": {}})
    assert {name: final[f"{name}.result"]["output"]["value"] for name in values} == values


@settings(deadline=None, max_examples=20)
@given(workflows(), st.integers(1, 3))
def test_a_workflow_does_the_same_inside_of_another_one(made: tuple[str, dict[str, int]], depth: int) -> None:
    text, values = made
    registry = tools_for_tests.registry()
    files = {"w0": text.replace("name: sums", "name: w0")}
    for level in range(1, depth + 1):
        inner = f"  - id: inner\n    workflow: w{level - 1}\n"
        files[f"w{level}"] = f"name: w{level}\nversion: '1'\ntitle: T\nsteps:\n{inner}"

    def find(name: str, trail: tuple[str, ...]) -> Any:
        return link(parse_document(files[name]), registry, find, trail)

    final = build_graph(find(f"w{depth}", ())).compile().invoke({"input": {}})
    prefix = "inner." * depth
    assert {name: final[f"{prefix}{name}.result"]["output"]["value"] for name in values} == values


def test_an_empty_registry_names_no_tool() -> None:
    text = "name: x\nversion: '1'\ntitle: T\nsteps:\n  - id: a\n    tool: b\n"
    try:
        link(parse_document(text), Registry(), nowhere)
    except CompositionError as error:
        assert [mistake.message for mistake in error.mistakes] == ["There is no tool 'b'."]
