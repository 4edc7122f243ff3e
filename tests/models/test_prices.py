"""Prices: of the models that LangChain names, and none where the table has none."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from assent.models.budgets import Budget
from assent.models.errors import ModelBudgetError
from assent.models.prices import cost_of

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4o"), ("azure_openai", "gpt-4o"),
        ("google_genai", "gemini-2.5-pro"), ("google_vertexai", "gemini-2.5-pro"), ("xai", "grok-4"),
        ("mistralai", "mistral-large-latest"), ("groq", "llama-3.3-70b-versatile"), ("deepseek", "deepseek-chat"),
        ("", "claude-sonnet-4-5"),
    ],
)  # fmt: skip
def test_a_known_price(provider: str, model: str) -> None:
    cost = cost_of(provider, model, 1_000_000, 0, 0, AT)
    assert cost is not None
    assert Decimal("0.01") < cost.dollars < 100
    assert cost.prices.startswith("genai-prices ")
    cheaper = cost_of(provider, model, 1_000_000, 0, 1_000_000, AT)
    assert cheaper is not None
    assert cheaper.dollars <= cost.dollars


@pytest.mark.parametrize(
    ("provider", "model"), [("ollama", "llama3"), ("openai", "no-such-model"), ("python:my.code", "model"), ("", "")]
)
def test_an_unknown_price_is_none(provider: str, model: str) -> None:
    assert cost_of(provider, model, 1_000, 1_000, 0, AT) is None


def test_without_the_table_no_price_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert cost_of("anthropic", "claude-sonnet-4-5", 1, 1, 0, AT) is None


def test_the_smaller_budget_counts() -> None:
    assert Budget(1_000).within(Budget(5_000, Decimal(2))) == Budget(1_000, Decimal(2))
    assert str(Budget(5_000, Decimal("0.50"))) == "5,000 tokens and $0.50"
    assert Budget(0).doubled() == Budget(1_000)


@pytest.mark.parametrize("values", [{"tokens": -1}, {"dollars": -1}, {"dollars": "many"}, {"dollars": "nan"}])
def test_a_budget_that_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ModelBudgetError):
        Budget(**values)
