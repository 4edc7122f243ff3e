"""What was asked for, structured: the output of the first stage, and the input of the others.

Each instruction says where it comes from: the words of the request, or the fact of the package.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from workflows.package_deployment.scripts.blocks import (
    ScriptDate,
)
from workflows.package_deployment.scripts.instruction_base import Instruction, Mode
from workflows.package_deployment.scripts.instruction_kinds import (
    CopyFile,
    DetectionWish,
    EarlierVersions,
    ExitCodes,
    Installation,
    InstallerArguments,
    Leave,
    LogFolder,
    MsiProperty,
    Patch,
    RegistryValue,
    Requirement,
    ScopeWish,
    Secret,
    Shortcut,
    Transform,
    UserSetup,
)
from workflows.package_deployment.scripts.instructions_for_users import (
    CloseApplication,
    Closing,
    Deferral,
    Interaction,
    Restart,
    Window,
)
from workflows.package_deployment.scripts.literals import Plain

_Kind = TypeVar("_Kind", bound=Instruction)

AnyInstruction = Annotated[
    CloseApplication | Closing | Deferral | Window | Interaction | Restart | InstallerArguments | MsiProperty
    | Transform | Patch | Requirement | Shortcut | RegistryValue | CopyFile | UserSetup | EarlierVersions | LogFolder
    | Secret | DetectionWish | ScopeWish | ExitCodes | Leave | Installation,
    Field(discriminator="topic"),
]  # fmt: skip


class Instructions(BaseModel):
    """All instructions for a script."""

    model_config = ConfigDict(extra="forbid")
    mode: Mode = Mode.STANDARD
    items: list[AnyInstruction] = Field(default_factory=list, max_length=300)
    not_understood: list[Plain] = Field(
        default_factory=list, max_length=200, description="The words of the request from which nothing follows"
    )
    filled_by: Plain = Field(default="rules", description="rules, or the model that has added instructions")
    author: Plain = ""
    date: ScriptDate = Field(default="", description="Of the script; none unless a preference has one")
    title: Plain = Field(default="", description="What windows are called")
    notes: list[Plain] = Field(default_factory=list, max_length=100)

    def has(self, *kinds: type[Instruction]) -> bool:
        """Return whether there is an instruction of one of these kinds."""
        return any(isinstance(item, kinds) for item in self.items)

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """Return the instructions of a kind, in their order."""
        return [item for item in self.items if isinstance(item, kind)]
