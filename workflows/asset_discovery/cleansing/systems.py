"""Operating systems: the family and the release that a text names; cells keep what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class System:
    """An operating system.

    Attributes:
        family: Such as `Windows Server`, `Red Hat Enterprise Linux`, or `VMware ESXi`; the text itself if unknown.
        release: The release that support depends on, such as `2019`, `8.10`, or `22.04`; empty where none is named.
    """

    family: str
    release: str = ""


# Tried in this order: what is more special stands first.
_FAMILIES: tuple[tuple[str, str], ...] = (
    (
        r"windows.*(?:server|svr|srv)|\bwin(?:dows)? ?(?:nt|srv|svr)|\bserver (?:20\d\d|2000)|\bw(?:2k|s20)",
        "Windows Server",
    ),
    (r"windows.*iot|windows embedded", "Windows IoT"),
    (r"windows|\bwin ?(?:7|8|10|11|xp)\b", "Windows"),
    (r"red ?hat|\brhel", "Red Hat Enterprise Linux"),
    (r"rocky", "Rocky Linux"),
    (r"alma", "AlmaLinux"),
    (r"cent ?os", "CentOS"),
    (r"oracle.*linux|linux.*oracle", "Oracle Linux"),
    (r"fedora", "Fedora"),
    (r"open ?suse", "openSUSE"),
    (r"\bsles?\b|suse", "SUSE Linux Enterprise Server"),
    (r"ubuntu", "Ubuntu"),
    (r"debian", "Debian"),
    (r"amazon linux|\bal20\d\d", "Amazon Linux"),
    (r"photon", "Photon OS"),
    (r"esxi?\b|vsphere hypervisor", "VMware ESXi"),
    (r"proxmox", "Proxmox VE"),
    (r"hyper-?v", "Hyper-V Server"),
    (r"xenserver|citrix hypervisor", "Citrix Hypervisor"),
    (r"ios[- ]?xe", "Cisco IOS XE"),
    (r"ios[- ]?xr", "Cisco IOS XR"),
    (r"nx-?os", "Cisco NX-OS"),
    (r"cisco.*ios|\bios\b.*\b1[25]\.\d", "Cisco IOS"),
    (r"\basa\b", "Cisco ASA"),
    (r"junos", "Junos"),
    (r"\beos\b|arista", "Arista EOS"),
    (r"forti", "FortiOS"),
    (r"pan-?os", "PAN-OS"),
    (r"ontap", "NetApp ONTAP"),
    (r"aix", "AIX"),
    (r"solaris|sunos", "Solaris"),
    (r"hp-?ux", "HP-UX"),
    (r"z/?os\b", "z/OS"),
    (r"z/?vm\b", "z/VM"),
    (r"\bos/?400|ibm i\b|i5/os", "IBM i"),
    (r"free ?bsd", "FreeBSD"),
    (r"open ?bsd", "OpenBSD"),
    (r"mac ?os|os x|darwin", "macOS"),
    (r"ipados", "iPadOS"),
    (r"\bios\b", "iOS"),
    (r"android", "Android"),
    (r"chrome ?os", "ChromeOS"),
    (r"linux", "Linux"),
)
_COMPILED = tuple((re.compile(pattern), family) for pattern, family in _FAMILIES)
_BITS = re.compile(r"\(?\b(?:32|64)[- ]?bits?\b\)?|\bx(?:86|64)(?:_64)?\b|\bamd64\b")
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)*)(?![\w.]*\w)")
_YEAR = re.compile(r"\b(20(?:00|03|08|12|16|19|22|25))\b(?:\s*(r2))?")
_SERVICE_PACK = re.compile(r"\b(\d{2}) ?(?:\.|sp) ?(\d)\b")
_WINDOWS = re.compile(r"(?:windows|win) ?(?:nt )?(11|10|8\.1|8|7|vista|xp)\b")
_WINDOWS_UPDATE = re.compile(r"\b(1[5-9]0[379]|1511|1607|200[49]|2[0-9]h[12])\b")
# Builds of Windows that name a release; https://learn.microsoft.com/windows/release-health/release-information
_SERVER_BUILDS = {
    "7601": "2008 R2", "9200": "2012", "9600": "2012 R2", "14393": "2016", "17763": "2019", "20348": "2022",
    "26100": "2025",
}  # fmt: skip
_CLIENT_BUILDS = {
    "10240": "10 1507", "10586": "10 1511", "14393": "10 1607", "15063": "10 1703", "16299": "10 1709",
    "17134": "10 1803", "17763": "10 1809", "18362": "10 1903", "18363": "10 1909", "19041": "10 2004",
    "19042": "10 20H2", "19043": "10 21H1", "19044": "10 21H2", "19045": "10 22H2", "22000": "11 21H2",
    "22621": "11 22H2", "22631": "11 23H2", "26100": "11 24H2", "26200": "11 25H2", "7601": "7", "9600": "8.1",
}  # fmt: skip
_BUILD = re.compile(r"(?:^|\b)(?:10\.0|6\.[123])\.(\d{4,5})\b|^(\d{5})(?:\.\d+)?$")


@lru_cache(maxsize=20_000)
def system_of(text: str, version: str = "") -> System:
    """The operating system that a cell names, with the release from it or from the cell for versions."""
    folded = text.casefold()
    plain = _BITS.sub(" ", folded)
    family = next((name for pattern, name in _COMPILED if pattern.search(plain)), "")
    if not family:
        return System(text, version)
    if family.startswith("Windows"):
        return System(family, _windows_release(family, plain, version.casefold()))
    if family == "SUSE Linux Enterprise Server" and (match := _SERVICE_PACK.search(f"{plain} {version.casefold()}")):
        return System(family, f"{match[1]} SP{match[2]}")
    # A version of its own is more exact than the one in the name.
    found = _VERSION.search(version.casefold()) or _VERSION.search(plain)
    return System(family, found[1] if found else version)


def _windows_release(family: str, name: str, version: str) -> str:
    build = _BUILD.search(version)
    number = (build[1] or build[2]) if build else ""
    if family == "Windows Server":
        if match := _YEAR.search(f"{name} {version}"):
            return match[1] + (" R2" if match[2] else "")
        return _SERVER_BUILDS.get(number, "")
    if number in _CLIENT_BUILDS:
        return _CLIENT_BUILDS[number]
    match = _WINDOWS.search(name)
    update = _WINDOWS_UPDATE.search(f"{name} {version}")
    return " ".join(filter(None, (match[1].upper() if match else "", update[1].upper() if update else "")))
