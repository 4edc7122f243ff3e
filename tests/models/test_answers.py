"""Answers of models: the next one where one fails, and the way without a model at the end of each path."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from assent.models import Accuracy, Task, Way, aask, ask
from assent.toolbox import tool
from tests.models.conftest import Configure, Seen

SECRET = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


class Cause(BaseModel):
    cause: str = Field(min_length=3)
    certain: bool = False


class Table(BaseModel):
    table: str


@tool(effect="read")
def count_rows(inputs: Table) -> Table:
    """Count the rows of a table."""
    return inputs


def other_way() -> str:
    return "the other way"


def test_no_model_is_configured(configure: Configure) -> None:
    configure("", "", "")
    answer = ask(Task("root_cause"), "Why?", schema=Cause, otherwise=other_way)
    assert (answer.value, answer.way) == ("the other way", Way.DETERMINISTIC)
    assert answer.reason == "No model is configured."


def test_without_a_model_no_library_for_models_is_loaded() -> None:
    program = (
        "import sys; from assent.models import Task, ask; print(ask(Task('plan'), 'Why?', otherwise=lambda: 7).value, "
        "sorted({name.partition('.')[0] for name in sys.modules} & {'langchain', 'langchain_core', 'langgraph', "
        "'genai_prices', 'wordllama', 'tokenizers', 'numpy', 'safetensors'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "7 []"


def test_a_model_answers_as_asked(configure: Configure) -> None:
    configure("good", "", "", reply='Here you are:\n```json\n{"cause": "a full disk", "certain": true}\n```')
    answer = ask(Task("root_cause"), "Why?", schema=Cause, otherwise=other_way)
    assert answer.value == Cause(cause="a full disk", certain=True)
    assert (answer.way, answer.tier, answer.cost) == (Way.MODEL, 1, None)
    assert answer.input_tokens > 20, "the schema is part of the prompt"


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("limited", "was rate limited"),
        ("broken", "failed (RuntimeError: It is broken.)"),
        ("nonsense", "gave no usable answer: its answer is not JSON"),
        ("missing", "failed (ModelUnavailableError"),
        ("slow", "did not answer within 0.2 s"),
    ],
)
def test_the_next_model_is_asked_and_at_last_none(configure: Configure, first: str, words: str) -> None:
    task = Task("root_cause", timeout=0.2)
    configure(first, "good", "", reply='{"cause": "a full disk"}')
    answer = ask(task, "Why?", schema=Cause, otherwise=other_way)
    assert (answer.value, answer.way, answer.tier) == (Cause(cause="a full disk"), Way.MODEL, 2)
    assert words in answer.reason
    configure(first, "", "")
    answer = ask(task, "Why?", schema=Cause, otherwise=other_way)
    assert (answer.value, answer.way) == ("the other way", Way.DETERMINISTIC)
    assert words in answer.reason
    assert "sk-ant" not in answer.reason


@pytest.mark.parametrize(
    "reply",
    ["", "{", '{"cause": 7}', '{"cause": ""}', "[1]", "null", '{"cause": "x" * 9}', "{" * 100_000, "x" * 500_000],
)
def test_what_does_not_fit_is_not_returned(configure: Configure, reply: str) -> None:
    configure("good", "", "", reply=reply)
    assert ask(Task("root_cause"), "Why?", schema=Cause, otherwise=other_way).value == "the other way"


def test_a_document_fits_its_json_schema(configure: Configure) -> None:
    schema = {"type": "object", "properties": {"cause": {"type": "string"}}, "required": ["cause"]}
    configure("good", "", "", reply='{"cause": "a full disk"}')
    assert ask(Task("plan"), "Why?", schema=schema, otherwise=other_way).value == {"cause": "a full disk"}
    configure("good", "", "", reply='{"because": "a full disk"}')
    assert ask(Task("plan"), "Why?", schema=schema, otherwise=other_way).value == "the other way"


@pytest.mark.parametrize(
    ("accuracy", "tiers"), [("high", [1, 2, 3]), ("medium", [2, 1, 3]), ("low", [3, 2, 1]), (None, [3, 2, 1])]
)
def test_the_tier_follows_the_accuracy(
    configure: Configure, seen: Seen, accuracy: str | None, tiers: list[int]
) -> None:
    configure("limited", "broken", "nonsense")
    ask(Task("summarize", accuracy), "Why?", schema=Cause, otherwise=other_way)
    names = ["", "limited", "broken", "nonsense"]
    assert [one["model"] for one in seen()] == [names[tier] for tier in tiers]


def test_a_model_of_two_tiers_is_asked_once(configure: Configure, seen: Seen) -> None:
    configure("limited", "limited", "")
    assert ask(Task("plan"), "Why?", otherwise=other_way).value == "the other way"
    assert len(seen()) == 1


def test_secrets_are_neither_sent_nor_returned(configure: Configure, seen: Seen) -> None:
    configure("good", "", "", reply=f"The token was {SECRET}.")
    messages = [{"role": "system", "content": "Help."}, {"role": "user", "content": f"What is {SECRET}?"}]
    answer = ask(Task("plan"), messages, otherwise=other_way)
    assert SECRET not in json.dumps(seen())
    assert "⟦secret:" in json.dumps(seen(), ensure_ascii=False)
    assert SECRET not in answer.value


def test_calls_of_tools_are_proposed_and_never_made(configure: Configure, seen: Seen) -> None:
    configure("good", "", "", reply='CALL count_rows {"table": "orders"}')
    answer = ask(Task("plan"), "How many?", tools=[count_rows], otherwise=other_way)
    assert [(call.tool, call.inputs) for call in answer.calls] == [("count_rows", {"table": "orders"})]
    assert seen()[0]["tools"] == ["count_rows"]
    for reply in ('CALL drop_rows {"table": "orders"}', 'CALL count_rows {"rows": 3}'):
        configure("good", "", "", reply=reply)
        assert ask(Task("plan"), "How many?", tools=[count_rows], otherwise=other_way).value == "the other way"


def test_the_event_loop_goes_on_while_a_model_answers(configure: Configure) -> None:
    configure("slow", "", "")
    turns = 0

    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    async def both() -> Any:
        nonlocal turns
        asking = asyncio.create_task(aask(Task("plan", timeout=0.2), "Why?", otherwise=later))
        while not asking.done():
            turns += 1
            await asyncio.sleep(0.01)
        return asking.result()

    answer = asyncio.run(both())
    assert (answer.value, answer.way) == ("later", Way.DETERMINISTIC)
    assert turns > 10


def test_what_the_other_way_raises_is_raised(configure: Configure) -> None:
    configure("broken", "", "")

    def fails() -> None:
        raise KeyError("no rows")

    with pytest.raises(KeyError, match="no rows"):
        ask(Task("plan"), "Why?", otherwise=fails)


def test_messages_of_langchain_are_understood(configure: Configure, seen: Seen) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage

    configure("good", "", "")
    assert ask(Task("plan"), [SystemMessage("Help."), HumanMessage("Why?")], otherwise=other_way).by_model
    assert seen()[0]["messages"] == ["Help.", "Why?"]


@pytest.mark.parametrize(
    "values",
    [{"name": "Root cause"}, {"timeout": 0}, {"most_tools": 11}, {"accuracy": "perfect"}, {"longest_answer": 0}],
)
def test_a_task_that_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Task(**{"name": "plan"} | values)


def test_the_accuracy_that_is_usual_for_a_task() -> None:
    assert Task("plan").level is Accuracy.HIGH
    assert Task("something_else").level is Accuracy.MEDIUM
    assert Task("plan", changes=True, keep=None).lifetime.total_seconds() == 0
    assert Task("summarize", changes=True).lifetime.total_seconds() == 0
    assert Task("summarize").lifetime.total_seconds() > 0


def test_the_example_of_the_documentation_runs(configure: Configure) -> None:
    document = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    [example] = re.findall(r"(?s)```python\n(.*?)```", document)
    found: dict[str, Any] = {"__name__": "example"}
    exec(example, found)
    configure("", "", "")
    assert found["find_cause"](["refused", "timeout", "timeout"]).cause == "timeout"
    configure("good", "", "", reply='{"cause": "a full disk"}')
    assert found["find_cause"](["refused"]).cause == "a full disk"
