"""What was asked for, structured: the output of the first stage, and the input of the others.

Each instruction says where it comes from: the words of the request, or the fact of the package.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workflows.package_deployment.analysis import Architecture, Scope
from workflows.package_deployment.scripts.blocks import (
    Deadline,
    ExitCode,
    Place,
    ProcessName,
    PropertyName,
    PropertyValue,
    RegistryPath,
    RegistryType,
    RestartBehavior,
    ScriptDate,
    Seconds,
    check_registry_value,
)
from workflows.package_deployment.scripts.literals import FileName, Guid, Plain, Word


class Mode(StrEnum):
    """How much a script does that nobody has asked for."""

    QUICK = "quick"
    """Install, uninstall, and repair with what is certain, and detection."""
    STANDARD = "standard"
    """Also close applications, show progress, handle restarts, and name the logs."""
    COMPREHENSIVE = "comprehensive"
    """Also check prerequisites, allow deferrals, remove earlier versions, and clean up."""


class Origin(StrEnum):
    """Where an instruction comes from."""

    REQUEST = "request"
    SUGGESTION = "suggestion"
    PREFERENCE = "preference"
    ANALYSIS = "analysis"
    MODE = "mode"
    MODEL = "model"


class Source(BaseModel):
    """Where an instruction comes from: its words, or the fact."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    origin: Origin
    words: Plain


class Instruction(BaseModel):
    """Something that the script has to do, or to leave."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: Source

    @property
    def sentence(self) -> str:
        """What it says, for people and for finding functions."""
        raise NotImplementedError

    @property
    def about(self) -> tuple[str, ...]:
        """What it decides. A later text, such as a comment of a reviewer, overrules an earlier one about the same.

        Empty: it adds to what others say.
        """
        return ()

    def overrules(self, earlier: Instruction) -> bool:
        """Return whether this, from a later text, takes the place of an instruction from an earlier one."""
        return bool(self.about) and self.about == earlier.about


_Kind = TypeVar("_Kind", bound=Instruction)


class CloseApplication(Instruction):
    """Close an application first."""

    topic: Literal["close_application"] = "close_application"
    process: ProcessName
    description: Plain = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.process.casefold())

    @property
    def sentence(self) -> str:
        return f"Close the application {self.description or self.process} before anything is changed."


class Closing(Instruction):
    """How applications are closed."""

    topic: Literal["closing"] = "closing"
    countdown: Seconds | None = None
    forced: bool = Field(default=False, description="Also while the user may still defer")
    silent: bool = False
    blocks_start: bool = False
    prompt_to_save: bool = False

    @property
    def sentence(self) -> str:
        parts = []
        if self.countdown:
            parts.append(f"Close applications after a countdown of {self.countdown} seconds.")
        if self.silent:
            parts.append("Close applications without asking the user.")
        if self.blocks_start:
            parts.append("Keep closed applications from being started meanwhile.")
        if self.prompt_to_save:
            parts.append("Ask the user to save open documents.")
        return " ".join(parts)


class Deferral(Instruction):
    """How often and how long the user may defer; all None: not at all."""

    topic: Literal["deferral"] = "deferral"
    times: int | None = Field(default=None, ge=0, le=1_000)
    days: int | None = Field(default=None, ge=0, le=1_000)
    deadline: Deadline | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether the user may defer at all."""
        return bool(self.times or self.days or self.deadline)

    def overrules(self, earlier: Instruction) -> bool:
        """A limit takes the place of one of its kind, and is kept beside the others, such as a deadline."""
        if not isinstance(earlier, Deferral):
            return False
        limits = ((self.times, earlier.times), (self.days, earlier.days), (self.deadline, earlier.deadline))
        same = any(mine is not None and theirs is not None for mine, theirs in limits)
        return same or not (self.is_allowed and earlier.is_allowed)

    @property
    def sentence(self) -> str:
        if not self.is_allowed:
            return "Do not allow the user to defer the installation."
        parts = [
            f"{self.times} times" if self.times is not None else "",
            f"for {self.days} days" if self.days is not None else "",
            f"until {self.deadline}" if self.deadline else "",
        ]
        return f"Let the user defer the installation {', '.join(filter(None, parts))}."


class Window(Instruction):
    """Show a window, or do not."""

    topic: Literal["window"] = "window"
    which: Literal["welcome", "progress", "completion"]
    shown: bool = True
    text: Plain = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.which)

    @property
    def sentence(self) -> str:
        names = {
            "welcome": "the welcome dialog",
            "progress": "the installation progress",
            "completion": "a message at the end",
        }
        text = f" with the text {self.text}" if self.text else ""
        return f"{'Show' if self.shown else 'Do not show'} {names[self.which]}{text}."


