"""The queue of samples, and their review on the request's page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.services.bundle import Services
from app.store.policies import DecisionSample
from app.store.requests import ApprovalRequest
from tests.factories import make_sample
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def drawn(services: Services) -> ApprovalRequest:
    """A request that was drawn."""
    return make_sample(services.sessions, "Reads <only>", title="List <b>files</b>")


def test_a_sample_is_found_from_the_queue_and_reviewed(
    browse: Browse, services: Services, drawn: ApprovalRequest
) -> None:
    reviewer = browse("reviewer")
    page = reviewer.get("/queue")
    assert "Samples to review" in page.one("a", href="/samples").text
    page = reviewer.get("/samples")
    assert page.one("a", data_nav="policies").attributes["aria-current"] == "page"
    row = next(row for row in page.all("tr") if row.all("a", href=f"/requests/{drawn.id}"))
    assert "List <b>files</b>" in row.text and "Reads <only>" in row.text and "Approved" in row.text

    page = reviewer.get(f"/requests/{drawn.id}")
    form = reviewer.form("review")
    disagree = next(button for button in form.all("button") if button.text == "Disagree")
    page = reviewer.send(form, disagree, status=422)
    assert "Say why you disagree." in page.one("div", role="alert").text
    reviewer.send(reviewer.form("review"), disagree, comment="Not <here>.")
    page = reviewer.get(f"/requests/{drawn.id}")
    assert "disagreed" in page.text and "Not <here>." in page.text and not page.all("form", id="review")
    assert "Not <here>." in reviewer.get("/samples?reviewed=1").text
    with services.sessions() as session:
        stored = session.get_one(DecisionSample, drawn.id)
    assert (stored.agrees, stored.comment, stored.reviewer_name) == (False, "Not <here>.", "The reviewer")


def test_an_auditor_reads_and_a_viewer_does_not(browse: Browse, drawn: ApprovalRequest) -> None:
    auditor = browse("auditor")
    assert auditor.get("/samples").all("a", href=f"/requests/{drawn.id}")
    page = auditor.get(f"/requests/{drawn.id}")
    assert "Your roles allow viewing, but not reviewing." in page.one("section", id="sample").text
    viewer = browse("viewer")
    viewer.get("/samples", 403)
    assert not viewer.get(f"/requests/{drawn.id}").all("section", id="sample")


def test_without_samples_nothing_is_offered(browse: Browse, services: Services) -> None:
    with services.sessions.begin() as session:
        session.query(DecisionSample).delete()
    reviewer = browse("reviewer")
    assert not reviewer.get("/queue").all("a", href="/samples")
    assert "Nothing to review" in reviewer.get("/samples").text
