"""Reading in the sandbox: the file goes in, and tables come back.

Within the portal, nothing of a file is parsed anywhere else. Outside of it, such as on the command line, where people
read files of their own, a machine without a sandbox reads them in this process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assent.files import FileError, OpenedFile, in_a_run, open_file
from assent.sandbox import (
    Limits,
    SandboxError,
    SandboxLimitError,
    SandboxUnavailableError,
    run_in_sandbox,
)
from workflows.asset_discovery.reading.child import arguments
from workflows.asset_discovery.reading.limits import MEBIBYTE, USUAL, ReadingError, ReadingLimits
from workflows.asset_discovery.tables import Table

SANDBOX = Limits(
    memory_bytes=1_200 * MEBIBYTE, cpu_seconds=90, wall_seconds=120.0, result_bytes=512 * MEBIBYTE, threads=16
)
"""What the reading of one file may use. 100,000 records of 30 columns need about a third of it."""
_LONGEST_WORDS = 2_000


def read_reference(reference: str, limits: ReadingLimits = USUAL) -> list[Table]:
    """Read the file that a value of an input names (`assent.files.UploadedFile`), as `read_sandboxed` does.

    Raises:
        ReadingError: there is no such file, or it cannot be read.
    """
    try:
        with open_file(reference) as opened:
            return read_sandboxed(opened, limits=limits)
    except FileError as error:
        raise ReadingError(f"The file cannot be opened: {error}") from error


def read_sandboxed(opened: OpenedFile | Path, name: str = "", limits: ReadingLimits = USUAL) -> list[Table]:
    """Return the tables of a file, as `read` does. Call it in a thread, not on an event loop.

    Raises:
        ReadingError: it cannot be read, is larger than the limits allow, or there is no sandbox in the portal.
    """
    name = name or opened.name
    try:
        size = opened.stat().st_size if isinstance(opened, Path) else opened.size
        limits.check_file(name, size)
        path = opened if isinstance(opened, Path) else opened.path
        document = run_in_sandbox(
            "workflows.asset_discovery.reading.child:read_for_parent", arguments(name, limits), files={"path": path},
            code=["workflows.asset_discovery"], limits=SANDBOX,
        )  # fmt: skip
    except SandboxUnavailableError as error:
        if in_a_run():
            raise ReadingError(f"Files are read in a sandbox only. {error}") from error
        return _read_here(opened, name, limits)
    except SandboxLimitError as error:
        raise ReadingError(f"{name} could not be read. {error} Split the file.") from error
    except SandboxError as error:
        raise ReadingError(f"{name} could not be read. {error}") from error
    except OSError as error:
        raise ReadingError(f"{name} cannot be read: {error.strerror or error}.") from error
    return _tables(document, name, limits)


def _read_here(opened: OpenedFile | Path, name: str, limits: ReadingLimits) -> list[Table]:
    from workflows.asset_discovery.reading.files import read

    return read(opened, name, limits)


def _tables(document: Any, name: str, limits: ReadingLimits) -> list[Table]:
    from workflows.asset_discovery.reading.transfer import received

    if isinstance(document, dict) and isinstance(document.get("error"), str):
        raise ReadingError(document["error"][:_LONGEST_WORDS])
    return received(document.get("tables") if isinstance(document, dict) else None, name, limits)
