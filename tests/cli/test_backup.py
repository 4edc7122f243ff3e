"""A backup, and what is restored from it."""

from __future__ import annotations

import stat

import pytest

from app.services.bundle import build_services
from app.store.engine import make_engine
from tests.cli.test_refusals import refusal
from tests.factories import make_person
from tests.processes.harness import SECRET_KEY, assent

pytestmark = pytest.mark.processes


def test_what_was_backed_up_is_restored_into_an_empty_database(database_url, empty_database_url, tmp_path):
    engine = make_engine(database_url)
    person = make_person(build_services(engine).sessions, "Reviewer on call")
    engine.dispose()
    file, key = tmp_path / "assent.dump", {"ASSENT_SECRET_KEY": SECRET_KEY}
    done = assent("db", "backup", str(file), ASSENT_DATABASE_URL=database_url, **key)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["assent.dump"]

    assert "not empty" in refusal(assent("db", "restore", str(file), ASSENT_DATABASE_URL=database_url, **key))
    done = assent("db", "restore", str(file), ASSENT_DATABASE_URL=empty_database_url, **key)
    assert done.returncode == 0, done.stderr
    assert person.email in assent("user", "list", ASSENT_DATABASE_URL=empty_database_url, **key).stdout


def test_what_is_no_backup_changes_nothing(empty_database_url, tmp_path):
    (tmp_path / "other").write_text("not a dump")
    settings = {"ASSENT_DATABASE_URL": empty_database_url, "ASSENT_SECRET_KEY": SECRET_KEY}
    assert "pg_restore" in refusal(assent("db", "restore", str(tmp_path / "other"), **settings))
    line = refusal(assent("db", "backup", str(tmp_path / "none" / "dump"), **settings))
    assert "cannot be written" in line
