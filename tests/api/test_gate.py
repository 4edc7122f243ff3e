"""The gate for agents anywhere: a request without a run, from its opening to the receipt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from app.domain.patterns import suggest
from app.domain.people import SYSTEM
from app.domain.policy.terms import ChangeWindow, Terms
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services
from app.store.people import Person
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, OutcomeRow
from assent.contracts import Outcome, Plan, document_of
from assent.digests import digest_of
from tests.api.gates import CALLS, PROPOSALS, decide, opened, outcome
from tests.factories import Caller, Program, make_person, make_token, plan, question


@pytest.mark.parametrize("proposal", PROPOSALS, ids=lambda case: case["kind"])
def test_every_kind_is_opened_decided_and_collected(
    proposal: dict[str, Any], agent: Program, owner: Person, call: Callable[[str], Caller]
) -> None:
    request = opened(agent, proposal, workflow="deployments")
    assert (request["state"], request["run_id"], request["workflow"]) == ("pending", None, "deployments")
    assert (request["agent"], request["requester_name"]) == ("Deploy agent", owner.name)
    whole = document_of(proposal)
    assert request["payload"] == whole and request["digest"] == digest_of(whole)
    assert outcome(agent, request) == {
        "request_id": request["id"], "state": "pending", "resolved": False, "outcome": None, "receipt": None,
        "held_until": None,
    }  # fmt: skip
    if proposal["kind"] == "question":
        decide(call, request, "answer", answer="The second one")
    else:
        decide(call, request)
    found = outcome(agent, request)
    assert found["resolved"] and found["receipt"]["status"] == "delivered"
    told = Outcome.model_validate(found["outcome"])
    assert told.digest == request["digest"]
    assert told.answer == "The second one" if proposal["kind"] == "question" else told.approved


def test_a_plan_is_changed_and_the_agent_gets_the_steps_that_are_left(
    agent: Program, call: Callable[[str], Caller]
) -> None:
    request = opened(agent, plan())
    where = f"/api/v1/approvals/{request['id']}"
    wrong = {"steps": [{"id": "find"}, {"id": "drop"}]}
    body = {"verdict": "modify", "digest": request["digest"], "change": wrong}
    refused = call("reviewer").post(f"{where}/decisions", body)
    words = "“Delete its rows” needs “Count rows”, which is left out."
    assert (refused.status_code, refused.json["detail"]) == (422, words)
    assert refused.json["fields"] == {"steps.drop": words}
    right = {"steps": [{"id": "report"}, {"id": "find", "inputs": {"days": 30}}]}
    preview = call("reviewer").post(f"{where}/preview", {"change": right})
    assert preview.status_code == 200, preview.json
    assert preview.json["level"] == "medium"
    decide(call, request, "modify", change=right)
    changed = call("admin").get(where).json
    assert changed["state"] == "pending", "who changes a plan of high risk is not its only approver"
    approval = {"verdict": "approve", "digest": changed["digest"]}
    assert call("admin").post(f"{where}/decisions", approval).status_code == 201
    told = Outcome.model_validate(outcome(agent, request)["outcome"])
    assert isinstance(told.proposal, Plan)
    assert [(step.id, step.inputs) for step in told.proposal.steps] == [("report", {}), ("find", {"days": 30})]
    assert (told.verdict, told.proposed_digest) == ("modify", request["digest"])


def test_a_plan_whose_steps_do_not_fit_is_not_opened(agent: Program) -> None:
    document = plan()
    document["steps"].reverse()
    answer = agent.post("/api/v1/approvals", {"proposal": document})
    assert answer.status_code == 422
    assert "Step 2 ('drop'): It needs 'measure', which comes later." in str(answer.json["fields"])
    document = plan()
    document["steps"][0]["inputs_schema"] = {"$ref": "https://example.com/schema"}
    answer = agent.post("/api/v1/approvals", {"proposal": document})
    assert (answer.status_code, list(answer.json["fields"])) == (422, ["proposal.steps.0.inputs_schema"])


def test_any_value_is_answered_to_its_schema(agent: Program, call: Callable[[str], Caller]) -> None:
    schema = {"type": "object", "properties": {"go": {"type": "boolean"}}, "required": ["go"]}
    body = {"value": {"servers": 3}, "title": "Go on?", "response_schema": schema}
    request = agent.post("/api/v1/approvals", body).json
    assert (request["kind"], request["title"], request["payload"]["value"]) == ("value", "Go on?", {"servers": 3})
    refused = call("reviewer").post(
        f"/api/v1/approvals/{request['id']}/decisions",
        {"verdict": "answer", "digest": request["digest"], "answer": {"go": "yes"}},
    )
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
    decide(call, request, "answer", answer={"go": True})
    assert outcome(agent, request)["outcome"]["answer"] == {"go": True}


def test_the_person_responsible_for_the_agent_may_not_approve_it(app: Flask, agent: Program, owner: Person) -> None:
    request = opened(agent)
    body = {"verdict": "approve", "digest": request["digest"]}
    for caller in (Caller(app, owner), Program(app, make_token(app, owner))):
        answer = caller.post(f"/api/v1/approvals/{request['id']}/decisions", body)
        assert (answer.status_code, answer.json["code"]) == (403, "own_request")
        assert "you requested this" in answer.json["detail"]
    assert outcome(agent, request)["state"] == "pending"


def test_an_agent_that_waits_is_woken_by_the_decision(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent)
    found: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: found.append(outcome(agent, request, wait=20)))
    started = time.monotonic()
    waiting.start()
    decide(call, request)
    waiting.join(20)
    assert found and found[0]["outcome"]["verdict"] == "approve"
    assert time.monotonic() - started < 15


def test_the_outcome_is_delivered_once_and_only_to_the_agent(
    app: Flask, services: Services, agent: Program, owner: Person, call: Callable[[str], Caller]
) -> None:
    request = opened(agent)
    decide(call, request)
    stranger = Program(app, make_token(app, make_person(services.sessions), TokenKind.AGENT, AGENT_SCOPES))
    assert call("viewer").get(f"/api/v1/approvals/{request['id']}/outcome").json["receipt"] is None
    assert Caller(app, owner).get(f"/api/v1/approvals/{request['id']}/outcome").json["receipt"] is None
    assert outcome(stranger, request)["receipt"] is None
    assert outcome(agent, request)["receipt"]["status"] == "delivered"
    assert outcome(agent, request)["outcome"] == outcome(agent, request)["outcome"]
    with services.sessions() as session:
        lines = session.scalars(
            select(AuditEntry).where(AuditEntry.request_id == request["id"], AuditEntry.action == "request.receipt")
        ).all()
    assert [(line.actor_kind, line.actor_name, line.actor_id) for line in lines] == [
        ("agent", "Deploy agent", owner.id)
    ]


def test_what_was_done_is_reported_and_shown(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent)
    path = f"/api/v1/approvals/{request['id']}/receipt"
    early = agent.post(path, {"status": "applied"})
    assert (early.status_code, early.json["code"]) == (409, "illegal_transition")
    decide(call, request)
    answer = agent.post(path, {"status": "failed", "summary": "The disk is full.", "detail": {"rows": 0}})
    assert (answer.status_code, answer.json["status"]) == (200, "failed")
    shown = call("viewer").get(f"/api/v1/approvals/{request['id']}").json["receipt"]
    assert (shown["summary"], shown["detail"]) == ("The disk is full.", {"rows": 0})
    assert agent.post(path, {"status": "applied", "summary": "Now it worked."}).json["summary"] == "Now it worked."
    assert outcome(agent, request)["receipt"]["status"] == "applied"
    page = call("viewer").get(f"/requests/{request['id']}").text
    assert "Now it worked." in page and "Release engineer" in page and "run started by" not in page


def test_reports_that_cannot_be_true(
    app: Flask, services: Services, agent: Program, call: Callable[[str], Caller]
) -> None:
    request = opened(agent)
    decide(call, request, "reject")
    path = f"/api/v1/approvals/{request['id']}/receipt"
    for status in ("applied", "partly_applied", "delivered"):
        answer = agent.post(path, {"status": status})
        assert (answer.status_code, list(answer.json["fields"])) == (422, ["status"])
    stranger = Program(app, make_token(app, make_person(services.sessions), TokenKind.AGENT, AGENT_SCOPES))
    assert stranger.post(path, {"status": "not_applied"}).status_code == 403
    assert agent.post(path, {"status": "not_applied"}).status_code == 200


def test_an_agent_takes_back_what_it_asked(agent: Program) -> None:
    request = opened(agent)
    answer = agent.post(f"/api/v1/approvals/{request['id']}/cancel", {"reason": "No longer needed."})
    assert answer.json["state"] == "cancelled"
    found = outcome(agent, request)
    assert (found["resolved"], found["outcome"]["verdict"]) == (True, "reject")


def test_findings_and_attachments_of_the_agent_are_part_of_the_request(agent: Program) -> None:
    found = {"level": "error", "words": "No index.", "line": 1, "path": "", "code": "index", "suggestion": "Add one."}
    more = {"findings": [found], "attachments": [{"title": "Plan", "media": "sql", "content": "explain select 1"}]}
    request = opened(agent, PROPOSALS[0] | more)
    assert request["payload"]["findings"] == [found] and request["payload"]["attachments"] == more["attachments"]
    assert request["digest"] == digest_of(request["payload"]) != opened(agent, PROPOSALS[0])["digest"]
    for broken in ({"findings": [found | {"level": "fatal"}]}, {"attachments": [{"title": "", "content": "x"}]}):
        assert agent.post("/api/v1/approvals", {"proposal": PROPOSALS[0] | broken}).status_code == 422


def test_an_edit_comes_back_as_it_was_approved(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent)
    decide(call, request, "modify", change={"content": "select 1"})
    told = Outcome.model_validate(outcome(agent, request)["outcome"])
    assert told.payload["content"] == "select 1"
    assert (told.digest, told.proposed_digest) == (digest_of(told.payload), request["digest"])


def test_secrets_are_masked_before_anything_is_stored(agent: Program, services: Services) -> None:
    secret = "ghp_" + "a1B2" * 10
    request = opened(agent, PROPOSALS[0] | {"content": f"-- {secret}\nselect 1"})
    assert secret not in str(request)
    with services.sessions() as session:
        stored = session.get_one(ApprovalRequest, request["id"])
        assert secret not in str(stored.payload) and stored.digest == digest_of(stored.payload)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "proposal"),
        ({"proposal": PROPOSALS[0], "value": 1}, "proposal"),
        ({"proposal": PROPOSALS[0], "title": "Another"}, "title"),
        ({"proposal": PROPOSALS[0], "response_schema": {}}, "response_schema"),
        ({"proposal": PROPOSALS[0], "workflow": "Shop!"}, "workflow"),
        ({"proposal": PROPOSALS[0], "workflow": "test_gate"}, "workflow"),
        ({"proposal": PROPOSALS[0], "previous_id": "nothing"}, "previous_id"),
        ({"proposal": PROPOSALS[0] | {"agent": "Somebody else"}}, "proposal.agent"),
        ({"proposal": {"kind": "question", "title": "?", "question": "?", "answer_schema": {"type": 1}}},
         "response_schema"),
        ({"value": 1, "response_schema": {"$ref": "#/nowhere", "type": []}}, "response_schema"),
        ({"proposal": {"kind": "custom", "title": "x", "data": 1, "data_schema": {"type": 7}}}, "proposal.data_schema"),
        ({"value": 1, "response_schema": {"$ref": "http://127.0.0.1:9/schema"}}, "response_schema"),
        ({"proposal": {"kind": "tool_call", "title": "x", "tool": "t", "args_schema": {"$ref": "file:///etc/passwd"}}},
         "proposal.args_schema"),
        ({"proposal": CALLS | {"calls": [{"id": "1", "tool": "t"}, {"id": "2", "tool": "t", "args_schema": {
            "properties": {"a": {"$dynamicRef": "other.json"}}}}]}}, "proposal.calls.1.args_schema"),
        ({"proposal": {"kind": "custom", "title": "x", "data": 1, "data_schema": {"pattern": "(a)\\1"}}},
         "proposal.data_schema"),
        ({"proposal": {"kind": "nothing", "title": "x"}}, "proposal"),
        ({"proposal": {"kind": "script", "title": "x", "language": "sql"}}, "proposal.script.content"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(body: dict[str, Any], field: str, agent: Program) -> None:
    answer = agent.post("/api/v1/approvals", body)
    assert (answer.status_code, answer.json["code"], list(answer.json["fields"])) == (422, "invalid_input", [field])


def test_the_policy_in_force_holds_and_its_window_keeps_the_outcome_back(
    services: Services, agent: Program, call: Callable[[str], Caller]
) -> None:
    policy = """
