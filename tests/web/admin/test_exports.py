"""Each list as a file: what it shows as it is filtered, in pieces, safe for spreadsheets, and in the audit log."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Role, Via
from app.services.bundle import Services
from app.services.record import exports
from app.services.record.search import AuditFilter
from app.store.people import Person
from tests.factories import make_delivery, make_person, make_request, make_run, script
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]
FORMULA = '=HYPERLINK("http://evil.example","x"),\n"y"'


@pytest.fixture(scope="module")
def lists(app: Flask, people: dict[str, Person]) -> dict[str, tuple[str, str, list[str]]]:
    """By list: who may export it, its filters, and the titles or names that match, in the order of the list."""
    services: Services = app.extensions["assent"]
    titles = [f"{FORMULA} {number}" for number in range(7)]
    for number, title in enumerate(titles):
        at = datetime.now(UTC) - timedelta(minutes=number)
        run = make_run(services.sessions, people["other"], RunState.FAILED, title=title, created_at=at)
        request = make_request(
            services.sessions, run, script("select '\ud800\x00'", title), state=RequestState.REJECTED, resolved_at=at
        )
        make_delivery(services.sessions, request, people["other"], created_at=at)
    make_request(services.sessions, run, state=RequestState.APPROVED, resolved_at=at)
    make_delivery(services.sessions, request, people["other"], state="sent")
    names = [f"@Person {number}" for number in range(3)]
    for name in names:
        make_person(services.sessions, name, [Role.VIEWER])
    return {
        "decided": ("viewer", "outcome=rejected", titles),
        "runs": ("viewer", "state=failed", titles),
        "deliveries": ("admin", "state=failed", titles),
        "people": ("admin", "", names),
    }


COLUMN = {"decided": "title", "runs": "title", "deliveries": "request_title", "people": "name"}


@pytest.mark.parametrize("name", list(COLUMN))
def test_a_list_is_exported_as_it_is_filtered(
    services: Services, browse: Browse, lists: dict[str, Any], people: dict[str, Person], name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(exports, "LINES_AT_ONCE", 3)
    who, query, wanted = lists[name]
    visitor = browse(who)
    page = visitor.get(f"/{name}?{query}")
    [link] = page.all("a", href=f"/{name}/export?format=csv{'&' if query else ''}{query}")
    answer = visitor.caller.get(link.attributes["href"])
    assert answer.status_code == 200 and answer.mimetype == "text/csv" and answer.is_streamed
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row[COLUMN[name]] for row in rows if row[COLUMN[name]][1:2] in "=@"] == [f"'{title}" for title in wanted]
    if query:
        assert len(rows) == len(wanted)
    lines = visitor.caller.get(f"/{name}/export?format=jsonl&{query}").text.splitlines()
    assert len(lines) == len(rows)
    read = [json.loads(line)[COLUMN[name]] for line in lines]
    assert [title for title in read if title[0] in "=@"] == wanted, "every character as it is"
    [entry, _] = services.records.page(
        people["admin"].as_actor(Via.PAGE), AuditFilter(action="record.exported", actor=people[who].id), limit=2
    ).entries
    parts = dict(part.split("=") for part in query.split("&") if part)
    listed = {"decided": "decided requests"}.get(name, name)
    assert (entry.detail["list"], entry.detail["format"], entry.detail["filter"]) == (listed, "jsonl", parts)
    assert visitor.caller.get(f"/{name}/export?format=xlsx").status_code == 422
    if who == "admin":
        assert browse("reviewer").caller.get(f"/{name}/export").status_code == 403


def test_the_audit_log_says_what_was_exported(browse: Browse, lists: dict[str, Any]) -> None:
    visitor = browse("admin")
    for name in ("people", "runs"):
        visitor.caller.get(f"/{name}/export")
    text = visitor.get("/audit?action=record.exported").text
    assert "exported the people" in text and "exported runs" in text


def test_an_export_of_one_persons_decisions_is_in_their_order(services: Services, browse: Browse, people: Any) -> None:
    visitor = browse("viewer")
    answer = visitor.caller.get(f"/decided/export?decided_by={people['other'].id}&text=x&format=jsonl")
    assert answer.status_code == 200 and answer.text == ""
