"""Reads shell code."""

from __future__ import annotations

from app.risk.reading import Reading
from app.risk.shell.parser import Parser
from app.risk.shell.ransom import note_ransom
from app.risk.shell.session import Session
from app.risk.shell.state import SOME, Flow, State
from app.risk.words import UNKNOWN, Word


def read(text: str, reading: Reading) -> None:
    """Find out what shell code would do, and add it to the reading."""
    outer = reading.options.get("session")
    same = bool(reading.options.get("same"))
    reading.options = {"files": {}, "links": {}, "folder": "", **reading.options, "same": False}
    if reading.options.get("here"):
        reading.options |= {"files": {}, "folder": ""}
    parser = Parser(text, 1, lambda: reading.budget.late)
    program = parser.program()
    if isinstance(outer, Session) and same:
        before, outer.reading = outer.reading, reading
        outer.state.assigned |= parser.assigned
        reading.options["session"] = outer
        try:
            outer.run(program)
        finally:
            outer.reading = before
        return
    session = Session(reading, State() if reading.options.get("here") else _state_of(outer, reading))
    session.state.assigned = frozenset(parser.assigned)
    arguments = reading.options.pop("arguments", None)
    if isinstance(arguments, list):
        session.state.set("0", (arguments[0],))
        session.state.arguments = arguments[1:]
    for name in _names(reading.options.pop("secret_variables", ())):
        session.state.set(name, (Word(SOME, source="secret"),))
    reading.options["session"] = session
    first = len(reading.findings)
    session.run(program, _input(reading))
    session.read_uncalled()
    note_ransom(text, reading, first)


def _names(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, (tuple, frozenset)) else ()


def _input(reading: Reading) -> Flow | None:
    """Return what the code reads from standard input, as the program that runs it says."""
    word, source = reading.options.pop("input", None), str(reading.options.pop("input_from", ""))
    if isinstance(word, Word):
        return Flow(word.text, source, word.line)
    return Flow(UNKNOWN, source) if source else None


def _state_of(outer: object, reading: Reading) -> State:
    """Return what a shell knows at its start; one that is started by another may know its variables."""
    if not isinstance(outer, Session):
        return State(folder=str(reading.options["folder"]))
    state = outer.state.copy()
    state.functions, state.aliases, state.strict = {}, {}, False
    return state
