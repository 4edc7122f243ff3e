"""Searching a long audit log: exact while it grows, and without reading what does not fit."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.people import Role
from app.services.record import search, search_index
from app.services.record.audit import record
from app.services.record.records import Records
from app.services.record.search import AuditFilter
from app.services.record.search_index import AuditIndex
from assent.contracts import Verdict
from assent.digests import canonical
from tests.factories import script
from tests.services.desk import Desk, asked
from tests.services.test_queue_search import lower, read_for

FILL = """
insert into audit_entries (at, actor_kind, actor_id, actor_name, via, source, action, request_id, detail)
select now() - interval '1 day' + n * interval '1 second', 'person', 'person-' || n % 40,
    case when n = 3000 then 'Zoë Quint' when n <= 1000 and n % 10 = 0 then 'Old Hand'
        else 'Reviewer ' || n % 40 end, 'page', '', 'request.decided', 'request-' || n,
    '{"digest": "' || encode(sha256(n::text::bytea), 'hex') || '", "words": "Create ' || n || ' indexes"}'
from generate_series(1, 6000) as n"""


@pytest.fixture
def log(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Six thousand entries, most of them in blocks."""
    monkeypatch.setattr(search_index, "ENOUGH", 500)
    monkeypatch.setattr(search, "LOOKED_THROUGH", 1_000)
    with own_desk.engine.begin() as connection:
        connection.execute(text(FILL))
    with own_desk.engine.connect() as connection:
        connection.execute(text("analyze"))
    index = AuditIndex(own_desk.sessions)
    while index.extend().made:
        pass
    return own_desk


