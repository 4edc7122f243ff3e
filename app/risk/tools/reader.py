"""Reading a tool call: by what kind of tool it is, and otherwise by the words in its name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from app.domain.reading_tools import RegisteredTool
from app.domain.risk import Finding
from app.risk.effects import Act, act_on
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools import names
from app.risk.tools.api_requests import read_api_request
from app.risk.tools.arguments import destroying_flag, is_dry, read_arguments
from app.risk.tools.attached_files import read_sent_files, read_written_files
from app.risk.tools.call import MOST_ARGUMENTS, Argument, ToolCall, words_in
from app.risk.tools.combinations import combined_findings, reading_findings
from app.risk.tools.containers import container_words
from app.risk.tools.deeds import SMALL, Said
from app.risk.tools.devices import read_device
from app.risk.tools.documents import read_documents
from app.risk.tools.everybody import read_everybody
from app.risk.tools.files import read_files, read_patch
from app.risk.tools.graphql import read_graphql
from app.risk.tools.grave_deeds import grave_findings
from app.risk.tools.handing_on import note_handed_on
from app.risk.tools.kinds import dialect_of, kind_of, language_in, program_of
from app.risk.tools.light_deeds import is_trial, light_finding
from app.risk.tools.programs import (
    has_words,
    note_elsewhere,
    note_unread,
    own_program,
    read_program,
    read_words,
    run_words,
)
from app.risk.tools.requests import read_urls
from app.risk.tools.store_calls import read_store
from app.risk.words import Word
from assent.contracts import RiskLevel

MOST_NESTED = 3
COMMAND = declare(
    "tool.args.command", RiskLevel.SAFE, "An argument contains a command or code, which has been read.",
    '{"tool": "frob", "args": {"cmd": "ls"}}', '{"tool": "frob", "args": {"comment": "ls"}}', language="tool_call",
)  # fmt: skip
SQL = declare(
    "tool.args.sql", RiskLevel.SAFE, "An argument contains SQL, which has been read.",
    '{"tool": "frob", "args": {"query": "SELECT 1"}}', '{"tool": "frob", "args": {"query": "shoes under 50"}}',
    language="tool_call",
)  # fmt: skip
TOO_MANY = declare("tool.args.too_many", RiskLevel.HIGH, "A tool call has too many arguments to be read.", unread=True)
TYPES = declare(
    "tool.types", RiskLevel.MEDIUM, "Types or clicks; what receives it decides what happens.",
    '{"tool": "computer", "args": {"action": "type", "text": "hello"}}',
    '{"tool": "computer", "args": {"action": "screenshot"}}', language="tool_call", unread=True,
)  # fmt: skip

_BATCHES = word_set("calls batch actions steps operations tasks requests tools toolcalls invocations")
_ENVELOPES = word_set(
    "tool toolname name function functionname arguments args input parameters params toolinput request message payload "
    "server servername mcpserver method"
)
"""Arguments that name another tool, and what is passed on to it."""
_MOST_CALLS = 100
_DISPATCHERS = word_set("call invoke execute run use tool mcp dispatch proxy")


def read_call(tool: str, args: Any, reading: Reading, first: int | None = None, depth: int = 0) -> None:
    """Read a tool call.

    Args:
        tool: The tool's name, whose words are in snake, camel, or kebab case.
        args: The call's arguments.
        reading: Is added to. Findings about an argument have its path as their item.
        first: The number of findings before the first of the calls that this one follows; None if it follows none.
        depth: How many calls this one is nested in.
    """
    start = len(reading.findings)
    _read_call(tool, args, reading, depth)
    if first is not None:
        note_handed_on(args, reading, first, start)


def _read_call(tool: str, args: Any, reading: Reading, depth: int) -> None:
    call = ToolCall(tool, args)
    if len(call.texts) == MOST_ARGUMENTS:
        reading.add(TOO_MANY, "There are too many arguments; not all of them have been read.")
    if depth < MOST_NESTED and (inner := _inner_call(call)):
        _read_call(*inner, reading, depth + 1)
        _read_beside(call, _ENVELOPES, reading)
        return
    if depth == 0 and (known := reading.tools.registered(tool)):
        call.reads = True
        _read_registered(call, known, reading)
        return
    if batches := _read_inner_calls(call, reading, depth):
        _read_beside(call, batches, reading)
        return
    # A document says what is applied, and the tool's name what is done with it.
    applied = read_documents(call, reading)
    read = read_device(call, reading) or _read_kind(call, reading, applied)
    if call.judged == "asks":
        return
    if not read and is_dry(call):
        # Code among the arguments is read all the same: only the tool itself knows this argument.
        reading.add(names.DRY_RUN, "An argument says that the call only shows what it would do.")
        return
    said = Said(call)
    if not read or (names.destroys(call) and call.judged != "paths"):
        light = light_finding(call, said)
        reading.take([light] if light else names.name_findings(call))
    if not read and names.asks_user(call):
        return
    if call.plain not in names.OWN:
        reading.take(combined_findings(call, runs=read))
        reading.take(grave_findings(call, said))
    read_sent_files(call, reading)
    if not call.judged and not names.only_reads(call) and (names.writes(call) or "push" in call.words):
        read_written_files(call, reading)
    if names.only_reads(call) and "plan" not in call.words and (flag := destroying_flag(call)):
        reading.add(names.DESTRUCTIVE, f"The argument {flag} says that what is found is deleted.")
    if not names.only_reads(call) and call.plain not in names.OWN:
        read_arguments(call, reading)
        read_everybody(call, reading)


def _read_registered(call: ToolCall, known: RegisteredTool, reading: Reading) -> None:
    """Read a call of a tool that only reads: what it reads, and the code and addresses in its arguments."""
    version = reading.tools.policy_version
    policy = f"Policy version {version}" if version is not None else "The policy"
    level = RiskLevel.SAFE if _read_kind(call, reading) else None
    words = f"{policy} registers {known.pattern} as reading: {known.reason} The agent receives what it reads."
    reading.add(names.REGISTERED, words, None, level)
    reading.take(reading_findings(call))
    for argument in call.texts:
        path = argument.text.strip()
        if not re.search(r"\s", path) and place_of(path) in (Place.SECRET, Place.ACCESS):
            with reading.at_item(argument.path):
                act_on(reading, Act.READ, Word(path, 1, path))


def _inner_call(call: ToolCall) -> tuple[str, Any] | None:
    """Return the tool and the arguments that a call passes on to another tool."""
    server = call.text("server", "servername", "mcpserver")
    envelope = call.value("params", "request", "message", "payload")
    if isinstance(envelope, Mapping) and call.text("method").startswith("tools/") and (made := _call_in(envelope)):
        return _at(server, made[0]), made[1]
    if not set(call.words) & _DISPATCHERS:
        return None
    inner = call.text("toolname", "tool", "name", "function", "functionname")
    given = call.value("arguments", "args", "input", "parameters", "params", "toolinput")
    if not inner or " " in inner or given is None:
        return None
    if isinstance(given, str):
        nested = [argument for argument in call.texts if argument.inside]
        named = {argument.key or "input": argument.text for argument in nested}
        return (_at(server, inner), named) if nested else None
    return _at(server, inner), given


def _at(server: str, tool: str) -> str:
    """Return the name of a tool with that of its server, which says what the tool is for."""
    return f"{server}__{tool}" if server and " " not in server and len(server) <= 100 else tool


def _read_beside(call: ToolCall, passed_on: Collection[str], reading: Reading) -> None:
    """Read the code among the arguments that a call does not pass on, which its tool may run all the same."""
    args = call.args if isinstance(call.args, Mapping) else {}
    rest = {key: value for key, value in args.items() if "".join(words_in(str(key))) not in passed_on}
    beside = ToolCall(call.tool, rest)
    _read_code(beside, kind_of(beside), reading)


def _read_inner_calls(call: ToolCall, reading: Reading, depth: int) -> set[str]:
    """Read the calls in lists of calls, such as a batch. Returns the plain names of these lists."""
    found: set[str] = set()
    first = len(reading.findings)
    for key, value in call.args.items() if depth < MOST_NESTED and isinstance(call.args, Mapping) else ():
        if not set(words_in(str(key))) & _BATCHES or not isinstance(value, list) or not value:
            continue
        inner = [_call_in(entry) for entry in value[:_MOST_CALLS]]
        if not all(inner):
            continue
        found.add("".join(words_in(str(key))))
        for number, made in enumerate(inner):
            assert made is not None
            with reading.at_item(f"{str(key)[:60]}.{number}"):
                read_call(*made, reading, first, depth + 1)
        if sum(_empties_queue(made[0]) for made in inner if made) >= _SEVERAL_QUEUES:
            reading.add(names.DELETES_WHOLE, "This empties one queue after the other.")
        if len(value) > _MOST_CALLS:
            reading.add(TOO_MANY, "There are too many calls; not all of them have been read.")
    return found


_SEVERAL_QUEUES = 3


def _empties_queue(tool: str) -> bool:
    """Return True if a tool's name says that it deletes a queue or the messages in it."""
    words = set(words_in(tool))
    return bool(
        words & {"purge", "delete", "drain", "clear", "empty", "flush"}
        and words & {"queue", "queues", "topic", "topics", "stream", "streams"}
    )


