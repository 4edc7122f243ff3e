"""What a machine runs by the clock: cron and at."""

from __future__ import annotations

import re

from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import run_unread
from app.risk.languages import language_named
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
JOBS = declare(
    "machine.jobs", HIGH, "Changes what the machine runs by the clock.", "crontab -r", "crontab -l", language="shell"
)


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
        if command.input is not None and command.input.text.strip(UNKNOWN + "\n "):
            _jobs(command, reading)
        elif command.input_from == "download":
            run_unread(reading, "jobs as they are downloaded", command.line)


def _jobs(command: Command, reading: Reading) -> None:
    assert command.input is not None
    if language_named("crontab"):
        # What is not known of it is the old table, such as the output of `crontab -l`.
        known = "\n".join(line for line in command.input.text.split("\n") if line.strip(UNKNOWN))
        reading.read("crontab", known.replace(UNKNOWN, ""), command.input.line)
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
