"""The details of the record, as its page shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.store.record import AuditEntry
from app.web.admin.audit import details


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ({"on_behalf_of": {"id": "7", "name": "Platform lead"}}, [("on behalf of", "Platform lead")]),
        ({"expires_at": "2026-11-21T02:20:48.621979+00:00"}, [("expires at", "2026-11-21 02:20:48 UTC")]),
        ({"reason": "since 2026-11-21T02:20:48+00:00"}, [("reason", "since 2026-11-21T02:20:48+00:00")]),
        ({"stage": 0, "asked_next": 1}, [("stage", "1")]),
        ({"to": "Somebody", "to_id": "8", "from": "", "from_id": None}, [("to", "Somebody")]),
        ({"reported": False}, [("reported by the workflow itself", "no")]),
        ({"digest": "a" * 64}, [("digest", "aaaaaaaaaaaa…")]),
    ],
)
def test_details_are_words(detail: dict[str, Any], shown: list[tuple[str, str]]) -> None:
    entry = AuditEntry(at=datetime(2026, 11, 21, tzinfo=UTC), action="request.decided", detail=detail)
    assert details(entry) == shown
