"""The page of insights and its counterpart over REST: the numbers that are there, the words, and the pictures."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from app.domain.lifecycle import RequestState
from app.domain.people import Role, Via
from app.domain.tokens import Scope, TokenKind
from app.factory import create_app
from app.services.bundle import Services
from app.services.reading import insights
from app.services.reading.insights import DecisionPace
from app.settings import Settings
from app.store.requests import ApprovalRequest, Decision, OutcomeRow
from app.web.admin.insights import PaceRow, _times, share
from assent.contracts import RiskLevel
from tests.factories import (
    Caller,
    Program,
    close_app,
    make_grant,
    make_person,
    make_request,
    make_run,
    make_sample,
    make_token,
    script,
)
from tests.web.browsing import Browser, Element

HOSTILE = '<script>"&\u202etxt'


@dataclass
class Site:
    """A portal of this test alone, and somebody who looks at it."""

    app: Flask
    services: Services
    browser: Browser
    url: str

    def settle(self, state: RequestState, minutes: float, content: str = "select 1", **values: Any) -> ApprovalRequest:
        """A request settled an hour ago, which took so long; by a person, unless it expired or was answered."""
        ended = datetime.now(UTC) - timedelta(hours=1)
        made = make_request(
            self.services.sessions, payload=script(content), state=state,
            opened_at=ended - timedelta(minutes=minutes), resolved_at=ended, **values,
        )  # fmt: skip
        if state is RequestState.EXPIRED or "answered_by" in values:
            return made
        person = make_person(self.services.sessions)
        with self.services.sessions.begin() as session:
            session.add(
                Decision(
                    id=str(uuid.uuid4()), request_id=made.id, person_id=person.id, person_name="Decided by", at=ended,
                    verdict="approve" if state is RequestState.APPROVED else "reject", seen_digest=made.digest,
                    digest=made.digest, comment="", via="page", stage=0,
                )
            )  # fmt: skip
        return made

    def table(self, label: str) -> dict[str, list[str]]:
        """The rows of a table by their headings."""
        region = self.browser.page.one("div", aria_label=f"{label}, table")
        rows = [row for row in region.all("tr") if row.all("td")]
        return {row.children[0].text: [cell.text for cell in row.children[1:]] for row in rows}

    def plot(self, plot_id: str) -> Element:
        """A picture by its id."""
        found = [
            chart
            for chart in self.browser.page.all("svg")
            if chart.attributes["aria-labelledby"] == f"{plot_id}-title {plot_id}-desc"
        ]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = Settings(
        database_url=database_url, data_dir=tmp_path_factory.mktemp("data"), secret_key=secrets.token_urlsafe(48),
        async_mode="threading",
    )  # fmt: skip
    app = create_app(settings)
    services: Services = app.extensions["assent"]
    yield Site(app, services, Browser(app, make_person(services.sessions, "Viewer", [Role.VIEWER])), database_url)
    close_app(app)


@pytest.fixture
def busy(site: Site) -> Site:
    """Four approvals, a rejection, an expiry, and two that were settled by themselves."""
    grant = make_grant(site.services.sessions)
    with psycopg.connect(site.url) as connection:
        connection.execute("delete from approval_requests")  # what the grant was made from
    long = "x" * 25 * 60 * 10  # ten minutes to read
    for minutes in (2, 5, 20, 30):
        site.settle(RequestState.APPROVED, minutes, long, risk=RiskLevel.HIGH, addressed_to=["team:dba"])
    rejected = site.settle(RequestState.REJECTED, 60, risk=RiskLevel.LOW, addressed_to=[])
    expired = site.settle(RequestState.EXPIRED, 240, title=HOSTILE, run=make_run(site.services.sessions, workflow="w"))
    with site.services.sessions.begin() as session:
        session.add(
            OutcomeRow(request_id=expired.id, verdict="approve", next_action="continue", body={}, at=expired.opened_at)
        )
    site.settle(RequestState.APPROVED, 0.01, answered_by=f"grant:{grant.id}")
    site.settle(RequestState.REJECTED, 0.01, answered_by=f"rejection:{rejected.id}")
    make_request(site.services.sessions, risk=RiskLevel.CRITICAL)
    make_request(site.services.sessions, risk=RiskLevel.CRITICAL, expires_in=timedelta(days=3))
    return site


def test_the_tables_say_what_happened(busy: Site):
    busy.browser.get("/insights")
    assert busy.table("Pending now")["Critical"] == ["2", "1", "less than a minute"]
    assert busy.table("Pending now")["Safe"] == ["0", "0", "–"]
    endings = busy.table("Outcomes")
    assert endings["Approved as proposed"] == ["5", "62 %", "1"]
    assert endings["Rejected"] == ["2", "25 %", "1"]
    assert endings["Expired"] == ["1", "12 %", "0"]
    assert endings["Canceled"] == ["0", "0 %", "0"]
    assert "Superseded" not in endings
    assert busy.table("Time to decision, by workflow") == {"test gate": ["5", "20 min", "48 min"]}
    assert busy.table("Time to decision, by team") == {
        "dba": ["4", "12 min", "27 min"], "Any reviewer": ["1", "1 h", "1 h"],
    }  # fmt: skip
    assert busy.table("Approved faster than the text can be read")["High"] == ["4", "2", "50 %"]
    assert busy.table("Approved faster than the text can be read")["Low"] == ["0", "0", "–"]
    sources = busy.table("Decided automatically")
    assert sources == {
        "Standing grant Counting": ["approved", "1"], "Earlier rejection of Delete paid orders": ["rejected", "1"],
    }  # fmt: skip


def test_every_plot_has_a_name_a_description_and_the_numbers_of_its_table(busy: Site):
    page = busy.browser.get("/insights")
    plots = page.all("svg")
    assert len(plots) == 5
    for plot in plots:
        assert plot.attributes["role"] == "img"
        title, description = plot.children[:2]
        assert (title.tag, description.tag) == ("title", "desc")
        assert plot.attributes["aria-labelledby"] == f"{title.attributes['id']} {description.attributes['id']}"
        assert title.text and description.text
    endings = busy.plot("endings")
    assert "Approved as proposed: 5, 62 %" in endings.one("desc").text
    assert "test gate: median 20 min, 90 % within 48 min" in busy.plot("by-workflow").one("desc").text
    widths = [
        ending.attributes["width"] for ending in endings.all("rect") if ending.attributes["class"].startswith("bar")
    ]
    assert widths == ["62.5%", "25.0%", "12.5%"]
    marked = endings.all("rect", class_="marked")
    assert [(element.attributes["x"], element.attributes["width"]) for element in marked] == [
        ("50.0%", "12.5%"), ("12.5%", "12.5%"),
    ]  # fmt: skip


def test_what_expired_leads_to_its_request_and_is_shown_as_it_is(busy: Site):
    page = busy.browser.get("/insights")
    region = page.one("div", aria_label="Expired requests, table")
    link = region.one("a")
    assert link.text == '<script>"&⟨U+202E⟩txt'
    busy.browser.get(link.attributes["href"])
    assert "approved" in region.text and "1 request expired without a decision; 1 of them was approved" in page.text


def test_no_person_is_named(busy: Site):
    assert "Decided by" not in busy.browser.get("/insights").text


def test_filters_stand_in_the_address_and_in_the_form(busy: Site):
    page = busy.browser.get("/insights?days=7&workflow=test_gate&team=dba")
    chosen = [
        option.attributes.get("value", option.text) for option in page.all("option") if "selected" in option.attributes
    ]
    assert chosen == ["7", "test_gate", "dba"]
    assert busy.table("Outcomes")["Approved as proposed"][0] == "4"
    link = busy.browser.page.one("div", aria_label="Time to decision, by team, table").one("a")
    assert link.attributes["href"] == "/insights?days=7&workflow=test_gate&team=dba"


def test_an_unknown_filter_stays_chosen_and_offers_a_way_out(busy: Site):
    page = busy.browser.get("/insights?workflow=%3Cb%3E%E2%80%AE&team=gone")
    assert [option.text for option in page.all("option") if "selected" in option.attributes][1:] == [
        "<b>⟨U+202E⟩",
        "gone",
    ]
    assert "No request ended in the last 30 days" in page.text
    assert busy.browser.get("/insights?days=30").all("svg")


def test_a_portal_without_requests_says_what_will_be_here(site: Site):
    page = site.browser.get("/insights")
    assert "Nothing to count yet" in page.text
    assert not page.all("svg") and not page.all("table")


def test_a_portal_without_decisions_shows_what_waits(site: Site):
    make_request(site.services.sessions)
    page = site.browser.get("/insights")
    assert "No request ended in the last 30 days" in page.text
    assert len(page.all("svg")) == 1
    assert "Pending requests appear here" in site.browser.get("/insights?days=90").text


def test_more_workflows_than_fit(busy: Site, monkeypatch):
    busy.settle(RequestState.APPROVED, 1, run=make_run(busy.services.sessions, workflow="other"))
    monkeypatch.setattr(insights, "MAX_GROUPS", 1)
    assert "The 1 with the most decisions, of 2." in busy.browser.get("/insights").text


@pytest.mark.parametrize("query", ["days=8", "days=-1", "days=x", "days=%D9%A7", "workflow=%00", f"team={'x' * 201}"])
def test_what_cannot_be_counted_is_refused(site: Site, query: str):
    site.browser.get(f"/insights?{query}", 422)
    answer = site.browser.caller.get(f"/api/v1/insights?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")


def test_counting_that_takes_too_long_is_said_with_the_form_to_ask_for_less(busy: Site, monkeypatch):
    monkeypatch.setattr(insights, "TIME_LIMIT_MS", 200)
    with psycopg.connect(busy.url) as other:
        # The frame around the page counts requests too; it must not wait for this lock.
        other.execute("lock table decisions in access exclusive mode")
        page = busy.browser.get("/insights?days=90", 503)
        assert "longer than 0.2 seconds and was stopped. Choose a shorter period" in page.text
        assert page.one("select", id="i-days").one("option", selected="").attributes["value"] == "90"
        answer = busy.browser.caller.get("/api/v1/insights")
        assert (answer.status_code, answer.json["code"]) == (503, "took_too_long")
    busy.browser.get("/insights?days=90")


def test_rest_gives_the_same_numbers(busy: Site):
    found = busy.browser.caller.get("/api/v1/insights?days=7").json
    assert (found["waiting"], found["settled"], found["reading_speed"]) == (2, 8, 25)
    assert {row["state"]: row["count"] for row in found["ended"] if row["count"]} == {
        "approved": 5, "rejected": 2, "expired": 1,
    }  # fmt: skip
    assert found["pace"] == {"name": "", "decided": 5, "median": 1200, "p90": 2880}
    assert [(row["name"], row["decided"]) for row in found["by_team"]] == [("team:dba", 4), ("", 1)]
    assert {row["risk"]: row["faster"] for row in found["hasty"]}["high"] == 2
    assert [source["kind"] for source in found["sources"]] == ["grant", "rejection"]
    assert "any_request" not in found and found["until"].endswith("Z")


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 0, "0 %"), (0, 9, "0 %"), (1, 1000, "<1 %"), (999, 1000, ">99 %"), (9, 9, "100 %"), (1, 3, "33 %")],
)
def test_shares(part: int, whole: int, words: str):
    assert share(part, whole) == words


@pytest.mark.parametrize(
    ("median", "p90", "ticks"),
    [
        (0.0, 0.0, ["1 s", "1 min"]),
        (1, 60, ["1 s", "1 min"]),
        (90, 100, ["1 min", "1 h"]),
        (59, 86_401, ["1 s", "1 min", "1 h", "1 day", "30 days"]),
        (86_400 * 500, 86_400 * 900, ["30 days", "1 year"]),
    ],
)
def test_the_scale_of_times_holds_all_of_them(median: float, p90: float, ticks: list[str]):
    drawn = _times([PaceRow("one", DecisionPace("one", 1, median, p90), {})], 1)
    assert [words for _, words in drawn.ticks] == ticks
    assert (drawn.ticks[0][0], drawn.ticks[-1][0]) == (0, 100)
    assert 0 <= drawn.spans[0].median <= drawn.spans[0].p90 <= 100


def test_a_rules_decisions_samples_and_disagreements_are_counted(busy: Site):
    services = busy.services
    drawn = [make_sample(services.sessions, "Reads <only>") for _ in range(2)]
    reviewer = make_person(services.sessions, "Reviewer", [Role.REVIEWER])
    services.samples.review(reviewer.as_actor(Via.PAGE), drawn[0].id, False, "No.")
    busy.browser.get("/insights")
    assert busy.table("Decisions of the policy") == {"Reads <only>": ["2", "0"]}, "a viewer does not see samples"
    pages = Browser(busy.app, reviewer)
    site = Site(busy.app, services, pages, busy.url)
    pages.get("/insights")
    assert site.table("Decisions of the policy") == {"Reads <only>": ["2", "0", "2", "1", "1 (100 %)"]}
    found = Caller(busy.app, reviewer).get("/api/v1/insights").json
    assert found["rules"] == [
        {"name": "Reads <only>", "approved": 2, "rejected": 0, "sampled": 2, "reviewed": 1, "disagreed": 1}
    ]
    token = make_token(busy.app, reviewer, TokenKind.AGENT, [Scope.APPROVALS_READ, Scope.APPROVALS_READ_ALL])
    [rule] = Program(busy.app, token).get("/api/v1/insights").json["rules"]
    assert (rule["approved"], rule["sampled"], rule["disagreed"]) == (2, None, None), "nor does an agent"
