"""The record as auditors read it: found by every filter, and taken whole as a file."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest

from app.domain.errors import ForbiddenError, InvalidInputError
from app.domain.people import Role
from app.services.record import exports
from app.services.record.audit import record
from app.services.record.exports import ExportFormat
from app.services.record.records import Records
from app.services.record.search import AuditFilter
from assent.contracts import Verdict
from tests.services.desk import Desk


@pytest.fixture
def auditor(own_desk: Desk):
    return own_desk.person("Auditor", [Role.AUDITOR])


@pytest.fixture
def kept(own_desk: Desk, auditor) -> Records:
    """The record of one request that was commented on, a day later rejected."""
    request = own_desk.open()
    reviewer = own_desk.person("=cmd()")
    own_desk.checkpoints.comment(request.id, reviewer, 'Ünïcode, "quoted"\nand two lines')
    own_desk.clock.ahead = timedelta(hours=10)
    own_desk.decide(request, reviewer, Verdict.REJECT, comment="because of the moon")
    return Records(own_desk.sessions, own_desk.clock)


def actions(kept: Records, auditor, **wanted) -> list[str]:
    return [entry.action for entry in kept.page(auditor, AuditFilter(**wanted)).entries]


def test_words_in_the_details_are_found_whatever_their_case(kept, auditor):
    assert actions(kept, auditor, text="The MOON") == ["request.decided"]
    assert actions(kept, auditor, text="100%_") == []


def test_a_period_holds_what_happened_in_it(kept, auditor, own_desk):
    later = own_desk.clock() - timedelta(hours=5)
    assert set(actions(kept, auditor, since=later)) == {"request.decided", "request.resolved"}
    assert set(actions(kept, auditor, until=later)) == {"request.opened", "request.commented"}


def test_the_beginning_of_an_action_finds_all_of_its_kind(kept, auditor):
    assert len(actions(kept, auditor, action="request.")) == 4
    assert actions(kept, auditor, action="request.re") == ["request.resolved"]


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_json_lines_hold_every_entry_once_and_oldest_first(kept, auditor, monkeypatch, chunk):
    monkeypatch.setattr(exports, "LINES_AT_ONCE", chunk)
    lines = "".join(kept.export(auditor, AuditFilter(), ExportFormat.JSON_LINES)).splitlines()
    read = [json.loads(line) for line in lines]
    assert [entry["seq"] for entry in read] == sorted({entry["seq"] for entry in read})
    assert [entry["action"] for entry in read] == [
        "request.opened", "request.commented", "request.decided", "request.resolved",
    ]  # fmt: skip
    assert read[2]["detail"]["comment"] == "because of the moon"


def test_csv_is_read_back_and_no_cell_is_a_formula(kept, auditor):
    text = "".join(kept.export(auditor, AuditFilter(actor="=cmd"), ExportFormat.CSV))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["actor_name"] for row in rows] == ["'=cmd()"] * 2
    assert json.loads(rows[1]["detail"])["comment"] == "because of the moon"


def test_an_export_is_on_the_record_with_what_was_asked(kept, auditor):
    list(kept.export(auditor, AuditFilter(action="run."), ExportFormat.CSV))
    entry = kept.page(auditor, AuditFilter(action="record.exported")).entries[0]
    assert (entry.actor_name, entry.detail["format"], entry.detail["filter"]) == ("Auditor", "csv", {"action": "run."})


def test_others_take_nothing_and_bad_filters_are_told_before_the_first_piece(kept, own_desk, auditor):
    before = own_desk.counts()
    with pytest.raises(ForbiddenError):
        kept.export(own_desk.person(), AuditFilter(), ExportFormat.CSV)
    with pytest.raises(InvalidInputError):
        kept.export(auditor, AuditFilter(text="x" * 201), ExportFormat.CSV)
    assert own_desk.counts()["audit_entries"] == before["audit_entries"]


def test_the_pages_of_a_period_hold_every_entry_once_whatever_order_they_were_written_in(kept, auditor, own_desk):
    now = own_desk.clock()
    for minutes in (5, 3, 3, 3, 4, 1, 2):
        with own_desk.sessions.begin() as session:
            record(session, auditor, "record.exported", now - timedelta(days=1, minutes=minutes))
    wanted = AuditFilter(action="record.exported", until=now)
    pages, before = [], None
    while before is not None or not pages:
        page = kept.page(auditor, wanted, before, limit=2)
        pages.append([entry.seq for entry in page.entries])
        before = page.next_before
    found = [entry for page in pages for entry in page]
    assert len(found) == len(set(found)) == 7
    times = [entry.at for entry in kept.page(auditor, wanted).entries]
    assert times == sorted(times, reverse=True)
