"""Assignments: what variables hold afterwards."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.shell.environment import set_variable
from app.risk.shell.expansion import Expander
from app.risk.shell.state import MOST_CHOICES, Value
from app.risk.shell.tree import Assignment
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.shell.session import Session

_MOST_ELEMENTS = 500


def assign(session: Session, assignment: Assignment, *, exported: bool = False) -> None:
    """Give a variable its value, or the values that it may have."""
    values: list[Value] = []
    choice, most = 0, 1
    while choice < most:
        expander = session.expander(choice)
        values.append(_value(session, assignment, expander))
        most = min(expander.most, MOST_CHOICES)
        session.reading.touch(environment=[name for name in expander.names if name.isupper()])
        choice += 1
    session.state.set(assignment.name, *dict.fromkeys(values))
    for value in values:
        set_variable(session.reading, assignment.name, value[0] if value else Word(""), exported=exported)


def give(session: Session, name: str, *values: Value) -> None:
    """Give a variable the values that a command such as ``read`` may give it.

    The name may be an array's element. Commands in its subscript run.
    """
    if "[" in name:
        session.expander().calculated(name)
        return
    session.state.set(name, *values)
    for value in values:
        set_variable(session.reading, name, value[0] if value else Word(""), exported=False)


def _value(session: Session, assignment: Assignment, expander: Expander) -> Value:
    if assignment.values is not None:
        words = [replace(word, shown="") for word in expander.words(assignment.values)][:_MOST_ELEMENTS]
        if any(re.match(r"\[[^\]]*\]=", word.text) for word in words):
            words = [Word(UNKNOWN, assignment.line, several=True)]
        before = expander.value(assignment.name) if assignment.append else ()
        return (*before, *words)[:_MOST_ELEMENTS]
    value = replace(expander.text(assignment.value), shown="")
    if assignment.index is not None:
        return _element(session, assignment, expander, value)
    if assignment.append:
        before = expander.value(assignment.name) or (Word(""),)
        return (replace(value, text=before[0].text + value.text, source=before[0].source or value.source),)
    return (value,)


def _element(session: Session, assignment: Assignment, expander: Expander, value: Word) -> Value:
    index = expander.parts_text(assignment.index or []).text
    expander.calculated(index)
    before = expander.value(assignment.name) if session.state.is_set(assignment.name) else ()
    if re.fullmatch(r"\d{1,3}", index) and int(index) <= len(before):
        return (*before[: int(index)], value, *before[int(index) + 1 :])
    return (Word(UNKNOWN, assignment.line, several=True),)


def environment_of(
    session: Session, assignments: list[Assignment], expander: Expander, *, exported: bool
) -> dict[str, Word]:
    """Return the variables that are set for one command only, before its name."""
    found: dict[str, Word] = {}
    for assignment in assignments:
        session.reading.budget.step()
        value = _value(session, assignment, expander)
        found[assignment.name] = value[0] if value else Word("")
        if not exported:
            session.state.set(assignment.name, value)
        set_variable(session.reading, assignment.name, found[assignment.name])
    return found