version: 1
rules:
  - name: Deployments of agents
    when: workflow == "windowed" && agent == "Deploy agent" && requester.name == "Release engineer"
    deadline: 2 hours
default: {deadline: 1 day}
"""
    services.policies.load(SYSTEM, policy, "policies.yaml")
    assert opened(agent)["terms"]["name"] != "Deployments of agents"
    request = opened(agent, workflow="windowed")
    assert request["terms"]["name"] == "Deployments of agents"
    shut = datetime.now(UTC) + timedelta(days=1)
    window = ChangeWindow(days=(shut.weekday(),), start="00:00", end="00:05", timezone="UTC")
    terms = Terms.from_json(request["terms"] | {"windows": [window.model_dump()]})
    with services.sessions.begin() as session:
        query = update(ApprovalRequest).where(ApprovalRequest.id == request["id"])
        session.execute(query.values(terms=terms.to_json()))
    decide(call, request)
    found = outcome(agent, request)
    assert (found["state"], found["resolved"], found["outcome"]) == ("approved", False, None)
    assert found["held_until"] is not None and found["receipt"] is None
    assert agent.get(f"/api/v1/approvals/{request['id']}").json["outcome"] is None, "nor by another way"
    answer = agent.post(f"/api/v1/approvals/{request['id']}/receipt", {"status": "applied"})
    assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")
    # Its time has come, and nobody asked until the window had closed again: it waits for the next one.
    with services.sessions.begin() as session:
        session.execute(update(OutcomeRow).where(OutcomeRow.request_id == request["id"]).values(held_until=None))
    assert outcome(agent, request)["resolved"] is False
    with services.sessions.begin() as session:
        session.execute(
            update(ApprovalRequest).where(ApprovalRequest.id == request["id"]).values(terms=request["terms"])
        )
    assert outcome(agent, request)["outcome"]["verdict"] == "approve"


def test_people_are_told_and_time_ends_it(services: Services, agent: Program) -> None:
    with services.sessions() as session:
        events = text("select count(*) from unplanned_events")
        before = session.scalar(events)
        request = opened(agent, PROPOSALS[0] | {"expires_in_seconds": 10})
        assert session.scalar(events) > before
    with services.sessions.begin() as session:
        past = func.now() - timedelta(seconds=1)
        query = update(ApprovalRequest).where(ApprovalRequest.id == request["id"])
        session.execute(query.values(expires_at=past, due_at=past))
    while services.checkpoints.keep(request["id"]):
        pass
    found = outcome(agent, request)
    assert (found["state"], found["outcome"]["verdict"]) == ("expired", "reject")


def test_who_may_ask(app: Flask, services: Services, people: dict[str, Person], call: Callable[[str], Caller]) -> None:
    body = {"proposal": PROPOSALS[0]}
    assert call("viewer").post("/api/v1/approvals", body).json["code"] == "forbidden"
    asked = call("admin").post("/api/v1/approvals", body)
    assert (asked.status_code, asked.json["why_not"]) == (201, "You requested this, so somebody else must decide.")
    viewers = Program(app, make_token(app, people["viewer"], TokenKind.AGENT, AGENT_SCOPES))
    assert viewers.post("/api/v1/approvals", body).json["code"] == "forbidden"


def test_a_revoked_agent_loses_nothing_its_next_token_collects(
    app: Flask, owner: Person, agent: Program, call: Callable[[str], Caller]
) -> None:
    request = opened(agent)
    decide(call, request)
    renewed = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES, name="Deploy agent"))
    assert outcome(renewed, request)["receipt"]["status"] == "delivered"


def test_it_stands_in_lists_pages_and_insights(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent, question(None), workflow="listed")
    viewer = call("viewer")
    [listed] = viewer.get("/api/v1/approvals?workflow=listed").json["items"]
    assert (listed["id"], listed["run_id"]) == (request["id"], None)
    assert request["title"] in viewer.get("/queue?workflow=listed").text
    assert viewer.get("/insights").status_code == 200
    for role in ("reviewer", "viewer"):
        page = call(role).get(f"/requests/{request['id']}")
        assert page.status_code == 200 and "requested this, and is waiting" in page.text
    assert viewer.get("/api/approvals/pending").status_code == 200


def test_a_standing_grant_answers_for_an_agent_elsewhere_too(agent: Program, call: Callable[[str], Caller]) -> None:
    evidence = []
    for _ in range(3):
        evidence.append(opened(agent, PROPOSALS[2], workflow="mails"))
        decide(call, evidence[-1])
    pattern = suggest([request["payload"] for request in evidence])
    assert pattern is not None
    body = {
        "workflow": "mails", "node": "", "kind": "tool_call", "environment": "", "pattern": pattern.to_json(),
        "max_risk": "medium", "title": "Mails", "max_uses": 1, "days": 7,
        "evidence": [request["id"] for request in evidence], "reason": "Always the same.",
    }  # fmt: skip
    proposed = call("admin").post("/api/v1/grants", body)
    assert proposed.status_code == 201, proposed.json
    given = call("reviewer").post(f"/api/v1/grants/{proposed.json['id']}/approve")
    assert given.json["state"] == "active"
    answered = opened(agent, PROPOSALS[2], workflow="mails")
    assert answered["outcome"]["verdict"] == "approve" and answered["receipt"]["status"] == "delivered"
    found = outcome(agent, answered)
    assert (found["state"], found["outcome"]["verdict"]) == ("approved", "approve")
    asked = opened(agent, PROPOSALS[2], workflow="mails")
    assert outcome(agent, asked)["state"] == "pending", "it was given for one use"


def test_what_a_policy_decides_is_in_the_answer_to_the_opening(services: Services, agent: Program) -> None:
    policy = """
version: 1
rules:
  - {name: No mails, when: 'workflow == "governed" && tool == "send_mail"', decide: reject, reason: Write letters.}
"""
    services.policies.load(SYSTEM, policy, "policies.yaml")
    request = opened(agent, PROPOSALS[2], workflow="governed")
    assert request["state"] == "rejected" and request["answered_by"].endswith(":No mails")
    received = Outcome.model_validate(request["outcome"])
    assert not received.approved and received.comment.endswith("Write letters.")
    assert request["receipt"]["status"] == "delivered"
    with services.sessions() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.request_id == request["id"]).order_by(AuditEntry.seq)
        ).all()
    assert [(entry.action, entry.actor_kind) for entry in entries] == [
        ("request.opened", "agent"), ("request.decided", "policy"), ("request.resolved", "system"),
        ("request.receipt", "agent"),
    ]  # fmt: skip
    assert outcome(agent, request)["outcome"] == request["outcome"]
    again = agent.post("/api/v1/approvals", {"proposal": PROPOSALS[2], "workflow": "other"})
    assert again.json["state"] == "pending" and again.json["outcome"] is None
