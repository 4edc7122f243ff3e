"""Programs that copy, move, write, and delete files."""

from __future__ import annotations

import re

from app.risk.commands.known_files import copy_file, note_file
from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.table import Command, program, program_name
from app.risk.commands.written import read_written
from app.risk.effects import SENDS_SECRET, Act, act_on
from app.risk.places import Place, place_of, plain_path
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

NO_UNDO = declare(
    "file.shreds",
    RiskLevel.HIGH,
    "Overwrites a file so that it cannot be recovered.",
    "shred -u notes.txt",
    "cat notes.txt",
    language="shell",
)
SETUID = declare(
    "file.setuid",
    RiskLevel.HIGH,
    "Makes a program run with its owner's rights for everybody who starts it.",
    "chmod u+s tool",
    "chmod +x tool.txt",
    language="shell",
)
LIKE_OPTION = declare(
    "file.named_like_option",
    RiskLevel.HIGH,
    "Makes a file whose name another command takes for an option.",
    "touch -- --checkpoint-action=exec=x",
    "touch -- notes.txt",
    language="shell",
)
LINKS = declare(
    "file.links", RiskLevel.LOW, "Creates a link to a file.", "ln -s a.txt b.txt", "ls a.txt", language="shell"
)


def named_like_option(word: Word, reading: Reading) -> None:
    """Note a file whose name another command takes for an option, once a pattern matches it."""
    if word.text.rsplit("/", 1)[-1].startswith("-") and word.text != "-":
        message = f"The file {word.display} is named like an option, and works as one where a pattern matches it."
        reading.add(LIKE_OPTION, message, word.line)


def _help(given: Arguments) -> bool:
    return given.exactly("--help", "--version")


@program("rm", "unlink", "rmdir", "grm", "trash", "trash-put", "srm", "rimraf", "del-cli", "trash-empty")
def _remove(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments)
    if _help(given):
        return
    recursive = given.has("-r", "-R", "--recursive", "-d") or command.name in ("rimraf", "srm")
    many = command.name in ("trash-empty",)
    for word in given.operands:
        if command.name == "rmdir":  # only empty folders
            act_on(reading, Act.DELETE, word)
        else:
            act_on(reading, Act.DELETE_ALL if recursive or many else Act.DELETE, word)


@program("shred", "wipe", "scrub", "sfill", "blkdiscard", "wipefs", "hdparm")
def _shred(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-n --iterations -s --size -o --offset -l --length -p -t --types --random-source"
    )
    if _help(given):
        return
    if command.name in ("wipefs", "hdparm") and not given.has(
        "-a", "--all", "-o", "--security-erase", "--trim-sector-ranges"
    ):
        return
    for word in given.operands:
        if place_of(word.text) is Place.DEVICE:
            act_on(reading, Act.DELETE_ALL, word)
        elif given.has("-u", "--remove") or command.name in ("wipe", "sfill"):
            act_on(reading, Act.DELETE, word)
            reading.add(NO_UNDO, f"This overwrites {word.display}, so that it cannot be recovered.", word.line)
        else:
            act_on(reading, Act.WRITE, word)
            reading.add(NO_UNDO, f"This overwrites {word.display}, so that it cannot be recovered.", word.line)


def _target(given: Arguments) -> tuple[list[Word], Word | None]:
    """Return the sources and the target of ``cp`` and its likes."""
    folder = given.value("-t", "--target-directory")
    if folder is not None:
        return given.operands, folder
    if len(given.operands) < 2:
        return given.operands, None
    return given.operands[:-1], given.operands[-1]


_INTO_FOLDER = frozenset({".", "..", "~", ""})


def _within(target: Word, source: Word) -> Word:
    """Return the file that is written if a target may be a folder."""
    text = target.text
    if text.endswith("/") or text in _INTO_FOLDER or text.endswith(("/.", "/..")):
        name = source.text.rstrip("/").rsplit("/", 1)[-1]
        return Word(
            f"{text.rstrip('/') or ('/' if text.startswith('/') else '.')}/{name}", target.line, source=source.source
        )
    return target


@program("cp", "gcp", "install", "ginstall", "pcp", "copy", "ditto")
def _copy(command: Command, reading: Reading) -> None:
    installs = command.name in ("install", "ginstall")
    valued = "-t --target-directory -S --suffix --update"
    given = arguments_of(command.arguments, f"{valued} -m --mode -o --owner -g --group" if installs else valued)
    if _help(given):
        return
    if installs and given.has("-d", "--directory"):
        for word in given.operands:
            act_on(reading, Act.CREATE, word)
        return
    sources, target = _target(given)
    for word in sources:
        act_on(reading, Act.READ, word)
    if target is None:
        return
    update = given.value("--update")
    kept = given.has("-n", "--no-clobber") or (update is not None and update.text.startswith("none"))
    for word in sources[:20]:
        written = _within(target, word)
        empties = word.text == "/dev/null" and not target.text.endswith("/")
        replaces = written is target and len(sources) == 1
        act = Act.EMPTY if empties else Act.OVERWRITE if replaces else Act.WRITE
        act_on(reading, Act.CREATE if kept else act, written)
        copy_file(reading, word, written)
    if mode := given.value("-m", "--mode"):
        _mode(mode, [target], False, reading)


