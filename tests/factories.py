"""Rows for tests, put into the database directly, and callers who are signed in."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from pydantic import BaseModel, Field
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app.domain.destinations import destination_terms
from app.domain.events import EventKind
from app.domain.grants import GrantState
from app.domain.lessons import LessonState
from app.domain.lifecycle import RequestState, RunState
from app.domain.likeness import keys_of
from app.domain.outlines import likeness_key
from app.domain.patterns import suggest
from app.domain.people import SYSTEM, Role
from app.domain.policy.access import addressed
from app.domain.policy.terms import Terms, default_terms
from app.domain.ranking import attention_at
from app.domain.review_time import content_seconds
from app.domain.risk import Assessment, Finding, assess
from app.domain.tokens import Scope, TokenKind
from app.services.bundle import Services
from app.services.files.saved import FileToSave
from app.services.people.sessions import begin
from app.services.runs.toolbox import publish_toolbox, publish_tools
from app.store.engine import Sessions
from app.store.files import StoredFile
from app.store.lessons import Lesson
from app.store.models import ModelUseRow
from app.store.notify import Delivery, Destination
from app.store.people import Person, Team, TeamMember
from app.store.policies import Absence, DecisionSample, Grant, PolicyVersion
from app.store.record import Event
from app.store.requests import ApprovalRequest
from app.store.runs import CatalogueEntry, Run
from app.store.tokens import ApiToken
from app.store.tools import ToolCallRow
from assent.contracts import RiskLevel, Urgency
from assent.digests import digest_of
from assent.situations import Situation
from assent.toolbox.checks import facts_of
from assent.toolbox.model import Tool, tool

INPUT_SCHEMA = {
    "type": "object",
    "properties": {"target": {"type": "string", "minLength": 1}, "limit": {"type": "integer", "minimum": 1}},
    "required": ["target"],
    "additionalProperties": False,
}


COLUMNS = (
    "select table_name, column_name from information_schema.columns "
    "join information_schema.tables using (table_schema, table_name) "
    "where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name, ordinal_position"
)
"""A query for table and name of every column in a database of the portal."""


def close_app(app: Flask) -> None:
    """End what an application does beside answering, as a web process does before it stops.

    Without it, the thread that records repeated refusals looks for a database that is gone, a minute after the test.
    """
    app.extensions["assent_live"].listener.stop()
    app.extensions["assent"].refusals.flush()
    app.extensions["assent"].engine.dispose()


def make_person(
    sessions: Sessions,
    name: str = "Reviewer",
    roles: Iterable[Role] = (Role.REVIEWER,),
    teams: Iterable[str] = (),
    active: bool = True,
) -> Person:
    """A person with an address of their own."""
    person_id = str(uuid.uuid4())
    with sessions.begin() as session:
        session.add(
            Person(
                id=person_id,
                name=name,
                email=f"{name.lower().replace(' ', '.')}.{person_id[:8]}@example.org",
                roles=sorted(role.value for role in roles),
                active=active,
            )
        )
        session.flush()
        for slug in teams:
            if session.get(Team, slug) is None:
                session.add(Team(slug=slug, name=slug))
            session.flush()
            session.add(TeamMember(team_slug=slug, person_id=person_id))
    with sessions() as session:
        return session.get_one(Person, person_id)


def make_absence(
    sessions: Sessions, person: Person | None = None, delegate: Person | None = None, days_ago: int = 0, **values: Any
) -> Absence:
    """A person's absence that began just now, or days ago, and lasts a day; None: of somebody new."""
    person, now = person or make_person(sessions), datetime.now(UTC) - timedelta(days=days_ago)
    with sessions.begin() as session:
        absence = Absence(
            id=str(uuid.uuid4()), person_id=person.id, delegate_id=delegate.id if delegate else None,
            created_at=now, created_by_id=person.id,
            **{"note": "", "starts_at": now, "ends_at": now + timedelta(days=1), "confirmed_at": now} | values,
        )  # fmt: skip
        session.add(absence)
    return absence


