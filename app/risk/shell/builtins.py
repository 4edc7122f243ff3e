"""Built-in commands that change what is known about the shell: variables, functions, aliases, the working folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from app.risk.commands.known_files import file_content
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program_name
from app.risk.effects import UNREAD, run_dynamic, run_unread
from app.risk.rules import word_set
from app.risk.shell.assignments import assign, give
from app.risk.shell.environment import set_variable
from app.risk.shell.rules import SHADOWS, TRACELESS
from app.risk.shell.simple_commands import DECLARES
from app.risk.shell.state import NOTHING, SOME, Flow
from app.risk.shell.tree import Simple
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.shell.session import Session

Builtin = Callable[["Session", Command, "Simple | None"], Flow | None]


_WELL_KNOWN = word_set(
    "ls cd cp mv rm cat grep find git sudo ssh scp docker kubectl npm node python python3 pip make curl wget echo kill "
    "ps chmod chown tar less vi vim man bash sh su mkdir touch sed awk which test true exit history psql mysql"
)


def _nothing(session: Session, command: Command, node: Simple | None) -> Flow | None:
    return NOTHING


def _declare(session: Session, command: Command, node: Simple | None) -> Flow | None:
    given = arguments_of(command.arguments)
    exported = command.name == "export" or given.has("-x")
    for assignment in node.assignments if node else ():
        session.reading.budget.step()
        assign(session, assignment, exported=exported)
        if given.has("-n"):  # a name for another variable, which later assignments change
            session.state.set(assignment.name, (Word(UNKNOWN),))
            session.reading.doubt()
        if given.has("-i"):
            for held in session.state.values(assignment.name):
                session.expander().calculated(held[0].text if held else "")
    for word in given.operands:
        name, equals, value = word.text.partition("=")
        if not word.known and UNKNOWN in name:
            session.reading.doubt()
        elif equals:
            session.state.set(name, (word.with_text(value),))
            set_variable(session.reading, name, word.with_text(value), exported=exported)
        elif exported:
            set_variable(session.reading, name, session.state.values(name)[0][0], exported=True)
    if given.has("-f") and exported:
        session.reading.doubt()
    return NOTHING


def _unset(session: Session, command: Command, node: Simple | None) -> Flow | None:
    for word in arguments_of(command.arguments).operands:
        if word.text == "HISTFILE":
            session.reading.add(TRACELESS, "This turns off the shell's history.", word.line)
        session.state.functions.pop(word.text, None)
        if "[" in word.text:
            session.expander().calculated(word.text)
        elif word.known:
            session.state.set(word.text, (Word(""),))
    return NOTHING


def _set(session: Session, command: Command, node: Simple | None) -> Flow | None:
    words = list(command.arguments)
    while words:
        text = words[0].text
        if text in ("-", "--") or not text.startswith(("-", "+")):
            rest = words[1:] if text in ("-", "--") else words
            session.state.arguments = None if any(one.several for one in rest) else rest
            break
        # An `o` among the letters takes the name of an option from the next word: `set -euo pipefail`.
        named = words[1] if "o" in text and len(words) > 1 else None
        if "u" in text or (named is not None and named.text == "nounset"):
            session.state.strict = text.startswith("-")
        if named is not None and named.text == "history" and text.startswith("+"):
            session.reading.add(TRACELESS, "This turns off the shell's history.", named.line)
        words = words[2:] if named is not None else words[1:]
    return NOTHING


def _shift(session: Session, command: Command, node: Simple | None) -> Flow | None:
    arguments = session.state.arguments
    if arguments is not None:
        text = command.arguments[0].text if command.arguments else "1"
        session.state.arguments = arguments[int(text) :] if text.isdigit() else None
    return NOTHING


def _read(session: Session, command: Command, node: Simple | None) -> Flow | None:
    listed = command.name in ("mapfile", "readarray")
    given = arguments_of(command.arguments, "-d -n -O -s -u -C -c" if listed else "-d -i -n -N -p -t -u -a")
    flow = _input_of(command)
    names = [*given.operands, *given.values("-a")] or [Word("REPLY")]
    if listed:
        for code in given.values("-C"):
            session.read_here(code.text, code.line)
        elements = [Word(line) for line in flow.text.splitlines()][:200]
        value = tuple(elements) if flow.known else (Word(UNKNOWN, several=True, source=flow.source),)
        give(session, names[-1].text, value)
        return NOTHING
    lines = flow.text.splitlines() if flow.known else []
    fields = lines[0].split(None, len(names) - 1) if len(lines) == 1 else []
    for place, word in enumerate(names):
        if fields:
            value = (Word(fields[place] if place < len(fields) else "", source=flow.source),)
            give(session, word.text, value)
        elif lines and len(names) == 1 and len(lines) <= 6:
            give(session, word.text, *[(Word(line, source=flow.source),) for line in lines])
        else:
            give(session, word.text, (Word(UNKNOWN, several=True, source=flow.source),))
    return NOTHING


def _input_of(command: Command) -> Flow:
    if command.input is None:
        return Flow(UNKNOWN, command.input_from)
    return Flow(command.input.text, command.input_from, command.input.line)


def _getopts(session: Session, command: Command, node: Simple | None) -> Flow | None:
    for word in command.arguments[1:2]:
        give(session, word.text, (Word(SOME),))
    session.state.set("OPTARG", (Word(UNKNOWN),))
    return NOTHING


def _cd(session: Session, command: Command, node: Simple | None) -> Flow | None:
    operands = arguments_of(command.arguments).operands
    state = session.state
    if not operands:
        state.folder = "~" if command.name == "cd" else ""
        return NOTHING
    text = operands[-1].text
    if text in ("-", "..") and not state.folder:
        state.folder = text.replace("-", SOME)
    elif text == "-" or command.name == "popd":
        state.folder = SOME
    elif text == UNKNOWN:
        # Without quotes, an empty variable is no argument, and leads home.
        state.folder = f"~{UNKNOWN}" if operands[-1].several else SOME
    elif text.startswith(("/", "~", UNKNOWN)):
        state.folder = text
    elif text not in ("", "."):
        state.folder = f"{state.folder}/{text}" if state.folder else text
    state.set("PWD", (Word(state.folder or "."),))
    return NOTHING


def _eval(session: Session, command: Command, node: Simple | None) -> Flow | None:
    words = command.arguments
    text = " ".join(word.text for word in words)
    if not words:
        return NOTHING
    source = next((word.source for word in words if word.source), "")
    if source in ("download", "decoded"):
        run_code_from(session, source, words[0])
    elif UNKNOWN in text:
        run_dynamic(session.reading, words[0] if len(words) == 1 else Word("eval", command.line))
    if text.replace(UNKNOWN, "").strip():
        session.read_here(text, words[0].line)
    return Flow()


_ACTIVATES = re.compile(r"(?:[\w.-]+/)*\.?v?env[\w.-]*/(?:bin|Scripts)/activate(?:\.\w+)?")


def _source(session: Session, command: Command, node: Simple | None) -> Flow | None:
    words = command.arguments
    if not words:
        return NOTHING
    path = words[0]
    content = file_content(session.reading, path)
    if content is None and _ACTIVATES.fullmatch(path.text):
        message = f"This turns on the environment of {path.display}, whose script has not been read."
        session.reading.add(UNREAD, message, path.line, RiskLevel.LOW)
        return Flow()
    if path.text in ("/dev/stdin", "-", "/dev/fd/0") and command.input is not None:
        content = command.input
    if content is not None and content.known and not content.source:
        session.read_here(content.text, content.line, fixed=False)
    else:
        source = content.source if content is not None else path.source
        source = source or (command.input_from if path.text == "/dev/stdin" else "")
        run_code_from(session, source, path)
        if content is not None and content.when_empty.strip():
            session.read_here(content.text, content.line, fixed=False)
    return Flow()


def run_code_from(session: Session, source: str, path: Word) -> None:
    """Note that code runs which comes from somewhere else."""
    from app.risk.commands.interpreters import run_code_of

    if path.known or source:
        run_code_of(session.reading, source, path)
    else:
        run_dynamic(session.reading, path)


def _alias(session: Session, command: Command, node: Simple | None) -> Flow | None:
    pairs: list[tuple[str, Word]] = []
    for word in command.arguments:
        if word.text in ("-g", "-s"):  # zsh's, which replace words in other places than a command's name
            session.reading.doubt()
        name, equals, value = word.text.partition("=")
        if equals:
            pairs.append((name, word.with_text(value)))
    for name, meaning in pairs:
        session.state.aliases[name] = meaning.text
        first = program_name(meaning.text.split()[0]) if meaning.text.split() else ""
        if name in _WELL_KNOWN and first not in (name, "sudo", "command"):
            session.reading.add(SHADOWS, f"From here on, {name} means {meaning.display}.", meaning.line)
    return NOTHING


def _unalias(session: Session, command: Command, node: Simple | None) -> Flow | None:
    for word in command.arguments:
        if word.text == "-a":
            session.state.aliases.clear()
        session.state.aliases.pop(word.text, None)
    return NOTHING


def _exec(session: Session, command: Command, node: Simple | None) -> Flow | None:
    given = arguments_of(command.arguments, "-a", mixed=False)
    return _inner(session, command, given.operands)


def _command(session: Session, command: Command, node: Simple | None) -> Flow | None:
    given = arguments_of(command.arguments, mixed=False)
    if given.has("-v", "-V"):
        name = given.operands[0].text if given.operands else ""
        return Flow(name) if given.has("-v") and name and UNKNOWN not in name else Flow(SOME)
    functions, session.state.functions = session.state.functions, {}
    try:
        return _inner(session, command, given.operands)
    finally:
        session.state.functions = functions | session.state.functions


def _inner(session: Session, command: Command, words: list[Word]) -> Flow | None:
    from app.risk.shell.invocations import invoke

    return invoke(session, words, _given(command), command.environment) if words else NOTHING


def _given(command: Command) -> Flow | None:
    if command.input is None and not command.input_from:
        return None
    return _input_of(command)


def _trap(session: Session, command: Command, node: Simple | None) -> Flow | None:
    words = [word for word in command.arguments if word.text not in ("-p", "-l", "--")]
    if len(words) > 1 and words[0].text not in ("-", ""):
        if words[0].text == UNKNOWN:
            run_dynamic(session.reading, words[0])
        else:
            before = session.state
            session.state = before.copy()
            session.read_here(words[0].text, words[0].line)
            before.functions.update(session.state.functions)
            session.state = before
    return NOTHING


def _printf(session: Session, command: Command, node: Simple | None) -> Flow | None:
    arguments = command.arguments
    if len(arguments) > 2 and arguments[0].text == "-v":
        from app.risk.shell.outputs import printed_text

        text = printed_text("printf", [word.text for word in arguments[2:]])
        give(session, arguments[1].text, (Word(text, command.line),))
        return NOTHING
    return None


def _let(session: Session, command: Command, node: Simple | None) -> Flow | None:
    for word in command.arguments:
        session.expander().calculated(word.text)
        if match := re.match(r"[A-Za-z_]\w*", word.text):
            session.state.set(match.group(), (Word(SOME),))
    return NOTHING


def _hash(session: Session, command: Command, node: Simple | None) -> Flow | None:
    given = arguments_of(command.arguments, "-p")
    if given.value("-p"):
        for word in given.operands:
            run_unread(session.reading, given.value("-p") or word)
    return NOTHING


def _enable(session: Session, command: Command, node: Simple | None) -> Flow | None:
    given = arguments_of(command.arguments, "-f")
    if path := given.value("-f"):
        run_unread(session.reading, path)
    return NOTHING


def _history(session: Session, command: Command, node: Simple | None) -> Flow | None:
    given = arguments_of(command.arguments, "-d -a -n -r -w -p -s")
    if given.has("-c", "-d"):
        session.reading.add(TRACELESS, "This erases the shell's history of commands.", command.line)
    return Flow()


def _fc(session: Session, command: Command, node: Simple | None) -> Flow | None:
    if not arguments_of(command.arguments, "-e").has("-l"):
        run_dynamic(session.reading, Word("fc", command.line))
    return Flow()


def _completes(session: Session, command: Command, node: Simple | None) -> Flow | None:
    """Commands of completion: now with ``compgen``, or when somebody presses a key."""
    for option, value in arguments_of(command.arguments, "-A -C -F -G -P -S -W -X -o").options:
        if value is not None and option in ("-C", "-F"):
            session.read_here(value.text, value.line)
        elif value is not None and option == "-W":
            session.expander().expanded_again(value.text)
    return NOTHING


def _bind(session: Session, command: Command, node: Simple | None) -> Flow | None:
    """What keys do: commands that they run, and texts that they type for the user."""
    given = arguments_of(command.arguments, "-f -m -q -r -u -x")
    for value in given.values("-x"):
        session.read_here(value.text.rpartition(":")[2].strip("'\" "), value.line)
    if given.has("-f") or any(":" in word.text for word in given.operands):
        session.reading.doubt()
    return NOTHING


def _check(session: Session, command: Command, node: Simple | None) -> Flow | None:
    """The subscript of ``test -v``; what else is tested is an ordinary command's."""
    for before, word in pairwise(command.arguments):
        if before.text == "-v":
            session.expander().calculated(word.text)
    return None


BUILTINS: dict[str, Builtin] = {
    "unset": _unset, "set": _set, "shift": _shift, "read": _read, "mapfile": _read, "readarray": _read,
    "getopts": _getopts, "cd": _cd, "pushd": _cd, "popd": _cd, "eval": _eval, "source": _source, ".": _source,
    "alias": _alias, "unalias": _unalias, "exec": _exec, "command": _command, "builtin": _command, "trap": _trap,
    "test": _check, "[": _check, "fc": _fc, "bind": _bind, "complete": _completes, "compgen": _completes,
    "let": _let, "hash": _hash, "enable": _enable, "history": _history, "printf": _printf,
    "noglob": _exec, "nocorrect": _exec,
}  # fmt: skip
for _name in DECLARES:
    BUILTINS[_name] = _declare
for _name in word_set(
    ": true false return exit break continue wait jobs fg bg disown times ulimit umask "
    "compopt suspend logout shopt setopt unsetopt emulate autoload zmodload zstyle bindkey compdef vared dirs "
    "caller zle unfunction"
):
    BUILTINS[_name] = _nothing
