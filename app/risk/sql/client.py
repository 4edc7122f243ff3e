"""Commands for the client programs psql, mysql, sqlite3, sqlcmd, and SQL*Plus, which stand between statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.risk import Finding
from app.risk.places import Place, place_of
from app.risk.sql.rules import declare_sql
from assent.contracts import RiskLevel

CLIENT = declare_sql(
    "sql.client_command", RiskLevel.HIGH, "A command for the client program, which can run other programs.", unread=True
)

_SHELLS = (
    (
        "postgres",
        re.compile(
            r"\\!|\\(?:g|gx|o|out|w|write|s)\s*\||\\[a-z]+\s.*`|\\copy\b.*\bprogram\b", re.IGNORECASE | re.DOTALL
        ),
    ),
    ("mysql", re.compile(r"\\!|system\b|\\P\b|pager\s+\S", re.IGNORECASE)),
    (
        "sqlite",
        re.compile(
            r"\.(?:sh|she|shel|shell|sy|sys|syst|syste|system)\b|\.(?:output|once|o|excel|import)\b.*\|", re.IGNORECASE
        ),
    ),
    ("tsql", re.compile(r":?!!", re.IGNORECASE)),
    ("oracle", re.compile(r"!|\$|ho(?:st)?\b", re.IGNORECASE)),
)
_LOADS = re.compile(r"\.(?:load|lo)\b", re.IGNORECASE)
_HARMLESS = (
    # psql: listings, formats, and messages
    re.compile(
        r"\\(?:d[A-Za-z]*[+S]*|l[+]?|z|sf|sv|x|a|t|H|C|f|pset|timing|echo|qecho|warn|q|\?|h|help|encoding|conninfo|errverbose|r|p|"
        r"g|gx|gdesc|set(?!\s+(?:AUTOCOMMIT|ON_ERROR_ROLLBACK))|unset|endif|else|crosstabview|copyright|prompt|G|s)(?![A-Za-z])"
    ),
    re.compile(r"(?:delimiter|notee|nopager|warnings|nowarning|charset|rehash)\b", re.IGNORECASE),
    re.compile(
        r"\.(?:tables|schema|mode|headers?|databases|dbinfo|indexes|indices|fullschema|width|show|quit|exit|help|timer|echo|"
        r"nullvalue|print|separator|stats|changes|bail|eqp|explain|limit|lint|sha3sum|version|vfsname|vfsinfo|vfslist|dump|prompt|binary)\b",
        re.IGNORECASE,
    ),
    re.compile(r":(?:setvar|on\s+error|listvar|help|exit|quit|list|reset|serverlist|perftrace|xml)\b", re.IGNORECASE),
    re.compile(
        r"(?:set|show|prompt|whenever|rem|remark|exit|quit|col|column|break|ttitle|btitle|clear|def|define|undefine|var|variable|pause|"
        r"print|accept|disconnect)\b",
        re.IGNORECASE,
    ),
)


def client_findings(command: str, line: int, dialect: str) -> Iterator[Finding]:
    """Return the findings for a command of a client program.

    Args:
        command: The command's line.
        line: Its number.
        dialect: Our name of the dialect.
    """
    command = command.strip()
    if _runs_shell(command, dialect):
        words = "The client program runs a shell command, with the rights of the person who runs this text."
        yield CLIENT.finding(words, line, RiskLevel.CRITICAL)
    elif _LOADS.match(command):
        words = "Loads a library into the client program, which can do anything that its account may do."
        yield CLIENT.finding(words, line, RiskLevel.CRITICAL)
    elif command.lower().startswith(("\\copy", "\\lo_", "\\o ", ".output", ".once", "spool")):
        words = "Copies data between the database and a file on the client's machine."
        yield CLIENT.finding(words, line, _file_level(command))
    elif "|" in command or not any(pattern.match(command) for pattern in _HARMLESS):
        words = "A command for a client such as psql or mysql, which can run statements and programs from other files."
        yield CLIENT.finding(words, line)


_TO_FILE = re.compile(
    r"(?:\\copy\b.*\bto|\\o|\.output|\.once|spool)\s+(?:'([^']+)'|\"([^\"]+)\"|(\S+))", re.IGNORECASE | re.DOTALL
)
_ORDINARY = frozenset({Place.WORKING, Place.TEMPORARY, Place.GENERATED, Place.NOTHING})


def _file_level(command: str) -> RiskLevel:
    """Return how bad it is to read from or write to the file that a command names."""
    match = _TO_FILE.match(command)
    path = next(filter(None, match.groups()), "") if match else ""
    if path.lower() in ("stdout", "pstdout", "off", "-"):
        return RiskLevel.LOW
    if not match or "lo_export" in command:
        return RiskLevel.MEDIUM  # rows are added that nobody has seen
    if ".." in path or "$" in path or ":" in path:
        return RiskLevel.HIGH
    place = place_of(path)
    return RiskLevel.LOW if place in _ORDINARY else RiskLevel.MEDIUM if place is Place.OUTSIDE else RiskLevel.HIGH


def _runs_shell(command: str, dialect: str) -> bool:
    family = {"redshift": "postgres", "duckdb": "sqlite"}.get(dialect, dialect)
    return any(pattern.match(command) for program, pattern in _SHELLS if program == family or not family)
