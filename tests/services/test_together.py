"""What belongs together is stored together or not at all; the database itself keeps the last guards."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.run_protocol import Journal
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.factories import optimizations, script
from tests.services.desk import Desk, asked

BREAK_TABLE = """
create function refuse_{table}() returns trigger language plpgsql as $$
begin raise exception 'the test refuses {table}'; end $$;
create trigger refuse_{table} before insert on {table} for each row execute function refuse_{table}();
"""
MEND_TABLE = "drop trigger refuse_{table} on {table}; drop function refuse_{table}();"

ACTS: dict[str, Callable[[Desk, ApprovalRequest, Actor], Any]] = {
    "approve": lambda desk, request, who: desk.decide(request, who),
    "modify": lambda desk, request, who: desk.decide(request, who, Verdict.MODIFY, change={"items": [{"id": "a"}]}),
    "reject": lambda desk, request, who: desk.decide(request, who, Verdict.REJECT, comment="No."),
    "cancel": lambda desk, request, who: desk.checkpoints.cancel(request.id, who, "No."),
}


WRITTEN = ["procrastinate_jobs", "events", "audit_entries", "outcomes", "decisions"]
PAIRS = [(act, table) for act in ACTS for table in WRITTEN if (act, table) != ("cancel", "decisions")]


@pytest.mark.parametrize(("act", "table"), PAIRS)
def test_a_decision_and_all_that_follows_commit_together_or_not_at_all(desk: Desk, table: str, act: str) -> None:
    request, person = desk.open(optimizations()), desk.person()
    before = desk.counts()
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(BREAK_TABLE.format(table=table))
    try:
        with pytest.raises((DBAPIError, ConnectorException)) as caught:
            ACTS[act](desk, request, person)
        assert f"refuses {table}" in f"{caught.value} {caught.value.__cause__}"
    finally:
        with desk.engine.begin() as connection:
            connection.exec_driver_sql(MEND_TABLE.format(table=table))
    assert desk.counts() == before
    now = desk.fresh(request)
    assert (now.state, now.version, now.digest) == ("pending", request.version, request.digest)
    assert desk.run_state(request.run_id) == "suspended"
    ACTS[act](desk, request, person)
    assert desk.fresh(request).state != "pending", "the same act works once the fault is gone"


def test_a_suspension_opens_all_its_requests_or_none(desk: Desk) -> None:
    run, good = desk.run(), asked(script("select 1"))
    bad = asked(script("select 2"), interrupt_id=secrets.token_hex(9000))  # longer than an index entry
    before = desk.counts()
    with pytest.raises(DBAPIError):
        desk.checkpoints.suspend(run.id, 1, [good, bad], Journal(run.id))
    assert desk.counts() == before
    assert desk.run_state(run.id) == "running"


@pytest.mark.parametrize(
    "statement",
    ["update audit_entries set actor_name = 'Nobody'", "delete from audit_entries", "truncate audit_entries"],
)
def test_the_database_refuses_to_alter_the_record(desk: Desk, statement: str) -> None:
    request = desk.open()
    before = [(entry.seq, entry.action, entry.actor_name) for entry in desk.audit(request)]
    assert before
    with desk.engine.connect() as connection, pytest.raises(DBAPIError, match="append only") as caught:
        connection.exec_driver_sql(statement)
    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
    assert [(entry.seq, entry.action, entry.actor_name) for entry in desk.audit(request)] == before


@pytest.mark.parametrize("state", [state.value for state in RequestState if state is not RequestState.APPROVED])
def test_a_final_state_stays_even_against_direct_sql(desk: Desk, state: str) -> None:
    request = desk.open()
    desk.decide(request, desk.person())
    with desk.engine.connect() as connection, pytest.raises(DBAPIError, match="is already approved"):
        connection.execute(
            text("update approval_requests set state = :state where id = :id"), {"state": state, "id": request.id}
        )
    assert desk.fresh(request).state == "approved"


def test_the_digest_is_that_of_the_stored_text(desk: Desk) -> None:
    odd = script("select 'é\u202e ✓ 1e16' -- \t\\ \" \u2028", title="Zürich ☃") | {"labels": {"n": "1e16", "": "x"}}
    request = desk.open(odd)
    desk.decide(request, desk.person(), Verdict.MODIFY, change={"content": "select 'ß\u0301'"})
    query = text(
        "select digest, encode(sha256(payload::bytea), 'hex'), proposed_digest, encode(sha256(proposed::bytea), 'hex') "
        "from approval_requests where id = :id"
    )
    bytea = text(str(query).replace("payload::bytea", "convert_to(payload, 'UTF8')").replace(
        "proposed::bytea", "convert_to(proposed, 'UTF8')"
    ))  # fmt: skip
    with desk.engine.connect() as connection:
        digest, of_payload, proposed_digest, of_proposed = connection.execute(bytea, {"id": request.id}).one()
    assert digest == of_payload != of_proposed == proposed_digest
    assert desk.outcome(request).body["digest"] == digest


def test_only_one_open_request_per_interrupt(desk: Desk) -> None:
    request = desk.open()
    columns = ", ".join(f'"{column.name}"' for column in ApprovalRequest.__table__.columns if column.name != "id")
    copy = text(
        f"insert into approval_requests (id, {columns}) select :new, {columns} from approval_requests where id = :old"
    )
    with desk.engine.connect() as connection, pytest.raises(DBAPIError, match="open_interrupt"):
        connection.execute(copy, {"new": "another", "old": request.id})
