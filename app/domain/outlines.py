"""The outline of a proposal: what it would do, with holes for names and values. Pure.

Two proposals are alike if they have the same outline, whatever workflow they come from. Everything that is not in the
outline is in its holes, so that what distinguishes two proposals that are alike can be listed completely.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.calls import is_made
from app.domain.weight import weigh
from assent.contracts import calls_of
from assent.digests import digest_of

MOST_TEXT = 10_000
"""Proposals with more characters have no outline: comparing them would take too long."""
_MOST_HOLES = 300
_KEY_LENGTH = 32
_A_CHARACTER = 0.4
"""Microseconds to draw a character."""
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<value>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b0x[0-9a-fA-F]+\b
        |(?<![\w.])\d[\d._:]*(?![\w-]))
    |(?P<word>[A-Za-z_$@/~.\\][\w$@/~.:\\-]*|[\w.:/\\@-]+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_SHELLS = frozenset(("shell", "bash", "sh", "zsh", "ksh", "dash", "command", "console", "terminal"))
_SQL = frozenset(("sql", "postgres", "postgresql", "mysql", "mariadb", "sqlite", "mssql", "tsql", "oracle"))
_CODE_KEYS = {
    "sql": "sql", "query": "sql", "statement": "sql", "statements": "sql", "command": "shell", "cmd": "shell",
    "commands": "shell", "script": "shell", "code": "", "expression": "", "source": "",
}  # fmt: skip
"""Arguments that hold code, with its language."""
_DEED_KEYS = frozenset((
    "action", "operation", "op", "method", "verb", "mode", "type", "kind", "state", "status", "role", "permission",
    "permissions", "access", "level", "effect", "decision",
))  # fmt: skip
"""Arguments whose value says what is done rather than with what."""
_SQL_WORDS = frozenset((
    "abort", "add", "all", "alter", "always", "analyze", "and", "any", "as", "asc", "begin", "between", "by", "call",
    "cascade", "case", "cast", "check", "checkpoint", "cluster", "column", "commit", "concurrently", "constraint",
    "copy", "create", "cross", "cube", "current", "database", "default", "deferrable", "delete", "desc", "disable",
    "distinct", "do", "domain", "drop", "each", "else", "enable", "end", "except", "execute", "exists", "explain",
    "extension", "false", "fetch", "for", "force", "foreign", "from", "full", "function", "grant", "group", "grouping",
    "having", "if", "ignore", "ilike", "in", "include", "index", "inner", "insert", "intersect", "into", "is",
    "isolation", "join", "key", "lateral", "left", "level", "like", "limit", "local", "lock", "locked", "mode", "not",
    "nothing", "nowait", "null", "of", "off", "offset", "on", "only", "or", "order", "outer", "over", "owner",
    "partition", "policy", "primary", "privileges", "procedure", "public", "references", "refresh", "reindex",
    "release", "rename", "replace", "reset", "restart", "restrict", "returning", "revoke", "right", "role", "rollback",
    "row", "rows", "savepoint", "schema", "security", "select", "sequence", "session", "set", "share", "skip", "start",
    "statistics", "table", "tables", "tablespace", "temp", "temporary", "then", "to", "transaction", "trigger", "true",
    "truncate", "type", "union", "unique", "unlogged", "update", "user", "using", "vacuum", "validate", "values",
    "view", "when", "where", "window", "with", "work",
))  # fmt: skip


@dataclass(frozen=True)
class Outline:
    """What a proposal would do, as pieces of text with a hole between each two.

    Attributes:
        family: the kind of proposal, and what else has to be the same although the pieces do not show it.
        labels: what each hole is called; empty if its surroundings say it.
        values: what is in each hole.
    """

    family: tuple[str, ...]
    pieces: tuple[str, ...]
    labels: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def key(self) -> str:
        """The same for all proposals that are alike."""
        return digest_of([self.family, self.pieces, self.labels])[:_KEY_LENGTH]


def likeness_key(payload: Any, workflow: str, node: str) -> str:
    """`Outline.key` of a proposal; empty if it has none."""
    outline = outline_of(payload, workflow, node)
    return outline.key if outline is not None else ""


def outline_of(payload: Any, workflow: str = "", node: str = "") -> Outline | None:
    """The outline of a proposal; None if it has none: it is a question, or too long.

    Args:
        workflow: with `node`, where it comes from, which counts if only that says what the proposal does.
    """
    if not isinstance(payload, Mapping):
        return None
    drawn = _Drawing()
    kind = str(payload.get("kind", ""))
    try:
        family = _draw(kind, payload, drawn, workflow, node)
    except _TooLongError:
        return None
    if family is None:
        return None
    shape = tuple(drawn.pieces), tuple(drawn.labels), tuple(drawn.values)
    return Outline((kind, *family, *drawn.shapes), *shape)


class _TooLongError(Exception):
    pass


class _Drawing:
    """An outline while it is drawn."""

    def __init__(self) -> None:
        self.pieces = [""]
        self.labels: list[str] = []
        self.values: list[str] = []
        self.shapes: list[str] = []
        self._read = 0

    def text(self, words: str) -> None:
        self._weigh(words)
        self.pieces[-1] += words

    def hole(self, label: str, value: str) -> None:
        self._weigh(value)
        if len(self.values) == _MOST_HOLES:
            raise _TooLongError
        self.labels.append(label)
        self.values.append(value)
        self.pieces.append("")

    def _weigh(self, text: str) -> None:
        weigh(len(text) * _A_CHARACTER)
        self._read += len(text)
        if self._read > MOST_TEXT:
            raise _TooLongError


def _draw(kind: str, payload: Mapping[str, Any], drawn: _Drawing, workflow: str, node: str) -> tuple[str, ...] | None:
    """Draw a proposal, and return what else has to be the same; None if proposals of this kind are not compared."""
    language = str(payload.get("language") or "").lower()
    if kind == "script":
        _statement(str(payload.get("content", "")), language, drawn)
        return language, str(payload.get("dialect") or ""), str(payload.get("effect") or "")
    if kind == "optimizations":
        for item in _objects(payload.get("items")):
            _statement(str(item.get("statement", "")), language or "sql", drawn)
            if item.get("rollback"):
                drawn.text("; to roll back: ")
                _statement(str(item["rollback"]), language or "sql", drawn)
            drawn.text("; ")
        return language, str(payload.get("verb", "")), str(payload.get("noun", ""))
    if kind in ("tool_call", "tool_calls"):
        for call in calls_of(dict(payload)):
            drawn.text(str(call.get("tool", "")) if is_made(call) else f"not {call.get('tool', '')}")
            _arguments(call.get("args"), "", drawn)
            drawn.text("; ")
        return ()
    if kind == "plan":
        for step in _objects(payload.get("steps")):
            drawn.text(str(step.get("tool") or step.get("workflow") or ""))
            _arguments(step.get("inputs"), "", drawn)
            drawn.text("; " if step.get("gated", True) else " without an approval of its own; ")
        return ()
    if kind == "custom":
        _arguments(payload.get("data"), "", drawn)
        return workflow, node  # what becomes of such data, only the step knows
    return None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _arguments(value: Any, path: str, drawn: _Drawing) -> None:
    """Draw a JSON value: names, and what says what is done, in the outline; other values in holes."""
    name = path.rsplit(".", 1)[-1].lower()
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            # A point in a name is not the one between two names.
            part = json.dumps(key) if "." in str(key) else str(key)
            _arguments(value[key], f"{path}.{part}" if path else part, drawn)
        if not value:
            drawn.text(f" {path}: {{}}")
        return
    drawn.text(f" {path}: " if path else " ")
    if value is None or isinstance(value, bool) or value == []:
        drawn.text(json.dumps(value))
    elif isinstance(value, list):
        plain = all(isinstance(item, str) and "," not in item for item in value)
        # First, because what is too long ends here.
        drawn.hole(path, ", ".join(value) if plain else json.dumps(value, ensure_ascii=False, sort_keys=True))
        drawn.shapes.append(_shape(value))
    elif isinstance(value, str) and name in _CODE_KEYS:
        _statement(value, _CODE_KEYS[name], drawn)
    elif isinstance(value, str) and name in _DEED_KEYS and re.fullmatch(r"[A-Za-z_-]{1,40}", value):
        drawn.text(value)
    else:
        drawn.shapes.append("text" if isinstance(value, str) else "number")
        drawn.hole(path or "value", value if isinstance(value, str) else json.dumps(value))


def _shape(value: Any) -> str:
    """The shape of a list or of an item of it: its type, and the names in it.

    The shapes inside are joined as they are: JSON within JSON would double with each level.
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{json.dumps(str(key))}:{_shape(inner)}" for key, inner in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted({_shape(item) for item in value})) + "]"
    return "text" if isinstance(value, str) else "number" if not isinstance(value, bool) else json.dumps(value)


