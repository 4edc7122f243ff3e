"""Programs that start another program, which is what counts: ``sudo``, ``env``, ``timeout``, ``xargs`` and so on."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_dynamic
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

ROOT_SHELL = declare(
    "command.root_shell",
    RiskLevel.HIGH,
    "Opens a shell or an editor as another account; what is done there is not known.",
    "sudo -i",
    "sudo ls",
    language="shell",
    unread=True,
)
ENVIRONMENT_READ = declare(
    "command.prints_environment",
    RiskLevel.HIGH,
    "Prints all environment variables, which may hold secrets.",
    "env",
    "env LANG=C ls",
    language="shell",
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


def read_inner(words: list[Word], command: Command, reading: Reading, *, here: str = "") -> None:
    """Read a command that another one starts, such as the one after ``sudo`` or after ``docker exec NAME``.

    Args:
        words: The inner command; nothing happens if there is none.
        command: The outer command, whose input the inner one reads.
        here: Where the inner one runs, if not on this machine; see `Command.here`.
    """
    if words:
        read_command(replace(command, words=words, here=here or command.here), reading)


_VALUED = {
    "sudo": "-u --user -g --group -h --host -p --prompt -C --close-from -D --chdir -r --role -t --type -T -U -R "
    "--chroot",
    "doas": "-u -C",
    "nohup": "", "setsid": "", "caffeinate": "-t -w", "systemd-inhibit": "--what --who --why --mode",
    "timeout": "-s --signal -k --kill-after",
    "gtimeout": "-s --signal -k --kill-after",
    "nice": "-n --adjustment",
    "ionice": "-c --class -n --classdata -p --pid -P -u",
    "chrt": "-T -P -D -p",
    "taskset": "-p",
    "stdbuf": "-i -o -e --input --output --error", "unbuffer": "",
    "time": "-f --format -o --output", "gtime": "-f -o",
    "chroot": "--userspec --groups",
    "unshare": "-S --setuid -G --setgid -R --root -w --wd --map-user --map-group --propagation",
    "nsenter": "-t --target -S -G -r -w --wd",
    "strace": "-e -o -p -s -u -E -P -a -b -I -O -S -X --output --trace",
    "ltrace": "-e -o -p -s -u -a -l -n -A -D -F -x",
    "setarch": "", "linux64": "", "linux32": "", "i386": "", "x86_64": "",
    "firejail": "", "bwrap": "--bind --dev --proc --ro-bind --tmpfs --setenv --chdir --dir --symlink --unshare "
    "--dev-bind",
    "proot": "-r -b -w -k", "fakeroot": "-l -s -i -b", "fakechroot": "",
    "catchsegv": "", "valgrind": "", "rlwrap": "-a -A -b -C -D -f -H -l -m -P -q -s -S -t",
    "dbus-run-session": "--config-file", "xvfb-run": "-n -e -f -p -s -w", "runuser": "-u -g -G -s -w",
    "setpriv": "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits",
    "capsh": "", "prlimit": "", "cpulimit": "-l -p -e -P", "softlimit": "", "numactl": "-N -m -C -p -i",
    "gosu": "", "su-exec": "", "tini": "-s", "dumb-init": "", "catatonit": "", "chpst": "-u -U -b -e -n -l -L -m "
    "-d -o -p",
    "torsocks": "", "proxychains4": "-f", "tsocks": "",
    "systemd-run": "-p --property --unit -u --uid --gid --nice -E --setenv --description --slice --on-calendar "
    "--on-active --on-boot --on-startup --on-unit-active --timer-property -M --machine -H --host --working-directory",
    "systemd-cat": "-t -p --identifier --priority", "faketime": "-f",
    "sem": "-j", "chronic": "", "ifne": "",
    "hyperfine": "-w -r -m -M -s -p -c -L -i -n --warmup --runs --export-json --export-markdown --prepare --setup",
    "lxc-execute": "-n", "winpty": "", "wine": "", "wine64": "",
}  # fmt: skip
"""Options with a value of programs that take options, then operands of their own, then the command."""
_OWN_OPERANDS = {"timeout": 1, "gtimeout": 1, "chroot": 1, "taskset": 1, "chrt": 1, "gosu": 1, "su-exec": 1,
"setarch": 1,
                 "faketime": 1}  # fmt: skip
_LATER = ("--on-calendar", "--on-active", "--on-boot", "--on-startup", "--on-unit-active")


@program(*_VALUED)
def _wrapper(command: Command, reading: Reading) -> None:
    name = command.name
    given = arguments_of(command.arguments, _VALUED[name], mixed=False)
    for word in given.values("-o", "--output"):
        if name in ("time", "strace", "ltrace"):
            act_on(reading, Act.WRITE, word)
    words = given.operands[_OWN_OPERANDS.get(name, 0) :]
    words, command = _with_environment(words, command, reading)
    if not words and (name == "doas" or (name == "sudo" and given.has("-i", "-s", "--login", "--shell"))):
        message = f"{command.words[0].display} opens a shell with all rights; what is done there is not known."
        reading.add(ROOT_SHELL, message, command.line)
    if name == "hyperfine":
        for word in words + given.values("-p", "--prepare", "-s", "--setup", "-c"):
            read_text(word, command, reading)
        return
    if name == "systemd-run" and given.has(*_LATER):
        reading.add(LATER, "This runs a command later, by the clock.", command.line)
    if words and not words[0].known and words[0].when_empty == "":
        run_dynamic(reading, words[0])
        words = words[1:]
    if name == "sudo" and given.has("-e", "--edit"):
        for word in words:
            act_on(reading, Act.WRITE, word)
        return
    read_inner(words, command, reading)


LATER = declare(
    "command.later",
    RiskLevel.HIGH,
    "Makes a command run later, when nobody looks.",
    "systemd-run --on-active=60 ls",
    "atq",
    language="shell",
    unread=True,
)


def _with_environment(words: list[Word], command: Command, reading: Reading) -> tuple[list[Word], Command]:
    """Take assignments off the beginning of an inner command."""
    from app.risk.shell.environment import set_variable

    environment = dict(command.environment)
    while words and _ASSIGNMENT.fullmatch(words[0].text):
        name, _, value = words[0].text.partition("=")
        environment[name] = words[0].with_text(value)
        set_variable(reading, name, environment[name])
        words = words[1:]
    return words, replace(command, environment=environment)


def read_text(word: Word, command: Command, reading: Reading, *, within: str = "") -> None:
    """Read a word as shell code, as ``sh -c`` does."""
    from app.risk.commands.interpreters import read_code

    read_code("shell", word, reading, within=within)


@program("env", "genv")
def _env(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-u --unset -C --chdir -S --split-string --block-signal --default-signal", mixed=False
    )
    if split := given.value("-S", "--split-string"):
        read_text(split.with_text(f"{split.text} {' '.join(word.text for word in given.operands)}"), command, reading)
        return
    words, command = _with_environment(given.operands, command, reading)
    if words:
        read_inner(words, command, reading)
    elif not given.has("--version", "--help"):
        reading.add(ENVIRONMENT_READ, "This prints all environment variables, which may hold passwords.", command.line)


@program("su")
def _su(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c --command -s --shell -g --group -w -G")
    if code := given.value("-c", "--command"):
        read_text(code, command, reading)
        return
    if command.input is not None:
        read_text(command.input, command, reading)
        return
    reading.add(ROOT_SHELL, "This opens a shell as another account; what is done there is not known.", command.line)


@program("exec", "builtin", "command", "noglob", "nocorrect")
def _builtin(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-a", mixed=False)
    if not given.has("-v", "-V"):
        read_inner(given.operands, command, reading)


@program("busybox", "toybox", "coreutils")
def _busybox(command: Command, reading: Reading) -> None:
    words = command.arguments
    if words and not words[0].text.startswith("-"):
        read_inner(words, command, reading)


@program("watch", "viddy")
def _watch(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-n --interval -q --equexit", mixed=False)
    if given.has("-x", "--exec"):
        read_inner(given.operands, command, reading)
    elif given.operands:
        first = given.operands[0]
        text = " ".join(word.text for word in given.operands)
        read_text(first.with_text(text), command, reading)


@program("flock")
def _flock(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-w --wait --timeout -E --conflict-exit-code -c --command", mixed=False)
    words = given.operands[1:]
    if words and words[0].text in ("-c", "--command") and len(words) > 1:
        read_text(words[1], command, reading)
    elif code := given.value("-c", "--command"):
        read_text(code, command, reading)
    else:
        read_inner(words, command, reading)


@program("script", "asciinema", "expect")
def _script(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c --command -E --echo -I -O -B -T -t -m -o")
    for code in given.values("-c", "--command"):
        if command.name == "expect":
            reading.read("expect", code.text, code.line)
        else:
            read_text(code, command, reading)
    for word in given.operands:
        if command.name == "expect":
            from app.risk.commands.interpreters import run_file

            run_file("expect", word, reading)
        elif command.name == "script":
            act_on(reading, Act.WRITE, word)


@program("sshpass")
def _sshpass(command: Command, reading: Reading) -> None:
    read_inner(arguments_of(command.arguments, "-p -f -d -P", mixed=False).operands, command, reading)


_PLACEHOLDER = "{}"


@program("xargs", "gxargs")
def _xargs(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-a --arg-file -d --delimiter -E -I -L -n -P -s --max-args --max-procs --max-lines --max-chars --replace "
        "--process-slot-var",
        mixed=False,
    )
    words = given.operands
    replaced = given.value("-I", "--replace")
    mark = replaced.text if replaced else _PLACEHOLDER if given.has("-i", "--replace") else ""
    listed = _listed(command, lines=bool(mark) or given.has("-0", "--null", "-d", "--delimiter"))
    if not words:
        return
    if mark and any(mark in word.text for word in words):
        for value in listed[:10]:
            inner = [_put(word, mark, value) for word in words]
            read_command(Command(inner, environment=command.environment, here=command.here), reading)
        return
    inner = [*words, *listed]
    if words[0].text.rsplit("/", 1)[-1] in ("sh", "bash", "zsh", "dash", "env", "xargs", "sudo", "parallel"):
        texts = [word.text for word in words]
        if "-c" not in texts or texts[-1] == "-c":
            run_dynamic(reading, "xargs", command.line)
    read_command(Command(inner, environment=command.environment, here=command.here), reading)


def _listed(command: Command, *, lines: bool = False) -> list[Word]:
    """Return the arguments that come from the input."""
    if command.input is not None and command.input.known:
        text = command.input.text
        pieces = [piece for piece in re.split(r"[\n\0]", text) if piece] if lines else text.split()
        if 0 < len(pieces) <= 20:
            return [Word(piece, command.line, source=command.input_from) for piece in pieces]
    return [Word(UNKNOWN, command.line, shown="the files that are listed", several=True, source=command.input_from)]


def _put(word: Word, mark: str, value: Word) -> Word:
    if mark not in word.text:
        return word
    return Word(word.text.replace(mark, value.text), word.line, several=value.several, source=value.source)


@program("parallel", "pexec")
def _parallel(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-j --jobs -I -a --arg-file --colsep -C -d -n -N -L -s --delay --timeout --retries --joblog --results -S "
        "--sshlogin",
        mixed=False,
    )
    texts = [word.text for word in given.operands]
    split = next((place for place, text in enumerate(texts) if re.fullmatch(r":::\+?|::::", text)), len(texts))
    words, values = given.operands[:split], given.operands[split + 1 :]
    if not words:
        if values:
            for value in values:
                read_text(value, command, reading)
        else:
            run_dynamic(reading, "parallel", command.line)
        return
    for value in values[:10] or _listed(command, lines=True)[:10]:
        inner = [_filled(word, value) for word in words]
        if inner == words:
            inner.append(value)
        if len(words) == 1 and " " in words[0].text:
            read_text(words[0].with_text(" ".join(word.text for word in inner)), command, reading)
        else:
            read_inner(inner, command, reading)


_SLOT = re.compile(r"\{[./#%0-9]*\}")


def _filled(word: Word, value: Word) -> Word:
    if not _SLOT.search(word.text):
        return word
    return Word(value.text.join(_SLOT.split(word.text)), word.line, word.shown, several=value.several)
