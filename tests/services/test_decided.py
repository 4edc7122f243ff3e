"""The list of decided requests: every filter, both ways to find them, and documents that are made afterward."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.domain.errors import InvalidInputError, TookTooLongError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor, Role, Sight, Via
from app.services.reading import decided
from app.services.reading.decided import DecidedRequests
from app.services.reading.decided_filter import DecidedFilter
from app.services.record.exports import ExportFormat
from app.services.requests import search_documents
from app.services.requests.search_documents import SearchDocuments
from app.store.requests import ApprovalRequest, Comment, Decision, SearchDocument
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_person, make_request, make_run, script
from tests.services.desk import Desk
from tests.services.test_queue_search import read_for


class Archive:
    """Decided requests, and what a search among them finds."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.list = DecidedRequests(desk.sessions, desk.clock)
        self.documents = SearchDocuments(desk.sessions)
        self.one, self.other = desk.person("One"), desk.person("Other")
        self.run = make_run(desk.sessions)
        self.count = 0

    def add(
        self, title: str, state: str = "approved", by: Actor | None = None, comment: str = "",
        content: str = "select 1", **values: Any,
    ) -> ApprovalRequest:  # fmt: skip
        """A request that was decided a minute after the one before."""
        self.count += 1
        at = self.desk.clock() - timedelta(days=2) + timedelta(minutes=self.count)
        request = make_request(
            self.desk.sessions, self.run, script(content, title), state=RequestState(state), resolved_at=at, **values
        )
        if by is not None:
            with self.desk.sessions.begin() as session:
                session.add(
                    Decision(
                        id=f"d{self.count:06}", request_id=request.id, person_id=by.id, person_name=by.name,
                        verdict="reject" if state == "rejected" else "approve", seen_digest="", digest=request.digest,
                        comment=comment, via="page", at=at,
                    )
                )  # fmt: skip
        return request

    def find(self, limit: int = 50, **wanted: Any) -> list[str]:
        """The titles of all pages, each request once."""
        titles: list[str] = []
        cursor: str | None = None
        while True:
            page = self.list.page(DecidedFilter(**wanted), cursor, limit)
            assert len(page.rows) <= limit
            titles += [listed.row.title for listed in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                return titles

    def document(self) -> None:
        """Make all documents."""
        while self.documents.extend():
            pass


@pytest.fixture
def archive(own_desk: Desk) -> Archive:
    return Archive(own_desk)


@pytest.fixture(params=["few", "fewer", "many"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Through documents, with many and with few candidates, and along the list."""
    if request.param == "few":
        monkeypatch.setattr(decided, "CANDIDATES", 0)
    if request.param != "many":
        for name, most in (("TOP", 1), ("FARTHEST", 2)):
            monkeypatch.setattr(decided, name, most)
    yield request.param


@pytest.mark.parametrize("documented", [True, False])
def test_every_filter_finds_what_it_says_newest_first(archive: Archive, way: str, documented: bool) -> None:
    archive.add("Drop the index", by=archive.one, content="drop index orders_by_customer", risk=RiskLevel.HIGH)
    archive.add("Send mails", "rejected", archive.other, "Größe passt nicht", workflow="mailing", kind="tool_call")
    archive.add("Rotate keys", "expired", addressed_to=["team:security"])
    archive.add("削除 old rows", "approved", archive.one, answered_by="")
    archive.add("By the policy", "approved", answered_by="policy:3:harmless")
    archive.add("Drop two tables", "approved", archive.other, risk=RiskLevel.HIGH, workflow="mailing")
    make_request(archive.desk.sessions, archive.run, script("drop everything", "Still pending"))
    if documented:
        archive.document()
    everything = archive.find()
    assert everything == [
        "Drop two tables", "By the policy", "削除 old rows", "Rotate keys", "Send mails", "Drop the index",
    ]  # fmt: skip
    assert archive.find(limit=1) == archive.find(limit=4) == everything
    assert archive.find(decided_by=archive.one.id, limit=1) == ["削除 old rows", "Drop the index"]
    assert archive.find(decided_by=archive.other.id, outcome="rejected") == ["Send mails"]
    assert archive.find(decided_by="policy") == ["By the policy"] and archive.find(decided_by="grant") == []
    assert archive.find(outcome="expired") == ["Rotate keys"] and archive.find(team="security") == ["Rotate keys"]
    assert archive.find(workflow="mailing", risk="high") == ["Drop two tables"]
    assert archive.find(workflow="mailing", kind="tool_call", limit=1) == ["Send mails"]
    assert archive.find(text="drop", limit=1) == ["Drop two tables", "Drop the index"]
    assert archive.find(text="ORDERS_by cust") == ["Drop the index"], "of the content"
    assert archive.find(text="GRÖSSE passt" if documented else "größe passt") == ["Send mails"], "of a comment"
    assert archive.find(text="削除", risk="medium") == ["削除 old rows"]
    assert archive.find(text="drop", decided_by=archive.one.id, risk="high") == ["Drop the index"]
    assert archive.find(text="drop", workflow="mailing", decided_by=archive.one.id) == []
    middle = archive.desk.clock() - timedelta(days=2) + timedelta(minutes=3, seconds=30)
    assert archive.find(since=middle) == everything[:3] and archive.find(until=middle) == everything[3:]
    assert archive.find(until=middle, text="drop") == ["Drop the index"]
    assert archive.find(until=middle, decided_by=archive.one.id) == ["Drop the index"]


def test_a_person_is_listed_with_their_latest_decision_that_stands(archive: Archive) -> None:
    desk, first = archive.desk, archive.add("Decided twice", by=archive.one)
    archive.add("Withdrawn", by=archive.one)
    with desk.sessions.begin() as session:
        session.execute(text("update decisions set withdrawn_at = now() where id = 'd000002'"))
        again = session.get_one(Decision, "d000001")
        later = {name: getattr(again, name) for name in Decision.__table__.columns.keys()}  # noqa: SIM118
        session.add(Decision(**later | {"id": "d9", "stage": 1, "at": again.at + timedelta(seconds=5)}))
    page = archive.list.page(DecidedFilter(decided_by=archive.one.id))
    assert [listed.row.id for listed in page.rows] == [first.id]
    assert [(made.name, made.verdict) for made in page.rows[0].decisions] == [("One", Verdict.APPROVE)] * 2
    assert page.rows[0].at == again.at + timedelta(seconds=5)


def test_a_comment_is_found_at_once_and_after_a_worker_has_read_it(archive: Archive, way: str) -> None:
    request = archive.add("Commented on", by=archive.one)
    archive.document()
    archive.desk.checkpoints.comment(request.id, archive.other, "Remember the aubergine")
    if way == "many":
        assert archive.find(text="aubergine") == ["Commented on"]
    assert archive.documents.extend() == 1 and archive.documents.extend() == 0
    assert archive.find(text="aubergine") == archive.find(text="comm") == ["Commented on"]


@pytest.mark.parametrize("first", ["none", "made", "stale"])
def test_a_comment_that_is_being_written_while_its_document_is_made_is_found(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(decided, "CANDIDATES", 0)
    request = archive.add("Commented on", by=archive.one)
    if first != "none":
        archive.document()
    if first == "stale":
        archive.desk.checkpoints.comment(request.id, archive.other, "Remember the basil")
    maker = threading.Thread(target=archive.documents.extend)
    waits = text("select 1 from pg_locks where not granted and pid <> pg_backend_pid()")
    with archive.desk.sessions.begin() as session:
        session.add(
            Comment(id="c1", request_id=request.id, person_id=archive.other.id, person_name="Other", body="Aubergine")
        )
        session.flush()
        maker.start()
        while maker.is_alive() and session.execute(waits).first() is None:
            maker.join(0.01)
    maker.join()
    archive.document()
    with archive.desk.sessions.reads() as session:
        document = session.get_one(SearchDocument, request.id)
        assert "aubergine" in document.words and not document.stale


def test_old_requests_get_their_documents_from_the_newest_back_and_new_ones_first(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """As after an upgrade, with a decision meanwhile."""
    monkeypatch.setattr(search_documents, "AT_A_TIME", 2)
    monkeypatch.setattr(decided, "RECENT", 1)
    monkeypatch.setattr(decided, "TOP", 1)
    for number in range(5):
        archive.add(f"Old {number}")
    assert archive.documents.extend() == 2
    wanted = DecidedFilter(text="old")
    page = archive.list.page(wanted)
    assert [listed.row.title for listed in page.rows] == ["Old 4", "Old 3"] and page.behind
    archive.add("Old but new")
    assert archive.find(text="old but") == ["Old but new"]
    assert [archive.documents.extend() for _ in range(4)] == [2, 2, 0, 0]
    page = archive.list.page(wanted)
    assert len(page.rows) == 6 and not page.behind


def test_an_agent_finds_only_what_it_may_see(archive: Archive, way: str) -> None:
    owner = make_person(archive.desk.sessions, "Owner", [Role.REVIEWER])
    archive.run = make_run(archive.desk.sessions, owner, started_by_agent="bot")
    archive.add("Its own")
    archive.run = make_run(archive.desk.sessions)
    for _ in range(3):
        archive.add("Another's; its owner is somebody else")
    archive.document()
    agent = Actor(kind="agent", id=owner.id, name="bot", via=Via.API, sight=Sight.OWN)
    for wanted in ({}, {"outcome": "approved"}, {"text": "its"}):
        assert archive.find(1, viewer=agent, **wanted) == ["Its own"]
    assert archive.find(viewer=agent, text="another") == []


def test_what_few_have_is_found_without_reading_the_others(archive: Archive) -> None:
    with archive.desk.engine.begin() as connection:
        sample = archive.add("Sample", by=archive.one)
        columns = [column.name for column in ApprovalRequest.__table__.columns]
        own = {"id": "gen_random_uuid()", "title": "'Filler ' || n", "interrupt_id": "md5(n::text)",
               "resolved_at": "now() - interval '9 days' + n * interval '1 second'",
               "workflow": "'flow' || n % 2000", "risk": "case when n % 3 = 0 then 'high' else 'low' end"}  # fmt: skip
        values = ", ".join(own.get(name, name) for name in columns)
        connection.execute(
            text(f"insert into approval_requests ({', '.join(columns)}) select {values} from approval_requests, "
                 f"generate_series(1, 8000) as n where id = '{sample.id}'")
        )  # fmt: skip
    archive.document()
    with archive.desk.engine.connect() as connection:
        connection.execute(text("analyze"))
    for wanted, most in (
        ({"text": "filler 17"}, 100), ({"decided_by": archive.one.id}, 50), ({"workflow": "flow17", "risk": "low"}, 50),
        ({"outcome": "expired"}, 50), ({"decided_by": archive.one.id, "text": "sam"}, 50),
    ):  # fmt: skip
        for cursor in (None,):
            page, read = read_for(
                archive.desk, lambda wanted=wanted, cursor=cursor: archive.list.page(DecidedFilter(**wanted), cursor),
                "approval_requests",
            )  # fmt: skip
            assert page.rows or wanted == {"outcome": "expired"}
            assert read <= decided.TOP + 1 + 2 * decided.RECENT + most, (wanted, read)


def test_a_search_that_takes_too_long_is_stopped_and_says_what_to_do(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.add("Something")
    archive.document()
    monkeypatch.setattr(decided, "TIME_LIMIT_MS", 300)
    address = archive.desk.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(address) as other:
        other.execute("lock table search_documents in access exclusive mode")
        with pytest.raises(TookTooLongError, match="Choose a shorter period, or longer words"):
            archive.find(text="something")
        monkeypatch.setattr(decided, "SEARCH_LIMIT_MS", 300)
        with pytest.raises(TookTooLongError):
            archive.list.export(archive.one, DecidedFilter(text="something"), ExportFormat.CSV)
    assert archive.find(text="something") == ["Something"]


@pytest.mark.parametrize(
    "wanted", [{"risk": "dire"}, {"outcome": "pending"}, {"text": "x" * 201}, {"decided_by": "a\x00"}]
)
def test_filters_that_make_no_sense_are_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        DecidedFilter(**wanted)


def test_text_without_words_is_found_nowhere(archive: Archive) -> None:
    archive.add("Something *** else")
    for wanted in ({"text": "***"}, {"text": "***", "kind": "script"}):
        assert archive.find(**wanted) == []
        exported = archive.list.export(archive.one, DecidedFilter(**wanted), ExportFormat.JSON_LINES)
        assert "".join(exported) == ""


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WyIyMDI2LTAxLTAxIiwgInkiXQ"])
def test_cursors_that_are_none_are_refused(archive: Archive, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        archive.list.page(DecidedFilter(), cursor)
