"""The input of a deployment run. The portal draws the start form from this model's JSON Schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from assent.files import UploadedFile
from workflows.package_deployment.analysis import Depth

_SCRIPT: JsonDict = {"x-group": "How the script is written", "x-advanced": True}
_DELIVERY: JsonDict = {"x-group": "What is delivered", "x-advanced": True}
_DECISION: JsonDict = {"x-group": "Approval", "x-advanced": True}
Preference = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class DeploymentInput(BaseModel):
    """Input of a deployment run."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="Package deployment")

    package: UploadedFile = Field(
        title="Package",
        description="The installer (MSI or EXE): an upload, or a path in a folder that the operator lists",
    )
    request: str = Field(
        default="",
        title="What is wanted",
        description="In plain words, English or German, such as: close Example first, no desktop shortcut, at most 3 "
        "deferrals. Empty: what the package needs",
        max_length=20_000,
        examples=["Close ExampleAgent before the installation and remove the desktop shortcut."],
    )
    other_files: list[UploadedFile] = Field(
        default_factory=list,
        title="Other files",
        description="What the request names besides the package, such as transforms, patches, and settings to copy",
        max_length=20,
        json_schema_extra=_SCRIPT,
    )
    mode: Literal["quick", "standard", "comprehensive"] = Field(
        default="standard",
        title="Mode",
        description="quick: install, uninstall, repair, and detection; standard: also closing applications, progress, "
        "and restarts; comprehensive: also prerequisites, deferrals, earlier versions, and cleaning up",
        examples=["standard"],
    )
    environment: str = Field(
        default="production",
        title="Environment",
        description="Where the package is deployed, shown to reviewers",
        max_length=100,
        examples=["production", "pilot"],
    )
    analysis_depth: Depth = Field(
        default=Depth.STANDARD,
        title="Depth of the analysis",
        description="quick: identity and switches; standard: also the signature and what is inside; deep: also the "
        "digests of contained files, and installers inside",
        examples=["standard"],
        json_schema_extra=_SCRIPT,
    )
    preferences: list[Preference] = Field(
        default_factory=list,
        title="Preferences of the team",
        description="What every script of the team has, such as “author: Packaging team”, or in plain words",
        max_length=20,
        examples=[["author: Packaging team"]],
        json_schema_extra=_SCRIPT,
    )
    deliver_zip: bool = Field(
        default=True,
        title="Deliver a ZIP",
        description="The run's page offers it for download",
        examples=[True],
        json_schema_extra=_DELIVERY,
    )
    deliver_folder: bool = Field(
        default=False,
        title="Deliver a folder",
        description="In the folder that the operator has configured for packages",
        examples=[False],
        json_schema_extra=_DELIVERY,
    )
    decision_hours: int = Field(
        default=0,
        title="Time to decide (hours)",
        description="Deadline of the approval request. 0: the policy's deadline",
        ge=0,
        le=8_760,
        examples=[24],
        json_schema_extra=_DECISION,
    )
    max_revisions: int = Field(
        default=5,
        title="Most revisions",
        description="How often the script may be proposed again before the run gives up",
        ge=0,
        le=50,
        examples=[5],
        json_schema_extra=_DECISION,
    )
