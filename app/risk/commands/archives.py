"""Programs that pack and unpack files."""

from __future__ import annotations

import re

from app.risk.commands.known_files import file_content, note_download, note_secrets
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, run_dynamic
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

UNPACKS = declare(
    "file.unpacks",
    RiskLevel.LOW,
    "Unpacks files, and overwrites those of the same name.",
    "tar xzf a.tgz",
    "tar tzf a.tgz",
    language="shell",
    unread=True,
)
_TAR_VALUED = (
    "-f --file -C --directory -b -L -N -T --files-from -X --exclude-from --exclude --transform --xform -I "
    "--use-compress-program --to-command --checkpoint-action -F --info-script --new-volume-script --owner --group "
    "--mode "
    "--mtime -V --label -g --listed-incremental -H --format --strip-components --rsh-command --warning --checkpoint -K"
)


@program("tar", "gtar", "bsdtar", "star")
def _tar(command: Command, reading: Reading) -> None:
    words = list(command.arguments)
    if words and re.fullmatch(r"[A-Za-z]+", words[0].text) and words[0].known:
        words = _old_style(words)
    given = arguments_of(words, _TAR_VALUED)
    for option, value in given.options:
        if value is not None and option in ("--to-command", "-I", "--use-compress-program", "-F", "--info-script"):
            if value.text.split()[:1] and value.text.split()[0] not in ("zstd", "pigz", "gzip", "xz", "lz4", "bzip2",
            "pixz",
                                                                        "lbzip2", "pbzip2"):  # fmt: skip
                reading.read("shell", value.text, value.line, fixed=True)
        elif value is not None and option == "--checkpoint-action" and value.text.startswith("exec="):
            reading.read("shell", value.text[5:], value.line, fixed=True)
    archive = given.value("-f", "--file")
    folder = given.value("-C", "--directory")
    if archive is not None and re.match(r"[^/]+:", archive.text) and not given.has("--force-local"):
        run_dynamic(reading, archive)
    if given.has("-t", "--list", "-d", "--diff", "--compare"):
        _reads(archive, reading)
    elif given.has("-x", "--extract", "--get"):
        _reads(archive, reading)
        if not given.has("-O", "--to-stdout"):
            _unpacks(folder, command, reading, given.has("-P", "--absolute-names"))
            _note_unpacked(archive, folder, command, reading)
    elif given.has("-c", "--create", "-r", "--append", "-u", "--update", "-A"):
        for word in given.operands:
            act_on(reading, Act.READ, word)
        if archive is not None and archive.text != "-":
            act_on(reading, Act.WRITE, archive)
            note_secrets(reading, given.operands, archive, packed=True)
        if given.has("--remove-files"):
            for word in given.operands:
                act_on(reading, Act.DELETE_ALL, word)


def _old_style(words: list[Word]) -> list[Word]:
    """Return the arguments of ``tar xzf a.tgz`` as ``-x -z -f a.tgz``."""
    letters, rest = words[0].text, words[1:]
    found: list[Word] = []
    for letter in letters:
        found.append(words[0].with_text(f"-{letter}"))
        if letter in "fCbTXIFKLNVgH" and rest:
            found.append(rest[0])
            rest = rest[1:]
    return found + rest


def _reads(word: Word | None, reading: Reading) -> None:
    if word is not None and word.text != "-":
        act_on(reading, Act.READ, word)


def _note_unpacked(archive: Word | None, folder: Word | None, command: Command, reading: Reading) -> None:
    """Note that what is unpacked comes from another machine if the archive does, for code that is run afterwards."""
    content = file_content(reading, archive) if archive is not None and archive.text != "-" else None
    if command.input_from == "download" or (content is not None and content.source == "download"):
        note_download(reading, folder or Word(".", command.line), folder=True)


def _unpacks(folder: Word | None, command: Command, reading: Reading, anywhere: bool) -> None:
    target = folder or Word(".", command.line)
    place = place_of(target.text)
    if anywhere:
        act_on(reading, Act.WRITE, Word("/", command.line))
    elif place in (Place.WORKING, Place.WORKING_ALL, Place.TEMPORARY, Place.GENERATED):
        reading.add(
            UNPACKS, f"This unpacks files into {target.display}, and overwrites those of the same name.", command.line
        )
    else:
        text = target.text if place not in (Place.EVERYTHING, Place.HOME) else f"{target.text}/etc/x"
        act_on(reading, Act.WRITE, Word(text, target.line, target.display))


