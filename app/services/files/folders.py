"""Files that inputs name by path, in folders that the operator lists.

A path counts as what it leads to, after all symbolic links. The file is then opened from the folder's descriptor, name
by name and without following links, so a link that somebody puts in the way meanwhile leads nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from app.domain.errors import UnavailableFileError

LONGEST = 4096
_STEP = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Without O_NONBLOCK, opening a named pipe would wait for its other end.
_LAST = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def open_inside(folders: Sequence[Path], given: str) -> BinaryIO:
    """Open a file by its absolute path.

    Raises:
        UnavailableFileError: It does not lie in one of the folders, or cannot be read. Of a path outside of them, the
            message does not tell whether there is something.
    """
    if not folders:
        raise UnavailableFileError("Upload the file: this portal has no folders in which an input may name files.")
    if "\x00" in given or len(given) > LONGEST or not given.startswith("/"):
        raise UnavailableFileError("Name an uploaded file, or give an absolute path.")
    for folder in folders:
        try:
            real, root = Path(os.path.realpath(given)), Path(os.path.realpath(folder))
        except OSError:
            continue  # a link has just been removed
        if real != root and real.is_relative_to(root):
            return _open(root, real.relative_to(root).parts, given)
    listed = ", ".join(map(str, folders))
    raise UnavailableFileError(f"{given} does not lead into a folder in which inputs may name files: {listed}.")


def _open(root: Path, parts: Sequence[str], given: str) -> BinaryIO:
    try:
        place = os.open(root, _STEP)
        try:
            for part in parts[:-1]:
                inner = os.open(part, _STEP, dir_fd=place)
                os.close(place)
                place = inner
            descriptor = os.open(parts[-1], _LAST, dir_fd=place)
        finally:
            os.close(place)
    except OSError as error:
        raise UnavailableFileError(f"{given}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnavailableFileError(f"{given} is not a file.")
    return os.fdopen(descriptor, "rb")
