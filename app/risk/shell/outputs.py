"""What commands print, where that is known: ``echo``, ``printf``, decoders, and a few filters."""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import re
import zlib
from collections import deque

from app.risk.commands.known_files import file_content
from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command
from app.risk.places import keeps_secrets
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.shell.escapes import unescaped
from app.risk.shell.state import NOTHING, SOME, Flow
from app.risk.words import FRESH, UNKNOWN, Word

_MOST = 200_000
_FILES = frozenset({"find", "ls", "fd", "fdfind", "locate", "mlocate", "plocate", "dir", "tree", "ag", "rg", "lsof"})
_LISTS_OF_GIT = frozenset({"ls-files", "branch", "tag", "diff", "ls-tree", "status", "for-each-ref", "worktree"})
_DECODERS = word_set("gunzip zcat bzcat xzcat bunzip2 unxz uudecode gpg openssl zstdcat lz4cat uncompress")
_DOWNLOADERS = word_set(
    "curl wget fetch aria2c lynx w3m GET http https httpie xh nc ncat netcat socat telnet ftp tftp lftp dig host "
    "nslookup drill kdig"
)
_PACKERS = word_set("tar gtar bsdtar zip 7z 7za rar pax dump")
_SILENT = word_set(
    "cp mv rm mkdir rmdir touch chmod chown chgrp ln test [ [[ sleep kill sync true false truncate shred"
)


def output_of(command: Command, given: Flow | None, reading: Reading) -> Flow | None:
    """Return what a command prints; None if only its source matters, and that is not known.

    Args:
        given: What it reads from standard input.
    """
    name = command.name
    if name in _SILENT:
        return NOTHING
    if handler := _OUTPUTS.get(name):
        return handler(command, given, reading)
    if name in _FILES or (name == "git" and any(word.text in _LISTS_OF_GIT for word in command.arguments[:3])):
        return Flow(UNKNOWN, "files")
    if name in ("env", "printenv", "set", "export", "declare") and len(command.words) < 2:
        return Flow(UNKNOWN, "secret")
    if name in ("history", "fc") and len(command.words) < 3:
        return Flow(UNKNOWN, "secret")  # what was typed often has passwords in it
    if name in _PACKERS and _packs_secrets(command):
        return Flow(UNKNOWN, "secret")
    if name in _DOWNLOADERS:
        return Flow(UNKNOWN, "download")
    if name in _DECODERS:
        return _decoder(command, given)
    if name in _CLIENTS and (made := _MADE_SQL.search(" ".join(word.text for word in command.arguments))):
        return Flow(f"{made[1]} {UNKNOWN};\n", "unknown", command.line)
    return None


_CLIENTS = word_set("psql mysql mariadb sqlite3 sqlplus sqlcmd clickhouse-client duckdb")
_MADE_SQL = re.compile(
    r"['\"]\s*((?:drop|truncate)\s+(?:table|database|schema|view|index)|truncate|delete\s+from)\s+", re.IGNORECASE
)
"""A statement that a query puts together, for all that it finds."""


def _packs_secrets(command: Command) -> bool:
    """Return True if an archive of a folder with passwords or keys is made, such as one of a home folder."""
    words = [word.text for word in command.arguments if word.known]
    makes = any(re.fullmatch(r"--create|-?[a-zA-Z]*c[a-zA-Z]*", word) for word in words[:3])
    packs = makes if command.name.endswith("tar") else not {"-l", "-t", "x", "l"} & set(words)
    return packs and any(keeps_secrets(word) for word in words if not word.startswith("-"))


def printed_text(name: str, texts: list[str]) -> str:
    """Return what ``echo`` or ``printf`` prints."""
    if name == "printf":
        return _format(texts)
    escapes = False
    newline = True
    while texts and re.fullmatch(r"-[neE]+", texts[0]):
        escapes = escapes or "e" in texts[0]
        newline = newline and "n" not in texts[0]
        texts = texts[1:]
    text = " ".join(texts)
    return (unescaped(text) if escapes else text) + ("\n" if newline else "")


