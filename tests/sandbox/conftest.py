"""The sandbox as called by root and by an ordinary account."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assent.sandbox import sandbox_dependencies
from tests.missing import missing
from tests.sandbox.accounts import Caller


@pytest.fixture(scope="session", autouse=True)
def _sandbox_is_there() -> None:
    found = sandbox_dependencies()[0]
    if not found.available:
        missing(found.detail)


@pytest.fixture(scope="session", params=["own", "nobody"] if os.geteuid() == 0 else ["own"])
def sandboxed(request: pytest.FixtureRequest, _sandbox_is_there: None) -> Iterator[Caller]:
    """Calls an action in the sandbox, as this account, and, if it is root's, as an ordinary one."""
    caller = Caller(request.param)
    yield caller
    caller.end()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that all accounts can enter, with a file that all can read and change."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "installer.msi")
        file.write_bytes(b"an installer")
        file.chmod(0o666)
        yield Path(folder)
