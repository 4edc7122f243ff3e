"""What a deployment script is made of: typed blocks that hold data only.

Each block validates what it holds, wherever that comes from. `rendering` turns blocks into PowerShell; a
block has no place for code.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from workflows.package_deployment.analysis import Architecture, Scope
from workflows.package_deployment.scripts.calls import Folder
from workflows.package_deployment.scripts.literals import FileName, Guid, Plain, Word

ExitCode = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
PropertyName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_.]{0,71}$")]
"""The name of a public property of an MSI."""
Deadline = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\dZ)?$")]
ScriptDate = Annotated[str, StringConstraints(pattern=r"^(?:\d{4}-\d\d-\d\d)?$")]
ProcessName = Annotated[Word, StringConstraints(pattern=r'^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,199}$')]
RegistryPath = Annotated[str, StringConstraints(pattern=r"^HK(?:LM|CU|CR|U):\\[^\x00-\x1f*?]{1,500}$")]
"""The path of a key, as PowerShell's drives name it, such as ``HKLM:\\SOFTWARE\\Example``."""
PropertyValue = Annotated[Plain, StringConstraints(pattern=r'^[^"]*$')]
"""The value of a property. Quotes are refused: what becomes of them depends on who reads the command line first."""
DEFAULT_SUCCESS = (0,)
DEFAULT_RESTART = (1641, 3010)


