"""Risk assessment of tool calls, by the words in the tools' names and by their arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.risk import Finding
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.text import strings_in
from assent.contracts import RiskLevel

DESTRUCTIVE = declare("tool.destructive", RiskLevel.HIGH, "The tool's name says that it deletes or stops something.")
EXECUTES = declare("tool.executes", RiskLevel.HIGH, "The tool's name says that it runs code or commands.")
PAYS = declare("tool.pays", RiskLevel.HIGH, "The tool's name says that it moves money.")
GRANTS = declare("tool.grants", RiskLevel.HIGH, "The tool's name says that it changes permissions.")
SENDS = declare("tool.sends", RiskLevel.MEDIUM, "The tool's name says that it sends something to others.")
WRITES = declare("tool.writes", RiskLevel.MEDIUM, "The tool's name says that it changes something.")
READS = declare("tool.reads", RiskLevel.LOW, "The tool's name says that it only reads.")
UNKNOWN = declare("tool.unknown", RiskLevel.MEDIUM, "The tool's name does not say what it does.")
COMMAND = declare("tool.args.command", RiskLevel.HIGH, "An argument contains a command or code, which is not analyzed.")
SQL = declare("tool.args.sql", RiskLevel.LOW, "An argument contains SQL, which has been assessed.")
BROAD = declare("tool.args.broad", RiskLevel.HIGH, "An argument makes the call affect everything, or skip a safeguard.")
ADDRESS = declare("tool.args.address", RiskLevel.HIGH, "An argument points to a local file or an internal address.")

_ALWAYS = (
    (
        DESTRUCTIVE,
        "delete drop remove purge destroy truncate wipe erase terminate uninstall shutdown kill prune revert "
        "rollback reset overwrite unlink rm format detach evict deprovision decommission",
        "deletes or stops something, perhaps irreversibly",
    ),
    (
        EXECUTES,
        "exec execute run eval shell bash powershell sudo ssh deploy install subprocess invoke apply spawn "
        "terminal repl interpreter launch",
        "runs code or commands, which can do anything that its account may do",
    ),
    (
        PAYS,
        "pay transfer withdraw payout wire purchase buy sell trade refund remit donate checkout",
        "moves money",
    ),
    (
        GRANTS,
        "grant revoke authorize impersonate elevate promote assume",
        "changes permissions",
    ),
    (
        SENDS,
        "send publish post tweet broadcast notify forward reply share upload invite announce submit call dial "
        "push export",
        "sends something to other people or systems, which cannot be recalled",
    ),
    (
        WRITES,
        "create update insert write set edit modify put patch move rename merge add save store assign "
        "schedule cancel close approve restart enable disable replace upsert register book archive import "
        "sync commit stop start toggle change append upgrade migrate scale mark subscribe unsubscribe copy "
        "attach mkdir click type fill",
        "changes something",
    ),
)
_NOUNS = (
    (PAYS, "payment payments invoice charge charges charging", "seems to move money"),
    (
        GRANTS,
        "permission permissions role roles access credential credentials password",
        "seems to change permissions or use credentials",
    ),
    (EXECUTES, "command script code python sql", "seems to run code or commands"),
    (SENDS, "email mail message sms webhook slack", "seems to send something to other people"),
)
_READ_WORDS = word_set(
    "get list read search find fetch lookup describe show count view check query select retrieve summarize "
    "calculate preview status ls cat diff explain validate inspect browse look load download scan analyze estimate "
    "compare ping head stat verify retrieval think"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SQL_KEYS = frozenset({"sql", "query", "statement", "statements", "queries", "ddl"})
_SQL_START = re.compile(
    r"[\s(;]*(?:/\*|--|select|with|insert|update|delete|merge|truncate|drop|alter|create|grant|revoke|copy|do|call|vacuum|reindex|"
    r"explain|set|begin|pragma|attach|lock|replace)\b",
    re.IGNORECASE,
)
_COMMAND_KEYS = frozenset({"command", "cmd", "script", "code", "shell", "program", "source", "expression", "commands"})
_BROAD_FLAGS = word_set(
    "force recursive all everything cascade skip_checks no_confirm noconfirm yes overwrite purge hard"
)
_EVERYTHING = re.compile(r"\s*(?:\*|/|/\*|~/?|\.|\.\*|%|[A-Za-z]:\\|all|\*\.\*|0\.0\.0\.0/0)\s*", re.IGNORECASE)
_EVERYTHING_KEYS = word_set(
    "path paths file files pattern filter target targets scope glob where ids id name names cidr"
)
_INTERNAL = re.compile(
    r"file://|gopher://|(?:https?://)(?:localhost|127\.|0\.0\.0\.0|\[::1?\]|169\.254\.|10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|"
    r"metadata\.)",
    re.IGNORECASE,
)
_MOST_ARGUMENTS = 2_000


def read_call(tool: str, args: Any, reading: Reading) -> None:
    """Read a tool call.

    Args:
        tool: The tool's name, whose words are in snake, camel, or kebab case.
        args: The call's arguments.
        reading: Is added to. Findings about an argument have its path as their item.
    """
    reading.take(_name_findings(tool))
    for number, (path, text) in enumerate(strings_in(args)):
        if number == _MOST_ARGUMENTS:
            reading.add(COMMAND, "There are too many arguments; the others are not analyzed.")
            break
        with reading.at_item(path):
            _read_argument(path, text, reading)
    reading.take(_flags(args))
    reading.doubt()


def _name_findings(tool: str) -> Iterator[Finding]:
    words = [word.lower() for word in _WORDS.findall(tool[:200])]
    found = False
    for rule, triggers, meaning in _ALWAYS:
        if hit := next((word for word in words if word in triggers.split()), ""):
            found = True
            yield rule.finding(f"“{hit}” in the tool's name says that it {meaning}.")
    if found:
        return
    reads = next((word for word in words if word in _READ_WORDS), "")
    if reads:
        yield READS.finding(f"“{reads}” in the tool's name says that it only reads. The agent receives what it reads.")
        return
    for rule, triggers, meaning in _NOUNS:
        if hit := next((word for word in words if word in triggers.split()), ""):
            found = True
            yield rule.finding(f"“{hit}” in the tool's name: it {meaning}.")
    if not found:
        yield UNKNOWN.finding("The tool's name does not say what it does, and nothing else is known about it.")


def _key_words(path: str) -> set[str]:
    """Return the words of an argument's name; an entry of a list has the name of the list."""
    key = re.sub(r"\.[0-9]+$", "", path).rsplit(".", 1)[-1].lower()
    return {word.lower() for word in _WORDS.findall(key)}


