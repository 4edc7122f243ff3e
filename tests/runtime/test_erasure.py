"""What runs hold is deleted on request: everything, once, only after they have ended, and by somebody else."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from secrets import token_hex
from threading import Thread

import psycopg
import pytest
from sqlalchemy import text

from app.domain.errors import ForbiddenError, IllegalTransitionError, NotFoundError
from app.domain.people import Actor, Role, Via
from app.services.erasure import GONE
from app.store.record import AuditEntry
from assent.contracts import Verdict
from assent.files import open_file, reference_to, save_file
from tests.factories import make_lesson, make_person
from tests.flows import FlowState
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import gate, install
from tests.runtime.test_files import uploaded

WORD = ""
"""What is deleted contains it; another one in each test."""
_CONTENTS = (
    "select input::text || coalesce(result, '') || coalesce(error, '') from runs",
    "select payload || coalesce(proposed, '') || assessment::text || note from approval_requests",
    "select comment || coalesce(change, '') || coalesce(answer, '') from decisions",
    "select body::text from outcomes",
    "select summary || coalesce(detail, '') from receipts",
    "select body from comments",
    "select content from artifacts",
    "select situation::text || coalesce(after, '') from lessons",
    "select encode(blob, 'escape') from checkpoint_blobs",
    "select checkpoint::text || metadata::text from checkpoints",
    "select encode(blob, 'escape') from checkpoint_writes",
    "select coalesce(text, '') || coalesce(html, '') from deliveries",
    "select words::text from search_documents",
    "select inputs || error from tool_calls",
)


@pytest.fixture(autouse=True)
def word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.runtime.test_erasure.WORD", f"Word-{token_hex(6)}")


@pytest.fixture
def admin(rig: Rig) -> Actor:
    return make_person(rig.services.sessions, "Data protection officer", [Role.ADMIN]).as_actor(Via.PAGE)


def import_file(state: FlowState) -> FlowState:
    """Read the run's file, and save what was made of it."""
    with open_file(str(state["input"]["text"])) as file:
        saved = save_file("made.csv", io.BytesIO(file.stream.read() + b"!"))
    return {"answers": [f"{WORD} {saved.reference}"]}


def ended(rig: Rig, monkeypatch: pytest.MonkeyPatch, file_id: str) -> str:
    """A run that has used a file, saved another, asked people, and learned a lesson."""
    install(rig, monkeypatch, "test_import", read=import_file, ask=gate)
    run_id, request = rig.begin_approved("test_import", text=reference_to(file_id))
    rig.advance(run_id)
    assert rig.state(run_id) == "completed"
    rig.checkpoints.comment(request.id, rig.reviewer, f"About {WORD}")
    make_lesson(rig.services.sessions, rig.request(request), after=WORD)
    return run_id


def contents(rig: Rig) -> str:
    with rig.services.sessions() as session:
        return json.dumps([[str(row[0]) for row in session.execute(text(query))] for query in _CONTENTS])


def actions(rig: Rig, run_id: str) -> list[str]:
    with rig.services.sessions() as session:
        rows = session.query(AuditEntry).where(AuditEntry.run_id == run_id).order_by(AuditEntry.seq)
        return [entry.action for entry in rows]


