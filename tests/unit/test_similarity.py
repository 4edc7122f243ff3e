"""Requests are alike by content, all their differences are listed, and a differing risk is always flagged."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.outlines import MOST_TEXT, likeness_key, outline_of
from app.domain.similarity import (
    MOST_COLUMNS,
    MOST_FINDINGS,
    NOT_WHOLE,
    TOO_MANY_FINDINGS,
    Like,
    comparable_text,
    grouped,
    not_shown,
)
from assent.contracts import RiskLevel
from tests.factories import optimizations, plan, question, script, tool_call
from tests.thorough import examples


def key(payload: dict[str, Any]) -> str:
    """The key of a proposal of some workflow."""
    return likeness_key(payload, "w", "n")


def shell(content: str) -> dict[str, Any]:
    """A script for a shell."""
    return script(content) | {"language": "bash"}


def call(args: dict[str, Any], tool: str = "refund_payment") -> dict[str, Any]:
    """A call of a tool."""
    return tool_call(args, tool)


ALIKE = [
    (script("delete from a where id = 1"), script("DELETE FROM b\nWHERE id = 22")),
    (script("insert into t values ('x', 1)"), script("insert into u values ('it''s', 2.5)")),
    (shell("systemctl restart nginx"), shell("systemctl restart api-2")),
    (shell("kubectl scale deploy web --replicas=3"), shell("kubectl scale deploy api --replicas=30")),
    (call({"order": "B-1", "amount": 5}), call({"amount": 700, "order": "B-2"})),
    (call({"sql": "select a from t"}, "run_sql"), call({"sql": "select b from u"}, "run_sql")),
    (call({"to": ["a@example.com"]}, "send"), call({"to": ["b@example.com", "c@example.com"]}, "send")),
]
DIFFERENT = [
    (script("delete from a where id = 1"), script("delete from a")),
    (script("select 1"), script("select 1") | {"language": "python"}),
    (script("-- a\ndrop table t"), script("-- a drop table t")),
    (shell("systemctl restart nginx"), shell("systemctl stop nginx")),
    (shell("rm -r a/b"), shell("rm -rf a/b")),
    (call({"amount": 5}), call({"amount": 5}, "charge_card")),
    (call({"amount": 5}), call({"amount": "5"})),
    (call({"amount": 5}), call({"amount": 5, "note": "x"})),
    (call({"force": True}), call({"force": False})),
    (call({"action": "create"}), call({"action": "delete"})),
    (call({"sql": "select a from t"}, "run_sql"), call({"sql": "drop table t"}, "run_sql")),
    (call({"a.b": 1}), call({"a": {"b": 1}})),
    (call({"a": {}}), call({})),
    (call({"to": ["a"]}), call({"to": [{"name": "a"}]})),
    (optimizations(2), optimizations(3)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_does_the_same_with_other_names_and_values_is_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) == key(other) != ""
    assert likeness_key(one, "another", "step") == key(one), "the workflow does not matter"


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_does_something_else_is_not_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) != key(other)


def test_what_only_its_step_can_tell_is_alike_only_within_that_step() -> None:
    data = {"kind": "custom", "title": "Data", "data": {"rows": 5}}
    assert likeness_key(data, "w", "n") == likeness_key(data | {"data": {"rows": 9}}, "w", "n")
    assert likeness_key(data, "w", "n") != likeness_key(data, "other", "n")


def test_questions_and_long_proposals_are_compared_with_none() -> None:
    assert key(question()) == "" and likeness_key("text", "w", "n") == ""
    started = time.process_time()
    assert key(script("x" * (MOST_TEXT + 1))) == key(script("a b 'c' 1 " * 100_000)) == ""
    assert time.process_time() - started < 0.5
    assert key(plan()) != ""


VALUES = st.recursive(
    st.text(max_size=5) | st.integers(-5, 5) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(300), deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "sql", "command", "action"]), VALUES, max_size=3), st.data())
def test_no_difference_between_what_is_alike_is_hidden(args: dict[str, Any], data: st.DataObject) -> None:
    other = data.draw(st.fixed_dictionaries(dict.fromkeys(args, VALUES)))
    one, two = outline_of(call(args)), outline_of(call(other))
    assert one is not None and two is not None
    if one.key == two.key and args != other and "sql" not in args and "command" not in args:
        assert one.values != two.values


def like(number: int, payload: dict[str, Any], risk: RiskLevel = RiskLevel.MEDIUM, **values: Any) -> Like:
    """A request for comparison."""
    return Like(str(number), outline_of(payload), risk, **values)


def test_a_group_lists_every_difference_and_nothing_else() -> None:
    [group] = grouped([
        like(0, script("update orders set state = 'paid' where id = 1"), target="shop"),
        like(1, script("select 1")),
        like(2, script("update orders set state = 'void' where id = 2"), target="archive"),
    ])  # fmt: skip
    assert (group.ids, group.risks) == (["0", "2"], "")
    assert group.common == "update orders set state = … where id = …"
    assert group.columns == ("state =", "id =", "target")
    assert [member.values for member in group.members] == [("'paid'", "1", "shop"), ("'void'", "2", "archive")]


@pytest.mark.parametrize("risks", [("low", "medium"), ("low", "low", "high"), ("high", "high", "low"), ("low", "low")])
def test_a_differing_risk_is_always_flagged(risks: tuple[str, ...]) -> None:
    [group] = grouped([like(at, script(f"select {at}"), RiskLevel(risk)) for at, risk in enumerate(risks)])
    usual = max(sorted(set(risks), key=lambda risk: RiskLevel(risk).rank), key=risks.count)
    assert bool(group.risks) == (len(set(risks)) > 1)
    for member, risk in zip(group.members, risks, strict=True):
        assert member.odd == ((f"{risk} risk, most others {usual}",) if risk != usual else ())


@pytest.mark.parametrize("length", [0, 100, 1_000, MOST_TEXT // 3])
def test_a_group_cuts_nothing_off_what_is_common_or_differs(length: int) -> None:
    command = f"echo '{'-' * length}' && curl -X DELETE http://prod.internal/all"
    notes = [f"{at}{'.' * length}{at} end" for at in range(2)]
    [group] = grouped([like(at, call({"command": command, "note": note})) for at, note in enumerate(notes)])
    assert group.whole == f"refund_payment command: {command} note: …"
    assert [member.values for member in group.members] == [(note,) for note in notes]
    assert len(group.common) <= 160


def test_a_row_says_why_it_does_not_show_all_that_is_approved() -> None:
    assert not_shown(script("x" * MOST_TEXT), MOST_FINDINGS) == ""
    assert not_shown(script("x" * (MOST_TEXT + 1)), 0) == NOT_WHOLE
    assert not_shown(script("select 1"), MOST_FINDINGS + 1) == TOO_MANY_FINDINGS
    items = {"kind": "optimizations", "items": [{"statement": "create index i", "rollback": "drop table t"}]}
    assert "drop table t" in comparable_text(items)


def test_many_differences_share_a_column() -> None:
    many = [{f"n{number}": number * 10 + at for number in range(10)} for at in range(2)]
    [group] = grouped([like(at, call(args)) for at, args in enumerate(many)])
    assert len(group.columns) == MOST_COLUMNS and group.columns[-1] == "further differences"
    assert all(str(value) in " ".join(member.values) for member, args in zip(group.members, many, strict=True)
               for value in args.values())  # fmt: skip


def test_deep_lists_have_small_outlines() -> None:
    """JSON within JSON doubles with each level: forty levels once filled the memory."""
    deep: Any = ["x"]
    for _ in range(60):
        deep = [deep, {"a": deep}] if len(str(deep)) < 500 else [deep]
    payload = {"kind": "custom", "schema_id": "a", "data": {"rows": deep}}
    outline = outline_of(payload, "flow", "step")
    assert outline is not None and len(str(outline.family)) < 20_000
