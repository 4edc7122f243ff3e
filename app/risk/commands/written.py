"""What is written into files that run by themselves: jobs, start-up files, hooks, and services are read as code."""

from __future__ import annotations

import re

from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.words import UNKNOWN, Word

_JOB = re.compile(r"\s*(?:@\w+|(?:[^\s#]\S*\s+){4}[^\s]+)\s+(.+)")
_UNIT = re.compile(r"\s*Exec(?:Start|Stop|Reload|StartPre|StartPost|StopPost|Condition)\s*=\s*[-@+!:]*(.+)")
_MOST_LINES = 300


def read_written(reading: Reading, path: Word, content: Word) -> None:
    """Read a text that is written into a file, if the file runs by itself later.

    Args:
        content: The text, with the line on which it begins.
    """
    place = place_of(path.text)
    text = content.text
    if place not in (Place.SCHEDULE, Place.STARTUP, Place.HOOK) or not text.replace(UNKNOWN, "").strip():
        return
    if text.startswith("#!") or (
        place is not Place.SCHEDULE and not path.text.endswith((".service", ".timer", ".desktop"))
    ):
        if not re.search(
            r"git/?config$|\.gitconfig$|attributes$|\.ya?ml$|\.conf$|environment$|vimrc$|inputrc$", path.text
        ):
            reading.read("shell", text, content.line, within="Later, by itself: ")
        return
    with_account = bool(re.match(r"/etc/(?:cron\.d/|crontab)", path.text))
    for number, line in enumerate(text.splitlines()[:_MOST_LINES]):
        found = _UNIT.match(line) or _JOB.match(line)
        if found is None or line.lstrip().startswith("#"):
            continue
        code = re.sub(r"^\S+\s+", "", found.group(1), count=1) if with_account else found.group(1)
        reading.read("shell", code, content.line + number, fixed=True, within="Later, by itself: ")
