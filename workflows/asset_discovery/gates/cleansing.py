"""The gate of the cleansing: by which rules values were changed beyond their form; people may leave rules out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assent import Custom, RiskLevel
from assent.markdown import code, escaped, quoted
from workflows.asset_discovery.fields import FACTS, Field
from workflows.asset_discovery.inputs import DiscoveryInput
from workflows.asset_discovery.personal.masking import mask_cell

if TYPE_CHECKING:
    from workflows.asset_discovery.cleansing.summary import ChangeGroup

MOST_ROWS = 200
_MOST_NAMED = 20
_LONGEST_CELL = 200
_ORDER = ["column", "table", "rule", "cells", "examples", "apply"]
_OPTIONAL, _NEEDED = "rules", "left_out"

Group = dict[str, Any]
"""A group of changes as the state keeps it: table (its number), name, column, field, rule, title, cells, examples,
optional."""


def group_of(table: dict[str, Any], group: ChangeGroup) -> Group:
    """Return a group of changes as JSON."""
    field = Field(group.field)
    masked = [(mask_cell(before, field), mask_cell(after or "", field)) for _, before, after in group.examples]
    examples = " · ".join(f"{_cut(before, 40)} → {_cut(after, 40) if after else 'nothing'}" for before, after in masked)
    return {
        "table": table["number"], "name": table["name"], "column": group.column, "field": group.field,
        "rule": group.rule.value, "title": group.title, "cells": group.count, "optional": group.optional,
        "examples": _cut(examples, _LONGEST_CELL),
    }  # fmt: skip


def cleansing_gate(
    groups: Sequence[Group], doubts: Mapping[str, str], settings: DiscoveryInput, comment: str = ""
) -> Custom | None:
    """Return the proposal; None if there is nothing to decide.

    Args:
        groups: The changes beyond form, the largest first.
        doubts: Why columns seem to be mapped wrongly, by their names.
        comment: The comment with which changes were requested before.
    """
    optional = [group for group in groups if group["optional"]][:MOST_ROWS]
    if not optional and not doubts and not comment:
        return None
    needed = [group for group in groups if not group["optional"]][:MOST_ROWS]
    several = len({group["table"] for group in (*optional, *needed)}) > 1
    cells = sum(group["cells"] for group in optional)
    return Custom(
        title=f"Approve {cells:,} changed values{f' of {settings.name}' if settings.name else ''}"[:200],
        summary=_summary(optional, doubts, len(groups) - len(optional) - len(needed), comment),
        agent="cleansing agent",
        labels={"workflow": "asset_discovery", "gate": "cleansing"},
        risk_floor=RiskLevel.LOW,
        expires_in_seconds=settings.decision_hours * 3600 or None,
        data={
            _OPTIONAL: [_row(group, several) | {"apply": True} for group in optional],
            _NEEDED: [_row(group, several) for group in needed],
        },
        data_schema=_schema(several),
    )


def _row(group: Group, several: bool) -> dict[str, Any]:
    field = FACTS[Field(group["field"])].title
    row = {
        "column": _cut(f"{group['column']} ({field})", _LONGEST_CELL), "rule": group["title"],
        "cells": f"{group['cells']:,}", "examples": group["examples"],
    }  # fmt: skip
    return {"table": group["name"], **row} if several else row


def _cut(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _schema(several: bool) -> dict[str, Any]:
    text = {"type": "string", "readOnly": True}
    cells: dict[str, Any] = {
        "column": {**text, "title": "Column"}, "rule": {**text, "title": "Rule"}, "cells": {**text, "title": "Cells"},
        "examples": {**text, "title": "Examples"},
    }  # fmt: skip
    if several:
        cells["table"] = {**text, "title": "File"}
    apply = {"apply": {"type": "boolean", "title": "Apply"}}

    def table(title: str, cells: dict[str, Any], **more: Any) -> dict[str, Any]:
        order = [name for name in _ORDER if name in cells]
        row = {"type": "object", "properties": cells, "required": order, "x-order": order}
        return {"type": "array", "items": row, "x-table": True, "title": title, **more}

    return {
        "type": "object",
        "required": [_OPTIONAL, _NEEDED],
        "x-order": [_OPTIONAL, _NEEDED],
        "properties": {
            _OPTIONAL: table("Changed values", {**cells, **apply}),
            _NEEDED: table("Values that cannot be kept", cells, **{"x-advanced": True}),
        },
    }


def _summary(optional: Sequence[Group], doubts: Mapping[str, str], unlisted: int, comment: str) -> str:
    lines = []
    if comment:
        lines += ["Changes were requested:", "", quoted(comment), ""]
    lines.append(
        "These values were changed beyond their form: they are not only written differently. "
        "Clear the box of a rule that is wrong for its column; its cells then stay as they are, or become empty where "
        "the field cannot hold them."
        if optional
        else "No value was changed beyond its form."
    )
    if unlisted > 0:
        lines += ["", f"{unlisted:,} further rules with fewer cells are not listed, and are applied."]
    if doubts:
        lines += ["", "**Columns that seem to be mapped wrongly.** Reject this request to begin again:", ""]
        lines += [f"- {code(column)}: {escaped(why)}" for column, why in list(doubts.items())[:_MOST_NAMED]]
    return "\n".join(lines)


def left_out(approved: Any, groups: Sequence[Group]) -> list[Group]:
    """Return the groups of changes that people did not approve."""
    optional = [group for group in groups if group["optional"]][:MOST_ROWS]
    rows = approved.get(_OPTIONAL) if isinstance(approved, dict) else None
    if not isinstance(rows, list) or len(rows) != len(optional):
        return []
    return [
        group for group, row in zip(optional, rows, strict=True) if isinstance(row, dict) and row.get("apply") is False
    ]