def _call_in(entry: Any) -> tuple[str, Any] | None:
    """Return the tool and the arguments of an entry that is a call; None if it is none."""
    if not isinstance(entry, Mapping):
        return None
    call = ToolCall("", entry)
    inner = call.text("toolname", "tool", "function", "functionname", "name")
    given = call.value("arguments", "args", "input", "parameters", "params", "toolinput")
    return (inner, given) if inner and " " not in inner and isinstance(given, Mapping) else None


def _read_kind(call: ToolCall, reading: Reading, applied: bool = False) -> bool:
    """Read a call of a tool whose kind is known. Returns False if nothing in it could be read.

    Args:
        applied: A document among the arguments has been read.
    """
    if call.plain in names.OWN:
        return False
    if (not call.reads and read_patch(call, reading)) or _typed(call, reading):
        return True
    if read_graphql(call, reading):
        return True
    if not call.reads and read_api_request(call, reading):
        return True
    kind = kind_of(call)
    _read_launched(call, reading)
    if words := container_words(call):
        call.judged = "program"
        run_words(words, call, reading)
        return True
    program = program_of(call) or ("" if kind else own_program(call))
    if (
        program
        and kind not in ("sql", "redis", "mongo", "cypher")
        and (has_words(call) or not (call.reads or (applied and program in ("kubectl", "oc"))))
    ):
        if not applied:
            note_unread(call, reading)
        call.judged = "program"
        start = len(reading.findings)
        read = read_program(call, program, reading)
        if program == "helm" and {"upgrade", "install"} & set(call.words) and is_trial(call):
            reading.findings[start:] = [_limited(found) for found in reading.findings[start:]]
        return read
    listed = isinstance(call.value("args", "argv", "arguments"), list)
    started = listed and not kind and call.text("command", "program", "executable")
    if (kind == "shell" or started) and read_words(call, reading):
        call.judged = "program"
        return True
    if kind == "mongo" and not call.action and names.informs(call):
        return False
    if kind in ("redis", "mongo"):
        call.judged = "code"
        return read_store(call, kind, reading, _read_code)
    if read_files(call, reading):
        if call.text("celltype") != "markdown":
            _read_code(call, "", reading, only={"newsource"})
        return True
    read = _read_code(call, kind, reading)
    call.judged = "code" if read else ""
    light = light_finding(call, Said(call)) if not read and call.text("url", "link", "href", "uri") else None
    if light is not None and light.rule == SMALL.id:
        return False  # An address that is only kept is not asked for anything.
    return read_urls(call, reading) or read


