"""The parts of package deployment as tools, for other workflows and for agents."""

from __future__ import annotations

from pydantic import BaseModel, Field

from assent.files import UploadedFile
from assent.sandbox import sandbox_dependencies
from assent.toolbox import tool
from workflows.package_deployment import analyzer
from workflows.package_deployment.analysis import Depth, PackageAnalysis


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
