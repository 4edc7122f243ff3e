"""Files on a worker: opened for the steps of the runs that use them, and deleted when no run has used them for long."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from functools import partial
from pathlib import Path

import structlog

from app.domain.errors import AssentError
from app.services.files.uploads import Files
from app.services.usage.calls import ModelCalls
from assent.files import FileError, OpenedFile, Opener, file_id_of

log = structlog.get_logger(__name__)
SWEEP_EVERY_SECONDS = 3600.0


async def keep_sweeping(files: Files, model_calls: ModelCalls) -> None:
    """Delete files that no run uses, and expired answers of models, at once and then every hour until canceled."""
    while True:
        for name, sweep in (("files", files.sweep), ("answers of models", model_calls.sweep)):
            try:
                if count := await asyncio.to_thread(sweep):
                    log.info("swept", what=name, count=count)
            except Exception:
                # The next round retries; the others are swept all the same.
                log.warning("sweep_failed", what=name, exc_info=True)
        await asyncio.sleep(SWEEP_EVERY_SECONDS)


def opener_of(files: Files, run_id: str) -> Opener:
    """What opens the files of this run."""
    return partial(_open, files, run_id)


def _open(files: Files, run_id: str, reference: str) -> OpenedFile:
    """Open a file. An upload is copied into a temporary file, which has no name and goes with the process.

    Raises:
        FileError: The run does not use such a file, the path leads out of the operator's folders, or it cannot be read.
    """
    try:
        if not file_id_of(reference):
            stream = files.open_path(reference)
            return OpenedFile(Path(reference).name, os.fstat(stream.fileno()).st_size, stream)
        file, content = files.of_run(run_id, reference)
        copy = tempfile.TemporaryFile(prefix="assent-")  # noqa: SIM115 - whoever opened the file closes it
        try:
            digest = hashlib.sha256()
            for piece in content:
                digest.update(piece)
                copy.write(piece)
            if digest.hexdigest() != file.sha256:
                raise FileError(f"The content of “{file.name}” has changed since it was uploaded.")
            copy.seek(0)
        except BaseException:
            copy.close()
            raise
    except AssentError as error:
        raise FileError(str(error)) from error
    return OpenedFile(file.name, file.size, copy)
