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
    elsewhere: bool = False,
    command: Command | None = None,
    arguments: list[Word] | None = None,
) -> None:
    """Read code that is given as a word.

    Args:
        elsewhere: It runs on another machine, or in a container, where nothing of this shell is known.
        command: The command that runs it, whose input the code reads.
        arguments: ``$0``, ``$1``, and so on.
    """
    options: dict[str, object] = {"session": None, "files": {}, "folder": ""} if elsewhere else {}
    if arguments is not None:
        options["arguments"] = arguments
    if not code.known:
        if not re.sub(rf"[\s{UNKNOWN}…]", "", code.text):
            run_dynamic(reading, code)
            return
        reading.add(PARTLY_KNOWN, f"A part of the code in {code.display} is known only when it runs.", code.line)
    if code.source in ("download", "decoded", "secret"):
        run_code_of(reading, code.source, code)
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
    given = words[1:] if not any(word.several for word in words[1:]) else None
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


_CODE_OPTIONS = {
    "perl": ("-e -E", "-0 -C -D -F -I -i -l -m -M -x -V", "perl"),
    "ruby": ("-e", "-C -E -F -I -K -r -T -W -x", "ruby"),
    "node": ("-e --eval -p --print -pe", "-r --require --import --loader --experimental-loader -C --conditions",
    "javascript"),
    "php": ("-r -B -R -E", "-c -d -f -F -S -t -z", "php"),
    "lua": ("-e", "-l", "lua"),
    "luajit": ("-e", "-l", "lua"),
    "Rscript": ("-e", "", "r"),
    "tclsh": ("", "", "tcl"),
    "osascript": ("-e", "-l -s", "applescript"),
    "julia": ("-e -E --eval --print", "-J -H -C -L -p -t --project", "julia"),
    "groovy": ("-e", "-cp", "groovy"),
    "jshell": ("", "", "java"),
    "elixir": ("-e --eval", "-r -pa", "elixir"),
    "erl": ("-eval", "-s -run", "erlang"),
    "racket": ("-e", "-l -t -r", "racket"),
    "guile": ("-c", "-l -s", "guile"),
    "sbcl": ("--eval", "--load", "lisp"),
    "emacs": ("--eval", "-l --load", "lisp"),
    "pwsh": ("", "", "powershell"),
    "tsx": ("-e --eval", "", "javascript"),
    "ts-node": ("-e --eval", "-P", "javascript"),
    "nodejs": ("-e --eval -p --print", "-r --require --import", "javascript"),
    "ghci": ("-e", "", "haskell"),
    "scheme": ("", "", "scheme"),
    "octave": ("--eval", "", "octave"),
    "coffee": ("-e", "", "coffeescript"),
    "nashorn": ("", "", "javascript"),
}  # fmt: skip
_DANGEROUS = re.compile(
    r"system|exec|qx|`|popen|unlink|rmtree|rmdir|rm_rf|child_process|spawn|fork|socket|Socket|FileUtils|delete"
    r"|File\.write"
    r"|writeFile|open\s*\(|rename|kill|eval|require|IO\.|Net::|fetch|http|fs\.|passthru|shell_exec|curl|env|ENV"
    r"|os\.|io\."
    r"|proc_open|Kernel|%x|syscall|chmod|chown|truncate|\bdo shell "
    r"script\b|\bdo\b|print\s*\{|>>?|use\s|-M|load|import|=>",
    re.IGNORECASE,
)
_CALLS = re.compile(
    r"(?:system|exec|shell_exec|passthru|popen|execSync|exec_sync|spawnSync|spawn|IO\.popen|os\.execute|io\.popen"
    r"|proc_open|"
    r"do shell script|Kernel\.system|run)\s*\(?\s*(?:\[\s*)?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|q[qx]?\{[^}]*\})"
    r"|(?:%x|qx)\s*[({\[/|](.*?)[)}\]/|]|`([^`]*)`",
    re.DOTALL,
)
OTHER_CODE = declare(
    "code.other_language",
    RiskLevel.HIGH,
    "Runs code in a language that cannot be read, which reaches outside itself.",
    "ruby -e 'File.write(\"a.rb\", x)'",
    "ruby -e 'puts 1 + 1'",
    language="shell",
    unread=True,
)
COMPUTES = declare(
    "code.computes",
    RiskLevel.LOW,
    "Runs a short text in a language that is not fully read; it seems only to compute.",
    "ruby -e 'puts 1 + 1'",
    "ruby --version",
    language="shell",
    unread=True,
)


