"""Programs of Windows: rights, sessions, logs, and programs that attackers use to run code."""

from __future__ import annotations

import re

from app.risk.commands.accounts import ACCOUNTS
from app.risk.commands.firewalls import FIREWALL, NETWORK
from app.risk.commands.guards import LOGS
from app.risk.commands.machine import SETTINGS
from app.risk.commands.network import LISTENS
from app.risk.commands.services import POWER, STOPS
from app.risk.commands.table import Command, program
from app.risk.commands.windows import CODE, MEMORY, RIGHTS, has_help, line_of, read_batch
from app.risk.effects import DELETES_ALL, READS_SECRET, Act, act_on, connect, run_unread
from app.risk.groups import rules_domain
from app.risk.reading import Reading
from app.risk.rules import RiskRule, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


@program(
    *word_set(
        "icacls cacls takeown attrib secedit auditpol gpupdate gpresult runas dsadd dsmod dsrm dsquery "
        "dsget nltest ntdsutil csvde ldifde klist setspn netdom djoin gpedit lgpo subinacl psexec psexec64 winrs "
        "psloggedon pskill pslist psinfo procdump procdump64 rdrleakdiag tttracer dumpbin handle autoruns quser "
        "qwinsta rwinsta query tscon mstsc rdpclip"
    )
)
def _rights(command: Command, reading: Reading) -> None:
    line = line_of(command)
    name = command.name
    if has_help(line) and name not in ("gpupdate",):
        return
    if name in (
        "dsquery",
        "dsget",
        "gpresult",
        "klist",
        "quser",
        "qwinsta",
        "query",
        "psloggedon",
        "pslist",
        "psinfo",
        "handle",
        "dumpbin",
        "autoruns",
    ):
        if name == "klist" and "purge" in line:
            reading.add(ACCOUNTS, "This ends sign-ins.", command.line, MEDIUM)
        return
    if name in ("procdump", "procdump64", "rdrleakdiag", "tttracer", "ntdsutil") and re.search(
        r"lsass|ntds|ifm|/p\b", line
    ):
        reading.add(
            MEMORY, f"This copies passwords out of memory or the account database: {name} {line}."[:140], command.line
        )
    elif name in ("psexec", "psexec64", "winrs", "runas"):
        run_unread(reading, f"a program as another account or on another machine: {name} {line}"[:120], command.line)
    elif name in ("icacls", "cacls", "takeown", "attrib", "subinacl"):
        _file_rights(command, line, reading)
    elif name == "auditpol" or name == "secedit":
        if not re.match(r"/get|/list|/backup|/export|/analyze|/validate", line):
            reading.add(LOGS, "This changes what Windows records or allows.", command.line)
    elif name in ("nltest", "setspn", "csvde", "netdom") and re.match(
        r"/(?:dclist|domain_trusts|dsgetdc|sc_query|-l|-q)|-[lqf]\b|query", line
    ):
        return
    elif name in ("gpupdate", "mstsc", "rwinsta", "tscon", "pskill"):
        reading.add(SETTINGS, f"This changes sessions or applies settings: {name}.", command.line, MEDIUM)
    else:
        admin = "-addmbr" in line.split() and rules_domain(line.partition("-addmbr")[0])
        words = f"This changes accounts or rights of a domain: {name} {line}."[:140]
        reading.add(ACCOUNTS, words, command.line, CRITICAL if admin else None)


def _file_rights(command: Command, line: str, reading: Reading) -> None:
    words = [word for word in command.arguments if not re.match(r"[/+-]\w", word.text)]
    if (command.name == "attrib" and not re.search(r"(?:^| )[+-][rash]", line)) or (
        command.name in ("icacls", "cacls")
        and not re.search(
            r"/(?:grant|deny|remove|setowner|reset|restore|inheritance|setintegritylevel|[gerpd]\b)", line
        )
    ):
        return
    whole = re.search(r"/t\b|/r\b|/s\b", line)
    open_to_all = re.search(r"everyone|jeder|s-1-1-0|users:\(?f|authenticated users", line) and "/deny" not in line
    for word in words[:1]:
        if command.name == "attrib":
            reading.add(RIGHTS, f"This hides or changes {word.display}.", command.line, MEDIUM)
            continue
        act_on(reading, Act.CHANGE_RIGHTS_ALL if whole else Act.CHANGE_RIGHTS, word)
        level = HIGH if whole or open_to_all or command.name == "takeown" else MEDIUM
        reading.add(RIGHTS, f"This changes who may do what with {word.display}.", command.line, level)


