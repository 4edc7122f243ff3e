"""Services, and the power of a machine."""

from __future__ import annotations

import re

from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program
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
    if texts[:1] and texts[0] in ("--help", "--version", "-h", "/?") and command.name not in ("shutdown", "ipmitool"):
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
