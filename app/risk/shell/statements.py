"""Reads compound commands: lists, conditions, loops, functions, and pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.risk.effects import UNPARSED
from app.risk.reading import TOO_DEEP
from app.risk.shell.assignments import give
from app.risk.shell.expansion import worse_source
from app.risk.shell.invocations import run_simple
from app.risk.shell.redirections import deliver, redirect
from app.risk.shell.state import NOTHING, Definition, Flow, State, Value
from app.risk.shell.tree import (
    AndOr,
    Case,
    For,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Redirected,
    Sequence,
    Simple,
    Test,
    Unparsed,
    While,
    WordNode,
)
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.shell.session import Session

_MOST_TURNS = 12
"""A loop over more words is read once, with an unknown word."""
_MOST_LETTERS = 100_000
_COMPARES = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v"})
"""Operators of ``[[`` whose operands are arithmetic, or have a subscript."""


def run_node(session: Session, node: Node, given: Flow | None) -> Flow:
    """Read a command of any kind, and return what it prints."""
    return _RUNNERS[type(node)](session, node, given)


def joined(flows: list[Flow]) -> Flow:
    """Return texts that are printed one after the other."""
    flows = [flow for flow in flows if flow.text]
    if len(flows) < 2:
        return flows[0] if flows else NOTHING
    source = ""
    for flow in flows:
        source = worse_source(source, flow.source)
    text = "".join(flow.text for flow in flows)
    return Flow(text if len(text) < _MOST_LETTERS else UNKNOWN, source, flows[0].line)


def _sequence(session: Session, node: Sequence, given: Flow | None) -> Flow:
    printed: list[Flow] = []
    for item, background in node.items:
        session.spawning += background
        printed.append(session.run(item, given))
        session.spawning -= background
    return joined(printed)


def _and_or(session: Session, node: AndOr, given: Flow | None) -> Flow:
    printed = [session.run(node.first, given)]
    for _, other in node.others:
        printed.append(_perhaps(session, other, given))
    return joined(printed)


def _perhaps(session: Session, node: Node, given: Flow | None) -> Flow:
    """Read what may run or not."""
    before = session.state.copy()
    flow = session.run(node, given)
    after = session.state
    session.state = before
    _merge(before, after)
    return flow


def _merge(before: State, after: State) -> None:
    """Take over what a branch has changed. Its own changes come first: they count for what follows in the branch."""
    merged = after.copy()
    merged.merge(before)
    before.__dict__.update(merged.__dict__)


def _pipeline(session: Session, node: Pipeline, given: Flow | None) -> Flow:
    flow = given
    session.spawning += 1
    for stage in node.stages:
        flow = session.substitute(Sequence([(stage, False)]), flow)
    session.spawning -= 1
    return flow or NOTHING


def _group(session: Session, node: Group, given: Flow | None) -> Flow:
    return session.substitute(node.body, given) if node.subshell else session.run(node.body, given)


def _if(session: Session, node: If, given: Flow | None) -> Flow:
    printed: list[Flow] = []
    start: State | None = None
    ends: list[State] = []
    for condition, body in node.branches:
        session.reading.budget.step()
        printed.append(session.run(condition, given))
        start = session.state
        session.state = start.copy()
        printed.append(session.run(body, given))
        ends.append(session.state)
        session.state = start.copy()
    if node.otherwise is not None:
        printed.append(session.run(node.otherwise, given))
    _join(session, ends)
    return _unsure(printed)


def _join(session: Session, ends: list[State]) -> None:
    for end in ends:
        session.reading.budget.step()
        _merge(session.state, end)


def _unsure(flows: list[Flow]) -> Flow:
    """Return the output of parts of which only some run."""
    printed = [flow for flow in flows if flow.text]
    if not printed:
        return NOTHING
    source = ""
    for flow in printed:
        source = worse_source(source, flow.source)
    texts = {flow.text for flow in printed}
    if len(texts) == 1 and len(printed) == 1:
        return printed[0]
    return Flow(UNKNOWN, source)


def _while(session: Session, node: While, given: Flow | None) -> Flow:
    known = dict(session.state.variables)
    printed = [session.run(node.condition, given), _perhaps(session, node.body, given)]
    _forget_changes(session, known)
    return _unsure([*printed, *printed])


def _forget_changes(session: Session, known: dict[str, tuple[Value, ...]]) -> None:
    """After a loop that is read once, a variable that it changes may have other values, too."""
    for name, values in session.state.variables.items():
        if known.get(name) != values and not any(word.text == UNKNOWN for value in values for word in value):
            several = any(word.several or word.glob for value in values for word in value)
            source = next((word.source for value in values for word in value if word.source), "")
            session.state.variables[name] = (*values, (Word(UNKNOWN, several=several, source=source),))


def _for(session: Session, node: For, given: Flow | None) -> Flow:
    session.reading.budget.step()
    expander = session.expander()
    words = expander.words(node.words) if node.words is not None else list(expander.value("@"))
    single = [word for word in words if word.known and not word.glob and not word.several]
    turns = len(words)
    if words and len(single) == turns and turns <= min(_MOST_TURNS, session.turns):
        session.turns -= turns
        printed: list[Flow] = []
        for word in words:
            give(session, node.name, (word,))
            printed.append(session.run(node.body, given))
        return joined(printed)
    known = dict(session.state.variables)
    listed = [Word(word.text, word.line, glob=word.glob, several=True, source=word.source) for word in words]
    give(session, node.name, *[(word,) for word in _representative(listed)])
    flow = _perhaps(session, node.body, given)
    _forget_changes(session, known)
    return _unsure([flow, flow])


def _representative(words: list[Word]) -> list[Word]:
    """Return a few words that stand for all: the unknown ones and patterns, and some of the others."""
    special = [word for word in words if not word.known or word.glob]
    plain = [word for word in words if word.known and not word.glob]
    return [*special[:3], *plain[:3]] or [Word("")]


def _case(session: Session, node: Case, given: Flow | None) -> Flow:
    session.expander().text(node.word)
    start = session.state
    printed: list[Flow] = []
    ends: list[State] = []
    for _, body in node.items:
        session.reading.budget.step()
        session.state = start.copy()
        printed.append(session.run(body, given))
        ends.append(session.state)
    session.state = start
    _join(session, ends)
    return _unsure(printed)


def _function(session: Session, node: Function, given: Flow | None) -> Flow:
    session.state.functions[node.name] = Definition(node.body, session.reading, node.line)
    return NOTHING


def _test(session: Session, node: Test, given: Flow | None) -> Flow:
    expander = session.expander()
    texts = [expander.text(word).text for word in node.words]
    for place, text in enumerate(texts):
        if node.arithmetic or _COMPARES.intersection(texts[max(place - 1, 0) : place + 2]):
            expander.calculated(text)
    if node.arithmetic:
        _forget_counters(session, node.words)
    return NOTHING


def _forget_counters(session: Session, words: list[WordNode]) -> None:
    """Variables that an arithmetic command may change are numbers afterwards, but not known."""
    text = "".join(getattr(part, "text", "") for word in words for part in word.parts)
    for name in session.state.variables:
        if (name in text and "=" in text) or f"{name}++" in text or f"{name}--" in text:
            session.state.variables[name] = ((Word(f"{UNKNOWN}0"),),)


def _redirected(session: Session, node: Redirected, given: Flow | None) -> Flow:
    session.reading.budget.step()
    expander = session.expander()
    routes = redirect(session, node.redirections, expander, given)
    return deliver(session, routes, session.run(node.body, routes.given))


def _unparsed(session: Session, node: Unparsed, given: Flow | None) -> Flow:
    if node.deep:
        session.reading.add(
            TOO_DEEP, "From here on, the code is nested too deep, or too complex, to be read.", node.line
        )
    else:
        session.reading.add(UNPARSED, "This part cannot be parsed, so its effects are unknown.", node.line)
    return Flow()


_RUNNERS: dict[type[Any], Callable[[Session, Any, Flow | None], Flow]] = {
    Simple: run_simple,
    Sequence: _sequence,
    AndOr: _and_or,
    Pipeline: _pipeline,
    Group: _group,
    If: _if,
    While: _while,
    For: _for,
    Case: _case,
    Function: _function,
    Test: _test,
    Redirected: _redirected,
    Unparsed: _unparsed,
}
