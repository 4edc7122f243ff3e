"""The schema: made by migrations alone, safe to bring up to date from several places, refused when it does not fit."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import ProgrammingError

from app.cli.schema import check_everything, upgrade_everything
from app.store import calls, demo, lessons, migrate, notify, people, policies, record, requests, runs, tokens, tools  # noqa: F401 - their tables are part of the metadata
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
    with pytest.raises(migrate.SchemaVersionError, match=r"is empty: .*assent db upgrade"):
        migrate.check(empty_database_url)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for act in (migrate.check, migrate.upgrade):
        with pytest.raises(migrate.SchemaVersionError, match="is ahead"):
            act(database_url)


@pytest.mark.parametrize(("level", "words"), [("00.00.00_01_initial.sql", "behind"), ("99.00.00_01_x.sql", "newer")])
def test_the_job_queues_tables_are_compared_too(database_url, level, words):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE procrastinate_schema_level SET level = %s", (level,))
    with pytest.raises(migrate.SchemaVersionError, match=words):
        migrate.check(database_url)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM checkpoint_migrations WHERE v > 2", "out of date"),
        ("INSERT INTO checkpoint_migrations VALUES (999)", "newer"),
    ],
)
def test_langgraphs_tables_are_compared_for_processes_that_run_graphs(database_url, change, words):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(change)
    migrate.check(database_url)
    with pytest.raises(migrate.SchemaVersionError, match=words):
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
        with pytest.raises(migrate.SchemaVersionError, match=r"not numbered yet: run `assent db upgrade`"):
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
        with pytest.raises(migrate.SchemaVersionError, match="not numbered yet"):
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
    with pytest.raises(migrate.SchemaVersionError, match="behind"):
        migrate.check(database_url)
    migrate.upgrade(database_url)
    migrate.check(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT a, b FROM later").fetchall() == []


def test_an_unreachable_database_is_told_in_one_line_without_its_password():
    with pytest.raises(migrate.DatabaseUnreachableError) as caught:
        migrate.check("postgresql://somebody:hunter2secret@127.0.0.1:1/assent")
    assert "\n" not in str(caught.value)
    assert "hunter2secret" not in str(caught.value)
    assert str(caught.value).startswith("ASSENT_DATABASE_URL: ")


@pytest.fixture
def downgrade(database_url):
    """Takes the test's database back to a revision."""

    def go(revision):
        engine, config = make_engine(database_url), Config()
        config.set_main_option("script_location", str(migrate.MIGRATIONS))
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, revision)
        engine.dispose()

    return go


def test_an_upgrade_that_fails_changes_nothing(database_url, downgrade):
    downgrade("0029")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table decision_samples ()")  # 0032 makes one, after 0030 has made others
        with pytest.raises(ProgrammingError, match="already exists"):
            migrate.upgrade(database_url)
        assert migrate.current_and_head(database_url)[0] == "0029"
        assert connection.execute("select to_regclass('audit_blocks') is null").fetchone() == (True,)
        connection.execute("drop table decision_samples")
    migrate.upgrade(database_url)
    check_everything(database_url)


AGENTS_BEFORE = """
insert into people (id, name, email, roles, active)
    values ('owner', 'Owner', 'owner@example.org', '["reviewer"]', true);
insert into runs (id, workflow, workflow_version, title, input, started_by_id, started_by_name, state, version, attempt,
    control) select name, 'w', '1', 'Run', '{}', 'owner', name, 'suspended', 1, 0, ''
from unnest(array['by-agent', 'by-person']) as name;
insert into approval_requests (id, run_id, workflow, node, agent, interrupt_id, dialect, value_digest, kind, title,
    environment, payload, digest, proposed_digest, assessment, risk, terms, requester_id, requester_name, state, note,
    version, approvals, quorum, priority, revision, opened_at, expires_at, attention_at, extended, escalation, stage,
    warned, claimed_by_name, assigned_to_name, answered_by)
select name, run, 'w', '', '', name, 'assent', '', 'custom', 'T', '', '{}', 'd', 'd', '{}', 'low', '{}', 'owner',
    'Owner', 'pending', '', 1, 0, 1, 0, 1, now(), now(), now(), 0, 0, 0, false, '', '', ''
from (values ('of agent', null), ('of person', null), ('of agent run', 'by-agent'), ('of person run', 'by-person'))
    as asked (name, run);
insert into comments (id, request_id, person_id, person_name, body, at)
select name, 'of agent', 'owner', name, 'Hm.', '2026-01-01T00:00:00Z'
from unnest(array['Deploy agent', 'Owner']) as name;
insert into audit_entries (at, actor_kind, actor_id, actor_name, via, source, action, request_id, run_id, detail) values
    (now(), 'agent', 'owner', 'Deploy agent', 'api', '', 'run.started', null, 'by-agent', '{}'),
    (now(), 'person', 'owner', 'Owner', 'page', '', 'run.started', null, 'by-person', '{}'),
    (now(), 'agent', 'owner', 'Deploy agent', 'api', '', 'request.opened', 'of agent', null, '{}'),
    (now(), 'person', 'owner', 'Owner', 'api', '', 'request.opened', 'of person', null, '{}'),
    (now(), 'agent', '', 'planner', 'worker', '', 'request.opened', 'of agent run', 'by-agent', '{}'),
    (now(), 'agent', '', 'planner', 'worker', '', 'request.opened', 'of person run', 'by-person', '{}'),
    ('2026-01-01T00:00:00Z', 'agent', 'owner', 'Deploy agent', 'api', '', 'request.commented', 'of agent', null, '{}'),
    ('2026-01-01T00:00:00Z', 'person', 'owner', 'Owner', 'page', '', 'request.commented', 'of agent', null, '{}');
"""
"""What an agent and the person who answers for it did before the portal kept the two apart."""