def approving(
    when: str = "understood && risk.rank <= 1", name: str = "Harmless", more: str = "", days: int = 30
) -> str:
    """A policy with a rule that approves at once for so many days; `more` are further fields of it."""
    until = (datetime.now(UTC) + timedelta(days=days)).date()
    rule = f"  - name: {name}\n    when: '{when}'\n    decide: approve\n    until: {until}\n"
    return f"version: 1\nrules:\n{rule}{f'    {more}' if more else ''}\n"


def make_sample(sessions: Sessions, rule: str = "Harmless", **values: Any) -> ApprovalRequest:
    """A request that a policy approved at once, and that was drawn for review."""
    with sessions() as session:
        version = session.scalar(select(func.max(PolicyVersion.version)))
    if version is None:
        with sessions.begin() as session:
            stored = PolicyVersion(
                text="version: 1\ndefault: {deadline: 1 day}\n", digest="x", source="policies.yaml",
                loaded_at=datetime.now(UTC), loaded_by_name="Somebody", in_force_at=datetime.now(UTC),
            )  # fmt: skip
            session.add(stored)
            session.flush()
            version = stored.version
    request = make_request(
        sessions, **{"state": RequestState.APPROVED, "answered_by": f"policy:{version}:{rule}"} | values
    )
    with sessions.begin() as session:
        session.add(
            DecisionSample(
                request_id=request.id, policy_version=version, rule=rule, verdict="approve", drawn_at=datetime.now(UTC)
            )
        )
    return request


def grant_body(sessions: Sessions, **values: Any) -> dict[str, Any]:
    """What proposes a grant over REST, with three like approvals that speak for it."""
    evidence = [make_request(sessions, payload=script("select 1"), state=RequestState.APPROVED) for _ in range(3)]
    first, pattern = evidence[0], suggest([request.payload for request in evidence])
    assert pattern is not None
    return {
        "workflow": first.workflow, "node": first.node, "kind": first.kind, "environment": first.environment,
        "pattern": pattern.to_json(), "max_risk": "medium", "title": "Counting", "max_uses": 3, "days": 7,
        "evidence": [request.id for request in evidence], "reason": "Always the same.",
    } | values  # fmt: skip


def make_grant(
    sessions: Sessions, proposer: Person | None = None, approver: Person | None = None, **values: Any
) -> Grant:
    """A grant that waits for a second person, or is active if there is an `approver`; of a workflow of its own."""
    now, proposer = datetime.now(UTC), proposer or make_person(sessions, "Proposer")
    body = grant_body(sessions)
    names = ("node", "kind", "environment", "pattern", "max_risk", "title", "reason")
    columns: dict[str, Any] = {name: body[name] for name in names} | {"proposed_at": now}
    with sessions.begin() as session:
        grant = Grant(
            id=str(uuid.uuid4()), workflow=f"flow_{secrets.token_hex(4)}", max_uses=3, evidence=body["evidence"],
            state=(GrantState.ACTIVE if approver else GrantState.PROPOSED).value, expires_at=now + timedelta(days=7),
            proposed_by_id=proposer.id, proposed_by_name=proposer.name,
            approved_at=now if approver else None, approved_by_id=approver.id if approver else None,
            approved_by_name=approver.name if approver else "", **columns | values,
        )  # fmt: skip
        session.add(grant)
    return grant


def make_lesson(sessions: Sessions, request: ApprovalRequest | None = None, **values: Any) -> Lesson:
    """An active lesson: RAM was proposed as name, and people made memory_mb of it."""
    source = request or make_request(sessions)
    situation = Situation(kind="column", texts={"heading": "RAM"}, samples={"values": ["4096", "8192"]})
    columns: dict[str, Any] = {
        "id": str(uuid.uuid4()), "request_id": source.id, "requester_id": source.requester_id, "audience": [],
        "workflow": source.workflow, "node": source.node, "kind": situation.kind, "path": "/data/columns/0/field",
        "situation": situation.model_dump(mode="json"), "situation_digest": digest_of(situation.kind),
        "keys": keys_of(situation), "before": "name", "after": "memory_mb", "why": "It is memory.",
        "by_name": "Data steward", "learned_at": datetime.now(UTC), "state": LessonState.ACTIVE.value,
        "votes_for": 0, "votes_against": 0, "edited_by_name": "", "end_reason": "", "version": 1,
    }  # fmt: skip
    with sessions.begin() as session:
        lesson = Lesson(**columns | values)
        session.add(lesson)
    return lesson


