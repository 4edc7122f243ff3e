"""What files hold that the code itself has written, for code that is written first and run afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.risk.effects import publish_secret
from app.risk.places import Place, keeps_secrets, path_from, place_of, plain_path
from app.risk.reading import Reading
from app.risk.words import FRESH, UNKNOWN, Word

_MOST_FILES = 200


def _files(reading: Reading) -> dict[str, Word]:
    files = reading.options.get("files")
    return files if isinstance(files, dict) else {}


_SUSPECT = ("download", "decoded", "secret")


def _key(reading: Reading, word: Word) -> str:
    """Return by what a file is found again: its path, or how an unknown path is written, such as ``$1``."""
    if word.text != UNKNOWN:
        return path_in(reading, word)
    return f"{UNKNOWN}{word.shown.strip(chr(34))}"


def path_in(reading: Reading, word: Word) -> str:
    """Return a path from the working folder that the code has changed to."""
    return path_from(str(reading.options.get("folder") or ""), plain_path(word.text))


def note_file(reading: Reading, word: Word, content: Word, *, append: bool = False) -> None:
    """Note what a file holds from now on.

    Args:
        word: The file.
        content: Its text, with the line on which it begins; with `Word.source` if it is not known, such as
            ``download``.
        append: The text is added to the file's end.
    """
    files = _files(reading)
    path = _key(reading, word)
    before = files.get(path)
    if not word.known and before is not None and before.source in _SUSPECT:
        return  # it may be another file: the worse content stays
    if append and before is not None:
        content = Word(before.text + content.text, before.line, source=before.source or content.source)
    elif append and not content.source:
        content = Word(UNKNOWN + content.text, content.line)
    if len(files) < _MOST_FILES:
        files[path] = content


def landed(source: Word, target: Word) -> Word:
    """Return the file that is made where a file is copied to: a file, or a folder that keeps the name."""
    name = re.split(r"[/\\:]", source.text.rstrip("/"))[-1]
    if target.text in (".", "./"):
        return target.with_text(name)
    return target.with_text(target.text + name) if target.text.endswith("/") else target


def note_download(reading: Reading, word: Word, *, folder: bool = False) -> None:
    """Note that a file, or everything in a folder, comes from another machine."""
    if folder:
        files = _files(reading)
        if len(files) < _MOST_FILES and (word.known or word.text.startswith(FRESH)):
            files[f"{path_in(reading, word)}/"] = Word(UNKNOWN, word.line, source="download")
    else:
        note_file(reading, word, Word(UNKNOWN, word.line, source="download"))


def file_content(reading: Reading, word: Word) -> Word | None:
    """Return what a file holds if the code has written it, or made the folder that it is in; None otherwise."""
    files = _files(reading)
    if not files:
        return None
    path = _key(reading, word)
    if not word.known and not word.text.startswith(FRESH):
        found = files.get(path)
        return found if found is not None and found.source in _SUSPECT else None
    found = files.get(path)
    while found is None and "/" in path.rstrip("/"):
        path = path.rstrip("/").rpartition("/")[0]
        found = files.get(f"{path}/")
    if found is None and not path.startswith(("/", "~", "..")):
        found = files.get("./")
    return found


def holds_secrets(reading: Reading, word: Word) -> bool:
    """Return True if the code itself has put secrets into a file."""
    content = file_content(reading, word)
    return content is not None and content.source == "secret"


def secrets_here(reading: Reading) -> list[Word]:
    """Return the files below the folder where the code began into which it has put secrets."""
    outer = str(reading.options.get("folder") or "")
    return [
        Word(path.removeprefix(f"{outer}/") if outer else path)
        for path, content in _files(reading).items()
        if content.source == "secret" and not path.startswith(("/", "~"))
    ][:5]


def note_secrets(reading: Reading, sources: Iterable[Word], target: Word, *, packed: bool = False) -> None:
    """Note that a file holds secrets from now on if one of its sources is, or holds, a secret.

    Args:
        packed: It holds all that is in folders among its sources.
    """
    for word in sources:
        path = path_from(str(reading.options.get("folder") or ""), word.text)
        whole = packed and word.known and keeps_secrets(path)
        if whole or place_of(path) is Place.SECRET or holds_secrets(reading, word):
            note_file(reading, target, Word(UNKNOWN, target.line, source="secret"))
            publish_secret(reading, target)
            return


def copy_file(reading: Reading, source: Word, target: Word) -> None:
    """Note that a file is copied or moved."""
    content = file_content(reading, source)
    if content is None:
        note_secrets(reading, [source], target)
    if content is not None:
        note_file(reading, target, content)
