"""The gate of the inventory: records that may be one asset, each pair side by side; people join them, or do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assent import OptimizationItem, Optimizations, RiskLevel
from assent.markdown import quoted
from workflows.asset_discovery.inputs import DiscoveryInput
from workflows.asset_discovery.personal.masking import mask_cell

if TYPE_CHECKING:
    from workflows.asset_discovery.inventory.doubtful import DoubtfulMerge

MOST_ITEMS = 100
"""Pairs that people are asked about, the likeliest first. Further ones stay apart, and the report says how many."""
_LONGEST_VALUE = 48
_LONGEST_REASON = 2_000

Pair = dict[str, Any]
"""A doubtful pair as it is saved: key, pair (positions), title, reason, likelihood, and text."""


def pair_of(merge: DoubtfulMerge) -> Pair:
    """Return a doubtful pair as JSON."""
    return {
        "key": merge.key, "pair": list(merge.pair), "title": merge.title, "reason": merge.reason,
        "likelihood": merge.likelihood, "text": side_by_side(merge),
    }  # fmt: skip


def side_by_side(merge: DoubtfulMerge) -> str:
    """Return both records of a pair, a line for each field, in which fields that differ are marked."""
    lines = [f"{merge.left.place}  |  {merge.right.place}"]
    for side in merge.sides:
        mark = "≠ " if side.left and side.right and not side.agrees else ""
        left, right = (_cut(mask_cell(value, side.field)) if value else "–" for value in (side.left, side.right))
        lines.append(f"{mark}{side.title}: {left}  |  {right}")
    return "\n".join(lines)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 1]}…"


def merges_gate(pairs: Sequence[Pair], settings: DiscoveryInput, comment: str = "") -> Optimizations | None:
    """Return the proposal; None if no pair is doubtful.

    Args:
        comment: The comment with which changes were requested before.
    """
    if not pairs:
        return None
    asked = pairs[:MOST_ITEMS]
    what = "1 pair" if len(asked) == 1 else f"{len(asked):,} pairs"
    return Optimizations(
        title=f"Merge {what} of records that may be one asset{f' in {settings.name}' if settings.name else ''}"[:200],
        summary=_summary(len(pairs), comment),
        agent="inventory agent",
        labels={"workflow": "asset_discovery", "gate": "merges"},
        risk_floor=RiskLevel.LOW,
        expires_in_seconds=settings.decision_hours * 3600 or None,
        language="text",
        verb="merge",
        noun="pair",
        noun_plural="pairs",
        items=[_item(pair) for pair in asked],
    )


def _item(pair: Pair) -> OptimizationItem:
    return OptimizationItem(
        id=pair["key"],
        title=(pair["title"] or "Two records without a name")[:200],
        statement=pair["text"],
        rationale=pair["reason"][:_LONGEST_REASON],
        benefit=f"{pair['likelihood'] * 100:.0f} % likely one asset",
    )


def _summary(total: int, comment: str) -> str:
    lines = ["Changes were requested:", "", quoted(comment), ""] if comment else []
    lines.append(
        "Each of these pairs agrees in some of what identifies an asset, and differs in other parts (≠). "
        "Approve the pairs that are one asset; the others stay apart."
    )
    if total > MOST_ITEMS:
        lines += ["", f"{total - MOST_ITEMS:,} less likely pairs are not asked, and stay apart."]
    return "\n".join(lines)