def make_workflow(sessions: Sessions, name: str = "test_gate", **values: Any) -> CatalogueEntry:
    """A workflow in the catalogue; no worker needs to know it."""
    columns: dict[str, Any] = {
        "version": "1",
        "title": name.replace("_", " ").capitalize(),
        "description": "A workflow for tests.",
        "input_schema": INPUT_SCHEMA,
        "examples": [],
        "nodes": [{"id": "ask", "title": "Ask", "agent": "test agent", "tool": "", "skippable": False}],
        "edges": [],
    }
    with sessions.begin() as session:
        entry = session.merge(CatalogueEntry(name=name, **columns | values))
    return entry


class _Table(BaseModel):
    table: str = Field(description="Name of the table")
    kinds: list[int] = []


class _Rows(BaseModel):
    rows: int


def make_tools(sessions: Sessions, worker: int = 0) -> None:
    """Two tools in the catalog, one of them with two versions; `worker` has all but the older one."""

    def made(name: str, effect: str, version: str = "1.0", **facts: Any) -> Tool:
        def function(inputs: _Table) -> _Rows:
            raise AssertionError("nobody calls it")

        return tool(name=name, effect=effect, version=version, **facts)(function)

    count = made("count_rows", "read", "1.10", description="Counts the rows of a table.", capabilities=["database"])
    drop = made("drop_table", "destroy", description="Drops a **table**.", examples=[{"table": "orders"}])
    older = made("count_rows", "read", "1.9", description="As it was.")
    publish_tools(sessions, [facts_of(count), facts_of(drop), facts_of(older)])
    need = {"name": "pg_dump", "available": False, "detail": "Install it."}
    publish_toolbox(sessions, worker, {count.full_name: [], drop.full_name: [need]}, {"torn.tools": "SyntaxError"})


def make_tool_call(sessions: Sessions, run_id: str, **values: Any) -> None:
    """A call of a tool that a run made."""
    columns: dict[str, Any] = {
        "run_id": run_id, "node": "count", "tool": "count_rows", "version": "1.10", "status": "ok",
        "began_at": datetime.now(UTC), "ms": 1200, "attempts": 1, "inputs": '{"table": "orders"}', "error": "",
        "warnings": [], "call_id": "a", "parent_id": "", "request_id": "",
    }  # fmt: skip
    with sessions.begin() as session:
        session.add(ToolCallRow(**columns | values))


def save_run_file(services: Services, run: Run, name: str = "package.zip", content: bytes = b"PK saved") -> StoredFile:
    """A file that a step of the run has saved; the run is one that a worker advances."""
    digest = hashlib.sha256(content).hexdigest()
    wanted = FileToSave(run.id, run.attempt, name, len(content), digest, iter([content]))
    return services.saved_files.save(wanted)


def make_model_use(sessions: Sessions, run_id: str, **values: Any) -> None:
    """A call of a language model that a run made."""
    columns: dict[str, Any] = {
        "id": uuid.uuid4().hex, "run_id": run_id, "node": "plan", "agent": "Planner", "task": "plan", "tier": 1,
        "model": "anthropic:test", "status": "ok", "began_at": datetime.now(UTC), "ms": 900, "input_tokens": 1_000,
        "output_tokens": 200, "cached_tokens": 0, "estimated": False, "cost": Decimal("0.0250"),
        "prices": "genai-prices 1.2", "error": "",
    }  # fmt: skip
    with sessions.begin() as session:
        session.add(ModelUseRow(**columns | values))


