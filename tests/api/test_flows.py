"""The API as a program uses it: lists, decisions, waiting for outcomes, runs, the record, the earlier addresses."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.domain.ballot import Ballot
from app.domain.events import EventKind
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Role, Via
from app.domain.policy.terms import Stage, Terms
from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.store.people import Person
from assent.contracts import RiskLevel, Verdict
from tests.factories import (
    Caller,
    add_event,
    make_person,
    make_request,
    make_run,
    make_workflow,
    optimizations,
    question,
    script,
)


def everything(caller: Caller, path: str, key: str = "items") -> list[dict]:
    """All pages of a list."""
    items: list[dict] = []
    cursor = ""
    while cursor is not None:
        answer = caller.get(f"{path}&cursor={cursor}" if cursor else path)
        assert answer.status_code == 200, answer.json
        items += answer.json[key]
        cursor = answer.json["next_cursor"]
    return items


def test_pending_ones_come_in_rank_order_page_by_page(services: Services, call: Callable[[str], Caller]) -> None:
    kind = f"w{uuid.uuid4().hex[:8]}"
    run = make_run(services.sessions, workflow=kind)
    made = [
        make_request(services.sessions, run, risk=risk, expires_in=timedelta(hours=hours))
        for risk in (RiskLevel.LOW, RiskLevel.HIGH, RiskLevel.CRITICAL)
        for hours in (30, 60, 26)
    ]
    expected = [request.id for request in sorted(made, key=lambda request: (request.attention_at, request.id))]
    viewer = call("viewer")
    assert [item["id"] for item in everything(viewer, f"/api/v1/approvals?workflow={kind}&limit=2")] == expected
    assert [item["id"] for item in everything(viewer, f"/api/v1/approvals?workflow={kind}&limit=9")] == expected
    filtered = everything(viewer, f"/api/v1/approvals?workflow={kind}&risk=critical&limit=1")
    assert {item["risk"] for item in filtered} == {"critical"}
    assert len(filtered) == 3
    page = viewer.get(f"/api/v1/approvals?workflow={kind}&limit=2").json
    assert (page["total"], page["capped"]) == (9, False)
    assert page["items"][0]["opened_at"].endswith("Z")
    assert "payload" not in page["items"][0]


def test_resolved_ones_come_newest_first(services: Services, call: Callable[[str], Caller]) -> None:
    kind = f"w{uuid.uuid4().hex[:8]}"
    run = make_run(services.sessions, workflow=kind)
    now = services.clock()
    made = [
        make_request(services.sessions, run, state=RequestState.REJECTED, resolved_at=now - timedelta(minutes=minutes))
        for minutes in (5, 1, 3)
    ]
    listed = everything(call("viewer"), f"/api/v1/approvals?status=resolved&workflow={kind}&limit=2")
    assert [item["id"] for item in listed] == [made[1].id, made[2].id, made[0].id]


def test_a_request_with_everything_a_decision_needs(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, payload=script())
    seen = call("reviewer").get(f"/api/v1/approvals/{request.id}").json
    assert seen["payload"] == script()
    assert seen["digest"] == request.digest
    assert seen["verdicts"] == ["approve", "modify", "request_changes", "reject"]
    assert seen["risk"]["findings"][0]["rule"] == "test.rule"
    assert seen["why_not"] == ""
    looked = call("viewer").get(f"/api/v1/approvals/{request.id}").json
    assert (looked["verdicts"], bool(looked["why_not"])) == ([], True)


def test_the_risk_says_what_was_understood_and_what_is_touched(
    services: Services, call: Callable[[str], Caller]
) -> None:
    payload = script("cp a.txt b.txt\n./deploy.sh", "Deploy") | {"language": "shell"}
    request = make_request(services.sessions, payload=payload, assessment=assess_proposal(payload).to_json())
    risk = call("viewer").get(f"/api/v1/approvals/{request.id}").json["risk"]
    assert risk["understood"] is False
    items = call("viewer").get("/api/v1/approvals?text=Deploy&limit=100").json["items"]
    assert [item["understood"] for item in items if item["id"] == request.id] == [False]
    assert [finding["line"] for finding in risk["findings"] if finding["unread"]] == [2]
    assert {"a.txt", "b.txt"} <= set(risk["touches"]["paths"])
    assert risk["touches"]["hosts"] == []

    change = {"content": "ls docs"}
    preview = call("reviewer").post(f"/api/v1/approvals/{request.id}/preview", {"change": change}).json
    assert preview["understood"] is True
    assert preview["touches"]["commands"] == ["ls"]


def test_approving_a_part_with_a_change(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, payload=optimizations())
    reviewer = call("reviewer")
    change = {"items": [{"id": "a"}, {"id": "c", "statement": "create index concurrently better on t (c)"}]}
    preview = reviewer.post(f"/api/v1/approvals/{request.id}/preview", {"change": change})
    assert preview.status_code == 200
    assert preview.json["level"] in set(RiskLevel)
    decided = reviewer.post(
        f"/api/v1/approvals/{request.id}/decisions",
        {"verdict": "modify", "digest": request.digest, "change": change, "comment": "b is not used"},
    )
    assert (decided.status_code, decided.json["state"], decided.json["resolved"]) == (201, "modified", True)
    assert decided.json["digest"] != request.digest
    outcome = reviewer.get(f"/api/v1/approvals/{request.id}/outcome").json
    assert outcome["resolved"]
    assert [item["id"] for item in outcome["outcome"]["payload"]["items"]] == ["a", "c"]
    assert outcome["outcome"]["remarks"][0]["comment"] == "b is not used"


def test_two_people_for_critical_risk(services: Services, call: Callable[[str], Caller], app: Flask) -> None:
    request = make_request(services.sessions, risk=RiskLevel.CRITICAL)
    body = {"verdict": "approve", "digest": request.digest}
    path = f"/api/v1/approvals/{request.id}/decisions"
    first = call("reviewer").post(path, body).json
    assert (first["resolved"], first["approvals"], first["quorum"]) == (False, 1, 2)
    second = Caller(app, make_person(services.sessions, "Second reviewer")).post(path, body).json
    assert (second["resolved"], second["state"]) == (True, "approved")


def test_answering_a_question(services: Services, call: Callable[[str], Caller]) -> None:
    schema = {"type": "object", "properties": {"replica": {"enum": ["r1", "r2"]}}, "required": ["replica"]}
    request = make_request(services.sessions, payload=question(schema))
    decided = call("reviewer").post(
        f"/api/v1/approvals/{request.id}/decisions",
        {"verdict": "answer", "digest": request.digest, "answer": {"replica": "r2"}},
    )
    assert (decided.status_code, decided.json["state"]) == (201, "answered")


def test_comment_escalate_cancel(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions)
    reviewer = call("reviewer")
    path = f"/api/v1/approvals/{request.id}"
    said = reviewer.post(f"{path}/comments", {"comment": "Who asked for this?"})
    assert (said.status_code, said.json["body"]) == (201, "Who asked for this?")
    raised = reviewer.post(f"{path}/escalations", {"reason": "Blocks the release"})
    assert (raised.status_code, raised.json["priority"]) == (201, 1)
    assert [comment["body"] for comment in raised.json["comments"]] == ["Who asked for this?"]
    ended = reviewer.post(f"{path}/cancel", {"reason": "Not needed"})
    assert (ended.status_code, ended.json["state"], ended.json["note"]) == (200, "cancelled", "Not needed")


def test_waiting_is_woken_by_the_decision(
    services: Services, call: Callable[[str], Caller], people: dict[str, Person]
) -> None:
    request = make_request(services.sessions, terms=Terms(name="two", stages=(Stage(quorum=2),), deadline_seconds=3600))
    others = [people["reviewer"], people["admin"]]
    answers: list[tuple[dict, float]] = []

    def wait() -> None:
        answer = call("viewer").get(f"/api/v1/approvals/{request.id}/outcome?wait=30").json
        answers.append((answer, time.monotonic()))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    decided = 0.0
    for person in others:
        services.checkpoints.decide(request.id, person.as_actor(Via.PAGE), Ballot(Verdict.APPROVE, request.digest))
        decided = time.monotonic()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 3
    for answer, at in answers:
        assert answer["state"] == "approved"
        assert answer["outcome"]["verdict"] == "approve"
        assert at - decided < 10, "they were woken, and did not wait for the listener's next look"


def test_waiting_ends_when_time_is_up(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions)
    begun = time.monotonic()
    answer = call("viewer").get(f"/api/v1/approvals/{request.id}/outcome?wait=0.3")
    assert time.monotonic() - begun >= 0.3
    assert (answer.status_code, answer.json["resolved"], answer.json["outcome"]) == (200, False, None)


def test_runs(services: Services, call: Callable[[str], Caller]) -> None:
    reviewer = call("reviewer")
    started = reviewer.post(
        "/api/v1/runs", {"workflow": "test_gate", "input": {"target": "sample"}, "title": "Nightly"}
    )
    assert (started.status_code, started.json["state"], started.json["title"]) == (201, "queued", "Nightly")
    path = f"/api/v1/runs/{started.json['id']}"
    for act, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        answer = reviewer.post(f"{path}/{act}", {})
        assert (answer.status_code, answer.json["state"]) == (200, state), act
    late = reviewer.post(f"{path}/pause", {})
    assert (late.status_code, late.json["code"], late.json["state"]) == (409, "illegal_transition", "cancelled")
    events = reviewer.get(f"{path}/events?limit=2").json
    assert (len(events["items"]), events["more"]) == (2, True)
    rest = reviewer.get(f"{path}/events?cursor={events['cursor']}").json
    assert [event["payload"]["state"] for event in events["items"] + rest["items"]] == [
        "queued", "paused", "queued", "cancelled",
    ]  # fmt: skip
    assert reviewer.get(f"{path}/events?cursor={rest['cursor']}").json["items"] == []


def test_runs_page_by_page(services: Services, call: Callable[[str], Caller]) -> None:
    now = services.clock() - timedelta(days=3650)
    # Two of them at the same moment, which the cursor must tell apart.
    ages = (1, 2, 2, 3, 4)
    made = {
        make_run(services.sessions, state=RunState.FAILED, created_at=now - timedelta(hours=hours)).id for hours in ages
    }
    for limit in (1, 2, 200):
        listed = [item["id"] for item in everything(call("viewer"), f"/api/v1/runs?state=failed&limit={limit}")]
        assert len(listed) == len(set(listed))
        assert made <= set(listed)


def test_workflows(services: Services, call: Callable[[str], Caller]) -> None:
    make_workflow(services.sessions, "another_one", title="Another")
    listed = {item["name"]: item for item in call("viewer").get("/api/v1/workflows").json["items"]}
    assert listed["another_one"]["input_schema"]["required"] == ["target"]


def test_the_record(services: Services, call: Callable[[str], Caller], people: dict[str, Person]) -> None:
    request = make_request(services.sessions)
    call("reviewer").post(f"/api/v1/approvals/{request.id}/decisions", {"verdict": "approve", "digest": request.digest})
    auditor = call("auditor")
    entries = auditor.get(f"/api/v1/audit?request_id={request.id}").json["items"]
    assert [entry["action"] for entry in entries] == ["request.resolved", "request.decided"]
    decided = entries[1]
    assert (decided["actor_name"], decided["via"], decided["source"]) == (people["reviewer"].name, "api", "127.0.0.1")
    first = auditor.get("/api/v1/audit?limit=1").json
    second = auditor.get(f"/api/v1/audit?limit=1&before={first['next_before']}").json
    assert auditor.get(f"/api/v1/audit?limit=1&cursor={first['next_cursor']}").json == second
    twice = auditor.get(f"/api/v1/audit?before=3&cursor={first['next_cursor']}")
    assert (twice.status_code, list(twice.json["fields"])) == (422, ["before"])
    assert second["items"][0]["seq"] < first["items"][0]["seq"]


def test_the_earlier_addresses(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, expires_in=timedelta(minutes=1), risk=RiskLevel.HIGH)
    reviewer = call("reviewer")
    pending = reviewer.get("/api/approvals/pending?user_id=somebody-else").json
    shown = next(item for item in pending if item["request_id"] == request.id)
    assert (shown["workflow_id"], shown["risk_level"], shown["status"]) == (request.run_id, "high", "pending")
    details = reviewer.get(f"/api/workflows/{request.run_id}/details?user_id=x").json
    assert (details["workflow_id"], details["status"], details["progress"]) == (request.run_id, "suspended", 0)
    word = {"approved": True, "comments": "Fine", "user_id": "nobody"}
    unseen = reviewer.post(f"/api/approvals/{request.id}", word)
    assert (unseen.status_code, list(unseen.json["fields"])) == (422, ["digest"])
    done = reviewer.post(f"/api/approvals/{request.id}", word | {"digest": shown["digest"]})
    assert (done.status_code, done.json["status"], done.json["state"]) == (200, "success", "approved")
    view = services.views.request(request.id, reviewer.person.as_actor(Via.API))
    assert [(decision.person_id, decision.comment) for decision in view.decisions] == [(reviewer.person.id, "Fine")]


def test_the_earlier_form_does_not_approve_what_somebody_changed(
    services: Services, call: Callable[[str], Caller], app: Flask
) -> None:
    request = make_request(services.sessions, terms=Terms(name="two", stages=(Stage(quorum=2),), deadline_seconds=3600))
    call("reviewer").post(
        f"/api/v1/approvals/{request.id}/decisions",
        {"verdict": "modify", "digest": request.digest, "change": {"content": "delete from orders where id = 1"}},
    )
    other = Caller(app, make_person(services.sessions, "Other reviewer"))
    blind = other.post(f"/api/approvals/{request.id}", {"approved": True, "digest": request.digest})
    assert (blind.status_code, blind.json["code"]) == (409, "stale_digest")
    told = other.post(f"/api/approvals/{request.id}", {"approved": True, "digest": blind.json["digest"]})
    assert (told.status_code, told.json["state"]) == (200, "modified")


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"approved": False, "comments": "No"}, "rejected"),
        ({"approved": True, "modifications": {"content": "select 1"}}, "modified"),
    ],
)
def test_the_earlier_form_rejects_and_modifies(
    body: dict, state: str, services: Services, call: Callable[[str], Caller]
) -> None:
    request = make_request(services.sessions)
    answer = call("reviewer").post(f"/api/approvals/{request.id}", body | {"digest": request.digest})
    assert (answer.status_code, answer.json["state"]) == (200, state)


def test_50_conflicting_decisions_at_once(services: Services, app: Flask) -> None:
    """One wins; the others are told that somebody was first."""
    request = make_request(services.sessions)
    callers = [Caller(app, make_person(services.sessions, f"Reviewer {number}")) for number in range(50)]
    codes: list[tuple[int, str]] = []
    barrier = threading.Barrier(50)

    def decide(caller: Caller, number: int) -> None:
        verdict = {"verdict": "approve"} if number % 2 else {"verdict": "reject", "comment": "No"}
        barrier.wait()
        answer = caller.post(f"/api/v1/approvals/{request.id}/decisions", verdict | {"digest": request.digest})
        codes.append((answer.status_code, answer.json.get("code", "")))

    threads = [threading.Thread(target=decide, args=(caller, number)) for number, caller in enumerate(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [(201, ""), *[(409, "already_decided")] * 49]


def test_events_of_a_run_carry_labels(services: Services, call: Callable[[str], Caller]) -> None:
    run = make_run(services.sessions)
    with services.sessions.begin() as session:
        add_event(session, EventKind.STEP_STARTED, run_id=run.id, task="t", node="health", title="Check")
    (event,) = call("viewer").get(f"/api/v1/runs/{run.id}/events").json["items"]
    assert (event["kind"], event["payload"]["title"]) == ("step.started", "Check")


def test_roles_are_read_again_each_time(services: Services, app: Flask) -> None:
    person = make_person(services.sessions, "Was an auditor", [Role.AUDITOR])
    caller = Caller(app, person)
    assert caller.get("/api/v1/audit").status_code == 200
    with services.sessions.begin() as session:
        session.merge(person).roles = [Role.VIEWER.value]
    assert caller.get("/api/v1/audit").status_code == 403
    with services.sessions.begin() as session:
        session.merge(person).active = False
    assert caller.get("/api/v1/runs").status_code == 401
