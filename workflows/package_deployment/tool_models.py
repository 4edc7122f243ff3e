"""What the tools for scripts and packages take and return."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assent.files import UploadedFile
from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.scripts.detection import DetectionRule
from workflows.package_deployment.scripts.instruction_base import Mode
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.toolkit.findings import QualityCheck, ScriptFinding

_LONGEST_SCRIPT = 500_000


class ScriptInput(BaseModel):
    """A package, and what is wanted of its script."""

    model_config = ConfigDict(extra="forbid")
    package_metadata: PackageAnalysis = Field(description="What package_analyzer returns")
    generation_mode: Mode = Field(
        default=Mode.STANDARD,
        description="quick: install, uninstall, repair, and detection; standard: also closing applications, progress, "
        "restarts, and logs; comprehensive: also prerequisites, deferrals, earlier versions, and cleaning up",
    )
    custom_instructions: str = Field(
        default="", max_length=20_000, description="What is wanted, in plain words, English or German"
    )
    template_preferences: list[str] = Field(
        default_factory=list, max_length=20, description="What a team always wants, such as: author: Packaging team"
    )
    suggestions: list[str] = Field(
        default_factory=list, max_length=50, description="Comments on an earlier script; they count more"
    )


class ScriptMetadata(BaseModel):
    """How a script was made."""

    model_config = ConfigDict(extra="forbid")
    generation_mode: Mode
    sha256: str = Field(description="Of the script as a file")
    toolkit_version: str
    filled_by: str = Field(description="rules, or the model that has added instructions")
    instructions: Instructions
    functions: list[dict[str, Any]] = Field(description="For each instruction, the functions of the toolkit that fit")
    detection_rule: DetectionRule
    detection_script: str
    uninstall: str = Field(description="The part of the script that uninstalls")


class ValidationResults(BaseModel):
    """What the checks say."""

    model_config = ConfigDict(extra="forbid")
    is_valid: bool = Field(description="Whether there are no errors")
    findings: list[ScriptFinding]


class GeneratedScript(BaseModel):
    """A script, and what is known about it."""

    model_config = ConfigDict(extra="forbid")
    script_content: str
    script_metadata: ScriptMetadata
    quality: list[QualityCheck] = Field(description="Named checks with their weights, each by itself")
    validation_results: ValidationResults
    suggestions: list[str]


class BuildInput(BaseModel):
    """An approved script, and its installer."""

    model_config = ConfigDict(extra="forbid")
    package_path: UploadedFile = Field(description="The installer that was analyzed")
    package_metadata: PackageAnalysis = Field(description="What package_analyzer returned for it")
    script_content: str = Field(
        max_length=_LONGEST_SCRIPT, description="What script_generator returned, or a change of it"
    )
    script_sha256: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="Of the script as a file; another script is refused"
    )
    script_metadata: ScriptMetadata | None = Field(default=None, description="What script_generator returned with it")
    further_files: list[UploadedFile] = Field(
        default_factory=list, max_length=50, description="Other files that the script needs, such as transforms"
    )
    deliver: Literal["zip", "folder"] = Field(default="zip", description="folder: in the operator's folder")


class BuiltPackage(BaseModel):
    """A package that was written."""

    model_config = ConfigDict(extra="forbid")
    name: str
    place: str = Field(description="What opens the ZIP, or the path of the folder")
    sha256: str = Field(description="Of the ZIP; for a folder, of its manifest")
    script_sha256: str
    size_bytes: int = Field(ge=0, description="Of all files")
    files: int = Field(ge=0)
    missing: list[str] = Field(description="What the package does not have, and needs")
