"""What a command is: a function of the script, a cmdlet of the tables, another cmdlet, or a program."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from app.risk.commands.table import Command as Program
from app.risk.commands.table import handlers, program_name, read_command
from app.risk.effects import DOWNLOADED, connect, run_dynamic, run_unread
from app.risk.powershell import table
from app.risk.powershell.aliases import ALIASES, PROGRAMS_TOO
from app.risk.powershell.call import SWITCHES, VALUED, Call, call_of, run_blocks
from app.risk.powershell.code import run_text
from app.risk.powershell.evaluation import evaluate
from app.risk.powershell.found import found_by
from app.risk.powershell.nodes import Array, BlockValue, Command, Given, Named, Node, Splat
from app.risk.powershell.programs import note_program
from app.risk.powershell.rules import ATTACK, LOADS, MEMORY
from app.risk.powershell.toolkit import VERSION_3
from app.risk.powershell.unknown import unknown_cmdlet
from app.risk.powershell.values import ANY, NOTHING, Value, text_value
from app.risk.powershell.wellknown import ATTACKS, MODULES
from app.risk.rules import word_set
from app.risk.shell.listings import lists_all
from app.risk.words import UNKNOWN as UNKNOWN_PART
from app.risk.words import Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script

_CMDLET = re.compile(r"(?:[\w.]+\\)?([A-Za-z]+-[A-Za-z_][\w]*)")
_SCRIPT_FILE = re.compile(r".*\.(?:ps1|psm1|psd1|bat|cmd|vbs|js|wsf|hta|sh|py)$", re.IGNORECASE | re.DOTALL)
_QUALIFIED = re.compile(r"(?:microsoft\.powershell\.\w+|[a-z][\w.]+)\\(?=[a-z]+-\w+$)")
_SC_SUBCOMMANDS = word_set(
    """
    start stop query queryex config create delete failure pause continue sdset control
    """
)


def run(command: Command, piped: Value | None, script: Script) -> Value:
    """Run a command; returns what it gives."""
    script.reading.budget.step()
    name = evaluate(command.name, script)
    if name.block is not None:
        return _block(command, name, piped, script)
    if name.kind == "scriptblock-text":
        return _made_block(command, name, piped, script)
    if name.kind in ("command", "module"):
        name = resolve_command(name)
    outcome: Value = NOTHING
    for text in name.texts:
        if UNKNOWN_PART in text:
            outcome = _dynamic(command, name, text, piped, script)
        else:
            outcome = _named(command, text.strip(), name, piped, script)
    return outcome


def _block(command: Command, name: Value, piped: Value | None, script: Script) -> Value:
    assert name.block is not None
    call = call_of("", command, piped, script, name.block.parameters)
    given = {str(place): value for place, (value, _, _) in enumerate(call.positional)}
    given |= {key: value for key, (value, _, _) in call.named.items() if value is not None}
    return script.run_block(name.block, piped, given or None)


def _made_block(command: Command, name: Value, piped: Value | None, script: Script) -> Value:
    call_of("", command, piped, script)
    return run_text(name, command.line, command.shown, script)


def resolve_command(name: Value) -> Value:
    """Return the command that ``Get-Command`` finds, if its pattern fits only one."""
    pattern = name.text.lower()
    if not re.search(r"[*?\[]", pattern):
        return name
    table.filled()
    known = {*table.HANDLERS, *table.ROWS, *table.READS, *ALIASES}
    fitting = [cmdlet for cmdlet in known if fnmatchcase(cmdlet, pattern)]
    if "invoke-expression" in fitting:  # what hides a command's name so is not harmless
        return text_value("invoke-expression")
    return text_value(fitting[0]) if len(fitting) == 1 else ANY


def _dynamic(command: Command, name: Value, text: str, piped: Value | None, script: Script) -> Value:
    """A command whose name is not known."""
    call = call_of("", command, piped, script)
    word = Word(text, command.line, command.shown.strip())
    origins = call.origins() | name.origin
    if "download" in origins:
        words = f"This gives what it downloads to {word.display}, a command that is known only when it runs."
        script.reading.add(DOWNLOADED, words, command.line)
    ending = program_name(text.replace(UNKNOWN_PART, "")) if re.search(r"[\\/][^\\/]+$", text) else ""
    if ending and UNKNOWN_PART not in re.split(r"[\\/]", text)[-1] and ending in handlers():
        _program(command, Word(ending, command.line), piped, script)
        return Value(origin=origins)
    run_dynamic(script.reading, word)
    return Value(origin=origins)


_MOST_ALIASES = 5
"""How many aliases of aliases are followed."""


def _unaliased(text: str, script: Script) -> str:
    """Return what the script's own aliases make of a command's name."""
    for _ in range(_MOST_ALIASES):
        if text.lower() in script.functions or text.lower() not in script.aliases:
            break
        text = script.aliases[text.lower()]
    return text


def resolved(text: str, script: Script) -> str:
    """Return a command's name after aliases, in lower case."""
    name = _unaliased(text, script).lower()
    found = _QUALIFIED.match(name)
    name = name[found.end() :] if found else name
    if name in script.functions:
        return name
    name = ALIASES.get(name, name)
    return VERSION_3.get(name, name)