def _limited(found: Finding) -> Finding:
    """Lower a finding about a release of what has not been read, where it is tried out."""
    return replace(found, severity=RiskLevel.MEDIUM) if found.severity is RiskLevel.HIGH and found.unread else found


def _read_launched(call: ToolCall, reading: Reading) -> None:
    """Read a program that an object among the arguments says how to start, as the settings of an MCP server do.

    That says nothing about what the tool itself does.
    """
    for value in call.args.values() if isinstance(call.args, Mapping) else ():
        inner = ToolCall("run", value) if isinstance(value, Mapping) else None
        words = inner.value("args", "argv", "arguments") if inner is not None else None
        if inner is not None and isinstance(inner.value("command", "cmd", "argv"), list):
            read_words(inner, reading)
        if inner is not None and isinstance(words, list) and inner.text("command", "program", "executable", "cmd"):
            read_words(inner, reading)


def _read_code(call: ToolCall, kind: str, reading: Reading, only: set[str] | None = None) -> bool:
    """Read the arguments that are code."""
    found = False
    for argument in call.plain_texts:
        if only is not None and "".join(words_in(argument.key)) not in only:
            continue
        argument = _decoded(argument)
        language = language_in(call, argument, kind) if only is None else "python"
        if not language:
            continue
        found = True
        with reading.at_item(argument.path):
            rule = SQL if language == "sql" else COMMAND
            what = "SQL" if rule is SQL else "a command or code"
            reading.add(rule, f"The argument {argument.path} contains {what}.")
            reading.read(
                language,
                argument.text,
                fixed=argument.inside > 0,
                within=f"In {argument.path}: ",
                dialect=dialect_of(call),
            )
        if language in ("shell", "powershell"):
            note_elsewhere(call, reading)
    if kind == "sql" and not found and not names.only_reads(call):
        return False
    return found


