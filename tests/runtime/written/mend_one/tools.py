"""Tools of the workflows in YAML for tests. What they do is a line in the file that the run's input names."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel

from assent.toolbox import tool


class Place(BaseModel):
    effects: str
    kind: str = "table"


class Found(BaseModel):
    names: list[str]
    count: int


class Target(BaseModel):
    effects: str
    name: str
    die: bool = False


class Done(BaseModel):
    message: str
    at: int


def _line(effects: str, line: str) -> int:
    path = Path(effects)
    with path.open("a") as file:
        file.write(line + "\n")
    return len(path.read_text().splitlines())


def _fail_once(inputs: Target) -> None:
    marker = Path(f"{inputs.effects}.fail-{inputs.name}")
    if marker.exists():
        marker.unlink()
        raise ConnectionError(f"{inputs.name} does not respond")


def _die_once(inputs: Target | Statement) -> None:
    """Kill this process, hard, once, after the act and before its result is stored."""
    marker = Path(f"{inputs.effects}.died-{inputs.name}")
    if inputs.die and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


@tool(effect="read", capabilities=["tests"])
def list_things(inputs: Place) -> Found:
    """List things that need mending."""
    names = [f"{inputs.kind}-{letter}" for letter in "abc"]
    return Found(names=names, count=len(names))


@tool(effect="write")
def mend_thing(inputs: Target) -> Done:
    """Mend one thing. Not idempotent."""
    _fail_once(inputs)
    at = _line(inputs.effects, f"mended {inputs.name}")
    _die_once(inputs)
    return Done(message=f"{inputs.name} is mended", at=at)


@tool(effect="write", idempotent=True)
def oil_thing(inputs: Target) -> Done:
    """Oil one thing; oiling it again changes nothing more."""
    at = _line(inputs.effects, f"oiled {inputs.name}")
    _die_once(inputs)
    return Done(message=f"{inputs.name} is oiled", at=at)


class Weight(BaseModel):
    grams: int


@tool(effect="read")
def weigh_thing(inputs: Target) -> Weight:
    """Weigh one thing: what a file beside the effects says."""
    scale = Path(f"{inputs.effects}.grams")
    return Weight(grams=int(scale.read_text()) if scale.exists() else 100)


class Statement(BaseModel):
    effects: str
    sql: str
    name: str = "rows"
    die: bool = False


class Rows(BaseModel):
    rows: list[str]


def _executed(inputs: Statement) -> Rows:
    """Execute a statement in a SQLite database beside the effects, which is made if it is not there."""
    with closing(sqlite3.connect(f"{inputs.effects}.db")) as connection, connection:
        connection.execute("create table if not exists things (name text primary key, state text)")
        connection.execute("insert or ignore into things values ('table', 'broken')")
        return Rows(rows=[str(row[0]) for row in connection.execute(inputs.sql)])


@tool(effect="read")
def read_rows(inputs: Statement) -> Rows:
    """Read rows of a database."""
    return _executed(inputs)


@tool(effect="write")
def change_rows(inputs: Statement) -> Rows:
    """Change rows of a database. Not idempotent."""
    found = _executed(inputs)
    _line(inputs.effects, inputs.sql)
    _die_once(inputs)
    return found