@program(
    *word_set(
        "wevtutil netsh ipconfig tasklist taskkill tsdiscon systeminfo driverquery getmac nbtstat "
        "hostname.exe powercfg w32tm tzutil setx pnputil devcon sxstrace logman typeperf eventcreate clip choice "
        "color chcp cls findstr comp assoc ftype path pushd popd verify prompt rem setlocal "
        "endlocal subst openfiles bdehdcfg forfiles winsat slmgr slui optionalfeatures dxdiag "
        "dnscmd dhcpcmd msinfo32 perfmon eventvwr waitfor wslconfig msconfig call doskey goto"
    )
)
def _other(command: Command, reading: Reading) -> None:
    line = line_of(command)
    name = command.name
    for names, pattern, rule, level, message in _OTHERS:
        if name in names.split() and re.search(pattern, line):
            if rule is not None:
                reading.add(rule, f"{message}: {name} {line}."[:140], command.line, level)
            return
    if name in ("forfiles",):
        found = re.search(r"/c\s+(.+)", " ".join(word.text for word in command.arguments), re.IGNORECASE)
        if found:
            read_batch(
                re.sub(r"^\"?cmd\s+/c\s+", "", found[1], flags=re.IGNORECASE).strip('"'), command.words[0], reading
            )
    elif name == "call" and command.arguments:
        run_unread(reading, command.arguments[0])


_OTHERS: list[tuple[str, str, RiskRule | None, RiskLevel | None, str]] = [
    ("wevtutil", r"^(?:cl|clear-log)", LOGS, None, "This clears a log"), ("wevtutil", r"^(?:sl|set-log|im|um"
    r"|install|uninstall)", LOGS, None, "This changes what is logged"),
    ("netsh", r"key=clear", READS_SECRET, None, "This shows the password of a network"),
    ("netsh", r"\b(?:show|dump|export)\b", None, None, ""), ("netsh", r"firewall|advfirewall", FIREWALL, None,
    "This changes the firewall"),
    ("netsh", r"portproxy", LISTENS, None, "This passes connections on"), ("netsh", r"helper", SETTINGS, None,
    "This loads a library"),
    ("netsh", r"\S", NETWORK, None, "This changes the network"),
    ("ipconfig", r"/(?:release|renew|setclassid)", NETWORK, MEDIUM, "This changes the network"), ("ipconfig",
    r"/flushdns|/registerdns", NETWORK, LOW, "This refreshes names"),
    ("taskkill", r"/im\s+\*|/fi|lsass|csrss|wininit|services\.exe|msmpeng|sense", STOPS, HIGH, "This ends "
    "programs"), ("taskkill", r"", STOPS, MEDIUM, "This ends a program"),
    ("powercfg", r"/(?:list|query|l|q|getactivescheme|a|batteryreport|energy)|-(?:list|l|q)", None, None, ""),
    ("powercfg", r"", POWER, MEDIUM, "This changes how the machine saves power"),
    ("w32tm tzutil", r"/query|/g\b|/l\b|/stripchart|/tz", None, None, ""), ("w32tm tzutil", r"", SETTINGS, None,
    "This changes the clock"),
    ("setx", r"\bpath\b|comspec|/m\b|psmodulepath", SETTINGS, None, "This changes the environment of later "
    "programs"), ("setx", r"", SETTINGS, MEDIUM, "This changes the environment of later programs"),
    ("pnputil devcon", r"enum|/e\b|find|status|hwids", None, None, ""), ("pnputil devcon", r"", SETTINGS, None,
    "This changes drivers"),
    ("assoc ftype", r"=", SETTINGS, None, "This changes which program opens files"), ("subst", r":", SETTINGS,
    MEDIUM, "This makes a folder a drive"),
    ("openfiles", r"/(?:disconnect|local)", STOPS, MEDIUM, "This closes files of others"), ("slmgr", r"/[uiacr]",
    SETTINGS, None, "This changes the license"),
    ("dnscmd", r"/(?:info|enum\w*|statistics|zoneinfo|zoneprint|nodeinfo|ipvalidate)", None, None, ""),
    ("dnscmd", r"/(?:zonedelete|zoneresettype|deletedirectorypartition|clearcache.*/f)", SETTINGS, CRITICAL,
    "This deletes a zone of names"), ("dnscmd", r"", SETTINGS, None, "This changes names on the network"),
    ("logman", r"\b(?:start|stop|create|delete|update|import)\b", LOGS, MEDIUM, "This changes what is recorded"),
    ("eventcreate", r"", LOGS, LOW, "This writes into a log"),
    ("tsdiscon", r"", STOPS, MEDIUM, "This ends a session"),
]  # fmt: skip
"""Programs, a pattern for their arguments, and what they do; the first that fits counts. Others only read."""


