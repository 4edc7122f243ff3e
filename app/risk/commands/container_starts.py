"""What a container that is started can reach: files, devices, and processes of the machine."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.containers import DOCKER, ESCAPES
from app.risk.commands.subcommands import Given
from app.risk.commands.table import read_command
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
OWNS = declare(
    "container.owns_machine",
    CRITICAL,
    "Starts a container with all files of the machine.",
    "docker run -v /:/host alpine sh",
    "docker run -v ./src:/src alpine ls",
    language="shell",
    unread=True,
)


@DOCKER.reader("run, create, container run, container create, compose run")
def _run(given: Given, reading: Reading) -> None:
    mounts = [_mounted(value) for value in given.arguments.values("-v", "--volume", "--mount")]
    owns = None
    for source, read_only in mounts:
        owns = source if _mount(source, read_only, reading) else owns
    host = [option for option, value in given.arguments.options if value is not None and value.text == "host"]
    if given.has("--privileged"):
        given.note(reading, ESCAPES, "The container may do anything that the machine's administrator may do.")
    for option in host:
        if option in ("--pid", "--userns", "--ipc", "--uts", "--cgroupns"):
            given.note(reading, ESCAPES, f"The container shares the machine's processes or users ({option[2:]}).")
    for value in given.arguments.values("--cap-add", "--security-opt", "--device"):
        if re.search(
            r"ALL|SYS_|NET_ADMIN|NET_RAW|DAC_|unconfined|disable|^/dev/(?!fuse|net/tun|dri|snd|video)",
            value.text,
            re.IGNORECASE,
        ):
            reading.add(
                ESCAPES, f"The container gets {value.display}, with which it can reach the machine.", value.line
            )
    if (file := given.value("--env-file")) is not None:
        reading.touch(paths=[file.text])
    if owns is not None:
        _owns(owns, given, reading)


def _owns(source: Word, given: Given, reading: Reading) -> None:
    """Note a container that gets all files of the machine: what it then does decides how bad that is."""
    inner = Reading(reading.budget)
    if len(given.operands) > 1:
        read_command(replace(given.command, words=given.operands[1:], here="container"), inner)
    only_reads = (
        len(given.operands) > 1 and inner.understood and all(found.severity is SAFE for found in inner.findings)
    )
    words = f"The container gets all files of the machine ({source.display})."
    if only_reads and not given.has("--entrypoint"):
        reading.add(ESCAPES, words, source.line)
    else:
        reading.add(OWNS, words, source.line)
    reading.take(inner.findings)


def _mounted(value: Word) -> tuple[Word, bool]:
    """Return the machine's folder in ``-v /a:/b:ro`` or ``type=bind,src=/a,readonly``, and whether it is read-only."""
    if "=" in value.text and "," in value.text:
        found = re.search(r"(?:src|source)=([^,]*)", value.text)
        return value.with_text(found[1] if found else "name"), bool(re.search(r"readonly|(?:^|,)ro\b", value.text))
    parts = re.split(r"(?<!^[A-Za-z]):", value.text)
    return value.with_text(parts[0] if len(parts) > 1 else "name"), len(parts) > 2 and "ro" in parts[2].split(",")


def _mount(source: Word, read_only: bool, reading: Reading) -> bool:
    text = source.text
    if not re.search(r"[/\\~.]", text) and source.known:
        return False  # a volume
    place = place_of(text)
    if re.search(r"(?:docker|containerd|podman|crio)\.sock$", text):
        reading.add(
            ESCAPES, "The container can start others with all rights, through the socket it is given.", source.line
        )
    elif place in (Place.EVERYTHING, Place.DEVICE):
        return True
    elif place in (Place.SECRET, Place.ACCESS, Place.HOME, Place.HOMES):
        reading.add(ESCAPES, f"The container gets {source.display}, which holds secrets.", source.line)
    elif place in (Place.SYSTEM, Place.BOOT, Place.STARTUP, Place.SCHEDULE, Place.DATA, Place.KERNEL) and not read_only:
        reading.add(ESCAPES, f"The container can change {source.display} of the machine.", source.line)
    return False
