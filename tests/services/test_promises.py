"""The product's promises, as far as the use cases alone can keep them; each test is named for the promise it holds.

The others are held where their parts are: links that decide nothing (pages), crashes (processes), open pages (live).
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from app.domain.errors import AssentError, InvalidInputError
from app.domain.people import Actor, Role, Sight
from app.domain.run_protocol import Journal
from app.services.reading.pages import Views
from app.services.reading.queue_filter import QueueFilter
from assent.contracts import Receipt, ReceiptStatus, Verdict
from assent.digests import digest_of
from tests.factories import optimizations, script
from tests.services.desk import Desk, asked

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


def promise_1_a_run_resumes_only_on_a_recorded_outcome_with_the_payload_that_was_seen(desk: Desk) -> None:
    request = desk.open(optimizations())
    assert desk.progress.begin(request.run_id) is None, "a suspended run is not taken up without an outcome"
    desk.decide(request, desk.person(), Verdict.MODIFY, change={"items": [{"id": "b"}]})
    taken = desk.progress.begin(request.run_id)
    assert taken is not None
    [delivery] = taken.deliveries
    assert (delivery.interrupt_id, delivery.value_digest) == (request.interrupt_id, request.value_digest)
    assert delivery.outcome == desk.outcome(request).body
    assert digest_of(delivery.outcome["payload"]) == desk.decisions(request)[0].digest


def promise_2_a_decision_counts_once_and_the_loser_is_told(desk: Desk) -> None:
    request, person = desk.open(), desk.person()
    desk.decide(request, person)
    for late in (person, desk.person()):
        with pytest.raises(AssentError) as told:
            desk.decide(request, late)
        assert told.value.code == "already_decided" and "not counted" in told.value.message
    assert len(desk.decisions(request)) == desk.jobs(request.run_id) == 1


def promise_2_two_workers_take_a_run_up_as_two_attempts_of_which_the_older_writes_nothing(desk: Desk) -> None:
    request = desk.open()
    desk.decide(request, desk.person())
    older, newer = desk.progress.begin(request.run_id), desk.progress.begin(request.run_id)
    assert older is not None and newer is not None and newer.attempt == older.attempt + 1
    before = desk.counts()
    journal = Journal(older.id, delivered=[request.id])
    for write in (
        lambda: desk.progress.note(older.attempt, journal),
        lambda: desk.progress.complete(older.attempt, journal, {}),
        lambda: desk.progress.fail(older.attempt, journal, "too late"),
        lambda: desk.progress.drained(older.attempt, journal),
        lambda: desk.progress.refuse(older.id, older.attempt, request.id, "too late"),
        lambda: desk.checkpoints.suspend(older.id, older.attempt, [asked(script())], journal),
    ):
        with pytest.raises(AssentError) as told:
            write()
        assert told.value.code == "lost_run"
    assert desk.counts() == before and desk.receipt(request) is None
    desk.progress.complete(newer.attempt, journal, {"done": True})
    assert desk.run_state(newer.id) == "completed"


def promise_5_requesters_may_not_approve_and_agents_never_can(desk: Desk) -> None:
    starter = desk.person("Starter", list(Role))
    agent = Actor(kind="agent", id=desk.person("Robot").id, name="Robot", roles=frozenset(Role), sight=Sight.ALL)
    request = desk.open(requester=starter)
    for who, code in ((starter, "own_request"), (agent, "forbidden")):
        assert Views(desk.sessions, desk.clock).request(request.id, who).why_not, "the page says so beforehand"
        for verdict in Verdict:
            with pytest.raises(AssentError) as told:
                desk.decide(request, who, verdict, comment="Fine.", answer="Fine.")
            assert told.value.code == code
    assert desk.fresh(request).state == "pending"


def promise_6_approved_is_not_done(desk: Desk) -> None:
    request = desk.open()
    desk.decide(request, desk.person())
    assert desk.receipt(request) is None, "approved, and nothing has happened yet"
    taken = desk.progress.begin(request.run_id)
    assert taken is not None
    desk.progress.note(taken.attempt, Journal(taken.id, delivered=[request.id]))
    assert desk.receipt(request).status == "delivered"
    reported = Receipt(request_id=request.id, status=ReceiptStatus.FAILED, summary="The disk is full.")
    desk.progress.note(taken.attempt, Journal(taken.id, receipts=[reported]))
    desk.progress.complete(taken.attempt, Journal(taken.id), {})
    receipt = desk.receipt(request)
    assert (receipt.status, receipt.summary) == ("failed", "The disk is full."), "what the workflow said itself stays"
    assert desk.fresh(request).state == "approved"


def promise_6_a_run_that_fails_after_an_approval_says_so_at_the_request(desk: Desk) -> None:
    request = desk.open()
    desk.decide(request, desk.person())
    taken = desk.progress.begin(request.run_id)
    assert taken is not None
    desk.progress.fail(taken.attempt, Journal(taken.id, delivered=[request.id]), "The server is gone.")
    receipt = desk.receipt(request)
    assert (receipt.status, receipt.summary) == ("failed", "The server is gone.")


def promise_7_secrets_are_masked_before_anything_is_stored(desk: Desk) -> None:
    request = desk.open()
    with pytest.raises(InvalidInputError):
        desk.decide(request, desk.person(), Verdict.MODIFY, change={"content": f"select '{TOKEN}'"})
    desk.decide(request, desk.person(), Verdict.MODIFY, change={"content": "select 2"}, comment=f"With {TOKEN}")
    entries, decisions = map(vars, desk.audit(request)), map(vars, desk.decisions(request))
    stored = str([desk.fresh(request).payload, desk.outcome(request).body, [*entries], [*decisions]])
    assert TOKEN not in stored and stored.count("⟦secret:github-token:1⟧") >= 3


def promise_8_what_times_out_says_what_that_means_and_says_so_beforehand(desk: Desk) -> None:
    request = desk.open(script("select 1") | {"expires_in_seconds": 10})
    [row] = [row for row in desk.queue.page(QueueFilter(), limit=200).rows if row.id == request.id]
    assert row.on_expiry == "reject", "said in the queue while it is still pending"
    desk.clock.ahead = request.expires_at - request.opened_at
    assert desk.keep(request)
    assert desk.fresh(request).note == "Expired without a decision, so it is rejected."
    assert desk.outcome(request).body["remarks"][-1]["comment"] == desk.fresh(request).note


def promise_9_every_change_is_told_in_the_moment_it_commits(desk: Desk) -> None:
    request = desk.open()
    address = desk.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as listener:
        listener.execute("listen assent_events")
        desk.decide(request, desk.person())
        told = {
            event_id for notice in listener.notifies(timeout=1, stop_after=1) for event_id in notice.payload.split(",")
        }
        query = "select kind from events where id = any(%s) and request_id = %s"
        kinds = [kind for (kind,) in listener.execute(query, ([int(event_id) for event_id in told], request.id))]
    assert kinds == ["request.resolved"]


PROMISES = [item for name, item in sorted(globals().items()) if name.startswith("promise_")]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda case: case.__name__)
def test_promise(desk: Desk, promise: Callable[[Desk], None]) -> None:
    promise(desk)
