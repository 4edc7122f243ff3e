"""Requests like the one that is asked, and what became of them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.errors import ForbiddenError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor, Via
from app.services.bundle import Services
from app.services.reading import past_requests as reading
from app.store.requests import ApprovalRequest, ReceiptRow
from assent.digests import digest_of
from tests.factories import make_request, make_run, script
from tests.web.browsing import Browser


class Past:
    """Requests of a workflow of their own."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.workflow = f"flow_{secrets.token_hex(4)}"

    def ask(self, text: str, title: str, hours_ago: float | None = None, **values: Any) -> ApprovalRequest:
        """A request; decided so many hours ago, or pending."""
        state = values.pop("state", RequestState.APPROVED if hours_ago is not None else RequestState.PENDING)
        at = datetime.now(UTC) - timedelta(hours=hours_ago or 0)
        run = make_run(self.services.sessions, workflow=self.workflow)
        request = make_request(
            self.services.sessions, run, payload=script(text, title), state=state,
            resolved_at=None if hours_ago is None else at, **values,
        )  # fmt: skip
        if state is RequestState.APPROVED:
            with self.services.sessions.begin() as session:
                session.add(
                    ReceiptRow(request_id=request.id, status="applied", summary="", delivered_at=at, updated_at=at)
                )
        return request


def test_what_is_nearest_comes_first_with_what_became_of_it(services: Services, reviewer: Browser) -> None:
    past = Past(services)
    past.ask("a", "Archive", 1, node="another")
    past.ask("b", "Archive", 1, kind="custom")
    past.ask("c", "Something else", 1, state=RequestState.REJECTED)
    past.ask("d", "Archive \u202eorders", 3)
    past.ask("e", "Archive \u202eorders", 2, state=RequestState.EXPIRED)
    past.ask("f", "Old name", 90)
    past.ask("g", "Archive \u202eorders")  # pending: nothing has become of it
    now = past.ask("f", "Archive \u202eorders", proposed_digest=past_digest("f", "Old name"))
    page = reviewer.get(f"/requests/{now.id}")
    told = [item.text for item in page.one("ul", class_="past").all("li")]
    assert [words.split(" decided")[0].split(" 20")[0] for words in told] == [
        "Old name same proposalapproved",
        "Archive ⟨U+202E⟩ordersexpired",
        "Archive ⟨U+202E⟩ordersapproved",
        "Something elserejected",
    ]
    assert told[0].endswith("applied") and not told[1].endswith("applied")
    link = page.one("ul", class_="past").all("a")[0].attributes["href"]
    assert reviewer.get(link).one("h1").text == "Old name"


def past_digest(text: str, title: str) -> str:
    """The digest of that script."""
    return digest_of(script(text, title))


def test_nothing_like_it_is_no_heading(services: Services, reviewer: Browser) -> None:
    page = reviewer.get(f"/requests/{Past(services).ask('a', 'Alone').id}")
    assert "Similar past requests" not in page.text


def test_other_revisions_are_not_the_past(services: Services, reviewer: Browser) -> None:
    past = Past(services)
    first = past.ask("a", "Archive", 1, state=RequestState.CHANGES_REQUESTED)
    second = past.ask("b", "Archive", previous_id=first.id, revision=2)
    for request in (first, second):
        assert "Similar past requests" not in reviewer.get(f"/requests/{request.id}").text


def test_few_are_told_and_not_all_of_the_past_is_read(
    services: Services, people: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    past, viewer = Past(services), people["viewer"].as_actor(Via.PAGE)
    made = [past.ask(str(number), "Archive", number) for number in range(8)]
    now = past.ask("x", "Archive")
    found = services.views.past_like(now, viewer)
    assert [past.id for past in found] == [request.id for request in made[: reading.MOST]]
    monkeypatch.setattr(reading, "LOOKED_THROUGH", 0)
    assert services.views.past_like(now, viewer) == []
    with pytest.raises(ForbiddenError):
        services.views.past_like(now, Actor("agent", "", "Nobody"))
