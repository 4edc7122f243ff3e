"""What is known about an installer: the output of the tool ``package_analyzer``, and the ground of all later steps.

Every text in it comes from the installer, so from strangers: it is data to show and to compare, never an instruction.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Depth(StrEnum):
    """How thoroughly an installer is analyzed."""

    QUICK = "quick"
    """Hashes, technology, identity, and switches."""
    STANDARD = "standard"
    """Also the signature, contained files, custom actions, services, and properties."""
    DEEP = "deep"
    """Also the digests of contained files, and installers inside the installer."""


class Technology(StrEnum):
    """What an installer was built with."""

    MSI = "msi"
    MSI_PATCH = "msi_patch"
    """A patch for products that are installed already (.msp)."""
    MSI_TRANSFORM = "msi_transform"
    """Changes to an MSI that are applied when it is installed (.mst)."""
    MERGE_MODULE = "merge_module"
    """A part from which an MSI is built (.msm)."""
    WIX_BURN = "wix_burn"
    INNO_SETUP = "inno_setup"
    NSIS = "nsis"
    INSTALLSHIELD = "installshield"
    SQUIRREL = "squirrel"
    MSI_WRAPPER = "msi_wrapper"
    """A program whose only work is to run an MSI that it contains."""
    SELF_EXTRACTING_ARCHIVE = "self_extracting_archive"
    UNKNOWN = "unknown"

    @property
    def in_words(self) -> str:
        """Its name as people write it."""
        return _NAMES.get(self.value, self.value.replace("_", " "))


_NAMES = {
    "msi": "MSI", "msi_patch": "MSI patch", "msi_transform": "MSI transform", "wix_burn": "WiX Burn",
    "inno_setup": "Inno Setup", "nsis": "NSIS", "installshield": "InstallShield", "squirrel": "Squirrel",
    "msi_wrapper": "MSI wrapper",
}  # fmt: skip


class Confidence(StrEnum):
    """How sure a statement is."""

    CERTAIN = "certain"
    """Stated by the format itself."""
    LIKELY = "likely"
    """The usual behavior of the technology, which an author can change."""
    GUESS = "guess"


class Architecture(StrEnum):
    """The processors that a package is for."""

    X86 = "x86"
    X64 = "x64"
    ARM64 = "arm64"
    ARM = "arm"
    ITANIUM = "itanium"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """For whom a package is installed."""

    MACHINE = "per_machine"
    USER = "per_user"
    EITHER = "either"
    """The person or a property decides."""
    UNKNOWN = "unknown"


class Check(StrEnum):
    """The result of one check of a signature. There is no single word for all of them."""

    MATCHES = "matches"
    DIFFERS = "differs"
    NOT_CHECKED = "not_checked"
    ABSENT = "absent"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Switch(_Model):
    """The arguments with which the installer does something without asking."""

    purpose: str = Field(description="install, uninstall, repair, extract, log, no_restart, folder, or all_users")
    arguments: str
    confidence: Confidence
    reason: str = Field(description="Why these arguments, in a sentence")


class ContainedFile(_Model):
    """A file inside the installer."""

    path: str = Field(description="As the installer names it, with backslashes; control characters are replaced")
    size: int | None = Field(default=None, ge=0, description="Bytes, uncompressed")
    version: str = ""
    sha256: str = Field(default="", description="Only with depth deep, and only where it can be unpacked")
    component: str = Field(default="", description="For an MSI, the component that installs it")


class CustomAction(_Model):
    """Code that an MSI runs in addition to what Windows Installer does itself."""

    name: str
    type: int
    kind: str = Field(description="In words, such as: program from the Binary table")
    source: str = ""
    target: str = ""
    is_elevated: bool = Field(default=False, description="Whether it runs with the rights of the system")
    condition: str = ""
    sequence: str = Field(default="", description="The table of actions that has it; empty: something else runs it")
    when: str = Field(default="", description="immediate, deferred, rollback, or commit")


class Service(_Model):
    """A Windows service that an MSI installs."""

    name: str
    display_name: str = ""
    start: str = Field(default="", description="automatic, manual, disabled, boot, or system")
    account: str = ""
    arguments: str = ""
    control: list[str] = Field(
        default_factory=list, description="What the MSI does with it, such as: starts it on installation"
    )


class Feature(_Model):
    """A feature of an MSI."""

    name: str
    title: str = ""
    parent: str = ""
    level: int | None = None


class Condition(_Model):
    """A launch condition: what has to hold, and what is said if it does not."""

    condition: str
    message: str = ""


class PublicProperty(_Model):
    """A property of an MSI that a packager may set on the command line."""

    name: str
    value: str = Field(default="", description="What it is unless it is set")
    kind: str = Field(default="option", description="folder, feature, or option")
    reason: str = Field(default="", description="Why it can be set, in a sentence")


class Upgrade(_Model):
    """What an MSI does when it finds other versions of its product, or other products."""

    upgrade_code: str
    lowest: str = ""
    highest: str = ""
    only_detects: bool = Field(default=False, description="Whether they are found but not removed")


class MsiFacts(_Model):
    """What only an MSI has."""

    package_code: str = ""
    template: str = Field(default="", description="Platform and languages, from the summary information")
    schema_version: int | None = Field(default=None, description="Required version of Windows Installer, times 100")
    properties: dict[str, str] = Field(default_factory=dict)
    features: list[Feature] = Field(default_factory=list)
    custom_actions: list[CustomAction] = Field(default_factory=list)
    services: list[Service] = Field(default_factory=list)
    conditions: list[Condition] = Field(default_factory=list)
    restarts: str = Field(default="", description="What the MSI says about restarting the computer, in a sentence")
    scope_reason: str = Field(default="", description="Why the scope is what it is, in a sentence")
    public_properties: list[PublicProperty] = Field(default_factory=list)
    upgrades: list[Upgrade] = Field(default_factory=list)
    external_files: list[str] = Field(
        default_factory=list, description="Files that have to lie beside the MSI, such as cabinets"
    )
    inner_installers: list[str] = Field(
        default_factory=list, description="Contained files that are installers; only with depth deep"
    )
    code_page: int | None = Field(default=None, description="Of the texts in the database; 0: neutral")


class BundledPackage(_Model):
    """A package inside a bundle or a wrapper."""

    id: str
    kind: str = Field(description="msi, exe, msp, msu, or bundle")
    name: str = ""
    version: str = ""
    product_code: str = ""
    install_arguments: str = ""
    uninstall_arguments: str = ""
    repair_arguments: str = ""
    condition: str = ""
    is_permanent: bool = False
    size: int | None = None


class BundleFacts(_Model):
    """What only a bundle has (WiX Burn)."""

    bundle_id: str = ""
    upgrade_codes: list[str] = Field(default_factory=list)
    packages: list[BundledPackage] = Field(default_factory=list)


class Signature(_Model):
    """What was found out about the Authenticode signature, each check by itself."""

    is_signed: bool = False
    digest: Check = Field(default=Check.NOT_CHECKED, description="Whether the file is the one that was signed")
    signature: Check = Field(default=Check.NOT_CHECKED, description="Whether the signer's key made the signature")
    chain: Check = Field(
        default=Check.NOT_CHECKED, description="Whether it leads to a root that the operator has named"
    )
    signer: str = ""
    issuer: str = ""
    serial_number: str = ""
    thumbprint: str = Field(default="", description="SHA-1 of the signer's certificate, as Windows shows it")
    valid_from: str = Field(default="", description="RFC 3339")
    valid_until: str = Field(default="", description="RFC 3339")
    digest_algorithm: str = ""
    revocation: Check = Field(
        default=Check.NOT_CHECKED, description="Never checked: the analysis has no network, so ask elsewhere"
    )
    time_stamp: str = Field(default="", description="When it was signed, as the time stamp says, RFC 3339; empty: none")
    time_stamp_check: Check = Field(
        default=Check.NOT_CHECKED, description="Whether the time stamp belongs to the signature, and its signer made it"
    )
    time_stamp_chain: Check = Field(
        default=Check.NOT_CHECKED, description="Whether its signer's chain leads to a root that the operator has named"
    )
    time_stamp_signer: str = ""
    nested: list[Signature] = Field(default_factory=list, description="Further signatures of the same file")
    notes: list[str] = Field(default_factory=list)

    @property
    def absence(self) -> str:
        """That there is no signature, or that nobody looked for one, in a sentence; empty if there is one."""
        if self.is_signed:
            return ""
        looked = self.digest is Check.ABSENT
        return "The package is not signed." if looked else "Whether the package is signed was not checked."


class Duration(_Model):
    """How long an installation probably takes."""

    seconds_low: int = Field(ge=0)
    seconds_high: int = Field(ge=0)
    reason: str


class PackageAnalysis(_Model):
    """All that is known about an installer."""

    file_name: str
    size_bytes: int = Field(ge=0)
    sha256: str
    sha1: str = ""
    md5: str = ""
    depth: Depth = Depth.STANDARD

    technology: Technology
    technology_version: str = ""
    confidence: Confidence = Confidence.CERTAIN
    evidence: list[str] = Field(default_factory=list, description="The markers from which the technology follows")
    can_be_run: bool = Field(default=True, description="False: it is neither an MSI nor a program that can be started")

    product_name: str = ""
    version: str = ""
    manufacturer: str = ""
    language: str = Field(default="", description="As a tag such as en-US; several with commas")
    architecture: Architecture = Architecture.UNKNOWN
    scope: Scope = Scope.UNKNOWN
    product_code: str = Field(default="", description="In braces and capitals")
    upgrade_code: str = ""
    uninstall_entry: str = Field(
        default="", description="The key that the installer makes under Uninstall in the registry, where it names one"
    )
    version_resource: dict[str, str] = Field(default_factory=dict)
    requires_administrator: bool | None = None

    switches: list[Switch] = Field(default_factory=list)
    signature: Signature = Field(default_factory=Signature)
    msi: MsiFacts | None = None
    bundle: BundleFacts | None = None
    files: list[ContainedFile] = Field(default_factory=list)
    files_total: int | None = Field(default=None, description="How many there are; the list may be cut")
    installed_bytes: int | None = None
    duration: Duration | None = None
    recommendations: list[str] = Field(default_factory=list, description="For the packager, in sentences")
    notes: list[str] = Field(default_factory=list, description="What could not be read or was cut, and why")

    def switch(self, purpose: str) -> Switch | None:
        """Return the best known arguments for a purpose, or None."""
        return next((switch for switch in self.switches if switch.purpose == purpose), None)
