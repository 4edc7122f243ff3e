"""What cannot work is refused with one clear line and a non-zero exit code, whatever process it is."""

from __future__ import annotations

import socket
import subprocess
import sys

import psycopg
import pytest

from tests.processes import prepared
from tests.processes.harness import ROOT, SECRET_KEY, assent, environment, free_port

pytestmark = pytest.mark.processes

NOWHERE = "postgresql://somebody:swordfish@127.0.0.1:1/assent"


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line; fails when there is more, less, or a success."""
    assert done.returncode not in (0, None), done.stdout
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("assent: ")
    return lines[0]


def begun(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; of `assent web` what it becomes, prepared.

    That the command itself refuses, or becomes that, is shown where `assent` is called.
    """
    if words == ("web",):
        return prepared.run((), environment(**settings), 60.0, module=prepared.WEB)
    return assent(*words, **settings)


@pytest.fixture
def given(tmp_path):
    return {"ASSENT_DATA_DIR": str(tmp_path / "data"), "ASSENT_PORT": str(free_port()), "ASSENT_SECRET_KEY": SECRET_KEY}


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_a_bad_setting(given, command):
    line = refusal(assent(command, **{**given, "ASSENT_PORT": "eighty"}))
    assert line.startswith("assent: ASSENT_PORT: ")


@pytest.mark.parametrize("command", ["serve", "web", "worker", "db upgrade", "user list", "approvals list"])
def test_an_unreachable_database(given, command):
    line = refusal(begun(*command.split(), **given, ASSENT_DATABASE_URL=NOWHERE))
    assert line.startswith("assent: ASSENT_DATABASE_URL: ")
    assert "swordfish" not in line


@pytest.mark.parametrize("command", ["web", "worker", "user list", "run list"])
def test_a_missing_migration(given, command, empty_database_url):
    line = refusal(begun(*command.split(), **given, ASSENT_DATABASE_URL=empty_database_url))
    assert "is empty" in line
    assert "assent db upgrade" in line
    assert "ASSENT_DATA_DIR" in line  # for somebody who named another directory to `bin/dev`


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_a_database_of_a_newer_version(given, command, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "is ahead" in refusal(begun(command, **given, ASSENT_DATABASE_URL=database_url))


@pytest.mark.parametrize("command", ["serve", "web"])
def test_a_port_in_use(given, command, database_url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = refusal(assent(command, **{**given, "ASSENT_PORT": port}, ASSENT_DATABASE_URL=database_url))
    assert line.startswith("assent: ASSENT_PORT: ")
    assert port in line


@pytest.mark.parametrize(("mode", "how"), [("eventlet", begun), ("threading", assent)])
def test_an_address_of_another_machine(given, database_url, mode, how):
    settings = {**given, "ASSENT_HOST": "192.0.2.1", "ASSENT_ASYNC_MODE": mode}
    line = refusal(how("web", **settings, ASSENT_DATABASE_URL=database_url))
    assert line.startswith("assent: ASSENT_HOST: ")


@pytest.mark.parametrize("command", ["web", "worker"])
def test_no_database_at_all(given, command):
    assert "ASSENT_DATABASE_URL: not set" in refusal(assent(command, **given))


def test_the_web_entry_alone_without_a_database(given):
    done = subprocess.run(
        [sys.executable, str(ROOT / "wsgi.py")], env=environment(**given), capture_output=True, text=True, timeout=30
    )
    assert "ASSENT_DATABASE_URL: not set" in refusal(done)


def test_an_unknown_command_says_how_to_find_the_known():
    done = assent("approve-everything")
    assert done.returncode == 2
    assert "--help" in done.stderr
