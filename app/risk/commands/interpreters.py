"""Programs that run code: shells, Python, Perl, Ruby, Node.js, awk, and others."""

from __future__ import annotations

import re

from app.risk.commands.known_files import file_content
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program, program_name, read_command
from app.risk.effects import (
    DOWNLOADED,
    HIDDEN,
    Act,
    act_on,
    run_dynamic,
    run_unread,
)
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.shell.rules import PARTLY_KNOWN
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

INTERACTIVE = declare(
    "command.interactive",
    RiskLevel.MEDIUM,
    "Opens a program that runs what is typed into it.",
    "bash",
    "bash --version",
    language="shell",
    unread=True,
)
SERVES = declare(
    "network.serves",
    RiskLevel.MEDIUM,
    "Offers files to other machines.",
    "python3 -m http.server 8000",
    "python3 -m json.tool a.json",
    language="shell",
)


def read_code(
    language: str,
    code: Word,
    reading: Reading,
    *,
    within: str = "",
    command: Command | None = None,
    arguments: list[Word] | None = None,
) -> None:
    """Read code that is given as a word.

    Args:
        command: The command that runs it, whose input the code reads.
        arguments: ``$0``, ``$1``, and so on.
    """
    options: dict[str, object] = {}
    if arguments is not None:
        options["arguments"] = arguments
    if code.source in ("download", "decoded"):
        run_code_of(reading, code.source, code)
    if not code.known:
        if code.source == "download":
            return
        if not re.sub(rf"[\s{UNKNOWN}…]", "", code.text):
            run_dynamic(reading, code)
            return
        reading.add(PARTLY_KNOWN, f"A part of the code in {code.display} is known only when it runs.", code.line)
    text = code.text if language == "shell" else code.text.replace(UNKNOWN, "0")
    if command is not None:
        options |= {"input": command.input, "input_from": command.input_from}
    fixed = bool(code.shown) and "\n" not in code.text
    reading.read(language, text, code.line, fixed=fixed, within=within, **options)


def run_code_of(reading: Reading, source: str, what: Word) -> None:
    """Note that code runs which is not known, by what it comes from."""
    if source == "download":
        reading.add(DOWNLOADED, "This runs code as it is downloaded, whatever it then says.", what.line)
    elif source == "decoded":
        reading.add(HIDDEN, "This decodes hidden code, and runs it.", what.line)
    elif what.text == UNKNOWN or what.text.startswith("/dev/fd/"):
        run_unread(reading, "what another command prints", what.line)
    else:
        run_unread(reading, what)


def read_input(language: str, command: Command, reading: Reading) -> None:
    """Read code that comes from standard input."""
    code, source = command.input, command.input_from
    if source in ("download", "decoded"):
        run_code_of(reading, source, Word(UNKNOWN, command.line))
    if code is not None and re.sub(rf"[\s{UNKNOWN}…]", "", code.text):
        read_code(language, Word(code.text, code.line), reading)
    elif source not in ("download", "decoded"):
        if code is None and not source:
            words = f"{command.words[0].display} runs what is typed into it."
            reading.add(INTERACTIVE, words, command.line)
        elif code is None or not code.known:
            run_unread(reading, "what another command prints", command.line)


_PROJECT_SCRIPTS = frozenset({"manage.py", "artisan", "console", "rails", "rake", "bundle", "sail"})


def run_file(language: str, path: Word, reading: Reading, arguments: list[Word] | None = None) -> None:
    """Read a script in a file if the code has written it; otherwise, note that it is not read."""
    content = file_content(reading, path)
    if content is None and program_name(path.text) in _PROJECT_SCRIPTS:
        # What these do is known by their arguments, although the project's own code runs, too.
        reading.doubt()
        read_command(Command([path.with_text(program_name(path.text)), *(arguments or [])]), reading)
        return
    if content is None:
        if path.source in ("download", "decoded"):
            run_code_of(reading, path.source, path)
        elif path.known or path.text.startswith("/dev/fd/"):
            run_code_of(reading, "", path)
        else:
            run_dynamic(reading, path)
        return
    if content.source in ("download", "decoded"):
        run_code_of(reading, content.source, Word(path.text, path.line))
    if content.text.replace(UNKNOWN, "").strip():
        read_code(language, Word(content.text, content.line), reading, arguments=arguments)
    elif not content.source:
        run_unread(reading, path)


def run_program(command: Command, reading: Reading) -> None:
    """Read a program that is given by its path, if the code has written it, as its first line says."""
    word = command.words[0]
    content = file_content(reading, word)
    first = re.match(r"#!\s*(\S+)(?:[ \t]+(\S+))?", content.text) if content is not None else None
    name = (
        program_name(first.group(2) if first.group(1).endswith("/env") and first.group(2) else first.group(1))
        if first
        else "sh"
    )
    run_file(
        "python" if name.startswith("python") else "shell" if name in _SHELLS else name,
        word,
        reading,
        command.words,
    )


_SHELLS = ("sh", "bash", "zsh", "dash", "ksh", "ash", "mksh", "rbash", "pdksh", "posh", "yash", "ksh93")


