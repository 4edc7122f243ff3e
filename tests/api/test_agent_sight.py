"""What an agent's token sees and touches: its own; its account's, or everything, only with a scope for that."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.errors import ForbiddenError, InvalidInputError
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Role, Via
from app.domain.tokens import Scope, TokenKind, token_terms
from app.services.bundle import Services
from app.store.people import Person
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, ReceiptRow
from tests.factories import Caller, Program, make_person, make_request, make_run, make_token

NARROW = (Scope.APPROVALS_READ, Scope.APPROVALS_REQUEST, Scope.RUNS_READ, Scope.RUNS_WRITE)
PROPOSAL = {"kind": "custom", "title": "Anything", "data": {}}
READS = ("", "/outcome")
WRITES: dict[str, dict[str, Any]] = {
    "comments": {"comment": "Looks fine to me."},
    "cancel": {"reason": "No need."},
    "receipt": {"status": "not_applied"},
}
STEERING = ("pause", "resume", "ask", "cancel", "retry")


@dataclass
class Account:
    """An account with two agents, by the scopes that their tokens have; each has opened a request."""

    owner: Person
    agent: Program
    own: str
    sibling: str
    of_owner: str
    foreign: str
    name: str


def opened(agent: Program, **more: Any) -> str:
    """The id of a request that a program opens."""
    answer = agent.post("/api/v1/approvals", {"proposal": PROPOSAL} | more)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


@pytest.fixture
def account(app: Flask, services: Services) -> Callable[..., Account]:
    """An account whose first agent has these scopes besides the usual ones."""

    def make(*more: Scope) -> Account:
        owner, other = make_person(services.sessions, "Owner"), make_person(services.sessions, "Somebody else")
        name = f"Agent {secrets.token_hex(4)}"
        agent = Program(app, make_token(app, owner, TokenKind.AGENT, (*NARROW, *more), name=name))
        sibling = Program(app, make_token(app, owner, TokenKind.AGENT, NARROW, name="Another agent"))
        person = Program(app, make_token(app, owner))
        stranger = Program(app, make_token(app, other, TokenKind.AGENT, NARROW, name=name))
        return Account(owner, agent, opened(agent), opened(sibling), opened(person), opened(stranger), name)

    return make


def listed(program: Program, address: str = "/api/v1/approvals?limit=200") -> set[str]:
    """Ids that a list names."""
    answer = program.get(address).json
    items = answer if isinstance(answer, list) else answer["items"]
    return {item.get("request_id") or item["id"] for item in items}


def statuses(program: Program, request_id: str) -> set[int]:
    """What the ways to read a request answer."""
    return {program.get(f"/api/v1/approvals/{request_id}{way}").status_code for way in READS}


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (None, {"own"}),
        (Scope.APPROVALS_READ_ACCOUNT, {"own", "sibling", "of_owner"}),
        (Scope.APPROVALS_READ_ALL, {"own", "sibling", "of_owner", "foreign"}),
    ],
)
def test_an_agent_sees_what_its_scopes_say(
    scope: Scope | None, seen: set[str], account: Callable[..., Account]
) -> None:
    here = account(*([scope] if scope else ()))
    everything = ("own", "sibling", "of_owner", "foreign")
    for name in everything:
        assert statuses(here.agent, getattr(here, name)) == ({200} if name in seen else {404}), name
    expected, hidden = ({getattr(here, name) for name in names} for names in (seen, set(everything) - seen))
    for address in ("/api/v1/approvals?limit=200", "/api/approvals/pending"):
        found = listed(here.agent, address)
        assert expected <= found and not hidden & found, address
    # It is nothing to an agent that searches for it, or counts.
    if scope is not Scope.APPROVALS_READ_ALL:
        assert listed(here.agent) == expected
        assert here.agent.get("/api/v1/approvals?text=Anything").json["total"] == len(expected)


def test_an_unseen_request_answers_like_one_that_does_not_exist(account: Callable[..., Account]) -> None:
    here, nothing = account(), "00000000-0000-4000-8000-000000000000"
    for act, body in WRITES.items():
        answers = [here.agent.post(f"/api/v1/approvals/{about}/{act}", body) for about in (here.foreign, nothing)]
        told = [{**answer.json, "request_id": "", "instance": ""} for answer in answers]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert told[0] == told[1], act
    revised = [
        here.agent.post("/api/v1/approvals", {"proposal": PROPOSAL, "previous_id": about})
        for about in (here.foreign, here.sibling, here.of_owner, nothing)
    ]
    assert {answer.status_code for answer in revised} == {422}
    assert len({str(answer.json["fields"]) for answer in revised}) == 1


@pytest.mark.parametrize("scope", [Scope.APPROVALS_READ_ACCOUNT, Scope.APPROVALS_READ_ALL])
def test_seeing_more_is_for_reading(scope: Scope, account: Callable[..., Account], services: Services) -> None:
    here = account(scope)
    for about in (here.sibling, here.of_owner):
        for act, body in WRITES.items():
            answer = here.agent.post(f"/api/v1/approvals/{about}/{act}", body)
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), act
    with services.sessions() as session:
        assert {session.get_one(ApprovalRequest, about).version for about in (here.sibling, here.of_owner)} == {1}


def test_an_outcome_is_collected_by_the_agent_that_opened_the_request(
    account: Callable[..., Account], call: Callable[[str], Caller], services: Services
) -> None:
    here = account(Scope.APPROVALS_READ_ACCOUNT)
    digest = here.agent.get(f"/api/v1/approvals/{here.sibling}").json["digest"]
    body = {"verdict": "approve", "digest": digest}
    assert call("reviewer").post(f"/api/v1/approvals/{here.sibling}/decisions", body).status_code == 201
    assert here.agent.get(f"/api/v1/approvals/{here.sibling}/outcome").json["resolved"] is True
    with services.sessions() as session:
        assert session.get(ReceiptRow, here.sibling) is None


def test_a_new_token_of_the_same_name_goes_on_with_the_same_requests(
    app: Flask, account: Callable[..., Account]
) -> None:
    here = account()
    renewed = Program(app, make_token(app, here.owner, TokenKind.AGENT, NARROW, name=here.name))
    assert statuses(renewed, here.own) == {200}
    assert renewed.post(f"/api/v1/approvals/{here.own}/comments", {"comment": "Still here."}).status_code == 201


def test_a_persons_token_sees_everything_as_before(app: Flask, account: Callable[..., Account]) -> None:
    here = account()
    person = Program(app, make_token(app, here.owner, scopes=[Scope.APPROVALS_READ]))
    assert {here.own, here.sibling, here.of_owner, here.foreign} <= listed(person)
    assert statuses(person, here.foreign) == {200}


@pytest.mark.parametrize("scope", [None, Scope.APPROVALS_READ_ACCOUNT, Scope.APPROVALS_READ_ALL])
def test_runs_are_seen_as_far_as_requests_and_steered_by_who_started_them(
    scope: Scope | None, account: Callable[..., Account], services: Services
) -> None:
    here = account(*([scope] if scope else ()))
    answer = here.agent.post("/api/v1/runs", {"workflow": "test_gate", "input": {"target": "sample"}})
    assert (answer.status_code, answer.json["started_by_agent"]) == (201, here.name)
    runs = {
        "own": answer.json["id"],
        "account": make_run(services.sessions, here.owner, RunState.SUSPENDED).id,
        "foreign": make_run(services.sessions, make_person(services.sessions), RunState.SUSPENDED).id,
    }
    seen = {"own"} | ({"account"} if scope else set()) | ({"foreign"} if scope is Scope.APPROVALS_READ_ALL else set())
    found = listed(here.agent, "/api/v1/runs?limit=200")
    for name, run_id in runs.items():
        shown = 200 if name in seen else 404
        for way in ("/api/v1/runs/{}", "/api/v1/runs/{}/events", "/api/workflows/{}/details"):
            assert here.agent.get(way.format(run_id)).status_code == shown, (name, way)
        assert (run_id in found) == (name in seen)
        if name != "own":
            for act in STEERING:
                steered = here.agent.post(f"/api/v1/runs/{run_id}/{act}")
                assert steered.status_code == (403 if name in seen else 404), (name, act)
    assert here.agent.post(f"/api/v1/runs/{runs['own']}/pause").status_code == 200


def test_the_requests_of_a_run_are_those_of_the_agent_that_started_it(
    account: Callable[..., Account], services: Services
) -> None:
    here = account()
    run = make_run(services.sessions, here.owner, started_by_agent=here.name)
    request = make_request(services.sessions, run)
    assert statuses(here.agent, request.id) == {200}
    assert here.agent.post(f"/api/v1/approvals/{request.id}/cancel", {}).json["state"] == "cancelled"


def test_a_link_to_an_unseen_request_is_not_told(account: Callable[..., Account], services: Services) -> None:
    here = account()
    hidden = make_request(services.sessions, requester=here.owner, state=RequestState.CHANGES_REQUESTED)
    run = make_run(services.sessions, here.owner, started_by_agent=here.name)
    request = make_request(services.sessions, run, previous_id=hidden.id, revision=2)
    later = make_request(services.sessions, requester=here.owner, previous_id=request.id, revision=3)
    shown = here.agent.get(f"/api/v1/approvals/{request.id}").json
    assert (shown["previous_id"], shown["next_id"]) == (None, None)
    with services.sessions() as session:
        owner = session.get_one(Person, here.owner.id).as_actor(Via.PAGE)
    view = services.views.request(request.id, owner)
    assert (view.previous.id if view.previous else None, view.next_id) == (hidden.id, later.id)


def test_numbers_about_everybody_need_the_scope_for_everything(account: Callable[..., Account]) -> None:
    for scopes in ((), (Scope.APPROVALS_READ_ACCOUNT,)):
        answer = account(*scopes).agent.get("/api/v1/insights")
        assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
        assert answer.json["scopes"] == ["approvals:read-all"]
    assert account(Scope.APPROVALS_READ_ALL).agent.get("/api/v1/insights").status_code == 200


def test_an_agents_remarks_are_marked(account: Callable[..., Account], services: Services, app: Flask) -> None:
    here = account()
    path = f"/api/v1/approvals/{here.own}"
    said = here.agent.post(f"{path}/comments", {"comment": "I have waited for a day."}).json
    assert (said["by_agent"], said["person_name"]) == (True, here.name)
    reviewer = Caller(app, make_person(services.sessions, "Alice"))
    assert reviewer.post(f"{path}/comments", {"comment": "So have I."}).json["by_agent"] is False
    ended = here.agent.post(f"{path}/cancel", {"reason": "No need any more."}).json
    assert ended["note"] == f"{here.name} (agent): No need any more."
    assert ended["outcome"]["remarks"][-1]["who"] == f"{here.name} (agent)"
    assert [comment["by_agent"] for comment in ended["comments"]] == [True, False]
    page = reviewer.get(f"/requests/{here.own}").text
    assert f"<b>{here.name} (agent)</b> said" in page and "<b>Alice</b> said" in page
    assert f"<b>{here.name} (agent)</b> canceled this" in page
    admin = Caller(app, make_person(services.sessions, "Admin", [Role.ADMIN]))
    audit = admin.get(f"/audit?request_id={here.own}").text
    assert audit.count(f"<b>{here.name}</b> (agent)") == 3 and "<b>Alice</b> (agent)" not in audit
    with services.sessions() as session:
        query = select(AuditEntry.actor_kind).where(AuditEntry.request_id == here.own).order_by(AuditEntry.seq)
        assert list(session.scalars(query)) == ["agent", "agent", "person", "agent"]


def test_a_run_that_an_agent_started_says_so(account: Callable[..., Account], app: Flask, services: Services) -> None:
    here = account()
    run_id = here.agent.post("/api/v1/runs", {"workflow": "test_gate", "input": {"target": "sample"}}).json["id"]
    page = Caller(app, make_person(services.sessions)).get(f"/runs/{run_id}").text
    assert f"by {here.name} (agent)" in page


@pytest.mark.parametrize("scope", [Scope.APPROVALS_READ_ACCOUNT, Scope.APPROVALS_READ_ALL])
def test_only_admins_give_an_agent_wider_sight(scope: Scope, services: Services) -> None:
    terms = token_terms(TokenKind.AGENT, "Auditing agent", [scope.value], 7)
    reviewer, admin = make_person(services.sessions), make_person(services.sessions, "Admin", [Role.ADMIN])
    with pytest.raises(ForbiddenError):
        services.tokens.make(reviewer.as_actor(Via.PAGE), terms, reviewer.id)
    _token, view = services.tokens.make(admin.as_actor(Via.PAGE), terms, reviewer.id)
    assert view.scopes == (scope,)
    with pytest.raises(InvalidInputError) as refused:
        token_terms(TokenKind.PERSON, "Script", [scope.value], 7)
    assert "is for agents" in refused.value.extra["fields"]["scopes"]
