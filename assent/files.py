"""Files in the input of a workflow, and files that its steps produce.

class Input(BaseModel):
    report: UploadedFile

def read(state):
    with open_file(state["input"]["report"]) as file:
        for line in file.stream: ...
    return {"package": save_file("package.zip", path).reference}

The value of an input is a text: a reference to an upload, such as ``assent-file:0f6c…``, or a path in one of the
operator's folders. A step can run on any worker, so it opens a file by that text. Outside of the portal, it is a plain
path.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Protocol, Self

from pydantic import AfterValidator, Field

FORMAT = "assent-file"
"""The ``format`` of such a field in a JSON Schema."""
PREFIX = "assent-file:"
WORKING = "."
"""The first character of names of working files, which steps save for later steps: nobody is offered them."""
_REFERENCE = re.compile(re.escape(PREFIX) + r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class FileError(OSError):
    """The file cannot be opened; the message says why."""


def _named(value: str) -> str:
    if not value.strip() or "\x00" in value:
        raise ValueError("name a file")
    return value


UploadedFile = Annotated[
    str, Field(min_length=1, max_length=4096, json_schema_extra={"format": FORMAT}), AfterValidator(_named)
]
"""A field of an input model that names a file; forms draw it as an upload."""


def reference_to(file_id: str) -> str:
    """Return the text that names an uploaded file."""
    return PREFIX + file_id


def file_id_of(reference: str) -> str:
    """Return the id in the text that names an uploaded file; empty for any other text."""
    found = _REFERENCE.fullmatch(reference)
    return found[1] if found else ""


def references_in(value: Any, path: str = "input") -> dict[str, str]:
    """Return the texts inside a JSON value that name uploaded files, by their paths, joined by dots."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [(path, value)]
    while waiting:
        at, inside = waiting.pop()
        if isinstance(inside, str):
            if file_id_of(inside):
                found[at] = inside
        elif isinstance(inside, dict):
            waiting += [(f"{at}.{key}", item) for key, item in inside.items()]
        elif isinstance(inside, list):
            waiting += [(f"{at}.{number}", item) for number, item in enumerate(inside)]
    return found


class OpenedFile:
    """A file that is open for reading; use it in a ``with`` statement, which closes it.

    Attributes:
        name: As its uploader named it, or the last part of its path.
        size: In bytes.
        stream: The content.
    """

    def __init__(self, name: str, size: int, stream: BinaryIO, path: Path | None = None) -> None:
        self.name = name
        self.size = size
        self.stream = stream
        self._path = path
        self._copy: Path | None = None

    @property
    def path(self) -> Path:
        """A local path with the content, for libraries that need one; it may be a copy, and is gone once closed.

        It is asked for while nobody reads the stream, whose place is restored.
        """
        if self._path is None:
            place = self.stream.tell()
            self.stream.seek(0)
            suffix = re.sub(r"[^A-Za-z0-9.]", "", Path(self.name).suffix)[:20]
            with tempfile.NamedTemporaryFile(prefix="assent-", suffix=suffix, delete=False) as copy:
                self._path = self._copy = Path(copy.name)
                shutil.copyfileobj(self.stream, copy, 1 << 20)
            self.stream.seek(place)
        return self._path

    def close(self) -> None:
        """Close the stream, and remove a copy."""
        self.stream.close()
        if self._copy is not None:
            self._copy.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class SavedFile:
    """A file that a step has saved.

    Attributes:
        reference: The text that later steps open it by.
        name: Its name, without secrets.
        sha256: Digest of the content, in hexadecimal.
        size: In bytes.
    """

    reference: str
    name: str
    sha256: str
    size: int


class RunFiles(Protocol):
    """The files of one run; its methods may be called from several threads."""

    def open(self, reference: str) -> OpenedFile:
        """Open a file. Raises FileError."""

    def save(self, name: str, stream: BinaryIO) -> SavedFile:
        """Save what is left of the stream. Raises FileError."""


_run_files: ContextVar[RunFiles | None] = ContextVar("assent_run_files", default=None)


@contextmanager
def using_files(files: RunFiles | None) -> Iterator[None]:
    """Open and save files within the block as `files` does; None: as plain paths."""
    token = _run_files.set(files)
    try:
        yield
    finally:
        _run_files.reset(token)


def in_a_run() -> bool:
    """Whether files are those of a run of the portal, rather than plain paths."""
    return _run_files.get() is not None


def open_file(reference: str) -> OpenedFile:
    """Open the file that a value of an input names. It is read, so call this in a thread, not on an event loop.

    Raises:
        FileError: There is no such file, this run may not read it, or it cannot be read.
    """
    files = _run_files.get()
    if files is not None:
        return files.open(reference)
    if reference.startswith(PREFIX):
        raise FileError(f"{reference} is an upload, which only a run of the portal can open.")
    path = Path(reference)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FileError(f"{reference}: {error.strerror}") from error
    return OpenedFile(path.name, path.stat().st_size, stream, path)


def save_file(name: str, content: BinaryIO | Path) -> SavedFile:
    """Save a file that the run has produced. The run's page lists it for download, and later steps can open it.

    It is written, so call this in a thread, not on an event loop. A step that runs again may save it again: a file of
    the same name is replaced, or returned as it is if it has the same content. Outside of the portal, it is written to
    a temporary folder.

    Args:
        name: What people download it as; up to 255 printable characters without a slash. A file whose name begins with
            a dot is a working file for later steps: the run's page and the API do not list it.
        content: A stream, which is read to its end, or the path of a local file.

    Raises:
        FileError: The name is not valid, the file is larger than the operator allows, or it cannot be read or stored.
    """
    try:
        if isinstance(content, Path):
            with content.open("rb") as stream:
                return _save(name, stream)
        return _save(name, content)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{name}: {error.strerror or error}") from error


def _save(name: str, stream: BinaryIO) -> SavedFile:
    files = _run_files.get()
    if files is not None:
        return files.save(name, stream)
    if not name or "/" in name or name in (".", ".."):
        raise FileError(f"A file cannot be called {name!r}.")
    path, digest = _local_folder() / name, hashlib.sha256()
    with path.open("wb") as copy:
        while piece := stream.read(1 << 20):
            digest.update(piece)
            copy.write(piece)
    return SavedFile(str(path), name, digest.hexdigest(), path.stat().st_size)


@cache
def _local_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="assent-saved-"))
