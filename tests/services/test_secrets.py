"""Secrets are masked before anything is stored: every text of every table is searched for them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from app.domain.errors import InvalidInputError
from app.domain.run_protocol import Journal, Step, StepKind
from app.services.approvals.intake.gate import ExternalRequest
from app.services.people.saved_views import SavedViews
from app.store.requests import ApprovalRequest
from assent.contracts import Receipt, ReceiptStatus, Verdict
from assent.dialects.failure import MAX_TRACE, failure_document
from assent.dialects.registry import understand
from tests.factories import COLUMNS, make_workflow, optimizations, question, script
from tests.services.desk import Desk, asked

GITHUB = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
AWS = "AKIA" + "QX7RZ4TN5WLM2PKD"
DATABASE = "c0rrectHorse9Battery"
SECRETS = (GITHUB, AWS, DATABASE)
LEAKY = f"curl -H 'Authorization: Bearer {GITHUB}' # {AWS} postgresql://app:{DATABASE}@db.example.org/shop"


def stored_secrets(desk: Desk) -> list[str]:
    """Table and column of every stored text with one of the secrets in it."""
    found = []
    with desk.engine.connect() as connection:
        for table, column in connection.execute(text(COLUMNS)).all():
            query = f'select count(*) from "{table}" where "{column}"::text like :pattern'
            for secret in SECRETS:
                if connection.execute(text(query), {"pattern": f"%{secret}%"}).scalar_one():
                    found.append(f"{table}.{column}")
    return found


def test_the_search_finds_what_is_there(own_desk: Desk) -> None:
    with own_desk.engine.begin() as connection:
        connection.execute(text("insert into teams values ('a', :name)"), {"name": f"x{AWS}x"})
    assert stored_secrets(own_desk) == ["teams.name"]


def test_no_secret_is_stored_whatever_way_it_comes(own_desk: Desk) -> None:
    desk = own_desk
    one, two, other = desk.person("One"), desk.person("Two"), desk.person("Three")
    changed = desk.open(script("select 1"))
    desk.decide(changed, one, Verdict.MODIFY, change={"content": "select 2"}, comment=f"With {GITHUB}")
    desk.decide(desk.open(script("delete from t")), two, Verdict.REJECT, comment=LEAKY)
    open_one = desk.open(script("delete from t"))
    desk.checkpoints.comment(open_one.id, one, LEAKY)
    desk.checkpoints.escalate(open_one.id, one, LEAKY)
    desk.checkpoints.cancel(open_one.id, other, LEAKY)
    assert stored_secrets(desk) == []
    [kept] = desk.decisions(changed)
    assert kept.comment == "With ⟦secret:github-token:1⟧", "only the secret is gone"


def test_a_secret_in_a_change_or_an_answer_is_refused(own_desk: Desk) -> None:
    """Its token would be executed in its place."""
    desk, person = own_desk, own_desk.person()
    proposal = desk.open(script("alter role app"))
    items = {"items": [{"id": "a", "statement": f"select 1 -- {LEAKY}"}]}
    value = {"kind": "value", "title": "?", "value": 1}
    attempts: list[tuple[ApprovalRequest, Verdict, str, Any]] = [
        (proposal, Verdict.MODIFY, "change", {"content": f"alter role app password '{DATABASE}'"}),
        (desk.open(optimizations()), Verdict.MODIFY, "change", items),
        (desk.open(question()), Verdict.ANSWER, "answer", LEAKY),
        (desk.open(value, dialect="value"), Verdict.ANSWER, "answer", {"deep": [{"api_key": "short123"}]}),
    ]
    before = desk.counts()
    for request, verdict, field, sent in attempts:
        with pytest.raises(InvalidInputError) as refusal:
            desk.decide(request, person, verdict, **{field: sent})
        assert "Secrets cannot be sent through the portal" in refusal.value.extra["fields"][field]
        assert desk.fresh(request).state == "pending"
    with pytest.raises(InvalidInputError):
        desk.checkpoints.preview(proposal.id, person, {"content": LEAKY})
    assert desk.counts() == before and stored_secrets(desk) == []


def test_no_secret_of_a_schema_or_a_saved_view_is_stored(own_desk: Desk) -> None:
    desk, agent = own_desk, own_desk.person("Agent's owner")
    schema = {"type": "string", "description": LEAKY, "enum": [GITHUB, "none"], "x-password": DATABASE}
    document = {"kind": "question", "title": "Which key?", "question": "Which key?", "context": LEAKY}
    request = desk.checkpoints.open(agent, ExternalRequest(document, response_schema=schema))
    [stored] = desk.suspend(desk.run(), understand("i", {"a": LEAKY}, {**schema, "default": LEAKY}, "node", ""))
    assert request.response_schema["enum"][1] == stored.response_schema["enum"][1] == "none"
    view = SavedViews(desk.sessions, desk.clock).save(agent, f"for {GITHUB}", {"q": LEAKY, "risk": "high"})
    assert view.filters["risk"] == "high" and view.name == "for ⟦secret:github-token:1⟧"
    assert stored_secrets(desk) == []


def test_a_change_around_a_token_is_taken(desk: Desk) -> None:
    request = desk.open(script("alter role app password '⟦secret:password:1⟧'"))
    content = "alter role shop password '⟦secret:password:1⟧'"
    assert desk.decide(request, desk.person(), Verdict.MODIFY, change={"content": content}).resolved
    assert desk.outcome(request).body["payload"]["content"] == content


def test_no_secret_of_a_runs_start_and_end_is_stored(own_desk: Desk) -> None:
    desk = own_desk
    person = desk.person("One")
    make_workflow(desk.sessions, "leaky", input_schema={"type": "object"})
    run = desk.runs.start(person, "leaky", {"url": LEAKY, "password": DATABASE}, title=f"Deploy {LEAKY}")
    assert run.title.startswith("Deploy curl")
    desk.runs.cancel(person, run.id, f"It had {LEAKY}")
    waiting = desk.open()
    desk.runs.cancel(person, waiting.run_id or "", LEAKY)
    assert stored_secrets(desk) == []


def test_the_reason_and_the_title_are_fit_to_store(desk: Desk) -> None:
    person = desk.person()
    make_workflow(desk.sessions, "plain", input_schema={"type": "object"})
    for title in ("a\x00b", "a\ud800b", "a\x1bb"):
        with pytest.raises(InvalidInputError):
            desk.runs.start(person, "plain", {}, title=title)
    run = desk.runs.start(person, "plain", {}, title=" x" * 300)
    assert len(run.title) <= 200
    for reason in ("a\x00b", "a\ud800b"):
        with pytest.raises(InvalidInputError):
            desk.runs.cancel(person, run.id, reason)
    assert desk.run_state(run.id) == "queued"


def test_what_a_workflow_says_can_always_be_stored(desk: Desk) -> None:
    """A receipt, an artifact or a title with U+0000 in it must not keep a run from resting."""
    request = desk.open()
    desk.decide(request, desk.person())
    taken = desk.progress.begin(request.run_id or "")
    assert taken is not None
    odd = "a\x00b\ud800c"
    at = desk.clock()
    journal = Journal(
        taken.id,
        steps=[Step(StepKind.FAILED, at, "t", "n", odd, odd, odd, 1, error=odd)],
        receipts=[
            Receipt(request_id=request.id, status=ReceiptStatus.APPLIED, summary="a\x00b", detail={"a\x00b": "\x00"})
        ],
        artifacts=[{"name": odd, "content": odd, "media_type": odd}],
        delivered=[request.id],
    )
    document = script("select 1", title="Odd\x00one") | {"environment": "prod\x00", "agent": "a\x00"}
    desk.checkpoints.suspend(taken.id, taken.attempt, [asked(document, node="n\x00")], journal)
    [again] = desk.checkpoints.pending(taken.id)
    assert (again.title, again.environment, again.payload["title"]) == ("Odd\ufffdone", "prod\ufffd", "Odd\x00one")
    receipt = desk.receipt(request)
    assert receipt is not None and receipt.summary == "a\ufffdb"


def test_a_receipt_for_a_request_of_nobody_or_of_another_run_is_left_out(desk: Desk) -> None:
    request, foreign = desk.open(), desk.open()
    desk.decide(request, desk.person())
    desk.decide(foreign, desk.person())
    taken = desk.progress.begin(request.run_id or "")
    assert taken is not None
    receipts = [
        Receipt(request_id=request_id, status=ReceiptStatus.FAILED)
        for request_id in ("nobody's", "", "\x00", foreign.id)
    ]
    desk.progress.complete(taken.attempt, Journal(taken.id, receipts=receipts, delivered=[request.id]), {})
    assert desk.run_state(taken.id) == "completed"
    assert desk.receipt(foreign) is None, "another run's outcome is still to be delivered"
    mine = desk.receipt(request)
    assert mine is not None and mine.status == "applied"


def test_a_trace_is_masked_before_it_is_cut() -> None:
    """A private key across the cut is still known for one."""
    body = "\n".join(["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2"] * 60)
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    document = failure_document("n", "N", ValueError(f"{key}\n{'x ' * 3000}"), skippable=False)
    assert "QUJDREVG" not in document["trace"] and len(document["trace"]) <= MAX_TRACE
