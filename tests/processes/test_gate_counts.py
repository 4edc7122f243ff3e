"""What a cycle of the gate costs in trips to PostgreSQL and in commits: figures without noise, so they are held."""

from __future__ import annotations

import psycopg
import pytest

from bench.gate_counts import Counts, own
from bench.gate_sides import Bare, portal
from bench.wire import counted

TRIPS, COMMITS = 0, -2
"""What the portal may take in a cycle beside what bare LangGraph takes for the same graph: it commits less often."""


def test_trips_and_commits_are_counted(database_url: str) -> None:
    with counted(database_url, "client") as (counter, addresses):
        with psycopg.connect(addresses["client"], autocommit=True, application_name="counted") as client:
            client.execute("create temporary table notes (text text)")
            counter.take()
            client.execute("insert into notes values (%s)", ("one",))
            with client.transaction():
                client.execute("insert into notes values (%s)", ("two",))
                client.execute("insert into notes values ('three')")
            with client.pipeline():
                client.execute("insert into notes values (%s)", ("four",))
                client.execute("insert into notes values (%s)", ("five",))
            with pytest.raises(psycopg.errors.UndefinedColumn):
                client.execute("select missing from notes where text = %s", ("one",))
            assert client.execute("select count(*) from notes").fetchall() == [(5,)]
        trips = counter.take()
    assert {(trip.process, trip.connection) for trip in trips} == {("client", "counted")}
    assert [(trip.statements, trip.commits) for trip in trips] == [
        (["insert into notes values ($1)"], 1),
        (["BEGIN"], 0),
        (["insert into notes values ($1)"], 1),
        (["insert into notes values ('three')"], 0),
        (["COMMIT"], 0),
        (["insert into notes values ($1)"] * 2, 1),
        (["select missing from notes where text = $1"], 0),
        (["select count(*) from notes"], 0),
    ]


@pytest.mark.processes
def test_a_cycle_takes_no_more_trips_and_commits_than_it_did(database_url: str) -> None:
    bare = _sum(Bare(database_url, 0).count(5))
    with portal(database_url, 1, 0, counting=True) as (ours, counter, _):
        counts = ours.count(counter, 10)
    trips, commits = _sum(counts)
    assert trips - bare[0] <= TRIPS, counts
    assert commits - bare[1] <= COMMITS, counts


def _sum(counts: Counts) -> tuple[int, int]:
    """Trips and commits of a cycle. Of what is polled for in between, only parts are left, which are rounded off."""
    return sum(round(line["trips"]) for line in own(counts)), sum(round(line["commits"]) for line in own(counts))
