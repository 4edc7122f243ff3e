"""The parts of asset discovery as tools, for other workflows and for agents."""

from __future__ import annotations

from assent.toolbox import tool
from workflows.asset_discovery.tool_models import (
    CleansedFile,
    CleanseInput,
    DuplicatesInput,
    FoundDuplicates,
    MapInput,
    MappedFile,
)


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


@tool(
    effect="read", timeout=300, capabilities=["asset_discovery", "cleansing"],
    examples=[{"path": "inventory.csv"}, {"path": "inventory.csv", "mapping": {"Host": "name"}, "lessons": False}],
)  # fmt: skip
def cleanse_assets(inputs: CleanseInput) -> CleansedFile:
    """Find out what is wrong with the rows of an inventory, and how its cells would be changed.

    Units, dates, addresses, names, words for "nothing", and ditto marks are brought to one form. Each kind of change is
    listed with examples, and whether it goes beyond form. Nothing is written.
    """
    from workflows.asset_discovery.tool_records import cleansed_file

    return cleansed_file(inputs)


@tool(
    effect="read", timeout=300, capabilities=["asset_discovery", "duplicates"],
    examples=[{"path": "inventory.csv"}, {"path": "inventory.csv", "mapping": {"Host": "name"}, "lessons": False}],
)  # fmt: skip
def find_duplicates(inputs: DuplicatesInput) -> FoundDuplicates:
    """Find the rows of an inventory that are one asset, those that may be, and those that only look alike.

    Serial numbers, hardware and IP addresses, and names are compared after cleansing. What many devices share joins
    nothing. Each finding has its reason. Nothing is written.
    """
    from workflows.asset_discovery.tool_records import duplicates_in_file

    return duplicates_in_file(inputs)
