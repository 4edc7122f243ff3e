"""From an analysis and a request to a checked script, in stages.

Each stage is a function that returns a model: the graph calls them step by step, and the tool one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.scripts.blocks import ScriptPlan
from workflows.package_deployment.scripts.detection import DetectionRule, Target, detection_rule, detection_script
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.scripts.instruction_model import Instructions, Mode
from workflows.package_deployment.scripts.instructions import structure
from workflows.package_deployment.scripts.planning import plan
from workflows.package_deployment.scripts.rendering import render
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.findings import Level, ScriptFinding


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Draft(_Model):
    """The output of the third stage: a script, the blocks that it was made from, and the rule for detection."""

    script: str
    sha256: str = Field(description="Of the script as a file, as Get-FileHash shows it")
    plan: ScriptPlan
    detection: DetectionRule
    filled_by: str = Field(default="rules", description="rules, or the model that changed blocks")
    notes: list[str] = Field(default_factory=list)


class Validation(_Model):
    """The output of the fourth stage."""

    findings: list[ScriptFinding]

    @property
    def is_valid(self) -> bool:
        """Whether the script may be delivered."""
        return not any(finding.level is Level.ERROR for finding in self.findings)


class Generated(_Model):
    """The outputs of all stages."""

    instructions: Instructions
    draft: Draft
    validation: Validation

    @property
    def script(self) -> str:
        """The text of ``Invoke-AppDeployToolkit.ps1``."""
        return self.draft.script

    @property
    def detection_script(self) -> str:
        """The detection script for Intune."""
        return detection_script(self.draft.detection, Target.INTUNE)


def draft_script(analysis: PackageAnalysis, instructions: Instructions) -> Draft:
    """Make the script: the third stage."""
    blocks = plan(analysis, instructions)
    script = render(blocks)
    return Draft(
        script=script, sha256=script_digest(script), plan=blocks, detection=detection_rule(analysis, instructions)
    )


def validate_script(script: str, analysis: PackageAnalysis) -> Validation:
    """Check a script against the toolkit and the package: the fourth stage, also after each change by people."""
    return Validation(findings=check_script(script, analysis))


def generate(
    analysis: PackageAnalysis,
    request: str = "",
    mode: Mode = Mode.STANDARD,
    preferences: Sequence[str] = (),
    suggestions: Sequence[str] = (),
) -> Generated:
    """Run all stages. The same input gives the same output."""
    instructions = structure(request, analysis, mode, preferences, suggestions)
    draft = draft_script(analysis, instructions)
    validation = validate_script(draft.script, analysis)
    return Generated(instructions=instructions, draft=draft, validation=validation)
