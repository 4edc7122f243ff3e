"""What programs can do with a request besides deciding, and the documents that say how it stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.ballot import Ballot
from app.domain.people import Role, Via
from app.domain.policy.terms import ChangeWindow, EscalationStep, OnExpiry, Stage, Terms
from app.services.bundle import Services
from app.store.people import Person
from assent.contracts import RiskLevel, Verdict
from tests.factories import Caller, make_person, make_request, script

DBA = Stage(name="DBA", teams=("dba",))
SECURITY = Stage(name="Security", teams=("security",), quorum=2)
CHAIN = (EscalationStep(after_seconds=3600, words="1 hour", teams=("leads",)),)
At = Callable[..., Caller]


def rule(*stages: Stage, **values: Any) -> Terms:
    """Four hours, and these stages."""
    return Terms(**{"name": "Schema changes", "stages": stages or (Stage(),), "deadline_seconds": 4 * 3600} | values)


@pytest.fixture
def at(app: Flask, services: Services) -> At:
    """A caller who is somebody new: ``at("Name", "dba")``."""
    return lambda name, *teams: Caller(app, make_person(services.sessions, name, [Role.REVIEWER], teams))


def person(caller: Caller) -> Person:
    """Who calls."""
    assert caller.person is not None
    return caller.person


def done(caller: Caller, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    """The answer to an act."""
    answer = caller.post(f"/api/v1/approvals/{path}", body)
    assert answer.status_code == status, answer.json
    found: dict[str, Any] = answer.json
    return found


def ids(caller: Caller, query: str) -> set[str]:
    """Which requests the list has."""
    return {item["id"] for item in caller.get(f"/api/v1/approvals?{query}").json["items"]}


def test_documents_say_that_too_few_people_can_decide(services: Services, at: At) -> None:
    words = "Nobody can approve this: it needs an approval from DBA, where nobody may decide."
    lacking = make_request(services.sessions, terms=rule(DBA, deny_threshold=2), shortage=words, workflow="lacking")
    caller = at("Reviewer")
    document = caller.get(f"/api/v1/approvals/{lacking.id}").json
    assert (document["shortage"], document["rejections"], document["terms"]["deny_threshold"]) == (words, 0, 2)
    [row] = caller.get("/api/v1/approvals?workflow=lacking").json["items"]
    assert row["shortage"] == words
    fine = make_request(services.sessions, terms=rule())
    assert caller.get(f"/api/v1/approvals/{fine.id}").json["shortage"] == ""


def test_a_document_says_how_the_request_stands(services: Services, at: At) -> None:
    window = ChangeWindow(timezone="Europe/Berlin", days=(0, 1, 2, 3, 4), start="22:00", end="04:00")
    terms = rule(DBA, SECURITY, escalation=CHAIN, windows=(window,), warn_seconds=600, on_expiry=OnExpiry.ESCALATE)
    request = make_request(services.sessions, terms=terms)
    dba = at("DBA", "dba")
    shown = dba.get(f"/api/v1/approvals/{request.id}").json
    assert shown["stages"] == [
        {"name": "DBA", "asked": ["dba"], "approvals": 0, "quorum": 1, "state": "now", "agreed": []},
        {"name": "Security", "asked": ["security"], "approvals": 0, "quorum": 2, "state": "later", "agreed": []},
    ]
    assert (shown["asked"], shown["addressed_to"], shown["quorum"], shown["next_step"]) == (
        ["dba"], ["team:dba"], 3, "leads",
    )  # fmt: skip
    assert [(step["step"], step["words"]) for step in shown["ahead"]] == [
        ("escalate", "escalates to leads"), ("warn", "approvers are warned"), ("expire", "is rejected"),
    ]  # fmt: skip
    assert shown["windows"] == ["Mon–Fri 22:00–04:00 Europe/Berlin"]
    assert shown["terms"]["windows"][0]["days"] == [0, 1, 2, 3, 4]
    assert shown["terms"]["stages"][1] == {"name": "Security", "teams": ["security"], "people": [], "quorum": 2}
    assert set(shown["acts"]) == {"claim", "assign", "escalate", "cancel", "comment", "extend", "snooze"}
    outside = at("Outsider").get(f"/api/v1/approvals/{request.id}").json
    assert (outside["verdicts"], "DBA must decide now" in outside["why_not"]) == ([], True)


def test_stage_after_stage(services: Services, at: At) -> None:
    request = make_request(services.sessions, terms=rule(DBA, SECURITY))
    dba, first, second = at("DBA", "dba"), at("First", "security"), at("Second", "security")
    body = {"verdict": "approve", "digest": request.digest}
    early = first.post(f"/api/v1/approvals/{request.id}/decisions", body)
    assert (early.status_code, early.json["code"], early.json["asked"]) == (403, "not_asked", ["team:dba"])
    counted = done(dba, f"{request.id}/decisions", body, 201)
    assert (counted["resolved"], counted["approvals"], counted["quorum"], counted["stage"]) == (False, 1, 3, 1)
    done(first, f"{request.id}/decisions", body, 201)
    listed = first.get("/api/v1/approvals?mine=true&team=security").json["items"]
    row = next(item for item in listed if item["id"] == request.id)
    assert (row["asked"], row["agreed"], row["stage_name"]) == (["security"], ["DBA", "First"], "Security")
    assert done(second, f"{request.id}/decisions", body, 201)["state"] == "approved"


def test_a_decision_is_taken_back(services: Services, at: At) -> None:
    request = make_request(services.sessions, risk=RiskLevel.CRITICAL)
    one = at("One")
    body = {"verdict": "approve", "digest": request.digest}
    done(one, f"{request.id}/decisions", body, 201)
    taken = done(one, f"{request.id}/withdrawal", {"reason": "I looked at the wrong table."})
    assert (taken["resolved"], taken["approvals"]) == (False, 0)
    shown = one.get(f"/api/v1/approvals/{request.id}").json
    assert shown["decisions"][0]["withdrawn_at"] and shown["decisions"][0]["on_behalf_of_name"] == ""
    again = one.post(f"/api/v1/approvals/{request.id}/withdrawal", {})
    assert (again.status_code, again.json["code"]) == (409, "illegal_transition")
    done(one, f"{request.id}/decisions", body, 201)


def test_claims(services: Services, at: At) -> None:
    request = make_request(services.sessions)
    one, other = at("One"), at("Other")
    claimed = done(one, f"{request.id}/claim", {"minutes": 45})
    left = services.checkpoints.pending(request.run_id or "")[0].claimed_until
    assert claimed["claimed_by_name"] == "One" and left is not None
    assert timedelta(minutes=44) < left - services.clock() <= timedelta(minutes=45)
    refused = other.post(f"/api/v1/approvals/{request.id}/claim", {})
    assert (refused.status_code, refused.json["code"], refused.json["claimed_by"]) == (409, "claimed", "One")
    assert done(other, f"{request.id}/claim", {"take_over": True})["claimed_by_name"] == "Other"
    assert other.client.delete(f"/api/v1/approvals/{request.id}/claim", headers=other.headers).json[
        "claimed_until"
    ] is None  # fmt: skip
    for minutes in (0, 481, "30", 1.5, True):
        answer = one.post(f"/api/v1/approvals/{request.id}/claim", {"minutes": minutes})
        assert (answer.status_code, list(answer.json["fields"])) == (422, ["minutes"]), minutes


def test_assignment_and_hand_over(services: Services, at: At) -> None:
    request = make_request(services.sessions, terms=rule(DBA))
    one, other, outsider = at("One", "dba"), at("Other", "dba"), at("Outsider")
    mail = {caller: person(caller).email for caller in (one, other, outsider)}
    assert done(one, f"{request.id}/assignment", {"person": mail[one].upper()})["assigned_to_name"] == "One"
    for sent, field in (
        ({"person": mail[other]}, "reason"),
        ({"person": mail[outsider], "reason": "You."}, "person_id"),
        ({"person": "nobody@example.org", "reason": "You."}, "person"),
    ):
        answer = one.post(f"/api/v1/approvals/{request.id}/assignment", sent)
        assert (answer.status_code, list(answer.json["fields"])) == (422, [field])
    handed = done(one, f"{request.id}/assignment", {"person": mail[other], "reason": "My shift ends."})
    assert handed["assigned_to_name"] == "Other"
    assert request.id in ids(other, "mine=true") and request.id not in ids(other, "mine=true&unassigned=true")
    assert done(other, f"{request.id}/assignment", {"reason": "Lunch."})["assigned_to_name"] == ""


def test_escalation_and_more_time(services: Services, at: At) -> None:
    request = make_request(services.sessions, terms=rule(DBA, escalation=CHAIN))
    dba = at("DBA", "dba")
    raised = done(dba, f"{request.id}/escalations", {"reason": "It is urgent."}, 201)
    assert (raised["asked"], raised["escalation"], raised["next_step"], raised["priority"]) == (
        ["dba", "leads"], 1, "", 1,
    )  # fmt: skip
    later = request.expires_at + timedelta(hours=8)
    extended = done(dba, f"{request.id}/extension", {"until": later.isoformat(), "reason": "The owner sleeps."})
    assert extended["extended"] == 1
    assert services.views.request(request.id, person(dba).as_actor(Via.API)).request.expires_at == later
    for until in ("tomorrow", "2020-01-01T00:00:00Z", f"{later:%Y-%m-%dT%H:%M}"):
        answer = dba.post(f"/api/v1/approvals/{request.id}/extension", {"until": until, "reason": "More."})
        assert (answer.status_code, list(answer.json["fields"])) == (422, ["until"])


def test_reopening(services: Services, at: At) -> None:
    request = make_request(services.sessions)
    one = at("One")
    services.checkpoints.decide(
        request.id, person(one).as_actor(Via.PAGE), Ballot(Verdict.REJECT, request.digest, comment="Not now.")
    )
    assert done(one, f"{request.id}/reopening", {"reason": "There are backups."})["reopened_at"]
    again = one.post(f"/api/v1/approvals/{request.id}/reopening", {"reason": "Again."})
    assert again.status_code == 409


def test_a_raised_risk_has_to_be_acknowledged(services: Services, at: At) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    one, change = at("One"), {"content": "delete from orders"}
    shown = done(one, f"{request.id}/preview", {"change": change})
    assert (shown["level"], shown["raised"], shown["terms"]["quorum"]) == ("critical", True, 2)
    assert "raises the risk from low to critical" in shown["words"]
    body = {"verdict": "modify", "digest": request.digest, "change": change}
    for acknowledged in ({}, {"acknowledged_risk": None}, {"acknowledged_risk": "high"}):
        refused = one.post(f"/api/v1/approvals/{request.id}/decisions", body | acknowledged)
        assert (refused.status_code, refused.json["code"]) == (409, "risk_raised")
        assert (refused.json["risk"], refused.json["quorum"]) == ("critical", 2)
        assert refused.json["findings"][0]["rule"] == "sql.delete.no_where"
    earlier = {"approved": True, "digest": request.digest, "modifications": change}
    assert one.post(f"/api/approvals/{request.id}", earlier).json["code"] == "risk_raised"
    sent = one.post(f"/api/approvals/{request.id}", earlier | {"acknowledged_risk": "critical"})
    assert (sent.status_code, sent.json["resolved"], sent.json["quorum"]) == (200, False, 2)
    unraised = done(at("Two"), f"{request.id}/preview", {"change": {"content": "select 2"}})
    assert (unraised["raised"], unraised["words"]) == (False, "")


def test_a_decision_is_undone_by_withdrawing_it_in_its_grace_period(services: Services, at: At) -> None:
    request, caller = make_request(services.sessions, terms=rule(grace_seconds=60)), at("Reviewer")
    ballot = {"verdict": "approve", "digest": request.digest}
    decided = done(caller, f"{request.id}/decisions", ballot, 201)
    assert (decided["state"], decided["resolved"], decided["approvals"]) == ("pending", False, 1)
    shown = caller.get(f"/api/v1/approvals/{request.id}").json
    [row] = [item for item in caller.get("/api/v1/approvals").json["items"] if item["id"] == request.id]
    assert decided["resolves_at"] == shown["resolves_at"] == row["resolves_at"] != ""
    assert shown["ahead"][0]["step"] == "resolve" and "withdraw" in shown["acts"]
    undone = done(caller, f"{request.id}/withdrawal")
    assert (undone["approvals"], undone["resolves_at"]) == (0, None)
