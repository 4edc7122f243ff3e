"""The hazards of `docs/decisions/0005-resume-guard.md`, and kills, met by somebody's own driven graph."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from app.lifeline import die_with_parent_hook
from app.services.bundle import Services
from assent import PassedOverError, SwallowedGateError
from assent.gate import ProposalChangedError
from tests.processes.harness import ROOT, environment
from tests.runtime import agent_flows, caching_flows, guard_flows, swallowing_flows
from tests.sdk.agents import agent, mail
from tests.sdk.conftest import Portal
from tests.sdk.driven import Drivable

pytestmark = pytest.mark.processes


def tampered(services: Services, request: dict[str, Any], **changes: Any) -> None:
    """Alter what people made of a request, as a fault elsewhere might: the outcome that is decided next."""
    with psycopg.connect(services.engine.url.set(drivername="postgresql").render_as_string(False)) as connection:
        connection.execute(
            f"""create or replace function spoil() returns trigger language plpgsql as $$ begin
                new.body := (new.body::jsonb || $given${json.dumps(changes)}$given$::jsonb)::text; return new; end $$"""
        )
        connection.execute(
            f"""create or replace trigger spoil before insert on outcomes for each row
                when (new.request_id = '{request["id"]}') execute function spoil()"""
        )


@pytest.fixture
def spoil(services: Services) -> Iterator[Any]:
    """Alters an outcome before anybody can collect it."""
    yield lambda request, **changes: tampered(services, request, **changes)
    with psycopg.connect(services.engine.url.set(drivername="postgresql").render_as_string(False)) as connection:
        connection.execute("drop trigger if exists spoil on outcomes")


@pytest.mark.parametrize("answer", [{"years": "seven"}, {}, "seven"])
def test_hazard_1_an_answer_of_the_wrong_shape_is_never_sent(drivable: Drivable, spoil: Any, answer: Any) -> None:
    driven = drivable(guard_flows.AGE)
    running = driven.start()
    request = driven.next()
    spoil(request, answer=answer)
    driven.answer(request, {"years": 7})
    again = driven.next()
    assert again["id"] != request["id"] and driven.effects() == {"asked": 1}
    status, summary = driven.receipt(request)
    assert status == "not_applied" and "does not fit" in summary
    driven.answer(again, {"years": 8})
    assert running.get()["answers"] == [8]


def test_hazard_1_an_answer_that_only_the_graph_can_refuse_is_asked_for_again(drivable: Drivable) -> None:
    driven = drivable(guard_flows.EVEN)
    running = driven.start()
    asked = driven.several(2)
    driven.answer(asked["An even number?"], {"number": 3})
    again = driven.next()
    assert again["title"] == "An even number?" and "odd" in driven.receipt(asked["An even number?"])[1]
    driven.answer(again, {"number": 4})
    driven.answer(asked["What is a?"], "1")
    assert sorted(map(str, running.get()["answers"])) == ["4", "a=1"]


def test_hazard_1_a_thread_that_was_poisoned_is_repaired_and_asks_again(drivable: Drivable) -> None:
    driven = agent(drivable, agent_flows.BATCHED, [mail("one@example.org"), mail("two@example.org")])
    driven.graph.invoke(driven.input, driven.config)
    [asked] = driven.asks()
    for _ in range(2):
        with pytest.raises(ValueError, match="does not match number"):
            driven.past({asked: {"decisions": [{"type": "approve"}]}})
    running = driven.start()
    driven.portal.decide(driven.next()["id"])
    running.get()
    assert driven.effects() == {"sent to one@example.org: ": 1, "sent to two@example.org: ": 1}


def test_hazards_2_and_3_an_answer_to_what_is_pending_no_more_resumes_nothing(drivable: Drivable) -> None:
    driven = drivable(guard_flows.SAME)
    running = driven.start()
    first = driven.next()
    driven.past({next(iter(driven.asks())): "by hand"})
    driven.answer(first, "one")
    second = driven.next()
    assert second["id"] != first["id"]
    status, summary = driven.receipt(first)
    assert status == "not_applied" and "no longer waited for this" in summary
    driven.answer(second, "two")
    driven.answer(driven.next(), "three")
    assert running.get()["answers"] == ["by hand", "two", "three"]


def test_hazard_4_an_edit_that_names_another_tool_is_refused(drivable: Drivable, spoil: Any) -> None:
    driven = agent(drivable, agent_flows.BATCHED, [mail("one@example.org")])
    running = driven.start()
    request = driven.next()
    body = {"verdict": "modify", "digest": request["digest"], "change": {"tool": "delete_file"}}
    refused = driven.portal.reviewer.post(
        f"{driven.portal.web.url}/api/v1/approvals/{request['id']}/decisions", json=body
    )
    assert refused.status_code == 422
    spoil(request, verdict="modify", payload=request["payload"] | {"tool": "delete_file", "args": {"path": "/"}})
    driven.portal.decide(request["id"])
    again = driven.next()
    assert not driven.effects() and "an edit cannot change the tool" in driven.receipt(request)[1]
    driven.portal.decide(again["id"])
    running.get()
    assert driven.effects() == {"sent to one@example.org: ": 1}


def test_hazard_6_a_predicate_that_flips_on_resume_stops_the_agent_and_is_told(drivable: Drivable) -> None:
    driven = agent(drivable, agent_flows.FLICKERS, [mail("all@example.org")], [mail("more@example.org")])
    running = driven.start()
    request = driven.next()
    driven.aside("flipped").touch()
    driven.portal.decide(request["id"], "reject")
    with pytest.raises(PassedOverError, match="did not ask again"):
        running.get()
    assert not driven.effects(), "the agent was stopped before the tool's step"
    assert driven.receipt(request)[0] == "failed"


@pytest.mark.parametrize("sync", [True, False])
def test_a_step_that_passed_over_its_answer_asks_again_when_the_thread_is_driven_on(
    drivable: Drivable, sync: bool
) -> None:
    driven = drivable(swallowing_flows.FLOWS["flips"])
    running = driven.start(sync=sync)
    first = driven.next()
    driven.aside("flipped").touch()
    driven.portal.decide(first["id"], "reject")
    with pytest.raises(PassedOverError, match="did not ask again"):
        running.get()
    driven.aside("flipped").unlink()
    running = driven.start(None, sync=sync)
    second = driven.next()
    assert second["id"] != first["id"] and driven.effects()["last"] == 0
    driven.portal.decide(second["id"], "reject")
    running.get()
    assert driven.effects()["last"] == 1


def test_a_thread_whose_step_passed_over_its_answer_beside_another_stays_behind_it_and_says_so(
    drivable: Drivable,
) -> None:
    driven = drivable(swallowing_flows.FLOWS["flips_beside"])
    running = driven.start()
    request = driven.next()
    driven.aside("flipped").touch()
    driven.portal.decide(request["id"], "reject")
    with pytest.raises(PassedOverError, match="continues after that step"):
        running.get()
    assert driven.effects() == {"beside": 1, "ran": 1}


CATCHING = ("except", "async", "nested", "subgraph", "task", "first_of_two")


@pytest.mark.parametrize(
    ("name", "sync"),
    [(name, sync) for name in CATCHING for sync in (True, False) if not sync or name != "async"],  # that needs adrive
)
def test_a_step_that_catches_its_own_question_stops_the_drive(drivable: Drivable, name: str, sync: bool) -> None:
    driven = drivable(swallowing_flows.FLOWS[name])
    running = driven.start(sync=sync)
    with pytest.raises(SwallowedGateError, match="asked for approval and continued without an answer") as caught:
        running.get()
    assert caught.value.node == ("child/ask" if name == "nested" else "ask")
    assert driven.effects()["last"] == 0
    assert driven.graph.get_state(driven.config).next, "the step runs again when the thread is driven on"


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("name", ["gate", "task", "subgraph", "inside_cached"])
def test_each_drive_asks_though_the_node_is_cached(drivable: Drivable, name: str, sync: bool) -> None:
    driven = drivable(caching_flows.FLOWS[name])
    for thread in ("first", "second"):
        driven.config = {"configurable": {"thread_id": f"{driven.folder.name}-{thread}"}}
        running = driven.start(sync=sync)
        driven.portal.decide(driven.next()["id"])
        assert running.get()["answers"][-1] == "approve"
    assert driven.effects() == {"ran approve": 2, "measured": 2}, "what asks nothing was cached"


def test_hazard_12_an_answer_for_a_value_that_changed_is_not_used(drivable: Drivable) -> None:
    driven = drivable(guard_flows.FILE)
    driven.aside("question").write_text("Drop table a?")
    running = driven.start()
    asked = driven.several(2)
    other = next(title for title, value in driven.asks().items() if value == "What is a?")
    driven.aside("question").write_text("Drop table b?")
    driven.past({other: "x"})
    driven.answer(asked["Drop table a?"], "yes")
    new = driven.next()
    assert new["title"] == "Drop table b?" and "Drop table b?" in driven.asks().values()
    status, summary = driven.receipt(asked["Drop table a?"])
    assert status == "not_applied" and "something else than what was reviewed" in summary
    assert driven.portal.request(asked["What is a?"]["id"])["state"] == "cancelled"
    driven.answer(new, "no")
    assert sorted(running.get()["answers"]) == ["a=x", "no"]


def test_hazard_12_a_pending_request_whose_question_changed_is_withdrawn(drivable: Drivable) -> None:
    driven = drivable(guard_flows.FILE)
    driven.aside("question").write_text("Drop table a?")
    running = driven.start()
    asked = driven.several(2)
    driven.aside("question").write_text("Drop table b?")
    driven.answer(asked["What is a?"], "x")
    new = driven.next()
    old = driven.portal.request(asked["Drop table a?"]["id"])
    assert (new["title"], old["state"]) == ("Drop table b?", "cancelled")
    assert "something else" in old["note"]
    driven.answer(new, "no")
    assert sorted(running.get()["answers"]) == ["a=x", "no"]


def test_hazard_12_a_proposal_that_differs_when_the_node_runs_again_is_asked_again(drivable: Drivable) -> None:
    driven = drivable(guard_flows.CHANGING)
    driven.aside("script").write_text("select 1")
    running = driven.start()
    request = driven.next()
    driven.aside("script").write_text("drop table customers")
    driven.portal.decide(request["id"])
    new = driven.next()
    assert not driven.effects() and new["payload"]["content"] == "drop table customers"
    assert driven.receipt(request)[0] == "not_applied"
    driven.portal.decide(new["id"], "reject")
    running.get()


def test_hazard_12_a_proposal_that_never_stays_the_same_is_a_failure_at_last(drivable: Drivable) -> None:
    driven = drivable(guard_flows.CHANGING)
    driven.aside("script").write_text("select 0")
    running = driven.start()
    for number in range(1, 5):
        request = driven.next()
        driven.aside("script").write_text(f"select {number}")
        driven.portal.decide(request["id"])
    with pytest.raises(ProposalChangedError):
        running.get()
    assert driven.receipt(request)[0] == "failed" and not driven.effects()


# Kills

PROGRAM = """
import json, sys
from assent import drive
from langgraph.checkpoint.postgres import PostgresSaver
from tests.runtime import agent_flows, caching_flows, guard_flows, swallowing_flows
from tests import flows
database, thread, flow, given = sys.argv[1:]
with PostgresSaver.from_conn_string(database) as saver:
    module, _, name = flow.rpartition(".")
    graph = getattr(sys.modules[module], name).build().compile(checkpointer=saver)
    config = {"configurable": {"thread_id": thread}}
    result = drive(graph, json.loads(given), config, on_request=lambda each: print(each.id, flush=True))