def test_everything_that_a_run_holds_goes(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = uploaded(rig, WORD.encode())
    run_id = ended(rig, monkeypatch, file_id)
    [request] = rig.requests(run_id)
    assert WORD in contents(rig)
    found = rig.services.erasure.preview(admin, run_id)
    assert sorted(file.name for file in found.deleted) == ["made.csv", "orders.csv"] and not found.refusal
    assert (found.counts["requests"], found.counts["lessons"], found.counts["comments"]) == (1, 1, 1)
    assert found.counts["checkpoints"] > 0 and WORD in contents(rig)

    rig.services.erasure.erase(admin, run_id)
    assert WORD not in contents(rig)
    assert not rig.sql("select from file_chunks where file_id = :id", id=file_id)
    with pytest.raises(NotFoundError):
        rig.services.files.get(admin, file_id)
    run = rig.run(run_id)
    assert (run.input, run.result, run.erased_by_name, run.state) == ({}, None, admin.name, "completed")
    [left] = rig.requests(run_id)
    assert (left.digest, left.state, left.title) == (request.digest, request.state, request.title)
    assert left.payload["value"] == GONE
    assert actions(rig, run_id)[-1] == "run.erased" and "request.decided" in actions(rig, run_id)
    assert rig.view(left) is not None and rig.services.views.run(run_id, admin).controls == ()

    rig.services.erasure.erase(admin, run_id)
    assert actions(rig, run_id).count("run.erased") == 1


def test_a_file_goes_with_everything_derived_from_it(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id, other = uploaded(rig, WORD.encode()), uploaded(rig, b"of others")
    first = ended(rig, monkeypatch, file_id)
    [made] = rig.services.saved_files.of(first)
    second = ended(rig, monkeypatch, made.id)
    third = ended(rig, monkeypatch, other)
    rig.services.erasure.erase_file(admin, file_id)
    assert [rig.run(run_id).erased_at is not None for run_id in (first, second, third)] == [True, True, False]
    assert {file.id for file in rig.services.files.used_by(third)} >= {other}
    assert [file.name for file in rig.services.saved_files.of(third)] == ["made.csv"]


def test_a_file_that_other_runs_use_stays_with_them(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = uploaded(rig, b"shared")
    first, second = ended(rig, monkeypatch, file_id), ended(rig, monkeypatch, file_id)
    found = rig.services.erasure.erase(admin, first)
    assert [file.id for file in found.kept] == [file_id]
    assert b"".join(rig.services.files.content(admin, file_id)[1]) == b"shared"
    assert not rig.services.files.used_by(first) and rig.services.files.used_by(second)


def test_a_run_that_has_not_ended_keeps_everything(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = uploaded(rig, WORD.encode())
    install(rig, monkeypatch, "test_import", read=import_file, ask=gate)
    run_id = rig.begin("test_import", text=reference_to(file_id))
    for erase in (lambda: rig.services.erasure.erase(admin, run_id),
                  lambda: rig.services.erasure.erase_file(admin, file_id)):  # fmt: skip
        with pytest.raises(IllegalTransitionError, match="has not ended"):
            erase()
    assert "has not ended" in rig.services.erasure.preview(admin, run_id).refusal
    rig.decide(rig.only(run_id), Verdict.APPROVE)
    rig.advance(run_id)
    assert rig.state(run_id) == "completed"


def test_only_another_administrator_may(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = ended(rig, monkeypatch, uploaded(rig, b"x"))
    with pytest.raises(ForbiddenError, match="role admin"):
        rig.services.erasure.erase(rig.reviewer, run_id)
    rig.sql("update runs set started_by_id = :admin where id = :run", admin=admin.id, run=run_id)
    with pytest.raises(ForbiddenError, match="another administrator"):
        rig.services.erasure.erase(admin, run_id)
    assert rig.run(run_id).erased_at is None


def test_a_failed_run_cannot_be_retried_afterwards(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = ended(rig, monkeypatch, uploaded(rig, b"x"))
    with psycopg.connect(rig.url, autocommit=True) as connection:
        connection.execute("alter table runs disable trigger runs_listed_ways")
        connection.execute("update runs set state = 'failed' where id = %s", (run_id,))
        connection.execute("alter table runs enable trigger runs_listed_ways")
    rig.services.erasure.erase(admin, run_id)
    with pytest.raises(IllegalTransitionError, match="has been deleted"):
        rig.runs.retry(rig.reviewer, run_id)


def test_what_is_cut_off_in_the_middle_has_deleted_nothing(
    rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = ended(rig, monkeypatch, uploaded(rig, WORD.encode()))
    before = contents(rig)
    with psycopg.connect(rig.url) as holding, psycopg.connect(rig.url, autocommit=True) as watching:
        # The last thing that is deleted is locked, and its session is killed while it waits for that.
        holding.execute("select from files for update")
        failed: list[BaseException] = []

        def erase() -> None:
            try:
                rig.services.erasure.erase(admin, run_id)
            except BaseException as error:
                failed.append(error)

        thread = Thread(target=erase)
        thread.start()
        kill = (
            "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'"
            " and datname = current_database()"
        )
        while not watching.execute(kill).fetchall():
            pass
        thread.join(60)
    assert failed and contents(rig) == before
    rig.services.erasure.erase(admin, run_id)
    assert WORD not in contents(rig)


def test_what_is_kept_long_enough_goes_by_itself(rig: Rig, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (ended(rig, monkeypatch, uploaded(rig, b"x")) for _ in range(2))
    rig.sql("update runs set finished_at = now() - interval '91 days' where id = :run", run=old)
    assert rig.services.erasure.sweep(timedelta(days=90)) == 1
    assert rig.run(old).erased_by_name and rig.run(new).erased_at is None
    assert rig.services.erasure.sweep(timedelta(days=90)) == 0