class Block(BaseModel):
    """A part of a script."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Process(Block):
    """An application that must not run meanwhile."""

    name: ProcessName = Field(description="The name of its process, without .exe")
    description: Plain = Field(default="", description="What people call it")


class Place(Block):
    """A path: absolute, or within a folder whose place differs between computers."""

    folder: Folder | None = None
    path: Plain = ""

    @model_validator(mode="after")
    def _is_a_path(self) -> Place:
        parts = self.path.replace("/", "\\").split("\\")
        if ".." in parts or any(char in self.path for char in '*?"<>|'):
            raise ValueError("This is not the path of one file or folder.")
        absolute = len(self.path) > 2 and self.path[0].isalpha() and self.path[1:3] == ":\\"
        if self.folder is None and not absolute:
            raise ValueError("A path starts with a drive, or is within a folder.")
        if self.folder is not None and (":" in self.path or self.path.startswith("\\")):
            raise ValueError("A path within a folder does not start with a drive.")
        return self


class CloseApplications(Block):
    """Ask the user to close applications, or close them."""

    kind: Literal["close_applications"] = "close_applications"
    has_processes: bool = Field(default=True, description="Whether the session names processes to close")
    silent: bool = Field(default=False, description="Close them without asking")
    countdown: Seconds | None = Field(default=None, description="Close them after so long, once nobody may defer")
    forced_countdown: Seconds | None = Field(default=None, description="Close them after so long in any case")
    defer_times: int | None = Field(default=None, ge=0, le=1_000)
    defer_days: int | None = Field(default=None, ge=0, le=1_000)
    defer_deadline: Deadline | None = None
    defer_hours_between: int | None = Field(default=None, ge=1, le=23)
    prompt_to_save: bool = False
    blocks_start: bool = Field(default=False, description="Keep them from being started again meanwhile")
    persistent: bool = False
    disk_space_mb: int | None = Field(default=None, ge=1, le=10_000_000)

    @property
    def allows_deferral(self) -> bool:
        """Whether the user may defer."""
        return self.defer_times is not None or self.defer_days is not None or self.defer_deadline is not None


class Progress(Block):
    """Show that something is going on."""

    kind: Literal["progress"] = "progress"
    message: Plain = ""


class Message(Block):
    """Tell the user that it is done."""

    kind: Literal["message"] = "message"
    text: Word
    button: Word = "OK"


class Prerequisites(Block):
    """What has to hold before anything is changed; otherwise the deployment ends."""

    kind: Literal["prerequisites"] = "prerequisites"
    free_disk_mb: int | None = Field(default=None, ge=1, le=10_000_000)
    windows_build: int | None = Field(default=None, ge=7600, le=99_999, description="The lowest build of Windows")
    windows_name: Plain = Field(default="", description="What people call that build")
    architecture: Architecture | None = None
    dotnet_release: int | None = Field(
        default=None, ge=378_389, description="The lowest release of .NET Framework 4.5 and later, as in the registry"
    )
    dotnet_name: Plain = ""
    no_pending_restart: bool = False


class InstallMsi(Block):
    """Install an MSI."""

    kind: Literal["install_msi"] = "install_msi"
    file: FileName
    properties: dict[PropertyName, PropertyValue] = Field(default_factory=dict, max_length=100)
    arguments: Plain = ""
    transforms: list[FileName] = Field(default_factory=list, max_length=20)
    patches: list[FileName] = Field(default_factory=list, max_length=20)
    log_name: Plain = ""
    as_user: bool = False


class InstallPatch(Block):
    """Install an MSP."""

    kind: Literal["install_patch"] = "install_patch"
    file: FileName


class RunInstaller(Block):
    """Run an EXE in the folder of files: to install, to uninstall, or to repair."""

    kind: Literal["run_installer"] = "run_installer"
    file: FileName
    arguments: Plain = Field(default="", description="As a command line")
    log_arguments: Plain = Field(
        default="", description="Further ones that name a log, with <file> where its path goes"
    )
    log_name: Plain = Field(default="", description="The name of that log")
    success_codes: list[ExitCode] = Field(default_factory=lambda: list(DEFAULT_SUCCESS), max_length=50)
    restart_codes: list[ExitCode] = Field(default_factory=lambda: list(DEFAULT_RESTART), max_length=50)
    waits_for_children: bool = False
    waits_for_msi: bool = Field(default=False, description="Wait until no other installation runs, before it starts")
    as_user: bool = False


class NoSilentWay(Block):
    """Stop, because it is not known how to go on without asking anybody."""

    kind: Literal["no_silent_way"] = "no_silent_way"
    purpose: Literal["install", "uninstall", "repair"]


class UninstallMsi(Block):
    """Uninstall by the product code."""

    kind: Literal["uninstall_msi"] = "uninstall_msi"
    product_code: Guid
    log_name: Plain = ""
    as_user: bool = False


class UninstallEntry(Block):
    """Uninstall what the list of installed applications has under a name, with its own uninstaller."""

    kind: Literal["uninstall_entry"] = "uninstall_entry"
    name: Plain = ""
    entry: Plain = Field(default="", description="Its key under Uninstall in the registry, which counts alone")
    match: Literal["exact", "name_and_version", "contains"] = "name_and_version"
    application_type: Literal["All", "MSI", "EXE"] = "All"
    arguments: Plain = Field(default="", description="None: those of its silent uninstall command")
    before_version: Plain = Field(default="", description="Only versions before this one, or other ones than it")

    @model_validator(mode="after")
    def _is_named(self) -> UninstallEntry:
        if not self.name and not self.entry:
            raise ValueError("Name an application, or its key.")
        return self


class UninstallRelated(Block):
    """Uninstall earlier products that have an upgrade code."""

    kind: Literal["uninstall_related"] = "uninstall_related"
    upgrade_code: Guid
    except_product_code: Guid | None = None
    before_version: Plain = Field(default="", description="Only versions before this one, or other ones than it")


class RunUninstaller(Block):
    """Run an installed uninstaller, whose path may name environment variables."""

    kind: Literal["run_uninstaller"] = "run_uninstaller"
    path: Word
    arguments: Plain = ""
    as_user: bool = False


class RepairMsi(Block):
    """Repair by the product code, from the package's own MSI."""

    kind: Literal["repair_msi"] = "repair_msi"
    product_code: Guid
    log_name: Plain = ""
    as_user: bool = False


class RemoveShortcut(Block):
    """Remove a shortcut for all users."""

    kind: Literal["remove_shortcut"] = "remove_shortcut"
    place: Place


class CreateShortcut(Block):
    """Create a shortcut for all users."""

    kind: Literal["create_shortcut"] = "create_shortcut"
    place: Place
    target: Place
    arguments: Plain = ""
    description: Plain = ""


class RegistryType(StrEnum):
    """The types of values in the registry that can be set."""

    STRING = "String"
    EXPAND_STRING = "ExpandString"
    DWORD = "DWord"
    QWORD = "QWord"
    MULTI_STRING = "MultiString"


def check_registry_value(kind: RegistryType, value: str | int) -> None:
    """Raise ValueError if a value is not one of a type."""
    is_number = kind in {RegistryType.DWORD, RegistryType.QWORD}
    bits = 32 if kind is RegistryType.DWORD else 64
    if is_number and not (isinstance(value, int) and 0 <= value < 2**bits):
        raise ValueError("A DWord has 32 bits, a QWord 64.")
    if not is_number and not isinstance(value, str):
        raise ValueError("The value of a text is a text.")


