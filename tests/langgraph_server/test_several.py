"""Threads that others resume, bridges that were down, several bridges, and a server that is killed."""

from __future__ import annotations

import asyncio
import fcntl
from typing import Any

import pytest
from langgraph_sdk import get_client

from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services
from assent.langgraph_server import claims
from assent.langgraph_server.claims import ASKED, CLAIM, HOLDS, WANTS, Bridges, Claim, claims_in
from assent.langgraph_server.threads import Thread
from tests.factories import make_person, make_token
from tests.langgraph_server.conftest import Bridge, Server, Work
from tests.processes.crew import until
from tests.sdk.conftest import Holder

pytestmark = pytest.mark.processes


def noted(work: Work) -> None:
    """Wait until the bridge has noted the request in the thread."""
    until(lambda: work.client.threads.get(work.thread)["metadata"].get(ASKED), what="no request was noted")


def beside(work: Work, name: str, graph: str = "slow") -> Work:
    """Another thread."""
    return Work(work.client, work.portal, graph, work.file.with_name(name), work.server_url)


def bridges(work: Work) -> set[str]:
    """The bridges that have shown a sign of life."""
    return {item["key"] for item in work.client.store.search_items(("assent_bridges",), limit=100)["items"]}


def titled(work: Work, title: str) -> list[dict[str, Any]]:
    """All requests of that title."""
    found = []
    for status in ("pending", "resolved"):
        query = f"{work.portal.web.url}/api/v1/approvals?status={status}&text={work.note}"
        found += [item for item in work.portal.reviewer.get(query).json()["items"] if item["title"] == title]
    return found


@pytest.mark.parametrize("work", ["slow"], indirect=True)
def test_a_thread_that_is_busy_with_another_answer_when_it_looks(work: Work) -> None:
    work.begin()
    request = work.asked("Slow")
    other = beside(work, "other")
    with work.file.with_suffix(".hold").open("a") as hold:
        fcntl.flock(hold, fcntl.LOCK_EX)
        work.client.runs.create(work.thread, "slow", command={"resume": "yes"})
        work.until("busy")
        # It has looked since then.
        other.begin()
        other_request = other.asked("Slow")
        assert work.portal.request(request["id"])["state"] == "pending"
    found = work.ended(request["id"])
    assert found["state"] == "cancelled" and "no longer waited for this" in found["note"]
    work.until_done(["yes"])
    work.portal.decide(other_request["id"], "reject")


@pytest.mark.parametrize("work", ["slow"], indirect=True)
@pytest.mark.parametrize("asks_again", [False, True])
def test_a_thread_that_was_resumed_while_the_bridge_was_down(work: Work, bridge: Bridge, asks_again: bool) -> None:
    work.begin()
    request = work.asked("Slow")
    noted(work)
    bridge.kill()
    work.client.runs.wait(work.thread, "slow", command={"resume": "yes"})
    if asks_again:
        work.client.runs.wait(work.thread, "slow", input={"file": str(work.file), "note": work.note})
        assert work.status == "interrupted"
    bridge.start()
    assert work.ended(request["id"])["state"] == "cancelled"
    if asks_again:
        again = work.asked("Slow")
        assert again["id"] != request["id"]
        work.portal.decide(again["id"], "answer", answer="no")
        work.until_done(["yes", "no"])
    until(lambda: not work.client.threads.get(work.thread)["metadata"][ASKED], what="still noted")


@pytest.mark.parametrize("work", ["slow"], indirect=True)
def test_two_bridges_with_differently_named_tokens_ask_once(work: Work, bridge: Bridge, services: Services) -> None:
    owner = make_person(services.sessions, "SRE on call", [Role.REVIEWER])
    token = make_token(Holder(services), owner, TokenKind.AGENT, AGENT_SCOPES, name="Second agent")  # type: ignore[arg-type]
    second = Bridge(work.portal, work.server_url, token=token)
    seen = bridges(work)
    second.start()
    until(lambda: bridges(work) - seen, what="no sign of life")
    works = [beside(work, f"thread {number}") for number in range(4)]
    for thread in works:
        thread.begin()
    for thread in works:
        request = thread.asked("Slow")
        thread.portal.decide(request["id"], "answer", answer="yes")
        assert thread.receipt(request["id"])["status"] == "applied"
        thread.until_done(["yes"])
    assert [len(titled(thread, f"Slow {thread.note}")) for thread in works] == [1] * 4
    second.stop()


def test_of_two_that_claim_a_thread_at_once_one_has_it(work: Work, bridge: Bridge, monkeypatch: Any) -> None:
    async def race() -> list[list[bool]]:
        async with get_client(url=work.server_url) as client:
            won = []
            for _ in range(5):
                document = await client.threads.create()
                pair = [Claim(Thread(client, document), Bridges(client, me)) for me in ("a", "b")]
                won.append(list(await asyncio.gather(*(claim.take() for claim in pair))))
                again = Claim(Thread(client, document), Bridges(client, "ab"[won[-1].index(True)]))
                assert await again.take(), "the same bridge after a restart"
                other = "ab"[won[-1].index(False)]
                assert not await Claim(Thread(client, document), Bridges(client, other)).take()
                with monkeypatch.context() as later:
                    later.setattr(claims, "LEASE_SECONDS", -1)
                    assert await Claim(Thread(client, document), Bridges(client, other)).take(), "that one is dead"
                await again.release()
            return won

    assert all(sorted(pair) == [False, True] for pair in asyncio.run(race()))


@pytest.mark.parametrize(
    ("claims_of", "kept_out"),
    [
        ({}, False), ({"m": HOLDS}, False), ({"a": HOLDS}, True), ({"z": HOLDS}, True), ({"a": WANTS}, False),
        ({"m": HOLDS, "z": HOLDS}, False), ({"m": HOLDS, "a": HOLDS}, True), ({"m": WANTS, "z": HOLDS}, True),
    ],
)  # fmt: skip
def test_which_bridge_gives_way(claims_of: dict[str, str], kept_out: bool) -> None:
    metadata = {CLAIM + bridge: {"state": state} for bridge, state in claims_of.items()}
    noise = {CLAIM + "gone": None, CLAIM + "bad": "x", "graph_id": "slow"}
    bridges = Bridges(get_client(url="http://127.0.0.1:9"), "m")
    assert bridges.keep_out(metadata | noise) is kept_out
    assert set(claims_in(metadata | noise)) == set(claims_of)


@pytest.mark.parametrize("work", ["slow"], indirect=True)
def test_what_a_killed_server_has_lost_is_reported(work: Work, server: Server) -> None:
    work.begin()
    request = work.asked("Slow")
    noted(work)
    server.kill()
    # People decide while it is away. `langgraph dev` keeps the thread then, and may lose its checkpoints.
    work.portal.decide(request["id"], "answer", answer="yes")
    server.start()
    said = work.receipt(request["id"])["status"]
    assert (said, work.done) in [("not_applied", []), ("applied", ["yes"])]
    assert len(titled(work, request["title"])) == 1