@program("certutil")
def _certutil(command: Command, reading: Reading) -> None:
    line = line_of(command)
    address = next(
        (word for word in command.arguments if re.match(r"https?:|ftp:|\\\\", word.text, re.IGNORECASE)), None
    )
    if re.search(r"[-/](?:urlcache|verifyctl)", line) and address is not None:
        connect(reading, address)
        reading.add(
            CODE, "This downloads a file with a program that is not for that, as attackers do.", command.line, HIGH
        )
        for word in command.arguments[-1:]:
            if word is not address and not word.text.startswith("-"):
                act_on(reading, Act.WRITE, word)
    elif re.search(r"[-/](?:decode|decodehex)", line):
        reading.add(CODE, "This decodes a file, as hidden programs are.", command.line, HIGH)
    elif re.search(
        r"[-/](?:addstore|delstore|importpfx|f\b.*addstore|exportpfx|repairstore|setreg|installcert|delkey"
        r"|shutdown|revoke)",
        line,
    ):
        reading.add(SETTINGS, "This changes which certificates this machine trusts, or copies keys out.", command.line)
    elif not re.search(
        r"[-/](?:hashfile|dump|verify|store\b|viewstore|ping|encode|v\b|scinfo|template|catemplates|user|\?)|^-[lLVK]",
        line,
    ):
        reading.doubt()


@program(
    *word_set(
        "bitsadmin mshta regsvr32 rundll32 installutil cscript wscript regasm regsvcs msxsl hh ieexec cmstp odbcconf "
        "pcalua presentationhost infdefaultinstall control mavinject xwizard wmiprvse desktopimgdownldr certoc "
        "certreq msdt msedge scriptrunner syncappvpublishingserver te "
        "winget.msi appinstaller explorer dllhost fodhelper computerdefaults sdclt wsreset at64 "
        "aspnet_compiler jsc csc vbc ilasm dfsvc microsoft.workflow.compiler wsl conhost "
        "pwsh-preview printbrm diantz squirrel"
    )
)
def _lolbins(command: Command, reading: Reading) -> None:
    line = line_of(command)
    name = command.name
    if has_help(line) and name not in ("fodhelper", "computerdefaults", "sdclt", "wsreset"):
        return
    address = next(
        (word for word in command.arguments if re.search(r"https?:|ftp:|^\\\\\w", word.text, re.IGNORECASE)), None
    )
    if address is not None:
        found = re.search(r"(?:https?|ftp)://\S+", address.text)
        connect(reading, address.with_text(found[0]) if found else address)
    if name == "rundll32" and re.search(r"comsvcs.*minidump|comsvcs.*#24", line):
        reading.add(MEMORY, "This copies passwords out of the memory of Windows.", command.line)
    elif name == "wsl" and "--unregister" in line:
        reading.add(DELETES_ALL, "This deletes a Linux system with all its files.", command.line)
    elif name == "wsl" or name in (
        "csc",
        "vbc",
        "jsc",
        "ilasm",
        "aspnet_compiler",
        "explorer",
        "control",
        "msedge",
        "conhost",
        "wsreset",
        "certreq",
    ):
        if name == "explorer" or name == "msedge" or re.match(r"(?:--?l(?:ist)?\b|--status|--version|-l -v)", line):
            reading.doubt()
        else:
            run_unread(reading, f"{name} {line}"[:100], command.line)
    elif name == "bitsadmin" and not re.search(
        r"/(?:transfer|addfile|setnotifycmdline|create|resume|complete|upload)", line
    ):
        reading.doubt()
    elif (
        address is not None
        or re.search(r"javascript:|vbscript:|scrobj|\.sct\b|/i:http", line)
        or name in ("fodhelper", "computerdefaults", "sdclt", "cmstp", "mavinject", "msdt")
    ):
        reading.add(
            CODE,
            f"This downloads or runs hidden code through a program of Windows: {name} {line}."[:150],
            command.line,
            HIGH if name == "bitsadmin" else None,
        )
    elif name == "rundll32" and re.search(r"user32.*lockworkstation|powrprof", line):
        reading.add(POWER, "This locks or stops the machine.", command.line, MEDIUM)
    else:
        run_unread(reading, f"{name} {line}"[:100], command.line)
