"""The documents of routing over REST."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.models import Output
from app.http.body import Input, PlainText
from app.services.routing.texts import LONGEST


class RouteIn(Input):
    """A text to route."""

    text: PlainText = Field(max_length=LONGEST, description="What somebody needs, in their own words")


class ChoiceIn(Input):
    """The workflow that the text wanted."""

    workflow: PlainText = Field(min_length=1, max_length=200)


class RouteAlternative(Output):
    """Another workflow that the text may want."""

    workflow: str
    confidence: float = Field(description="Probability that it is right, 0 to 1")
    reason: str
    installed: bool = Field(description="Whether a worker offers it")
    input: dict[str, Any] = Field(description="Values for its input that the text names")


class RoutingOut(Output):
    """A text, and the workflow that it wants."""

    id: str
    text: str = Field(description="Masked")
    workflow: str | None = Field(description="null if it is not clear: let a person choose")
    confidence: float = Field(description="Probability that it is right, or that the first alternative is, 0 to 1")
    stage: str = Field(description="What led to it: name, pattern, lesson, classifier, model, or question")
    reason: str
    installed: bool = Field(description="Whether a worker offers the workflow")
    input: dict[str, Any] = Field(description="Values for the workflow's input that the text names")
    chosen: str = Field(description="The workflow that the person chose; empty if they did not say")
    alternatives: list[RouteAlternative] = Field(description="Best first")