@program("mv", "gmv", "rename", "prename", "mmv", "move", "exch")
def _move(command: Command, reading: Reading) -> None:
    if command.name in ("rename", "prename", "mmv"):
        given = arguments_of(command.arguments, "-e -E -f")
        if not given.harmless("-n", "--dry-run", "--nono", "--no-act"):
            for word in given.operands[1:]:
                act_on(reading, Act.MOVE, word)
            if given.has("-e") or (
                command.name in ("rename", "prename") and "/e" in (given.operands or [Word("")])[0].text
            ):
                reading.doubt()
        return
    given = arguments_of(command.arguments, "-t --target-directory -S --suffix")
    sources, target = _target(given)
    if _help(given):
        return
    for word in sources[:20]:
        act_on(reading, Act.MOVE, word)
    if target is not None:
        for word in sources[:20]:
            written = _within(target, word)
            if written.text == "/dev/null":
                act_on(reading, Act.DELETE, word)
                continue
            act_on(reading, Act.WRITE, written)
            copy_file(reading, word, written)


@program("ln", "gln", "link")
def _link(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-t --target-directory -S --suffix")
    if _help(given):
        return
    sources, target = _target(given)
    for word in sources:
        act_on(reading, Act.READ, word)
    if target is None and sources:
        target = Word(sources[0].text.rstrip("/").rsplit("/", 1)[-1], command.line)
    if target is None:
        return
    written = _within(target, sources[0]) if sources else target
    links = reading.options.get("links")
    if isinstance(links, dict) and sources and sources[0].known and written.known and given.has("-s", "--symbolic"):
        links[plain_path(written.text)] = sources[0].text
    level = place_of(written.text)
    if level in (Place.WORKING, Place.TEMPORARY, Place.GENERATED) and all(
        place_of(word.text) in (Place.WORKING, Place.TEMPORARY, Place.GENERATED, Place.CODE, Place.WORKING_ALL)
        for word in sources
    ):
        reading.touch(paths=[written.text] if written.known else [])
        reading.add(LINKS, f"This creates {written.display}, a link.", command.line)
    else:
        act_on(reading, Act.WRITE, written)


@program("tee", "sponge", "gtee", "pee")
def _tee(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "--output-error")
    append = given.has("-a", "--append")
    for word in given.operands:
        act_on(reading, Act.APPEND if append else Act.WRITE, word)
        taken = command.input or Word(UNKNOWN, command.line)
        content = Word(taken.text, taken.line, source=command.input_from)
        note_file(reading, word, content, append=append)
        read_written(reading, word, content)
        if command.input_from == "secret" and word.text.startswith(("/dev/tcp", "/dev/udp")):
            reading.add(SENDS_SECRET, "This sends secrets to another machine.", command.line)


@program("dd", "dcfldd", "dc3dd", "gdd")
def _dd(command: Command, reading: Reading) -> None:
    values: dict[str, Word] = {}
    for word in command.arguments:
        name, equals, value = word.text.partition("=")
        if equals:
            values[name] = word.with_text(value)
    if source := values.get("if"):
        act_on(reading, Act.READ, source)
    if target := values.get("of"):
        content = Word(UNKNOWN, command.line, source=command.input_from)
        act_on(reading, Act.WRITE, target)
        note_file(reading, target, content)


@program("truncate", "fallocate", "mkfile", "xfs_mkfile", "gtruncate")
def _truncate(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-s --size -r --reference -l --length -o --offset -n")
    size = given.value("-s", "--size")
    loses = command.name in ("truncate", "gtruncate") and not (size and size.text.startswith(("+", ">", "%")))
    digs = given.has("-p", "--punch-hole", "-c", "--collapse-range", "-z", "--zero-range")
    for word in given.operands:
        if loses and size is not None and re.fullmatch(r"[1-9]\d*[KMGTkmgt]?i?[Bb]?", size.text):
            act_on(reading, Act.WRITE, word)  # usually makes a file of that size
        else:
            act_on(reading, Act.EMPTY if loses or digs else Act.WRITE, word)


@program("mkdir", "gmkdir", "md", "touch", "gtouch", "mkfifo", "mktemp", "tempfile", "mknod")
def _create(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-m --mode -d --date -r --reference -t -p --tmpdir --suffix"
        if command.name not in ("mkdir", "gmkdir", "md")
        else "-m --mode -Z",
    )
    if _help(given):
        return
    operands = given.operands
    if command.name in ("mktemp", "tempfile"):
        if given.harmless("-u", "--dry-run"):
            return
        folder = given.value("-p", "--tmpdir")
        place = folder or Word("/tmp/tmp.x", command.line)  # noqa: S108 - the folder of such files
        operands = [word for word in operands if "/" in word.text] or [place]
    if command.name == "mknod":
        operands = operands[:1]
    for word in operands:
        named_like_option(word, reading)
        made = Word(f"{word.text}/x", word.line, word.display) if command.name in ("mkdir", "md") else word
        if made is not word and place_of(word.text) in (Place.SYSTEM, Place.WORKING_ALL, Place.CODE, Place.BUILD):
            made = word
        act_on(reading, Act.CREATE, made)
    if mode := given.value("-m", "--mode"):
        _mode(mode, operands, False, reading)


_OPEN_TO_ALL = re.compile(r"0?[0-7]?[0-7][0-7][2367]|(?:.*,)?(?:a|o|ugo|go|uo)*[+=][rwxX]*w[rwxX]*(?:,.*)?")
_SETS_ID = re.compile(r"0?[2-7][0-7]{3}|.*[ug]*[+=][rwx]*s.*|0?4[0-7]{3}|0?6[0-7]{3}")
OPEN = declare(
    "file.open_to_all",
    RiskLevel.HIGH,
    "Lets everybody on the machine change files.",
    "chmod -R 777 .",
    "chmod 644 notes.txt",
    language="shell",
)


_RUNS_ANYTHING = word_set("bash sh dash zsh ksh python python3 perl ruby php lua awk find vim env nmap busybox")


def _mode(mode: Word, words: list[Word], recursive: bool, reading: Reading) -> None:
    if not mode.known or len(mode.text) > 40:
        reading.doubt()
        mode = mode.with_text(mode.text[:40])
    if _SETS_ID.fullmatch(mode.text) and not re.fullmatch(r"0?2[0-7]{3}|g[+=]r?w?x?s", mode.text):
        # One among temporary files, or with a hidden name, is no tool that was installed.
        shell = any(
            program_name(word.text) in _RUNS_ANYTHING
            or re.match(
                r"/(?:var/)?tmp/|/dev/shm/"
                r"|(?:.*/)?\.[^./]",
                word.text,
            )
            for word in words
        )
        message = f"This makes {_names(words)} run with its owner's rights for everybody."
        reading.add(SETUID, message, mode.line, RiskLevel.CRITICAL if shell else None)
    elif _OPEN_TO_ALL.fullmatch(mode.text) and not re.fullmatch(r"1[0-7]{3}", mode.text):
        outside = any(
            place_of(word.text) not in (Place.WORKING, Place.TEMPORARY, Place.GENERATED, Place.CODE) for word in words
        )
        if recursive or outside:
            reading.add(OPEN, f"This lets everybody on the machine change {_names(words)}.", mode.line)


def _names(words: list[Word]) -> str:
    return words[0].display if words else "files"


@program("chmod", "gchmod", "setfacl", "chattr", "chflags", "chcon", "setcap", "restorecon", "setfattr")
def _permissions(command: Command, reading: Reading) -> None:
    valued = (
        "--reference -m --modify -x --remove -M -X -b -t -u -r -n -v -p" if command.name != "chmod" else "--reference"
    )
    words = command.arguments
    modes: list[Word] = []
    if command.name in ("chmod", "gchmod"):
        modes = [word for word in words if re.fullmatch(r"[-+=][rwxXstugo]+", word.text)]
        words = [word for word in words if word not in modes]
    elif command.name == "chattr":
        modes = [word for word in words if re.fullmatch(r"[-+=][a-zA-Z]+", word.text) and word.text != "-R"]
        words = [word for word in words if word not in modes]
    given = arguments_of(words, valued)
    if _help(given):
        return
    recursive = given.has("-R", "--recursive", "-r")
    operands = given.operands
    if not modes and command.name not in ("setfacl", "chattr", "restorecon") and not given.value("--reference"):
        modes, operands = operands[:1], operands[1:]
    for mode in modes:
        if command.name == "setcap":
            reading.add(SETUID, f"This gives {_names(operands)} rights of the system's administrator.", mode.line)
        else:
            _mode(mode, operands, recursive, reading)
    for word in operands:
        act_on(reading, Act.CHANGE_RIGHTS_ALL if recursive else Act.CHANGE_RIGHTS, word)


@program("chown", "chgrp", "gchown")
def _owner(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "--from --reference")
    operands = given.operands if given.value("--reference") else given.operands[1:]
    act = Act.CHANGE_RIGHTS_ALL if given.has("-R", "--recursive") else Act.CHANGE_RIGHTS
    for word in operands:
        act_on(reading, act, word)


@program("split", "csplit", "gsplit")
def _split(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-a -b -C -l -n -d -f --prefix --bytes --lines --number --filter -t --suffix-length"
    )
    for word in given.operands[:1]:
        act_on(reading, Act.READ, word)
    if code := given.value("--filter"):
        reading.read("shell", code.text, code.line, fixed=True)
        return
    prefix = given.operands[1].text if command.name != "csplit" and len(given.operands) > 1 else "xaa"
    act_on(reading, Act.CREATE, Word(f"{prefix}", command.line))


@program("patch", "gpatch")
def _patch(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-p -i --input -d --directory -o --output -D -F -r -B -V -z -Y --strip")
    if given.harmless("--dry-run") or _help(given):
        return
    for word in given.operands[:1]:
        act_on(reading, Act.WRITE, word)
    if not given.operands:
        act_on(reading, Act.WRITE, Word("changed.py", command.line, shown="the files that the patch names"))
