"""Files in the input of a workflow: uploaded ones, and paths in folders that the operator lists.

class Input(BaseModel):
    report: UploadedFile

def read(state):
    with open_file(state["input"]["report"]) as file:
        for line in file.stream: ...

The value is a text: a reference to an upload, such as ``assent-file:0f6c…``, or a path. A step can run on any worker,
so it opens the file by that text. Outside of the portal, it is a plain path.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Self

from pydantic import AfterValidator, Field

FORMAT = "assent-file"
"""The ``format`` of such a field in a JSON Schema."""
PREFIX = "assent-file:"
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


Opener = Callable[[str], OpenedFile]
_opener: ContextVar[Opener | None] = ContextVar("assent_file_opener", default=None)


@contextmanager
def opening_with(opener: Opener | None) -> Iterator[None]:
    """Open files within the block with `opener`, which may be called from several threads; None: as plain paths."""
    token = _opener.set(opener)
    try:
        yield
    finally:
        _opener.reset(token)


def open_file(reference: str) -> OpenedFile:
    """Open the file that a value of an input names. It is read, so call this in a thread, not on an event loop.

    Raises:
        FileError: There is no such file, this run may not read it, or it cannot be read.
    """
    opener = _opener.get()
    if opener is not None:
        return opener(reference)
    if reference.startswith(PREFIX):
        raise FileError(f"{reference} is an upload, which only a run of the portal can open.")
    path = Path(reference)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FileError(f"{reference}: {error.strerror}") from error
    return OpenedFile(path.name, path.stat().st_size, stream, path)
