"""Models that tests configure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.models.fakes import NAMES, REPLY, SEEN, SEEN_FILE, end_slow_calls, sent

Configure = Callable[..., None]
Seen = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Configure]:
    """Return a function that sets the models of tiers 1 to 3, and what they answer."""
    monkeypatch.setenv(SEEN, str(tmp_path / SEEN_FILE))

    def set_up(*models: str, reply: str = "An answer.") -> None:
        monkeypatch.setenv(REPLY, reply)
        for tier, name in enumerate(models, 1):
            monkeypatch.setenv(f"ASSENT_MODEL_TIER{tier}", name and f"{NAMES}{name}")

    yield set_up
    end_slow_calls()


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    """Return a function that reads what the models were sent."""
    return lambda: sent(tmp_path)
