"""Assignments: to names, attributes, and elements, and to several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from app.risk.python import expressions, flow, guards, networks
from app.risk.python.databases import ROWS, note_changed_row
from app.risk.python.nodes import line, text
from app.risk.python.tables import SESSIONS
from app.risk.python.values import ANY, Value, one_of
from app.risk.words import UNKNOWN

if TYPE_CHECKING:
    from app.risk.python.evaluator import Evaluator


def assign(evaluator: Evaluator, target: Node, value: Value) -> None:
    """Assign to a name, an attribute, an element, or several of them."""
    kind = target.type
    if kind == "identifier":
        evaluator.bind(text(target), value)
    elif kind in ("pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "expression_list"):
        for number, part in enumerate(target.named_children):
            items = value.items
            single = items[number] if items is not None and number < len(items) else flow.element(value)
            assign(evaluator, part, single)
    elif kind == "attribute":
        _assign_attribute(evaluator, target, value)
    elif kind == "subscript":
        base = evaluator.visit(target.child_by_field_name("value"))
        owner = target.child_by_field_name("value")
        if owner is not None and owner.type == "attribute":
            named = text(owner.child_by_field_name("attribute"))
            of = evaluator.visit(owner.child_by_field_name("object"))
            guards.note_assigned(evaluator, named, value, line(target), of)
        for index in target.children_by_field_name("subscript"):
            expressions.assign_element(evaluator, base, evaluator.visit(index), value, line(target))
        if owner is not None and owner.type == "identifier" and (base.kind == "dict" or base.items is not None):
            place = evaluator.visit(target.child_by_field_name("subscript"))
            evaluator.bind(text(owner), expressions.with_element(base, place, value))
        evaluator.note_stale(base)
    elif kind in ("as_pattern_target", "parenthesized_expression", "list_splat_pattern", "list_splat"):
        for part in target.named_children:
            assign(evaluator, part, value)
    else:
        evaluator.visit(target)


def _assign_attribute(evaluator: Evaluator, target: Node, value: Value) -> None:
    base = evaluator.visit(target.child_by_field_name("object"))
    if base.kind.startswith("own.") and (own := evaluator.own.get(base.kind)) is not None:
        name = text(target.child_by_field_name("attribute"))
        before = own.attributes.get(name, ANY)
        own.attributes[name] = value if before == ANY or before.text == UNKNOWN else one_of([before, value])
    if base.kind in SESSIONS:
        networks.set_up(evaluator.facts, text(target.child_by_field_name("attribute")), value)
    guards.note_assigned(evaluator, text(target.child_by_field_name("attribute")), value, line(target), base)
    if value.name.startswith("own.") and text(target.child_by_field_name("attribute")).startswith("on_"):
        evaluator.handle(value)
    if base.kind.startswith(ROWS):
        note_changed_row(evaluator.reading, line(target), many=evaluator.loops > evaluator.rounds)
    if base.name and not base.name.startswith("own.") and text(target) not in ("sys.stdout", "sys.stderr"):
        name = text(target.child_by_field_name("attribute"))
        guards.patch(evaluator, base.name, name, value, line(target))
    evaluator.bind(text(target), value)
