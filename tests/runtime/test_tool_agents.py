"""An agent of LangChain's `create_agent` with tools of the toolbox, as a run on the portal."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assent.contracts import Verdict
from tests.runtime.rig import Rig

ON_STATUS = "CREATE INDEX by_status ON orders (status)"
ON_CUSTOMER = "CREATE INDEX by_customer ON orders (customer)"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT, status TEXT);")
    monkeypatch.setenv("ASSENT_TARGET_SHOP", f"sqlite:///{path}")
    return path


def indexes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")]


LOOK = {"name": "analyze_schema", "args": {"target": "shop"}}
CREATE = {"name": "create_index", "args": {"target": "shop", "statement": ON_STATUS}}


def said(rig: Rig, run: str) -> list[str]:
    return [message["content"] for message in rig.finish(run)["messages"] if message["type"] == "tool"]


def test_a_tool_that_reads_is_called_and_one_that_changes_something_waits(rig: Rig, shop: Path) -> None:
    run = rig.begin("tool_agent", turns=[[LOOK], [CREATE]])
    request = rig.only(run)
    payload = request.payload
    assert (request.kind, payload["tool"], payload["environment"]) == ("tool_call", "create_index", "staging")
    assert payload["args"]["statement"] == ON_STATUS and payload["risk_floor"] == "medium"
    assert payload["labels"]["tool_version"] == "1.0"
    assert indexes(shop) == [], "nothing is created before people have decided"
    rig.decide(request)
    rig.advance(run)
    looked, created = map(json.loads, said(rig, run))
    assert set(looked["tables"]) == {"orders"} and created["status"] == "created"
    assert indexes(shop) == ["by_status"]
    receipt = rig.view(request).receipt
    assert receipt.status == "applied" and "create_index@1.0 was called" in receipt.summary


def test_it_is_called_with_what_a_reviewer_made_of_it(rig: Rig, shop: Path) -> None:
    run = rig.begin("tool_agent", turns=[[CREATE]])
    request = rig.only(run)
    changed = request.payload["args"] | {"statement": ON_CUSTOMER}
    rig.decide(request, Verdict.MODIFY, change={"args": changed})
    rig.advance(run)
    assert json.loads(said(rig, run)[0])["statement"] == ON_CUSTOMER
    assert indexes(shop) == ["by_customer"]


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.REQUEST_CHANGES])
def test_a_rejection_is_told_to_the_agent_which_goes_on(rig: Rig, shop: Path, verdict: Verdict) -> None:
    run = rig.begin("tool_agent", turns=[[CREATE], [LOOK]])
    request = rig.only(run)
    rig.decide(request, verdict, comment="Not in the season.")
    rig.advance(run)
    refusal, looked = said(rig, run)
    assert "did not approve" in refusal and "Not in the season." in refusal
    assert "orders" in looked and indexes(shop) == []
    assert rig.view(request).receipt.status == "not_applied"


def test_two_calls_in_one_turn_are_two_requests(rig: Rig, shop: Path) -> None:
    other: dict[str, Any] = {"name": "create_index", "args": {"target": "shop", "statement": ON_CUSTOMER}}
    run = rig.begin("tool_agent", turns=[[CREATE, other, LOOK]])
    by_statement = {request.payload["args"]["statement"]: request for request in rig.pending(run)}
    rig.decide(by_statement[ON_STATUS])
    rig.decide(by_statement[ON_CUSTOMER], Verdict.REJECT, comment="Leave it.")
    rig.advance(run)
    assert len(said(rig, run)) == 3
    assert indexes(shop) == ["by_status"]