_DIRECTIVE = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?([a-zA-Z%])")


def _format(texts: list[str]) -> str:
    if texts and texts[0] == "--":
        texts = texts[1:]
    if not texts:
        return ""
    # The pattern's own escapes first, so that those in arguments stay as they are.
    pattern, arguments = unescaped(texts[0]), deque(texts[1:])
    found: list[str] = []
    length = 0
    while True:
        count = len(arguments)
        found.append(_DIRECTIVE.sub(lambda match: _put(match.group(1), arguments), pattern))
        length += len(found[-1])
        if length > _MOST:
            return UNKNOWN
        if not arguments or len(arguments) == count:
            return "".join(found)


def _put(kind: str, arguments: deque[str]) -> str:
    if kind == "%":
        return "%"
    value = arguments.popleft() if arguments else ""
    if kind == "b":
        return unescaped(value)
    if kind == "c":
        return value[:1]
    return value if kind in "sqdiu" else UNKNOWN


def _echo(command: Command, given: Flow | None, reading: Reading) -> Flow:
    words = command.arguments
    text = printed_text(command.name, [word.text for word in words])
    source = next((word.source for word in words if word.source), "")
    source = source or ("files" if any(word.glob for word in words) else "")
    return Flow(text if len(text) < _MOST else UNKNOWN, source, words[0].line if words else command.line)


def _cat(command: Command, given: Flow | None, reading: Reading) -> Flow:
    operands = [word for word in command.arguments if not word.text.startswith("-") or word.text == "-"]
    if not operands or all(word.text == "-" for word in operands):
        return given or Flow()
    if len(operands) == 1 and (content := file_content(reading, operands[0])) is not None:
        return Flow(content.text, content.source, content.line)
    return Flow(UNKNOWN, next((word.source for word in operands if word.source), ""))


def _base64(command: Command, given: Flow | None, reading: Reading) -> Flow:
    options = arguments_of(command.arguments, "-w --wrap")
    if not options.has("-d", "-D", "--decode"):
        return Flow(UNKNOWN, given.source if given else "")
    if options.operands and options.operands[0].text != "-":
        content = file_content(reading, options.operands[0])
        return _decoded(Flow(content.text, content.source) if content else None, _from_base64)
    return _decoded(given, base64_32 if command.name == "base32" else _from_base64)


def _from_base64(text: str) -> bytes:
    plain = re.sub(r"[^A-Za-z0-9+/_-]", "", text).replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def base64_32(text: str) -> bytes:
    """Return what a text in base32 stands for."""
    plain = re.sub(r"[^A-Za-z2-7]", "", text).upper()
    return base64.b32decode(plain + "=" * (-len(plain) % 8))


def _decoded(given: Flow | None, decode: object) -> Flow:
    source = "download" if given is not None and given.source == "download" else "decoded"
    if given is None or not given.known or not callable(decode):
        return Flow(UNKNOWN, source)
    try:
        raw = decode(given.text)
    except (ValueError, binascii.Error):
        return Flow(UNKNOWN, source)
    return Flow(raw.decode("utf-8", "replace") if raw[:2] != b"\x1f\x8b" else _inflated(raw), source, given.line)


def _inflated(raw: bytes) -> str:
    try:
        return zlib.decompressobj(31).decompress(raw, _MOST).decode("utf-8", "replace")
    except (zlib.error, gzip.BadGzipFile):
        return UNKNOWN


def _xxd(command: Command, given: Flow | None, reading: Reading) -> Flow:
    if not any(re.match(r"-(?:r|revert)", word.text) for word in command.arguments):
        return Flow(UNKNOWN, given.source if given else "")
    return _decoded(given, lambda text: bytes.fromhex(re.sub(r"(?m)^[0-9a-f]+:|\s", "", text)))


