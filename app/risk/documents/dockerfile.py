"""Reading Dockerfiles: their commands, and what becomes part of the image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from app.risk.documents.secret_settings import is_secret_setting
from app.risk.effects import UNPARSED, connect
from app.risk.places import Place, place_of, plain_path
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

_LANGUAGE = "dockerfile"
SECRET_IN_IMAGE = declare(
    "dockerfile.secret", RiskLevel.HIGH, "A secret becomes part of an image, for everybody who can pull it.",
    "FROM alpine:3.20\nCOPY id_rsa /root/.ssh/id_rsa", "FROM alpine:3.20\nCOPY app /app", language=_LANGUAGE,
)  # fmt: skip
ROOT = declare(
    "dockerfile.root", RiskLevel.HIGH, "Makes an image run as root on purpose.", "FROM alpine:3.20\nUSER root",
    "FROM alpine:3.20\nUSER app", language=_LANGUAGE,
)  # fmt: skip
UNCHECKED = declare(
    "dockerfile.unchecked", RiskLevel.HIGH, "Programs of an image no longer check who a server is.",
    "FROM node:22\nENV NODE_TLS_REJECT_UNAUTHORIZED=0", "FROM node:22\nENV NODE_ENV=production", language=_LANGUAGE,
)  # fmt: skip
PRIVILEGED = declare(
    "dockerfile.privileged", RiskLevel.HIGH, "A command of a build gets the rights of the machine that builds.",
    "FROM alpine:3.20\nRUN --security=insecure ls", "FROM alpine:3.20\nRUN ls", language=_LANGUAGE,
)  # fmt: skip
FROM_URL = declare(
    "dockerfile.from_url", RiskLevel.MEDIUM, "Adds a file from the internet to an image.",
    "FROM alpine:3.20\nADD https://example.com/a.tar.gz /a/", "FROM alpine:3.20\nADD a.tar.gz /a/", language=_LANGUAGE,
    unread=True,
)  # fmt: skip
BUILDS = declare(
    "dockerfile.builds", RiskLevel.MEDIUM, "Builds an image on another one, whose content has not been read.",
    "FROM alpine:3.20\nCOPY app /app", "# FROM alpine", language=_LANGUAGE, unread=True,
)  # fmt: skip
_UNCHECKED = re.compile(
    r"NODE_TLS_REJECT_UNAUTHORIZED=0|GIT_SSL_NO_VERIFY=(?:1|true)|PYTHONHTTPSVERIFY=0|NPM_CONFIG_STRICT_SSL=false"
    r"|COMPOSER_DISABLE_TLS=1|PIP_TRUSTED_HOST=.+|GONOSUMCHECK=.+|GOFLAGS=-insecure|CURL_INSECURE=.+",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)


def read(text: str, reading: Reading) -> None:
    """Read a Dockerfile."""
    based, user = False, (1, "")
    files: dict[str, Word] = {}
    for line, instruction in _instructions(text):
        reading.budget.step()
        found = _INSTRUCTION.fullmatch(instruction)
        name, rest = (found[1].upper(), found[2].strip()) if found else (instruction.strip().upper(), "")
        if name == "FROM":
            if not based:
                reading.add(BUILDS, f"This builds an image on {rest.split(' ')[0][:80]}.", line)
            based, user, files = True, (line, ""), {}
        elif name in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD", "SHELL"):
            _read_command(name, rest, line, reading, files)
        elif name in ("COPY", "ADD"):
            _read_copy(name, rest, line, reading, files)
        elif name in ("ENV", "ARG"):
            _read_setting(rest, line, reading)
        elif name == "USER":
            user = (line, rest)
        elif name not in _KNOWN:
            reading.add(UNPARSED, f"{name[:40]} is not an instruction of Dockerfiles.", line)
    if re.fullmatch(r"(?:root|0)(?::.*)?", user[1]):
        reading.add(ROOT, "The image runs as root.", user[0])


_KNOWN = frozenset(["WORKDIR", "EXPOSE", "LABEL", "VOLUME", "STOPSIGNAL", "MAINTAINER"])


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Yield the instructions with their lines, without comments, with their here-documents."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        start, current = number, lines[number]
        number += 1
        if not current.strip() or current.lstrip().startswith("#"):
            continue
        parts = [current]
        while parts[-1].rstrip().endswith("\\") and number < len(lines):
            if not lines[number].lstrip().startswith("#"):
                parts.append(lines[number])
            else:
                parts.append("\\")
            number += 1
        for mark in re.findall(r"<<-?\s*[\"']?(\w+)[\"']?", current):
            while number < len(lines):
                parts.append(lines[number])
                number += 1
                if lines[number - 1].strip() == mark:
                    break
        yield start + 1, "\n".join(parts)


def _read_command(name: str, rest: str, line: int, reading: Reading, files: dict[str, Word]) -> None:
    if name == "ONBUILD":
        inner = _INSTRUCTION.fullmatch(rest)
        if inner and inner[1].upper() == "RUN":
            _read_command("RUN", inner[2], line, reading, files)
        return
    options = re.match(r"(?:--[\w-]+(?:=\S+)?\s+)*", rest)
    command = rest[options.end() :] if options else rest
    if options and "--security=insecure" in options[0]:
        reading.add(PRIVILEGED, "This command gets the rights of the machine that builds the image.", line)
    if name == "HEALTHCHECK":
        command = re.sub(r"^.*?\bCMD\s+", "", command, flags=re.DOTALL) if "CMD" in command else ""
    if command.startswith("["):
        try:
            words = json.loads(command)
        except ValueError:
            words = None
        if isinstance(words, list) and words:
            _read_words([str(word) for word in words], name, line, reading)
            return
    if name == "SHELL" or not command:
        return
    if name in ("CMD", "ENTRYPOINT"):
        # It runs when a container starts, not now; what it starts is mostly what the image is for.
        inner_reading = Reading(reading.budget)
        inner_reading.read("shell", command, line)
        reading.take(found for found in inner_reading.findings if found.severity is RiskLevel.CRITICAL)
        return
    heredoc = re.match(r"<<-?\s*[\"']?(\w+)[\"']?[^\n]*\n(.*?)\n?\1\s*$", command, re.DOTALL)
    if heredoc:
        command, line = heredoc[2], line + 1
    reading.read("shell", command, line, folder="/", image=True, files=files)


def _read_words(words: list[str], name: str, line: int, reading: Reading) -> None:
    from app.risk.commands.table import Command, read_command

    if name in ("CMD", "ENTRYPOINT") and words[0].rpartition("/")[2] not in ("sh", "bash"):
        return
    read_command(Command([Word(word, line) for word in words], here="container"), reading)


def _read_copy(name: str, rest: str, line: int, reading: Reading, files: dict[str, Word]) -> None:
    words = [word for word in rest.replace("\\\n", " ").split() if not word.startswith("--")]
    for source in words[:-1]:
        if re.match(r"(?:https?|git)://|git@", source):
            connect(reading, Word(source, line))
            reading.add(FROM_URL, f"This adds {source[:80]} to the image.", line)
            if "--checksum=" not in rest:
                target = words[-1] + source.split("?")[0].rpartition("/")[2] if words[-1].endswith("/") else words[-1]
                files[plain_path(target)] = Word(UNKNOWN, line, source="download")
        elif place_of(source) in (Place.SECRET, Place.ACCESS):
            reading.add(
                SECRET_IN_IMAGE, f"{source[:80]} becomes part of the image, for everybody who can pull it.", line
            )


def _read_setting(rest: str, line: int, reading: Reading) -> None:
    """Read ``NAME=value NAME=value`` and ``NAME value``."""
    rest = rest.replace("\\\n", " ")
    pairs = _PAIR.findall(rest) if re.match(r"\w+=", rest) else re.findall(r"^(\w+)\s+(.+)", rest)
    for name, value in pairs:
        plain = value.strip("\"'")
        if is_secret_setting(name, plain):
            reading.add(SECRET_IN_IMAGE, f"The value of {name[:60]} becomes part of the image.", line)
        if _UNCHECKED.fullmatch(f"{name}={plain}"):
            reading.add(UNCHECKED, f"With {name[:60]}, programs no longer check who a server is.", line)


_PAIR = re.compile(r"(?<!\w)(\w{1,200})=(\"[^\"]*\"|'[^']*'|\S*)")
