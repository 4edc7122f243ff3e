"""JSON from anybody: what is refused, what is replaced, and that nothing is too odd to be read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, JsonValue

from assent.contracts import Custom, document_of
from assent.dialects.base import jsonable
from assent.digests import canonical
from assent.json_values import JsonError, checked, parse, passable, read_back


class Holder(BaseModel):
    """What the API answers with."""

    value: JsonValue


def deep(levels: int, inside: Any = 1) -> Any:
    """A value in lists and objects."""
    for level in range(levels):
        inside = {"a": inside} if level % 2 else [inside]
    return inside


REFUSED = [
    ('{"a": "\\ud83d"}', "unpaired surrogate"),
    ('{"\\udc00": 1}', "unpaired surrogate"),
    ('["\\ude00\\ud83d"]', "unpaired surrogate"),
    ('{"a": NaN}', "NaN is not a number"),
    ("[-Infinity]", "-Infinity is not a number"),
    ("1e999", "too large"),
    ("[-1e999]", "too large"),
    ("9" * 5_000, "not JSON"),
    ('{"a": 1, "a": 1}', "duplicate name"),
    ("[" * 65 + "]" * 65, "nested more than 64 levels"),
    ("[" * 100_000, "nested more than 64 levels"),
    ('{"a":' * 100_000, "nested more than 64 levels"),
    ("", "line 1, column 1"),
    ("[1,]", "line 1"),
    ("\ufeff1", "not JSON"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_others_could_not_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(JsonError, match=words):
        parse(text)
    with pytest.raises(JsonError, match=words):
        parse(text.encode())


def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(JsonError, match="not JSON"):
        parse(b'"\xed\xa0\xbd"')


@pytest.mark.parametrize(
    "text", ["null", "1e308", "9" * 4_000, '"\\u0000"', '"\\ud83d\\ude00"', '{"": {"": 1}}', "[" * 64 + "]" * 64]
)
def test_what_json_can_carry_is_taken_and_can_be_passed_on(text: str) -> None:
    value = parse(text)
    assert value == json.loads(text) == read_back(canonical(value)) == checked(value)
    assert json.loads(Holder(value=value).model_dump_json()) == {"value": value}


STORED = [
    {"half \ud83d": "\udc00", "\ud83d": 1},
    deep(151), deep(300, "\ud83d"), deep(700),
    {"text": '[{"' * 200, "list": [[]] * 200},
    ["]" * 300, deep(300)],
]  # fmt: skip


@pytest.mark.parametrize("value", STORED)
def test_whatever_is_stored_is_read_back_and_can_be_passed_on(value: Any) -> None:
    found = read_back(canonical(value))
    assert Holder.model_validate({"value": found}).model_dump_json()
    assert passable(found) == found


def test_what_is_fit_is_read_back_as_it_is() -> None:
    for value in ({"a": ["[" * 500, "\U0001f600", "\\ud83d"]}, deep(150), [[1]] * 500):
        assert read_back(canonical(value)) == value


def test_names_and_values_that_differ_in_what_is_replaced_stay_different() -> None:
    named = passable(dict(zip("\ud83d\ud83e\ufffd", (1, 2, 3), strict=True)))
    assert named == {"\ufffd": 1, "\ufffd\ufffd": 2, "\ufffd\ufffd\ufffd": 3}
    assert passable(deep(300, 1)) != passable(deep(300, 2))
    assert canonical(jsonable(deep(2_000, 1))) != canonical(jsonable(deep(2_000, 2)))


def test_any_python_value_becomes_json_that_can_be_passed_on() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value in (endless, deep(5_000), {"a\ud83d": {b"\xff", float("nan")}}, ({1, 2}, float("-inf")), "\ud83d"):
        assert Holder.model_validate({"value": jsonable(value)}).model_dump_json()


class Color(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    one: Any
    other: Any


MIXED = [
    None, True, 0, -(10**400), 0.5, -0.0, 1e308, "", "\x00", "é", "\U0001f600", "\ufffd", "\ud83d", [], {},
    (), [[], ()], {"": {"é": (1, [None])}}, {1: "a", None: "b"}, {"\ud83d": "\udc00"}, float("nan"), [float("-inf")],
    Color.RED, {Color.RED: [Color.RED]}, Pair(1, ("a", {2, 1})), b"\xff", {"at": datetime(2026, 7, 1, tzinfo=UTC)},
    Holder(value=[1]), [Holder(value={"\u00e9": 1})], object, deep(149), deep(200, "\ud83d"),
]  # fmt: skip


@pytest.mark.parametrize("value", MIXED, ids=lambda value: repr(value)[:40])
def test_json_is_made_alike_alone_and_beside_what_is_no_json(value: Any) -> None:
    # The set keeps what is beside it from being copied as the JSON that it is already.
    alone, beside = jsonable([value]), jsonable([value, {1}])
    assert [canonical(alone[0]), [1]] == [canonical(beside[0]), beside[1]]
    assert jsonable(alone) == alone


def test_json_is_copied() -> None:
    value = {"a": [{"b": 1}]}
    made = jsonable(value)
    assert made == value and made is not value and made["a"] is not value["a"] and made["a"][0] is not value["a"][0]


def test_a_proposal_has_no_half_characters_and_says_what_else_is_wrong() -> None:
    assert document_of(Custom(title="x", data={"a": "\ud83d"}))["data"] == {"a": "\ufffd"}
    for data, words in ((float("nan"), "nan is not"), ([float("inf")], "inf is not"), (deep(70), "64 levels")):
        with pytest.raises(JsonError, match=words):
            document_of(Custom(title="x", data=data))
