"""One rig for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.rig import Rig


@pytest.fixture(scope="module")
def module_rig(module_database_url: str) -> Iterator[Rig]:
    """The module's rig; use `rig`."""
    with Rig(module_database_url) as rig:
        yield rig


@pytest.fixture
def rig(module_rig: Rig, tmp_path: Path) -> Rig:
    """The module's rig, with a folder of this test's own for effects."""
    module_rig.folder = tmp_path
    return module_rig