@program(
    *word_set(
        "unzip 7z 7za 7zr 7zz unrar rar unar cabextract jar cpio pax ar unsquashfs dtrx atool aunpack ouch p7zip "
        "funzip lha arj zpaq uudecode"
    )
)
def _unpack(command: Command, reading: Reading) -> None:
    name = command.name
    given = arguments_of(
        command.arguments, "-d -x -P -o -O -C -D -f -F -E -H -I -R" if name in ("unzip", "cpio", "pax") else "-C"
    )
    verb = given.operands[0].text if given.operands else ""
    if name == "unzip":
        for word in given.operands[:1]:
            act_on(reading, Act.READ, word)
        if not given.has("-l", "-v", "-t", "-p", "-Z", "-z"):
            _unpacks(given.value("-d"), command, reading, False)
            _note_unpacked(next(iter(given.operands), None), given.value("-d"), command, reading)
    elif name in ("cpio", "pax"):
        if given.has("-t", "--list") or (name == "pax" and not given.has("-r", "-w")):
            return
        if given.has("-o", "-w") and not given.value("-O", "-F", "-f"):
            return
        _unpacks(given.value("-D"), command, reading, False)
    elif name in ("ar", "jar"):
        if verb.startswith(("t", "p")) or given.has("-t", "-p"):
            return
        if verb.startswith("x") or given.has("-x"):
            _unpacks(None, command, reading, False)
        elif len(given.operands) > 1:
            act_on(reading, Act.WRITE, given.operands[1])
    elif verb in ("l", "t", "v", "lb", "i", "h", "b", "lt", "vt", "list"):
        return
    elif verb in ("a", "u", "d", "m", "rn", "compress", "c"):
        for word in given.operands[2:]:
            act_on(reading, Act.READ, word)
        for word in given.operands[1:2]:
            act_on(reading, Act.WRITE, word)
    else:
        target = next((word for word in command.arguments if re.match(r"-o\S", word.text)), None)
        _unpacks(target.with_text(target.text[2:]) if target else None, command, reading, False)


@program("zip", "zipsplit", "zipnote", "mksquashfs", "genisoimage", "mkisofs", "xorriso", "makeself", "shar")
def _pack(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-b -i -x -n -t -tt -P -o -s -TT --unzip-command -comp")
    if code := given.value("-TT", "--unzip-command"):
        reading.read("shell", code.text, code.line, fixed=True)
    if any(word.text in ("-T", "-TT") for word in command.arguments) and any(
        word.text == "-TT" for word in command.arguments
    ):
        run_dynamic(reading, command.words[0])
    operands = given.operands
    target = given.value("-o") if command.name in ("genisoimage", "mkisofs") else None
    if target is None and operands:
        target, operands = operands[0], operands[1:]
    for word in operands:
        act_on(reading, Act.READ, word)
    if target is not None and target.text != "-":
        act_on(reading, Act.WRITE, target)
        note_secrets(reading, operands, target)
    if given.has("-m", "--move") and command.name == "zip":
        for word in operands:
            act_on(reading, Act.DELETE_ALL if given.has("-r") else Act.DELETE, word)


@program(
    *word_set(
        "gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd lz4 unlz4 lzma unlzma lzip pigz unpigz compress uncompress "
        "brotli pixz pbzip2 lbzip2 lzop plzip"
    )
)
def _compress(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-S --suffix -o --output -b -p --threads -T -D -B -q -w")
    silent = given.has("-c", "--stdout", "--to-stdout", "-t", "--test", "-l", "--list", "--help", "--version", "-V")
    output = given.value("-o", "--output")
    for word in given.operands:
        act_on(reading, Act.READ, word)
        if silent:
            continue
        if output is None:
            # The file is replaced by one that holds the same.
            act_on(reading, Act.WRITE, _replaced(word, command.name))
    if output is not None and not silent:
        act_on(reading, Act.WRITE, output)


def _replaced(word: Word, name: str) -> Word:
    if name.startswith("un") or name == "gunzip":
        return Word(
            re.sub(r"\.(?:gz|bz2|xz|zst|lz4|lzma|Z)$", "", word.text), word.line, word.display, several=word.several
        )
    return Word(f"{word.text or UNKNOWN}.gz", word.line, word.display, several=word.several)
