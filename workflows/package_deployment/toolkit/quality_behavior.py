"""Checks of quality that look at what a script does on a computer."""

from __future__ import annotations

import re

from app.risk.powershell.nodes import Binary, Invoke
from workflows.package_deployment.toolkit.judged_script import INSTALLERS, JudgedScript, Judgment
from workflows.package_deployment.toolkit.names import shown
from workflows.package_deployment.toolkit.script import literal_text

_DRIVE = re.compile(r"(?<![A-Za-z])[A-Za-z]:[\\/]")
_WELCOME = frozenset({"show-adtinstallationwelcome"})
_ASKS = ("read-host", "out-gridview", "wait-event")
_WINDOWS = frozenset(
    {
        "show-adtinstallationprompt",
        "show-adtdialogbox",
        "show-adtballoontip",
        "show-adtnotifyicon",
    }
)
"""Windows of the toolkit that silent mode suppresses unless they are forced."""
_METADATA = (
    "AppVendor", "AppName", "AppVersion", "AppArch", "AppLang", "AppScriptVersion", "AppScriptDate", "AppScriptAuthor",
)  # fmt: skip


def closes_applications(script: JudgedScript) -> Judgment:
    """Whether applications are closed before files are changed, for installing and for uninstalling."""
    if not script.session.has("AppProcessesToClose") and not any(
        bound.has("CloseProcesses") for bound in script.named(*_WELCOME)
    ):
        return Judgment(0.5, "The script names no applications to close. That is right if nothing is in use.")
    done, missing = 0, []
    for part in ("install", "uninstall"):
        first = script.position(part, _WELCOME)
        starts = script.position(part, INSTALLERS)
        if first is not None and (starts is None or first < starts):
            done += 1
        else:
            missing.append(part)
    if not missing:
        return Judgment(1, "Applications are closed before anything is installed or uninstalled.")
    return Judgment(done / 2, f"Applications are not closed first in: {', '.join(missing)}.")


def prerequisites(script: JudgedScript) -> Judgment:
    """Whether the computer is looked at before anything is installed: rights, space, restart, and system."""
    found = []
    if script.session.has("RequireAdmin") or script.named("test-adtcallerisadmin"):
        found.append("administrator rights")
    if any(bound.has("CheckDiskSpace") for bound in script.named(*_WELCOME)) or script.named("get-adtfreediskspace"):
        found.append("disk space")
    if script.named("get-adtpendingreboot", "test-adtmutexavailability"):
        found.append("pending restart or installation")
    systems = {"is64bit", "envosversion", "envarchitecture", "envosarchitecture", "env:processor_architecture"}
    if script.named("get-adtoperatingsysteminfo") or any(
        variable.name in systems for variable, _ in script.script.variables
    ) or "environment]::" in script.script.text.lower():  # fmt: skip
        found.append("operating system")
    if not found:
        return Judgment(0, "Nothing is checked before the installation.")
    return Judgment(min(len(found) / 2, 1), f"Checked: {', '.join(found)}.")


def restart(script: JudgedScript) -> Judgment:
    """Whether the exit codes that ask for a restart are known, and the user or the caller learns of it."""
    codes = script.session.value("AppRebootExitCodes")
    known = {int(code) for code in codes if isinstance(code, (int, float))} if isinstance(codes, list) else set()
    own = [bound for bound in script.named(*INSTALLERS) if bound.has("RebootExitCodes")]
    share = (3010 in known) * 0.5 + (1641 in known) * 0.5
    if share == 1 or own:
        prompt = " The user is asked to restart." if script.named("show-adtinstallationrestartprompt") else ""
        return Judgment(1, f"The exit codes that ask for a restart are known.{prompt}")
    if share:
        return Judgment(share, "Of 1641 and 3010, only one is among AppRebootExitCodes.")
    return Judgment(0, "AppRebootExitCodes does not name 1641 and 3010.")


def logging(script: JudgedScript) -> Judgment:
    """Whether errors are logged, and each installer writes a log."""
    share, words = 0.0, []
    if script.named("write-adtlogentry") and not script.session.value("DisableLogging"):
        share += 0.5
        words.append("The script writes to the log.")
    else:
        words.append("The script does not write to the log.")
    programs = script.named("start-adtprocess", "start-adtprocessasuser")
    silent = [bound for bound in programs if not _logs(bound.value("ArgumentList"))]
    if not silent:
        share += 0.5
        words.append("Installers write logs of their own.")
    else:
        share += 0.5 * (1 - len(silent) / max(len(script.named(*INSTALLERS)), 1))
        words.append(f"{len(silent)} programs are started without a log of their own.")
    return Judgment(share, " ".join(words))


def _logs(value: object) -> bool:
    text = _texts(value).lower()
    return any(sign in text for sign in ("log", "/l*", "-l ", "/l ", "/debug"))


def _texts(value: object) -> str:
    if isinstance(value, Binary):
        return f"{_texts(value.left)} {_texts(value.right)}"
    for attribute in ("items", "statements", "parts"):
        inner = getattr(value, attribute, None)
        if isinstance(inner, list):
            return " ".join(_texts(one) for one in inner)
    return value if isinstance(value, str) else str(getattr(value, "name", ""))


def silent_mode(script: JudgedScript) -> Judgment:
    """Whether nothing is shown or asked where nobody sees it."""
    problems = [f"{bound.command.name} asks somebody" for bound in script.named(*_ASKS)]
    problems += [f"{bound.command.name} is forced" for bound in script.named(*_WINDOWS) if bound.has("Force")]
    for method, _ in script.script.methods:
        if _shows_window(method):
            problems.append(f"a window of Windows is shown in line {method.line}")
    mode = script.session.text("DeployMode").lower()
    modes = [(literal_text(bound.value("DeployMode")) or "").lower() for bound in script.named("open-adtsession")]
    if "interactive" in (mode, *modes):
        problems.append("the mode is always interactive")
    if not problems:
        return Judgment(1, "All windows are the toolkit's, which shows none in silent mode.")
    return Judgment(max(0.0, 1 - 0.5 * len(problems)), f"Problems: {shown('; '.join(problems[:4]), 300)}.")


def _shows_window(method: Invoke) -> bool:
    target = str(getattr(method.target, "name", "")).lower()
    name = (literal_text(method.name) or "").lower()
    return target.endswith(("messagebox", "interaction")) or name in ("popup", "msgbox", "inputbox")


def paths(script: JudgedScript) -> Judgment:
    """Whether folders come from variables rather than from drive letters."""
    lines = [
        text.line
        for text in script.script.texts
        if any(isinstance(part, str) and _DRIVE.search(part) for part in text.parts)
    ]
    if not lines:
        return Judgment(1, "No path begins with a drive letter.")
    return Judgment(
        1 - min(len(lines), 4) / 4, f"{len(lines)} paths begin with a drive letter, the first in line {lines[0]}."
    )


def metadata(script: JudgedScript) -> Judgment:
    """Whether the script says what it is, who wrote it, and when."""
    missing = [key for key in _METADATA if not script.session.has(key)]
    if ".synopsis" not in script.script.text.lower():
        missing.append("a comment with .SYNOPSIS")
    total = len(_METADATA) + 1
    if not missing:
        return Judgment(1, "The session table and the comment at the top are complete.")
    return Judgment(1 - len(missing) / total, f"Missing: {', '.join(missing)}.")
