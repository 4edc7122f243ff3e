"""Uploads over REST: in parts, repeated, interrupted, at the same moment, too large, of somebody else."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.domain.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError, UnavailableFileError
from app.domain.lifecycle import RunState
from app.domain.people import Actor, Role, Sight, Via
from app.services.bundle import Services
from app.services.files.rules import FileRules
from app.services.files.uploads import LOCK, Files
from app.services.runs.control import Runs
from app.store.files import FileUse, StoredFile
from app.store.record import AuditEntry
from assent.files import reference_to
from tests.factories import Caller, make_person, make_run, make_workflow

PART = 64 * 1024
CONTENT = bytes(range(251)) * 1_000
"""More than three parts of 64 KiB."""


@pytest.fixture
def caller(call: Callable[[str], Caller]) -> Caller:
    return call("reviewer")


@pytest.fixture
def person(services: Services) -> Actor:
    """Somebody with no files."""
    return make_person(services.sessions, "Uploader", [Role.REVIEWER]).as_actor(Via.PAGE)


@pytest.fixture(params=["database", "folder"])
def files(request: pytest.FixtureRequest, services: Services, tmp_path: Path) -> Files:
    """Uploads with small limits, in either store."""
    folder = tmp_path if request.param == "folder" else None
    rules = FileRules(largest=300_000, per_person=600_000, part_bytes=PART, folder=folder)
    return Files(services.sessions, services.clock, rules, services.vault.ring)


def begin(caller: Caller, size: int = len(CONTENT), **values: Any) -> dict[str, Any]:
    answer = caller.post("/api/v1/files", {"name": "orders.csv", "size": size} | values)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/v1/files/{answer.json['id']}"
    return dict(answer.json)


def put(caller: Caller, file_id: str, offset: int, content: bytes) -> Any:
    return caller.client.put(
        f"/api/v1/files/{file_id}/content?offset={offset}", data=content, content_type="application/octet-stream",
        headers=caller.headers,
    )  # fmt: skip


def upload(files: Files, actor: Actor, content: bytes = CONTENT) -> str:
    file = files.begin(actor, "orders.csv", len(content))
    for start in range(0, len(content), PART):
        files.put(actor, file.id, start, content[start : start + PART])
    files.complete(actor, file.id)
    return file.id


def content_of(files: Files, actor: Actor, file_id: str) -> bytes:
    return b"".join(files.content(actor, file_id)[1])


def test_a_file_in_parts_over_rest(caller: Caller, services: Services) -> None:
    made = begin(caller)
    assert (made["received"], made["state"], made["part_bytes"]) == (0, "uploading", 512 * 1024)
    half = 150_000
    assert put(caller, made["id"], 0, CONTENT[:half]).json["received"] == half
    # An uploader that was cut off asks how much has arrived.
    assert caller.get(f"/api/v1/files/{made['id']}").json["received"] == half
    early = caller.post(f"/api/v1/files/{made['id']}/complete")
    assert (early.status_code, early.json["code"], early.json["received"]) == (409, "conflict", half)
    assert put(caller, made["id"], half, CONTENT[half:]).json["received"] == len(CONTENT)
    for _ in range(2):
        done = caller.post(f"/api/v1/files/{made['id']}/complete").json
        assert (done["state"], done["sha256"]) == ("complete", hashlib.sha256(CONTENT).hexdigest())
    assert done["reference"] == f"assent-file:{made['id']}"
    assert made["id"] in [item["id"] for item in caller.get("/api/v1/files").json["items"]]
    with services.sessions() as session:
        entries = session.query(AuditEntry).where(AuditEntry.action == "file.uploaded").all()
    assert [entry.detail["sha256"] for entry in entries if entry.detail["file_id"] == made["id"]] == [done["sha256"]]


def test_the_same_beginning_is_made_once(caller: Caller) -> None:
    key = {"headers": {"Idempotency-Key": str(uuid.uuid4())}}
    body = {"name": "orders.csv", "size": 3}
    assert len({caller.post("/api/v1/files", body, **key).json["id"] for _ in range(2)}) == 1


@pytest.mark.parametrize(
    ("offset", "content", "status", "code"),
    [
        (0, b"", 422, "invalid_input"),
        (0, b"x" * 100, 422, "invalid_input"),
        (7, b"x" * PART, 409, "conflict"),
        (0, b"x" * (512 * 1024 + 1), 413, "too_large"),
        (0, b"x" * (len(CONTENT) + 1), 413, "too_large"),
        (-1, b"x" * PART, 422, "invalid_input"),
    ],
)
def test_a_wrong_part_is_refused_and_leaves_nothing(
    caller: Caller, offset: int, content: bytes, status: int, code: str
) -> None:
    made = begin(caller)
    answer = put(caller, made["id"], offset, content)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    if status == 409:
        assert answer.json["received"] == 0
    assert caller.get(f"/api/v1/files/{made['id']}").json["received"] == 0


def test_a_part_of_another_media_type_is_refused(caller: Caller) -> None:
    made = begin(caller)
    address = f"/api/v1/files/{made['id']}/content?offset=0"
    assert caller.client.put(address, json={}, headers=caller.headers).status_code == 415


def test_own_files_are_listed_in_pages(app: Flask, services: Services) -> None:
    person = make_person(services.sessions, "Collector", [Role.REVIEWER])
    files = [services.files.begin(person.as_actor(Via.PAGE), f"{number}.csv", 0).id for number in range(3)]
    caller = Caller(app, person)
    page = caller.get("/api/v1/files?limit=2").json
    assert [file["id"] for file in page["items"]] == [files[2], files[1]]
    rest = caller.get(f"/api/v1/files?limit=2&cursor={page['next_cursor']}").json
    assert ([file["id"] for file in rest["items"]], rest["next_cursor"]) == ([files[0]], None)


@pytest.mark.parametrize(
    "body", [{"name": "a/b"}, {"name": ""}, {"name": "a\x07"}, {"size": -1}, {"sha256": "12"}, {"size": 10**9}]
)
def test_a_wrong_beginning_is_refused(caller: Caller, body: dict[str, Any]) -> None:
    answer = caller.post("/api/v1/files", {"name": "orders.csv", "size": 3} | body)
    assert answer.status_code == (413 if body == {"size": 10**9} else 422), answer.text


def test_nobody_else_sees_an_unused_file(caller: Caller, call: Callable[[str], Caller]) -> None:
    made = begin(caller)
    for role in ("admin", "auditor", "viewer"):
        assert call(role).get(f"/api/v1/files/{made['id']}").status_code == 404
    other = call("admin")
    assert put(other, made["id"], 0, CONTENT[:PART]).status_code == 404
    assert other.post(f"/api/v1/files/{made['id']}/complete").status_code == 404
    assert other.delete(f"/api/v1/files/{made['id']}").status_code == 404


def test_an_agent_has_files_of_its_own(files: Files, person: Actor) -> None:
    first, second = (replace(person, kind="agent", name=name) for name in ("first", "second"))
    wider = replace(second, sight=Sight.ACCOUNT)
    file_id = files.begin(first, "orders.csv", 3).id
    assert [file.id for file in files.own(first)] == [file_id]
    assert files.own(second) == []
    # The owner of the account may do everything with it; a sibling nothing, and with a wider sight only look.
    assert files.get(person, file_id).owner_agent == files.get(wider, file_id).owner_agent == "first"
    with pytest.raises(NotFoundError):
        files.get(second, file_id)
    for agent in (second, wider):
        for act in (lambda: files.put(agent, file_id, 0, b"a,b"), lambda: files.complete(agent, file_id),  # noqa: B023
                    lambda: files.delete(agent, file_id)):  # noqa: B023  # fmt: skip
            with pytest.raises(NotFoundError):
                act()
    files.delete(person, file_id)


def test_what_arrived_is_what_is_read(files: Files, person: Actor) -> None:
    assert content_of(files, person, upload(files, person)) == CONTENT


def test_a_repeated_part_changes_nothing(files: Files, person: Actor) -> None:
    file = files.begin(person, "orders.csv", len(CONTENT))
    for _ in range(3):
        assert files.put(person, file.id, 0, CONTENT[:PART]).received == PART
    with pytest.raises(ConflictError) as refusal:
        files.put(person, file.id, 0, b"y" * PART)
    assert refusal.value.extra["received"] == PART


def test_the_same_part_at_the_same_moment_is_stored_once(files: Files, person: Actor, services: Services) -> None:
    file = files.begin(person, "orders.csv", len(CONTENT))
    gate, results = threading.Barrier(6), []

    def send() -> None:
        gate.wait(30)
        results.append(files.put(person, file.id, 0, CONTENT[:PART]).received)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [PART] * 6
    for start in range(PART, len(CONTENT), PART):
        files.put(person, file.id, start, CONTENT[start : start + PART])
    assert files.complete(person, file.id).sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_content_with_another_digest_is_discarded(files: Files, person: Actor) -> None:
    file = files.begin(person, "orders.csv", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    for round_, sent in enumerate((CONTENT[:-1] + b"?", CONTENT)):
        for start in range(0, len(sent), PART):
            files.put(person, file.id, start, sent[start : start + PART])
        if round_ == 0:
            with pytest.raises(InvalidInputError, match="discarded"):
                files.complete(person, file.id)
            assert files.get(person, file.id).received == 0
    assert files.complete(person, file.id).is_complete
    assert content_of(files, person, file.id) == CONTENT


def test_what_is_no_digest_discards_nothing(files: Files, person: Actor) -> None:
    file = files.begin(person, "orders.csv", 3)
    files.put(person, file.id, 0, b"a,b")
    with pytest.raises(InvalidInputError, match="not a digest"):
        files.complete(person, file.id, "123")
    assert files.complete(person, file.id).size == 3


def test_a_run_uses_files_that_its_starter_sees(files: Files, person: Actor, services: Services) -> None:
    other = make_person(services.sessions, "Another uploader", [Role.REVIEWER]).as_actor(Via.PAGE)
    own, shared, hidden = upload(files, person), upload(files, other), upload(files, other)
    used(services, shared, RunState.COMPLETED)
    make_workflow(services.sessions, "test_files_of_a_run", title="Files", input_schema={})
    runs = Runs(services.sessions, services.clock, files)
    references = {"own": own, "again": own, "shared": shared, "hidden": hidden}
    named = {field: reference_to(file_id) for field, file_id in references.items()}
    with pytest.raises(InvalidInputError) as refused:
        runs.start(person, "test_files_of_a_run", named)
    assert list(refused.value.extra["fields"]) == ["input.hidden"]
    del named["hidden"]
    run = runs.start(person, "test_files_of_a_run", named)
    assert {file.id for file in files.used_by(run.id)} == {own, shared}


def test_limits(files: Files, person: Actor, services: Services) -> None:
    with pytest.raises(TooLargeError, match="300,000"):
        files.begin(person, "a", 300_001)
    files.begin(person, "a", 300_000)
    second = files.begin(person, "b", 300_000)
    with pytest.raises(TooLargeError, match="no room"):
        files.begin(person, "c", 0)
    files.delete(person, second.id)
    files.begin(person, "c", 0)


def test_limits_hold_at_the_same_moment(files: Files, person: Actor, services: Services) -> None:
    outcomes: list[bool] = []

    def begin_one() -> None:
        try:
            outcomes.append(bool(files.begin(person, "a", 300_000)))
        except TooLargeError:
            outcomes.append(False)

    def is_waiting() -> bool:
        with services.sessions() as looking:
            waiting = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
            return bool(looking.scalar(text(waiting)))

    with services.sessions.begin() as session:
        # Somebody else has begun, and has not committed yet.
        session.execute(text(LOCK))
        now = services.clock()
        session.add(StoredFile(
            id=str(uuid.uuid4()), name="b", size=600_000, received=0, state="uploading", place="database",
            wanted_sha256="", sha256="", version=1, owner_id=person.id, owner_name=person.name, owner_agent="",
            created_at=now, updated_at=now,
        ))  # fmt: skip
        session.flush()
        other = threading.Thread(target=begin_one)
        other.start()
        while other.is_alive() and not is_waiting():
            other.join(0.01)
    other.join(60)
    assert outcomes == [False]


def used(services: Services, file_id: str, state: RunState) -> str:
    run = make_run(services.sessions, state=state)
    with services.sessions.begin() as session:
        session.add(FileUse(run_id=run.id, file_id=file_id))
    return run.id


def test_a_file_is_deleted_by_its_owner_unless_a_live_run_uses_it(
    files: Files, person: Actor, services: Services
) -> None:
    file_id = upload(files, person)
    run_id = used(services, file_id, RunState.SUSPENDED)
    with pytest.raises(ConflictError, match="not ended"):
        files.delete(person, file_id)
    with services.sessions.begin() as session:
        session.execute(text("update runs set state = 'cancelled' where id = :id"), {"id": run_id})
    files.delete(person, file_id)
    with pytest.raises(NotFoundError):
        files.get(person, file_id)
    assert not left_of(files, services, file_id)


def left_of(files: Files, services: Services, file_id: str) -> bool:
    """Whether anything is left of a file's content."""
    if files.rules.folder is not None:
        return any(path.name.startswith(file_id) for path in files.rules.folder.rglob("*"))
    with services.sessions() as session:
        return bool(session.scalar(text("select count(*) from file_chunks where file_id = :id"), {"id": file_id}))


