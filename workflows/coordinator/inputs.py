"""The input of a run. The portal draws the start form from this model's JSON Schema."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

MAX_REQUEST = 200_000
"""Longest request, in characters."""


class CoordinatorInput(BaseModel):
    """What is needed, in the requester's own words."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="Coordinator")

    request: str = Field(
        title="What do you need?",
        description="In your own words; several things are possible. Values in quotes, or as name: value, are used as "
        "inputs of tools",
        min_length=1,
        max_length=MAX_REQUEST,
        examples=["Check the health of the database shop, and find tables with stale statistics."],
    )
    values: dict[str, JsonValue] = Field(
        default_factory=dict,
        title="Values",
        description='Inputs of tools by their names, such as {"target": "shop"}; they go before those in the text',
        json_schema_extra={"x-advanced": True},
    )
    environment: str = Field(
        default="",
        title="Environment",
        description="Where the plan would act, such as production; shown to reviewers, and used by policies",
        max_length=100,
        json_schema_extra={"x-advanced": True},
    )