@program(*_SHELLS)
def _shell(command: Command, reading: Reading) -> None:
    if [word.text for word in command.arguments] in (["--version"], ["--help"]):
        return
    words = [word for word in command.arguments if not _is_plain_option(word.text)]
    place = 0
    while place < len(words) and re.match(r"[-+]", words[place].text) and words[place].text not in ("-", "--"):
        text = words[place].text
        if text in ("--init-file", "--rcfile"):
            if place + 1 < len(words):
                run_file("shell", words[place + 1], reading)
            place += 2
        elif text in ("-o", "+o", "-O", "+O"):
            place += 2
        elif re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", text):
            rest = words[place + 1 :]
            while rest and re.fullmatch(r"-[a-z]+|--", rest[0].text):
                rest = rest[1:]
            _code(rest, command, reading)
            return
        elif re.fullmatch(r"-[vx]*n[vx]*", text):  # checks the syntax only
            for word in words[place + 1 :]:
                act_on(reading, Act.READ, word)
            return
        elif re.fullmatch(r"-[A-Za-z]*s[A-Za-z]*", text):
            read_input("shell", command, reading)
            return
        elif not words[place].known:
            run_dynamic(reading, words[place])
            return
        else:
            place += 1
    words = [word for word in words[place:] if word.text != "--"]
    if not words or words[0].text == "-" or words[0].text in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        read_input("shell", command, reading)
    else:
        run_file("shell", words[0], reading, words)


def _is_plain_option(text: str) -> bool:
    return text in (
        "--login",
        "--noprofile",
        "--norc",
        "--posix",
        "--noediting",
        "--verbose",
        "--restricted",
        "--debugger",
    )


def _code(words: list[Word], command: Command, reading: Reading) -> None:
    if not words:
        run_dynamic(reading, command.words[0])
        return
    given = words[1:] if not any(word.several and not word.glob for word in words[1:]) else None
    read_code("shell", words[0], reading, command=command, arguments=given or None)


@program("fish", "csh", "tcsh", "nu", "elvish", "xonsh", "rc", "es")
def _other_shell(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c --command", mixed=False)
    if code := given.value("-c", "--command"):
        read_code("shell", code, reading)
    elif given.operands:
        run_file("shell", given.operands[0], reading)
    elif not given.has("--version", "-v"):
        read_input("shell", command, reading)


_READING_MODULES = word_set(
    "json.tool this antigravity calendar platform sysconfig site tokenize ast dis pyclbr tabnanny base64 gzip zipfile "
    "tarfile timeit"
)


@program("python", "python2", "python3", "pypy", "pypy3", "ipython", "ipython3", "py", "pythonw")
def _python(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c -m -W -X --check-hash-based-pycs", mixed=False)
    words = command.arguments
    place = 0
    while place < len(words) and words[place].text.startswith("-") and words[place].text != "-":
        text = words[place].text
        if match := re.match(r"-[A-Za-z]*?([cm])", text):
            rest = text[match.end() :]
            value = words[place].with_text(rest) if rest else words[place + 1] if place + 1 < len(words) else None
            if value is not None and match.group(1) == "c":
                read_code("python", value, reading, within="")
            elif value is not None:
                _module(value, words[place + (1 if rest else 2) :], command, reading)
            return
        place += 2 if text in ("-W", "-X", "--check-hash-based-pycs") else 1
    words = words[place:]
    if words and words[0].text not in ("-", "/dev/stdin"):
        run_file("python", words[0], reading, words[1:])
    elif not given.has("--version", "-V", "-h", "--help", "-VV"):
        read_input("python", command, reading)


def _module(module: Word, words: list[Word], command: Command, reading: Reading) -> None:
    name = module.text
    if not module.known:
        run_dynamic(reading, module)
    elif name in ("http.server", "SimpleHTTPServer", "pyftpdlib", "uploadserver"):
        reading.add(SERVES, "This offers the files of the working folder to other machines.", module.line)
    elif name == "json.tool" or name in _READING_MODULES:
        if (len(words) > 1 and name == "json.tool") or (
            name in ("tarfile", "zipfile") and any(word.text in ("-e", "-c", "--extract", "--create") for word in words)
        ):
            act_on(reading, Act.WRITE, words[-1])
        elif name == "timeit":
            for word in words:
                read_code("python", word, reading)
    elif name in ("compileall", "py_compile", "ensurepip", "lib2to3", "idlelib", "trace", "cProfile", "profile", "pdb"):
        rest = [word for word in words if not word.text.startswith("-")]
        if name in ("trace", "cProfile", "profile", "pdb") and rest:
            run_file("python", rest[0], reading)
        else:
            reading.doubt()
    else:
        plain = program_name(name.split(".")[0])
        inner = Word(plain, module.line)
        from app.risk.commands.table import handlers

        if plain in handlers() and plain not in ("test", "site", "python"):
            read_command(Command([inner, *words], command.input, command.input_from, command.here), reading)
            reading.doubt()
        else:
            run_unread(reading, f"the Python module {module.display}", module.line)
