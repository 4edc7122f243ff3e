"""Commands for the client programs psql, mysql, sqlite3, sqlcmd, and SQL*Plus, which stand between statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.risk import Finding
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

CLIENT = declare(
    "sql.client_command", RiskLevel.HIGH, "A command for the client program, which can run other programs."
)

_BACKSLASH = frozenset({"postgres", "redshift", "mysql", ""})
_LINE_WORDS = {
    "mysql": word_set("SYSTEM SOURCE DELIMITER TEE NOTEE PAGER NOPAGER WARNINGS NOWARNING CHARSET REHASH CONNECT"),
    "oracle": word_set(
        "HOST HO SPOOL SPO PROMPT CONNECT CONN DISCONNECT WHENEVER ACCEPT DEFINE DEF UNDEFINE VARIABLE VAR COLUMN "
        "COL BREAK TTITLE BTITLE REM REMARK EXIT QUIT PAUSE CLEAR EDIT GET RUN SAVE STORE SHOW PASSWORD START "
        "PRINT ARCHIVE STARTUP"
    ),
    "": word_set("SYSTEM SOURCE DELIMITER HOST SPOOL TEE PAGER"),
}
_SET_SQLPLUS = re.compile(
    r"SET\s+(?:ECHO|FEEDBACK|HEADING|LINESIZE|PAGESIZE|SERVEROUTPUT|TERMOUT|TIMING|TIME|TRIMSPOOL|VERIFY|DEFINE|SQLBLANKLINES|"
    r"LONG|COLSEP|WRAP|UNDERLINE|SCAN|ESCAPE|AUTOTRACE|AUTOCOMMIT)\b",
    re.IGNORECASE,
)
_GO = re.compile(r"GO(?:[ \t]+[0-9]+)?[ \t]*;?[ \t]*(?=\r|\n|--|\Z)", re.IGNORECASE)
_SLASH = re.compile(r"/[ \t]*(?=\r|\n|\Z)")
_ENDS = re.compile(r"\\[gG](?![A-Za-z])")


def separator_end(text: str, start: int, dialect: str) -> int:
    """Return where a separator other than a semicolon ends (such as GO); 0 if none begins here."""
    if text[start] == "\\":
        if text.startswith("\\;", start):
            return start + 2
        ends = _ENDS.match(text, start) if dialect == "mysql" else None
        return ends.end() if ends else 0
    if not _begins_line(text, start):
        return 0
    pattern = {"tsql": _GO, "oracle": _SLASH, "": _GO if text[start] in "gG" else _SLASH}.get(dialect)
    match = pattern.match(text, start) if pattern is not None else None
    return match.end() if match else 0


def command_end(text: str, start: int, key: str, first: bool, dialect: str) -> int:
    """Return where a client command that begins at `start` ends; 0 if there is none.

    Args:
        text: The whole text.
        start: Offset of a token.
        key: The token's key.
        first: True if the token is the first of its statement.
        dialect: Our name of the dialect, or empty if it is unknown.
    """
    char = text[start]
    if char == "\\" and dialect in _BACKSLASH:
        return _backslash_end(text, start)
    if not first or not _begins_line(text, start):
        return 0
    if (
        (char == "." and dialect in ("sqlite", "duckdb", "") and text[start + 1 : start + 2].isalpha())
        or (dialect in ("tsql", "") and (char == ":" or text.startswith("!!", start)))
        or (dialect in ("oracle", "") and (char in "!@" or (char == "$" and dialect)))
        or key in _LINE_WORDS.get(dialect, ())
        or (dialect == "oracle" and key == "SET" and _SET_SQLPLUS.match(text, start))
    ):
        return _line_end(text, start)
    return 0


def _begins_line(text: str, start: int) -> bool:
    line = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    return not line.strip(" \t\f\v\ufeff")


def _line_end(text: str, start: int) -> int:
    ends = [place for place in (text.find("\n", start), text.find("\r", start)) if place >= 0]
    return min(ends, default=len(text))


def _backslash_end(text: str, start: int) -> int:
    end = _line_end(text, start)
    if text.startswith(("\\!", "\\copy"), start):
        return end
    double = text.find("\\\\", start + 1, end)  # psql: another statement or command follows on the same line
    return double + 2 if double >= 0 else end


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
        words = "The client program runs a shell command, with the rights of whoever runs this text."
        yield CLIENT.finding(words, line, RiskLevel.CRITICAL)
    elif _LOADS.match(command):
        words = "Loads a library into the client program, which can do anything that its account may do."
        yield CLIENT.finding(words, line, RiskLevel.CRITICAL)
    elif command.lower().startswith(("\\copy", "\\lo_")):
        words = "Copies data between the database and a file on the client's machine."
        yield CLIENT.finding(words, line, RiskLevel.MEDIUM if _copies_to_stdout(command) else None)
    elif "|" in command or not any(pattern.match(command) for pattern in _HARMLESS):
        words = "A command for a client such as psql or mysql, which can run statements and programs from other files."
        yield CLIENT.finding(words, line)


def _copies_to_stdout(command: str) -> bool:
    return bool(re.search(r"\bto\s+p?stdout\b|\bfrom\s+p?stdin\b", command, re.IGNORECASE))


def _runs_shell(command: str, dialect: str) -> bool:
    family = {"redshift": "postgres", "duckdb": "sqlite"}.get(dialect, dialect)
    return any(pattern.match(command) for program, pattern in _SHELLS if program == family or not family)
