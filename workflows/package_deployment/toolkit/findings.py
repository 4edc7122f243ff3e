"""What checks say about a script: findings at its lines, and its quality by named checks."""

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


class QualityCheck(BaseModel):
    """One check of the quality of a script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Stable name, such as uninstall")
    title: str
    weight: int = Field(ge=1, description="How much it counts compared with the others")
    passed: float = Field(ge=0, le=1, description="The share that is passed")
    words: str = Field(description="Why, in a sentence")
