"""Where commands for client programs begin and end, and what separates statements besides semicolons."""

from __future__ import annotations

import re

from app.risk.rules import word_set

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