print(json.dumps(result["answers"] if "answers" in result else None), flush=True)
"""


class Program:
    """A program that drives a graph with a saver in a database of its own, and may be killed and started again."""

    def __init__(self, portal: Portal, database: str, folder: Path, flow: str) -> None:
        self._portal = portal
        self._database = database
        self._flow = flow
        self.file = folder / "effects0"
        self.file.touch()
        self._given: dict[str, Any] = {"input": {"effects": str(self.file), "text": "select 1", "die_at": ""}}
        self._thread = str(uuid.uuid4())
        with PostgresSaver.from_conn_string(database) as saver:
            saver.setup()

    def start(self, given: Any = "the same") -> subprocess.Popen[str]:
        """Start it."""
        given = json.dumps(self._given if given == "the same" else given)
        settings = environment(ASSENT_URL=self._portal.web.url, ASSENT_TOKEN=self._portal.token)
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self._database, self._thread, self._flow, given],
            env=settings | {"PYTHONPATH": str(ROOT)}, cwd=ROOT, text=True, stdout=subprocess.PIPE,
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )  # fmt: skip


@pytest.fixture
def program(portal: Portal, empty_database_url: str, tmp_path: Path) -> Any:
    """Makes such a program."""
    return lambda flow: Program(portal, empty_database_url, tmp_path, flow)


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("given", ["the same", None])
def test_killed_while_waiting_and_started_again_gets_its_outcome_once(program: Any, portal: Portal, given: Any) -> None:
    made = program("tests.flows.SCRIPT")
    first = made.start()
    request = line(first)
    first.kill()
    first.wait()
    portal.decide(request)
    again = made.start(given)
    printed, _ = again.communicate(timeout=60)
    assert printed.split() == [request, '["approve"]'] and again.returncode == 0
    assert made.file.read_text() == "ran select 1\n"
    assert portal.request(request)["receipt"]["status"] == "applied"
    assert "Run a script" not in [request["title"] for request in portal.pending()]


def test_killed_while_waiting_for_a_revision_finds_it_again(program: Any, portal: Portal) -> None:
    made = program("tests.flows.REVISE")
    first = made.start()
    portal.decide(line(first), "request_changes", comment="Only this year.")
    revision = line(first)
    first.kill()
    first.wait()
    again = made.start(None)
    assert line(again) == revision
    portal.decide(revision)
    again.communicate(timeout=60)
    assert again.returncode == 0 and made.file.read_text().count("ran") == 1
    assert portal.request(revision)["receipt"]["status"] == "applied"


def test_hazard_9_killed_inside_the_gates_node_after_the_answer_delivers_it_again(program: Any, portal: Portal) -> None:
    made = program("tests.runtime.guard_flows.DIES")
    first = made.start()
    request = line(first)
    portal.decide(request)
    assert first.wait(60) == -signal.SIGKILL
    again = made.start(None)
    printed, _ = again.communicate(timeout=60)
    assert printed.split()[0] == request and again.returncode == 0
    assert made.file.read_text().split("\n") == ["restarted approve", "last", ""]


def test_a_portal_that_is_killed_and_started_again_loses_no_drive(drivable: Drivable, portal: Portal) -> None:
    waiting = [drivable(guard_flows.BESIDE) for _ in range(3)]
    running = [driven.start(sync=number != 1) for number, driven in enumerate(waiting)]
    asked = [driven.several(3) for driven in waiting]
    portal.web.kill()
    portal.web.start()
    for driven, requests in zip(waiting, asked, strict=True):
        for request in requests.values():
            driven.answer(request, "x")
    for task in running:
        assert sorted(task.get()["answers"]) == ["a=x", "b=x", "c=x"]


def test_a_driven_graph_takes_no_answer_of_a_request_of_another_thread(drivable: Drivable) -> None:
    one, two = drivable(guard_flows.TEXT), drivable(guard_flows.TEXT)
    running = one.start(), two.start()
    first, second = one.next(), two.next()
    assert first["id"] != second["id"]
    one.answer(first, "one")
    assert running[0].get()["answers"] == ["one"] and running[1].result is None
    two.answer(second, "two")
    assert running[1].get()["answers"] == ["two"]
