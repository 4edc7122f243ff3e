"""What a run stores, shows, and receives: secrets, and values that not every reader can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import JsonValue, TypeAdapter

from app.domain.errors import InvalidInputError, TooLargeError
from assent.contracts import Verdict
from assent.digests import digest_of
from tests.factories import COLUMNS
from tests.runtime.rig import Rig

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


def stored(rig: Rig, word: str) -> list[str]:
    """Where the portal's own tables hold the word; LangGraph's tables hold the run's state, which is the agent's."""
    found = []
    for table, column in rig.sql(COLUMNS):
        if table.startswith("checkpoint"):
            continue
        query = f'select count(*) from "{table}" where "{column}"::text like :pattern'
        if rig.sql(query, pattern=f"%{word}%") != [(0,)]:
            found.append(f"{table}.{column}")
    return found


def test_the_run_receives_the_secret_that_nobody_saw(rig: Rig) -> None:
    run = rig.begin("guard_secret")
    request = rig.only(run)
    assert "⟦secret:github-token:1⟧" in request.payload["content"] and TOKEN not in request.title
    content = request.payload["content"] + " --verbose"
    rig.decide(request, Verdict.MODIFY, change={"content": content})
    rig.advance(run)
    rig.finish(run)
    assert rig.aside(run, "received").read_text() == f"git push https://bot:{TOKEN}@example.org/r.git --verbose"
    receipt = rig.view(request).receipt
    assert receipt.status == "applied" and "⟦secret:" in receipt.summary
    assert stored(rig, TOKEN) == []


def test_a_proposal_that_came_unmasked_is_masked_before_it_is_stored(rig: Rig) -> None:
    run = rig.begin("guard_raw")
    request = rig.only(run)
    assert stored(rig, TOKEN) == []
    rig.answer(request, "yes")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["yes"]
    assert stored(rig, TOKEN) == []


def test_odd_reports_do_not_keep_a_run_from_ending(rig: Rig) -> None:
    run = rig.begin("guard_odd")
    request = rig.only(run)
    rig.answer(request, "yes")
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.summary) == ("partly_applied", "Half\ufffdway")
    assert rig.effects(run) == {"last": 1}


def test_half_characters_of_a_proposal_are_replaced_before_anybody_sees_it(rig: Rig) -> None:
    run = rig.begin("guard_odd_proposal")
    request = rig.only(run)
    data = {"half": "a\ufffdb", "\ufffd": 1, "\ufffd\ufffd": 2, "all": "\U0001f600"}
    assert request.payload["data"] == data
    assert request.digest == digest_of(request.payload)
    rig.decide(request)
    rig.advance(run)
    assert rig.finish(run)["answers"] == [data], "what runs is what was approved"
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.summary, receipt.detail) == ("applied", "Done", {"half": "\ufffd"})
    assert [artifact.name for artifact in rig.views.run(run, rig.reviewer).artifacts] == ["half \ufffd"]


def test_a_value_that_others_cannot_read_is_asked_about_in_one_that_they_can(rig: Rig) -> None:
    run = rig.begin("guard_odd_value")
    request = rig.only(run)
    value = request.payload["value"]
    assert (request.title, value["half"], value["infinite"]) == ("?", "?", "inf")
    assert "nested too deeply to be shown; SHA-256 " in json.dumps(value["deep"])
    TypeAdapter(JsonValue).validate_python(request.payload)
    rig.answer(request, "go on")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["go on"]


def test_a_proposal_that_is_nested_too_deeply_fails_in_its_own_step(rig: Rig) -> None:
    run = rig.begin("guard_deep")
    assert rig.state(run) == "suspended" and rig.only(run).kind == "error"
    assert "nested more than 64 levels deep" in json.dumps(rig.only(run).payload)


@pytest.mark.parametrize(
    "forbidden",
    [lambda rig: rig.runs.start(rig.starter, "guard_text", {"fail_times": -1}),
     lambda rig: rig.runs.start(rig.starter, "guard_text", {"fail_times": "x" * 2_000_000}),
     lambda rig: rig.runs.start(rig.starter, "guard_text", [1])],
)  # fmt: skip
def test_input_that_does_not_fit_starts_nothing(rig: Rig, forbidden: Callable[[Rig], Any]) -> None:
    before = rig.sql("select count(*) from runs")
    with pytest.raises((InvalidInputError, TooLargeError)):
        forbidden(rig)
    assert rig.sql("select count(*) from runs") == before
