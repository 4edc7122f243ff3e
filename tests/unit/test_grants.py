"""Patterns let through what people have approved the like of, and nothing that they do not know."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.errors import InvalidInputError
from app.domain.grants import MAX_DAYS, MAX_USES, Limits, covers
from app.domain.patterns import (
    MAX_LEAVES,
    AnyValue,
    Equal,
    Glob,
    Leaf,
    OneOf,
    Pattern,
    Range,
    leaves_of,
    matches,
    suggest,
    words,
)
from app.domain.policy.access import Member
from app.domain.policy.terms import Stage, Terms
from assent.contracts import RiskLevel
from tests.factories import optimizations, script
from tests.thorough import examples


def tool_call(**args: Any) -> dict[str, Any]:
    return {
        "kind": "tool_call", "title": "Send", "summary": "", "agent": "", "environment": "production", "labels": {},
        "risk_floor": "safe", "expires_in_seconds": None, "tool": "send_mail", "args": args, "args_schema": None,
    }  # fmt: skip


def must(pattern: Pattern | None, place: str) -> Any:
    assert pattern is not None
    [found] = [leave.must for leave in pattern.leaves if leave.place == place]
    return found


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, allow_nan=False),
    st.text("abc-_./ @*é⟦", max_size=12),
)  # fmt: skip
shapes = st.recursive(
    st.just("leaf"),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["to", "limit", "0", "a.b", "text"]), inner)
    ),
    max_leaves=6,
)


@st.composite
def alike(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tool calls with the same shape of arguments."""
    shape = draw(st.dictionaries(st.sampled_from(["to", "limit", "note"]), shapes, min_size=1))
    some = draw(st.lists(scalars, min_size=1, max_size=3))

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(part) for name, part in part.items()}
        if isinstance(part, list):
            return [filled(part) for part in part]
        return draw(st.one_of(st.sampled_from(some), scalars))

    return [tool_call(**filled(shape)) for _ in range(draw(st.integers(1, 5)))]


