"""Servers of names on the network: BIND, PowerDNS, Knot, Unbound, and DHCP."""

from __future__ import annotations

from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

ZONE_GONE = declare(
    "names.zone_gone",
    CRITICAL,
    "Deletes a zone of names: nothing under that domain is found any more.",
    "pdnsutil delete-zone example.com",
    "pdnsutil list-zone example.com",
    language="shell",
)
CHANGES = declare(
    "names.changes",
    HIGH,
    "Changes where names on the network lead, or stops the server that knows them.",
    "pdnsutil replace-rrset example.com www A 192.0.2.5",
    "pdnsutil check-zone example.com",
    language="shell",
)

known_by_lines(
    "pdnsutil pdns_control pdns",
    Row(
        r"\b(?:delete-zone|zone delete|clear-zone|zone clear|b2b-migrate|load-zone|wipe)\b",
        ZONE_GONE,
        "deletes or replaces a zone of names",
    ),
    Row(r"\b(?:list|show|check|test|export|hash|zone list|zone show|zone check|backend-cmd|rping|ping|version|uptime)"),
    Row(r"\b(?:purge|rectify|increase-serial|notify|reload|rediscover)", CHANGES, "refreshes a zone of names", MEDIUM),
    Row(r"", CHANGES, "changes names or their keys"),
)
known_by_lines(
    "rndc unbound-control knotc nsd-control named-checkzone named-checkconf kdig-control",
    Row(r"\b(?:delzone|zone-purge|delzones?|conf-unset)\b", ZONE_GONE, "deletes a zone of names"),
    Row(
        r"\b(?:status|stats\w*|dump\w*|zonestatus|zone-status|zone-read|zone-check|conf-check|conf-read|lookup|list_\w+"
        r"|get_option|showzone|null|recursing)\b|^[\w.-]+\.?$(?<!stop)(?<!halt)(?<!reload)"
    ),
    Row(
        r"\b(?:reload|reconfig|refresh|retransfer|notify|flush\w*|sync|thaw|sign|zone-reload|zone-refresh)\b",
        CHANGES,
        "has the name server read its zones again",
        MEDIUM,
    ),
    Row(r"", CHANGES, "stops or changes the name server"),
)
known_by_lines("nsupdate knsupdate samba_dnsupdate", Row(r"", CHANGES, "changes names", unread=True))
known_by_lines(
    "dnssec-keygen dnssec-signzone dnssec-settime dnssec-revoke dnssec-dsfromkey keymgr",
    Row(r"", CHANGES, "changes the keys that sign names"),
)
known_by_lines(
    "omshell kea-shell keactrl dhcpd",
    Row(r"\b(?:status|config-get|list-commands|lease4-get|stat)"),
    Row(r"", CHANGES, "changes which addresses machines get"),
)
