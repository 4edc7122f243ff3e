"""One test for each way in which a resume can go wrong, seen with the real LangGraph and the real saver.

The numbers are those of the hazards in `docs/decisions/0005-resume-guard.md`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest
from langgraph.types import Command

from app.domain.run_protocol import RunBusyError
from app.runtime.driver import Driver
from app.runtime.saver import Saver
from assent.contracts import Verdict
from tests.runtime.rig import Rig, until


def tamper(rig: Rig, request_id: str, /, **changes: Any) -> None:
    """Alter an outcome that waits to be delivered, as a fault elsewhere might."""
    [(body,)] = rig.sql("select body from outcomes where request_id = :id", id=request_id)
    altered = json.dumps(json.loads(body) | changes)
    rig.sql("update outcomes set body = :body where request_id = :id", body=altered, id=request_id)


@pytest.mark.parametrize("answer", [{"years": "seven"}, {"years": 200}, {}, "seven", None, [7]])
def test_hazard_1_an_answer_of_the_wrong_shape_is_never_sent(rig: Rig, answer: Any) -> None:
    run = rig.begin("guard_age")
    request = rig.only(run)
    before = rig.asks(run)
    rig.answer(request, {"years": 7})
    tamper(rig, request.id, answer=answer)
    rig.advance(run)
    assert rig.asks(run) == before and rig.effects(run) == {"asked": 1}, "the thread was not touched"
    assert "does not fit" in rig.request(request).note
    assert rig.view(request).receipt.status == "not_applied"
    again = rig.only(run)
    assert again.previous_id == request.id
    rig.answer(again, {"years": 8})
    rig.advance(run)
    assert rig.finish(run)["answers"] == [8], "the thread is not poisoned"


def test_hazard_1_an_outcome_that_is_none_is_never_sent(rig: Rig) -> None:
    run, request = rig.begin_approved("test_gate")
    tamper(rig, request.id, verdict="perhaps")
    rig.advance(run)
    assert list(rig.asks(run)) == [request.interrupt_id] and not rig.effects(run)
    assert rig.only(run).previous_id == request.id
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)


def test_hazard_1_an_answer_that_only_the_graph_can_refuse_is_asked_for_again(rig: Rig) -> None:
    run = rig.begin("guard_even")
    request = next(request for request in rig.pending(run) if request.node == "even")
    rig.answer(request, {"number": 3})
    rig.advance(run)
    assert rig.state(run) == "suspended", rig.run(run).error
    assert rig.view(request).receipt.status == "not_applied" and "odd" in rig.request(request).note
    again = next(request for request in rig.pending(run) if request.node == "even")
    assert again.previous_id == request.id
    rig.answer(again, {"number": 4})
    rig.answer(next(request for request in rig.pending(run) if request.node == "a"), "1")
    rig.advance(run)
    assert sorted(map(str, rig.finish(run)["answers"])) == ["4", "a=1"]


def test_hazard_2_the_first_answer_is_never_used_for_the_second_question(rig: Rig) -> None:
    run = rig.begin("test_questions")
    first = next(request for request in rig.pending(run) if request.title == "What is the first word?")
    rig.answer(first, "one")
    rig.advance(run)
    second = next(request for request in rig.pending(run) if request.title == "What is the second word?")
    # The worker died after the thread had taken the answer and before anybody had noted it: it is delivered again.
    rig.sql("delete from receipts where request_id = :id", id=first.id)
    rig.sql("update runs set state = 'queued' where id = :id", id=run)
    for _ in range(2):
        rig.advance(run)
    assert "What is the second word?" in rig.asks(run).values()
    assert [request.id for request in rig.pending(run) if request.node == "two"] == [second.id]
    assert rig.view(first).receipt.status in ("delivered", "applied"), "it did arrive, and the page must say so"
    rig.answer(second, "two")
    age = next(request for request in rig.pending(run) if request.node == "age")
    rig.answer(age, {"years": 7})
    rig.advance(run)
    assert sorted(map(str, rig.finish(run)["answers"])) == ["7", "one", "two"]


def test_hazard_2_the_same_question_three_times_is_three_requests(rig: Rig) -> None:
    run = rig.begin("guard_same")
    for answer in ("one", "two", "three"):
        request = rig.only(run)
        rig.answer(request, answer)
        rig.advance(run)
        assert rig.request(request).state == "answered"
    assert rig.finish(run)["answers"] == ["one", "two", "three"]
    assert len(rig.requests(run)) == 3


def test_hazard_3_an_id_that_nothing_waits_for_resumes_nothing(rig: Rig) -> None:
    run = rig.begin("guard_text")
    request = rig.only(run)
    rig.answer(request, "go")
    rig.sql("update approval_requests set interrupt_id = :other where id = :id", other="f" * 32, id=request.id)
    rig.advance(run)
    assert rig.effects(run) == {"asked": 1}, "LangGraph would have run the node again"
    assert list(rig.asks(run).values()) == ["What now?"]
    assert rig.state(run) == "suspended" and len(rig.pending(run)) == 1


def test_hazard_3_an_answer_that_was_taken_already_runs_nothing_again(rig: Rig) -> None:
    run = rig.begin("guard_beside")
    a = next(request for request in rig.pending(run) if request.node == "a")
    rig.answer(a, "1")
    rig.advance(run)
    before = rig.effects(run)
    rig.sql("delete from receipts where request_id = :id", id=a.id)
    rig.sql("update runs set state = 'queued' where id = :id", id=run)
    rig.advance(run)
    assert rig.effects(run) == before
    assert rig.view(a).receipt is not None
    assert sorted(request.node for request in rig.pending(run)) == ["b", "c"]


def test_hazard_12_what_changed_since_the_review_is_asked_again_and_linked(rig: Rig) -> None:
    run = rig.begin("guard_file", advance=False)
    rig.aside(run, "question").write_text("Drop table a?")
    rig.advance(run)
    reviewed = next(request for request in rig.pending(run) if request.node == "file")
    other = next(request for request in rig.pending(run) if request.node == "a")
    rig.answer(reviewed, "yes")
    # Before the worker comes to it, the thread moves on past the portal: the node runs again and asks another thing.
    rig.aside(run, "question").write_text("Drop table b?")
    rig.invoke(run, {other.interrupt_id: "x"})
    assert rig.asks(run)[reviewed.interrupt_id] == "Drop table b?", "the same id, another question"
    rig.advance(run)
    assert rig.asks(run) == {reviewed.interrupt_id: "Drop table b?"}, "nothing was resumed"
    old = rig.view(reviewed)
    assert "something else than what was reviewed" in old.request.note
    assert (old.receipt.status, old.request.state) == ("not_applied", "answered")
    new = rig.only(run)
    assert (new.title, new.previous_id, new.revision) == ("Drop table b?", reviewed.id, 2)
    assert old.next_id == new.id
    rig.answer(new, "no")
    rig.advance(run)
    assert sorted(rig.finish(run)["answers"]) == ["a=x", "no"]


def test_hazard_12_a_pending_request_whose_question_changed_is_superseded(rig: Rig) -> None:
    run = rig.begin("guard_file", advance=False)
    rig.aside(run, "question").write_text("Drop table a?")
    rig.advance(run)
    shown = next(request for request in rig.pending(run) if request.node == "file")
    rig.aside(run, "question").write_text("Drop table b?")
    rig.answer(next(request for request in rig.pending(run) if request.node == "a"), "x")
    rig.advance(run)
    old, new = rig.view(shown), rig.only(run)
    assert (old.state.value, old.next_id) == ("superseded", new.id)
    assert (new.title, new.previous_id) == ("Drop table b?", shown.id)
    rig.answer(new, "no")
    rig.advance(run)
    assert sorted(rig.finish(run)["answers"]) == ["a=x", "no"]


def test_hazard_12_a_proposal_that_differs_when_the_node_runs_again_is_not_carried_out(rig: Rig) -> None:
    run = rig.begin("guard_changing", advance=False)
    rig.aside(run, "script").write_text("select 1")
    rig.advance(run)
    request = rig.only(run)
    rig.decide(request)
    rig.aside(run, "script").write_text("drop table customers")
    rig.advance(run)
    assert not rig.effects(run), "neither what was approved nor what was not"
    failed = rig.only(run)
    assert failed.kind == "error" and "differs from the proposal that was reviewed" in failed.payload["message"]
    rig.aside(run, "script").write_text("select 1")
    rig.answer(failed, {"action": "retry"})
    rig.advance(run)
    if rig.state(run) == "suspended":
        rig.decide(rig.only(run))
        rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"ran select 1": 1}


def test_hazard_8_two_workers_at_once_run_the_step_after_the_gate_once(rig: Rig) -> None:
    other = rig.do(rig.another("second"))
    for _ in range(5):
        run = rig.begin("test_gate")
        rig.decide(rig.only(run))
        results = rig.do(
            asyncio.wait_for(_gather(rig.advancer.advance(run), other.advance(run), rig.advancer.advance(run)), 30)
        )
        assert {type(result) for result in results} == {bool, RunBusyError}, results
        assert set(rig.effects(run).values()) == {1} and len(rig.effects(run)) == 3
        rig.finish(run)


def test_hazard_8_a_run_is_taken_from_another_worker_only_when_that_ones_lock_is_free(rig: Rig) -> None:
    run = rig.begin("test_gate", advance=False)
    rig.sql("update runs set state = 'running', holder = 4711 where id = :id", id=run)
    with psycopg.connect(rig.url, autocommit=True) as living:
        living.execute("select pg_advisory_lock(4711)")
        with pytest.raises(RunBusyError):
            rig.advance(run)
        assert (rig.run(run).attempt, rig.run(run).holder) == (0, 4711)
        living.execute("select pg_advisory_unlock(4711)")
    rig.advance(run)
    assert rig.state(run) == "suspended" and rig.run(run).attempt == 1


async def _gather(*work: Any) -> list[Any]:
    return await asyncio.gather(*work, return_exceptions=True)


def test_hazard_8_without_its_connection_a_worker_is_told_to_stop(rig: Rig) -> None:
    rig.do(rig.another("doomed"))
    [(pid,)] = rig.sql(
        "select pid from pg_stat_activity where application_name = 'assent worker lease' "
        "and datname = current_database() order by backend_start desc limit 1"
    )
    rig.sql("select pg_terminate_backend(:pid)", pid=pid)
    rig.do(asyncio.wait_for(until(lambda: "doomed" in rig.lost), 5))
    assert rig.lost == ["doomed"]


@pytest.mark.parametrize("reported", [False, True])
def test_hazard_9_an_answer_lost_inside_the_gates_node_is_delivered_again(rig: Rig, reported: bool) -> None:
    """The node goes on for a while after the answer, so that what it does is written down before the end comes."""
    run = rig.begin("guard_linger")
    request = rig.only(run)
    if reported:
        rig.aside(run, "report").touch()
    rig.decide(request)
    lingers = rig.aside(run, "lingers")
    noted = "select count(*) from events where run_id = :run and kind = 'step.started'"
    [(steps,)] = rig.sql(noted, run=run)

    async def cut_short() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        await until(lambda: lingers.exists() and rig.sql(noted, run=run) != [(steps,)])
        work.cancel()  # what a kill does, without the end of this process
        await asyncio.gather(work, return_exceptions=True)
        await rig.died()

    rig.do(cut_short())
    assert rig.asks(run), "LangGraph has forgotten the answer"
    assert rig.state(run) == "running" and not rig.effects(run)
    rig.release(run)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"restarted approve": 1, "last": 1}
    assert rig.view(request).receipt.status == "applied"
    assert len(rig.requests(run)) == 1, "nobody is asked twice"


@pytest.mark.parametrize("decided", [False, True])
@pytest.mark.parametrize("kept", range(5))
def test_hazard_9_a_thread_cut_off_before_any_of_its_checkpoints_carries_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, decided: bool, kept: int
) -> None:
    """The steps before the lost checkpoint have ended and are stored as ended; the thread is not at its end."""
    run = rig.begin("test_gate", advance=decided)
    if decided:
        rig.decide(rig.only(run))
    stored = []
    put = Saver.aput

    async def put_some(self: Saver, *arguments: Any) -> Any:
        if len(stored) == kept:
            await asyncio.Event().wait()  # this far, and no further
        stored.append(await put(self, *arguments))
        return stored[-1]

    async def cut_off() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        done, _ = await asyncio.wait([work], timeout=0.5)
        if not done:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await rig.died()

    monkeypatch.setattr(Saver, "aput", put_some)
    rig.do(cut_off())
    monkeypatch.undo()
    rig.advance(run)
    if not decided:
        rig.decide(rig.only(run))
        rig.advance(run)
    rig.finish(run)
    assert len(rig.effects(run)) == 3 and len(rig.requests(run)) == 1


def test_a_paused_suspension_is_asked_about_once(rig: Rig) -> None:
    run = rig.begin("guard_text")
    request = rig.only(run)
    for _ in range(2):
        rig.runs.pause(rig.starter, run)
        rig.advance(run)
        assert rig.state(run) == "paused"
        rig.runs.resume(rig.starter, run)
        rig.advance(run)
        assert rig.state(run) == "suspended"
    assert [request.id for request in rig.requests(run)] == [request.id]
    assert rig.effects(run) == {"asked": 1}
    rig.decide(request, Verdict.ANSWER, answer="go")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["go"]


def test_a_set_is_the_same_set_in_every_process(rig: Rig) -> None:
    """The order of a set of texts differs from process to process; its digest must not."""
    import subprocess
    import sys
    from pathlib import Path

    program = (
        "from assent.dialects.registry import value_digest\n"
        "print(value_digest({'tables': {'orders', 'items', 'people', 'teams', 'events'}, 'n': {3, 1}}, None))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": str(seed)}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in (1, 2, 3)
    }  # fmt: skip
    assert len(digests) == 1
    run = rig.begin("guard_set")
    rig.answer(rig.only(run), "fine")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["fine"]


# Tool calls of agents


def _mail(rig: Rig, to: str) -> dict[str, Any]:
    return {"name": "send_email", "args": {"effects": str(rig.folder / "effects0"), "to": to}}


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "tool_calls", "calls": []},
        {"kind": "tool_calls", "calls": [{"id": "1", "tool": "send_email", "args": {}}]},
        {"kind": "tool_call", "tool": "send_email", "args": {}},
        "nothing",
    ],
)
def test_hazard_1_a_batch_never_gets_fewer_or_other_decisions_than_it_asks_for(rig: Rig, payload: Any) -> None:
    run = rig.begin("agent_batched", turns=[[_mail(rig, "a@example.org"), _mail(rig, "b@example.org")]])
    request = rig.only(run)
    before = rig.asks(run)
    rig.decide(request)
    tamper(rig, request.id, payload=payload)
    rig.advance(run)
    assert rig.asks(run) == before and "does not fit" in rig.request(request).note
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"sent to a@example.org: ": 1, "sent to b@example.org: ": 1}


@pytest.mark.parametrize("flow", ["agent_batched", "agent_per_call"])
def test_hazard_4_an_edit_never_names_another_tool(rig: Rig, flow: str) -> None:
    run, request = rig.begin_approved(flow, turns=[[_mail(rig, "a@example.org")]])
    other = request.payload | {"tool": "delete_file", "args": request.payload["args"] | {"path": "all"}}
    tamper(rig, request.id, payload=other)
    rig.advance(run)
    assert not rig.effects(run) and "cannot change the tool" in rig.request(request).note
    assert rig.only(run).previous_id == request.id


def test_hazard_5_answers_to_several_calls_are_sent_one_at_a_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    original = Driver.run

    async def watched(self: Driver, send: Any, *more: Any) -> Any:
        if isinstance(send, Command):
            sent.append(len(send.resume))  # type: ignore[arg-type]
        return await original(self, send, *more)

    monkeypatch.setattr(Driver, "run", watched)
    run = rig.begin("agent_per_call", turns=[[_mail(rig, "a@example.org"), _mail(rig, "b@example.org")]])
    first, second = rig.pending(run)
    rig.decide(first)
    rig.decide(second)
    tamper(rig, second.id, payload=second.payload | {"args": {"to": 7}})
    rig.advance(run)
    assert rig.effects(run).total() == 1, "the one that fits is done"
    assert rig.view(first).receipt.status == "applied" and "does not fit" in rig.request(second).note
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)
    assert sent == [1, 1] and rig.effects(run) == {"sent to a@example.org: ": 1, "sent to b@example.org: ": 1}


def test_hazard_5_answers_of_one_turn_that_come_together_are_all_delivered(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = rig.begin("agent_per_call", turns=[[_mail(rig, f"{name}@example.org") for name in "abcd"]])
    for request in rig.pending(run):
        rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {f"sent to {name}@example.org: ": 1 for name in "abcd"}


@pytest.mark.parametrize("flow", ["agent_flickers", "agent_flickers_per_call"])
def test_hazard_6_a_predicate_that_flips_on_resume_stops_the_run_and_is_told(rig: Rig, flow: str) -> None:
    run = rig.begin(flow, turns=[[_mail(rig, "all@example.org")], [_mail(rig, "more@example.org")]])
    request = rig.only(run)
    rig.decide(request, Verdict.REJECT, comment="No.")
    (rig.folder / "effects0.flipped").touch()
    rig.advance(run)
    assert rig.state(run) == "failed" and "did not ask again" in rig.run(run).error["message"]
    receipt = rig.view(request).receipt
    assert receipt.status == "failed" and "may have been done" in receipt.summary
    if flow == "agent_flickers":
        assert not rig.effects(run), "the run was stopped before the tool's step"
    else:
        assert rig.effects(run).total() == 1, "asked inside the tool's own step: nothing comes between"


def test_a_schema_that_refers_to_something_outside_itself_is_never_asked_with(rig: Rig) -> None:
    run = rig.begin("guard_outside")
    assert rig.state(run) == "failed" and not rig.pending(run) and not rig.effects(run)
    told = rig.run(run).error["message"]
    assert told.startswith("The question of step outside has an unusable JSON Schema.")
    assert "/properties/go: The reference" in told and "Nothing is fetched" in told
