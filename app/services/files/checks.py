"""What is checked about a file, and what is said when it does not fit."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import ConflictError, NotFoundError
from app.domain.hidden_characters import is_line
from app.domain.lifecycle import RunState
from app.domain.people import Actor, Sight
from app.domain.text import is_storable
from app.store.files import FileUse, StoredFile
from app.store.runs import Run
from assent.visible import shows

MAX_NAME = 255
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_owner(file: StoredFile, actor: Actor) -> bool:
    """True if the file is the actor's own: uploaded by a person's account, or by the same agent of the same account."""
    if not actor.id or actor.id != file.owner_id:
        return False
    return actor.kind != "agent" or actor.name == file.owner_agent


def is_of_sight(file: StoredFile, actor: Actor) -> bool:
    """True if the actor may see the file whether or not a run uses it."""
    of_account = bool(actor.id) and actor.id == file.owner_id and actor.sight is Sight.ACCOUNT
    return of_account or is_owner(file, actor)


def refuse_if_used(session: Session, file_id: str) -> None:
    """Raise ConflictError if a run that has not ended uses the file."""
    live = [state.value for state in RunState if not state.finished]
    query = select(Run.id).join(FileUse, FileUse.run_id == Run.id).where(FileUse.file_id == file_id)
    query = query.where(Run.state.in_(live)).limit(1)
    if (run_id := session.scalar(query)) is not None:
        raise ConflictError("A run that has not ended uses this file.", run_id=run_id)


def refuse_if_any_uses(session: Session, file: StoredFile) -> None:
    """Raise ConflictError if a run uses the file."""
    if session.scalar(select(FileUse.run_id).where(FileUse.file_id == file.id).limit(1)) is not None:
        raise ConflictError("A run uses this file.")


def facts(file: StoredFile) -> dict[str, Any]:
    """What the audit log says about a file."""
    return {"file": file.name, "file_id": file.id, "size": file.size}


def no_file(file_id: str) -> NotFoundError:
    """The error for a file that does not exist, or that the actor may not see."""
    return NotFoundError("There is no such file.", file_id=file_id)


def unexpected(file: StoredFile, words: str) -> ConflictError:
    """The error for an act that does not fit what has arrived."""
    return ConflictError(words, received=file.received, size=file.size)


def complaints(name: str, size: int, sha256: str) -> dict[str, str]:
    """What is wrong with each field of a new upload."""
    wrong: dict[str, str] = {}
    if not shows(name) or len(name) > MAX_NAME or not is_line(name) or not is_storable(name) or "/" in name:
        wrong["name"] = f"1 to {MAX_NAME} printable characters without a slash"
    if size < 0:
        wrong["size"] = "the number of bytes"
    return wrong | wrong_digest(sha256)


def wrong_digest(sha256: str) -> dict[str, str]:
    """What is wrong with a digest; nothing if there is none."""
    return {"sha256": "64 hexadecimal digits"} if sha256 and not _SHA256.fullmatch(sha256.lower()) else {}