class Later:
    """A clock that is ahead."""

    def __init__(self, services: Services, days: float) -> None:
        self._services, self._ahead = services, timedelta(days=days)

    def __call__(self) -> Any:
        return self._services.clock() + self._ahead


def test_unused_files_are_deleted_after_a_week_and_those_of_a_run_with_it(
    files: Files, person: Actor, services: Services
) -> None:
    unused, of_run = upload(files, person, b"a"), upload(files, person, b"b")
    unfinished = files.begin(person, "c", 9).id
    run_id = used(services, of_run, RunState.COMPLETED)

    def swept(days: float) -> list[bool]:
        Files(services.sessions, Later(services, days), files.rules).sweep()
        present = {file.id for file in files.own(person)}
        return [file_id in present for file_id in (unused, of_run, unfinished)]

    assert swept(6.9) == [True, True, True]
    assert swept(7.1) == [False, True, False]
    assert not left_of(files, services, unused)
    with services.sessions.begin() as session:
        session.execute(text("delete from runs where id = :id"), {"id": run_id})
    assert swept(7.1) == [False, False, False]
    assert not left_of(files, services, of_run)


def test_a_folder_that_is_not_shared_is_named(services: Services, person: Actor, tmp_path: Path) -> None:
    elsewhere, here = (tmp_path / name for name in ("elsewhere", "here"))
    elsewhere.mkdir()
    here.mkdir()
    made = Files(services.sessions, services.clock, FileRules(part_bytes=PART, folder=elsewhere), services.vault.ring)
    file_id = upload(made, person)
    for rules in (FileRules(folder=here), FileRules()):
        with pytest.raises(UnavailableFileError, match="ASSENT_FILES_DIR"):
            content_of(Files(services.sessions, services.clock, rules), person, file_id)


def test_what_is_left_in_the_folder_of_a_deleted_file_goes(services: Services, person: Actor, tmp_path: Path) -> None:
    files = Files(services.sessions, services.clock, FileRules(part_bytes=PART, folder=tmp_path), services.vault.ring)
    kept, lost = upload(files, person), upload(files, person)
    with services.sessions.begin() as session:
        session.execute(text("delete from files where id = :id"), {"id": lost})
    Files(services.sessions, Later(services, 2), files.rules).sweep()
    assert (left_of(files, services, kept), left_of(files, services, lost)) == (True, False)