class SetRegistryValue(Block):
    """Set a value in the registry; with ``HKCU`` for all users."""

    kind: Literal["set_registry_value"] = "set_registry_value"
    key: RegistryPath
    name: Plain = Field(default="", description="Empty: the key's default value")
    value: Plain | int = ""
    type: RegistryType = RegistryType.STRING
    view_32_bit: bool = False

    @model_validator(mode="after")
    def _fits(self) -> SetRegistryValue:
        check_registry_value(self.type, self.value)
        return self


class RemoveRegistryValue(Block):
    """Remove a value from the registry; with ``HKCU`` for all users."""

    kind: Literal["remove_registry_value"] = "remove_registry_value"
    key: RegistryPath
    name: Word
    view_32_bit: bool = False


class CopySupportFile(Block):
    """Copy a file that comes with the package."""

    kind: Literal["copy_support_file"] = "copy_support_file"
    file: FileName
    to: Place
    every_user: Literal["", "Profile", "AppData", "LocalAppData", "Desktop", "Documents"] = Field(
        default="", description="Copy it to this folder of every user instead; the place is within it"
    )


class ActiveSetup(Block):
    """Run a file that comes with the package once for each user, when the user signs in."""

    kind: Literal["active_setup"] = "active_setup"
    target: Place = Field(description="Where the file lies, so that users can run it")
    file: FileName
    arguments: Plain = ""


class RemoveActiveSetup(Block):
    """Remove what `ActiveSetup` has set."""

    kind: Literal["remove_active_setup"] = "remove_active_setup"


class RestartBehavior(StrEnum):
    """What happens if an installation needs a restart."""

    PASS_ON = "pass_on"  # noqa: S105
    """The exit code says so, and the management system decides."""
    SUPPRESS = "suppress"
    """Nothing: the exit code is 0."""
    PROMPT = "prompt"
    """The user is asked."""
    FORCE = "force"
    """The computer restarts after a countdown, whether or not somebody is there."""


class RestartHandling(Block):
    """What happens after the main step, if it needs a restart."""

    kind: Literal["restart_handling"] = "restart_handling"
    behavior: RestartBehavior = RestartBehavior.PASS_ON
    countdown: Seconds | None = None


class LogEntry(Block):
    """Write a line into the deployment's log."""

    kind: Literal["log_entry"] = "log_entry"
    text: Word


AnyBlock = Annotated[
    CloseApplications | Progress | Message | Prerequisites | InstallMsi | InstallPatch | RunInstaller | NoSilentWay
    | UninstallMsi | UninstallEntry | UninstallRelated | RunUninstaller | RepairMsi | RemoveShortcut | CreateShortcut
    | SetRegistryValue | RemoveRegistryValue | CopySupportFile | ActiveSetup | RemoveActiveSetup | RestartHandling
    | LogEntry,
    Field(discriminator="kind"),
]  # fmt: skip


class Session(Block):
    """What describes the deployment."""

    vendor: Plain = ""
    name: Word
    version: Plain = ""
    architecture: Architecture = Architecture.UNKNOWN
    language: Plain = ""
    revision: Annotated[str, StringConstraints(pattern=r"^\d{1,4}$")] = "01"
    scope: Scope = Scope.UNKNOWN
    success_codes: list[ExitCode] = Field(default_factory=lambda: list(DEFAULT_SUCCESS), max_length=50)
    restart_codes: list[ExitCode] = Field(default_factory=lambda: list(DEFAULT_RESTART), max_length=50)
    processes: list[Process] = Field(default_factory=list, max_length=100)
    author: Plain = ""
    date: ScriptDate = ""
    title: Plain = Field(default="", description="What windows are called; empty: the toolkit makes it from the name")
    script_version: Annotated[str, StringConstraints(pattern=r"^\d{1,5}(?:\.\d{1,5}){1,3}$")] = "1.0.0"
    is_seen: bool = Field(default=False, description="Show windows even if there is nothing to close")
    mode: Literal["Auto", "Interactive", "NonInteractive", "Silent"] = "Auto"
    suppresses_restart: bool = False


class Phase(Block):
    """What is done before, in, and after the main step of one kind of deployment."""

    before: list[AnyBlock] = Field(default_factory=list, max_length=100)
    main: list[AnyBlock] = Field(default_factory=list, max_length=100)
    after: list[AnyBlock] = Field(default_factory=list, max_length=100)


class ScriptPlan(Block):
    """All blocks of a script."""

    session: Session
    install: Phase
    uninstall: Phase
    repair: Phase
