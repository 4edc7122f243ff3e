"""From an analysis and a request to a checked script, in five stages.

Each stage is a function that returns a model: the graph calls them step by step, and the tool one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.scripts.blocks import ScriptPlan
from workflows.package_deployment.scripts.detection import DetectionRule, Target, detection_rule, detection_script
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.scripts.filling import fill
from workflows.package_deployment.scripts.instruction_base import Mode
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.instructions import structure
from workflows.package_deployment.scripts.planning import plan
from workflows.package_deployment.scripts.rendering import part_of, render
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.findings import Level, QualityCheck, ScriptFinding
from workflows.package_deployment.toolkit.quality import assess_quality
from workflows.package_deployment.toolkit.retrieval import Retrieved, retrieve

_FUNCTIONS_PER_INSTRUCTION = 5


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InstructionFunctions(_Model):
    """The functions of the toolkit that fit an instruction."""

    instruction: str
    functions: list[Retrieved]


class Retrieval(_Model):
    """The output of the second stage."""

    instructions: list[InstructionFunctions]


class Draft(_Model):
    """The output of the third stage: a script, the blocks that it was made from, and the rule for detection."""

    script: str
    sha256: str = Field(description="Of the script as a file, as Get-FileHash shows it")
    plan: ScriptPlan
    detection: DetectionRule
    filled_by: str = Field(default="rules", description="rules, or the model that has added instructions")
    uninstall: str = Field(default="", description="The part of the script that uninstalls")
    notes: list[str] = Field(default_factory=list)


class Validation(_Model):
    """The output of the fourth stage."""

    findings: list[ScriptFinding]

    @property
    def is_valid(self) -> bool:
        """Whether the script may be delivered."""
        return not any(finding.level is Level.ERROR for finding in self.findings)


class Quality(_Model):
    """The output of the fifth stage: named checks, each by itself, and what could be better."""

    checks: list[QualityCheck]
    suggestions: list[str]


class Generated(_Model):
    """The outputs of all stages."""

    instructions: Instructions
    retrieval: Retrieval
    draft: Draft
    validation: Validation
    quality: Quality

    @property
    def script(self) -> str:
        """The text of ``Invoke-AppDeployToolkit.ps1``."""
        return self.draft.script

    @property
    def detection_script(self) -> str:
        """The detection script for Intune."""
        return detection_script(self.draft.detection, Target.INTUNE)


def structure_request(
    request: str,
    analysis: PackageAnalysis,
    mode: Mode = Mode.STANDARD,
    preferences: Sequence[str] = (),
    suggestions: Sequence[str] = (),
) -> Instructions:
    """Structure a request, and let a configured model read what is not understood: the first stage."""
    found = structure(request, analysis, mode, preferences, suggestions)
    return fill("\n".join([*preferences, request, *suggestions]), analysis, found)


def retrieve_functions(instructions: Instructions) -> Retrieval:
    """Find the toolkit's functions for each instruction: the second stage."""
    sentences = list(dict.fromkeys(item.sentence for item in instructions.items))
    return Retrieval(
        instructions=[
            InstructionFunctions(instruction=sentence, functions=retrieve(sentence, _FUNCTIONS_PER_INSTRUCTION))
            for sentence in sentences
        ]
    )


def draft_script(analysis: PackageAnalysis, instructions: Instructions) -> Draft:
    """Make the script: the third stage."""
    blocks = plan(analysis, instructions)
    script = render(blocks)
    return Draft(
        script=script,
        sha256=script_digest(script),
        plan=blocks,
        detection=detection_rule(analysis, instructions),
        filled_by=instructions.filled_by,
        uninstall=part_of(script, "Uninstall"),
    )


def validate_script(script: str, analysis: PackageAnalysis) -> Validation:
    """Check a script against the toolkit and the package: the fourth stage, also after each change by people."""
    return Validation(findings=check_script(script, analysis))


def assess_script(
    script: str, analysis: PackageAnalysis, validation: Validation, instructions: Instructions
) -> Quality:
    """Judge a script by named checks: the fifth stage."""
    checks = assess_quality(script, analysis, validation.findings, has_detection_rule=True)
    suggestions = [f"{check.title}: {check.words}" for check in checks if check.passed < 1]
    suggestions += [f"Not understood: {words}" for words in instructions.not_understood]
    return Quality(checks=checks, suggestions=[*suggestions, *instructions.notes])


def generate(
    analysis: PackageAnalysis,
    request: str = "",
    mode: Mode = Mode.STANDARD,
    preferences: Sequence[str] = (),
    suggestions: Sequence[str] = (),
) -> Generated:
    """Run all five stages. The same input gives the same output."""
    instructions = structure_request(request, analysis, mode, preferences, suggestions)
    retrieval = retrieve_functions(instructions)
    draft = draft_script(analysis, instructions)
    validation = validate_script(draft.script, analysis)
    quality = assess_script(draft.script, analysis, validation, instructions)
    return Generated(
        instructions=instructions, retrieval=retrieval, draft=draft, validation=validation, quality=quality
    )
