"""What the request's page shows of the reading of code: what was not understood, and what would be touched."""

from __future__ import annotations

from typing import Any

from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.store.requests import ApprovalRequest
from tests.factories import make_request, script
from tests.web.browsing import Browser


def ask(services: Services, content: str, language: str = "shell", **more: Any) -> ApprovalRequest:
    """Return a request to run a script, with the risk that its code has."""
    payload = script(content, "A script") | {"language": language} | more
    found = assess_proposal(payload)
    return make_request(services.sessions, payload=payload, risk=found.level, assessment=found.to_json())


def facts(reviewer: Browser, request: ApprovalRequest) -> str:
    """Return the text of the facts on the request's page."""
    reviewer.get(f"/requests/{request.id}")
    return reviewer.page.one("aside", id="facts").text


def test_what_was_understood_is_said(services: Services, reviewer: Browser) -> None:
    assert "Understood: everything that would run has been read." in facts(reviewer, ask(services, "ls docs"))
    assert "Not understood: not everything that would run" in facts(reviewer, ask(services, "./deploy.sh"))


def test_what_would_be_touched_is_listed_by_kind(services: Services, reviewer: Browser) -> None:
    request = ask(services, "curl -o page.html https://example.com/\ncp page.html $HOME/docs/page.html")
    text = facts(reviewer, request)
    assert "What it touches" in text
    hosts = reviewer.page.one("ul", aria_labelledby="touches-hosts-words")
    assert hosts.text == "example.com"
    assert "page.html" in reviewer.page.one("ul", aria_labelledby="touches-files-words").text
    assert not reviewer.page.all("ul", aria_labelledby="touches-databases-words")


def test_long_lists_are_shortened_and_complete(services: Services, reviewer: Browser) -> None:
    names = [f"file-{number:02}.txt" for number in range(12)]
    facts(reviewer, ask(services, f"cat {' '.join(names)}"))
    more = reviewer.page.one("details", id="touches-files")
    assert more.one("summary").text == "4 more"
    lists = reviewer.page.all("ul", aria_labelledby="touches-files-words")
    assert [item.text for shown in lists for item in shown.all("li")] == names


def test_a_proposal_that_names_nothing_has_no_list(services: Services, reviewer: Browser) -> None:
    assert "What it touches" not in facts(reviewer, make_request(services.sessions))
