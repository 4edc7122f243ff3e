"""Tables in forms: rows of a list, in which people change some of the cells."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidInputError
from app.web.forms.drawing import MAX_ROWS, draw
from app.web.forms.fields import Field
from app.web.forms.values import read, refill
from app.web.requests.argument_list import argument_list

ROW: dict[str, Any] = {
    "type": "object",
    "x-order": ["column", "field", "samples"],
    "required": ["column", "field", "samples"],
    "properties": {
        "column": {"type": "string", "title": "Column", "readOnly": True},
        "field": {"enum": ["name", "memory_mb"], "title": "Field", "x-titles": {"memory_mb": "Memory"}},
        "samples": {"type": "string", "readOnly": True},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["doubtful"],
    "properties": {
        "doubtful": {"type": "array", "x-table": True, "items": ROW},
        "sure": {"type": "array", "x-table": True, "x-advanced": True, "items": ROW},
    },
}


def value(rows: int = 2) -> dict[str, Any]:
    """A proposal's data."""
    made = [{"samples": "1 · 2", "column": f"c{number}", "field": "name"} for number in range(rows)]
    return {"doubtful": made, "sure": made[:1]}


def drawn(data: Any) -> Field:
    """The form."""
    return draw(SCHEMA, "data", data)


def sent(form: Field) -> dict[str, str]:
    """What a browser sends without a change: no hidden list of the rows."""
    return {leaf.name: leaf.value for leaf in form.leaves()}


def test_a_table_has_its_columns_in_order_and_few_fields() -> None:
    form = drawn(value())
    doubtful, sure = form.fields
    assert doubtful.is_table and form.has_table
    assert [cell.label for cell in doubtful.fields[0].fields] == ["Column", "Field", "Samples"]
    assert [cell.kind for cell in doubtful.fields[0].fields] == ["fixed", "select", "fixed"]
    assert ('"memory_mb"', "Memory") in doubtful.fields[0].fields[1].options
    assert (doubtful.is_folded, sure.is_folded) == (False, True)
    assert list(sent(form)) == ["data.doubtful.0.field", "data.doubtful.1.field", "data.sure.0.field"]


def test_only_what_was_changed_changes() -> None:
    form = drawn(value())
    untouched = sent(form)
    assert read(drawn(value()), untouched) == value()
    changed = read(drawn(value()), untouched | {"data.doubtful.1.field": '"memory_mb"', "data.doubtful.0.column": "x"})
    wanted = value()
    wanted["doubtful"][1]["field"] = "memory_mb"
    assert changed == wanted, "a read-only cell stays, whatever was sent"


def test_rows_cannot_be_removed_or_added() -> None:
    form = sent(drawn(value(3))) | {"data.doubtful": "0,n1"}
    assert read(drawn(value(3)), form) == value(3)


def test_a_problem_is_shown_at_its_row_and_opens_the_table() -> None:
    form = sent(drawn(value())) | {"data.sure.0.field": '"gone"'}
    with pytest.raises(InvalidInputError) as refused:
        read(drawn(value()), form)
    again = refill(drawn(value()), form, refused.value.extra["fields"])
    assert again.fields[1].fields[0].fields[1].error == "This is not one of the options."
    assert not again.fields[1].is_folded


def test_a_table_with_many_rows_comes_back_whole() -> None:
    long = value(MAX_ROWS)
    form = drawn(long)
    assert form.fields[0].is_table
    back = read(drawn(long), sent(form) | {"data.doubtful.249.field": '"memory_mb"'})
    assert [row["field"] for row in back["doubtful"]] == ["name"] * 249 + ["memory_mb"]
    assert drawn(value(MAX_ROWS + 1)).fields[0].kind == "json"


def test_rows_that_are_none_are_not_drawn_as_a_table() -> None:
    assert not drawn({"doubtful": ["x"]}).fields[0].is_table
    assert not draw(SCHEMA, "data").fields[0].is_table


def test_the_list_has_the_same_order() -> None:
    [doubtful, _] = argument_list(value(), SCHEMA).entries
    assert [column.label for column in doubtful.shown.columns] == ["Column", "Field", "Samples"]
