"""A run that proposes a plan, and goes on with the steps that people left in it."""

from __future__ import annotations

from typing import Any

import pytest

from assent import Effect, Plan, PlanStep, Verdict, request_approval
from tests.flows import FlowState
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import install

RECEIVED: list[Any] = []
TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


def ask(state: FlowState) -> FlowState:
    steps = [
        PlanStep(id="sign_in", title="Sign in", tool="sign_in@1", effect=Effect.READ, inputs={"password": TOKEN}),
        PlanStep(id="count", title="Count", tool="count_rows@1", effect=Effect.READ, gated=False),
        PlanStep(
            id="clean", title="Clean up", tool="clean_cache@1", effect=Effect.WRITE,
            inputs={"token": "${sign_in.token}", "rows": "${count.rows}"},
        ),
    ]  # fmt: skip
    outcome = request_approval(Plan(title="Clean up", steps=steps))
    return {"outcome": outcome.model_dump(mode="json")}


def act(state: FlowState) -> FlowState:
    RECEIVED.append(state["outcome"])
    return {}


def test_the_run_receives_the_plan_as_people_left_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "plans", ask=ask, act=act)
    run_id = rig.begin("plans")
    request = rig.only(run_id)
    assert request.kind == "plan"
    assert request.payload["steps"][0]["inputs"] == {"password": "⟦secret:github-token:1⟧"}
    assert request.payload["steps"][2]["inputs"]["token"] == "${sign_in.token}", "what a step needs can be read"
    change = {"steps": [{"id": "count"}, {"id": "sign_in"}]}
    rig.decide(request, Verdict.MODIFY, change=change)
    rig.advance(run_id)
    rig.finish(run_id)
    received = RECEIVED.pop()
    assert received["verdict"] == "modify"
    plan = Plan.model_validate(received["payload"])
    assert [step.id for step in plan.steps] == ["count", "sign_in"]
    assert plan.steps[1].inputs == {"password": TOKEN}
    receipt = rig.view(request).receipt
    assert receipt is not None and receipt.status == "applied"


def test_changes_to_a_plan_are_requested(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "plans_again", ask=ask, act=act)
    run_id = rig.begin("plans_again")
    rig.decide(rig.only(run_id), Verdict.REQUEST_CHANGES, comment="Count first.")
    rig.advance(run_id)
    rig.finish(run_id)
    received = RECEIVED.pop()
    assert (received["verdict"], received["remarks"][0]["comment"]) == ("request_changes", "Count first.")
