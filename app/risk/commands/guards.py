"""What guards and watches a machine: access control, scanners, and logs."""

from __future__ import annotations

import re

from app.risk.commands.table import Command, program
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
GUARDS = declare(
    "machine.guards",
    HIGH,
    "Turns off or changes what guards or watches the machine.",
    "setenforce 0",
    "getenforce",
    language="shell",
)
LOGS = declare(
    "machine.logs",
    HIGH,
    "Deletes or changes logs.",
    "journalctl --vacuum-time=1s",
    "journalctl -u nginx",
    language="shell",
)


@program(
    *word_set(
        "setenforce aa-disable aa-teardown aa-complain aa-enforce apparmor_parser auditctl augenrules semanage "
        "setsebool semodule getenforce sestatus aa-status ausearch aureport spctl csrutil tccutil clamscan freshclam "
        "falconctl rkhunter chkrootkit lynis aide tripwire osqueryi osqueryctl wazuh-control mdatp sentinelctl "
        "audit2allow auditd getsebool xattr fdesetup profiles santactl getcap getfacl getfattr"
    )
)
def _guards(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    line = " ".join(texts)
    name = command.name
    if name in (
        "getenforce",
        "sestatus",
        "aa-status",
        "ausearch",
        "aureport",
        "clamscan",
        "rkhunter",
        "chkrootkit",
        "lynis",
        "getsebool",
        "getcap",
        "getfacl",
        "getfattr",
        "osqueryi",
    ):
        if name == "clamscan" and "--remove" in line:
            reading.add(LOGS, "This deletes files that are found to be harmful.", command.line)
        return
    if re.match(
        r"(?:-[lsv]\b|--list|-l|status|list|health|--status|show|-p\b(?! -)|authtest|stats|version|check|--check)", line
    ) or (name == "xattr" and not re.search(r"-[wcd]", line)):
        return
    if not texts and name not in ("aa-teardown", "auditd", "freshclam"):
        return
    reading.add(
        GUARDS, f"This turns off or changes what guards or watches the machine: {name} {line}."[:140], command.line
    )


@program(
    *word_set(
        "journalctl logrotate logger rsyslogd syslog-ng log logcli savelog vector fluentd filebeat coredumpctl "
        "abrt-cli utmpdump"
    )
)
def _logs(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    line = " ".join(texts)
    name = command.name
    if name in ("journalctl", "log", "coredumpctl", "logcli", "abrt-cli", "utmpdump"):
        if re.search(
            r"--vacuum|--rotate|--flush|--relinquish|--setup-keys|erase|config|-r\b.*utmp|remove|debug", line
        ) and not re.match(r"-r\b", line):
            reading.add(LOGS, "This deletes or closes logs.", command.line)
    elif name == "logger":
        reading.add(LOGS, "This writes a message into the log.", command.line, LOW)
    elif name == "logrotate":
        if not {"-d", "--debug"} & set(texts):
            reading.add(
                LOGS,
                "This rotates logs: old ones are deleted.",
                command.line,
                HIGH if {"-f", "--force"} & set(texts) else MEDIUM,
            )
    else:
        reading.add(LOGS, "This starts or changes what keeps logs.", command.line)
