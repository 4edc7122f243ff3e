"""The work of the tool script_generator."""

from __future__ import annotations

from workflows.package_deployment.scripts.generating import generate
from workflows.package_deployment.scripts.rendering import TOOLKIT_VERSION
from workflows.package_deployment.tool_models import GeneratedScript, ScriptInput, ScriptMetadata, ValidationResults


def generate_script(inputs: ScriptInput) -> GeneratedScript:
    """Run all stages, and return their outputs in the shape of the tool."""
    made = generate(
        inputs.package_metadata,
        inputs.custom_instructions,
        inputs.generation_mode,
        inputs.template_preferences,
        inputs.suggestions,
    )
    metadata = ScriptMetadata(
        generation_mode=inputs.generation_mode,
        sha256=made.draft.sha256,
        toolkit_version=TOOLKIT_VERSION,
        filled_by=made.instructions.filled_by,
        instructions=made.instructions,
        functions=[item.model_dump(mode="json") for item in made.retrieval.instructions],
        detection_rule=made.draft.detection,
        detection_script=made.detection_script,
        uninstall=made.draft.uninstall,
    )
    return GeneratedScript(
        script_content=made.script,
        script_metadata=metadata,
        quality=made.quality.checks,
        validation_results=ValidationResults(is_valid=made.validation.is_valid, findings=made.validation.findings),
        suggestions=made.quality.suggestions,
    )
