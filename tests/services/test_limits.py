"""What is too much, or cannot be stored, is refused in words before the database sees it."""

from __future__ import annotations

import base64
import json

import pytest

from app.domain.errors import InvalidInputError, TooLargeError
from app.services.reading.queue_filter import QueueFilter
from app.services.runs.control import MAX_INPUT_BYTES
from tests.factories import make_workflow
from tests.services.desk import Desk


def test_an_input_has_a_largest_size(desk: Desk) -> None:
    person = desk.person()
    make_workflow(desk.sessions, "roomy", input_schema={"type": "object"})
    frame = len('{"a":""}')
    before = desk.counts()
    with pytest.raises(TooLargeError):
        desk.runs.start(person, "roomy", {"a": "x" * (MAX_INPUT_BYTES - frame + 1)})
    assert desk.counts() == before
    assert desk.runs.start(person, "roomy", {"a": "x" * (MAX_INPUT_BYTES - frame)}).state == "queued"


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "a\udfffb"])
def test_a_cursor_that_no_row_can_have_is_refused(desk: Desk, odd: str) -> None:
    raw = json.dumps(["2030-01-01T00:00:00+00:00", odd])
    with pytest.raises(InvalidInputError):
        desk.queue.page(QueueFilter(), base64.urlsafe_b64encode(raw.encode()).decode())
