"""Threads of a real LangGraph server: asked about at the portal, decided there, resumed on the server."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import psycopg
import pytest
from langgraph_sdk import get_client

from assent.checkpoint_order import _overtaken
from assent.langgraph_server.thread_driver import SentAnswers
from assent.langgraph_server.threads import RESUMING, SENT, Thread, snapshot
from assent.thread import GetListed
from tests.hookserver import HookServer
from tests.langgraph_server.conftest import Bridge, Work
from tests.processes.crew import until
from tests.processes.harness import ROOT, environment
from tests.sdk.conftest import Portal

pytestmark = pytest.mark.processes


def graph(name: str) -> pytest.MarkDecorator:
    """Use that graph."""
    return pytest.mark.parametrize("work", [name], indirect=True)


def test_approved_is_run_once_and_reported(work: Work) -> None:
    work.begin(context={"region": "north"})
    request = work.asked("Tidy up")
    assert (request["kind"], request["workflow"], request["agent"]) == ("script", "gate", "Deploy agent")
    assert not work.done
    work.portal.decide(request["id"])
    receipt = work.receipt(request["id"])
    assert (receipt["status"], receipt["summary"]) == ("applied", "3 tables tidied"), "the node's own words"
    assert work.done == ["VACUUM orders;", "region north"], "it went on in the context that it had"
    assert work.status == "idle"


def test_changed_is_run_as_changed(work: Work) -> None:
    work.begin()
    request = work.asked("Tidy up")
    work.portal.decide(request["id"], "modify", change={"content": "ANALYZE orders;"})
    assert work.receipt(request["id"])["status"] == "applied"
    assert work.done[0] == "ANALYZE orders;"


def test_rejected_is_not_run(work: Work) -> None:
    work.begin()
    request = work.asked("Tidy up")
    work.portal.decide(request["id"], "reject", comment="Not on a Friday.")
    assert work.receipt(request["id"])["status"] == "not_applied"
    assert work.done == ["region None"]


def test_what_it_proposes_again_is_asked_again(work: Work) -> None:
    work.begin()
    request = work.asked("Tidy up")
    (work.file.parent / "done.proposed").write_text("ANALYZE orders;")
    work.portal.decide(request["id"])
    assert work.receipt(request["id"])["status"] == "not_applied"
    again = work.asked("Tidy up")
    assert again["payload"]["content"] == "ANALYZE orders;" and not work.done
    work.portal.decide(again["id"])
    assert work.receipt(again["id"])["status"] == "applied"
    assert work.done[0] == "ANALYZE orders;"


@graph("parallel")
def test_several_at_once_are_answered_in_any_order(work: Work) -> None:
    work.begin()
    first, second = work.asked("First of"), work.asked("Second of")
    work.portal.decide(second["id"], "answer", answer={"days": 7})
    assert work.portal.request(first["id"])["state"] == "pending" and not work.done
    work.portal.decide(first["id"], "answer", answer="yes")
    assert work.receipt(first["id"])["status"] == "applied"
    assert work.receipt(second["id"])["status"] == "applied"
    assert work.done == ["yes and 7"]


@graph("parallel")
def test_a_step_that_breaks_is_reported(work: Work) -> None:
    work.begin()
    first, second = work.asked("First of"), work.asked("Second of")
    work.portal.decide(second["id"], "answer", answer={"days": -1})
    receipt = work.receipt(second["id"])
    assert receipt["status"] == "failed" and "there is no such day" in receipt["summary"]
    assert work.status == "error" and work.portal.request(first["id"])["state"] == "pending"


@graph("agent")
@pytest.mark.parametrize(("verdict", "done"), [("approve", ["wiped t"]), ("reject", [])])
def test_a_call_of_a_tool(work: Work, verdict: str, done: list[str]) -> None:
    work.begin()
    request = work.asked()
    assert (request["kind"], request["payload"]["tool"]) == ("tool_call", "wipe")
    work.portal.decide(request["id"], verdict)
    work.receipt(request["id"])
    work.until("idle")
    assert work.done == done


@graph("flipping")
def test_a_rejection_that_is_passed_over_stops_the_thread(work: Work) -> None:
    work.begin()
    request = work.asked()
    work.portal.decide(request["id"], "reject")
    receipt = work.receipt(request["id"])
    assert receipt["status"] == "failed" and "without accepting the decision" in receipt["summary"]
    assert not work.done and work.status == "interrupted"
    assert work.client.threads.get_state(work.thread)["metadata"]["source"] == "loop", "it was left as it stood"


def resumed_elsewhere(work: Work) -> None:
    work.client.threads.update_state(work.thread, {"note": "other"}, as_node="region")
    work.until("idle")


def deleted(work: Work) -> None:
    work.client.threads.delete(work.thread)


@pytest.mark.parametrize("gone", [resumed_elsewhere, deleted])
def test_what_the_thread_asks_no_more_is_withdrawn(work: Work, gone: Callable[[Work], None]) -> None:
    work.begin()
    request = work.asked("Tidy up")
    gone(work)
    found = work.ended(request["id"])
    assert found["state"] == "cancelled" and "no longer waited for this" in found["note"]
    assert not work.done


def test_killed_while_people_think_it_goes_on_with_the_same_request(work: Work, bridge: Bridge) -> None:
    work.begin()
    request = work.asked("Tidy up")
    bridge.kill()
    work.portal.decide(request["id"])
    bridge.start()
    assert work.receipt(request["id"])["status"] == "applied"
    assert work.done == ["VACUUM orders;", "region None"]
    assert all(work.note not in request["title"] for request in work.portal.pending())


def test_stopped_it_leaves_the_requests_open(work: Work, bridge: Bridge) -> None:
    work.begin()
    request = work.asked("Tidy up")
    assert bridge.stop() == 0
    assert work.portal.request(request["id"])["state"] == "pending"
    bridge.start()
    work.portal.decide(request["id"])
    assert work.receipt(request["id"])["status"] == "applied"


def test_killed_after_the_answer_was_sent_it_reports_what_came_of_it(work: Work, bridge: Bridge) -> None:
    work.begin()
    request = work.asked("Tidy up")
    with work.file.with_suffix(".hold").open("a") as hold:
        fcntl.flock(hold, fcntl.LOCK_EX)
        work.portal.decide(request["id"])
        work.until_done(["VACUUM orders;"])
        bridge.kill()
        bridge.start()
    receipt = work.receipt(request["id"])
    assert (receipt["status"], receipt["summary"]) == ("applied", "The agent continued with what was approved.")
    assert work.done == ["VACUUM orders;", "region None"]
    assert not work.client.threads.get(work.thread)["metadata"][RESUMING]


@pytest.mark.parametrize(
    ("work", "said", "ended"),
    [("agent", "not_applied", "idle"), ("flipping", "failed", "interrupted")],
    indirect=["work"],
)
def test_killed_between_a_rejection_and_the_next_step(work: Work, bridge: Bridge, said: str, ended: str) -> None:
    request, sent, resume = decided_without_it(work, bridge, "reject")
    alone(work, lambda thread: resumed(thread, sent, resume))
    bridge.start()
    assert work.receipt(request["id"])["status"] == said
    work.until(ended)
    assert not work.done


@pytest.mark.parametrize("work", ["agent"], indirect=True)
def test_killed_before_the_answer_was_sent_it_is_sent(work: Work, bridge: Bridge) -> None:
    request, sent, _ = decided_without_it(work, bridge, "approve")
    alone(work, lambda thread: thread.mark(asdict(sent)))
    bridge.start()
    assert work.receipt(request["id"])["status"] == "applied"
    assert work.done == ["wiped t"]


@pytest.mark.parametrize("work", ["agent"], indirect=True)
def test_killed_before_the_answer_was_sent_and_resumed_elsewhere(work: Work, bridge: Bridge) -> None:
    request, sent, _ = decided_without_it(work, bridge, "approve")
    alone(work, lambda thread: thread.mark(asdict(sent)))
    other = {"resume": {"decisions": [{"type": "reject"}]}}
    work.client.runs.wait(work.thread, work.graph, command=other)
    bridge.start()
    receipt = work.receipt(request["id"])
    assert receipt["status"] == "not_applied" and "no longer waited for this" in receipt["summary"]
    assert not work.done


def decided_without_it(work: Work, bridge: Bridge, verdict: str) -> tuple[dict[str, Any], SentAnswers, dict[str, Any]]:
    """A request that was decided while the bridge was dead, and what a bridge notes and sends then."""
    work.begin()
    request = work.asked()
    bridge.kill()
    work.portal.decide(request["id"], verdict)
    state = work.client.threads.get_state(work.thread)
    [task] = state["tasks"]
    interrupt = str(task["interrupts"][0]["id"])
    where = str(state["checkpoint"]["checkpoint_id"])
    sent = SentAnswers("a mark of its own " + work.note, where, {interrupt: request["id"]}, {task["id"]: task["name"]})
    return request, sent, {interrupt: {"decisions": [{"type": verdict}]}}


async def resumed(thread: Thread, sent: SentAnswers, resume: dict[str, Any]) -> None:
    """What a bridge does until the middleware's step has ended."""
    await thread.mark(asdict(sent))
    async for _ in thread.run(resume, sent.mark, set(sent.watched.values())):
        pass