def test_agents_go_on_seeing_what_they_opened_before(database_url, downgrade):
    downgrade("0020")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(AGENTS_BEFORE)
        upgrade_everything(database_url)
        requests_of = dict(connection.execute("select id, opened_by_agent from approval_requests").fetchall())
        runs_of = dict(connection.execute("select id, started_by_agent from runs").fetchall())
        remarks = dict(connection.execute("select id, by_agent from comments").fetchall())
    agent = "Deploy agent"
    assert requests_of == {"of agent": agent, "of person": "", "of agent run": agent, "of person run": ""}
    assert runs_of == {"by-agent": agent, "by-person": ""}
    assert remarks == {agent: True, "Owner": False}


def test_saved_views_of_decided_requests_are_removed(database_url, downgrade):
    downgrade("0053")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("""
            insert into people (id, name, email, roles, active)
                values ('owner', 'Owner', 'owner@example.org', '["reviewer"]', true);
            insert into saved_views (id, person_id, name, filters, created_at) values
                ('1', 'owner', 'Decided', '{"resolved":"1","risk":"high"}', now()),
                ('2', 'owner', 'Text', '{"text":"resolved"}', now())
        """)
        upgrade_everything(database_url)
        assert connection.execute("select name from saved_views").fetchall() == [("Text",)]


def test_events_that_were_to_be_planned_still_are_after_the_upgrade(database_url, downgrade):
    downgrade("0028")
    with psycopg.connect(database_url, autocommit=True) as connection:
        write = "insert into events (at, kind, payload) values (now(), 'request.opened', '{}') returning id"
        [first] = connection.execute(write).fetchone()
        jobs = "select count(*) from procrastinate_jobs where task_name = 'notify.fan_out'"
        assert connection.execute(jobs).fetchone() == (1,)
        upgrade_everything(database_url)
        [second] = connection.execute(write).fetchone()
        unplanned = connection.execute("select event_id from unplanned_events order by 1").fetchall()
        assert unplanned == [(first,), (second,)]
        assert connection.execute(jobs).fetchone() == (0,)
        downgrade("0028")
        args = "select args -> 'events' from procrastinate_jobs where task_name = 'notify.fan_out'"
        assert connection.execute(args).fetchone() == ([first, second],)


def test_a_batch_of_events_is_announced_in_few_notifications_before_and_after_the_triggers_were_joined(
    database_url, downgrade
):
    write = """
        insert into events (at, kind, payload)
            select now(), case when number = 1 then 'request.opened' else 'step.started' end, '{}'
            from generate_series(1, %s) as number"""
    for revision in (None, "0032"):
        if revision:
            downgrade(revision)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("delete from unplanned_events; delete from events")
            connection.execute("listen assent_events")
            for rows in (1, 350, 351, 0):
                connection.execute(write, (rows,))
            told = [notice.payload.split(",") for notice in connection.notifies(timeout=1)]
            stored = [str(event) for (event,) in connection.execute("select id from events order by id")]
            unplanned = connection.execute("select count(*) from unplanned_events").fetchone()
        assert [len(ids) for ids in told] == [1, 350, 350, 1]
        assert [event for ids in told for event in ids] == stored
        assert unplanned == (3,)