class Interaction(Instruction):
    """How much of all that the user sees."""

    topic: Literal["interaction"] = "interaction"
    mode: Literal["Silent", "NonInteractive", "Interactive"]

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        return {
            "Silent": "Show no windows at all.",
            "NonInteractive": "Show windows that ask nothing.",
            "Interactive": "Show all windows.",
        }[self.mode]


class Restart(Instruction):
    """What happens if a restart is needed."""

    topic: Literal["restart"] = "restart"
    behavior: RestartBehavior
    countdown: Seconds | None = None

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        words = {
            RestartBehavior.PASS_ON: "Pass the exit code that asks for a restart on.",
            RestartBehavior.SUPPRESS: "Suppress the restart of the computer.",
            RestartBehavior.PROMPT: "Prompt the user to restart the computer",
            RestartBehavior.FORCE: "Restart the computer",
        }[self.behavior]
        if words.endswith("."):
            return words
        return f"{words} after a countdown of {self.countdown} seconds." if self.countdown else f"{words}."


class InstallerArguments(Instruction):
    """Arguments for the installer."""

    topic: Literal["arguments"] = "arguments"
    purpose: Literal["install", "uninstall", "repair"] = "install"
    arguments: Word

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.purpose)

    @property
    def sentence(self) -> str:
        return f"Run the installer to {self.purpose} with the arguments {self.arguments}."


class MsiProperty(Instruction):
    """A public property of an MSI."""

    topic: Literal["property"] = "property"
    name: PropertyName
    value: PropertyValue

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.name)

    @property
    def sentence(self) -> str:
        return f"Install the MSI with the property {self.name} set to {self.value}."


class Transform(Instruction):
    """A transform (.mst) for the MSI."""

    topic: Literal["transform"] = "transform"
    file: FileName

    @property
    def sentence(self) -> str:
        return f"Install the MSI with the transform {self.file}."


class Patch(Instruction):
    """A patch (.msp)."""

    topic: Literal["patch"] = "patch"
    file: FileName

    @property
    def sentence(self) -> str:
        return f"Install the MSP patch {self.file}."


class Requirement(Instruction):
    """What has to hold before."""

    topic: Literal["requirement"] = "requirement"
    free_disk_mb: int | None = Field(default=None, ge=1, le=10_000_000)
    windows_build: int | None = Field(default=None, ge=7600, le=99_999)
    windows_name: Plain = ""
    architecture: Architecture | None = None
    dotnet_release: int | None = Field(default=None, ge=378_389)
    dotnet_name: Plain = ""
    no_pending_restart: bool = False

    @property
    def sentence(self) -> str:
        if self.free_disk_mb:
            return f"Check for {self.free_disk_mb} MB of free disk space."
        if self.windows_build:
            return f"Check that the operating system is {self.windows_name or f'build {self.windows_build}'} or later."
        if self.architecture:
            return f"Check that the operating system is for {self.architecture.value}."
        if self.dotnet_release:
            return f"Check that .NET Framework {self.dotnet_name} is installed, by a value in the registry."
        return "Check that no restart is pending."


class Shortcut(Instruction):
    """A shortcut to remove, to keep, or to create."""

    topic: Literal["shortcut"] = "shortcut"
    action: Literal["remove", "keep", "create"]
    where: Literal["desktop", "start_menu"] = "desktop"
    name: FileName
    target: Place | None = None

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Shortcut:
        if self.action == "create" and self.target is None:
            raise ValueError("A new shortcut needs a target.")
        return self

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.where, self.name.casefold())

    @property
    def sentence(self) -> str:
        place = "the desktop" if self.where == "desktop" else "the start menu"
        return f"{self.action.capitalize()} the shortcut {self.name} on {place}."


class RegistryValue(Instruction):
    """A value in the registry to set or to remove."""

    topic: Literal["registry"] = "registry"
    action: Literal["set", "remove"] = "set"
    key: RegistryPath
    name: Plain = ""
    value: Plain | int = ""
    type: RegistryType = RegistryType.STRING
    view_32_bit: bool = False

    @model_validator(mode="after")
    def _fits(self) -> RegistryValue:
        check_registry_value(self.type, self.value)
        if self.action == "remove" and not self.name:
            raise ValueError("A value that is removed has a name.")
        return self

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.key.casefold(), self.name.casefold(), str(self.view_32_bit))

    @property
    def sentence(self) -> str:
        users = " for all users" if self.key.upper().startswith("HKCU:") else ""
        if self.action == "remove":
            return f"Remove the registry value {self.name} from the key {self.key}{users}."
        return f"Set the registry value {self.name} in the key {self.key} to {self.value}{users}."


class CopyFile(Instruction):
    """A file of the package to copy."""

    topic: Literal["copy_file"] = "copy_file"
    file: FileName
    to: Place
    every_user: Literal["", "Profile", "AppData", "LocalAppData", "Desktop", "Documents"] = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.file.casefold())

    @property
    def sentence(self) -> str:
        users = " of every user profile" if self.every_user else ""
        return f"Copy the file {self.file} to the folder {self.to.path or self.every_user}{users}."


