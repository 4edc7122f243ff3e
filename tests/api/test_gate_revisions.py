"""Revisions through the gate: after changes were requested, and because what a proposal rests on has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask

from tests.api.gates import PROPOSALS, decide, opened, outcome
from tests.factories import Caller, Program


def test_a_proposal_that_was_sent_back_is_revised_once(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent)
    pending = agent.post("/api/v1/approvals", {"proposal": PROPOSALS[0], "previous_id": request["id"]})
    assert (pending.status_code, list(pending.json["fields"])) == (422, ["previous_id"])
    decide(call, request, "request_changes")
    better = PROPOSALS[0] | {"content": "select count(*) from orders where paid"}
    revision = opened(agent, better, previous_id=request["id"])
    assert (revision["revision"], revision["previous_id"]) == (2, request["id"])
    assert call("viewer").get(f"/api/v1/approvals/{request['id']}").json["next_id"] == revision["id"]
    again = agent.post("/api/v1/approvals", {"proposal": better, "previous_id": request["id"]})
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert "Changes since revision 1" in call("reviewer").get(f"/requests/{revision['id']}").text


READ = {
    "tool": "list_tables", "version": "1.0", "inputs": {"target": "shop"}, "read_at": "2026-11-30T05:00:00Z",
    "values": [{"path": "tables.*.rows", "tolerance": "magnitude", "value": {"orders": 40000}}],
}  # fmt: skip


def test_what_was_not_applied_because_its_basis_had_changed_is_revised(
    agent: Program, call: Callable[[str], Caller]
) -> None:
    request = opened(agent, PROPOSALS[0] | {"rests_on": [READ]})
    assert "tables.orders.rows" in call("reviewer").get(f"/requests/{request['id']}").text
    change = {"tool": "list_tables", "path": "tables.orders.rows", "before": 40_000, "now": 400_000}
    changed = {"request_id": request["id"], "noticed_at": "2026-11-30T06:00:00Z", "changes": [change]}
    again = {"proposal": PROPOSALS[0] | {"rests_on": [READ], "changed": changed}, "previous_id": request["id"]}

    def refused(body: dict[str, Any]) -> bool:
        answer = agent.post("/api/v1/approvals", body)
        return answer.status_code == 422 and list(answer.json["fields"]) == ["previous_id"]

    assert refused(again), "it is not approved yet"
    decide(call, request)
    outcome(agent, request)
    assert refused(again), "whether it was applied is not known"
    agent.post(f"/api/v1/approvals/{request['id']}/receipt", {"status": "not_applied", "summary": "It has grown."})
    assert refused({"proposal": PROPOSALS[0], "previous_id": request["id"]}), "it does not say what has changed"
    revision = agent.post("/api/v1/approvals", again)
    assert (revision.status_code, revision.json["revision"]) == (201, 2)
    page = call("reviewer").get(f"/requests/{revision.json['id']}").text
    assert "Reported by the agent" in page and "400,000" in page and "The request before this one" in page


def test_a_wrong_basis_is_refused(agent: Program) -> None:
    for broken in (READ | {"values": []}, READ | {"read_at": "yesterday"}, READ | {"more": 1}):
        answer = agent.post("/api/v1/approvals", {"proposal": PROPOSALS[0] | {"rests_on": [broken]}})
        assert answer.status_code == 422, answer.json


def test_two_who_revise_at_once_make_one_revision(app: Flask, agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent)
    decide(call, request, "request_changes")
    gate, statuses = threading.Barrier(4), []

    def revise() -> None:
        gate.wait(20)
        answer = agent.post("/api/v1/approvals", {"proposal": PROPOSALS[0], "previous_id": request["id"]})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=revise) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [201, 409, 409, 409]
