"""From each block to its lines of PowerShell.

Values are written by `calls` and nowhere else; all other lines are constants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from workflows.package_deployment.analysis import Architecture
from workflows.package_deployment.scripts import blocks
from workflows.package_deployment.scripts.calls import (
    GAP,
    Call,
    Comparison,
    Filled,
    Folder,
    Value,
    Variable,
    Within,
    written,
)

PREREQUISITE_FAILED: Final = 69001
"""The exit code if a prerequisite is missing. The toolkit leaves 69000 to 69999 to scripts."""
NO_SILENT_WAY: Final = 69002
"""The exit code if it is not known how to go on without asking anybody."""

ARCHITECTURES = {Architecture.X86: "x86", Architecture.X64: "x64", Architecture.ARM64: "ARM64"}
RUNNING = (
    blocks.InstallMsi,
    blocks.RunInstaller,
    blocks.UninstallMsi,
    blocks.UninstallEntry,
    blocks.RunUninstaller,
    blocks.RepairMsi,
    blocks.InstallPatch,
)
"""The blocks that run an installer, whose exit code can ask for a restart."""
_COMPARABLE = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}")
VERSION_IN_NAME = r"(?:,? (?:version |v)?[\d.]+| \([^)]*\))*"
"""What follows a name in the list of installed applications, as in: Example 1.2 (x64)."""


def render_block(block: Any, *, keeps_result: bool = False) -> list[str]:
    """Return the lines of a block.

    Args:
        keeps_result: whether the result of an installer is added to ``$processResults``.
    """
    return list(RENDERERS[type(block)](block, keeps_result))


def _run(call: Call, keeps: bool) -> str:
    return f"$processResults += {call}" if keeps else str(call)


def _path(place: blocks.Place) -> Value:
    return Within(place.folder, place.path) if place.folder else place.path


def _close_applications(block: blocks.CloseApplications, _: bool) -> Iterator[str]:
    closes = block.has_processes
    yield str(
        Call(
            "Show-ADTInstallationWelcome",
            CloseProcesses=Variable.PROCESSES if closes else None,
            Silent=block.silent and closes,
            CloseProcessesCountdown=block.countdown
            if closes and not block.silent and not block.forced_countdown
            else None,
            ForceCloseProcessesCountdown=block.forced_countdown if closes and not block.silent else None,
            AllowDefer=block.allows_deferral and not block.silent,
            DeferTimes=None if block.silent else block.defer_times,
            DeferDays=None if block.silent else block.defer_days,
            DeferDeadline=None if block.silent else block.defer_deadline,
            DeferRunInterval=f"{block.defer_hours_between:02d}:00:00"
            if block.defer_hours_between and not block.silent
            else None,
            PromptToSave=block.prompt_to_save and closes and not block.silent,
            BlockExecution=block.blocks_start and closes,
            PersistPrompt=block.persistent and not block.silent,
            CheckDiskSpace=block.disk_space_mb is not None,
            RequiredDiskSpace=block.disk_space_mb,
        )
    )


def _progress(block: blocks.Progress, _: bool) -> Iterator[str]:
    yield str(Call("Show-ADTInstallationProgress", StatusMessage=block.message or None))


def _message(block: blocks.Message, _: bool) -> Iterator[str]:
    yield str(
        Call(
            "Show-ADTInstallationPrompt",
            Message=block.text,
            ButtonRightText=block.button,
            Icon="Information",
            NoWait=True,
        )
    )


def _prerequisites(block: blocks.Prerequisites, _: bool) -> Iterator[str]:
    if block.architecture in {Architecture.X64, Architecture.ARM64}:
        condition = (
            "![System.Environment]::Is64BitOperatingSystem"
            if block.architecture is Architecture.X64
            else f"$env:PROCESSOR_ARCHITECTURE -ne {written('ARM64')}"
        )
        yield from _unless(condition, f"Windows for {ARCHITECTURES[block.architecture]} is required.")
    if block.windows_build:
        name = f"{block.windows_name or 'Windows'} (build {block.windows_build})"
        yield from _unless(
            f"[System.Environment]::OSVersion.Version.Build -lt {written(block.windows_build)}",
            f"{name} or later is required.",
        )
    if block.dotnet_release:
        release = Call(
            "Get-ADTRegistryKey",
            LiteralPath=r"HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full",
            Name="Release",
        )
        yield from _unless(
            f"[System.Int32]({release}) -lt {written(block.dotnet_release)}",
            f".NET Framework {block.dotnet_name or f'with release {block.dotnet_release}'} or later is required.",
        )
    if block.free_disk_mb:
        yield from _unless(
            f"({Call('Get-ADTFreeDiskSpace')}) -lt {written(block.free_disk_mb)}",
            f"{block.free_disk_mb} MB of free disk space are required.",
        )
    if block.no_pending_restart:
        yield from _unless(
            f"({Call('Get-ADTPendingReboot')}).IsSystemRebootPending", "The computer has to be restarted first."
        )


def _unless(condition: str, words: str) -> Iterator[str]:
    """Yield what ends the deployment if a condition holds."""
    yield f"if ({condition})"
    yield "{"
    yield f"    {Call('Write-ADTLogEntry', Message=words, Severity='Error')}"
    yield f"    {Call('Close-ADTSession', ExitCode=PREREQUISITE_FAILED, ExitMessage=words)}"
    yield "}"


def _msi_property(name: str, value: str) -> str:
    return f'{name}="{value}"' if not value or any(char in value for char in " \t,;=") else f"{name}={value}"


def _install_msi(block: blocks.InstallMsi, keeps: bool) -> Iterator[str]:
    arguments = [_msi_property(name, value) for name, value in sorted(block.properties.items())]
    if block.arguments:
        arguments.append(block.arguments)
    yield _run(
        Call(
            "Start-ADTMsiProcessAsUser" if block.as_user else "Start-ADTMsiProcess",
            Action="Install",
            FilePath=block.file,
            AdditionalArgumentList=" ".join(arguments) or None,
            Transforms=block.transforms or None,
            Patches=block.patches or None,
            LogFileName=block.log_name or None,
            PassThru=keeps,
        ),
        keeps,
    )


def _install_patch(block: blocks.InstallPatch, keeps: bool) -> Iterator[str]:
    yield _run(Call("Start-ADTMspProcess", FilePath=block.file, PassThru=keeps), keeps)


def _run_installer(block: blocks.RunInstaller, keeps: bool) -> Iterator[str]:
    yield _run(
        Call(
            "Start-ADTProcessAsUser" if block.as_user else "Start-ADTProcess",
            FilePath=block.file,
            ArgumentList=_command_line(block),
            WaitForMsiExec=block.waits_for_msi,
            WaitForChildProcesses=block.waits_for_children,
            SuccessExitCodes=_unusual(block.success_codes, blocks.DEFAULT_SUCCESS),
            RebootExitCodes=_unusual(block.restart_codes, blocks.DEFAULT_RESTART),
            PassThru=keeps,
        ),
        keeps,
    )


def _command_line(block: blocks.RunInstaller) -> Value | None:
    if GAP in block.log_arguments and GAP not in block.arguments and block.log_name:
        text = f"{block.arguments} {block.log_arguments}".strip()
        return Filled(text, Within(Folder.LOGS, f"{block.log_name}.log"))
    return block.arguments or None


def _unusual(codes: list[int], usual: tuple[int, ...]) -> list[int] | None:
    return None if not codes or sorted(codes) == sorted(usual) else codes


def _no_silent_way(block: blocks.NoSilentWay, _: bool) -> Iterator[str]:
    words = f"It is not known how to {block.purpose} this application without asking anybody."
    yield str(Call("Write-ADTLogEntry", Message=words, Severity="Error"))
    yield str(Call("Close-ADTSession", ExitCode=NO_SILENT_WAY, ExitMessage=words))


def _uninstall_msi(block: blocks.UninstallMsi, keeps: bool) -> Iterator[str]:
    yield _run(
        Call(
            "Start-ADTMsiProcessAsUser" if block.as_user else "Start-ADTMsiProcess",
            Action="Uninstall",
            ProductCode=block.product_code,
            LogFileName=block.log_name or None,
            PassThru=keeps,
        ),
        keeps,
    )


def _uninstall_entry(block: blocks.UninstallEntry, keeps: bool) -> Iterator[str]:
    name: str | None = block.name
    match: str | None = block.match.capitalize()
    chosen = _earlier(block.before_version)
    if block.entry:
        name, match, chosen = None, None, Comparison("PSChildName", "eq", block.entry)
    elif block.match == "name_and_version":
        name, match = f"^{re.escape(block.name)}{VERSION_IN_NAME}$", "Regex"
    yield _run(
        Call(
            "Uninstall-ADTApplication",
            Name=name,
            NameMatch=match,
            ApplicationType=None if block.application_type == "All" else block.application_type,
            FilterScript=chosen,
            ArgumentList=block.arguments or None,
            WaitForChildProcesses=block.application_type == "EXE",  # many uninstallers go on as a copy of themselves
            PassThru=keeps,
        ),
        keeps,
    )


def _earlier(version: str) -> Comparison | None:
    """Return the filter for other versions; for earlier ones where versions can be compared."""
    if not version:
        return None
    return Comparison("DisplayVersion", "lt" if _COMPARABLE.fullmatch(version) else "ne", version)


def _uninstall_related(block: blocks.UninstallRelated, _: bool) -> Iterator[str]:
    installer = Call("New-Object", ComObject="WindowsInstaller.Installer")
    call = Call("Uninstall-ADTApplication", ProductCode=Variable.EARLIER, FilterScript=_earlier(block.before_version))
    yield f"foreach ($earlierProductCode in ({installer}).RelatedProducts({written(block.upgrade_code)}))"
    yield "{"
    if block.except_product_code:
        yield f"    if ($earlierProductCode -ne {written(block.except_product_code)})"
        yield "    {"
        yield f"        {call}"
        yield "    }"
    else:
        yield f"    {call}"
    yield "}"


def _run_uninstaller(block: blocks.RunUninstaller, keeps: bool) -> Iterator[str]:
    yield _run(
        Call(
            "Start-ADTProcessAsUser" if block.as_user else "Start-ADTProcess",
            FilePath=block.path,
            ArgumentList=block.arguments or None,
            ExpandEnvironmentVariables="%" in block.path,
            WaitForChildProcesses=True,
            PassThru=keeps,
        ),
        keeps,
    )


def _repair_msi(block: blocks.RepairMsi, keeps: bool) -> Iterator[str]:
    yield _run(
        Call(
            "Start-ADTMsiProcessAsUser" if block.as_user else "Start-ADTMsiProcess",
            Action="Repair",
            ProductCode=block.product_code,
            LogFileName=block.log_name or None,
            PassThru=keeps,
        ),
        keeps,
    )


def _remove_shortcut(block: blocks.RemoveShortcut, _: bool) -> Iterator[str]:
    yield str(Call("Remove-ADTFile", LiteralPath=_path(block.place)))


def _create_shortcut(block: blocks.CreateShortcut, _: bool) -> Iterator[str]:
    yield str(
        Call(
            "New-ADTShortcut",
            LiteralPath=_path(block.place),
            TargetPath=_path(block.target),
            Arguments=block.arguments or None,
            Description=block.description or None,
        )
    )


def _set_registry_value(block: blocks.SetRegistryValue, _: bool) -> Iterator[str]:
    for_users = block.key.upper().startswith("HKCU:")
    call = Call(
        "Set-ADTRegistryKey",
        LiteralPath=block.key,
        Name=block.name or None,
        Value=block.value,
        Type=block.type.value,
        Wow6432Node=block.view_32_bit,
        SID=Variable.USER_SID if for_users else None,
    )
    yield from _for_all_users(call) if for_users else [str(call)]


def _remove_registry_value(block: blocks.RemoveRegistryValue, _: bool) -> Iterator[str]:
    for_users = block.key.upper().startswith("HKCU:")
    call = Call(
        "Remove-ADTRegistryKey",
        LiteralPath=block.key,
        Name=block.name,
        Wow6432Node=block.view_32_bit,
        SID=Variable.USER_SID if for_users else None,
    )
    yield from _for_all_users(call) if for_users else [str(call)]


def _for_all_users(call: Call) -> Iterator[str]:
    yield "Invoke-ADTAllUsersRegistryAction -ScriptBlock {"
    yield f"    {call}"
    yield "}"


def _copy_support_file(block: blocks.CopySupportFile, _: bool) -> Iterator[str]:
    source = Within(Folder.SUPPORT_FILES, block.file)
    if block.every_user:
        yield str(
            Call(
                "Copy-ADTFileToUserProfiles",
                LiteralPath=source,
                Destination=block.to.path or None,
                BasePath=block.every_user,
            )
        )
    else:
        yield str(Call("New-ADTFolder", LiteralPath=_path(block.to)))
        yield str(Call("Copy-ADTFile", LiteralPath=source, Destination=_path(block.to)))


def _active_setup(block: blocks.ActiveSetup, _: bool) -> Iterator[str]:
    yield str(Call("New-ADTFolder", LiteralPath=_path(block.target)))
    yield str(
        Call("Copy-ADTFile", LiteralPath=Within(Folder.SUPPORT_FILES, block.file), Destination=_path(block.target))
    )
    target = block.target.path
    stub = f"{target}\\{block.file}" if target else block.file
    yield str(
        Call(
            "Set-ADTActiveSetup",
            StubExePath=Within(block.target.folder, stub) if block.target.folder else stub,
            ArgumentList=block.arguments or None,
        )
    )


def _remove_active_setup(_block: blocks.RemoveActiveSetup, _: bool) -> Iterator[str]:
    yield str(Call("Set-ADTActiveSetup", PurgeActiveSetupKey=True))


def _restart_handling(block: blocks.RestartHandling, _: bool) -> Iterator[str]:
    if block.behavior is blocks.RestartBehavior.PROMPT:
        call = Call("Show-ADTInstallationRestartPrompt", Countdown=block.countdown, NoCountdown=block.countdown is None)
    elif block.behavior is blocks.RestartBehavior.FORCE:
        call = Call("Show-ADTInstallationRestartPrompt", SilentRestart=True, SilentCountdown=block.countdown)
    else:
        return
    yield "if ($processResults | Where-Object { $_.ExitCode -in $adtSession.AppRebootExitCodes })"
    yield "{"
    yield f"    {call}"
    yield "}"


def _log_entry(block: blocks.LogEntry, _: bool) -> Iterator[str]:
    yield str(Call("Write-ADTLogEntry", Message=block.text))


RENDERERS: dict[type[blocks.Block], Callable[[Any, bool], Iterator[str]]] = {
    blocks.CloseApplications: _close_applications,
    blocks.Progress: _progress,
    blocks.Message: _message,
    blocks.Prerequisites: _prerequisites,
    blocks.InstallMsi: _install_msi,
    blocks.InstallPatch: _install_patch,
    blocks.RunInstaller: _run_installer,
    blocks.NoSilentWay: _no_silent_way,
    blocks.UninstallMsi: _uninstall_msi,
    blocks.UninstallEntry: _uninstall_entry,
    blocks.UninstallRelated: _uninstall_related,
    blocks.RunUninstaller: _run_uninstaller,
    blocks.RepairMsi: _repair_msi,
    blocks.RemoveShortcut: _remove_shortcut,
    blocks.CreateShortcut: _create_shortcut,
    blocks.SetRegistryValue: _set_registry_value,
    blocks.RemoveRegistryValue: _remove_registry_value,
    blocks.CopySupportFile: _copy_support_file,
    blocks.ActiveSetup: _active_setup,
    blocks.RemoveActiveSetup: _remove_active_setup,
    blocks.RestartHandling: _restart_handling,
    blocks.LogEntry: _log_entry,
}
