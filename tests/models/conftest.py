"""Models that tests configure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.models.fakes import NAMES, REPLY, SEEN

Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configure:
    """Return what sets the models of tiers 1 to 3, and what they answer."""
    monkeypatch.setenv(SEEN, str(tmp_path / "seen"))

    def set_up(*models: str, reply: str = "An answer.") -> None:
        monkeypatch.setenv(REPLY, reply)
        for tier, name in enumerate(models, 1):
            monkeypatch.setenv(f"ASSENT_MODEL_TIER{tier}", name and f"{NAMES}{name}")

    return set_up


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Return what returns what the models were sent."""

    def read() -> list[dict[str, Any]]:
        path = tmp_path / "seen"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return read