def make_run(
    sessions: Sessions, started_by: Person | None = None, state: RunState = RunState.SUSPENDED, **values: Any
) -> Run:
    """A run; no job advances it."""
    now = datetime.now(UTC)
    columns: dict[str, Any] = {
        "workflow": "test_gate",
        "workflow_version": "1",
        "title": "Test run",
        "input": {"target": "sample"},
        "started_by_id": started_by.id if started_by else None,
        "started_by_name": started_by.name if started_by else "Scheduler",
        "created_at": now,
        "updated_at": now,
        "finished_at": now if state.finished else None,
    }
    with sessions.begin() as session:
        run = Run(id=str(uuid.uuid4()), state=state.value, **columns | values)
        session.add(run)
    return run


def script(content: str = "delete from orders where paid", title: str = "Delete paid orders") -> dict[str, Any]:
    """A script proposal as stored."""
    return {
        "kind": "script", "title": title, "summary": "", "agent": "", "environment": "production", "labels": {},
        "risk_floor": "safe", "expires_in_seconds": None, "language": "sql", "dialect": "postgres",
        "content": content, "target": "sample", "tables": {},
    }  # fmt: skip


def optimizations(items: int = 3) -> dict[str, Any]:
    """A set of index creations as stored; their ids are ``a``, ``b``, ``c`` and so on."""
    names = [chr(ord("a") + number) for number in range(items)]
    return {
        "kind": "optimizations", "title": f"Create {items} indexes", "summary": "", "agent": "", "environment": "",
        "labels": {}, "risk_floor": "safe", "expires_in_seconds": None, "language": "sql", "dialect": "postgres",
        "target": "sample", "verb": "create", "noun": "index", "noun_plural": "indexes", "tables": {},
        "items": [
            {
                "id": name, "title": f"Index {name}", "statement": f"create index concurrently i_{name} on t ({name})",
                "rationale": "", "benefit": "", "benefit_factor": None, "cost": "",
                "rollback": f"drop index concurrently i_{name}",
            }
            for name in names
        ],
    }  # fmt: skip


def tool_call(args: dict[str, Any], tool: str = "send_mail") -> dict[str, Any]:
    """A call of a tool as stored."""
    return {
        "kind": "tool_call", "title": "Send a mail", "summary": "", "agent": "", "environment": "", "labels": {},
        "risk_floor": "safe", "expires_in_seconds": None, "tool": tool, "args": args, "args_schema": None,
        "decisions": None, "decision": "approve", "message": "",
    }  # fmt: skip


def plan() -> dict[str, Any]:
    """A plan of four steps as stored: ``find``, ``measure``, ``drop`` (needs both), and ``report`` (needs nothing)."""
    text, none = {"type": "string", "title": "Table"}, {"needs": [], "reason": "", "estimated_seconds": None}
    table = {"type": "object", "properties": {"table": text}, "required": ["table"], "additionalProperties": False}
    limit = {"type": "object", "properties": {"days": {"type": "integer", "minimum": 1, "title": "Days"}}}
    read = {"workflow": "", "effect": "read", "gated": False} | none
    return {
        "kind": "plan", "title": "Remove unused tables", "summary": "", "agent": "", "environment": "", "labels": {},
        "risk_floor": "safe", "expires_in_seconds": None, "goal": "Remove the tables that nobody uses.",
        "assessment": {
            "complexity": "medium", "reasons": ["One of four steps destroys something."],
            "tools": [{"name": "find_unused@1.0", "reason": "To list the tables."}], "workflows": [],
        },
        "steps": [
            read | {"id": "find", "title": "Find unused tables", "tool": "find_unused@1.0", "inputs": {"days": 90},
                    "inputs_schema": limit, "estimated_seconds": 2.0},
            read | {"id": "measure", "title": "Count rows", "tool": "count_rows@1.0",
                    "inputs": {"table": "${find.tables[0]}"}, "inputs_schema": table},
            none | {"id": "drop", "title": "Delete its rows", "tool": "delete_rows@2.1", "workflow": "",
                    "inputs": {"table": "${find.tables[0]}"}, "inputs_schema": table, "needs": ["measure"],
                    "effect": "destroy", "gated": True, "reason": "Nobody has read it for 90 days."},
            none | {"id": "report", "title": "Write the report", "tool": "", "workflow": "table_report", "inputs": {},
                    "inputs_schema": None, "effect": "write", "gated": True},
        ],
    }  # fmt: skip


