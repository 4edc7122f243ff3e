"""Lists narrowed by words, teams and people: always exact, and found without reading what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from app.domain.lifecycle import RequestState
from app.domain.people import Actor, Role, Sight, Via
from app.services.reading import queue_search
from app.services.reading.queue_filter import QueueFilter
from tests.factories import make_person, make_request, make_run
from tests.services.desk import Desk
from tests.services.test_queue_order import all_ids, empty_queue

PIECES = [
    "Drop",
    "drop ",
    "50%",
    "_",
    "\\",
    "Größe",
    "größe",
    "ΟΔΟΣ",
    "İz",
    "日本",
    "é",
    "a",
    "in",
    "index",
    " ",
    "x.y",
]
TITLES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join).filter(str.strip)
WORDS = st.lists(st.sampled_from([*PIECES, "PEN", "nd", "test agent", "no such thing", "$"]), min_size=1, max_size=3)
TEAMS = ("dba", "payments")


def as_searched(title: str, workflow: str, agent: str, searched: str) -> bool:
    """What a search promises, in Python: each word is in one of the three, whatever its case."""
    parts = [lower(part) for part in (title, workflow, agent)]
    return all(any(lower(word) in part for part in parts) for word in searched.split())


def lower(words: str) -> str:
    """As PostgreSQL does it: whether a sigma is the last of its word does not matter."""
    return words.lower().replace("ς", "σ")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TITLES, st.sampled_from(("", *TEAMS)), st.booleans()), min_size=1, max_size=9),
    words=st.one_of(st.just([]), WORDS),
    team=st.sampled_from(("", *TEAMS)),
    limit=st.integers(1, 4),
    top=st.integers(0, 10),
)
def test_both_ways_find_the_same_in_the_same_order(
    desk: Desk, rows: list[tuple[str, str, bool]], words: list[str], team: str, limit: int, top: int
) -> None:
    """However many requests are looked through before it is decided how to find the rest."""
    empty_queue(desk)
    run = make_run(desk.sessions)
    made = [
        make_request(
            desk.sessions, run, title=title, agent="test agent", addressed_to=[f"team:{asked}"] if asked else [],
            state=RequestState.APPROVED if resolved else RequestState.PENDING,
            resolved_at=desk.clock() if resolved else None,
        )
        for title, asked, resolved in rows
    ]  # fmt: skip
    searched = " ".join(words)
    for resolved in (False, True):
        wanted = QueueFilter(text=searched, team=team, resolved=resolved)
        expected = {
            request.id
            for request, (title, asked, ended) in zip(made, rows, strict=True)
            if ended is resolved and as_searched(title, request.workflow, request.agent, searched)
            and (not team or asked == team)
        }  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            in_order = [row.id for row in desk.queue.page(replace(wanted, text="", team="")).rows]
            patch.setattr(queue_search, "TOP", top)
            assert all_ids(desk, wanted, limit) == [one for one in in_order if one in expected]
            assert desk.queue.page(wanted, limit=limit).total == len(expected)


@pytest.fixture
def long_desk(own_desk: Desk) -> Desk:
    """Five thousand requests that are pending and as many that are resolved; one in a thousand is a rare one."""
    desk = own_desk
    make_request(desk.sessions, make_run(desk.sessions), addressed_to=["team:dba"])
    with desk.engine.begin() as connection:
        columns = [
            row[0]
            for row in connection.execute(
                text("select column_name from information_schema.columns where table_name = 'approval_requests'")
            )
        ]
        changed = {
            "id": "gen_random_uuid()::text",
            "interrupt_id": "gen_random_uuid()::text",
            "title": "case when n % 1000 = 7 then 'Zebra crossing' else 'Create index ' || n end",
            "workflow": "case when n % 1000 = 7 then 'rare_flow' else workflow end",
            "addressed_to": "case when n % 1000 = 7 then array['team:payments'] else addressed_to end",
            # The order of the list is not the order in which they lie.
            "attention_at": "attention_at + (n * 7919 % 10007) * interval '1 second'",
            "state": "case when n % 2 = 0 then 'approved' else state end",
            "resolved_at": "case when n % 2 = 0 then attention_at + n * interval '1 second' end",
        }
        # Rare ones are resolved, too.
        picked = ", ".join(changed.get(name, name) for name in columns)
        connection.execute(
            text(
                f"insert into approval_requests ({', '.join(columns)}) select {picked} from approval_requests, "
                "(select n from generate_series(1, 10000) as n) as numbers"
            )
        )
        connection.execute(
            text("update approval_requests set state = 'approved', resolved_at = attention_at "
                 "where title = 'Zebra crossing' and ctid in "
                 "(select ctid from approval_requests where title = 'Zebra crossing' limit 5)")
        )  # fmt: skip
    with desk.engine.connect() as connection:
        connection.execute(text("analyze approval_requests"))
    return desk


def rows_read(desk: Desk, wanted: QueueFilter) -> tuple[int, int]:
    """How many rows of the page there are, and how many requests PostgreSQL read for it."""
    page, read = read_for(desk, lambda: desk.queue.page(wanted), "approval_requests")
    return len(page.rows), read


def read_for(desk: Desk, act: Callable[[], Any], table: str) -> tuple[Any, int]:
    """What `act` gives, and how many rows of a table PostgreSQL read for it."""
    statements: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        statements.append((arguments[2], arguments[3]))

    event.listen(desk.engine, "before_cursor_execute", note)
    try:
        found = act()
    finally:
        event.remove(desk.engine, "before_cursor_execute", note)
    read = 0
    with desk.engine.connect() as connection:
        for statement, values in statements:
            plan = connection.exec_driver_sql(f"explain (analyze, format json) {statement}", values).scalar_one()
            read += sum(scanned(plan[0]["Plan"], table))
    return found, read


def scanned(plan: dict[str, Any], table: str) -> Iterator[int]:
    """The rows of a table that each scan of a plan looked at."""
    if plan.get("Relation Name") == table:
        yield plan["Actual Loops"] * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
    for part in plan.get("Plans", ()):
        yield from scanned(part, table)


RARE = [
    ({"text": "zebra"}, 5),
    ({"text": "zebra crossing", "team": "payments"}, 5),
    ({"team": "payments"}, 5),
    ({"workflow": "rare_flow"}, 5),
    ({"workflow": "rare_flow", "risk": "medium"}, 5),
    ({"text": "nowhere"}, 0),
    ({"text": "zq"}, 0),
    ({"team": "nobody"}, 0),
    ({"risk": "critical"}, 0),
    ({"kind": "question"}, 0),
    ({"viewer": Actor("agent", "x", "nobody's agent", sight=Sight.ACCOUNT)}, 0),
]


def test_a_rare_match_is_found_without_reading_what_does_not_fit(long_desk: Desk) -> None:
    for resolved in (False, True):
        for filters, number in RARE:
            found, read = rows_read(long_desk, QueueFilter(**filters, resolved=resolved))
            assert found == number, f"{filters}, resolved={resolved}"
            assert read <= queue_search.TOP + 100, f"{filters}, resolved={resolved}"


def test_what_is_assigned_to_somebody_is_found_without_reading_what_is_not(long_desk: Desk) -> None:
    person = make_person(long_desk.sessions, "Somebody", [Role.REVIEWER])
    with long_desk.engine.begin() as connection:
        connection.execute(
            text("update approval_requests set assigned_to_id = :id where title = 'Create index 9001'"),
            {"id": person.id},
        )
    found, read = rows_read(long_desk, QueueFilter(mine=person.as_actor(Via.PAGE).member))
    assert found == 1
    assert read <= queue_search.TOP + 100


def test_the_work_of_a_person_is_counted_without_reading_what_is_not_theirs(long_desk: Desk) -> None:
    person = make_person(long_desk.sessions, "Of no busy team", [Role.REVIEWER], ["payments"])
    actor = person.as_actor(Via.PAGE)
    mine = {"mine": QueueFilter(mine=actor.member), "words": QueueFilter(text="zebra")}
    for act in (lambda: long_desk.queue.own(actor), lambda: long_desk.queue.counts(mine)):
        _, read = read_for(long_desk, act, "approval_requests")
        assert read <= 3 * queue_search.TOP, "neither the whole queue nor what was settled long ago"


def test_what_many_have_in_common_is_found_along_the_list(long_desk: Desk) -> None:
    for filters in ({"text": "CREATE index", "team": "dba"}, {"text": "create 5"}, {"team": "dba"}):
        for resolved in (False, True):
            found, read = rows_read(long_desk, QueueFilter(**filters, resolved=resolved))
            assert found == 50
            assert read < 4_500, f"{filters}, resolved={resolved}"


def test_a_plan_that_is_kept_for_all_words_finds_rare_ones_as_quickly(long_desk: Desk) -> None:
    """After some uses PostgreSQL keeps one plan for a statement, whatever is looked for."""
    for _ in range(12):
        long_desk.queue.page(QueueFilter(text="index", team="dba"))
    assert rows_read(long_desk, QueueFilter(text="zebra", team="payments"))[1] <= queue_search.TOP + 100


def test_the_index_has_the_very_keys_that_are_looked_for(desk: Desk) -> None:
    with desk.engine.connect() as connection:
        definition = connection.execute(
            text("select indexdef from pg_indexes where indexname = 'ix_approval_requests_search'")
        ).scalar_one()
    assert re.search(r"gin \(assent_search_keys\(title, workflow, agent\), addressed_to\)", definition)
