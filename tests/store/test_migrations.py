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
from app.store.thread_order import order_threads


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


UNNUMBERED = """
    drop trigger assent_order_checkpoint on checkpoints; alter table checkpoints drop column assent_seq"""
STORED = {
    "in order": [("1", None), ("2", "1"), ("3", "2")],
    "a worker behind": [("5", None), ("9", "5"), ("3", "9"), ("4", "3"), ("6", "4")],
    "one that caught up": [("5", None), ("9", "5"), ("4", "9"), ("91", "9")],
    "asked twice": [("9", None), ("3", "9"), ("5", "9"), ("4", "3")],
    "pruned": [("2", "gone"), ("3", "2")],
    "begun twice": [("1", None), ("2", "1"), ("3", "2"), ("4", None), ("5", "4")],
    "its own parent": [("1", "1"), ("2", "1")],
}
"""Checkpoints of threads with their parents, in the order in which they are to be numbered."""


def test_stored_checkpoints_are_numbered_by_parents_where_clocks_differed(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(UNNUMBERED)
        with pytest.raises(migrate.SchemaError, match=r"not numbered yet: run `assent db upgrade`"):
            check_everything(database_url)
        for thread, rows in STORED.items():
            for namespace in ("", "inner"):
                for name, parent in reversed(rows):
                    connection.execute(
                        "insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, "
                        "checkpoint) values (%s, %s, %s, %s, '{}')",
                        (thread, namespace, name, parent),
                    )
        for _ in range(2):
            upgrade_everything(database_url)
            check_everything(database_url)
            found = connection.execute(
                "select thread_id, checkpoint_ns, array_agg(checkpoint_id order by assent_seq), min(assent_seq), "
                "max(assent_seq) from checkpoints group by 1, 2"
            ).fetchall()
            expected = [
                (thread, namespace, [name for name, _ in rows], 1, len(rows))
                for thread, rows in STORED.items()
                for namespace in ("", "inner")
            ]
            assert sorted(found) == sorted(expected)


def test_langgraphs_own_migrations_may_follow_the_numbering(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from checkpoint_migrations where v > 0")
        upgrade_everything(database_url)
        check_everything(database_url)
        connection.execute("alter table checkpoints disable trigger assent_order_checkpoint")
        with pytest.raises(migrate.SchemaError, match="not numbered yet"):
            check_everything(database_url)
        connection.execute("drop trigger assent_order_checkpoint on checkpoints")
        order_threads(connection)
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