def question(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A question as stored."""
    return {
        "kind": "question", "title": "Which replica?", "summary": "", "agent": "", "environment": "", "labels": {},
        "risk_floor": "safe", "expires_in_seconds": None, "question": "Which replica?", "answer_schema": schema,
    }  # fmt: skip


def make_request(
    sessions: Sessions,
    run: Run | None = None,
    payload: dict[str, Any] | None = None,
    *,
    risk: RiskLevel = RiskLevel.MEDIUM,
    understood: bool = False,
    requester: Person | None = None,
    state: RequestState = RequestState.PENDING,
    expires_in: timedelta = timedelta(hours=4),
    priority: int = 0,
    terms: Terms | None = None,
    **values: Any,
) -> ApprovalRequest:
    """An approval request, by default a pending one to run a script, of a suspended run of nobody in particular."""
    now = datetime.now(UTC)
    run = run or make_run(sessions, requester)
    payload = payload if payload is not None else script()
    terms = terms or default_terms(risk)
    expires_at = now + expires_in
    found: Assessment = assess([Finding("test.rule", risk, "It is only a test.", 1)], understood=understood)
    columns: dict[str, Any] = {
        "run_id": run.id,
        "workflow": run.workflow,
        "node": "ask",
        "agent": "test agent",
        "interrupt_id": secrets.token_hex(16),
        "dialect": "assent",
        "value_digest": digest_of(payload),
        "kind": payload["kind"],
        "title": payload["title"],
        "environment": payload["environment"],
        "payload": payload,
        "digest": digest_of(payload),
        "proposed_digest": digest_of(payload),
        "assessment": found.to_json(),
        "risk": risk.value,
        "terms": terms.to_json(),
        "requester_id": run.started_by_id,
        "requester_name": run.started_by_name,
        "opened_by_agent": run.started_by_agent or "",
        "priority": priority,
        "quorum": terms.quorum,
        "addressed_to": list(addressed(terms.stages[0])),
        "opened_at": now,
        "expires_at": expires_at,
        "review_seconds": content_seconds(payload, 1),
        "likeness": likeness_key(payload, run.workflow, "ask"),
        "attention_at": attention_at(expires_at, risk, priority, Urgency(values.get("urgency", "normal"))),
        "resolved_at": None if state is RequestState.PENDING else now,
    }
    with sessions.begin() as session:
        request = ApprovalRequest(id=str(uuid.uuid4()), state=state.value, **columns | values)
        session.add(request)
    return request


def make_delivery(
    sessions: Sessions, request: ApprovalRequest, person: Person | None = None, state: str = "failed", **values: Any
) -> Delivery:
    """A delivery about a request, by default a failed one whose message is kept."""
    now = datetime.now(UTC)
    person = person or make_person(sessions)
    columns: dict[str, Any] = {
        "kind": "asked", "channel": "mail", "event_id": None, "digest": request.digest, "created_at": now,
        "first_due_at": now, "due_at": now, "link_expires_at": request.expires_at, "address": person.email,
        "subject": "Medium risk: Delete paid orders", "text": "A mail.", "html": "<p>A mail.</p>", "attempts": 1,
    }  # fmt: skip
    with sessions.begin() as session:
        row = Delivery(
            id=uuid.uuid4().hex, key=secrets.token_hex(8), person_id=person.id, request_id=request.id, state=state,
            **columns | values,
        )  # fmt: skip
        session.add(row)
    return row


def make_destination(services: Services, name: str = "Chat bot") -> Destination:
    """A webhook at an address at which nobody answers; the services must have been given a secret key."""
    terms = destination_terms("webhook", name, "https://hooks.example.com/x")
    return services.destinations.add(SYSTEM, terms, terms.address)[0]


def add_event(session: Session, kind: EventKind, **values: Any) -> None:
    """An event in the caller's transaction, such as the use cases write; `values` other than ids are its labels."""
    ids = {name: values.pop(name, None) for name in ("run_id", "request_id")}
    session.execute(insert(Event).values(kind=kind.value, at=datetime.now(UTC), payload=values, **ids))


def make_sign_in(sessions: Sessions, person: Person, age: timedelta = timedelta(0), browser: str = "A test") -> str:
    """The token of a session of that person, which began `age` ago."""
    with sessions.begin() as session:
        return begin(session, person, "192.0.2.1", browser, datetime.now(UTC) - age).token


def make_token(
    app: Flask, person: Person, kind: TokenKind = TokenKind.PERSON, scopes: Iterable[Scope] = (*Scope,), **values: Any
) -> str:
    """A token with which a program signs in; written directly, so that an agent's may have scopes it is never given."""
    token, now = kind.prefix + secrets.token_hex(32), datetime.now(UTC)
    columns: dict[str, Any] = {
        "name": "Test token", "hint": token.removeprefix(kind.prefix)[:6], "made_by_name": person.name,
        "created_at": now, "expires_at": now + timedelta(days=1), "confirmed_at": now,
    }  # fmt: skip
    with app.extensions["assent"].sessions.begin() as session:
        row = ApiToken(
            id=str(uuid.uuid4()), token_hash=hashlib.sha256(token.encode()).hexdigest(), kind=kind.value,
            person_id=person.id, scopes=[scope.value for scope in scopes], **columns | values,
        )  # fmt: skip
        session.add(row)
    return token


def session_cookie(secret_key: str, token: str, csrf: str = "", **values: Any) -> str:
    """The value of the cookie `assent_session` of the browser whose session has that token."""
    app = Flask("cookies")
    app.secret_key = secret_key
    content: dict[str, Any] = {
        "_permanent": True,
        "_fresh": True,
        "_user_id": token,
    }
    if csrf:
        content["csrf_token"] = csrf
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(serializer.dumps(content | values))


def csrf_token(secret_key: str, csrf: str) -> str:
    """The token that a form of the session with that `csrf` carries."""
    return str(URLSafeTimedSerializer(secret_key, salt="wtf-csrf-token").dumps(csrf))


class Program:
    """A program that calls the application in this process with a token; it has no session."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """A call; a body is sent as JSON, and underlines in the names of `headers` stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"json": {} if body is None else body} if method == "POST" else {}
        return self.client.open(path, method=method, headers=self.headers | named, **sent)

    def get(self, path: str, **headers: str) -> TestResponse:
        """GET."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """POST."""
        return self.send("POST", path, body, **headers)


class Caller:
    """Somebody who calls the application in this process, in a session of their own that began `age` ago.

    `person` None is somebody who is not signed in.
    """

    def __init__(self, app: Flask, person: Person | None, age: timedelta = timedelta(0)) -> None:
        self.person = person
        self.client: FlaskClient = app.test_client()
        self.headers: dict[str, str] = {}
        if person is not None:
            csrf, key = secrets.token_hex(20), str(app.secret_key)
            token = make_sign_in(app.extensions["assent"].sessions, person, age)
            self.client.set_cookie("assent_session", session_cookie(key, token, csrf))
            self.headers["X-CSRFToken"] = csrf_token(key, csrf)

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET."""
        return self.client.get(path, **options)

    def delete(self, path: str) -> TestResponse:
        """DELETE, with the session's token."""
        return self.client.delete(path, headers=self.headers)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        """POST a JSON body, with the session's token."""
        headers = self.headers | options.pop("headers", {})
        if "data" in options:
            return self.client.post(path, headers=headers, **options)
        return self.client.post(path, json={} if body is None else body, headers=headers, **options)
