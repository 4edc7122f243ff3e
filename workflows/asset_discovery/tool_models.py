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


class CleanseInput(MapInput):
    """An inventory, and what is known of its columns."""

    mapping: dict[str, str] = Field(
        default_factory=dict, description="Fields of columns that are known, or `ignore`; the others are mapped"
    )
    examples: int = Field(default=3, ge=0, le=5, description="How many examples of each kind of change are listed")
    limit: int = Field(default=100, ge=0, le=10_000, description="How many problems are listed at most")


class ChangeExample(BaseModel):
    """A cell that was changed; `after` is null for nothing."""

    row: int
    before: str
    after: str | None


class ChangeKind(BaseModel):
    """The changes of one column by one rule."""

    column: str
    field: str
    rule: str
    title: str = Field(description="What was done, in words")
    beyond_form: bool = Field(description="Whether values became other values, and were not only written differently")
    count: int
    examples: list[ChangeExample] = Field(default_factory=list)


class FoundProblem(BaseModel):
    """Something wrong with a row, or with one of its cells.

    `kind` is structure (no asset), identity (nothing identifies it), value (a cell cannot be right), or hazard.
    """

    row: int
    line: int | None = None
    kind: str
    why: str
    column: str = ""
    value: str = ""


class ReadClass(BaseModel):
    """How the text of a field was read as a class, for comparing and counting; the cell keeps its text."""

    field: str
    text: str
    read_as: str | None = Field(description="The class, such as production; null where the text names none")
    sure: bool = Field(description="Whether a word says so, rather than a code whose meaning is a convention")
    count: int


class CleansedFile(BaseModel):
    """What cleansing makes of the inventory.

    `rows_valid` counts the rows that are assets, have an identity, and have no value that cannot be right.
    """

    file: str
    sheet: str = ""
    rows_total: int
    rows_valid: int
    changed_cells: int
    changes: list[ChangeKind] = Field(default_factory=list)
    classes: list[ReadClass] = Field(
        default_factory=list, description="Environments, states, types, and criticality, as they are compared"
    )
    problems: list[FoundProblem] = Field(default_factory=list)
    more_problems: int = Field(default=0, description="How many problems are not listed")
    doubts: dict[str, str] = Field(default_factory=dict, description="Columns that seem to be mapped wrongly, and why")


class DuplicatesInput(MapInput):
    """An inventory, and what is known of its columns."""

    mapping: dict[str, str] = Field(
        default_factory=dict, description="Fields of columns that are known, or `ignore`; the others are mapped"
    )
    limit: int = Field(default=200, ge=0, le=10_000, description="How many findings of each kind are listed at most")


class RowGroup(BaseModel):
    """Rows, by their numbers, and why they are one asset, may be, or are not."""

    rows: list[int]
    reason: str


class FoundDuplicates(BaseModel):
    """Which rows are one asset."""

    file: str
    sheet: str = ""
    rows_valid: int
    assets: int = Field(description="How many assets the valid rows are")
    groups: list[RowGroup] = Field(default_factory=list, description="Rows that are one asset")
    doubtful: list[RowGroup] = Field(default_factory=list, description="Pairs of rows that people should decide")
    distinct: list[RowGroup] = Field(
        default_factory=list, description="Rows that share something, and are not one asset"
    )
    left_out: int = Field(default=0, description="How many findings are not listed")
