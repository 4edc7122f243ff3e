"""What is found in a script, at its lines."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The script must not be delivered."""
    WARNING = "warning"
    """Somebody should look at it."""
    INFO = "info"
    """Good to know, such as what was not checked."""


class ScriptFinding(BaseModel):
    """Something that was found in a script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: int = Field(ge=1, description="Line in the script, from 1")
    level: Level
    code: str = Field(description="Stable name of what was found, such as parameter.unknown")
    words: str = Field(description="What is wrong, in a sentence")
    suggestion: str = Field(default="", description="What to write instead, if known")


def has_errors(findings: list[ScriptFinding]) -> bool:
    """Return True if the script must not be delivered."""
    return any(finding.level is Level.ERROR for finding in findings)
