"""Socket.IO between a real web process and real clients, under eventlet and under threads."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
import requests
import socketio
from sqlalchemy import delete

from app.domain.ballot import Ballot
from app.domain.events import EventKind
from app.domain.people import SYSTEM, Role, Via
from app.services.bundle import Services
from app.services.record.events import position
from app.store.people import Person, SignIn
from assent.contracts import RiskLevel, Verdict
from tests.factories import add_event, make_person, make_request, make_run, script
from tests.webprocess import SOON, Web

pytestmark = pytest.mark.processes
WITHIN = 10.0
"""Seconds within which pages hear of it. It takes milliseconds, but the machine may be busy; a lost message would be
noticed after 15 seconds at the earliest."""


def test_only_who_is_signed_in_is_let_in(web: Web) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError), web.socket(None):
        pass


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_pages_of_other_sites_are_refused(web: Web, viewer: Person, transport: str) -> None:
    for origin in ("https://evil.example", "null", f"https://127.0.0.1:{web.port}", "http://127.0.0.1:1"):
        with (
            pytest.raises(socketio.exceptions.ConnectionError),
            web.socket(viewer, origin=origin, transports=(transport,)),
        ):
            pass


def test_no_header_invites_other_sites(web: Web) -> None:
    answer = requests.get(
        f"{web.url}/socket.io/?EIO=4&transport=polling", headers={"Origin": "https://evil.example"}, timeout=10
    )
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_somebody_who_is_inactive_or_signed_out_everywhere_is_refused(web: Web, services: Services) -> None:
    inactive = make_person(services.sessions, "Left", active=False)
    with pytest.raises(socketio.exceptions.ConnectionError), web.socket(inactive):
        pass
    leaving = make_person(services.sessions, "Leaving")
    cookie = web.cookie(leaving)
    with web.socket(leaving, cookie) as client:
        assert client.ask("catch_up", {"after": 0})["ok"]
        services.sign_ins.end_all(leaving.as_actor(Via.PAGE))
        answer = client.ask("catch_up", {"after": 0})
        assert (answer["ok"], answer["problem"]["code"]) == (False, "not_signed_in")
    with pytest.raises(socketio.exceptions.ConnectionError), web.socket(leaving, cookie):
        pass


@pytest.mark.parametrize("way", ["one", "all", "by an admin", "inactive", "by hand"])
def test_the_sockets_of_an_ended_session_are_closed_within_a_second(web: Web, services: Services, way: str) -> None:
    """It is ended in this process, and the socket belongs to another one."""
    leaving = make_person(services.sessions, "Leaving")
    make_person(services.sessions, "Somebody who stays", [Role.ADMIN])
    ends, other = web.cookie(leaving), web.cookie(leaving)
    actor = leaving.as_actor(Via.PAGE)
    [first] = [sign_in.id for sign_in in services.sign_ins.of(actor, timedelta(hours=1))][-1:]
    with web.socket(leaving, ends) as closed, web.socket(leaving, other) as stays:
        closed.next("dashboard_data")
        stays.next("dashboard_data")
        began = time.monotonic()
        if way == "one":
            assert services.sign_ins.end(actor, first)
        elif way == "all":
            assert services.sign_ins.end_all(actor).sessions == 2
        elif way == "by an admin":
            assert services.sign_ins.end_all(SYSTEM, leaving.id).sessions == 2
        elif way == "inactive":
            services.people.change(SYSTEM, leaving.id, leaving.name, [Role.REVIEWER], [], active=False)
        else:
            with services.sessions.begin() as session:
                session.execute(delete(SignIn).where(SignIn.id == first))
        assert closed.gone.wait(SOON)
        assert time.monotonic() - began < WITHIN
        if way in ("one", "by hand"):
            assert stays.ask("catch_up", {"after": 0})["ok"]
        else:
            assert stays.gone.wait(WITHIN)


def test_a_session_ends_after_its_hours(web: Web, viewer: Person) -> None:
    for hours, expected in ((11, 200), (13, 401)):
        cookie = web.cookie(viewer, age=timedelta(hours=hours))
        answer = requests.get(f"{web.url}/api/v1/runs", cookies={"assent_session": cookie}, timeout=10)
        assert answer.status_code == expected


def test_what_changes_elsewhere_is_told_within_a_second(
    web: Web, services: Services, viewer: Person, reviewer: Person
) -> None:
    """The change is made by this process, the socket belongs to another one."""
    request = make_request(services.sessions)
    with web.socket(viewer) as queue, web.socket(viewer) as page, web.socket(viewer) as run_page:
        queue.next("dashboard_data")
        assert page.ask("join_request", {"request_id": request.id})["ok"]
        assert run_page.ask("join_workflow", {"workflow_id": request.run_id})["ok"]
        run_page.next("workflow_data", workflow_id=request.run_id)
        committed = time.time()
        services.checkpoints.decide(
            request.id, reviewer.as_actor(Via.PAGE), Ballot(Verdict.REJECT, request.digest, comment="Not now.")
        )
        committed = max(committed, time.time() - 0.05)
        for client in (queue, page):
            told, at = client.next("approval_update", request_id=request.id, kind="request.resolved")
            assert at - committed < WITHIN
            assert told["state"] == "rejected"
            assert set(told) <= {"seq", "id", "kind", "run_id", "request_id", "state", "at", "progress"}
        # One transaction's events come in any order.
        wanted = {("approval_update", "request.resolved"), ("workflow_update", "run.changed")}
        while wanted:
            name, told, at = run_page.told.get(timeout=SOON)
            assert at - committed < WITHIN
            wanted.discard((name, told["kind"]))


def test_steps_go_to_those_who_look_at_the_run(web: Web, services: Services, viewer: Person) -> None:
    run = make_run(services.sessions)
    with web.socket(viewer) as queue, web.socket(viewer) as page:
        page.ask("join_workflow", {"workflow_id": run.id})
        with services.sessions.begin() as session:
            add_event(session, EventKind.STEP_STARTED, run_id=run.id, task="t", node="health", title="Check health")
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id, state="running")
        assert page.next("workflow_update", kind="step.started")[0]["title"] == "Check health"
        page.next("workflow_update", kind="run.changed", state="running")
        queue.next("workflow_update", kind="run.changed", run_id=run.id)
        page.ask("leave_workflow", {"workflow_id": run.id})
        with services.sessions.begin() as session:
            add_event(session, EventKind.STEP_ENDED, run_id=run.id, task="t", node="health")
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id, state="completed")
        queue.next("workflow_update", state="completed", run_id=run.id)
        page.next("workflow_update", state="completed", run_id=run.id)
        assert not any(data.get("kind") == "step.ended" for _, data in queue.drain() + page.drain())


def test_a_socket_in_several_rooms_hears_an_event_once(web: Web, services: Services, viewer: Person) -> None:
    request = make_request(services.sessions)
    with web.socket(viewer) as client:
        client.ask("join_request", {"request_id": request.id})
        client.ask("join_workflow", {"workflow_id": request.run_id})
        for number in range(3):
            with services.sessions.begin() as session:
                ids = {"run_id": request.run_id, "request_id": request.id}
                add_event(session, EventKind.REQUEST_CHANGED, progress=f"{number} of 2", **ids)
        heard = [client.next("approval_update", request_id=request.id)[0]["progress"] for _ in range(3)]
        assert heard == ["0 of 2", "1 of 2", "2 of 2"]


def test_a_cut_socket_gets_what_it_missed(web: Web, services: Services, viewer: Person, reviewer: Person) -> None:
    request, other = make_request(services.sessions), make_request(services.sessions)
    with web.socket(viewer) as client:
        client.ask("join_request", {"request_id": request.id})
        services.checkpoints.comment(request.id, reviewer.as_actor(Via.PAGE), "First")
        seen, _ = client.next("approval_update", request_id=request.id, kind="request.comment")
        client.cut()

    # While it is away: one transaction that began before and commits late, and two that are quick.
    late = services.sessions()
    add_event(late, EventKind.REQUEST_COMMENT, request_id=request.id, run_id=request.run_id)
    services.checkpoints.comment(request.id, reviewer.as_actor(Via.PAGE), "Second")
    services.checkpoints.comment(other.id, reviewer.as_actor(Via.PAGE), "Elsewhere")
    late.commit()
    late.close()

    with web.socket(viewer) as again:
        again.ask("join_request", {"request_id": request.id})
        answer = again.ask("catch_up", {"after": seen["seq"]})
        assert answer["complete"]
        missed = [event["data"] for event in answer["events"] if event["data"]["id"] != seen["id"]]
        assert [event["request_id"] for event in missed] == [request.id, request.id, other.id]
        assert all(event["name"] == "approval_update" for event in answer["events"])
        # From there on nothing is left.
        assert again.ask("catch_up", {"after": answer["seq"]})["events"] == []


def test_what_commits_after_a_page_was_drawn_is_caught_up(web: Web, services: Services, viewer: Person) -> None:
    """An event with a lower id than one that the page has seen, from a transaction that was open when it was drawn."""
    run = make_run(services.sessions)
    with services.sessions() as slow, services.sessions() as quick:
        add_event(slow, EventKind.RUN_CHANGED, run_id=run.id, state="slow")
        add_event(quick, EventKind.RUN_CHANGED, run_id=run.id, state="quick")
        quick.commit()
        with services.sessions() as session:
            drawn_at = position(session)
        slow.commit()
    with web.socket(viewer) as client:
        states = [event["data"]["state"] for event in client.ask("catch_up", {"after": drawn_at})["events"]]
        assert "slow" in states


def test_too_much_to_catch_up_says_so(web: Web, services: Services, viewer: Person) -> None:
    run = make_run(services.sessions)
    with services.sessions.begin() as session:
        start = position(session)
        for _ in range(600):
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id)
    with web.socket(viewer) as client:
        answer = client.ask("catch_up", {"after": start})
        assert not answer["complete"]
        assert len(answer["events"]) <= 500


def test_deciding_over_the_socket(web: Web, services: Services, viewer: Person, reviewer: Person) -> None:
    request = make_request(services.sessions)
    wanted = {"request_id": request.id, "verdict": "approve", "digest": request.digest}
    with web.socket(viewer) as looking, web.socket(reviewer) as deciding, web.socket(reviewer) as second_tab:
        refused = looking.ask("submit_approval", wanted)
        assert (refused["ok"], refused["problem"]["code"], refused["problem"]["status"]) == (False, "forbidden", 403)
        assert looking.next("approval_submitted")[0]["problem"]["code"] == "forbidden"
        stale = deciding.ask("submit_approval", wanted | {"digest": "0" * 64})
        assert (stale["ok"], stale["problem"]["code"]) == (False, "stale_digest")
        assert stale["problem"]["digest"] == request.digest
        deciding.next("approval_submitted", status="error")
        done = deciding.ask("submit_approval", wanted)
        assert done["ok"] and done["result"]["resolved"] and done["result"]["state"] == "approved"
        for client in (deciding, second_tab):
            assert client.next("approval_submitted")[0]["status"] == "success"
        again = deciding.ask("submit_approval", wanted)
        assert again["problem"]["code"] == "already_decided"
        looking.next("approval_update", request_id=request.id, state="approved")
    view = services.views.request(request.id, reviewer.as_actor(Via.PAGE))
    assert [decision.via for decision in view.decisions] == ["socket"]


def test_submitting_an_edit_that_raises_the_risk(web: Web, services: Services, reviewer: Person) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    wanted = {
        "request_id": request.id, "verdict": "modify", "digest": request.digest,
        "change": {"content": "delete from orders"},
    }  # fmt: skip
    with web.socket(reviewer) as client:
        refused = client.ask("submit_approval", wanted)
        assert (refused["ok"], refused["problem"]["code"], refused["problem"]["risk"]) == (
            False, "risk_raised", "critical",
        )  # fmt: skip
        unknown = client.ask("submit_approval", wanted | {"acknowledged_risk": "huge"})
        assert unknown["problem"]["code"] == "invalid_input"
        sent = client.ask("submit_approval", wanted | {"acknowledged_risk": "critical"})
        assert sent["ok"] and not sent["result"]["resolved"]


BAD = [None, 5, "x", [], {}, {"workflow_id": 1}, {"request_id": "x"}, {"after": "1"}, {"after": -1}, {"x": "\x00"}]


@pytest.mark.parametrize(
    "name", ["join_workflow", "join_request", "catch_up", "submit_approval", "leave_request", "edit_request"]
)
def test_bad_messages_are_answered(web: Web, viewer: Person, name: str) -> None:
    unknown = {"workflow_id": str(uuid.uuid4())} if name.endswith("workflow") else {"request_id": str(uuid.uuid4())}
    with web.socket(viewer) as client:
        for data in BAD:
            answer = client.ask(name, data)
            assert not answer["ok"]
            assert answer["problem"]["status"] in (404, 422), answer
        if name.startswith("join"):
            assert client.ask(name, unknown)["problem"]["code"] == "not_found"
        assert client.ask("catch_up", {"after": 0})["ok"]


def test_who_is_looking(web: Web, services: Services, viewer: Person, reviewer: Person) -> None:
    request = make_request(services.sessions)
    with web.socket(viewer) as first:
        answer = first.ask("join_request", {"request_id": request.id})
        assert [person["id"] for person in answer["people"]] == [viewer.id]
        with web.socket(reviewer) as second, web.socket(reviewer) as third:
            second.ask("join_request", {"request_id": request.id})
            third.ask("join_request", {"request_id": request.id})
            both = [{"id": person.id, "name": person.name, "editing": False} for person in (reviewer, viewer)]
            first.next("presence", request_id=request.id, people=both)
            second.ask("leave_request", {"request_id": request.id})
        # The third one disconnected without a word.
        first.next("presence", request_id=request.id, people=both[1:])


def test_nothing_is_lost_when_many_commit_in_any_order(web: Web, services: Services, viewer: Person) -> None:
    """200 transactions take their ids in one order and commit in another, while a socket is open and one comes late."""
    run = make_run(services.sessions)
    names = [f"change-{number}" for number in range(200)]
    with web.socket(viewer) as client:
        client.next("dashboard_data")
        with services.sessions() as session:
            start = position(session)
        _commit_in_any_order(services, run.id, names)
        heard: list[str] = []
        while len(heard) < len(names):
            heard.append(client.next("workflow_update", run_id=run.id)[0]["state"])
        assert sorted(heard) == sorted(names)
    with web.socket(viewer) as late:
        answer = late.ask("catch_up", {"after": start})
        caught = [event["data"]["state"] for event in answer["events"] if event["data"]["run_id"] == run.id]
        assert sorted(caught) == sorted(names)


def _commit_in_any_order(services: Services, run_id: str, names: list[str]) -> None:
    """Each thread writes its event and commits when its turn comes; turns are in another order than ids."""
    width = 20
    barrier = threading.Barrier(width)

    def work(which: int) -> None:
        for turn in range(len(names) // width):
            with services.sessions() as session:
                name = names[turn * width + which]
                add_event(session, EventKind.RUN_CHANGED, run_id=run_id, state=name)
                barrier.wait()  # all have their ids, nobody has committed
                time.sleep(((which * 7 + turn * 3) % width) / 1000)
                session.commit()

    threads = [threading.Thread(target=work, args=(which,)) for which in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("odd", ["\ud83d", {"\udc00": 1}, float("nan"), float("inf"), json.loads("[" * 70 + "]" * 70)])
def test_odd_json_is_refused_and_the_socket_stays(odd: Any, web: Web, services: Services) -> None:
    request = make_request(services.sessions)
    with web.socket(make_person(services.sessions, "Odd")) as client:
        sent = {"request_id": request.id, "verdict": "modify", "digest": request.digest, "change": {"content": odd}}
        answer = client.ask("submit_approval", sent)
        assert (answer["ok"], answer["problem"]["code"]) == (False, "malformed"), answer
        assert client.ask("catch_up", {"after": 0})["ok"]
