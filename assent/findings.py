"""What an agent adds to a proposal for its reviewers: findings at lines of it, and attachments beside it.

Neither changes what is approved, nor the risk that the portal assesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from assent.visible import VisibleText

MAX_FINDINGS = 200
MAX_ATTACHMENTS = 10
MAX_ATTACHED = 500_000
"""Characters of all attachments together."""
MARKDOWN = "text/markdown"


class FindingLevel(StrEnum):
    """How serious the agent considers a finding."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AgentFinding(_Part):
    """What the agent itself found in its proposal; shown next to the portal's findings, and marked as the agent's."""

    level: FindingLevel
    words: str = Field(min_length=1, max_length=1_000, description="What was found, in a sentence")
    line: int | None = Field(default=None, ge=1, description="In the text of the proposal, or of the part `path`")
    path: str = Field(
        default="", max_length=300, description="Id of an item, call, or step, or path of an argument; empty: none"
    )
    code: str = Field(default="", max_length=100, description="Short and stable, such as unknown-parameter")
    suggestion: str = Field(default="", max_length=1_000, description="What to do about it")


class Attachment(_Part):
    """A text beside the proposal, for reviewers."""

    title: VisibleText = Field(min_length=1, max_length=200)
    media: str = Field(
        default=MARKDOWN, min_length=1, max_length=60, description="text/markdown, or the language of code"
    )
    content: str = Field(min_length=1, max_length=200_000)


def refuse_too_much(attachments: Sequence[Attachment]) -> None:
    """Raise ValueError if the attachments are too long together."""
    length = sum(len(attachment.content) for attachment in attachments)
    if length > MAX_ATTACHED:
        raise ValueError(f"all attachments together have {length:,} characters; {MAX_ATTACHED:,} are allowed")
