"""The schema: made by migrations alone, safe to bring up to date from several places, refused when it does not fit."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from app.cli.schema import check_everything, upgrade_everything
from app.store import calls, migrate, notify, people, policies, record, requests, runs, tokens  # noqa: F401 - their tables are part of the metadata
from app.store.base import metadata
from app.store.engine import make_engine


def test_the_migrations_make_what_the_models_say(database_url):
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_several_upgrades_at_once_end_in_one_schema(empty_database_url):
    problems = []

    def upgrade():
        try:
            upgrade_everything(empty_database_url)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    check_everything(empty_database_url)


def test_a_second_upgrade_changes_nothing_and_is_quick(database_url):
    started = time.monotonic()
    upgrade_everything(database_url)
    assert time.monotonic() - started < 5
    check_everything(database_url)


def test_an_empty_database_is_refused(empty_database_url):
    with pytest.raises(migrate.SchemaError, match=r"is empty: .*assent db upgrade"):
        migrate.check(empty_database_url)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for act in (migrate.check, migrate.upgrade):
        with pytest.raises(migrate.SchemaError, match="is ahead"):
            act(database_url)


@pytest.mark.parametrize(("level", "words"), [("00.00.00_01_initial.sql", "behind"), ("99.00.00_01_x.sql", "newer")])
def test_the_job_queues_tables_are_compared_too(database_url, level, words):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE procrastinate_schema_level SET level = %s", (level,))
    with pytest.raises(migrate.SchemaError, match=words):
        migrate.check(database_url)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM checkpoint_migrations WHERE v > 2", "behind"),
        ("INSERT INTO checkpoint_migrations VALUES (999)", "newer"),
    ],
)
def test_langgraphs_tables_are_compared_for_processes_that_run_graphs(database_url, change, words):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(change)
    migrate.check(database_url)
    with pytest.raises(migrate.SchemaError, match=words):
        check_everything(database_url)


def test_newer_files_of_procrastinate_are_applied_in_order(database_url, monkeypatch):
    files = migrate._procrastinate_files()
    monkeypatch.setattr(migrate, "_procrastinate_files", lambda: [*files, "98.00.00_01_a.sql", "98.00.00_02_b.sql"])
    real = migrate._procrastinate_text
    texts = {
        "migrations/98.00.00_01_a.sql": "CREATE TABLE later (a int)",
        "migrations/98.00.00_02_b.sql": "ALTER TABLE later ADD b int",
    }
    monkeypatch.setattr(migrate, "_procrastinate_text", lambda path: texts.get(path) or real(path))
    with pytest.raises(migrate.SchemaError, match="behind"):
        migrate.check(database_url)
    migrate.upgrade(database_url)
    migrate.check(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT a, b FROM later").fetchall() == []


def test_an_unreachable_database_is_told_in_one_line_without_its_password():
    with pytest.raises(migrate.UnreachableError) as caught:
        migrate.check("postgresql://somebody:hunter2secret@127.0.0.1:1/assent")
    assert "\n" not in str(caught.value)
    assert "hunter2secret" not in str(caught.value)
    assert str(caught.value).startswith("ASSENT_DATABASE_URL: ")
