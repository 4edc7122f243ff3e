"""What models have cost: on the run's page, under Insights, before a run starts, and over REST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from app.domain.lifecycle import RunState
from app.domain.tokens import Scope, TokenKind
from app.services.bundle import Services
from app.store.models import ModelUseRow
from app.store.people import Person
from tests.factories import Program, make_model_use, make_run, make_token, make_workflow
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]
HOSTILE = '<script>"&\u202etxt'


@pytest.fixture(autouse=True)
def nothing_used(services: Services) -> Iterator[None]:
    """No earlier test has used models."""
    yield
    with services.sessions.begin() as session:
        session.query(ModelUseRow).delete()


def cells(page: Browser, label: str) -> dict[str, list[str]]:
    """The rows of a table by their headings."""
    region = page.page.one("div", aria_label=f"{label}, table")
    rows = [row for row in region.all("tr") if row.all("td")]
    return {row.children[0].text: [cell.text for cell in row.children[1:]] for row in rows}


def test_the_page_of_a_run_says_what_its_models_have_cost(services: Services, browse: Browse) -> None:
    run = make_run(services.sessions)
    make_model_use(services.sessions, run.id)
    make_model_use(services.sessions, run.id, status="cached", input_tokens=0, output_tokens=0, cost=0, prices="")
    make_model_use(
        services.sessions, run.id, node=HOSTILE, model="other:x", status="rate_limited", cost=None, prices="",
        input_tokens=50, output_tokens=0, estimated=True, error="LimitError: Too many.",
    )  # fmt: skip
    page = browse("viewer")
    text = page.get(f"/runs/{run.id}").text
    assert "2 model calls, 1,250 tokens, at least $0.0250, 1 failed" in text
    rows = cells(page, "Language models")
    assert rows["plan plananthropic:test"] == ["1", "0", "1", "1,000", "200", "$0.0250"]
    [hostile] = [row for name, row in rows.items() if name.endswith("other:x")]
    assert hostile == ["1", "1", "0", "50", "0", "not known"]
    assert "Prices: genai-prices 1.2." in text
    assert "The price of 1 call is not known." in text
    assert "LimitError: Too many." in text


def test_a_run_without_models_says_nothing_of_them(services: Services, browse: Browse) -> None:
    run = make_run(services.sessions)
    assert "model call" not in browse("viewer").get(f"/runs/{run.id}").text


def test_insights_by_workflow_agent_model_and_day(services: Services, browse: Browse) -> None:
    page = browse("viewer")
    assert "No model was called in the last 30 days" in page.get("/insights/models").text
    one, other = make_run(services.sessions), make_run(services.sessions, workflow="other_gate")
    make_model_use(services.sessions, one.id)
    make_model_use(services.sessions, other.id, agent="", model="openai:y", cost=None, prices="", input_tokens=9_000)
    make_model_use(services.sessions, other.id, began_at=datetime.now(UTC) - timedelta(days=40), input_tokens=5)
    page.get("/insights/models")
    assert cells(page, "By workflow") == {
        "other gate": ["1", "0", "0", "9,000", "200", "not known"],
        "test gate": ["1", "0", "0", "1,000", "200", "$0.0250"],
    }
    assert list(cells(page, "By agent")) == ["No agent", "Planner"]
    assert list(cells(page, "By model")) == ["openai:y", "anthropic:test"]
    assert list(cells(page, "By day").values()) == [["2", "0", "0", "10,000", "400", "at least $0.0250"]]
    page.get("/insights/models?days=90&workflow=other_gate")
    assert list(cells(page, "By model")) == ["openai:y", "anthropic:test"]
    assert len(cells(page, "By day")) == 2
    assert page.get("/insights").all("a", href="/insights/models")


@pytest.mark.parametrize("query", ["days=8", "days=x", "workflow=%00", f"workflow={'x' * 300}"])
def test_filters_that_make_no_sense_are_refused(browse: Browse, query: str) -> None:
    assert browse("viewer").get(f"/insights/models?{query}", status=422)


def test_a_forecast_from_earlier_runs(services: Services, browse: Browse) -> None:
    make_workflow(services.sessions, "forecast_gate")
    page = browse("reviewer")

    def words() -> str:
        return page.get("/runs/new/forecast_gate").one("p", id="forecast").text

    assert words() == "Language models: no earlier runs of this workflow to estimate from."
    ended = [make_run(services.sessions, state=RunState.COMPLETED, workflow="forecast_gate") for _ in range(10)]
    assert words() == "Language models: none in its last 10 runs."
    for number, run in enumerate(ended, 1):
        make_model_use(
            services.sessions, run.id, input_tokens=number * 1_000, output_tokens=0, cost=Decimal(number) / 100
        )
    unfinished = make_run(services.sessions, workflow="forecast_gate")
    make_model_use(services.sessions, unfinished.id, input_tokens=10**9)
    assert words() == (
        "Language models: its last 10 runs used 5,000 tokens (median; nine in ten at most 9,000). "
        "That cost $0.0500 (median; nine in ten at most $0.0900)."
    )
    make_workflow(services.sessions, "forecast_once")
    once = make_run(services.sessions, state=RunState.COMPLETED, workflow="forecast_once")
    make_model_use(services.sessions, once.id, input_tokens=1_000, output_tokens=100, cost=Decimal("0.0045"))
    assert page.get("/runs/new/forecast_once").one("p", id="forecast").text == (
        "Language models: its only earlier run used 1,100 tokens. That cost $0.0045."
    ), "one run has no median"
    make_model_use(services.sessions, ended[0].id, cost=None, prices="", input_tokens=1)
    assert "The 9 runs with known prices cost $0.0600" in words()


def test_the_same_over_rest(app: Flask, services: Services, people: dict[str, Person]) -> None:
    make_workflow(services.sessions, "rest_gate")
    run = make_run(services.sessions, state=RunState.COMPLETED, workflow="rest_gate")
    make_model_use(services.sessions, run.id)
    make_model_use(services.sessions, run.id, cost=None, prices="", model="other:x")
    program = Program(app, make_token(app, people["viewer"]))
    found = program.get(f"/api/v1/runs/{run.id}/models").json
    assert found is not None
    assert (found["total"]["calls"], found["total"]["cost"], found["total"]["unpriced"]) == (2, "0.0250", 1)
    assert [node["figures"]["cost"] for node in found["nodes"]] == ["0.0250", None]
    forecast = program.get("/api/v1/workflows/rest_gate/forecast").json
    assert forecast == {
        "runs": 1, "with_models": 1, "priced": 0, "median_tokens": 2_400, "p90_tokens": 2_400, "median_cost": None,
        "p90_cost": None,
    }  # fmt: skip
    usage = program.get("/api/v1/insights/models?days=7").json
    assert usage is not None
    assert [group["name"] for group in usage["by_workflow"]] == ["rest_gate"]
    assert program.get("/api/v1/workflows/no_such_gate/forecast").status_code == 404


def test_an_agent_sees_what_its_own_runs_have_cost(app: Flask, services: Services, people: dict[str, Person]) -> None:
    make_workflow(services.sessions, "agents_gate")
    run = make_run(services.sessions, state=RunState.COMPLETED, workflow="agents_gate")
    make_model_use(services.sessions, run.id)
    scopes = [Scope.RUNS_READ, Scope.APPROVALS_READ]
    token = make_token(app, people["reviewer"], TokenKind.AGENT, scopes)
    agent = Program(app, token)
    assert agent.get(f"/api/v1/runs/{run.id}/models").status_code == 404
    assert agent.get("/api/v1/insights/models").status_code == 403
    forecast = agent.get("/api/v1/workflows/agents_gate/forecast").json
    assert forecast is not None
    assert (forecast["runs"], forecast["median_tokens"]) == (0, None)
