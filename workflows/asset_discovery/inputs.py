"""The input of a discovery run. The portal draws the start form from this model's JSON Schema."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from assent.files import UploadedFile
from workflows.asset_discovery.mapped import THRESHOLD

_DECISIONS: JsonDict = {"x-group": "What people decide", "x-advanced": True}
_ANALYSIS: JsonDict = {"x-group": "Analysis", "x-advanced": True}
MAX_FILES = 20


class DiscoveryInput(BaseModel):
    """Input of a discovery run."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="Asset discovery")

    files: list[UploadedFile] = Field(
        title="Inventories",
        description="CSV, XLSX, JSON, or JSON Lines: uploads, or paths in a folder that the operator lists",
        min_length=1,
        max_length=MAX_FILES,
    )
    name: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="",
        title="Name",
        description="What reports and requests call this inventory",
        examples=["Data center Example City"],
    )
    ask_mapping: Literal["doubtful", "always", "never"] = Field(
        default="doubtful",
        title="Mapping of columns",
        description="doubtful: people decide if a column is doubtful, or if a lesson has changed one; always: they "
        "approve every mapping; never: the best guess counts, and lessons are not applied",
        examples=["doubtful"],
        json_schema_extra=_DECISIONS,
    )
    threshold: float = Field(
        default=THRESHOLD,
        title="Threshold",
        description="Columns that are mapped with less confidence are doubtful",
        ge=0.5,
        le=1.0,
        examples=[THRESHOLD],
        json_schema_extra=_DECISIONS,
    )
    ask_cleansing: bool = Field(
        default=True,
        title="Approve changed values",
        description="People approve the rules by which values were changed beyond their form, such as guessed units",
        examples=[True],
        json_schema_extra=_DECISIONS,
    )
    ask_merges: bool = Field(
        default=True,
        title="Decide doubtful merges",
        description="People decide which rows that look alike are one asset; otherwise, doubtful ones stay apart",
        examples=[True],
        json_schema_extra=_DECISIONS,
    )
    ask_migration: bool = Field(
        default=False,
        title="Decide the migration view",
        description="People change and approve the proposal for each application; otherwise, it is part of the report",
        examples=[False],
        json_schema_extra=_DECISIONS,
    )
    decision_hours: int = Field(
        default=0,
        title="Time to decide (hours)",
        description="Deadline of each approval request. 0: the policy's deadline",
        ge=0,
        le=8_760,
        examples=[24],
        json_schema_extra=_DECISIONS,
    )
    as_of: date | None = Field(
        default=None,
        title="Date of the analysis",
        description="From when on support has ended, and soon ends. Empty: the day of the run",
        json_schema_extra=_ANALYSIS,
    )
