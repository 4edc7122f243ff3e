"""What all instructions have: where they come from, what they say, and what they decide."""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from workflows.package_deployment.scripts.literals import Plain


class Mode(StrEnum):
    """How much a script does that nobody has asked for."""

    QUICK = "quick"
    """Install, uninstall, and repair with what is certain, and detection."""
    STANDARD = "standard"
    """Also close applications, show progress, handle restarts, and name the logs."""
    COMPREHENSIVE = "comprehensive"
    """Also check prerequisites, allow deferrals, remove earlier versions, and clean up."""


class Origin(StrEnum):
    """Where an instruction comes from."""

    REQUEST = "request"
    SUGGESTION = "suggestion"
    PREFERENCE = "preference"
    ANALYSIS = "analysis"
    MODE = "mode"
    MODEL = "model"


class Source(BaseModel):
    """Where an instruction comes from: its words, or the fact."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    origin: Origin
    words: Plain


class Instruction(BaseModel):
    """Something that the script has to do, or to leave."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: Source

    @property
    @abstractmethod
    def sentence(self) -> str:
        """What it says, for people and for finding functions."""

    @property
    def about(self) -> tuple[str, ...]:
        """What it decides. A later text, such as a comment of a reviewer, overrules an earlier one about the same.

        Empty: it adds to what others say.
        """
        return ()

    def overrules(self, earlier: Instruction) -> bool:
        """Return whether this, from a later text, takes the place of an instruction from an earlier one."""
        return bool(self.about) and self.about == earlier.about
