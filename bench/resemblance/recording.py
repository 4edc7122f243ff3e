"""A plug-in of pytest that records which level each text gets by rules, in place of the second opinion on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.risk import resemblance
from app.risk.reading import Reading
from assent.contracts import RiskLevel

_recorded: dict[str, RiskLevel] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the file."""
    parser.addoption("--record", required=True)


@contextmanager
def _record(
    reading: Reading, text: str, ordinary: bool = False, is_known: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    first = len(reading.findings)
    with reading.apart():
        yield
    level = resemblance.level_by_rules(reading, first)
    _recorded[text] = min(level, _recorded.get(text, level), key=lambda one: one.rank)


# At once: what reads proposals takes the function when it is imported.
resemblance.second_opinion = _record


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file: a JSON list of a text and its level on each line."""
    lines = [json.dumps([text, level.value]) for text, level in _recorded.items()]
    Path(session.config.getoption("record")).write_text("\n".join(lines), encoding="utf-8")
