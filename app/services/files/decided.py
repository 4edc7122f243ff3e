"""Files that people name in a decision: from then on, the run uses them, like those of its input."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.domain.errors import InvalidInputError
from app.domain.people import Actor
from app.services.files.uploads import Files
from app.store.batch import Batch
from app.store.requests import ApprovalRequest
from assent.files import file_id_of, references_in

_ENTRY = re.compile(r"(calls|steps|items)\.(\d+)(?=\.)")


def use_decided_files(
    files: Files, batch: Batch, actor: Actor, request: ApprovalRequest, payload: dict[str, Any] | None, answer: Any
) -> None:
    """Add to the batch of a decision that the run uses the uploaded files that the decision names.

    Args:
        payload: The proposal as the decision has changed it; None: it is as it was.
        answer: The answer to a question; None: there is none.

    Raises:
        InvalidInputError: The actor sees no such file, it is not complete, or the request is not one of a run, so that
            nothing could open the file; `fields` says where.
    """
    named = {} if answer is None else references_in(answer, "answer")
    if payload is not None:
        known = set(references_in(request.payload).values())
        changed = references_in(payload, "")
        named |= {_field(path, payload): text for path, text in changed.items() if text not in known}
    if not named:
        return
    if request.run_id is None:
        words = "This request is not one of a run, so nothing could open the file."
        raise InvalidInputError("A file cannot be used.", dict.fromkeys(named, words))
    used = {file.id for file in files.used_by(request.run_id)}
    named = {path: text for path, text in named.items() if file_id_of(text) not in used}
    files.use(batch, actor, request.run_id, named, {})


def deleted_meanwhile(error: IntegrityError) -> InvalidInputError | None:
    """Return the error for a write that failed because a file was deleted meanwhile; None if it failed otherwise."""
    if "fk_run_files" not in str(error.orig):
        return None
    return InvalidInputError("A file has just been deleted. Upload it again.")


def _field(path: str, payload: dict[str, Any]) -> str:
    """Return the path as forms name the field: with the id of the entry of a list, instead of its number."""
    path = path.removeprefix(".")
    if (found := _ENTRY.match(path)) is None:
        return path
    entry = payload[found[1]][int(found[2])]
    return f"{found[1]}.{entry.get('id', found[2])}{path[found.end() :]}" if isinstance(entry, dict) else path