def test_who_approved_something_is_found_by_its_title(
    own_desk: Desk, auditor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Among the newest entries, in blocks, and before the blocks are made."""
    monkeypatch.setattr(search_index, "ENOUGH", 500)
    monkeypatch.setattr(search, "LOOKED_THROUGH", 1_000)
    decider = own_desk.person("The decider")
    asking = script("select 1", "Rebuild the Mönd index")
    for verdict, run in ((Verdict.APPROVE, own_desk.run()), (Verdict.REJECT, own_desk.run(title="Nightly Closing"))):
        [request] = own_desk.suspend(run, asked(asking))
        own_desk.decide(request, decider, verdict, comment="Because.")
    records = Records(own_desk.sessions, own_desk.clock)

    def found(**wanted: str) -> list[tuple[str, str]]:
        page = records.page(auditor, AuditFilter(**wanted))
        return [(entry.actor_name, page.titles[entry.request_id or ""]) for entry in page.entries]

    def check() -> None:
        assert found(title="the MÖND ind", action="request.decided:approve") == [("The decider", asking["title"])]
        assert found(title="nightly", action="request.decided:reject") == [("The decider", asking["title"])]
        assert found(title="nightly", action="request.decided:approve") == []
        assert len(found(title="Mönd", action="request.decided")) == 2
        assert found(title="no such title") == found(title="zq") == []

    check()
    with own_desk.engine.begin() as connection:
        connection.execute(text(FILL))
        connection.execute(text("analyze"))
    check()
    index = AuditIndex(own_desk.sessions)
    while index.extend().made:
        pass
    check()
    wanted = AuditFilter(title="the mönd index", action="request.decided:approve")
    entries, read = read_for(own_desk, lambda: records.page(auditor, wanted).entries, "audit_entries")
    assert len(entries) == 1 and read <= search.LOOKED_THROUGH + 500 + 20 * search_index.BLOCK


@pytest.fixture
def auditor(own_desk: Desk) -> Any:
    return own_desk.person("Auditor", [Role.AUDITOR])


FEW: list[tuple[dict[str, str], list[int]]] = [
    ({"text": "CREATE 3000 indexes"}, [3000]),
    ({"text": "no such words"}, []),
    ({"text": "zq"}, []),
    ({"actor": "zoë Q"}, [3000]),
    ({"actor": "person-40"}, []),
    ({"actor": "Zoë", "text": "3000 in"}, [3000]),
    ({"actor": "Zoë", "text": "3001 in"}, []),
    ({"text": "create 5990 indexes"}, [5990]),
    ({"text": "create 5 indexes", "action": "request."}, [5]),
]


def test_what_few_entries_have_is_found_without_reading_the_others(log: Desk, auditor: Any) -> None:
    for wanted, found in FEW:
        for period in ({}, {"until": log.clock()}):
            entries, read = entries_and_rows_read(log, auditor, AuditFilter(**wanted, **period))
            assert entries == found, wanted
            assert read <= search.LOOKED_THROUGH + 500 + 20 * search_index.BLOCK, wanted


def test_what_only_old_entries_have_is_found_in_their_blocks(log: Desk, auditor: Any) -> None:
    for period in ({}, {"until": log.clock()}):
        entries, read = entries_and_rows_read(log, auditor, AuditFilter(actor="old hand", **period))
        assert entries == list(range(1_000, 0, -10))
        assert read <= search.LOOKED_THROUGH + 500 + 1_000 + 4 * search_index.BLOCK + len(entries)


def test_what_some_entries_have_is_found_among_newer_ones_first(log: Desk, auditor: Any) -> None:
    entries, _ = entries_and_rows_read(log, auditor, AuditFilter(actor="Reviewer 39"))
    assert entries == list(range(5_999, 5_999 - 100 * 40, -40))


def entries_and_rows_read(log: Desk, auditor: Any, wanted: AuditFilter) -> tuple[list[int], int]:
    """The numbers of the entries of a page, and how many entries PostgreSQL read for it."""
    page, read = read_for(log, lambda: Records(log.sessions, log.clock).page(auditor, wanted), "audit_entries")
    return [int((entry.request_id or "").removeprefix("request-")) for entry in page.entries], read


def test_pages_of_a_search_hold_each_entry_once(log: Desk, auditor: Any) -> None:
    records = Records(log.sessions, log.clock)
    for period in ({}, {"until": log.clock()}):
        numbers, before = [], None
        while True:
            page = records.page(auditor, AuditFilter(text="create 1", actor="Reviewer 7", **period), before, limit=50)
            numbers += [int(entry.request_id.removeprefix("request-")) for entry in page.entries]
            before = page.next_before
            if before is None:
                break
        assert numbers == [
            n for n in range(6_000, 0, -1) if str(n).startswith("1") and str(n % 40).startswith("7") and n != 3000
        ]


def test_an_entry_whose_transaction_is_still_open_is_not_lost(
    own_desk: Desk, auditor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number was given before others that are in blocks already."""
    monkeypatch.setattr(search_index, "ENOUGH", 100)
    monkeypatch.setattr(search_index, "SETTLING_SECONDS", 0.1)
    monkeypatch.setattr(search, "LOOKED_THROUGH", 10)
    index, records = AuditIndex(own_desk.sessions), Records(own_desk.sessions, own_desk.clock)
    address = own_desk.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(address) as late:
        late.execute(
            "insert into audit_entries (at, actor_kind, actor_id, actor_name, via, source, action, detail) "
            """values (now(), 'system', '', 'Assent', 'system', '', 'x', '{"late": "straggler"}')"""
        )
        with own_desk.engine.begin() as connection:
            connection.execute(text(FILL.replace("6000", "500")))
        assert index.extend().made == 0, "somebody may still write"
        late.commit()
    assert index.extend().made > 0
    found = records.page(auditor, AuditFilter(text="STRAGGLER")).entries
    assert [entry.detail for entry in found] == [{"late": "straggler"}]


def test_nothing_is_indexed_while_the_portal_is_busy_unless_too_much_waits(
    own_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "ENOUGH", 100)
    index = AuditIndex(own_desk.sessions)
    index.extend()
    with own_desk.engine.begin() as connection:
        connection.execute(text(FILL.replace("6000", "500")))
    monkeypatch.setattr(search_index, "BUSY", -1.0)
    assert index.extend().made == 0
    monkeypatch.setattr(search_index, "TOO_MANY", 200)
    assert index.extend().made > 0


PIECES = st.sampled_from(["Größe", "größe", "İz", "日本", "é", '"', "\\", "%", "_", "a", "in", "Index", " ", "\n"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    details=st.lists(st.lists(PIECES, max_size=4).map("".join), min_size=1, max_size=8),
    searched=st.lists(PIECES, min_size=1, max_size=3).map("".join),
    indexed=st.integers(0, 8),
    looked=st.integers(0, 8),
)
def test_a_search_finds_parts_of_details_wherever_they_are(
    desk: Desk, details: list[str], searched: str, indexed: int, looked: int
) -> None:
    """Among the newest, in blocks, or behind them."""
    auditor = desk.person("Auditor", [Role.AUDITOR])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "LOOKED_THROUGH", looked)
        patch.setattr(search_index, "ENOUGH", 1)
        for number, words in enumerate(details):
            with desk.sessions.begin() as session:
                record(session, auditor, "test.search", desk.clock(), words=words)
            if number == indexed:
                while AuditIndex(desk.sessions).extend().made:
                    pass
        page = Records(desk.sessions, desk.clock).page(
            auditor, AuditFilter(text=searched, actor=auditor.id, action="test.search")
        )
    stored = [entry.detail["words"] for entry in page.entries]
    expected = [words for words in reversed(details) if lower(searched) in lower(canonical({"words": words}))]
    assert stored == expected