def _named(command: Command, text: str, value: Value, piped: Value | None, script: Script) -> Value:
    text = _unaliased(text, script)
    name = resolved(text, script)
    line = command.line
    if name in script.functions:
        return _function(name, command, piped, script)
    lower = text.lower()
    if (
        (lower in PROGRAMS_TOO or lower in _OF_CMD)
        and lower not in script.aliases
        and _is_program(lower, command, script)
    ):
        return _program(command, Word(text, line), piped, script)
    table.filled()
    if table.is_known(name):
        return cmdlet(call_of(name, command, piped, script))
    if text.startswith(("http:", "https:")) or not text:
        run_dynamic(script.reading, command.shown, line)
        return ANY
    if lower in ATTACKS or name in ATTACKS:
        script.reading.add(ATTACK, f"This runs {text}, a tool that is made for attacks.", line)
    found = _CMDLET.fullmatch(text)
    if found and program_name(text) not in handlers():
        return unknown_cmdlet(call_of(name, command, piped, script))
    return _program(command, Word(text, line), piped, script)


def _is_program(name: str, command: Command, script: Script) -> bool:
    """Whether an alias is meant as the program of that name: it has options that no cmdlet has."""
    given = [argument for argument in command.arguments if isinstance(argument, Named)]
    if name in _OF_CMD and any(isinstance(a, Given) and _CMD_OPTION.fullmatch(a.shown) for a in command.arguments):
        return True
    if name == "sc":
        first = next((evaluate(a.value, script) for a in command.arguments if isinstance(a, Given)), NOTHING)
        return first.text.lower().lstrip("\\") in _SC_SUBCOMMANDS
    if any(argument.shown.startswith("--") for argument in given):
        return True
    known = VALUED | SWITCHES
    return name in handlers() and any(
        not any(parameter.startswith(argument.name.lower()) for parameter in known)
        or (name in ("curl", "wget") and len(argument.name) <= 4 and argument.name.lower() not in _WEB_SHORT)
        or (name == "rm" and argument.name.lower() in ("rf", "fr"))
        for argument in given
    )


_OF_CMD = frozenset({"rd", "rmdir", "del", "erase", "copy", "move", "ren", "md", "mkdir", "dir"})
_CMD_OPTION = re.compile(r"/[A-Za-z?](?::[\w-]*)?")
_WEB_SHORT = frozenset(
    {"uri", "body", "ur", "out", "outf", "use", "usebasicparsing", "meth", "me", "head", "in", "inf"}
)


def cmdlet(call: Call) -> Value:
    """Run a cmdlet of the tables."""
    call.reading.touch(commands=[call.name])
    if call.flag("whatif") and _is_certain(call, "whatif"):
        return NOTHING
    _remote(call)
    if call.name not in table.HANDLERS:
        run_blocks(call)
    if call.name in table.HANDLERS:
        return table.HANDLERS[call.name](call)
    if call.name in table.ROWS:
        value = table.do(table.ROWS[call.name], call)
        return value if not call.flag("passthru") else ANY
    return found_by(call)


def _is_certain(call: Call, name: str) -> bool:
    found = call.find(name)
    return found is not None and (found[0] is None or (found[0].known and found[0].text.lower() in ("true", "1")))


def _remote(call: Call) -> None:
    """Cmdlets that ask another machine: with ``-ComputerName``."""
    computer = call.value("computername", "cimsession") if call.name in table.READS else None
    if computer is not None and computer.kind != "null":
        for word in computer.words(call.line):
            if word.text.lower() not in (".", "localhost", "127.0.0.1"):
                connect(call.reading, word)