class UserSetup(Instruction):
    """A file to run once for each user."""

    topic: Literal["user_setup"] = "user_setup"
    file: FileName
    arguments: Plain = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.file.casefold())

    @property
    def sentence(self) -> str:
        return f"Run {self.file} once for each user with Active Setup."


class EarlierVersions(Instruction):
    """Uninstall earlier versions, by the name or by the upgrade code."""

    topic: Literal["earlier_versions"] = "earlier_versions"
    name: Plain = ""
    upgrade_code: Guid | None = None

    @model_validator(mode="after")
    def _names_something(self) -> EarlierVersions:
        if not self.name and self.upgrade_code is None:
            raise ValueError("Name a product, or its upgrade code.")
        return self

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.name.casefold() or (self.upgrade_code or "").casefold())

    @property
    def sentence(self) -> str:
        return f"Uninstall earlier versions of {self.name or f'what has the upgrade code {self.upgrade_code}'}."


class LogFolder(Instruction):
    """Where logs are written."""

    topic: Literal["log_folder"] = "log_folder"
    path: Word

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        return f"Write the logs to the folder {self.path}."


class Secret(Instruction):
    """A license key or another secret. It is not kept; only that there is one."""

    topic: Literal["secret"] = "secret"
    kind: Plain
    goes_to: Plain = Field(default="", description="The property that should get it")

    @property
    def sentence(self) -> str:
        where = f" for the property {self.goes_to}" if self.goes_to else ""
        return f"Use the {self.kind}{where}, which is not part of the script."


class DetectionWish(Instruction):
    """How the installed application is to be detected."""

    topic: Literal["detection"] = "detection"
    by: Literal["product_code", "registry", "file"]
    path: Plain = Field(default="", description="The file or the key")
    name: Plain = Field(default="", description="The value's name")
    version: Plain = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        return f"Detect the application by {self.by.replace('_', ' ')}{f' {self.path}' if self.path else ''}."


class ScopeWish(Instruction):
    """For whom to install."""

    topic: Literal["scope"] = "scope"
    scope: Literal[Scope.MACHINE, Scope.USER]

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        return "Install for all users of the computer." if self.scope is Scope.MACHINE else "Install for one user."


class ExitCodes(Instruction):
    """Exit codes that mean something particular."""

    topic: Literal["exit_codes"] = "exit_codes"
    codes: list[ExitCode] = Field(min_length=1, max_length=20)
    meaning: Literal["success", "restart"]

    @property
    def sentence(self) -> str:
        return f"Treat the exit codes {', '.join(map(str, self.codes))} as {self.meaning}."


class Leave(Instruction):
    """What somebody does not want: it overrules what says otherwise."""

    topic: Literal["leave"] = "leave"
    of: list[Plain] = Field(min_length=1, max_length=4, description="What it is about")
    what: Plain = Field(description="The instruction that is not wanted, as a sentence")

    @property
    def about(self) -> tuple[str, ...]:
        return tuple(self.of)

    @property
    def sentence(self) -> str:
        return f"Not wanted: {self.what}"


class Installation(Instruction):
    """The main step, from what is known about the installer."""

    topic: Literal["installation"] = "installation"
    purpose: Literal["install", "uninstall", "repair"]
    how: Plain

    @property
    def sentence(self) -> str:
        return f"{self.purpose.capitalize()} the application: {self.how}"


AnyInstruction = Annotated[
    CloseApplication | Closing | Deferral | Window | Interaction | Restart | InstallerArguments | MsiProperty
    | Transform | Patch | Requirement | Shortcut | RegistryValue | CopyFile | UserSetup | EarlierVersions | LogFolder
    | Secret | DetectionWish | ScopeWish | ExitCodes | Leave | Installation,
    Field(discriminator="topic"),
]  # fmt: skip


class Instructions(BaseModel):
    """All instructions for a script."""

    model_config = ConfigDict(extra="forbid")
    mode: Mode = Mode.STANDARD
    items: list[AnyInstruction] = Field(default_factory=list, max_length=300)
    not_understood: list[Plain] = Field(
        default_factory=list, max_length=200, description="The words of the request from which nothing follows"
    )
    filled_by: Plain = Field(default="rules", description="rules, or the model that has added instructions")
    author: Plain = ""
    date: ScriptDate = Field(default="", description="Of the script; none unless a preference has one")
    title: Plain = Field(default="", description="What windows are called")
    notes: list[Plain] = Field(default_factory=list, max_length=100)

    def has(self, *kinds: type[Instruction]) -> bool:
        """Return whether there is an instruction of one of these kinds."""
        return any(isinstance(item, kinds) for item in self.items)

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """Return the instructions of a kind, in their order."""
        return [item for item in self.items if isinstance(item, kind)]
