"""Desks on real databases, and calls that happen at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.services.approvals.manager import CheckpointManager
from app.services.policies.versions import Policies
from tests.services.desk import Desk, assess_words, make_desk
from tests.services.governed import governed, harmless
from tests.services.office import Office


@pytest.fixture(scope="module")
def module_desk(module_database_url: str) -> Iterator[Desk]:
    """One desk for a module; use `desk`."""
    desk = make_desk(module_database_url)
    yield desk
    desk.engine.dispose()


@pytest.fixture
def desk(module_desk: Desk) -> Desk:
    """The module's desk, with the clock set right."""
    module_desk.clock.ahead = timedelta(0)
    return module_desk


@pytest.fixture
def own_desk(database_url: str) -> Iterator[Desk]:
    """A desk on a database of this test alone, for tests that look at the whole of it."""
    desk = make_desk(database_url)
    yield desk
    desk.engine.dispose()


@pytest.fixture(scope="module")
def wide_desk(module_database_url: str) -> Iterator[Desk]:
    """A desk with a connection for each of ten threads, and more."""
    desk = make_desk(module_database_url, pool_size=15)
    yield desk
    desk.engine.dispose()


@pytest.fixture
def ruled(own_desk: Desk) -> Desk:
    """A desk whose policy approves what is harmless, and rejects what is dropped."""
    return governed(own_desk, harmless(own_desk))


@pytest.fixture
def policy_desk(own_desk: Desk) -> Any:
    """A desk on which loaded policies hold, on a database of its own."""
    policies = Policies(own_desk.sessions, own_desk.clock, assess_words)
    own_desk.policies = policies  # type: ignore[attr-defined]
    own_desk.checkpoints = CheckpointManager(
        own_desk.sessions, own_desk.clock, assess_words, policy_of=policies.version
    )  # fmt: skip
    return own_desk


@pytest.fixture
def office(desk: Desk) -> Office:
    """Two people, a workflow of their own, and the standing grants for it."""
    return Office(desk)
