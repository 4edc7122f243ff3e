"""Branches and loops of Python: what names stand for after them, and whether everything is gone through."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tree_sitter import Node

from app.risk.python.nodes import text
from app.risk.python.values import ANY, Value, one_of

if TYPE_CHECKING:
    from app.risk.python.evaluator import Evaluator

_MOST_ROUNDS = 12
"""How many rounds of a loop over known values are followed one by one."""
_UNFILTERED = re.compile(
    r"is_?(?:dir|file|link|symlink|absolute)|exists|dry|confirm|force|debug|verbose|hasattr|isinstance|yes\b|args\.",
    re.IGNORECASE,
)
"""A condition that does not choose some of what a loop goes through."""
_BUT_ONE = re.compile(
    r"\(?[\w.\[\]'\"()]+\s*(?:!=|is not)\s*(?:[A-Za-z_]\w*|self\.\w+|\w+(?:\.\w+|\[['\"]\w+['\"]\])+)\)?"
    r"|\(?[\w.\[\]'\"]+\s+not\s+in\s+[A-Za-z_]\w*\)?"
)
"""A condition that leaves out one of them, or those of a list: ``user.id != me``."""


def if_statement(evaluator: Evaluator, node: Node) -> Value:
    """Run the branches of a condition."""
    evaluator.visit(node.child_by_field_name("condition"))
    condition = text(node.child_by_field_name("condition"))
    filters = not (_UNFILTERED.search(condition) or _BUT_ONE.fullmatch(condition.strip()))
    bodies = [node.child_by_field_name("consequence")]
    for part in node.children_by_field_name("alternative"):
        if part.type == "elif_clause":
            evaluator.visit(part.child_by_field_name("condition"))
            bodies.append(part.child_by_field_name("consequence"))
        else:
            bodies.append(part)
    evaluator.guards += filters
    _branches(
        evaluator, [body for body in bodies if body is not None], whole=node.children_by_field_name("alternative") != []
    )
    evaluator.guards -= filters and not _leaves(bodies[0])  # what follows runs only if this did not leave
    return ANY


def _branches(evaluator: Evaluator, bodies: list[Node], *, whole: bool) -> None:
    """Run alternatives from the same start; names that they leave with different values are unknown then."""
    before = dict(evaluator.scopes[-1])
    ends = [] if whole else [before]
    for body in bodies:
        evaluator.scopes[-1] = dict(before)
        evaluator.visit(body)
        ends.append(evaluator.scopes[-1])
    merged: dict[str, Value] = {}
    for name in {name for end in ends for name in end}:
        values = [end[name] for end in ends if name in end]
        merged[name] = one_of(values)
    evaluator.scopes[-1] = merged


def for_statement(evaluator: Evaluator, node: Node) -> Value:
    """Run a loop over values."""
    left, right = node.child_by_field_name("left") or node, evaluator.visit(node.child_by_field_name("right"))
    items = right.items or ()
    if 1 < len(items) <= _MOST_ROUNDS and evaluator.loops < 2 and any(item != items[0] for item in items):
        _rounds(evaluator, left, items, node.child_by_field_name("body"))
    else:
        evaluator.assign(left, element(right))
        _loop(evaluator, node.child_by_field_name("body"))
    evaluator.visit(node.child_by_field_name("alternative"))
    return ANY


def while_statement(evaluator: Evaluator, node: Node) -> Value:
    """Run a loop with a condition."""
    evaluator.visit(node.child_by_field_name("condition"))
    _loop(evaluator, node.child_by_field_name("body"))
    evaluator.visit(node.child_by_field_name("alternative"))
    return ANY


def _rounds(evaluator: Evaluator, left: Node, items: tuple[Value, ...], body: Node | None) -> None:
    """Follow each round of a loop over values that are known."""
    guards, evaluator.guards = evaluator.guards, 0
    evaluator.loops += 1
    evaluator.rounds += 1
    for item in items:
        evaluator.assign(left, item)
        evaluator.visit(body)
    evaluator.rounds -= 1
    evaluator.loops -= 1
    evaluator.guards = guards


def _loop(evaluator: Evaluator, body: Node | None) -> None:
    guards, evaluator.guards = evaluator.guards, 0
    _unknown_rounds(evaluator, body)
    evaluator.guards = guards


def _unknown_rounds(evaluator: Evaluator, body: Node | None) -> None:
    evaluator.loops += 1
    before = dict(evaluator.scopes[-1])
    evaluator.visit(body)
    changed = [name for name, value in evaluator.scopes[-1].items() if name in before and before[name] != value]
    for name in changed:
        evaluator.scopes[-1][name] = one_of([before[name], evaluator.scopes[-1][name]])
    if changed and evaluator.loops <= 2:
        # Later rounds begin with what earlier ones have assigned.
        evaluator.visit(body)
    evaluator.loops -= 1


def _leaves(body: Node | None) -> bool:
    """Return True if a branch ends the round or the function."""
    ends = ("continue_statement", "break_statement", "return_statement", "raise_statement")
    return body is not None and any(part.type in ends for part in body.named_children)


def element(value: Value) -> Value:
    """Return what an element of a value is, as far as it is the same for all."""
    if "whole" in value.marks:
        # What a service returned without being asked for a part of it, and is gone through now.
        value = replace(value, marks=value.marks - {"whole"} | {"listed"})
    if value.items:
        return one_of(value.items)
    if value.fields:
        return one_of([Value(key) for key, _ in value.fields])
    if value.text is not None and not value.glob and value.kind != "pathlib.Path":
        return Value(marks=value.marks)
    return replace(value, name="", items=None, number=None, fields=None)
