"""Where lessons were used: noted with the request whose proposal states it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from app.domain.text import storable
from app.store.batch import Batch

# The request's row is written by the same statement, and foreign keys are checked at its end. What names no lesson of
# the same workflow is left out: an agent may state anything.
_NOTE = """
    insert into lesson_uses (lesson_id, request_id, path, at, result)
    select distinct lesson.id, %(used_in)s, used.path, %(used_at)s::timestamptz, ''
    from json_to_recordset(%(used)s::json) as used (lesson text, path text)
        join lessons as lesson on lesson.id = used.lesson and lesson.workflow = %(used_by)s
    on conflict do nothing"""


def note_uses(batch: Batch, request_id: str, workflow: str, document: dict[str, Any], now: datetime) -> None:
    """Add to the batch that opens a request which lessons its proposal states. Nothing if it states none."""
    stated = document.get("lessons")
    if not isinstance(stated, list) or not stated:
        return
    used = [
        {"lesson": storable(str(item.get("lesson"))), "path": storable(str(item.get("path")))}
        for item in stated
        if isinstance(item, dict)
    ]
    batch.also(_NOTE, used=json.dumps(used), used_in=request_id, used_at=now, used_by=workflow)
