"""The work of the tool package_builder."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from pathlib import Path

from assent.files import FileError, open_file, save_file
from assent.toolbox.errors import ToolError
from workflows.package_deployment.delivery.building import Package, build_package, output_folder
from workflows.package_deployment.delivery.contents import DeliveryError, PackageContents
from workflows.package_deployment.delivery.toolkit_folder import operators_toolkit
from workflows.package_deployment.delivery.variables import OUTPUT_VARIABLE
from workflows.package_deployment.scripts.detection import detection_rule
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.tool_models import BuildInput, BuiltPackage

_PART = 1 << 20


class PackageBuildError(ToolError):
    """No package was built. The message is a sentence for people that says why."""

    final = True


def build(inputs: BuildInput) -> BuiltPackage:
    """Build and write a package.

    Raises:
        PackageBuildError: it cannot be built.
    """
    try:
        with ExitStack() as stack:
            installer = stack.enter_context(open_file(inputs.package_path))
            further = [stack.enter_context(open_file(reference)) for reference in inputs.further_files]
            package = build_package(
                _contents(inputs), installer.path, operators_toolkit(), {file.name: file.path for file in further}
            )
            return _written(package, inputs)
    except (DeliveryError, FileError) as error:
        raise PackageBuildError(str(error)) from error


def _contents(inputs: BuildInput) -> PackageContents:
    metadata = inputs.script_metadata
    instructions = metadata.instructions if metadata else Instructions()
    return PackageContents(
        analysis=inputs.package_metadata,
        script=inputs.script_content,
        approved_sha256=inputs.script_sha256 or script_digest(inputs.script_content),
        detection=metadata.detection_rule if metadata else detection_rule(inputs.package_metadata, instructions),
        instructions=instructions,
    )


def _written(package: Package, inputs: BuildInput) -> BuiltPackage:
    if inputs.deliver == "folder":
        under = output_folder()
        if under is None:
            raise DeliveryError(f"No folder for packages is named ({OUTPUT_VARIABLE}), so only a ZIP can be delivered.")
        place, sha256 = str(package.write_folder(under)), package.manifest_sha256
    else:
        with tempfile.TemporaryDirectory(prefix="assent-package-") as folder:
            path = Path(folder, f"{package.name}.zip")
            package.write_zip(path)
            place, sha256 = save_file(path.name, path).reference, _sha256(path)
    return BuiltPackage(
        name=package.name,
        place=place,
        sha256=sha256,
        script_sha256=package.script_sha256,
        size_bytes=package.size,
        files=len(package.entries),
        missing=package.missing,
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_PART):
            digest.update(part)
    return digest.hexdigest()