def _decoded(argument: Argument) -> Argument:
    if not re.search(r"base_?64|b64|encoded", argument.key, re.IGNORECASE):
        return argument
    try:
        text = base64.b64decode(argument.text + "===").decode()
    except (ValueError, binascii.Error):
        return argument
    path = re.sub(r"(?i)_?(?:base_?64|b64|encoded)", "", argument.path) or argument.path
    return Argument(path, text, argument.inside + 1)


def _typed(call: ToolCall, reading: Reading) -> bool:
    """Read what a tool types on a keyboard, which may be a command. Returns False if it types nothing."""
    action = call.text("action", "type")
    if call.reads and action not in ("type", "key"):
        return False
    if set(call.words) & {"check", "checks", "checker"}:
        return False
    if not (
        set(call.words) & {"computer", "keyboard", "type", "typewrite", "keypress", "sendkeys"}
        or action in ("type", "key")
    ):
        return False
    text = call.text("text", "keys", "input", "value")
    if set(call.words) & {"computer"} and action not in (
        "type",
        "key",
        "left_click",
        "right_click",
        "double_click",
        "click",
    ):
        reading.add(names.READS, "This looks at the screen or moves the pointer.")
        return True
    reading.add(TYPES, "This types or clicks. What receives it decides what happens.")
    if text.strip():
        inner = Reading(reading.budget)
        inner.read("shell", text)
        worst = max((found.severity for found in inner.findings), key=lambda one: one.rank, default=RiskLevel.SAFE)
        if worst.rank >= RiskLevel.HIGH.rank and not all(found.unread for found in inner.findings):
            first = max(inner.findings, key=lambda found: found.severity.rank)
            reading.add(TYPES, f"If a terminal receives it: {first.message}", None, RiskLevel.HIGH)
    return True
