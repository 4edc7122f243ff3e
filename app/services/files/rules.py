"""The limits of uploads, and where files lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.settings import Settings

PART_BYTES = 512 * 1024
LEAST_SHARE = 8
"""A part that is not the last of its file has at least this share of `FileRules.part_bytes`: each part is a row."""
SMALLEST_COUNTED = 4096
"""Bytes that the smallest file counts as, so that limits hold for empty files too."""


@dataclass(frozen=True)
class FileRules:
    """The limits of uploads in bytes, and the operator's folders.

    Attributes:
        largest: Size of one file.
        per_person: Sum for each person, with their agents.
        total: Sum for everybody.
        kept: How long a file that no run uses is kept after its last part has arrived.
        part_bytes: Largest part of an upload.
        folder: The shared folder of contents; None for the database.
        input_folders: Folders in which inputs may name files.
    """

    largest: int = 100_000_000
    per_person: int = 1_000_000_000
    total: int = 10_000_000_000
    kept: timedelta = timedelta(days=7)
    part_bytes: int = PART_BYTES
    folder: Path | None = None
    input_folders: tuple[Path, ...] = ()


def file_rules(settings: Settings) -> FileRules:
    """The operator's rules."""
    return FileRules(
        settings.file_max_bytes, settings.files_bytes_per_person, settings.files_bytes_total,
        timedelta(days=settings.files_unused_days), min(PART_BYTES, settings.max_body_bytes),
        Path(settings.files_dir) if settings.files_dir else None, tuple(map(Path, settings.input_folders)),
    )  # fmt: skip
