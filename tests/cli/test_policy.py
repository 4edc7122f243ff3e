"""`assent policy`, and the policy with which `assent serve` starts."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.store.engine import make_engine, make_sessions
from app.store.policies import PolicyVersion
from app.store.record import AuditEntry
from tests.factories import make_person, make_request
from tests.processes.harness import ASSENT, ROOT, Desk, Managed, assent, environment, free_port

pytestmark = pytest.mark.processes

GOOD = """\
version: 1
rules:
  - name: Two for the dangerous
    when: risk.rank >= 3
    ask: {teams: dba, quorum: 2}
    deadline: 4 hours
default: {deadline: 1 day}
"""
BAD = """\
version: 1
rules:
  - name: Two for the dangerous
    when: risc.rank >= 3
    deadline: soon
"""


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Any:
    with Desk(database_url, tmp_path) as desk:
        yield desk


@pytest.fixture
def sessions(database_url: str) -> Any:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Writes a policy file and gives its name."""

    def write(content: str, name: str = "policies.yaml") -> str:
        (tmp_path / name).write_text(content)
        return str(tmp_path / name)

    return write


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_every_mistake_is_told_with_its_place_and_nothing_is_loaded(desk: Any, file: Any, sessions: Any) -> None:
    bad = file(BAD)
    for command in ("check", "load", "test"):
        done = desk.assent("policy", command, bad)
        assert (done.returncode, done.stdout) == (1, "")
        first, second = done.stderr.splitlines()
        assert first.startswith(f"{bad}:4: rules[0].when: ")
        assert second.startswith(f"{bad}:5: rules[0].deadline: ")
    problems = json.loads(told(desk.assent("policy", "check", bad, "--json"), 1))["problems"]
    assert [(problem["line"], problem["field"]) for problem in problems] == [
        (4, "rules[0].when"),
        (5, "rules[0].deadline"),
    ]
    with sessions() as session:
        assert session.scalars(select(PolicyVersion)).all() == []


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), (b"version: 1 # \xff", "not UTF-8"), (b"#" * 1_000_001, "too large")]
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "policies.yaml"
    if content is not None:
        path.write_bytes(content)
    done = assent("policy", "check", str(path), ASSENT_DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"assent: {path} ") and words in line


def test_a_file_is_checked_where_no_database_runs(tmp_path: Path, file: Any) -> None:
    out = told(assent("policy", "check", file(GOOD), ASSENT_DATA_DIR=str(tmp_path / "data")))
    assert "1 rule and a default" in out and "not looked up" in out
    assert not (tmp_path / "data").exists()


def test_from_a_file_to_the_record(desk: Any, file: Any, sessions: Any) -> None:
    assert "strict default" in told(desk.assent("policy", "show"))
    good = file(GOOD)
    checked = desk.assent("policy", "check", good)
    assert "There is no team dba." in checked.stderr and "not looked up" not in told(checked)
    loaded = desk.assent("policy", "load", good)
    assert "warning: There is no team dba." in loaded.stderr
    assert told(loaded) == f"Policy version 1 ({good}) is in force.\n"
    assert "is in force since" in told(desk.assent("policy", "load", good))
    told(desk.assent("policy", "load", file(GOOD.replace("4 hours", "5 hours"), "next.yaml")))

    shown = told(desk.assent("policy", "show"))
    for words in ("Policy version 2", "Two for the dangerous", "risk.rank >= 3", "2 of team dba", "5 hours"):
        assert words in shown
    assert told(desk.assent("policy", "show", "--version", "1", "--text")) == GOOD
    assert "4 hours" in json.loads(told(desk.assent("policy", "show", "--version", "1", "--json")))["text"]
    assert "no such version" in desk.assent("policy", "show", "--version", "9").stderr
    listed = json.loads(told(desk.assent("policy", "history", "--json")))
    assert [version["version"] for version in listed] == [2, 1]
    assert "next.yaml" in told(desk.assent("policy", "history"))

    with sessions() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "policy.loaded")).all()
    assert [(entry.via, entry.actor_kind, entry.detail["version"]) for entry in entries] == [
        ("command_line", "system", 1), ("command_line", "system", 2),
    ]  # fmt: skip


def test_loading_in_somebodys_name_needs_their_right(desk: Any, file: Any, sessions: Any) -> None:
    reviewer = make_person(sessions)
    done = desk.assent("policy", "load", file(GOOD), "--as", reviewer.email)
    assert done.returncode == 1 and "role admin" in done.stderr


def test_a_changed_file_is_tried_out_on_past_requests(desk: Any, file: Any, sessions: Any) -> None:
    opened = datetime.now(UTC) - timedelta(days=2)
    request = make_request(sessions, opened_at=opened, title="Tidy\x1b[2J up")
    same = file("version: 1\ndefault: {ask: {quorum: 1}, deadline: 1 day}\n", "same.yaml")
    changed = file("version: 1\ndefault: {ask: {quorum: 2}, deadline: 1 day}\n", "changed.yaml")
    out = told(desk.assent("policy", "test", changed))
    assert f"request {request.id}: waiting for a decision" in out
    assert "Approvals: 1 of any reviewer → 2 of any reviewer" in out
    assert "⇒ Would have been rejected on expiry at" in out
    assert "1 request since" in out and "\x1b" not in out
    document = json.loads(told(desk.assent("policy", "test", changed, "--json")))
    assert [change["id"] for change in document["changed"]] == [request.id]
    assert document["changed"][0]["state_after"] == "expired"

    assert "0 requests since" in told(desk.assent("policy", "test", changed, "--since", "1d"))
    told(desk.assent("policy", "test", changed, "--fail-on-difference"), 3)
    told(desk.assent("policy", "test", changed, "--since", "2999-01-01"), 1)
    told(desk.assent("policy", "test", changed, "--since", "soon"), 2)
    # Only the rule's name differs from the strict default's, which is a difference too.
    [found] = json.loads(told(desk.assent("policy", "test", same, "--json")))["changed"]
    assert {difference["what"] for difference in found["differences"]} == {"rule"}


def test_serve_refuses_a_file_that_cannot_be_used_before_anything_starts(tmp_path: Path, file: Any) -> None:
    data = tmp_path / "data"
    done = assent("serve", ASSENT_POLICY_FILE=file(BAD), ASSENT_DATA_DIR=str(data), ASSENT_PORT=str(free_port()))
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("assent: ASSENT_POLICY_FILE: ") and ":4: rules[0].when: " in line
    assert not (data / "postgres").exists()


def test_serve_puts_its_file_into_force(database_url: str, tmp_path: Path, file: Any, sessions: Any) -> None:
    env = environment(
        ASSENT_DATABASE_URL=database_url, ASSENT_DATA_DIR=str(tmp_path / "data"), ASSENT_PORT=str(free_port()),
        ASSENT_POLICY_FILE=file(GOOD),
    )  # fmt: skip
    served = Managed("serve", [*ASSENT, "serve"], env, r"Open  http")
    served.start()
    try:
        assert f"Policy version 1 ({env['ASSENT_POLICY_FILE']}) is in force." in served.logs
    finally:
        served.stop()
    with sessions() as session:
        assert [version.text for version in session.scalars(select(PolicyVersion))] == [GOOD]


def test_the_policy_of_this_repository_can_be_used(tmp_path: Path) -> None:
    out = told(assent("policy", "check", str(ROOT / "policies.yaml"), ASSENT_DATA_DIR=str(tmp_path / "data")))
    assert "is valid" in out
