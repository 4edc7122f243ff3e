"""The parts of asset discovery as tools, for other workflows and for agents."""

from __future__ import annotations

from assent.toolbox import tool
from workflows.asset_discovery.tool_models import MapInput, MappedFile


@tool(
    effect="read", timeout=300, capabilities=["asset_discovery", "field_mapping"],
    examples=[{"path": "inventory.csv"}, {"path": "inventory.xlsx", "lessons": False}],
)  # fmt: skip
def map_fields(inputs: MapInput) -> MappedFile:
    """Find out which columns of an inventory (CSV, XLSX, JSON, JSON Lines) mean which fields of an asset.

    Each column gets a field or `ignore`, how sure that is from 0 to 1, and why: from its heading in many languages,
    from what its values look like, and from the other columns. Nothing is changed.
    """
    from workflows.asset_discovery.tool_work import mapped_file

    return mapped_file(inputs)
