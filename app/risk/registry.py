"""Windows' registry: what it means to write or delete there."""

from __future__ import annotations

import re

from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

WRITES = declare(
    "registry.writes", MEDIUM, "Writes into the user's part of the registry.",
    "Set-ItemProperty HKCU:\\Software\\Contoso -Name a -Value 1", "Get-ItemProperty HKCU:\\Software\\Contoso",
    language="powershell",
)  # fmt: skip
WRITES_MACHINE = declare(
    "registry.machine", HIGH, "Writes into the machine's part of the registry, or that of other users.",
    "Set-ItemProperty HKLM:\\SOFTWARE\\Contoso -Name a -Value 1", "Get-ItemProperty HKLM:\\SOFTWARE\\Contoso",
    language="powershell",
)  # fmt: skip
TAKES_EFFECT = declare(
    "registry.takes_effect", HIGH, "Writes where the registry names what runs by itself, or what protects the machine.",
    "Set-ItemProperty HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run -Name a -Value b.exe",
    "Get-ItemProperty HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run", language="powershell", unread=True,
)  # fmt: skip
DELETES = declare(
    "registry.deletes", MEDIUM, "Deletes from the registry.", "Remove-ItemProperty HKCU:\\Software\\Contoso -Name a",
    "Get-ItemProperty HKCU:\\Software\\Contoso -Name a", language="powershell",
)  # fmt: skip
DELETES_ALL = declare(
    "registry.deletes_all", CRITICAL, "Deletes a hive of the registry, or what Windows needs to start.",
    "Remove-Item HKLM:\\SYSTEM -Recurse", "Get-Item HKLM:\\SYSTEM", language="powershell",
)  # fmt: skip
READS_SECRET = declare(
    "registry.reads_secret", HIGH, "Reads passwords that are kept in the registry.", "Get-ChildItem HKLM:\\SAM",
    "Get-ChildItem HKLM:\\SOFTWARE", language="powershell",
)  # fmt: skip
_HIVES = {
    "hkey_local_machine": "hklm", "hkey_current_user": "hkcu", "hkey_classes_root": "hkcr", "hkey_users": "hku",
    "hkey_current_config": "hkcc", "hklm": "hklm", "hkcu": "hkcu", "hkcr": "hkcr", "hku": "hku", "hkcc": "hkcc",
}  # fmt: skip
_ROOT = re.compile(
    r"(?:\\\\[^\\/]+\\)?(?:(?:microsoft\.powershell\.core\\)?registry::[\\/]*)?("
    + "|".join(_HIVES)
    + r")(:?)(?:[\\/]|$)",
    re.IGNORECASE,
)
_BY_ITSELF = re.compile(
    r"currentversion/(?:run|runonce|runservices|policies/explorer/run|winlogon|image file execution options|"
    r"appcompatflags|windows/(?:load|run|appinit_dlls)|shellserviceobject|explorer/(?:shell folders|user shell folders|"
    r"browser helper objects)|authentication|group policy/scripts)|system/(?:currentcontrolset|controlset\d+)/"
    r"(?:services|control/(?:lsa|session manager|safeboot|securityproviders|terminal server|"
    r"print/monitors|networkprovider))"
    r"|software/(?:wow6432node/)?microsoft/(?:active setup|command processor|windows defender|amsi|netsh|"
    r"office.*/addins|"
    r"powershell/.*executionpolicy)|software/policies|/shell/[^/]+/command|/inprocserver32|environment$|"
    r"currentversion/policies|software/classes/(?:exefile|ms-settings|mscfile|clsid)|userinit|screensaver|scrnsave",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"(?:hklm|hkcu|hkcr|hku)(?:/(?:software|system|sam|security|hardware|bcd\d*|software/(?:microsoft|classes)"
    r"(?:/windows(?:\snt)?(?:/currentversion)?)?|system/(?:currentcontrolset|controlset\d+)(?:/(?:services|control|enum))?))?"
    r"(?:/\*)?",
    re.IGNORECASE,
)
_SECRETS = re.compile(r"hklm/(?:sam|security)\b|.*/(?:winlogon/defaultpassword|putty/sessions|winscp)", re.IGNORECASE)


_ACCOUNTS = re.compile(r"hklm/(?:sam|security|system)\b.*", re.IGNORECASE)


def holds_accounts(text: str) -> bool:
    """Return True if a copy of what is at this path gives away the passwords of the machine's accounts."""
    return bool(_ACCOUNTS.fullmatch(registry_path(text)))


def registry_path(text: str) -> str:
    """Return a path in the registry with a short hive and forward slashes; empty if it is no path in the registry."""
    found = _ROOT.match(text)
    if not found:
        return ""
    rest = text[found.end() :].replace("\\", "/").strip("/")
    return f"{_HIVES[found[1].lower()]}/{rest}".rstrip("/") if rest else _HIVES[found[1].lower()]


def write_registry(reading: Reading, word: Word, value: str = "") -> None:
    """Note that something is written.

    Args:
        word: The key's path.
        value: The value's name, if it is known.
    """
    path = registry_path(word.text)
    reading.touch(objects=[path])
    if UNKNOWN in path:
        reading.doubt()
    if _BY_ITSELF.search(f"{path}/{value}" if value else path):
        words = f"This writes {word.display}: what runs by itself, or what protects the machine."
        reading.add(TAKES_EFFECT, words, word.line)
    elif path.startswith("hkcu/") or path == "hkcu":
        reading.add(WRITES, f"This writes {word.display} in the registry.", word.line)
    else:
        reading.add(WRITES_MACHINE, f"This writes {word.display} in the registry, for all users.", word.line)


def delete_registry(reading: Reading, word: Word, *, key: bool, many: bool = False) -> None:
    """Note that a key with everything in it, or a value, is deleted."""
    path = registry_path(word.text)
    reading.touch(objects=[path])
    empty = path.replace(UNKNOWN, "").rstrip("/")
    if key and (_NEEDED.fullmatch(path) or (UNKNOWN in path and _NEEDED.fullmatch(empty) and "/" in empty)):
        reading.add(DELETES_ALL, f"This deletes {word.display} with everything in it.", word.line)
        return
    machine = not path.startswith("hkcu/")
    level = HIGH if machine or key or many or _BY_ITSELF.search(path) else MEDIUM
    what = "with everything in it" if key else "from the registry"
    reading.add(DELETES, f"This deletes {word.display} {what}.", word.line, level)


def read_registry(reading: Reading, word: Word) -> None:
    """Note that something is read."""
    path = registry_path(word.text)
    reading.touch(objects=[path])
    if _SECRETS.match(path):
        reading.add(READS_SECRET, f"This reads {word.display}, where Windows keeps passwords.", word.line)
