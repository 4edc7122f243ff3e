"""Services, accounts, jobs, and the power of a machine."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.options import arguments_of
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.groups import rules_domain, rules_unix_machine
from app.risk.languages import language_named
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

RESTARTS = declare(
    "service.restarts",
    MEDIUM,
    "Starts or restarts a service.",
    "systemctl restart nginx",
    "systemctl status nginx",
    language="shell",
)
STOPS = declare(
    "service.stops",
    HIGH,
    "Stops a service, or keeps it from starting.",
    "systemctl stop nginx",
    "systemctl status nginx",
    language="shell",
)
SETS_UP = declare(
    "service.sets_up",
    HIGH,
    "Changes what runs as a service or at every start.",
    "systemctl enable nginx",
    "systemctl is-enabled nginx",
    language="shell",
)
POWER = declare("machine.power", HIGH, "Stops or restarts the machine.", "reboot", "uptime", language="shell")
ACCOUNTS = declare(
    "machine.accounts",
    HIGH,
    "Changes accounts, groups, or passwords of the machine.",
    "useradd ada",
    "id ada",
    language="shell",
)
JOBS = declare(
    "machine.jobs", HIGH, "Changes what the machine runs by the clock.", "crontab -r", "crontab -l", language="shell"
)
MESSAGES = declare(
    "machine.messages",
    LOW,
    "Changes settings of a session, or sends messages.",
    "loginctl lock-session",
    "loginctl list-sessions",
    language="shell",
)

SYSTEMCTL = Program(
    "systemctl",
    values="-t --type -s --signal --state -p --property -H --host -M --machine -n --lines -o --output --root "
    "--job-mode "
    "--kill-whom --when",
    helps="--help -h --version",
    dry_run="--dry-run",
    objects=True,
)
SYSTEMCTL.reads(
    "status, show, list-units, list-unit-files, list-timers, list-dependencies, list-sockets, list-jobs, "
    "list-machines, list-automounts, "
    "list-paths, is-active, is-enabled, is-failed, is-system-running, cat, help, get-default, show-environment, "
    "whoami, "
)
SYSTEMCTL.does(
    RESTARTS,
    "This starts or restarts {what|a service}.",
    "restart, reload, try-restart, reload-or-restart, try-reload-or-restart, start, "
    "daemon-reload, daemon-reexec, reset-failed, force-reload, cancel, log-level, set-environment, "
    "unset-environment, import-environment, "
    "condrestart, thaw, reload-or-try-restart",
)
SYSTEMCTL.does(
    STOPS,
    "This stops {what|a service}, or keeps it from starting.",
    "stop, kill, disable, mask, freeze, isolate, clean, condstop",
)
SYSTEMCTL.does(
    SETS_UP,
    "This changes what runs at every start: {what}.",
    "enable, reenable, unmask, preset, preset-all, edit, link, set-property, "
    "set-default, revert, add-wants, add-requires, bind, mount-image, service-log-level, switch-root",
)
SYSTEMCTL.does(
    POWER,
    "This stops or restarts the machine.",
    "reboot, poweroff, halt, kexec, soft-reboot, suspend, hibernate, hybrid-sleep, "
    "suspend-then-hibernate, sleep, emergency, rescue, exit, default",
)


@SYSTEMCTL.always
def _elsewhere(given: Given, reading: Reading) -> None:
    if given.value("-H", "--host"):
        given.note(reading, SETS_UP, "This acts on another machine.")


@program(
    *word_set(
        "service rc-service invoke-rc.d /etc/init.d sv rc.d svcadm supervisorctl monit pm2 forever initctl s6-rc "
        "start stop restart runsv nginx apachectl apache2ctl httpd haproxy caddyctl php-fpm varnishadm unitctl "
        "dockerd containerd sshd exportfs"
    )
)
def _service(command: Command, reading: Reading) -> None:
    texts = [word.text.lower() for word in command.arguments]
    known = {text.lstrip("-") for text in texts} | (
        {command.name} if command.name in ("start", "stop", "restart") else set()
    )
    shown = " ".join([command.name, *texts])[:100]
    if known & {
        "stop",
        "kill",
        "down",
        "disable",
        "delete",
        "exit",
        "shutdown",
        "force-stop",
        "remove",
        "graceful-stop",
        "quit",
        "del",
    }:
        reading.add(STOPS, f"This stops a service: {shown}.", command.line)
    elif known & {
        "restart",
        "reload",
        "start",
        "up",
        "force-reload",
        "try-restart",
        "condrestart",
        "graceful",
        "reread",
        "update",
        "hup",
        "once",
        "enable",
        "reopen",
        "s",
        "k",
    }:
        reading.add(RESTARTS, f"This starts or restarts a service: {shown}.", command.line)
    elif known & {
        "status",
        "list",
        "status-all",
        "configtest",
        "t",
        "v",
        "version",
        "check",
        "summary",
        "ls",
        "show",
        "describe",
        "logs",
        "pid",
        "monit",
        "l",
        "m",
        "d",
        "jlist",
        "prettylist",
        "info",
        "help",
        "h",
        "avail",
        "tail",
        "fullstatus",
    } or (not texts and command.name != "sshd"):
        return
    else:
        reading.add(SETS_UP, f"What this does to a service is not known: {shown}.", command.line, MEDIUM)
        reading.doubt()


LAUNCHCTL = Program("launchctl", helps="help -h")
LAUNCHCTL.reads(
    "list, print, print-disabled, blame, procinfo, hostinfo, dumpstate, version, getenv, managername, managerpid, "
    "manageruid, examine, error, limit"
)
LAUNCHCTL.does(
    SETS_UP,
    "This changes what runs at every start: {what}.",
    "load, bootstrap, enable, submit, setenv, unsetenv, config, reboot, asuser, bsexec",
)
LAUNCHCTL.does(STOPS, "This stops {what}, or keeps it from starting.", "unload, bootout, disable, stop, kill, remove")
LAUNCHCTL.does(RESTARTS, "This starts {what}.", "start, kickstart")


@program(
    *word_set(
        "reboot shutdown halt poweroff init telinit kexec pm-suspend pm-hibernate systemsetup pmset rtcwake ipmitool "
        "wakeonlan logoff tsshutdn"
    )
)
def _power(command: Command, reading: Reading) -> None:
    texts = [word.text.lower() for word in command.arguments]
    if texts[:1] and texts[0] in ("--help", "--version", "-h", "/?") and command.name != "shutdown":
        return
    if command.name == "shutdown" and (set(texts) & {"-c", "/a", "-a", "--show", "--help"}):
        return
    if command.name in ("ipmitool", "pmset", "systemsetup") and (
        not texts or re.search(r"-g|-get|list|status|sensor|sdr|info|print", " ".join(texts))
    ):
        return
    if command.name in ("init", "telinit") and texts[:1] in (["q"], ["u"]):
        return
    reading.add(POWER, "This stops or restarts the machine: whatever runs on it ends.", command.line)


_DIRECTORIES = word_set("samba-tool ipa adcli realm kadmin kadmin.local")


def _rules_directory(texts: list[str]) -> bool:
    return any(rules_domain(text, directory=True) or text.lower() == "admins" for text in texts)


@program(
    *word_set(
        "useradd adduser usermod userdel deluser groupadd addgroup groupmod groupdel delgroup gpasswd passwd chpasswd "
        "chgpasswd newusers chage chsh chfn vipw vigr visudo pwconv pwunconv grpconv faillock pam-auth-update "
        "authconfig authselect sysadminctl dseditgroup dscl pw lpasswd smbpasswd pdbedit htpasswd realm adcli kadmin "
        "kadmin.local ipa ldapmodify ldapadd ldapdelete ldappasswd samba-tool newgrp saslpasswd2 nischpasswd"
    )
)
def _accounts(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-u -g -G -s -d -c -e -p -k -f -M -A -n -D -w -h -H -b --uid --gid --groups --shell --home --ingroup -K",
    )
    if given.exactly("--help", "--version", "-h") and not given.value("-h"):
        return
    texts = [word.text for word in given.operands]
    name = command.name
    if (
        (name == "passwd" and given.exactly("-S", "--status"))
        or (name == "chage" and given.exactly("-l", "--list"))
        or (name == "visudo" and given.exactly("-c", "--check"))
        or (
            name in ("dscl", "pdbedit", "realm", "ipa", "samba-tool", "faillock")
            and re.search(
                r"read|list|-L|show|find|search|discover", " ".join([*texts, *(option for option, _ in given.options)])
            )
        )
    ):
        return
    shown = ", ".join(word.display for word in given.operands[:3])
    groups = [value.text for value in given.values("-G", "--groups", "-a", "-g")]
    privileged = any(rules_unix_machine(text) for text in [*groups, *texts[1:]])
    if name == "htpasswd":
        for word in given.operands[:1]:
            act_on(reading, Act.WRITE, word)
        return
    if name == "passwd" and given.has("-d", "--delete"):
        reading.add(
            ACCOUNTS,
            f"This takes the password of {shown or 'an account'} away: anybody may sign in.",
            command.line,
            CRITICAL,
        )
    elif name in _DIRECTORIES and any("add" in text for text in texts) and _rules_directory(texts):
        reading.add(ACCOUNTS, f"This makes an administrator of the domain: {name} {shown}.", command.line, CRITICAL)
    elif privileged:
        reading.add(ACCOUNTS, f"This makes {shown} an administrator of the machine.", command.line)
    elif name in ("groupadd", "addgroup", "newgrp", "chfn"):
        reading.add(ACCOUNTS, f"This changes groups of the machine: {shown}.", command.line, MEDIUM)
    else:
        what = "deletes accounts or groups" if re.search(r"del", name) else "changes accounts, groups, or passwords"
        reading.add(ACCOUNTS, f"This {what} of the machine: {name} {shown}.".replace(" .", "."), command.line)


@program("crontab")
def _crontab(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-u")
    if given.exactly("-l", "-V", "--help", "-T"):
        return
    if given.has("-r"):
        reading.add(JOBS, "This deletes all jobs that run by the clock.", command.line)
    elif given.has("-e"):
        reading.add(JOBS, "This edits the jobs that run by the clock.", command.line)
        reading.doubt()
    else:
        reading.add(JOBS, "This replaces all jobs that run by the clock.", command.line)
        reading.doubt()
        if command.input is not None and command.input.known:
            _jobs(command, reading)
        elif command.input_from == "download":
            run_unread(reading, "jobs as they are downloaded", command.line)


def _jobs(command: Command, reading: Reading) -> None:
    assert command.input is not None
    if language_named("crontab"):
        reading.read("crontab", command.input.text, command.input.line)
        return
    for number, line in enumerate(command.input.text.splitlines()[:200]):
        found = re.match(r"\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+(.+)", line)
        if found and not line.lstrip().startswith("#"):
            reading.read("shell", found[1], command.input.line + number, fixed=True, within="By the clock: ")


@program("at", "batch", "atq", "atrm", "anacron", "run-parts", "cronnext", "fcrontab")
def _at(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-f -q -t")
    if command.name in ("atq", "cronnext") or given.exactly("-l", "-V", "-c", "--test", "--list", "-T"):
        return
    if command.name == "run-parts" or command.name == "anacron":
        run_unread(reading, " ".join(word.display for word in command.words[:3]), command.line)
        return
    if command.name == "atrm" or given.has("-d", "-r"):
        reading.add(JOBS, "This deletes jobs that run later.", command.line, MEDIUM)
        return
    reading.add(JOBS, "This runs something later.", command.line)
    if command.input is not None and command.input.known:
        reading.read("shell", command.input.text, command.input.line, within="Later: ")
    else:
        reading.doubt()


LOGINCTL = Program(
    "loginctl",
    "tmux",
    "zellij",
    "byobu",
    helps="--help -h --version -V",
    values="-t -s -n -c -L -S -x -y -F -f",
)
LOGINCTL.reads(
    "list-sessions, session-status, show-session, list-users, user-status, show-user, list-seats, seat-status, "
    "show-seat, ls, list-windows, "
    "list-panes, lsp, lsw, capture-pane, display-message, show-options, info, has-session, has, list-clients, "
    "list-keys, capturep, "
)
LOGINCTL.does(
    STOPS,
    "This ends sessions, with what runs in them: {what}.",
    "terminate-session, terminate-user, kill-session, kill-user, kill-server, "
    "kill-window, kill-pane, kill, terminate-seat, delete-session, killw, killp",
    MEDIUM,
)
LOGINCTL.does(
    MESSAGES,
    "This changes sessions or their settings: {what}.",
    "enable-linger, disable-linger, lock-session, unlock-session, activate, "
    "attach, a, detach, rename-session, select-window, select-pane, resize-pane, "
    "load-buffer, "
    "set-buffer, lock-sessions, attach-session",
)
LOGINCTL.does(
    SETS_UP,
    "This changes what the session runs: {what}.",
    "source-file, source, set, set-option, setw, set-window-option, set-environment, set-hook, bind-key, bind, "
    "pipe-pane, "
    "pipep, respawn-pane, respawnp, respawn-window, respawnw, command-prompt, confirm-before, confirm, display-menu, "
    "choose-tree, wait-for",
)
LOGINCTL.starts(
    "new-session, new, new-window, neww, split-window, splitw, send-keys, send, run-shell, run, if-shell, popup"
)


@program("screen")
def _screen(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-S -c -e -h -p -s -t -T -X -Q -r -x -R -D", mixed=False)
    if given.exactly("-ls", "-list", "-v", "-l") and not given.operands:
        return
    if given.value("-c"):
        run_unread(reading, "the settings that are named", command.line)
    if given.has("-X"):
        reading.add(MESSAGES, "This sends a command to a session.", command.line, MEDIUM)
        reading.doubt()
    elif given.operands:
        read_command(replace(command, words=given.operands), reading)
    else:
        reading.doubt()


@LOGINCTL.always
def _session_settings(given: Given, reading: Reading) -> None:
    if given.command.name in ("tmux", "byobu") and any(option == "-f" for option, _ in given.leading):
        run_unread(reading, "the settings that are named", given.line)


@LOGINCTL.reader(
    "new-session, new, new-window, neww, split-window, splitw, run-shell, run, if-shell, popup, send-keys, send"
)
def _in_session(given: Given, reading: Reading) -> None:
    words = [word for word in given.operands if word.text not in ("Enter", "C-m")]
    if not words:
        reading.doubt()
        return
    if given.name in ("send-keys", "send"):
        given.note(reading, MESSAGES, "This types into a session.", MEDIUM)
    if len(words) == 1:
        reading.read("shell", words[0].text, words[0].line, fixed=True)
    else:
        read_command(replace(given.command, words=words), reading)