def alone(work: Work, act: Any) -> None:
    """Do something with the thread as the bridge would."""

    async def there() -> None:
        async with get_client(url=str(work.server_url)) as client:
            doing: Awaitable[None] = act(Thread(client, await client.threads.get(work.thread)))
            await doing

    asyncio.run(there())


def test_the_server_says_what_was_written_after_a_checkpoint(work: Work) -> None:
    """By which a bridge tells that a thread's newest checkpoint is not the newest: see `assent.checkpoint_order`."""
    work.begin()
    request = work.asked("Tidy up")
    [*_, first] = work.client.threads.get_history(work.thread)
    state = work.client.threads.get_state(work.thread)
    found = []

    async def follow(thread: Thread) -> None:
        for start in (first, state):
            reading, answer = _overtaken(snapshot(start)), None
            while True:
                try:
                    step = reading.send(answer)
                except StopIteration as end:
                    found.append(end.value)
                    break
                assert isinstance(step, GetListed) and step.step is not None
                answer = await thread.of_step(step.step)

    alone(work, follow)
    newest = {name: state["checkpoint"][name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")}
    assert found == [(snapshot(first).config, {"configurable": newest}), None]
    work.portal.decide(request["id"], "reject")


def test_the_portal_is_killed_and_started_again(work: Work) -> None:
    work.begin()
    request = work.asked("Tidy up")
    work.portal.web.kill()
    work.portal.web.start()
    work.portal.decide(request["id"])
    assert work.receipt(request["id"])["status"] == "applied"
    assert work.done == ["VACUUM orders;", "region None"]


def test_the_portal_is_killed_while_it_opens_the_request(work: Work) -> None:
    """Between the request and the stored answer, so that to the next process the bridge's call is still under way."""
    with psycopg.connect(work.portal.web.database_url, autocommit=True) as database:
        database.execute(
            "create function wait_for_test() returns trigger language plpgsql as "
            "'begin perform pg_advisory_xact_lock(4711); return new; end'"
        )
        database.execute(
            "create trigger wait_for_test before update on idempotency_keys for each row "
            "when (new.status is not null) execute function wait_for_test()"
        )
        database.execute("select pg_advisory_lock(4711)")
        work.begin()
        request = work.asked("Tidy up")
        stalled = "from pg_stat_activity where wait_event = 'advisory' and datname = current_database()"
        until(lambda: database.execute(f"select 1 {stalled}").fetchone(), what="no answer is stored")
        work.portal.web.kill()
        database.execute(f"select pg_terminate_backend(pid) {stalled}")
        database.execute("drop function wait_for_test cascade")
    work.portal.web.start()
    work.portal.decide(request["id"])
    assert work.receipt(request["id"])["status"] == "applied"
    assert work.done == ["VACUUM orders;", "region None"]


def test_a_token_that_is_none_ends_it(work: Work) -> None:
    other = Bridge(work.portal, work.server_url, token="assent_agent_" + "0" * 40)
    work.begin()
    other.start()
    assert other.process is not None and other.process.wait(60) == 1


def test_the_key_is_sent(portal: Portal) -> None:
    server, called = HookServer(), threading.Event()
    server.on_call = lambda _call: called.set()
    server.start()
    bridge = Bridge(portal, server.url.partition("/hooks")[0])
    bridge.start()
    assert called.wait(60)
    bridge.stop()
    server.stop()
    assert server.calls[0].headers["x-api-key"] == "a-key"


def test_a_note_that_cannot_be_read_holds_up_nobody(work: Work) -> None:
    work.begin()
    other = Work(work.client, work.portal, "gate", work.file.with_name("other"), work.server_url)
    request = work.asked("Tidy up")
    work.client.threads.update(work.thread, metadata={RESUMING: True, SENT: {"what": "nonsense"}})
    other.begin()
    asked = other.asked("Tidy up")
    other.portal.decide(asked["id"])
    assert other.receipt(asked["id"])["status"] == "applied"
    work.portal.decide(request["id"])
    assert work.receipt(request["id"])["status"] == "applied"


def test_one_graph_alone_filed_under_another_name(work: Work, bridge: Bridge) -> None:
    bridge.kill()
    work.begin()
    other = Work(work.client, work.portal, "agent", work.file.with_name("other"), work.server_url)
    other.begin()
    chosen = Bridge(work.portal, work.server_url, ("--graph", "agent", "--workflow", "nightly"))
    chosen.start()
    request = other.asked()
    assert request["workflow"] == "nightly"
    work.portal.decide(request["id"])
    assert other.receipt(request["id"])["status"] == "applied"
    assert all(work.note not in request["title"] for request in work.portal.pending()), "it has looked several times"
    chosen.stop()
    bridge.start()
    work.asked("Tidy up")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"LANGGRAPH_SERVER_URL": "localhost:2024"}, 2, "LANGGRAPH_SERVER_URL: 'localhost:2024' is not an address"),
        ({"ASSENT_URL": ""}, 2, "Set ASSENT_URL"),
        ({"ASSENT_TOKEN": ""}, 1, "An agent's token is required"),
        ({"ASSENT_TOKEN": "assent_person_x"}, 1, "This is a person's token."),
        ({"ASSENT_TOKEN": "assent_agent_x\ny"}, 1, "The agent's token contains a line break"),
        ({"LANGGRAPH_API_KEY": "a\nkey"}, 2, "LANGGRAPH_API_KEY contains a line break"),
    ],
)
def test_what_it_cannot_begin_with_is_said(given: dict[str, str], code: int, said: str) -> None:
    usable = {"LANGGRAPH_SERVER_URL": "http://127.0.0.1:1", "ASSENT_URL": "http://127.0.0.1:1", "ASSENT_TOKEN": "x"}
    ran = subprocess.run(
        [sys.executable, "-m", "assent.langgraph_server"], cwd=ROOT, env=environment(**usable | given),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == code and said in ran.stderr
