"""A machine's firewall and network interfaces."""

from __future__ import annotations

import re

from app.risk.commands.machine import CLOCK
from app.risk.commands.table import Command, program
from app.risk.effects import READS_SECRET, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

FIREWALL = declare(
    "machine.firewall",
    HIGH,
    "Changes which connections are allowed.",
    "ufw disable",
    "ufw status",
    language="shell",
)
NETWORK = declare(
    "machine.network", HIGH, "Changes the machine's network.", "ip link set eth0 down", "ip addr show", language="shell"
)


@program(
    *word_set(
        "iptables ip6tables iptables-restore ip6tables-restore iptables-save nft ufw firewall-cmd ipset pfctl "
        "ebtables arptables iptables-legacy iptables-nft firewalld csf shorewall fail2ban-client ipfw socketfilterfw "
        "tcpdchk nfct conntrack ufw-docker"
    )
)
def _firewall(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    line = " ".join(texts)
    if command.name == "iptables-save" or (not texts and command.name not in ("iptables-restore", "ip6tables-restore")):
        return
    if re.search(
        r"(?:^| "
        r")(?:-[LS]\b|-[nv]*L[nv]*\b|--list\S*|list\b|status\b|--get\S*|--state|--query\S*|--info\S*|show\b|-s\s"
        r"|-V\b|--version|version|ping|--check-config|-C\s)",
        line,
    ) and not re.search(
        r"(?:^| )(?:-[FXADIPRNEZ]\b|flush|delete|add|insert|--add|--remove|--set|-F\b|disable|enable|reset)", line
    ):
        return
    whole = re.search(
        r"(?:^| )(?:-F\b|--flush|flush ruleset|disable\b|--panic|-d\b|reset\b|-X\b|flush\b)|-P \w+ ACCEPT|stop\b", line
    )
    reading.add(
        FIREWALL,
        "This turns the firewall off, or takes all its rules away."
        if whole
        else "This changes which connections are allowed.",
        command.line,
    )


_LISTS = r"(?:$|(?:\w+ )?(?:show|list|status|info|stats|dump|get|version|help|scan|monitor|view)\b)"
_NETWORK_READS = {
    "ip": r"\w*(?: (?:show|list|ls|lst|get|stats|help|dev|to)\b.*)?$",
    "tc": r"\w*(?: (?:show|list|ls|get)\b.*)?$",
    "bridge": r"\w*(?: (?:show|list|ls|get)\b.*)?$",
    "ifconfig": r"[\w.:@-]*$", "iwconfig": r"[\w.:@-]*$", "ethtool": r"[\w.:@-]*$", "arp": r"[\w.:@-]*$",
    "route": r"[\w.:@-]*$", "iw": r"(?:$|dev|list|phy|reg get|\S+ (?:info|link|scan|station dump))",
    "nmcli": r"(?:$|(?:g|general|n|networking|r|radio|c|con|connection|d|dev|device|a|agent|m|monitor)?(?: "
    r"(?:s|show|status|list|wifi list"
    r"|wifi$|hostname$|permissions|logging$|connectivity))?\b(?: .*)?$)",
    "scutil": r"(?:$)", "networksetup": r"$",
}  # fmt: skip
"""What only reads, as the arguments without options."""


@program(
    *word_set(
        "ip ifconfig ifup ifdown route arp nmcli netplan tc ethtool iw iwconfig brctl ovs-vsctl wpa_cli dhclient "
        "networkctl networksetup nmtui vconfig bridge rfkill scutil hostapd ipvsadm keepalived netstat "
        "bluetoothctl resolvconf nstat ipcalc sipcalc iwlist hostname domainname"
    )
)
def _network(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments if not word.text.startswith("-")]
    options = {word.text for word in command.arguments if word.text.startswith("-")}
    name = command.name
    if name in ("netstat", "nstat", "ipcalc", "sipcalc", "iwlist"):
        return
    if name == "hostname":
        if texts and not options:
            reading.add(CLOCK, f"This changes the machine's name to {texts[0][:60]}.", command.line)
        return
    line = " ".join(texts)
    if name == "nmcli" and (options & {"-s", "--show-secrets"} or re.search(r"wifi show-password", line)):
        reading.add(READS_SECRET, "This shows the password of a network.", command.line)
        return
    changes = re.search(
        r"\b(?:add|del|delete|set|flush|up|down|change|replace|append|modify|mod|apply|connect|disconnect|edit"
        r"|reload|try|renew|reapply|off|on|remove|create"
        r"|clear|import|hotspot|block|unblock|start|stop|exec|netns "
        r"exec|restart|reconfigure|add-br|del-br|add-port)\b|-set|[0-9]+\.[0-9]+",
        line,
    )
    if (
        name in ("ifup", "ifdown", "dhclient", "keepalived", "hostapd", "nmtui")
        or changes
        or (
            name in ("arp", "route", "ethtool", "ipvsadm")
            and options & {"-d", "-s", "-K", "-C", "-A", "-D"}
            and texts
            and not (name == "ethtool" and not options)
        )
    ):
        if name == "ip" and re.match(r"(?:netns )?exec", line):
            run_unread(reading, "a command in another network", command.line)
        if name == "ip" and re.match(r"r(?:oute)? get", line):
            return
        reading.add(NETWORK, f"This changes the machine's network: {name} {line}."[:120], command.line)
    elif not re.match(_NETWORK_READS.get(name, _LISTS), line) and not options & {
        "-L",
        "-l",
        "-ln",
        "-n",
        "--list",
        "-h",
    }:
        reading.add(NETWORK, f"What {name} {line} does is not known."[:120], command.line, MEDIUM)
        reading.doubt()
