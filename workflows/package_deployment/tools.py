"""The parts of package deployment as tools, for other workflows and for agents."""

from __future__ import annotations

from pydantic import BaseModel, Field

from assent.files import UploadedFile
from assent.sandbox import sandbox_dependencies
from assent.toolbox import tool
from workflows.package_deployment import analyzer
from workflows.package_deployment.analysis import Depth, PackageAnalysis, Technology
from workflows.package_deployment.delivery.dependencies import for_packages
from workflows.package_deployment.tool_models import BuildInput, BuiltPackage, GeneratedScript, ScriptInput


class PackageInput(BaseModel):
    """A package, and how it is analyzed."""

    package_path: UploadedFile = Field(
        description="The installer: an uploaded file, or a path in a folder that the operator lists"
    )
    analysis_depth: Depth = Field(
        default=Depth.STANDARD,
        description="quick: identity and switches; standard: also the signature and what is inside; "
        "deep: also the digests of contained files, and installers inside",
    )
    extract_metadata: bool = Field(
        default=True, description="Whether more is read than the size, the digests, and the technology"
    )


@tool(
    effect="read", timeout=180, capabilities=["packaging", "package_analysis"],
    examples=[{"package_path": "example.msi"}, {"package_path": "setup.exe", "analysis_depth": "deep"}],
    dependencies=sandbox_dependencies,
)  # fmt: skip
def package_analyzer(inputs: PackageInput) -> PackageAnalysis:
    """Analyze a Windows installer (MSI or EXE) in a sandbox, without running it.

    Finds what it was built with, the product, version, architecture, and scope, product and upgrade code, the arguments
    for a silent installation, the signature, and what is inside. What cannot be found out is said in the notes.
    """
    return analyzer.analyze_package(inputs.package_path, inputs.analysis_depth, inputs.extract_metadata)


_EXAMPLE = {
    "file_name": "example.msi", "size_bytes": 1_000_000, "sha256": "0" * 64, "technology": Technology.MSI.value,
    "product_name": "Example", "version": "1.0.0", "product_code": "{3F2504E0-4F89-41D3-9A0C-0305E82C3301}",
}  # fmt: skip


@tool(
    effect="read", timeout=120, capabilities=["packaging", "script_generation"],
    examples=[{"package_metadata": _EXAMPLE, "custom_instructions": "Close Excel, and allow 3 deferrals."}],
)  # fmt: skip
def script_generator(inputs: ScriptInput) -> GeneratedScript:
    """Generate the PowerShell script with which PSAppDeployToolkit (version 4.2) deploys a package, and check it.

    Nothing is run. The script consists of typed blocks, and calls only what the toolkit has. The output says which
    words of the request are not understood, what the checks have found, and how the installed application is detected.
    """
    from workflows.package_deployment.scripts.tool_work import generate_script

    return generate_script(inputs)


@tool(
    # A package that was written is left as it is, so a repeated call changes nothing.
    effect="write", risk="low", idempotent=True, timeout=3_600, capabilities=["packaging", "package_delivery"],
    examples=[{"package_path": "example.msi", "package_metadata": _EXAMPLE, "script_content": "Close-ADTSession"}],
    dependencies=for_packages,
)  # fmt: skip
def package_builder(inputs: BuildInput) -> BuiltPackage:
    """Build a deployment package from a script and its installer: a ZIP, or a folder where the operator keeps them.

    The script is checked again, and is refused if it has errors. The package has the operator's toolkit, a detection
    script, descriptions for Intune and Configuration Manager, a report, and a manifest.
    """
    from workflows.package_deployment.delivery.tool_work import build

    return build(inputs)
