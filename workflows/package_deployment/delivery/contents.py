"""What is delivered: the approved script, its installer, and what people know and have decided about them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.scripts.blocks import (
    ActiveSetup,
    CopySupportFile,
    InstallMsi,
    InstallPatch,
    ScriptPlan,
)
from workflows.package_deployment.scripts.detection import DetectionRule
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.toolkit.findings import QualityCheck, ScriptFinding


class DeliveryError(ValueError):
    """Nothing is delivered; the message says why, in a sentence for people."""


class Approval(BaseModel):
    """A decision about the script."""

    model_config = ConfigDict(extra="forbid")
    who: str
    verdict: str = "approve"
    at: datetime
    comment: str = ""


class PackageContents(BaseModel):
    """What a package is made of, without its files."""

    model_config = ConfigDict(extra="forbid")
    analysis: PackageAnalysis
    script: str = Field(description="The text that people have approved")
    approved_sha256: str = Field(description="Of the approved script as a file")
    detection: DetectionRule
    plan: ScriptPlan | None = Field(default=None, description="The blocks that the script was made from")
    instructions: Instructions = Field(default_factory=Instructions)
    findings: list[ScriptFinding] = Field(default_factory=list)
    quality: list[QualityCheck] = Field(default_factory=list)
    approvals: list[Approval] = Field(default_factory=list)


def needed_files(plan: ScriptPlan | None, analysis: PackageAnalysis) -> dict[str, list[str]]:
    """Return the names of the files that a script needs besides its installer, by the folder of the package."""
    beside: list[str] = list(analysis.msi.external_files) if analysis.msi else []
    support: list[str] = []
    for phase in (plan.install, plan.uninstall, plan.repair) if plan else ():
        for block in (*phase.before, *phase.main, *phase.after):
            if isinstance(block, InstallMsi):
                beside += [*block.transforms, *block.patches]
            elif isinstance(block, InstallPatch):
                beside.append(block.file)
            elif isinstance(block, (CopySupportFile, ActiveSetup)):
                support.append(block.file)
    return {"Files": list(dict.fromkeys(beside)), "SupportFiles": list(dict.fromkeys(support))}
