"""Instructions about the installer, the computer, and what is around the installation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from workflows.package_deployment.analysis import Architecture, Scope
from workflows.package_deployment.scripts.blocks import (
    ExitCode,
    Place,
    PropertyName,
    PropertyValue,
    RegistryPath,
    RegistryType,
    check_registry_value,
)
from workflows.package_deployment.scripts.instruction_base import Instruction
from workflows.package_deployment.scripts.literals import FileName, Guid, Plain, Word


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
