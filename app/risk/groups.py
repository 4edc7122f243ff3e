"""Groups whose members have power over a machine, or over all machines of a domain."""

from __future__ import annotations

import re

_RULES_DOMAIN = re.compile(
    r"(?:domain|enterprise|schema|key|enterprise key)\s?admins|domain controllers|account operators|"
    r"backup operators|server operators|print operators|dnsadmins|group policy creator owners|organization management|"
    r"dom(?:ä|ae)nen-admins|admins du domaine|s-1-5-21-[\d-]+-51[289]",
    re.IGNORECASE,
)
_ADMINISTRATORS = re.compile(r"\badministra(?:tors|toren|teurs|dores|tori)\b|s-1-5-32-54[4-9]", re.IGNORECASE)
_RULES_MACHINE = re.compile(r"remote (?:desktop|management) users|hyper-v admin", re.IGNORECASE)
_UNIX = re.compile(r"sudo|wheel|root|admin|adm|docker|lxd|libvirt|disk|shadow|administrators", re.IGNORECASE)


def rules_domain(group: str) -> bool:
    """Return True if members of a group of the directory have power over all machines of its domain.

    Args:
        group: The group's name, or its security identifier.
    """
    return bool(_RULES_DOMAIN.search(group) or _ADMINISTRATORS.search(group))


def rules_machine(group: str) -> bool:
    """Return True if members of a group of Windows have power over a machine."""
    return bool(_ADMINISTRATORS.search(group) or _RULES_MACHINE.search(group))


def rules_unix_machine(groups: str) -> bool:
    """Return True if members of one of these groups, which commas separate, may become root."""
    return any(_UNIX.fullmatch(group) for group in groups.split(","))
