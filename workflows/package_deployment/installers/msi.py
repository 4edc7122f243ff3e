"""The reader of MSI files, and of what is like them: patches, transforms, and merge modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from workflows.package_deployment.analysis import (
    Architecture,
    Confidence,
    CustomAction,
    Depth,
    MsiFacts,
    PackageAnalysis,
    Technology,
)
from workflows.package_deployment.installers import (
    msi_actions,
    msi_content,
    msi_files,
    msi_parts,
    msi_properties,
    msi_scope,
    msi_switches,
)
from workflows.package_deployment.installers.languages import language_tag
from workflows.package_deployment.installers.msi_database import Database
from workflows.package_deployment.installers.msi_folders import Folders
from workflows.package_deployment.installers.msi_streams import Streams
from workflows.package_deployment.installers.msi_summary import Summary, read_summary
from workflows.package_deployment.installers.problems import InstallerError, words_for
from workflows.package_deployment.installers.texts import clean

MOST_FILES = 5_000
_GUID = re.compile(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", re.IGNORECASE)
_TRANSFORM, _PATCH = "000C1082", "000C1086"
_ARCHITECTURES = {
    "": Architecture.X86, "intel": Architecture.X86, "x64": Architecture.X64, "amd64": Architecture.X64,
    "intel64": Architecture.ITANIUM, "arm": Architecture.ARM, "arm64": Architecture.ARM64,
}  # fmt: skip
_SUMMARY = "\x05SummaryInformation"


def describe_msi(path: Path | BinaryIO, depth: Depth, into: PackageAnalysis) -> None:
    """Fill in what an MSI, a patch, a transform, or a merge module says about itself: a file, or a stream.

    Raises:
        InstallerError: it is none of them, or damaged so that nothing can be read.
    """
    if _is_transform(path, into):
        return
    with Database(path) as database:
        _describe(database, depth, into)


def _is_transform(path: Path | BinaryIO, into: PackageAnalysis) -> bool:
    """Describe a transform, whose tables are written in another way; returns whether it is one."""
    streams = Streams(path)
    try:
        if not streams.class_id.startswith(_TRANSFORM):
            return False
        summary = read_summary(streams.read(_SUMMARY, 1 << 20) or b"")
    finally:
        streams.close()
    into.technology, into.confidence = Technology.MSI_TRANSFORM, Confidence.CERTAIN
    into.evidence.append("Its class is that of a transform of Windows Installer.")
    into.msi = MsiFacts(template=summary.template, package_code="")
    into.product_name = summary.subject
    codes = _GUID.findall(summary.revision_number)
    if found := _GUID.search(summary.revision_number):
        into.product_code = found[0].upper()
    if codes:
        into.notes.append("The product code is that of the product which the transform changes.")
    return True


def _describe(database: Database, depth: Depth, into: PackageAnalysis) -> None:
    into.confidence = Confidence.CERTAIN
    if database.streams.class_id.startswith(_PATCH) or "MsiPatchMetadata" in database.tables:
        _describe_patch(database, into)
    elif "ModuleSignature" in database.tables and not _is_installable(database):
        _describe_module(database, into)
    elif "Property" in database.tables:
        into.technology = Technology.MSI
        into.evidence.append("It has a database of Windows Installer with a product.")
        if database.summary.application:
            into.evidence.append(f"It was made with {clean(database.summary.application, 200)}.")
        _describe_product(database, depth, into)
    else:
        raise InstallerError("Its database has no properties, so that it is not an MSI that can be installed.")


def _is_installable(database: Database) -> bool:
    """An MSI into which modules were merged has their signatures, too; only a product has a product code."""
    return any(row.get("Property") == "ProductCode" for row in database.rows("Property"))


def _describe_patch(database: Database, into: PackageAnalysis) -> None:
    into.technology = Technology.MSI_PATCH
    into.evidence.append("It is a database of Windows Installer with a patch.")
    facts = {str(row.get("Property")): str(row.get("Value") or "") for row in database.rows("MsiPatchMetadata")}
    summary = database.summary
    into.product_name = clean(facts.get("DisplayName", "") or facts.get("TargetProductName", "") or summary.title)
    into.manufacturer = clean(facts.get("ManufacturerName", ""))
    into.msi = MsiFacts(
        package_code=_first_code(summary.revision_number), template=summary.template, code_page=database.code_page,
        schema_version=summary.word_count, properties=msi_properties.shown(facts),
    )  # fmt: skip
    targets = [found[0].upper() for found in _GUID.finditer(summary.template)]
    if targets:
        into.notes.append(f"The patch is for the products {', '.join(targets[:20])}.")
    into.switches = msi_switches.msi_switches(into, "")


def _describe_module(database: Database, into: PackageAnalysis) -> None:
    into.technology = Technology.MERGE_MODULE
    into.evidence.append("Its database is signed as a merge module.")
    rows = database.rows("ModuleSignature")
    if rows:
        into.product_name, into.version = str(rows[0].get("ModuleID") or ""), str(rows[0].get("Version") or "")
        into.language = language_tag(rows[0].get("Language") or 0)
    into.manufacturer = database.summary.author
    into.architecture = _architecture(database.summary)
    into.msi = MsiFacts(
        package_code=_first_code(database.summary.revision_number), template=database.summary.template,
        code_page=database.code_page, schema_version=database.summary.page_count,
    )  # fmt: skip


def _describe_product(database: Database, depth: Depth, into: PackageAnalysis) -> None:
    """Describe a product. The properties have to be there; any other table that is damaged is a note."""
    properties = msi_properties.read_properties(database)
    into.product_name = clean(properties.get("ProductName", ""))
    into.version = clean(properties.get("ProductVersion", ""), 100)
    into.manufacturer = clean(properties.get("Manufacturer", ""))
    into.product_code = _code(properties.get("ProductCode", ""), "product code", into)
    into.upgrade_code = _code(properties.get("UpgradeCode", ""), "upgrade code", into)
    facts = into.msi = MsiFacts(code_page=database.code_page)
    with _noted("The summary information", into):
        _describe_summary(database.summary, properties, into, facts)
    actions: list[CustomAction] = []
    with _noted("The table of custom actions", into):
        actions = msi_actions.read_actions(database)
    with _noted("The scope", into):
        into.scope, facts.scope_reason, into.requires_administrator = msi_scope.read_scope(
            database, properties, actions
        )
    folders = Folders([])
    with _noted("The table of folders", into):
        folders = Folders(database.rows("Directory"), properties, actions)
    used: list[str] = []
    with _noted("The table of components", into):
        used = [str(row.get("Directory_")) for row in database.rows("Component")]
    into.switches = msi_switches.msi_switches(into, msi_properties.install_folder(properties, folders, used))
    with _noted("The sequence of the installation", into):
        facts.restarts = clean(msi_parts.read_restarts(database, properties))
    if depth is not Depth.QUICK:
        facts.custom_actions = actions
        facts.properties = msi_properties.shown(properties)
        _describe_parts(database, properties, folders, into, facts)
        _describe_files(database, folders, depth, into, facts)


def _describe_summary(summary: Summary, properties: dict[str, str], into: PackageAnalysis, facts: MsiFacts) -> None:
    into.language = _languages(properties, summary)
    into.architecture = _architecture(summary)
    facts.package_code = _first_code(summary.revision_number)
    facts.template, facts.schema_version = summary.template, summary.page_count


def _describe_parts(
    database: Database, properties: dict[str, str], folders: Folders, into: PackageAnalysis, facts: MsiFacts
) -> None:
    with _noted("The list of properties that can be set", into):
        facts.public_properties = msi_properties.read_public_properties(database, properties, folders)
    with _noted("The table of features", into):
        facts.features = msi_parts.read_features(database)
    with _noted("The table of services", into):
        facts.services = msi_parts.read_services(database, properties)
    with _noted("The table of launch conditions", into):
        facts.conditions = msi_parts.read_conditions(database, properties)
    with _noted("The table of upgrades", into):
        facts.upgrades = msi_parts.read_upgrades(database)


def _describe_files(database: Database, folders: Folders, depth: Depth, into: PackageAnalysis, facts: MsiFacts) -> None:
    with _noted("The table of files", into):
        found = msi_files.read_files(database, folders, MOST_FILES)
        into.files_total, into.installed_bytes = found.total, found.installed_bytes
        facts.external_files = found.external
        if depth is Depth.DEEP:
            facts.inner_installers = [
                *msi_content.add_digests(
                    database, found.cabinets, found.files, _seconds_for(into.size_bytes), into.notes
                ),
                *msi_content.binaries_that_install(database),
            ]
        into.files = sorted(found.files.values(), key=lambda file: file.path.lower())
        if found.total > MOST_FILES:
            into.notes.append(f"Only {MOST_FILES:,} of {found.total:,} files are listed.")


@contextmanager
def _noted(what: str, into: PackageAnalysis) -> Iterator[None]:
    """Make whatever fails within the block a note, so that the rest of the package is described."""
    try:
        yield
    except Exception as error:
        into.notes.append(f"{what} could not be read. {words_for(error)}")


def _seconds_for(size: int) -> float:
    """Return how long the content of a package may take to unpack."""
    return 5.0 + size / (30 << 20)


def _code(value: str, what: str, into: PackageAnalysis) -> str:
    """Return a code in braces and capitals; empty, with a note, if it is none."""
    if found := _GUID.fullmatch(value.strip()):
        return found[0].upper()
    if value:
        into.notes.append(f"The {what} of the package is not valid.")
    return ""


def _first_code(text: str) -> str:
    found = _GUID.search(text)
    return found[0].upper() if found else ""


def _languages(properties: dict[str, str], summary: Summary) -> str:
    """Return the tag of the product's language, and of the others that the package has transforms for.

    Many packages name English in the template whatever their language is, so that it counts only if it names the
    product's language, too.
    """
    own = properties.get("ProductLanguage", "").strip()
    named = [number.strip() for number in summary.template.partition(";")[2].split(",")]
    numbers = [own, *named] if own in named or not own else [own]
    tags = [language_tag(int(number)) for number in numbers if number.isdecimal() and len(number) < 6]
    return ", ".join(dict.fromkeys(tag for tag in tags if tag))


def _architecture(summary: Summary) -> Architecture:
    platform = summary.template.partition(";")[0].partition(",")[0].strip().lower()
    return _ARCHITECTURES.get(platform, Architecture.UNKNOWN)