def _statement(text: str, language: str, drawn: _Drawing) -> None:
    """Draw code: what says what is done in the outline, names and values in holes."""
    if len(text) > MOST_TEXT:
        raise _TooLongError
    # Line ends end comments, and mean something in most other languages.
    lines = language not in _SQL or "--" in text or "#" in text
    keep = _keeps_sql if language in _SQL else _Shell().keeps if language in _SHELLS else _keeps_word
    for found in _TOKEN.finditer(text.strip()):
        token = found.group()
        if found.lastgroup == "blank":
            keep("\n" if "\n" in token else " ")
            drawn.text("\n" if "\n" in token and lines else " ")
        elif found.lastgroup == "value":
            drawn.hole("", token)
        elif (kept := keep(token)) is not None:
            drawn.text(kept)
        else:
            drawn.hole("", token)


def _keeps_sql(token: str) -> str | None:
    """The token as the outline has it; None for a name."""
    if re.match(r"[\w$@/~.\\]", token) is None:
        return token
    return token.lower() if token.lower() in _SQL_WORDS else None


def _keeps_word(token: str) -> str | None:
    """In other languages, words say what is done; paths and numbers are values."""
    return None if re.search(r"[/\\~\d]", token) else token


class _Shell:
    """Which words of a command line say what it does: the program, its subcommand, and its options."""

    def __init__(self) -> None:
        self._words = 0

    def keeps(self, token: str) -> str | None:
        """The token as the outline has it; None for a name or value."""
        if token in ("\n", ";", "|", "&"):
            self._words = 0
            return token
        if re.match(r"[\w$@/~.\\]", token) is None or token.startswith("-"):
            return token
        self._words += 1
        return token if self._words == 1 or (self._words == 2 and re.fullmatch(r"[a-z_-]+", token)) else None


def label_of(outline: Outline, at: int, filled: Sequence[str]) -> str:
    """What a hole is called: its own label, or the words before it.

    Args:
        filled: what is in each hole that is the same for all; `HOLE` for others.
    """
    if outline.labels[at]:
        return outline.labels[at]
    before = ""
    for number in range(at, -1, -1):
        before = outline.pieces[number] + before
        if len(before.split()) > 1 or number == 0:
            break
        before = filled[number - 1] + before
    return " ".join(before.rsplit(";", 1)[-1].split()[-2:])[-30:] or "value"
