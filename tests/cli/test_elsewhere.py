"""Commands where they were not meant to be typed, and databases that were not prepared: one line, and nothing left."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app import embedded
from app.domain.people import SYSTEM, Via
from app.domain.policy.terms import Stage, Terms
from app.services.bundle import build_services
from app.store.engine import make_engine
from tests.cli.test_refusals import begun, refusal
from tests.database_server import Server
from tests.factories import make_person, make_request
from tests.processes import prepared
from tests.processes.harness import SECRET_KEY, assent, environment
from tests.webprocess import Web

pytestmark = pytest.mark.processes
LONG = timedelta(hours=12)
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


@pytest.mark.parametrize("words", ["user list", "db upgrade", "keys list", "keys new", "worker", "approvals list"])
def test_a_command_in_another_folder_leaves_nothing_there(tmp_path: Path, words: str) -> None:
    line = refusal(prepared.run(words.split(), environment(), 60, tmp_path))
    assert "ASSENT_DATA_DIR" in line or "ASSENT_DATABASE_URL" in line
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def outsider(postgres_server: Server, empty_database_url: str) -> Iterator[str]:
    """The address of an empty database for an account that may only connect."""
    name, password = f"outsider_{secrets.token_hex(4)}", secrets.token_hex(8)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(name), password))
        parts = urlsplit(empty_database_url)
        place = parts.netloc.rpartition("@")[2]
        yield urlunsplit(parts._replace(netloc=f"{name}:{quote(password)}@{place}"))
        database = sql.Identifier(parts.path[1:])
        connection.execute(sql.SQL("alter database {} owner to current_user").format(database))
        connection.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_missing_right_is_said_in_one_line_and_the_documented_sql_gives_it(
    outsider: str, empty_database_url: str
) -> None:
    line = refusal(assent("db", "upgrade", ASSENT_DATABASE_URL=outsider, ASSENT_SECRET_KEY=SECRET_KEY))
    assert line.startswith(
        "assent: ASSENT_DATABASE_URL: the account lacks a right: permission denied for schema public"
    )
    parts = urlsplit(outsider)
    role, database = str(parts.username), parts.path[1:]
    [block] = re.findall(r"(?s)```sql\n(.*?)```", OPERATING.read_text())
    statements = [line for line in block.splitlines() if not line.startswith("\\")]
    assert statements[0].startswith("CREATE ROLE assent LOGIN") and statements[1].startswith("CREATE DATABASE assent ")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        # The role and the database are there; the latter is given away as the document creates it.
        owner = sql.SQL("alter database {} owner to {}").format(sql.Identifier(database), sql.Identifier(role))
        connection.execute(owner)
        for statement in statements[2:]:
            connection.execute(statement.replace("TO assent", f"TO {role}").encode())
    done = assent("db", "upgrade", ASSENT_DATABASE_URL=outsider, ASSENT_SECRET_KEY=SECRET_KEY)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select to_regclass('lesson_vectors') is not null").fetchone() == (True,)


def test_tables_of_somebody_else_are_said_in_one_line(database_url: str) -> None:
    role = f"outsider_{secrets.token_hex(4)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'x'").format(sql.Identifier(role)))
        parts = urlsplit(database_url)
        url = urlunsplit(parts._replace(netloc=f"{role}:x@{parts.netloc.rpartition('@')[2]}"))
        try:
            for command in ("user list", "web", "worker"):
                line = refusal(begun(*command.split(), ASSENT_DATABASE_URL=url, ASSENT_SECRET_KEY=SECRET_KEY))
                assert "lacks a right" in line
        finally:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_a_second_web_process_on_the_same_port_is_named(database_url: str) -> None:
    web = Web(database_url)
    web.start()
    try:
        settings = {"ASSENT_DATABASE_URL": database_url, "ASSENT_SECRET_KEY": SECRET_KEY, "ASSENT_PORT": str(web.port)}
        line = refusal(begun("web", **settings))
        assert "another web process of Assent" in line and "ASSENT_REUSE_PORT" in line
    finally:
        web.stop()


def test_a_user_id_without_an_account_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.os, "geteuid", lambda: 2_000_000_017)
    with pytest.raises(embedded.EmbeddedError, match="user ID 2000000017, which has no account") as caught:
        embedded.EmbeddedServer(tmp_path).start()
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "postgres.new").exists()


def test_a_decision_that_needs_a_recent_sign_in_is_made_with_a_link(database_url: str) -> None:
    engine = make_engine(database_url)
    services = build_services(engine)
    try:
        person, other = make_person(services.sessions, "DBA on call"), make_person(services.sessions, "Reviewer")
        careful = Terms(name="careful", stages=(Stage(),), deadline_seconds=3600, reauthenticate_seconds=600)
        request = make_request(services.sessions, terms=careful)
        links = {who.id: services.people.make_link(SYSTEM, who.id) for who in (person, other)}
        settings = {"ASSENT_DATABASE_URL": database_url, "ASSENT_SECRET_KEY": SECRET_KEY}
        words = ("approvals", "decide", request.id, "approve", "--digest", request.digest, "--as", person.email)
        assert "--link" in refusal(assent(*words, **settings))
        assert "not one of the person" in refusal(assent(*words, "--link", links[other.id], **settings))
        done = assent(*words, "--link", f"https://assent.example.com/sign-in/{links[person.id]}", **settings)
        assert done.returncode == 0, done.stderr
        assert services.sign_ins.of(person.as_actor(Via.PAGE), lifetime=LONG) == []
        assert "already" in refusal(assent(*words, "--link", links[person.id], **settings))
    finally:
        engine.dispose()