def _function(name: str, command: Command, piped: Value | None, script: Script) -> Value:
    block = script.functions[name]
    call = call_of(name, command, piped, script, block.parameters)
    given: dict[str, Value] = {}
    for key, (value, _, _) in call.named.items():
        full = next((one.name for one in block.parameters if one.name == key), None)
        full = full or next((one.name for one in block.parameters if one.name.startswith(key)), key)
        given[full] = value if value is not None else text_value("True")
    waiting = [one.name for one in block.parameters if one.name not in given]
    for place, (value, _, _) in enumerate(call.positional):
        if place < len(waiting):
            given[waiting[place]] = value
        given[str(place)] = value
    for one in block.parameters:
        if one.name not in given and piped is not None and "pipeline" in " ".join(one.attributes).lower():
            given[one.name] = piped
    outcome = script.call(name, given, piped if piped is not None else NOTHING)
    return outcome.came(call.origins())


def _program(command: Command, name: Word, piped: Value | None, script: Script) -> Value:
    if program_name(name.text) in ("powershell", "pwsh"):
        for argument in command.arguments:
            if isinstance(argument, Given) and isinstance(argument.value, BlockValue):
                return script.run_block(argument.value.block, piped)
    words, origin = [name], set[str]()
    for argument in command.arguments:
        script.spend()
        added, origins = _argument_words(argument, script)
        words += added
        origin |= origins
    return start(words, command.line, piped, script, origin)


def start(words: list[Word], line: int, piped: Value | None, script: Script, origin: set[str] | None = None) -> Value:
    """Run a program."""
    text = " ".join(word.text for word in words).lower()
    if ("comsvcs" in text and ("minidump" in text or "#24" in text)) or ("lsass" in text and _DUMPS.search(text)):
        script.reading.add(MEMORY, "This copies the memory in which Windows keeps passwords.", line)
    note_program(words, script)
    known = piped.text if piped is not None and piped.known and piped.items is None else None
    source = ""
    if piped is not None and known is None:
        found = piped.origin
        source = next((name for key, name in _SOURCES if key in found), "unknown" if piped.kind != "file" else "files")
    given = Word(known, line) if known is not None else None
    if _SCRIPT_FILE.match(words[0].text) and program_name(words[0].text) not in handlers():
        run_unread(script.reading, words[0])
    else:
        read_command(Program(words, given, source), script.reading)
    if program_name(words[0].text) in ("curl", "wget", "certutil", "bitsadmin"):
        return Value(origin=frozenset({"download"}))
    if lists_all(Program(words)):
        return Value(origin=frozenset({"listed"}), many=True)
    return Value(origin=frozenset(origin or set()))


_DUMPS = re.compile(r"procdump|-ma\b|dump|nanodump|rundll32|sqldumper|createdump")
_SOURCES = (("download", "download"), ("secret", "secret"), ("decoded", "decoded"))


def _argument_words(argument: Node, script: Script) -> tuple[list[Word], frozenset[str]]:
    line = argument.line
    if isinstance(argument, Named):
        if argument.value is None:
            return [Word(argument.shown.replace("`", ""), line)], frozenset()
        value = evaluate(argument.value, script)
        return [Word(f"-{argument.name}:{word.text}", line) for word in value.words(line)][:8], value.origin
    if isinstance(argument, Splat):
        value = evaluate(argument, script)
        if value.items is None and value.table is None:
            return [Word(UNKNOWN_PART, line, f"@{argument.name}", several=True)], value.origin
        return value.words(line), value.origin
    assert isinstance(argument, Given)
    value = evaluate(argument.value, script)
    if value.block is not None:
        script.run_block(value.block, ANY)
        return [Word(argument.shown, line)], frozenset()
    words = value.words(line, argument.shown)
    if len(value.texts) > 1 and value.items is None:
        return [Word(text, line) for text in value.texts][:8], value.origin
    if isinstance(argument.value, Array) and len(words) > 1:
        words = [word.with_text(f"{word.text},") for word in words[:-1]] + words[-1:]
    return words, value.origin


def load_module(name: str, line: int, script: Script) -> None:
    """Note that a module is loaded."""
    plain = name.lower()
    if plain in MODULES or plain.startswith(("microsoft.powershell.", "az.", "aws.tools.", "microsoft.graph")):
        return
    script.reading.add(LOADS, f"This loads {name or 'a module'}, which has not been read.", line)