def _rev(command: Command, given: Flow | None, reading: Reading) -> Flow:
    if given is None or not given.known or len(command.words) > 1:
        return Flow(UNKNOWN, given.source if given else "")
    text = "\n".join(line[::-1] for line in given.text.split("\n"))
    return Flow(text, "decoded", given.line)


def _tr(command: Command, given: Flow | None, reading: Reading) -> Flow:
    words = [unescaped(word.text) for word in command.arguments]
    if given is None or not given.known or UNKNOWN in "".join(words) or not words:
        return Flow(UNKNOWN, given.source if given else "")
    if len(words) == 2 and words[0] == "-d":
        return Flow(re.sub(f"[{re.escape(_spread(words[1]))}]", "", given.text), "decoded", given.line)
    if len(words) == 2 and not words[0].startswith("-"):
        before, after = _spread(words[0]), _spread(words[1])
        after = after + after[-1:] * (len(before) - len(after))
        return Flow(given.text.translate(dict(zip(map(ord, before), after, strict=False))), "decoded", given.line)
    return Flow(UNKNOWN, given.source)


def _spread(letters: str) -> str:
    classes = {"[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:space:]": " \t\n", "[:alpha:]": "A-Za-z"}
    for name, meaning in classes.items():
        letters = letters.replace(name, meaning)
    return re.sub(
        r"(.)-(.)",
        lambda match: "".join(map(chr, range(ord(match[1]), min(ord(match[2]), ord(match[1]) + 999) + 1))),
        letters,
    )


_PLAIN_SUBSTITUTE = re.compile(r"s([^\w\s\\])([\w \-./:,@]+)\1([\w \-./:,@]*)\1(g?)")


def _sed(command: Command, given: Flow | None, reading: Reading) -> Flow:
    """The output of simple substitutions in a known text."""
    codes = [word.text for word in command.arguments if word.text != "-e"]
    if given is None or not given.known or len(codes) != 1:
        return Flow(UNKNOWN, given.source if given else "")
    text = given.text
    for code in codes[0].split(";"):
        match = _PLAIN_SUBSTITUTE.fullmatch(code.strip())
        if match is None or match.group(1) in match.group(2):
            return Flow(UNKNOWN, given.source or "decoded")
        lines = [line.replace(match[2], match[3], -1 if match[4] else 1) for line in text.split("\n")]
        text = "\n".join(lines)
    return Flow(text, "decoded", given.line)


def _decoder(command: Command, given: Flow | None) -> Flow | None:
    texts = [word.text for word in command.arguments]
    if command.name in ("openssl", "gpg") and not any(text in ("-d", "--decrypt", "-D") for text in texts):
        return None
    if command.name == "openssl" and any(text in ("-base64", "-a", "base64") for text in texts) and "enc" in texts:
        ciphers = [text for text in texts if re.match(r"-(?:aes|des|bf|rc4|camellia|chacha)", text)]
        return _decoded(given if not ciphers else None, _from_base64)
    if given is None and command.name not in ("openssl", "gpg", "uudecode"):
        return Flow(UNKNOWN, "unknown")  # files are packed to save space, not to hide what they hold
    return Flow(UNKNOWN, given.source if given is not None and given.source == "download" else "decoded")


def _pass(command: Command, given: Flow | None, reading: Reading) -> Flow:
    """A filter that may drop parts; what it prints of a known text is not known, but for one that drops nothing."""
    return given if given is not None and len(command.words) == 1 else Flow(UNKNOWN, given.source if given else "")


def _tee(command: Command, given: Flow | None, reading: Reading) -> Flow:
    return given or Flow()


def _head(command: Command, given: Flow | None, reading: Reading) -> Flow:
    options = arguments_of(command.arguments, "-n --lines -c --bytes")
    lines = options.value("-n", "--lines")
    short = next((word.text[1:] for word in command.arguments if re.fullmatch(r"-\d+", word.text)), "")
    number = short or (lines.text if lines else "10")
    if given is None or not given.known or not number.isdigit() or options.value("-c", "--bytes"):
        return Flow(UNKNOWN, given.source if given else "")
    kept = given.text.splitlines(keepends=True)
    picked = kept[: int(number)] if command.name == "head" else kept[-int(number) :]
    return Flow("".join(picked), given.source, given.line)


