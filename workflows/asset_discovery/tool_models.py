"""What the tools of asset discovery take and return."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from assent.files import UploadedFile


class MapInput(BaseModel):
    """An inventory."""

    model_config = ConfigDict(extra="forbid")
    path: UploadedFile = Field(
        description="The inventory: an uploaded file, or a path in a folder that the operator lists"
    )
    lessons: bool = Field(
        default=True,
        description="Whether earlier corrections of people are applied; without a database there are none",
    )


class MappedColumn(BaseModel):
    """A column, and the field that it means."""

    field: str = Field(description="The field of an asset, or `ignore`")
    confidence: float = Field(description="How sure that is, from 0 to 1")
    reason: str = Field(description="Why, in words")
    unit: str = Field(default="", description="Unit of bare numbers, such as GB; empty if each cell names its own")
    samples: list[str] = Field(default_factory=list, description="Some of its values")
    others: dict[str, float] = Field(default_factory=dict, description="The next best fields, with their confidence")
    lesson: str = Field(default="", description="The ID of the lesson that was applied")


class MappedTable(BaseModel):
    """A table of the file.

    `rows` is the number of its rows, and `problems` of those that are no records, or do harm.
    """

    sheet: str = ""
    rows: int = 0
    problems: int = 0
    other: str = Field(default="", description="Why it is not the inventory; empty for the inventory")
    mapping: dict[str, MappedColumn] = Field(default_factory=dict, description="For each column its field")


class MappedFile(BaseModel):
    """The columns of the inventory, and the file's other tables."""

    file: str
    sheet: str = ""
    rows: int = 0
    problems: int = 0
    lessons: int = Field(default=0, description="How many columns were mapped by earlier corrections")
    mapping: dict[str, MappedColumn] = Field(default_factory=dict, description="For each column its field")
    others: list[MappedTable] = Field(default_factory=list, description="Other tables of the file, such as sheets")
