"""Lines that are typed into routers, switches, and firewalls, whatever they are sent with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.risk.commands.lines import Row, known_by_lines
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import run_unread
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

ERASES = declare(
    "device.erases",
    CRITICAL,
    "Deletes the settings or the software of a network device, or shuts its operators out.",
    "vtysh -c 'write erase'",
    "vtysh -c 'show running-config'",
    language="shell",
)
CHANGES = declare(
    "device.changes",
    HIGH,
    "Changes what a network device connects, blocks, or records.",
    "vtysh -c 'configure terminal' -c 'no router bgp 65001'",
    "vtysh -c 'show ip bgp summary'",
    language="shell",
)

_ERASES = re.compile(
    r"(?:write|wr|erase) +(?:erase|startup-config|nvram:?|flash\w*:?|/all)|request (?:system|vmstore) zeroize"
    r"|execute (?:factoryreset\w*|formatlogdisk|erase-disk)|factory[- ](?:default|reset)|reset saved-configuration"
    r"|format (?:/\S+ )?(?:flash|disk\d?|bootflash|nvram|usb\w*|slot\d)\b|load factory-default|reset-configuration"
    r"|(?:del(?:ete)?|undelete) (?:/\S+ )*(?:flash|bootflash|disk\d|nvram|cfcard|slot\d)\S*:|restore "
    r"(?:factory|default)s?\b"
    r"|request system software delete|set -f default|clear config all|delete system all|squeeze flash:",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"^(?:no|undo|delete|clear|reload|reboot|reset|shutdown|debug all|request system (?:reboot|halt|power-off)|commit"
    r"|rollback|deactivate|copy \S+ (?:start|run)|set |conf|interface|router |ip route|access-list|username"
    r"|enable secret"
    r"|snmp-server|permit |deny |vlan |crypto |line |aaa |write|wr\b|save|edit |config |system-view|switchport|spanning"
    r"|neighbor |network |execute |diagnose )",
    re.IGNORECASE,
)
_SHUT_OUT = re.compile(
    r"^(?:no (?:username|aaa|tacacs|radius|ip ssh|enable)|undo (?:local-user|ssh|aaa)|transport input none"
    r"|(?:access-class|deny) |delete system (?:login|services)|no service ssh|line vty|no line vty)",
    re.IGNORECASE,
)
_WAY_IN = re.compile(
    r"^(?:line vty|access-class|transport input none|no (?:tacacs|aaa|radius|username))", re.IGNORECASE
)
_DEVICE = re.compile(
    rf"{_ERASES.pattern}|^(?:conf(?:igure)?(?: t(?:erminal)?)?$|configure (?:private|exclusive)|system-view"
    r"|show (?:running|startup|ip|interface|version|vlan|bgp|mac|cdp|lldp|arp)\b|no router |router (?:bgp|ospf|isis) "
    r"|clear ip |reload(?: in \d+| at \S+)?$|request system |write mem|copy running-config |execute )",
    re.IGNORECASE,
)
_MOST_LINES = 500


def is_device_line(text: str) -> bool:
    """Return True if a text is a command of a network device, and not of a shell."""
    return bool(_DEVICE.search(text.strip()))


def read_device_lines(texts: Iterable[str], reading: Reading, line: int) -> None:
    """Find out what lines would do that are typed into a network device, one after the other."""
    lines = [" ".join(part.split()) for text in texts for part in re.split(r"[\n;]", text)][:_MOST_LINES]
    shut_out = [text for text in lines if _SHUT_OUT.match(text)]
    if erased := next((text for text in lines if _ERASES.search(text)), ""):
        reading.add(ERASES, f"On a network device, “{erased[:80]}” deletes its settings or its software.", line)
    if len({_SHUT_OUT.match(text)[0].lower() for text in shut_out}) > 2 and any(map(_WAY_IN.match, shut_out)):  # type: ignore[index]
        words = f"On a network device, “{shut_out[0][:60]}” and what follows shut its operators out."
        reading.add(ERASES, words, line)
    elif changed := next((text for text in lines if _CHANGES.match(text)), ""):
        reading.add(CHANGES, f"On a network device, “{changed[:80]}” changes what it connects or blocks.", line)


@program("vtysh", "cli", "birdc", "bgpctl", "ospfctl", "gobgp", "imish")
def _routing(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c --command -f --inputfile -d --daemon -s -S")
    for value in given.values("-f", "--inputfile"):
        run_unread(reading, value)
    lines = [value.text for value in given.values("-c", "--command")]
    if not lines:
        lines = [" ".join(word.text for word in given.operands)]
        if command.input is not None:
            lines.append(command.input.text)
    if command.input_from or not all(word.known for word in command.arguments):
        reading.doubt()
    if given.exactly("-b", "--boot"):
        reading.add(CHANGES, "This starts the network's settings again.", command.line)
    read_device_lines(lines, reading, command.line)


known_by_lines(
    "snmpget snmpwalk snmpbulkwalk snmpgetnext snmptable snmpstatus snmptranslate snmpdf snmpnetstat", Row(r"")
)
known_by_lines("snmpset", Row(r"", CHANGES, "changes settings of a network device"))