def at_place(document: dict[str, Any], at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    inside: Any = changed
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    return changed


@settings(max_examples=examples(300), deadline=None)
@given(alike())
def test_a_suggestion_lets_all_its_evidence_through(documents: list[dict[str, Any]]) -> None:
    pattern = suggest(documents)
    assume(pattern is not None)
    assert pattern is not None
    assert all(matches(pattern, document) for document in documents)
    again = Pattern.from_json(pattern.to_json())
    assert again == pattern and all(matches(again, document) for document in documents)
    assert len(words(pattern)) == len(pattern.leaves)


@settings(max_examples=examples(300), deadline=None)
@given(alike(), st.data())
def test_another_value_matches_only_within_the_bounds_of_its_leaf(
    documents: list[dict[str, Any]], data: st.DataObject
) -> None:
    pattern = suggest(documents)
    assume(pattern is not None)
    assert pattern is not None
    leaf = data.draw(st.sampled_from(pattern.leaves))
    value = data.draw(scalars)
    changed = at_place(data.draw(st.sampled_from(documents)), leaf.at, value)
    assert matches(pattern, changed) == within(leaf.must, value, [at(document, leaf.at) for document in documents])


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def within(matcher: Any, value: Any, evidence: list[Any]) -> bool:
    """What a suggested matcher may let through at most, said independently of its code."""
    if any(type(request) is type(value) and request == value for request in evidence):
        return repr(value) in map(repr, evidence) or isinstance(matcher, Range)
    if isinstance(matcher, Range):
        whole = all(isinstance(request, int) for request in evidence)
        fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        return fits and min(evidence) <= value <= max(evidence)
    if isinstance(matcher, Glob) and isinstance(value, str):
        begin, end = matcher.text.split("*")
        inside = value[len(begin) : len(value) - len(end)]
        harmless = all(character.isascii() and (character.isalnum() or character in "-_") for character in inside)
        around = value.startswith(begin) and value.endswith(end) and len(begin) + len(end) <= len(value)
        return around and harmless and len(value) <= max(map(len, evidence))
    return False


@settings(max_examples=examples(200), deadline=None)
@given(alike(), st.sampled_from(["cc", "zz"]), scalars)
def test_anything_that_a_pattern_does_not_mention_does_not_match(
    documents: list[dict[str, Any]], name: str, value: Any
) -> None:
    pattern = suggest(documents)
    assume(pattern is not None)
    assert pattern is not None
    more = copy.deepcopy(documents[0])
    more["args"][name] = value
    assert not matches(pattern, more)
    outside = documents[0] | {name: value}
    assert not matches(pattern, outside)
    less = copy.deepcopy(documents[0])
    less["args"].popitem()
    assert not matches(pattern, less)


def test_numbers_become_a_range_and_texts_what_they_share() -> None:
    documents = [tool_call(to=f"orders_{number}", limit=number, mode="fast") for number in (10, 20, 35)]
    pattern = suggest(documents)
    assert must(pattern, "args.limit") == Range(low=10, high=35)
    assert must(pattern, "args.to") == Glob(text="orders_*", max_length=9)
    assert must(pattern, "args.mode") == Equal(value="fast")
    assert must(pattern, "tool") == Equal(value="send_mail")
    assert pattern is not None
    assert matches(pattern, tool_call(to="orders_7", limit=12, mode="fast"))
    for wrong in (
        {"to": "orders_1000", "limit": 12, "mode": "fast"},
        {"to": "orders_1;x", "limit": 12, "mode": "fast"},
        {"to": "orders_1", "limit": 36, "mode": "fast"},
        {"to": "orders_1", "limit": 12.0, "mode": "fast"},
        {"to": "orders_1", "limit": True, "mode": "fast"},
        {"to": "orders_1", "limit": "12", "mode": "fast"},
        {"to": "orders_1", "limit": 12, "mode": "Fast"},
        {"to": ["orders_1"], "limit": 12, "mode": "fast"},
        {"to": "orders_1", "limit": 12},
    ):
        assert not matches(pattern, tool_call(**wrong)), wrong
    assert "agent is empty" in words(pattern) and "labels is empty" in words(pattern)
    assert words(pattern)[:2] == [
        "args.limit is a whole number from 10 to 35",
        "args.to is like “orders_*”, at most 9 characters, * only letters, digits, _ and -",
    ]


@pytest.mark.parametrize(
    "texts",
    [
        ["bob@a.example", "bob@b.example", "bob@c.example"],
        ["https://a1.example", "https://a2.example", "https://a3.example"],
        ["delete where id = 1", "delete where id = 2", "delete where id = 3"],
        ["/data/a/x", "/data/b/y", "/data/c/d/z"],
        ["ab1", "ab2", "ab3"],
        ["log*1", "log*2", "log*3"],
    ],
)
def test_where_a_wildcard_could_lead_elsewhere_a_list_is_suggested(texts: list[str]) -> None:
    assert must(suggest([tool_call(to=text) for text in texts]), "args.to") == OneOf(values=tuple(texts))


def test_a_wildcard_within_what_all_begin_and_end_with() -> None:
    documents = [tool_call(to=f"https://example.org/reports/{month}.csv") for month in ("jan", "feb", "march")]
    pattern = suggest(documents)
    assert must(pattern, "args.to") == Glob(text="https://example.org/reports/*.csv", max_length=37)
    assert pattern is not None
    assert not matches(pattern, tool_call(to="https://example.org/reports/../x.csv"))
    assert not matches(pattern, tool_call(to="https://example.org/reports/x.csv\n"))


@pytest.mark.parametrize(
    ("text", "value", "fits"),
    [
        ("a*c", "abc", True), ("a*c", "ac", True), ("a*c", "abcc", True), ("a*c", "a.c", False), ("a*c", "abcd", False),
        ("*-x", "ab-x", True), ("*-x", "ab-y", False), ("a*b*c", "abbbc", True), ("a*b*c", "acb", False),
        ("a.c*", "abc1", False), ("(a|b)*", "(a|b)1", True), ("(a|b)*", "a", False), ("ä*", "äé", False),
        ("a*a", "a", False), ("a*" + "a" * 20, "a" * 60, True), ("a*", "a" * 61, False), ("a*", 5, False),
    ],
)  # fmt: skip
def test_what_a_wildcard_stands_for(text: str, value: Any, fits: bool) -> None:
    assert Glob(text=text, max_length=60).fits(value) is fits


@pytest.mark.parametrize("text", ["**", " *", "abc", "a*b*c*d*", "*"])
def test_a_wildcard_alone_or_too_many_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Glob(text=text, max_length=10)


def test_programs_are_never_widened() -> None:
    scripts = [script(f"delete_{letter}") for letter in "abc"]
    pattern = suggest(scripts)
    assert must(pattern, "content") == OneOf(values=("delete_a", "delete_b", "delete_c"))
    for wide in (Glob(text="delete_*", max_length=20), AnyValue(type="text", max_length=20)):
        with pytest.raises(ValidationError, match="equal to what people approved"):
            Pattern(kind="script", leaves=(Leaf(at=("content",), must=wide),))
        for name in ("statement", "rollback"):
            with pytest.raises(ValidationError, match="equal to what people approved"):
                Pattern(kind="optimizations", leaves=(Leaf(at=("items", 0, name), must=wide),))
    assert suggest([script(f"delete_{number}") for number in range(11)]) is None


def test_of_a_long_program_the_digest_is_kept_and_every_character_counts() -> None:
    long = "select 1;\n" * 1000
    pattern = suggest([script(long)])
    assert pattern is not None
    assert matches(pattern, script(long))
    assert not matches(pattern, script(long + " "))
    assert len(str(pattern.to_json())) < 3000
    assert any("10,000 characters with sha256" in line for line in words(pattern))


def test_sets_match_item_by_item_whatever_is_said_about_them() -> None:
    documents = [optimizations(2) for _ in range(3)]
    pattern = suggest(documents)
    assert pattern is not None
    said = optimizations(2)
    said["items"][0] |= {"title": "Another title", "benefit": "9×", "cost": "1 MB", "rationale": "Why not"}
    assert matches(pattern, said | {"title": "x", "summary": "y", "tables": {"t": {"rows": 5, "bytes": None}}})
    for field in ("statement", "rollback", "id"):
        changed = optimizations(2)
        changed["items"][1][field] += " "
        assert not matches(pattern, changed)
    assert not matches(pattern, optimizations(1))
    assert not matches(pattern, optimizations(3))
    assert suggest([optimizations(1), optimizations(2)]) is None


def test_masked_secrets_never_match() -> None:
    masked = tool_call(to="⟦secret:github-token:1⟧")
    assert suggest([masked, masked, masked]) is None
    plain = suggest([tool_call(to="a")])
    assert plain is not None
    any_text = Pattern(
        kind="tool_call",
        leaves=tuple(
            Leaf(at=leave.at, must=AnyValue(type="text", max_length=100)) if leave.place == "args.to" else leave
            for leave in plain.leaves
        ),
    )
    assert matches(any_text, tool_call(to="anything at all"))
    assert not matches(any_text, masked)
    assert not matches(any_text, tool_call(to="anything") | {"summary": "with ⟦secret:password:2⟧"})
    key = tool_call(**{"⟦secret:password:2⟧": "a"})
    assert suggest([key]) is None


def test_too_little_in_common_gives_no_suggestion() -> None:
    assert suggest([tool_call(to="a"), script("a")]) is None
    assert suggest([tool_call(to="a"), tool_call(to=[])]) is None
    assert suggest([tool_call(to="a"), tool_call(cc="a")]) is None
    assert suggest([tool_call(to=[str(number) for number in range(MAX_LEAVES)])]) is None
    assert suggest([{"kind": "question", "title": "?", "question": "?"}]) is None
    assert suggest([]) is None


def test_what_is_nested_without_end_is_not_let_through() -> None:
    deep: Any = "a"
    for _ in range(5000):
        deep = [deep]
    plain = suggest([tool_call(to="a")])
    assert plain is not None
    assert suggest([tool_call(to=deep)]) is None
    assert not matches(plain, tool_call(to=deep))
    assert matches(plain, tool_call(to="a") | {"args_schema": {"x": deep}})


def test_keys_and_places_in_lists_are_told_apart() -> None:
    pattern = suggest([tool_call(to=["a"])])
    assert pattern is not None
    assert not matches(pattern, tool_call(to={"0": "a"}))
    dotted = suggest([tool_call(**{"a.b": 1})])
    assert dotted is not None
    assert not matches(dotted, tool_call(a={"b": 1}))
    found = leaves_of(tool_call(to=[], cc={}))
    assert found is not None and {str(value) for _, value in found.values()} >= {"[]", "{}"}


@pytest.mark.parametrize(
    ("matcher", "value", "fits"),
    [
        (AnyValue(type="text", max_length=3), "abc", True), (AnyValue(type="text", max_length=3), "abcd", False),
        (AnyValue(type="integer", max_length=3), 999, True), (AnyValue(type="integer", max_length=3), 1000, False),
        (AnyValue(type="integer", max_length=3), -100, False), (AnyValue(type="integer", max_length=3), True, False),
        (AnyValue(type="integer", max_length=3), 1.0, False), (AnyValue(type="boolean", max_length=5), False, True),
        (AnyValue(type="boolean", max_length=5), 0, False), (Equal(value=1), True, False), (Equal(value=1), 1.0, False),
        (OneOf(values=(None, "a")), None, True), (OneOf(values=(None, "a")), "", False),
        (Range(low=0.5, high=2, whole=False), 1, True), (Range(low=0.5, high=2, whole=False), 2.01, False),
    ],
)  # fmt: skip
def test_types_are_told_apart(matcher: Any, value: Any, fits: bool) -> None:
    assert matcher.fits(value) is fits
    assert matcher.words


@pytest.mark.parametrize(
    ("risk", "uses", "days", "wrong"),
    [
        (RiskLevel.HIGH, 1, 1, "max_risk"), (RiskLevel.CRITICAL, 1, 1, "max_risk"),
        (RiskLevel.LOW, 0, 1, "max_uses"), (RiskLevel.LOW, MAX_USES + 1, 1, "max_uses"),
        (RiskLevel.LOW, 1, 0, "days"), (RiskLevel.LOW, 1, MAX_DAYS + 1, "days"),
    ],
)  # fmt: skip
def test_a_grant_is_bounded_in_risk_number_and_time(risk: RiskLevel, uses: int, days: int, wrong: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Limits(risk, uses, days).check()
    assert set(refused.value.extra["fields"]) == {wrong}
    Limits(RiskLevel.MEDIUM, MAX_USES, MAX_DAYS).check()


DBA = Member("1", "A", "a@example.org", frozenset({"dba"}))
OPS = Member("2", "B", "b@example.org", frozenset({"ops"}))


@pytest.mark.parametrize(
    ("stages", "covered"),
    [
        ((Stage(),), True), ((Stage(quorum=2),), True), ((Stage(quorum=3),), False),
        ((Stage(teams=("dba",)),), True), ((Stage(teams=("dba",), quorum=2),), False),
        ((Stage(teams=("law",)),), False), ((Stage(teams=("dba",)), Stage(people=("B@example.org",))), True),
        ((Stage(), Stage(teams=("dba",))), True), ((Stage(teams=("dba",)), Stage(teams=("dba",))), False),
        ((Stage(), Stage(), Stage()), False),
    ],
)  # fmt: skip
def test_a_grant_gives_only_what_its_two_people_could_have_agreed_to(stages: tuple[Stage, ...], covered: bool) -> None:
    terms = Terms(name="rule", stages=stages, deadline_seconds=60)
    assert covers(terms, [DBA, OPS]) is covered
    assert not covers(terms.model_copy(update={"grants_allowed": False}), [DBA, OPS])