@program(*(name.lower() for name in _CODE_OPTIONS if name != "pwsh"))
def _interpreter(command: Command, reading: Reading) -> None:
    name = command.name
    code, valued, language = next(row for key, row in _CODE_OPTIONS.items() if key.lower() == name)
    options = code.split()
    codes: list[Word] = []
    rest: list[Word] = []
    words = command.arguments
    place = 0
    in_place = False
    while place < len(words):
        text = words[place].text
        short = [option[1] for option in options if re.fullmatch(r"-[A-Za-z]", option)]
        if text in options and place + 1 < len(words):
            codes.append(words[place + 1])
            place += 2
            continue
        if text.startswith("-") and len(text) > 1 and not text.startswith("--") and name in ("perl", "ruby"):
            in_place |= bool(re.match(r"-[A-Za-z0-9]*i", text)) and "e" not in text.split("i")[0]
            in_place |= bool(re.match(r"-[pnwlaW0]*i", text))
        bundled = re.fullmatch(rf"-[A-Za-z0-9.]*?({'|'.join(short)})", text) if short else None
        if bundled and place + 1 < len(words) and name in ("perl", "ruby"):
            codes.append(words[place + 1])
            place += 2
            continue
        if text.startswith("--") and "=" in text and text.partition("=")[0] in options:
            codes.append(words[place].with_text(text.partition("=")[2]))
        elif text.startswith("-") and len(text) > 1:
            place += text in valued.split()
            if (
                re.match(r"-[mM](?!strict|warnings|POSIX|Data::Dumper|JSON|List::Util|MIME::Base64)", text)
                and name == "perl"
            ):
                reading.doubt()
        else:
            rest.append(words[place])
            if not codes:
                break
        place += 1
    if codes:
        for word in codes:
            _read_other(language, word, reading)
        for word in rest:
            act_on(reading, Act.WRITE if in_place else Act.READ, word)
    elif rest and rest[0].text != "-":
        run_file(language, rest[0], reading, words[place + 1 :])
    elif not any(re.fullmatch(r"-v|-V|--version|--help|-h", word.text) for word in words):
        if command.input is not None and command.input.known and command.input_from not in ("download", "decoded"):
            _read_other(language, command.input, reading)
        else:
            read_input(language, command, reading)


def _read_other(language: str, word: Word, reading: Reading) -> None:
    """Read code in a language that has no reader as far as its calls of commands go."""
    if word.source in ("download", "decoded"):
        run_code_of(reading, word.source, word)
    if not word.known and not word.when_empty.strip():
        run_dynamic(reading, word)
        return
    for match in _CALLS.finditer(word.text[:50_000]):
        quoted = match.group(1)
        text = match.group(2) or match.group(3) or (re.sub(r"^(?:q[qx]?)?.|.$", "", quoted) if quoted else "")
        if text:
            reading.read("shell", text, word.line, fixed=True)
    if _DANGEROUS.search(word.text) or not word.known or len(word.text) > 4_000:
        words = f"{word.display} is code in a language that cannot be read, and it reaches outside itself."
        reading.add(OTHER_CODE, words, word.line)
    else:
        reading.add(COMPUTES, f"{word.display} is code in a language that is not fully read.", word.line)


_AWK_ACTS = re.compile(r"system\s*\(|\|\s*getline|\|\s*\"|\|&|print[^;}\n]*\|")
_AWK_WRITES = re.compile(r"print[^;}\n\"]*(?:\"[^\"]*\"[^;}\n\"]*)*>>?\s*(\"[^\"]*\"|[A-Za-z_$][\w$]*)")
_AWK_TEXT = re.compile(
    r"system\s*\(\s*\"((?:[^\"\\]|\\.)*)\"\s*\)|\"((?:[^\"\\]|\\.)*)\"\s*\|\s*getline|\|&?\s*\"((?:[^\"\\]|\\.)*)\""
)


@program("awk", "gawk", "mawk", "nawk", "original-awk")
def _awk(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-F -v -f -e -i -l -E -o --field-separator --assign --file --source --include --exec",
        mixed=False,
    )
    sources = [*given.values("-e", "--source")]
    operands = given.operands
    for path in given.values("-f", "--file", "-E", "--exec", "-i", "--include"):
        if path.text == "inplace":
            for word in operands[1:]:
                act_on(reading, Act.WRITE, word)
        else:
            run_file("awk", path, reading)
    if not sources and not given.values("-f", "--file", "-E", "--exec") and operands:
        sources, operands = operands[:1], operands[1:]
    for code in sources:
        _awk_code(code, reading)
    for word in operands:
        if not re.match(r"[A-Za-z_]\w*=", word.text):
            act_on(reading, Act.READ, word)


def _awk_code(code: Word, reading: Reading) -> None:
    if code.text == UNKNOWN:
        run_dynamic(reading, code)
        return
    for match in _AWK_WRITES.finditer(code.text):
        target = match.group(1)
        if target.startswith('"'):
            if target.strip('"') not in ("/dev/stderr", "/dev/stdout"):
                act_on(reading, Act.WRITE, Word(target.strip('"'), code.line))
        elif not re.fullmatch(r"\d+|NR|NF", target) and re.search(
            r"print[^()]*>>?\s*" + re.escape(target), match.group()
        ):
            act_on(reading, Act.WRITE, Word(UNKNOWN, code.line, shown=target))
    if not _AWK_ACTS.search(re.sub(r"\|\|", "", code.text)):
        return
    found = False
    for match in _AWK_TEXT.finditer(code.text):
        text = match.group(1) or match.group(2) or match.group(3)
        if text:
            found = True
            reading.read("shell", text.replace('\\"', '"'), code.line, fixed=True)
    dynamic = re.search(r"system\s*\(\s*(?!\")|system\s*\([^)]*\"\s+\S|\|\s*getline", code.text)
    if not found or (dynamic and not re.search(r"^\s*\"[^\"]*\"\s*\|\s*getline", code.text)):
        run_dynamic(reading, code)
