"""The gate of the analysis: what a migration would do with each application; people change it in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assent import Custom, RiskLevel
from assent.markdown import quoted
from workflows.asset_discovery.analysis.migration import WAYS, Way
from workflows.asset_discovery.inputs import DiscoveryInput

MOST_ROWS = 250
"""Applications that people are asked about, the largest first."""
_LONGEST_CELL = 200
_ORDER = ["application", "assets", "way", "reason", "other_ways"]


def migration_gate(
    applications: Sequence[Mapping[str, Any]], settings: DiscoveryInput, comment: str = ""
) -> Custom | None:
    """Return the proposal; None if no application is known.

    Args:
        applications: What `analysis.migration.by_application` proposes.
        comment: The comment with which changes were requested before.
    """
    rows = [
        {
            "application": _cut(row["application"]), "assets": f"{row['assets']:,}", "way": row["way"],
            "reason": _cut(row["reason"]), "other_ways": _cut(row["other_ways"] or ""),
        }
        for row in applications[:MOST_ROWS]
    ]  # fmt: skip
    if not rows:
        return None
    return Custom(
        title=f"Migration view of {len(rows):,} applications{f' in {settings.name}' if settings.name else ''}"[:200],
        summary=_summary(len(applications), comment),
        agent="analysis agent",
        labels={"workflow": "asset_discovery", "gate": "migration"},
        risk_floor=RiskLevel.LOW,
        expires_in_seconds=settings.decision_hours * 3600 or None,
        data={"applications": rows},
        data_schema=_schema(),
    )


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def _schema() -> dict[str, Any]:
    text = {"type": "string", "readOnly": True}
    titles = {way.value: f"{way.value.title()}: {words}" for way, words in WAYS.items()}
    cells = {
        "application": {**text, "title": "Application"},
        "assets": {**text, "title": "Assets"},
        "way": {"title": "Way", "enum": [way.value for way in Way], "x-titles": titles},
        "reason": {**text, "title": "Because"},
        "other_ways": {**text, "title": "Others of it"},
    }
    row = {"type": "object", "properties": cells, "required": _ORDER, "x-order": _ORDER}
    table = {"type": "array", "items": row, "x-table": True, "title": "Applications"}
    return {"type": "object", "required": ["applications"], "properties": {"applications": table}}


def _summary(total: int, comment: str) -> str:
    lines = ["Changes were requested:", "", quoted(comment), ""] if comment else []
    lines.append("What a migration would do with each application, from what the inventory says. Change what is wrong.")
    if total > MOST_ROWS:
        lines += ["", f"{total - MOST_ROWS:,} smaller applications are not listed, and stay as proposed."]
    return "\n".join(lines)


def changed_ways(approved: Any, applications: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the ways that people have changed, by application."""
    rows = approved.get("applications") if isinstance(approved, dict) else None
    asked = applications[:MOST_ROWS]
    if not isinstance(rows, list) or len(rows) != len(asked):
        return {}
    known = {way.value for way in Way}
    return {
        was["application"]: row["way"]
        for row, was in zip(rows, asked, strict=True)
        if isinstance(row, dict) and row.get("way") in known and row["way"] != was["way"]
        and row.get("application") == _cut(was["application"])
    }  # fmt: skip