def language_of(path: str, text: str) -> str:
    """Return what an argument contains: ``sql``, ``shell`` (a command, or any code), or an empty string for neither."""
    words = _key_words(path)
    if words & _SQL_KEYS and _SQL_START.match(text):
        return "sql"
    return "shell" if words & _COMMAND_KEYS and text.strip() else ""


def _read_argument(path: str, text: str, reading: Reading) -> None:
    language = language_of(path, text)
    if language == "sql":
        reading.add(SQL, f"The argument {path} contains SQL, whose risks are listed separately.")
        reading.read("sql", text, within=f"In {path}: ", dialect="")
    elif language:
        reading.add(COMMAND, f"The argument {path} contains a command or code, which has not been checked.")
    if _key_words(path) & _EVERYTHING_KEYS and _EVERYTHING.fullmatch(text):
        reading.add(BROAD, f"The argument {path} is {text.strip()!r}: the call may affect everything.")
    if _INTERNAL.search(text[:10_000]):
        reading.add(ADDRESS, f"The argument {path} points to a local file or an internal address.")


def _flags(args: Any) -> Iterator[Finding]:
    if not isinstance(args, Mapping):
        return
    for key, value in list(args.items())[:_MOST_ARGUMENTS]:
        if value is True and re.sub(r"[^a-z]+", "_", str(key).lower()).strip("_") in _BROAD_FLAGS:
            yield BROAD.finding(
                f"The argument {str(key)[:60]} is true: it makes the call affect more, or skip a safeguard."
            )
