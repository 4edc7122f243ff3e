"""Models in runs: what they use is stored before and after each call, cached where that is safe, and limited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from assent import request_approval
from assent.contracts import Verdict
from assent.models import Budget, Task, aask, ask
from assent.models.budget_questions import LARGER, STOP, TITLE, WITHOUT
from assent.toolbox import apply, call, propose, tool
from tests.flows import FlowState, effect
from tests.models.fakes import NAMES, REPLY, SEEN, SEEN_FILE, end_slow_calls, sent
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import Node, install

SECRET = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
FRESH = timedelta(0)
Configure = Callable[..., None]


class Table(BaseModel):
    table: str = "orders"


@tool(effect="read")
def count_rows(inputs: Table) -> Table:
    """Count the rows of a table."""
    return inputs


@tool(effect="read")
def list_indexes(inputs: Table) -> Table:
    """List the indexes of a table."""
    return inputs


@pytest.fixture
def configure(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Configure]:
    """Return a function that sets the model, what it answers, and the budget of a run."""
    monkeypatch.setenv(SEEN, str(tmp_path / SEEN_FILE))

    def set_up(
        model: str, reply: str = "An answer.", tokens: int | None = None, dollars: Decimal | None = None
    ) -> None:
        monkeypatch.setenv("ASSENT_MODEL_TIER1", NAMES + model if model else "")
        monkeypatch.setenv(REPLY, reply)
        monkeypatch.setattr(rig.advancer, "budget", Budget(tokens, dollars))

    yield set_up
    end_slow_calls()


def asking(*questions: str, keep: timedelta = FRESH, **options: Any) -> Node:
    """A step that asks a model one question after the other, and notes the ways of the answers."""

    def step(state: FlowState) -> FlowState:
        for question in questions:
            answer = ask(Task("plan", keep=keep, **options), question, otherwise=lambda: "the other way")
            effect(state, f"{question} {answer.way}")
        return {}

    return step


def uses(rig: Rig, run_id: str) -> list[Any]:
    return rig.sql("select * from model_uses where run_id = :run order by began_at, id", run=run_id)


def test_a_run_without_a_model_stores_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure) -> None:
    configure("")
    install(rig, monkeypatch, "models_none", ask=asking("Why?"))
    run_id = rig.begin("models_none")
    rig.finish(run_id)
    assert rig.effects(run_id) == {"Why? deterministic": 1}
    assert not uses(rig, run_id)


def test_what_a_call_costs_is_stored_with_the_version_of_the_prices(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("priced", f"It was {SECRET}.")
    install(rig, monkeypatch, "models_priced", ask=asking(f"Is it {SECRET}?", keep=timedelta(hours=1)))
    run_id = rig.begin("models_priced")
    rig.finish(run_id)
    [row] = uses(rig, run_id)
    assert (row.status, row.node, row.task, row.tier) == ("ok", "ask", "plan", 1)
    assert (row.input_tokens, row.output_tokens, row.estimated) == (1_000, 100, False)
    assert row.cost == Decimal("0.0045")
    assert row.prices.startswith("genai-prices ")
    [kept] = rig.sql("select content from model_answers where model = :model", model=row.model)
    assert SECRET not in kept.content
    assert "⟦secret:" in kept.content


def test_an_unknown_price_is_empty_and_never_zero(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("counted")
    install(rig, monkeypatch, "models_unpriced", ask=asking("Why?"))
    run_id = rig.begin("models_unpriced")
    rig.finish(run_id)
    [row] = uses(rig, run_id)
    assert (row.cost, row.prices, row.input_tokens) == (None, "", 500)


@pytest.mark.parametrize(
    ("model", "status", "tokens"),
    [("limited", "rate_limited", 0), ("broken", "failed", 0), ("nonsense", "ok", None), ("slow", "timed_out", None)],
)
def test_a_failed_call_is_stored_and_the_run_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure, model: str, status: str, tokens: int | None
) -> None:
    configure(model)
    install(rig, monkeypatch, f"models_{model}", ask=asking("Why?", timeout=0.1))
    run_id = rig.begin(f"models_{model}")
    rig.finish(run_id)
    [row] = uses(rig, run_id)
    assert row.status == status
    assert "sk-ant" not in row.error
    assert row.input_tokens == tokens if tokens is not None else row.input_tokens > 0
    way = "model" if status == "ok" else "deterministic"
    assert rig.effects(run_id) == {f"Why? {way}": 1}


def test_what_is_wrong_with_an_answer_is_stored_in_words(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    class Cause(BaseModel):
        cause: str

    def step(state: FlowState) -> FlowState:
        ask(Task("root_cause"), "Why?", schema=Cause, otherwise=lambda: Cause(cause="unknown"))
        return {}

    configure("nonsense")
    install(rig, monkeypatch, "models_misfit", ask=step)
    run_id = rig.begin("models_misfit")
    rig.finish(run_id)
    [row] = uses(rig, run_id)
    assert (row.status, row.error) == ("invalid", "its answer is not JSON")


def test_an_answer_is_kept_for_the_same_question_only(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure, tmp_path: Path
) -> None:
    configure("good")
    given = [count_rows]

    def step(state: FlowState) -> FlowState:
        answer = ask(
            Task("plan", keep=timedelta(hours=1)), "How many rows?", tools=given, otherwise=lambda: "the other way"
        )
        effect(state, answer.way)
        return {}

    install(rig, monkeypatch, "models_cached", ask=step)
    ways = [rig.effects(rig.begin("models_cached")).popitem()[0] for _ in range(2)]
    assert ways == ["model", "cache"]
    [cached] = rig.sql("select * from model_uses where status = 'cached'")
    assert (cached.input_tokens, cached.output_tokens, cached.cost) == (0, 0, 0)
    given.append(list_indexes)
    assert rig.effects(rig.begin("models_cached")) == {"model": 1}
    given[:] = [tool(effect="read", name="count_rows", description="Count the rows twice.")(count_rows.function)]
    assert rig.effects(rig.begin("models_cached")) == {"model": 1}
    assert len(sent(tmp_path)) == 3
    rig.sql("update model_answers set expires_at = now()")
    assert rig.effects(rig.begin("models_cached")) == {"model": 1}
    rig.sql("update model_answers set expires_at = now()")
    assert rig.services.model_calls.sweep() >= 3
    assert not rig.sql("select 1 from model_answers")


def test_a_step_that_changes_something_never_gets_an_earlier_answer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure, tmp_path: Path
) -> None:
    configure("good")
    install(rig, monkeypatch, "models_changes", ask=asking("Why?", keep=timedelta(hours=1), changes=True))
    for _ in range(2):
        assert rig.effects(rig.begin("models_changes")) == {"Why? model": 1}
    assert len(sent(tmp_path)) == 2


def test_neither_does_a_tool_that_changes_something(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure, tmp_path: Path
) -> None:
    configure("good")

    @tool(effect="read")
    def explain(inputs: Table) -> Table:
        """Explain a table."""
        return Table(table=ask(Task("plan", keep=timedelta(hours=1)), "Why?", otherwise=str).way)

    @tool(effect="write")
    def rename(inputs: Table) -> Table:
        """Rename a table as a tool says that only reads."""
        return Table(table=call(explain, {}).output.table)

    def request(state: FlowState) -> FlowState:
        return {"outcome": request_approval(propose(rename, {})).model_dump(mode="json")}

    def act(state: FlowState) -> FlowState:
        effect(state, call(explain, {}).output.table)
        effect(state, apply(rename, state["outcome"]).output.table)
        return {}

    install(rig, monkeypatch, "models_changing_tool", request=request, act=act)
    for first in ("model", "cache"):
        run_id, _ = rig.begin_approved("models_changing_tool")
        rig.advance(run_id)
        rig.finish(run_id)
        assert rig.effects(run_id)[first] >= 1
        assert rig.effects(run_id)["model"] >= 1, "the tool that changes something asked the model itself"
    assert len(sent(tmp_path)) == 3


def test_an_answer_in_the_cache_that_was_tampered_with_is_not_used(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("good")
    install(rig, monkeypatch, "models_spoiled", ask=asking("Spoiled?", keep=timedelta(hours=1)))
    rig.begin("models_spoiled")
    rig.sql("""update model_answers set content = '{"calls": [{"name": "drop_table", "args": {}}], "content": ""}'""")
    assert rig.effects(rig.begin("models_spoiled")) == {"Spoiled? model": 1}


@pytest.mark.parametrize(
    ("answer", "ways", "state"),
    [
        (LARGER, ["model", "model", "model"], "completed"),
        (WITHOUT, ["model", "model", "deterministic"], "completed"),
        (STOP, ["model", "model"], "failed"),
    ],
    ids=["larger", "without", "stop"],
)
def test_people_say_how_a_run_goes_on_when_its_budget_is_used_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure, answer: str, ways: list[str], state: str
) -> None:
    """Two calls use 1,200 of 1,200 tokens; with the third, people are asked."""
    configure("counted", tokens=1_205)
    install(rig, monkeypatch, "models_budget", first=asking("One?"), second=asking("Two?"), third=asking("Three?"))
    run_id = rig.begin("models_budget")
    request = rig.only(run_id)
    assert (request.title, request.node, request.kind) == (TITLE, "third", "question")
    assert "1,205 tokens" in str(request.payload)
    rig.answer(request, answer)
    rig.advance(run_id)
    assert rig.state(run_id) == state
    expected = [f"{question} {way}" for question, way in zip(("One?", "Two?", "Three?"), ways, strict=False)]
    assert sorted(rig.effects(run_id)) == sorted(expected)
    if state == "failed":
        assert "People stopped the run" in str(rig.run(run_id).error)


def test_the_budget_lasts_for_all_steps_of_a_run_and_grows_once_for_each_answer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    """With 600 tokens a call, 600 are enough for one call, 1,200 for two, and 2,400 for four."""
    configure("counted", tokens=600)
    install(rig, monkeypatch, "models_grows", **{f"step{number}": asking(f"{number}?") for number in range(4)})
    run_id = rig.begin("models_grows")
    asked = []
    while rig.state(run_id) == "suspended":
        request = rig.only(run_id)
        asked.append((request.node, request.payload["labels"]["model_budget_tokens"]))
        rig.answer(request, LARGER)
        rig.advance(run_id)
    rig.finish(run_id)
    assert asked == [("step1", "600"), ("step2", "1200")]
    assert len(uses(rig, run_id)) == 4


def test_a_step_that_asks_several_times_is_asked_about_once_for_each_budget(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    """The step runs again from its start after each answer, and uses more each time."""
    configure("counted", tokens=600)
    install(rig, monkeypatch, "models_loop", ask=asking("One?", "Two?", "Three?"))
    run_id = rig.begin("models_loop")
    asked = []
    while rig.state(run_id) == "suspended":
        request = rig.only(run_id)
        asked.append(request.payload["labels"]["model_budget_tokens"])
        rig.answer(request, LARGER)
        rig.advance(run_id)
    rig.finish(run_id)
    assert asked == ["600", "1200", "2400"]
    assert rig.effects(run_id)["Three? model"] == 1


def test_a_workflow_has_a_smaller_budget_than_the_operators(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("counted", tokens=2_000, dollars=Decimal(3))
    for budget, spent in ((Budget(tokens=0), "0 tokens and $3"), (Budget(tokens=5_000), "")):
        install(rig, monkeypatch, "models_own", model_budget=budget, ask=asking("One?"))
        run_id = rig.begin("models_own")
        if spent:
            assert f"language models for {spent}." in rig.only(run_id).payload["question"]
        else:
            rig.finish(run_id)


@pytest.mark.parametrize("decision", ["reject", "expire"])
def test_without_an_answer_the_run_goes_on_without_models(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure, decision: str
) -> None:
    configure("counted", tokens=0)
    install(rig, monkeypatch, "models_unanswered", ask=asking("Why?"))
    run_id = rig.begin("models_unanswered")
    request = rig.only(run_id)
    if decision == "reject":
        rig.decide(request, Verdict.REJECT, comment="Too expensive.")
    else:
        due = "update approval_requests set expires_at = now(), due_at = now(), warned = true where id = :id"
        rig.sql(due, id=request.id)
        assert rig.checkpoints.keep_many([request.id]) == {request.id}
    rig.advance(run_id)
    rig.finish(run_id)
    assert rig.effects(run_id) == {"Why? deterministic": 1}
    assert not uses(rig, run_id)


def test_a_budget_in_dollars(rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure) -> None:
    """A call costs $0.0045, so that the second one exceeds half a cent."""
    configure("priced", dollars=Decimal("0.0044"))
    install(rig, monkeypatch, "models_dollars", first=asking("One?"), second=asking("Two?"))
    run_id = rig.begin("models_dollars")
    # The price of a model of one's own is not known before it has answered.
    rig.finish(run_id)
    assert rig.effects(run_id) == {"One? deterministic": 1, "Two? deterministic": 1}
    configure("priced", dollars=Decimal("0.0044"), tokens=100_000)
    run_id = rig.begin("models_dollars")
    request = rig.only(run_id)
    assert (request.node, request.payload["labels"]["model_budget_dollars"]) == ("second", "0.0044")


def test_what_a_call_was_expected_to_use_counts_if_its_worker_dies(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("counted", tokens=100)
    question = "Why? " * 40
    install(rig, monkeypatch, "models_dies", ask=asking(question))

    class _Killed(BaseException):
        """Stands for the end of the worker: nothing after the call is stored."""

    async def dies(*_: Any) -> None:
        raise _Killed

    with monkeypatch.context() as broken:
        broken.setattr(rig.advancer._store, "end_model", dies)
        run_id = rig.begin("models_dies", advance=False)
        with pytest.raises(BaseException, match=r".*"):
            rig.advance(run_id)
    [row] = uses(rig, run_id)
    assert (row.status, row.input_tokens > 60) == ("begun", True)
    rig.advance(run_id)
    assert rig.only(run_id).title == TITLE, "nobody knows what the first call has cost, so it counts as estimated"


def test_async_steps_ask_without_blocking_the_worker(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("counted", tokens=600)

    async def step(state: FlowState) -> FlowState:
        for question in ("One?", "Two?"):
            answer = await aask(Task("plan", keep=FRESH), question, otherwise=lambda: "the other way")
            effect(state, f"{question} {answer.way}")
        return {}

    async def wrongly(state: FlowState) -> FlowState:
        ask(Task("plan"), "Why?", otherwise=lambda: "the other way")
        return {}

    install(rig, monkeypatch, "models_async", ask=step)
    run_id = rig.begin("models_async")
    while rig.state(run_id) == "suspended":
        rig.answer(rig.only(run_id), LARGER)
        rig.advance(run_id)
    rig.finish(run_id)
    install(rig, monkeypatch, "models_wrongly", ask=wrongly)
    assert "must call `aask`" in str(rig.only(rig.begin("models_wrongly")).payload)


def test_a_tool_that_asks_is_suspended_with_its_step(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure("counted", tokens=0)

    @tool(effect="read")
    def explain(inputs: Table) -> Table:
        """Explain a table."""
        return Table(table=ask(Task("plan"), "Why?", otherwise=lambda: "the other way").value)

    def step(state: FlowState) -> FlowState:
        effect(state, call(explain, {}).output.table)
        return {}

    install(rig, monkeypatch, "models_tool", ask=step)
    for answer, value in ((WITHOUT, "the other way"), (STOP, "")):
        run_id = rig.begin("models_tool")
        rig.answer(rig.only(run_id), answer)
        rig.advance(run_id)
        assert rig.effects(run_id) == ({value: 1} if value else {})
        assert rig.state(run_id) == ("completed" if value else "failed")
