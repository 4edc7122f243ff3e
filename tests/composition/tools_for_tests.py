"""Tools for workflows in tests. What they change is a list in this module."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Literal

from pydantic import BaseModel, Field

from assent.toolbox import Registry, ToolContext, tool

changed: list[str] = []
"""What tools have changed, in order."""
sizes: dict[str, int] = {}
"""Sizes that `measure` finds; it returns 100 for others."""
database = {"address": ""}
"""The SQLite database of `query_items` and `change_items`, as an address."""
failing: list[str] = []
"""Names whose next calls fail; each failure removes one."""


class Query(BaseModel):
    text: str = Field(min_length=1)
    limit: int = Field(default=10, ge=1)


class Row(BaseModel):
    name: str
    size: int
    owner: str | None = None


class Rows(BaseModel):
    rows: list[Row]
    count: int
    complete: bool
    mode: Literal["fast", "slow"] = "fast"


class Name(BaseModel):
    name: str
    force: bool = False


class Answer(BaseModel):
    message: str
    ok: bool = True


class Numbers(BaseModel):
    value: int
    others: list[int] = []


class Sum(BaseModel):
    value: int
    previous: list[int]


def _maybe_fail(name: str) -> None:
    if name in failing:
        failing.remove(name)
        raise ConnectionError(f"{name} is not reachable")


@tool(effect="read", version="1.2")
def find_rows(inputs: Query) -> Rows:
    """Find rows whose names begin with a text."""
    _maybe_fail(inputs.text)
    rows = [Row(name=f"{inputs.text}{number}", size=number) for number in range(min(inputs.limit, 3))]
    return Rows(rows=rows, count=len(rows), complete=True)


@tool(effect="read", name="find_rows", version="2.0")
def find_rows_2(inputs: Query) -> Rows:
    """Find rows, newer."""
    return find_rows(inputs)


@tool(effect="read")
def describe(inputs: Name) -> Answer:
    """Describe a row."""
    _maybe_fail(inputs.name)
    return Answer(message=f"about {inputs.name}")


@tool(effect="write")
def rename(inputs: Name, context: ToolContext) -> Answer:
    """Rename a row. Not idempotent."""
    _maybe_fail(inputs.name)
    changed.append(f"rename {inputs.name}")
    return Answer(message=f"renamed {inputs.name}")


@tool(effect="write", idempotent=True)
def touch(inputs: Name) -> Answer:
    """Touch a row. Idempotent."""
    _maybe_fail(inputs.name)
    changed.append(f"touch {inputs.name}")
    return Answer(message=f"touched {inputs.name}")


@tool(effect="read")
def add_up(inputs: Numbers) -> Sum:
    """Add one."""
    return Sum(value=inputs.value + 1, previous=[*inputs.others, inputs.value])


class Statement(BaseModel):
    sql: str


class Found(BaseModel):
    found: list[list[str]]


def _executed(sql: str) -> Found:
    with closing(sqlite3.connect(database["address"], uri=True)) as connection, connection:
        return Found(found=[[str(value) for value in row] for row in connection.execute(sql)])


@tool(effect="read")
def query_items(inputs: Statement) -> Found:
    """Query a SQLite database."""
    return _executed(inputs.sql)


@tool(effect="write")
def change_items(inputs: Statement) -> Found:
    """Change a SQLite database. Not idempotent."""
    return _executed(inputs.sql)


class Measured(BaseModel):
    size: int
    tags: list[str] = []


@tool(effect="read")
def measure(inputs: Name) -> Measured:
    """Measure something."""
    _maybe_fail(inputs.name)
    return Measured(size=sizes.get(inputs.name, 100))


@tool(effect="read")
def hang(inputs: Name) -> Answer:
    """Take longer than anybody waits."""
    threading.Event().wait(30)
    return Answer(message="at last")


def registry() -> Registry:
    """All tools of this module."""
    return Registry([find_rows, find_rows_2, describe, rename, touch, add_up, measure, query_items, change_items, hang])
