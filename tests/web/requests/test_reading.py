"""What the request's page shows of the reading of code: what was not understood, and what would be touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.store.requests import ApprovalRequest
from tests.factories import make_request, optimizations, script, tool_call
from tests.web.browsing import Browser, Element
from tests.web.requests.test_calls import calls

DANGER = "cp a.txt b.txt\nrm -rf /\n./deploy.sh"


def ask(services: Services, content: str, language: str = "shell", **more: Any) -> ApprovalRequest:
    """Return a request to run a script, with the risk that its code has."""
    return assessed(services, script(content, "A script") | {"language": language, "dialect": ""} | more)


def assessed(services: Services, payload: dict[str, Any]) -> ApprovalRequest:
    """Return a request for this proposal, with the risk that it has."""
    found = assess_proposal(payload)
    return make_request(services.sessions, payload=payload, risk=found.level, assessment=found.to_json())


def listed(reviewer: Browser, request: ApprovalRequest) -> list[Element]:
    """Return the findings in the list above the proposal; all their links lead somewhere."""
    page = reviewer.get(f"/requests/{request.id}")
    ids = {element.attributes.get("id") for element in page.all()}
    found = page.one("section", id="found")
    for link in found.all("a"):
        if link.attributes["href"].startswith("#"):
            assert link.attributes["href"][1:] in ids, link.attributes["href"]
    return found.all("li")


def facts(reviewer: Browser, request: ApprovalRequest) -> str:
    """Return the text of the facts on the request's page."""
    reviewer.get(f"/requests/{request.id}")
    return reviewer.page.one("aside", id="facts").text


def test_what_was_understood_is_said(services: Services, reviewer: Browser) -> None:
    assert "Understood: everything that would run has been read." in facts(reviewer, ask(services, "ls docs"))
    assert "Not understood in full" in facts(reviewer, ask(services, "./deploy.sh"))


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


def test_findings_are_listed_the_worst_first_with_links_to_their_lines(services: Services, reviewer: Browser) -> None:
    worst, *others = listed(reviewer, ask(services, DANGER))
    assert worst.text.startswith("Critical risk:")
    assert worst.one("a", href="#line-script-2").text == "Line 2"
    line = reviewer.page.one("div", id="line-script-2")
    assert line.text == "2rm -rf /"
    assert line.parent is not None and line.parent.attributes["class"] == "noted critical"
    assert "Critical risk:" in line.parent.text
    [unread] = [spot for spot in others if "Not understood." in spot.text]
    assert unread.one("a", href="#line-script-3")
    unread_line = reviewer.page.one("div", id="line-script-3").parent
    assert unread_line is not None and unread_line.attributes["class"].endswith(" unread")
    assert reviewer.page.one("section", id="found").text.count("Not understood:") == 1


def test_what_is_understood_and_harmless_has_no_list(services: Services, reviewer: Browser) -> None:
    page = reviewer.get(f"/requests/{ask(services, 'ls docs').id}")
    assert not page.all("section", id="found")


def test_many_findings_are_folded(services: Services, reviewer: Browser) -> None:
    found = listed(reviewer, ask(services, "\n".join(f"rm -rf /srv/{name}" for name in "abcdefghi")))
    assert len(found) > 6
    assert reviewer.page.one("details", id="found-more").one("summary").text == f"{len(found) - 6} more findings"


def test_findings_lead_to_items_arguments_and_calls(services: Services, reviewer: Browser) -> None:
    items = optimizations(2)
    items["items"][0]["statement"] = "drop table orders"
    items["items"][1]["statement"] = "select 1;\ndelete from orders"
    first, *others = listed(reviewer, assessed(services, items))
    links = [link.text for spot in [first, *others] for link in spot.all("a") if link.attributes["href"][0] == "#"]
    assert "Index a, line 1" in links and "Index b, line 2" in links

    argument = tool_call({"sql": "select 1;\ndelete from orders", "limit": 3}, "query")
    [spot, *_] = listed(reviewer, assessed(services, argument))
    assert spot.one("a", href="#line-argument-1-2").text == "sql, line 2"

    several = calls()
    several["calls"][0] |= {"tool": "query", "args": {"sql": "select 1;\ndelete from orders"}, "args_schema": None}
    spots = listed(reviewer, assessed(services, several))
    assert any(spot.all("a", href="#line-call-1-1-2") for spot in spots)


def test_the_names_of_rules_lead_to_the_catalog(services: Services, reviewer: Browser) -> None:
    spot = listed(reviewer, ask(services, "delete from orders", "sql"))[0]
    assert spot.one("a", href="/rules/sql.delete.no_where").text == "sql.delete.no_where"


def marks(page: Element) -> list[tuple[int, str]]:
    """Return the lines and levels of findings in the script's editor."""
    field = page.one("textarea", name="content")
    return [(mark["line"], mark["severity"]) for mark in json.loads(field.attributes["data-findings"])]


def test_the_editor_has_the_findings_of_the_text_that_it_shows(services: Services, reviewer: Browser) -> None:
    request = ask(services, "ls docs\nrm -rf /")
    assert (2, "critical") in marks(reviewer.get(f"/requests/{request.id}"))
    check = reviewer.button("Check this edit")
    page = reviewer.send(reviewer.form("decide"), check, status=200, content="rm -rf /\nls docs")
    assert (1, "critical") in marks(page) and not [line for line, _ in marks(page) if line == 2]


@pytest.mark.parametrize(("language", "shown"), [("bash", "shell"), ("pwsh", "powershell"), ("cobol", "cobol")])
def test_code_says_in_which_language_it_is(services: Services, reviewer: Browser, language: str, shown: str) -> None:
    page = reviewer.get(f"/requests/{ask(services, 'exit', language).id}")
    assert page.one("div", class_="lines").attributes["data-colors"] == shown
