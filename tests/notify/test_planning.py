"""Planning: many events at once and a little later, none lost and none of them in the others' way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import delete, event, insert, select, text

from app.domain.destinations import destination_terms
from app.domain.people import Role, Via
from app.services.notifications.destinations import Destinations
from app.services.notifications.planner import AT_ONCE, NotificationPlanner
from app.services.runs.journal import put_receipt
from app.services.vault.ring import KeyRing
from app.services.vault.values import Vault
from app.store.batch import Batch
from app.store.notify import NotifyChoices, UnplannedEvent
from app.store.people import Person
from app.store.requests import ApprovalRequest
from assent.contracts import ReceiptStatus
from tests.factories import approving, make_person
from tests.hookserver import HookServer
from tests.notify.conftest import SECRET_KEY, PostOffice, make_office
from tests.services.governed import ask, governed, tool

CANNOT_WRITE = """
    create function no_delivery() returns trigger language plpgsql as $$ begin {act}; return new; end $$;
    create trigger no_delivery before insert on deliveries for each row execute function no_delivery()"""
ENDS = "perform pg_terminate_backend(pg_backend_pid())"
FAILS = "raise 'no space left'"


def make_due(office: PostOffice) -> None:
    """Let the little while go by."""
    with office.desk.sessions.begin() as session:
        session.execute(text("update unplanned_events set due_at = now()"))


def left(office: PostOffice) -> dict[int, int]:
    """The events that are not planned yet, and how often that has failed."""
    with office.desk.sessions() as session:
        rows = session.execute(select(UnplannedEvent.event_id, UnplannedEvent.tries)).all()
    return {row.event_id: row.tries for row in rows}


def kinds_of(office: PostOffice, request: ApprovalRequest) -> set[tuple[str, str]]:
    """What is planned about a request, and for whom."""
    with office.desk.sessions() as session:
        names = {person.id: person.name for person in session.scalars(select(Person))}
    return {(delivery.kind, names[delivery.person_id or ""]) for delivery in office.of(request)}


def test_a_request_that_is_decided_at_once_asks_nobody(outbox: PostOffice) -> None:
    desk, reviewer, starter = outbox.desk, outbox.desk.person("Reviewer"), outbox.desk.person("Starter")
    decided, pending = desk.open(requester=starter), desk.open(requester=starter)
    assert outbox.post.planning.plan_due() is False and not outbox.of(), "planned a little later"
    desk.decide(decided, reviewer)
    make_due(outbox)
    outbox.post.planning.plan_due()
    assert left(outbox) == {}
    assert kinds_of(outbox, decided) == {("outcome", "Starter")}, "nobody was asked, so nobody hears that it is settled"
    assert kinds_of(outbox, pending) == {("asked", "Reviewer")}


def test_what_a_policy_decides_concerns_nobody_unless_it_goes_wrong(outbox: PostOffice) -> None:
    office, starter = dataclasses.replace(outbox), outbox.desk.person("Starter")
    outbox.desk.person("Reviewer")
    office.desk = governed(outbox.desk, approving())
    done, failed = (ask(office.desk, office.desk.run(starter), tool("ls")) for _ in range(2))
    for request, status in ((done, ReceiptStatus.APPLIED), (failed, ReceiptStatus.FAILED)):
        assert request.state == "approved"
        batch = Batch()
        put_receipt(batch, request.run_id, request.id, status, office.desk.clock(), explicit=True, summary="So.")
        batch.run(office.desk.sessions)
    make_due(office)
    office.post.planning.plan_due()
    assert left(office) == {} and kinds_of(office, done) == set()
    assert kinds_of(office, failed) == {("receipt", "Starter")}


def test_the_little_while_is_short(outbox: PostOffice) -> None:
    outbox.desk.open()
    with outbox.desk.sessions() as session:
        [wait] = session.scalars(text("select due_at - now() from unplanned_events"))
    assert timedelta(seconds=-60) < wait <= timedelta(seconds=0.5)


def test_webhooks_hear_of_every_event_also_of_requests_that_are_decided_at_once(database_url: str) -> None:
    hooks = HookServer()
    hooks.start()
    office = make_office(database_url, allowed_networks=("127.0.0.0/8",))
    admin = make_person(office.desk.sessions, "Portal admin", roles=[Role.ADMIN]).as_actor(Via.PAGE)
    destinations = Destinations(office.desk.sessions, office.desk.clock, Vault(KeyRing(SECRET_KEY)))
    destinations.add(admin, destination_terms("webhook", "All", hooks.url, []), "https://assent.example")
    request = office.desk.open()
    office.desk.decide(request, office.desk.person("Reviewer"))
    office.work()
    told = [json.loads(call.body)["type"] for call in hooks.calls]
    assert told.index("request.opened") < told.index("request.resolved")
    hooks.stop()
    office.desk.engine.dispose()


def test_many_are_planned_with_as_few_statements_as_one(outbox: PostOffice) -> None:
    desk, reviewer = outbox.desk, outbox.desk.person("Reviewer")

    def statements(requests: int) -> int:
        opened = [desk.open() for _ in range(2 * requests)]
        for request in opened[:requests]:
            desk.decide(request, reviewer)
        with counting(outbox) as counted:
            make_due(outbox)
            outbox.post.planning.plan_due()
        assert left(outbox) == {} and len(outbox.of(opened[-1])) == 1
        return len(counted)

    one = statements(1)
    assert statements(20) == one


@contextmanager
def counting(office: PostOffice) -> Iterator[list[str]]:
    """The statements that the office sends within the block."""
    found: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        found.append(statement)

    event.listen(office.desk.engine, "before_cursor_execute", note)
    yield found
    event.remove(office.desk.engine, "before_cursor_execute", note)


def test_two_workers_plan_each_event_once(outbox: PostOffice) -> None:
    desk = outbox.desk
    desk.person("Reviewer")
    requests = [desk.open() for _ in range(30)]
    make_due(outbox)
    barrier = Barrier(4)

    def plan(_number: int) -> None:
        barrier.wait()
        NotificationPlanner(desk.sessions, desk.clock).plan_due()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(plan, range(4)))
    assert left(outbox) == {}
    assert [len(outbox.of(request)) for request in requests] == [1] * 30
    assert outbox.waiting() == 30, "one job for each"


def test_more_than_fit_into_one_transaction_are_planned_in_several(outbox: PostOffice) -> None:
    with outbox.desk.sessions.begin() as session:
        session.execute(
            text("insert into unplanned_events select number, now() from generate_series(1, :count) as number"),
            {"count": AT_ONCE + 1},
        )
    assert outbox.post.planning.plan_due() is True and len(left(outbox)) == 1
    assert outbox.post.planning.plan_due() is False and left(outbox) == {}


def test_one_that_cannot_be_planned_does_not_keep_the_others(outbox: PostOffice) -> None:
    desk = outbox.desk
    person, starter = desk.person("Reviewer"), desk.person("Starter")
    bad, good = desk.open(requester=starter), desk.open(requester=starter)
    desk.decide(good, person)
    make_due(outbox)
    unreadable = {"rhythm": "never heard of"}
    with desk.sessions.begin() as session:
        session.execute(
            insert(NotifyChoices).values(person_id=person.id, body=unreadable, updated_at=desk.clock())
        )  # fmt: skip
    outbox.post.planning.plan_due()
    assert sorted(left(outbox).values()) == [1] and kinds_of(outbox, bad) == set()
    assert kinds_of(outbox, good) == {("outcome", "Starter")}
    assert outbox.post.planning.plan_due() is False and len(left(outbox)) == 1, "it is tried again later"
    with desk.sessions.begin() as session:
        session.execute(delete(NotifyChoices))
    make_due(outbox)
    outbox.post.planning.plan_due()
    assert left(outbox) == {} and kinds_of(outbox, bad) == {("asked", "Reviewer")}


@pytest.mark.parametrize("act", [FAILS, ENDS], ids=["fails", "ends the connection"])
def test_what_fails_half_way_is_planned_again_as_a_whole(outbox: PostOffice, act: str) -> None:
    desk = outbox.desk
    desk.person("Reviewer")
    requests = [desk.open(), desk.open()]
    with desk.sessions.begin() as session:
        session.execute(text(CANNOT_WRITE.replace("{act}", act)))
    make_due(outbox)
    outbox.post.planning.plan_due()
    assert sorted(left(outbox).values()) == [1, 1] and outbox.of() == []
    with desk.sessions.begin() as session:
        session.execute(text("drop trigger no_delivery on deliveries"))
    make_due(outbox)
    outbox.post.planning.plan_due()
    assert left(outbox) == {} and [len(outbox.of(request)) for request in requests] == [1, 1]
