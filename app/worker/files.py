"""Files on a worker: opened and saved for the steps of runs, and deleted when no run has used them for long."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog

from app.domain.errors import AssentError
from app.services.erasure import Erasure
from app.services.files.access import FileAccess
from app.services.files.saved import FileToSave, SavedFiles
from app.services.files.uploads import Files
from app.services.retention import Kept, Retention
from app.services.usage.calls import ModelCalls
from assent.files import FileError, OpenedFile, SavedFile, file_id_of, reference_to

log = structlog.get_logger(__name__)
SWEEP_EVERY_SECONDS = 3600.0


async def keep_sweeping(
    files: Files, model_calls: ModelCalls, erasure: Erasure, run_data_kept: timedelta | None,
    retention: Retention, kept: Kept,
) -> None:  # fmt: skip
    """Delete what has been kept long enough, at once and then every hour until canceled.

    These are files that no run uses, expired answers of models, what runs hold that ended longer ago than
    `run_data_kept` (None: that is kept), and what `kept` says.
    """
    sweeps: list[tuple[str, Callable[[], int]]] = [("files", files.sweep), ("answers of models", model_calls.sweep)]
    if run_data_kept is not None:
        sweeps.append(("data of runs", lambda: _all(partial(erasure.sweep, run_data_kept))))
    sweeps.append(("old data", lambda: sum(retention.sweep(kept).values())))
    while True:
        for name, sweep in sweeps:
            try:
                if count := await asyncio.to_thread(sweep):
                    log.info("swept", what=name, count=count)
            except Exception:
                # The next round retries; the others are swept all the same.
                log.warning("sweep_failed", what=name, exc_info=True)
        await asyncio.sleep(SWEEP_EVERY_SECONDS)


def _all(sweep: Callable[[], int]) -> int:
    """Sweep in parts until nothing is left. Returns how much there was."""
    total = 0
    while count := sweep():
        total += count
    return total


class FilesOfRun:
    """The files of a run, as its steps in one attempt open and save them."""

    def __init__(self, files: Files, saved: SavedFiles, access: FileAccess, run_id: str, attempt: int) -> None:
        self._files = files
        self._saved = saved
        self._access = access
        self._run_id = run_id
        self._attempt = attempt

    def open(self, reference: str) -> OpenedFile:
        """Open a file. An upload is copied into a temporary file, which has no name and goes with the process.

        Raises:
            FileError: The run does not use such a file, the path leads out of the operator's folders, or it cannot be
                read.
        """
        try:
            if not file_id_of(reference):
                stream = self._files.open_path(reference)
                return OpenedFile(Path(reference).name, os.fstat(stream.fileno()).st_size, stream)
            file, content = self._files.of_run(self._run_id, reference)
            self._access.note_opened(self._run_id, file)
            copy, digest, size = _copied(content, file.size)
            if digest != file.sha256:
                copy.close()
                raise FileError(f"The content of “{file.name}” has changed since it was stored.")
        except AssentError as error:
            raise FileError(str(error)) from error
        return OpenedFile(file.name, size, copy)

    def save(self, name: str, stream: BinaryIO) -> SavedFile:
        """Save a file. It is copied into a temporary file first, so that its size and digest are known.

        Raises:
            FileError: The name is not valid, there is no room for it, another worker has taken over the run, or it
                cannot be stored.
        """
        rules = self._files.rules
        copy, digest, size = _copied(iter(partial(stream.read, rules.part_bytes), b""), rules.total)
        with copy:
            pieces = iter(partial(copy.read, rules.part_bytes), b"")
            try:
                file = self._saved.save(FileToSave(self._run_id, self._attempt, name, size, digest, pieces))
            except AssentError as error:
                raise FileError(str(error)) from error
        return SavedFile(reference_to(file.id), file.name, file.sha256, file.size)


def _copied(content: Iterable[bytes], most: int) -> tuple[BinaryIO, str, int]:
    """Return a temporary file without a name at its start, with the digest and size; longer than `most`: FileError."""
    copy = tempfile.TemporaryFile(prefix="assent-")  # noqa: SIM115 - the caller closes it
    try:
        digest, size = hashlib.sha256(), 0
        for piece in content:
            size += len(piece)
            if size > most:
                raise FileError(f"A file has at most {most:,} bytes; this one has more.")
            digest.update(piece)
            copy.write(piece)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy, digest.hexdigest(), size
