"""What an agent reports about its proposal: at its lines, in a list, in the editor, and beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.services.bundle import Services
from tests.factories import make_request, optimizations, script, tool_call
from tests.web.browsing import Browser, Element
from tests.web.requests.test_link import Link
from tests.web.test_pages import PROPOSALS

SCRIPT = "Write-Output 'begin'\nRemove-Item C:\\Temp -Recurse\nWrite-Output 'end'"
FINDINGS: list[dict[str, Any]] = [
    {"level": "info", "words": "Nothing is logged.", "path": "", "code": "", "suggestion": ""},
    {"level": "warning", "words": "No progress is shown.", "line": 3, "path": "", "code": "progress", "suggestion": ""},
    {"level": "error", "words": "The folder is <b>shared</b>.", "line": 2, "path": "", "code": "shared",
     "suggestion": "Name a folder of your own."},
]  # fmt: skip
LONG = "\n".join(f"Test-Path 'C:\\{number}'" for number in range(200))
ATTACHED = [
    {"title": "Analysis", "media": "text/markdown", "content": "# Facts\n\n|a|b|\n|-|-|\n|1|<script>2</script>|\n"},
    {"title": "Detection <i>", "media": "powershell", "content": LONG},
    {"title": "Log", "media": "text/plain", "content": "all\nwell"},
]
REPORTED = {"findings": FINDINGS, "attachments": ATTACHED}


def lines_of(element: Element) -> Element:
    """The lines of code in it."""
    [found] = [part for part in element.all("div") if part.attributes.get("class") == "lines"]
    return found


def of_script(**more: Any) -> dict[str, Any]:
    """A script with what the agent reports about it."""
    return script(SCRIPT, "Clean up") | {"language": "powershell", "dialect": ""} | REPORTED | more


def test_findings_stand_at_their_lines_and_in_a_list_as_those_of_the_agent(
    services: Services, reviewer: Browser
) -> None:
    request = make_request(services.sessions, payload=of_script())
    page = reviewer.get(f"/requests/{request.id}")
    listed = page.one("section", id="reported")
    assert "Reported by the agent: 1 error, 1 warning, 1 note" in listed.text
    assert [item.text.split(",")[0].strip() for item in listed.all("li")] == ["Error", "Warning", "Note"]
    assert "The folder is <b>shared</b>. Name a folder of your own. shared" in " ".join(listed.text.split())
    for anchor in listed.all("a"):
        line = page.one(id=anchor.attributes["href"].removeprefix("#"))
        assert "Remove-Item" in line.text or "end" in line.text
    notes = [note.text for note in page.all("div") if "note agent" in note.attributes.get("class", "")]
    assert ["reported by the agent" in note for note in notes] == [True, True]
    marks = json.loads(page.one("textarea", id="f-content").attributes["data-findings"])
    own = {mark["line"]: mark["severity"] for mark in marks if mark["severity"] in ("error", "warning", "info")}
    assert own == {2: "error", 3: "warning"}


def test_the_risk_is_that_of_the_portal(services: Services, reviewer: Browser) -> None:
    pages = []
    for payload in (of_script(), of_script(findings=[], attachments=[])):
        request = make_request(services.sessions, payload=payload)
        pages.append(reviewer.get(f"/requests/{request.id}").one("section", id="found").text)
    assert pages[0] == pages[1] != ""


def test_attachments_stand_beside_it_and_run_nothing(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=of_script())
    page = reviewer.get(f"/requests/{request.id}")
    attached = page.one("section", id="attachments")
    first, second, third = attached.all("details")
    assert "open" in first.attributes and "open" not in second.attributes and "open" in third.attributes
    assert "Analysis" in first.text and len(first.all("td")) == 2 and not attached.all("script")
    assert first.one("h3").text == "Facts"
    assert "Detection <i>" in second.text and "200 lines" in second.text
    assert lines_of(second).attributes["data-colors"] == "powershell"
    assert "data-colors" not in lines_of(third).attributes


@pytest.mark.parametrize("place", ["items", "args"])
def test_findings_name_parts_of_a_proposal(services: Services, reviewer: Browser, place: str) -> None:
    if place == "items":
        payload = optimizations(3)
        path = payload["items"][1]["id"]
    else:
        payload, path = tool_call({"text": "first\nsecond"}), "text"
    found = {"level": "warning", "words": "This is odd.", "line": 1, "path": path, "code": "", "suggestion": ""}
    request = make_request(services.sessions, payload=payload | {"findings": [found]})
    page = reviewer.get(f"/requests/{request.id}")
    [link] = page.one("section", id="reported").all("a")
    assert page.all(id=link.attributes["href"].removeprefix("#"))


def test_after_an_edit_findings_move_with_their_lines(services: Services, reviewer: Browser) -> None:
    edited = "# a new line\nWrite-Output 'begin'\nRemove-Item C:\\Own -Recurse\nWrite-Output 'end'"
    request = make_request(services.sessions, payload=of_script(content=edited), proposed=of_script(), quorum=2)
    page = reviewer.get(f"/requests/{request.id}")
    error, warning, _ = page.one("section", id="reported").all("li")
    assert "reviewers have changed this line" in error.text and not error.all("a")
    assert "Line 4" in warning.text
    marks = json.loads(page.one("textarea", id="f-content").attributes["data-findings"])
    assert [mark["line"] for mark in marks if mark["severity"] == "warning"] == [4]


def test_an_edit_that_is_checked_keeps_the_findings_of_unchanged_lines(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=of_script())
    reviewer.get(f"/requests/{request.id}")
    page = reviewer.send(
        reviewer.form("decide"), reviewer.button("Check this edit"), 200, content=SCRIPT.replace("Temp", "Own")
    )
    marks = json.loads(page.one("textarea", id="f-content").attributes["data-findings"])
    assert [mark["line"] for mark in marks if mark["rule"] in ("shared", "progress")] == [3]


def test_values_that_mean_something_else_by_these_names_are_shown_as_they_are(
    services: Services, reviewer: Browser
) -> None:
    payload = PROPOSALS["value"] | {"findings": ["bad"], "attachments": {"a": 1}}
    request = make_request(services.sessions, payload=payload, dialect="value")
    page = reviewer.get(f"/requests/{request.id}")
    assert not page.all("section", id="reported") and not page.all("section", id="attachments")


def test_the_page_of_a_link_shows_them(app: Any, services: Services) -> None:
    link = Link(app, services, payload=of_script())
    page = Browser(app, None).get(link.path)
    assert "1 error, 1 warning, 1 note" in page.one("section", id="reported").text
    assert len(page.one("section", id="attachments").all("details")) == 3
