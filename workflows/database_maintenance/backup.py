"""Where backups are stored, how they are named, and how long they are kept."""

from __future__ import annotations

import hashlib
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workflows.database_maintenance.files import OutsideError, inside
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import Backup, TargetError
from workflows.database_maintenance.targets.base import Target

_STAMP = "%Y%m%dT%H%M%SZ"
_ABANDONED = timedelta(days=1)


def directory(settings: MaintenanceInput) -> Path:
    """Return the folder for backups: the input's, or else ``backups``, in the operator's directory.

    Raises:
        TargetError: the input names a folder outside that directory.
    """
    try:
        return inside(settings.backup_directory or "backups")
    except OutsideError as error:
        raise TargetError(f"The backup directory {error}") from error


def require_writable(folder: Path) -> None:
    """Create the folder if necessary. Raises TargetError: files cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(error) from error


def require_usable(folder: Path) -> None:
    """Check that files can be written to the folder, or that it can be created, without leaving anything there.

    Raises:
        TargetError: neither.
    """
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> TargetError:
    return TargetError(f"The backup directory cannot be written to ({error.strerror or type(error).__name__}).")


def make_backup(
    target: Target, settings: MaintenanceInput, run_id: str, now: datetime, *, prunes: bool = True
) -> Backup:
    """Back up the target, verify the backup, and, if it `prunes`, delete backups that have been kept long enough.

    Raises:
        TargetError: there is no backup with the target's content.
    """
    folder = directory(settings)
    require_writable(folder)
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:12]
    _remove_partial(folder, settings.target, digest)
    stem = f"{settings.target}-{now.astimezone(UTC).strftime(_STAMP)}-{digest}"
    try:
        made = target.backup(folder, stem, f"assent_restore_{digest}")
    except TargetError:
        _remove_partial(folder, settings.target, digest)
        raise
    if prunes:
        prune(folder, settings.target, now - timedelta(days=settings.backup_retention_days), now - _ABANDONED)
    return made


def _remove_partial(folder: Path, target: str, digest: str) -> None:
    for left in folder.glob(f"{target}-*-{digest}.*.partial"):
        left.unlink(missing_ok=True)


def prune(folder: Path, target: str, oldest: datetime, abandoned: datetime | None = None) -> list[Path]:
    """Delete this workflow's backups of a target that were made before `oldest`; other files are left alone.

    Unfinished ones that were begun before `abandoned` go as well: no backup takes that long, so its run was killed.
    """
    pattern = re.compile(rf"{re.escape(target)}-(\d{{8}}T\d{{6}}Z)-[0-9a-f]{{12}}\.(?:dump|sqlite)(\.partial)?")
    deleted = []
    for path in folder.iterdir():
        match = pattern.fullmatch(path.name)
        before = oldest if match and not match[2] else abandoned or oldest
        if match and datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC) < before:
            path.unlink(missing_ok=True)
            deleted.append(path)
    return deleted


def is_fresh(backup: Backup, settings: MaintenanceInput, now: datetime) -> bool:
    """Return True if a backup is recent enough, and its file still exists."""
    age = now - datetime.fromisoformat(backup.made_at)
    return age <= timedelta(hours=settings.backup_max_age_hours) and Path(backup.path).is_file()
