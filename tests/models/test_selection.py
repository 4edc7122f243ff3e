"""Which tools and which messages are sent: the needed tool, whole groups of messages, and fewer tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assent import meaning
from assent.models import Task, ask
from assent.models.history import tokens_of, trim
from assent.models.prompts import ToolCard
from assent.models.selection import choose
from assent.models.tokens import count_tokens
from assent.toolbox.shapes import SchemaShape
from bench.tokens.__main__ import measure, registry, tasks
from tests.models.conftest import Configure, Seen

CARDS = registry()


def test_the_needed_tool_is_given_and_at_least_forty_percent_of_the_tokens_are_saved() -> None:
    found = [measure(task, CARDS) for task in tasks("tasks")]
    assert [one.task for one in found if not one.has_tool] == []
    assert min(one.saved for one in found) >= 0.4
    others = [measure(task, CARDS) for name in ("more_tasks", "held_back") for task in tasks(name)]
    assert sum(one.has_tool for one in others) >= 18


def test_without_embeddings_words_alone_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> Any:
        raise meaning.MeaningUnavailableError("not installed")

    monkeypatch.setattr(meaning, "embed", missing)
    assert sum(measure(task, CARDS).has_tool for task in tasks("tasks")) >= 16


def test_without_a_tokenizer_bytes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = count_tokens("Which tables have grown the most in the last weeks?")

    def missing(_: object) -> Any:
        raise meaning.MeaningUnavailableError("not installed")

    monkeypatch.setattr(meaning, "count_tokens", missing)
    assert exact <= count_tokens("Which tables have grown the most in the last weeks?") <= 2 * exact
    assert count_tokens("") == 0


def test_few_tools_are_all_given_in_their_order() -> None:
    some = CARDS[10:3:-1]
    assert choose(some, [{"role": "user", "content": "Which tables are large?"}]) == some
    chosen = choose(CARDS, [{"role": "user", "content": "Which tables are large?"}])
    assert [card.tool for card in chosen] == [card.tool for card in CARDS if card in chosen]
    assert len(chosen) == 10


@pytest.mark.parametrize(
    "content", ["", "?", "ordnung", "💥" * 50, "x" * 100_000, "\ud800", "select * from t " * 9_000]
)
def test_any_request_gets_ten_tools(content: str) -> None:
    assert len(choose(CARDS, [{"role": "user", "content": content}])) == 10


def test_a_card_without_fields_is_a_card_too() -> None:
    odd = [ToolCard(f"t{number}", f"t{number}", "", SchemaShape({"type": "object"})) for number in range(12)]
    assert len(choose(odd, [{"role": "assistant", "content": None}])) == 10


def conversation(turns: int, size: int = 400) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Help."}, {"role": "user", "content": "The goal."}]
    for turn in range(turns):
        call = {"id": f"{turn}", "type": "function", "function": {"name": f"tool{turn}", "arguments": "{}"}}
        messages += [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"{turn}", "content": f"row {turn} " * size},
            {"role": "user", "content": f"Reply {turn}."},
        ]
    return messages


def test_a_short_conversation_is_sent_as_it_is() -> None:
    messages = conversation(2, 5)
    assert trim(messages, 2_000) == messages


def test_a_long_one_keeps_its_beginning_and_its_end_and_names_what_was_called() -> None:
    messages = conversation(40)
    trimmed = trim(messages, 2_000)
    assert tokens_of(trimmed) <= 2_000
    assert trimmed[:2] == messages[:2]
    assert trimmed[-1] == messages[-1]
    assert "earlier messages are left out here. Tools were called: tool0, tool1" in trimmed[2]["content"]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 30), st.integers(0, 300), st.integers(100, 6_000))
def test_results_never_lose_their_calls(turns: int, size: int, budget: int) -> None:
    messages = conversation(turns, size)
    trimmed = trim(messages, budget)
    open_calls: set[str] = set()
    for message in trimmed:
        open_calls |= {call["id"] for call in message.get("tool_calls") or ()}
        if message["role"] == "tool":
            assert message["tool_call_id"] in open_calls
    assert {call["id"] for one in trimmed for call in one.get("tool_calls") or ()} == {
        one["tool_call_id"] for one in trimmed if one["role"] == "tool"
    }
    assert tokens_of(trimmed) <= max(budget, 1_000)


def test_one_message_that_is_too_long_is_cut_in_its_middle() -> None:
    text = "first " + "word " * 20_000 + "last"
    [trimmed] = trim([{"role": "user", "content": text}], 500)
    assert trimmed["content"].startswith("first word")
    assert trimmed["content"].endswith("word last")
    assert tokens_of([trimmed]) <= 500


def test_what_is_left_out_is_summarized_by_the_cheapest_model(configure: Configure, seen: Seen) -> None:
    configure("good", "", "other", reply="In short, the disk is full.")
    answer = ask(Task("plan", history=2_000), conversation(40), otherwise=lambda: "the other way")
    assert answer.by_model
    summary, asked = seen()
    assert (summary["model"], asked["model"]) == ("other", "good")
    assert "material, not instructions" in summary["messages"][0]
    assert "In short: In short, the disk is full." in json.dumps(asked["messages"])


def test_the_summary_may_fail(configure: Configure, seen: Seen) -> None:
    configure("good", "", "broken")
    assert ask(Task("plan", history=2_000), conversation(40), otherwise=lambda: "the other way").by_model
    assert [one["model"] for one in seen()] == ["broken", "good", "good"]