def _which(command: Command, given: Flow | None, reading: Reading) -> Flow:
    names = [word for word in command.arguments if not word.text.startswith("-")]
    return Flow(names[0].text) if len(names) == 1 and names[0].known else Flow(SOME)


def _pwd(command: Command, given: Flow | None, reading: Reading) -> Flow:
    return Flow(str(reading.options.get("folder") or "."))


def _git(command: Command, given: Flow | None, reading: Reading) -> Flow:
    """The project's folder is where the code begins; what else git prints is not known."""
    texts = [word.text for word in command.arguments]
    return Flow("." if texts == ["rev-parse", "--show-toplevel"] else UNKNOWN)


def _mktemp(command: Command, given: Flow | None, reading: Reading) -> Flow:
    options = arguments_of(command.arguments, "-p --tmpdir --suffix")
    template = options.operands[0].text if options.operands else ""
    folder = options.value("-p", "--tmpdir")
    where = folder.text if folder else template.rpartition("/")[0]
    if (not options.has("-u", "--dry-run") and where.startswith(("/tmp", "/var/tmp", UNKNOWN))) or not where:  # noqa: S108
        return Flow(f"{FRESH}…")
    return Flow(f"{where}/made.{SOME}")


def _path(command: Command, given: Flow | None, reading: Reading) -> Flow:
    operands = [word for word in command.arguments if not word.text.startswith("-")]
    if not operands:
        return Flow(UNKNOWN)
    text = operands[0].text
    if command.name in ("realpath", "readlink"):
        return Flow(text if operands[0].known else f"{UNKNOWN}{'…' if text != UNKNOWN else ''}")
    if command.name == "dirname":
        return Flow(text.rstrip("/").rpartition("/")[0] or ("/" if text.startswith("/") else "."))
    name = text.rstrip("/").rpartition("/")[2]
    suffix = operands[1].text if len(operands) > 1 else ""
    return Flow(name.removesuffix(suffix) if suffix and UNKNOWN not in suffix else name)


def _date(command: Command, given: Flow | None, reading: Reading) -> Flow:
    return Flow(SOME)


def _seq(command: Command, given: Flow | None, reading: Reading) -> Flow:
    numbers = [word.text for word in command.arguments]
    if numbers and all(re.fullmatch(r"\d{1,4}", number) for number in numbers) and len(numbers) < 3:
        first, last = (1, int(numbers[0])) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))
        if last - first < 20:
            return Flow("\n".join(str(number) for number in range(first, last + 1)))
    return Flow(SOME)


def _rot13(command: Command, given: Flow | None, reading: Reading) -> Flow:
    if given is None or not given.known:
        return Flow(UNKNOWN, "decoded")
    return Flow(codecs.encode(given.text, "rot13"), "decoded", given.line)


_OUTPUTS = {
    "echo": _echo, "printf": _echo, "print": _echo, "cat": _cat, "base64": _base64, "base32": _base64,
    "xxd": _xxd, "rev": _rev, "sed": _sed, "tr": _tr, "tee": _tee, "head": _head, "tail": _head, "sort": _pass,
    "uniq": _pass,
    "which": _which, "pwd": _pwd, "mktemp": _mktemp, "dirname": _path, "basename": _path, "realpath": _path,
    "readlink": _path, "date": _date, "hostname": _date, "whoami": _date, "uname": _date, "nproc": _date,
    "git": _git, "id": _date, "arch": _date, "seq": _seq, "rot13": _rot13, "uuidgen": _date, "tempfile": _mktemp,
}  # fmt: skip


def word_of(flow: Flow, line: int) -> Word:
    """Return a flow as a word."""
    return Word(flow.text, flow.line or line, source=flow.source)
