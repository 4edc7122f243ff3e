"""Tokens of programs: what they are good for, and what an agent's can never do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.api.register import endpoints
from app.domain.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM, Role, Via
from app.domain.policy.terms import default_terms
from app.domain.tokens import AGENT_SCOPES, Scope, TokenKind, token_terms
from app.services.bundle import Services
from app.store.people import Person
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest
from app.store.tokens import ApiToken
from assent.contracts import RiskLevel
from assent.masking import mask_text
from tests.access import WAYS, Way
from tests.factories import Caller, Program, grant_body, make_grant, make_person, make_request, make_run, make_token

DECIDING = [
    way
    for line in (
        "decide", "take a decision back", "check an edit", "claim", "release the claim of asked",
        "snooze for everyone", "assign", "escalate",
        "give more time", "reopen a rejection", "be absent",
        "confirm an absence of asked", "propose a grant", "give a grant", "decline a grant",
        "revoke a grant", "see past approvals", "test a policy", "confirm a policy",
    )
    for way in WAYS[line]
    if way.kind == "rest"
]  # fmt: skip
"""Everything over REST that has a part in letting something through, or that is for people alone."""


def made(services: Services, actor: Person, kind: TokenKind = TokenKind.PERSON, **values: Any) -> tuple[str, str]:
    """A token made as people make it, and its id."""
    owner = values.pop("owner", actor)
    terms = token_terms(kind, **{"name": "CI", "scopes": ["approvals:read"], "days": 7} | values)
    token, view = services.tokens.make(actor.as_actor(Via.PAGE), terms, owner.id)
    return token, view.id


def test_a_persons_token_acts_as_that_person_and_the_record_names_it(
    app: Flask, services: Services, people: dict[str, Person]
) -> None:
    token, token_id = made(services, people["reviewer"], scopes=["approvals:decide", "approvals:read"])
    request = make_request(services.sessions)
    body = {"verdict": "approve", "digest": request.digest}
    answer = Program(app, token).post(f"/api/v1/approvals/{request.id}/decisions", body)
    assert (answer.status_code, answer.json["state"]) == (201, "approved")
    with services.sessions() as session:
        query = select(AuditEntry).where(AuditEntry.request_id == request.id, AuditEntry.action == "request.decided")
        entry = session.scalars(query).one()
        row = session.get_one(ApiToken, token_id)
        lines = {
            entry.action for entry in session.scalars(select(AuditEntry)) if entry.detail.get("token_id") == token_id
        }
    assert (entry.actor_kind, entry.actor_id, entry.via) == ("person", people["reviewer"].id, "api")
    assert entry.source == f"127.0.0.1, token {row.hint}"
    assert row.last_used_at is not None
    assert token not in (row.token_hash, row.hint) and len(row.token_hash) == 64
    assert lines == {"token.made"}


def test_a_token_gives_no_more_than_its_owners_roles(app: Flask, people: dict[str, Person]) -> None:
    viewer = Program(app, make_token(app, people["viewer"]))
    assert viewer.get("/api/v1/approvals").status_code == 200
    answer = viewer.get("/api/v1/audit")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("prefix", "endpoint"), endpoints(), ids=lambda case: getattr(case, "name", case))
def test_every_endpoint_wants_a_scope_of_its_own(
    prefix: str, endpoint: Any, app: Flask, people: dict[str, Person]
) -> None:
    assert endpoint.scopes
    others = [scope for scope in Scope if scope not in endpoint.scopes]
    program = Program(app, make_token(app, people["admin"], scopes=others))
    answer = program.send(endpoint.method, _filled(prefix + endpoint.path, str(uuid.uuid4())))
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
    assert answer.json["scopes"] == [scope.value for scope in Scope if scope in endpoint.scopes]
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("way", DECIDING, ids=lambda way: f"{way.method} {way.rule}")
def test_an_agent_never_decides(way: Way, app: Flask, services: Services, people: dict[str, Person]) -> None:
    """Neither with what its token can have, nor if a token had all scopes and its owner all roles."""
    request = make_request(services.sessions, make_run(services.sessions))
    grant = make_grant(services.sessions)
    about = grant.id if "/grants/" in way.rule else request.id
    body = {
        name: value.format(digest=request.digest, asked_mail=people["reviewer"].email, later="2100-01-01T00:00",
                           policy="version: 1\ndefault: {deadline: 1 day}\n")
        if isinstance(value, str) else value
        for name, value in way.body.items()
    }  # fmt: skip
    if way.rule.endswith(("/grants", "/rehearsal")):
        body = grant_body(services.sessions)
    if way.rule.endswith("/rehearsal"):
        body = {name: body[name] for name in ("workflow", "node", "kind", "environment", "pattern", "max_risk")}
    path = _filled(way.rule, about)
    owner = make_person(services.sessions, "Owner", list(Role))
    if way.method == "DELETE":
        request = services.checkpoints.claim(request.id, owner.as_actor(Via.PAGE))
    usual = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES))
    answer = usual.send(way.method, path, body)
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
    impossible = Program(app, make_token(app, owner, TokenKind.AGENT))
    answer = impossible.send(way.method, path, body)
    assert answer.status_code == 403, answer.json
    assert answer.json["code"] in ("forbidden", "own_request"), answer.json
    with services.sessions() as session:
        assert session.get_one(ApprovalRequest, request.id).version == request.version


def test_an_agent_may_not_withdraw_what_others_asked(app: Flask, services: Services) -> None:
    owner, other = make_person(services.sessions, "Owner", list(Role)), make_person(services.sessions)
    agent = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES))
    for foreign in (make_request(services.sessions, requester=other), make_request(services.sessions, requester=owner)):
        answer = agent.post(f"/api/v1/approvals/{foreign.id}/cancel")
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    own = make_request(services.sessions, make_run(services.sessions, owner, started_by_agent="Test token"))
    assert agent.post(f"/api/v1/approvals/{own.id}/cancel").json["state"] == "cancelled"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, "expired"),
        ({"revoked_at": datetime.now(UTC)}, "revoked"),
        ({}, "owner_not_active"),
        (None, "unknown"),
    ],
)
def test_a_token_that_does_not_work(values: dict[str, Any] | None, reason: str, app: Flask, services: Services) -> None:
    person = make_person(services.sessions)
    token = "assent_person_" + "0" * 43 if values is None else make_token(app, person, **values)
    if reason == "owner_not_active":
        with services.sessions.begin() as session:
            session.execute(update(Person).where(Person.id == person.id).values(active=False))
    answer = Program(app, token).get("/api/v1/approvals")
    assert (answer.status_code, answer.json["code"], answer.json["reason"]) == (401, "token_invalid", reason)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("given", ["Bearer", "Basic dXNlcjpwYXNz", "bearer  ", "x", "Bearer ünknown"])
def test_a_header_that_is_no_token_is_not_passed_over_for_the_session(
    given: str, call: Callable[[str], Caller]
) -> None:
    answer = call("admin").get("/api/v1/approvals", headers={"Authorization": given.encode().decode("latin-1")})
    assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")


def test_somebody_who_is_not_signed_in_is_told_what_to_send(call: Callable[[str], Caller]) -> None:
    answer = call("anonymous").get("/api/v1/approvals")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="assent"')


def test_a_revoked_token_is_worth_nothing_from_then_on(app: Flask, services: Services, people) -> None:
    token, token_id = made(services, people["reviewer"])
    program, actor = Program(app, token), people["reviewer"].as_actor(Via.PAGE)
    assert program.get("/api/v1/approvals").status_code == 200
    assert services.tokens.revoke(actor, token_id)
    assert program.get("/api/v1/approvals").json["reason"] == "revoked"
    assert not services.tokens.revoke(actor, token_id)
    with services.sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action == "token.revoked")
        assert [entry.detail["token_id"] for entry in session.scalars(query)].count(token_id) == 1


def test_who_makes_and_revokes_which_tokens(services: Services, people: dict[str, Person]) -> None:
    reviewer, admin = people["reviewer"], people["admin"]
    with pytest.raises(ForbiddenError):
        made(services, reviewer, TokenKind.AGENT)
    with pytest.raises(ForbiddenError):
        made(services, reviewer, owner=admin)
    with pytest.raises(NotFoundError):
        made(services, admin, owner=reviewer)
    _, token_id = made(services, admin, TokenKind.AGENT, owner=reviewer)
    assert token_id in {agent.id for agent in services.tokens.of_agents(admin.as_actor(Via.PAGE))}
    assert token_id in {token.id for token in services.tokens.own(reviewer.as_actor(Via.PAGE))}
    assert token_id not in {token.id for token in services.tokens.own(admin.as_actor(Via.PAGE))}
    with pytest.raises(NotFoundError):
        services.tokens.revoke(people["viewer"].as_actor(Via.PAGE), token_id)
    _, own = made(services, reviewer)
    with pytest.raises(NotFoundError):
        services.tokens.revoke(people["viewer"].as_actor(Via.PAGE), own)
    token, waiting = made(services, admin, TokenKind.AGENT, owner=reviewer)
    services.confirmations.confirm_token(reviewer.as_actor(Via.PAGE), waiting)
    agent = services.tokens.find(token, "").actor
    with pytest.raises(NotFoundError):
        services.tokens.revoke(agent, token_id)
    assert services.tokens.revoke(SYSTEM, own) and services.tokens.revoke(admin.as_actor(Via.PAGE), token_id)
    _, theirs = made(services, admin, TokenKind.AGENT, owner=reviewer)
    assert services.tokens.revoke(reviewer.as_actor(Via.PAGE), theirs), "who is responsible for an agent can stop it"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["approvals:read", "everything"]}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"days": "soon"}, "days"),
    ],
)
def test_terms_that_cannot_be_used(wrong: dict[str, Any], field: str) -> None:
    given = {"name": "CI", "scopes": ["approvals:read"], "days": 7}
    with pytest.raises(InvalidInputError) as refusal:
        token_terms(TokenKind.PERSON, **given | wrong)
    assert set(refusal.value.extra["fields"]) == {field}


@pytest.mark.parametrize("scope", sorted(set(Scope) - AGENT_SCOPES))
def test_an_agents_token_is_never_made_with_a_scope_that_decides(scope: Scope) -> None:
    with pytest.raises(InvalidInputError):
        token_terms(TokenKind.AGENT, "Agent", [scope.value], 7)


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_is_masked_wherever_it_stands(kind: TokenKind, services: Services, people: dict[str, Person]) -> None:
    token, _ = made(services, people["admin"], kind)
    assert token.startswith(f"assent_{kind.value}_")
    assert mask_text(f"curl -H 'X: {token}' here") == "curl -H 'X: ⟦secret:assent-token:1⟧' here"


def _filled(rule: str, about: str) -> str:
    rule = rule.replace("<uuid:id>", about).replace("<uuid:session_id>", about).replace("<uuid:comment_id>", about)
    rule = rule.replace("<hex:id>", "0" * 32).replace("<int:version>", "1")
    return rule.replace("<agent:agent>", "claude-code")


@pytest.mark.parametrize("act", ["pause", "resume", "ask", "cancel", "retry"])
def test_an_agent_steers_no_runs_of_others(act: str, app: Flask, services: Services) -> None:
    """Who cancels a run withdraws what it asks."""
    owner, other = make_person(services.sessions, "Owner", list(Role)), make_person(services.sessions)
    agent = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES))
    state = {"resume": RunState.PAUSED, "retry": RunState.FAILED}.get(act, RunState.SUSPENDED)
    foreign = make_run(services.sessions, other, state)
    own = make_run(services.sessions, owner, state, started_by_agent="Test token")
    request = make_request(services.sessions, foreign)
    answer = agent.post(f"/api/v1/runs/{foreign.id}/{act}")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert agent.get(f"/api/v1/runs/{foreign.id}").json["controls"] == []
    with services.sessions() as session:
        assert session.get_one(ApprovalRequest, request.id).version == request.version
    assert agent.post(f"/api/v1/runs/{own.id}/{act}").status_code == 200


def test_a_token_is_no_recent_sign_in(app: Flask, services: Services, people: dict[str, Person]) -> None:
    terms = default_terms(RiskLevel.MEDIUM).model_copy(update={"reauthenticate_seconds": 600})
    request = make_request(services.sessions, terms=terms)
    program = Program(app, make_token(app, people["reviewer"]))
    path, body = f"/api/v1/approvals/{request.id}/decisions", {"verdict": "approve", "digest": request.digest}
    answer = program.post(path, body)
    assert (answer.status_code, answer.json["code"]) == (403, "reauthentication_required")
    harmless = program.post(path, body | {"verdict": "reject", "comment": "Not like this."})
    assert (harmless.status_code, harmless.json["state"]) == (201, "rejected")
