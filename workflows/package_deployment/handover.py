"""The steps after the decision: the package is built and delivered, and the run is reported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from assent import Outcome, ReceiptStatus, Script, Verdict, markdown, publish_artifact, report_receipt
from assent.files import FileError, open_file, save_file
from assent.toolbox import recorded
from workflows.package_deployment.delivery.building import OUTPUT_VARIABLE, Package, build_package, output_folder
from workflows.package_deployment.delivery.contents import Approval, DeliveryError, PackageContents
from workflows.package_deployment.delivery.report import write_report
from workflows.package_deployment.delivery.toolkit_folder import operators_toolkit
from workflows.package_deployment.drafting import (
    analysis_of,
    draft_of,
    findings_of,
    instructions_of,
    name_of,
    question_outcome,
)
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.state import Json, State, settings_of
from workflows.package_deployment.tools import package_builder

REPORT = "report.md"
_ENDS = {
    "delivered": "Delivered.",
    "rejected": "The script was rejected. Nothing was delivered.",
    "given_up": "The script was proposed as often as the input allows. Nothing was delivered.",
    "failed": "The script was approved, but the package could not be delivered.",
    "no_script": "No script could be written.",
}


def deliver(state: State) -> State:
    """Build the package and deliver it; a step that runs again delivers the same. The receipt names the digest."""
    outcome, contents = Outcome.model_validate(state["outcome"]), contents_of(state)
    try:
        called = recorded(package_builder, {"package_path": settings_of(state).package}, request_id=outcome.request_id)
        with called, _files_of(state) as (installer, others):
            package = build_package(contents, installer, operators_toolkit(), others)
            delivered = _delivered(state, package)
    except (DeliveryError, FileError) as error:
        problem = f"The package could not be delivered: {error}"
        report_receipt(outcome, ReceiptStatus.FAILED, problem)
        return {"problem": problem, "delivered": {}}
    report_receipt(outcome, ReceiptStatus.APPLIED, _words(delivered), delivered)
    return {"delivered": delivered, "problem": ""}


def contents_of(state: State) -> PackageContents:
    """Return what the package is made of. Its script is the one that was approved, to the byte."""
    outcome, draft = Outcome.model_validate(state["outcome"]), draft_of(state)
    approved = outcome.proposal
    assert isinstance(approved, Script)
    return PackageContents(
        analysis=analysis_of(state),
        script=state["script"],
        approved_sha256=script_digest(approved.content),
        detection=draft.detection,
        plan=draft.plan,
        instructions=instructions_of(state),
        findings=findings_of(state),
        quality=state["quality"],
        approvals=[
            Approval(who=remark.who, verdict=remark.verdict.value, at=remark.at, comment=remark.comment)
            for remark in outcome.remarks
        ],
    )


@contextmanager
def _files_of(state: State) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Give local paths of the installer and of the other files, the latter by their names."""
    settings = settings_of(state)
    with ExitStack() as stack:
        installer = stack.enter_context(open_file(settings.package))
        others = [stack.enter_context(open_file(reference)) for reference in settings.other_files]
        yield installer.path, {other.name: other.path for other in others}


def _delivered(state: State, package: Package) -> Json:
    settings = settings_of(state)
    delivered: Json = {
        "name": package.name, "script_sha256": package.script_sha256, "manifest_sha256": package.manifest_sha256,
        "missing": package.missing,
    }  # fmt: skip
    if settings.deliver_folder:
        if (under := output_folder()) is None:
            raise DeliveryError(f"No folder can be delivered: {OUTPUT_VARIABLE} is not set where this worker runs.")
        delivered["folder"] = package.write_folder(under).name
    if settings.deliver_zip:
        with tempfile.TemporaryDirectory(prefix="assent-package-") as place:
            path = Path(place) / "package.zip"
            package.write_zip(path)
            saved = save_file(f"{package.name}.zip", path)
        delivered["zip"] = {
            "reference": saved.reference, "name": saved.name, "sha256": saved.sha256, "size": saved.size,
        }  # fmt: skip
    return delivered


def _words(delivered: Json) -> str:
    places = [f"the folder {delivered['folder']}"] if "folder" in delivered else []
    places += [f"{delivered['zip']['name']} (SHA-256 {delivered['zip']['sha256']})"] if "zip" in delivered else []
    missing = f" Still missing: {' '.join(delivered['missing'])}" if delivered["missing"] else ""
    return (
        f"Delivered as {' and '.join(places) or 'a report only'}. The SHA-256 of the script in it is "
        f"{delivered['script_sha256']}, which is that of the approved script.{missing}"
    )


def report(state: State) -> State:
    """Write the report of the run."""
    status = _status(state)
    lines = [f"# {markdown.escaped(name_of(analysis_of(state)))}", "", _ENDS[status]]
    if state["problem"]:
        lines += ["", markdown.escaped(state["problem"], 2_000)]
    delivered = state.get("delivered") or {}
    if status == "delivered":
        about = write_report(contents_of(state), operators_toolkit(), delivered["missing"])
        lines += ["", *_places(delivered), "", *_below(about)]
    text = "\n".join(lines) + "\n"
    publish_artifact(REPORT, text, "text/markdown")
    return {"status": status, "report": text}


def _status(state: State) -> str:
    if state.get("delivered"):
        return "delivered"
    outcome = question_outcome(state)
    if outcome is None:
        return "given_up" if state["revision"] else "no_script"
    if outcome.approved:
        return "failed"
    return "given_up" if outcome.verdict is Verdict.REQUEST_CHANGES else "rejected"


def _places(delivered: Json) -> list[str]:
    rows = [("Script", markdown.code(delivered["script_sha256"]))]
    if "folder" in delivered:
        rows.append(("Folder", markdown.code(delivered["folder"])))
    if "zip" in delivered:
        rows.append(("ZIP", f"{markdown.code(delivered['zip']['name'])}, {markdown.code(delivered['zip']['sha256'])}"))
    return markdown.table(["delivered", "name or SHA-256"], rows)


def _below(text: str) -> list[str]:
    """Return the lines of a report without its own title."""
    _, _, rest = text.partition("\n")
    return rest.strip().splitlines()
