"""Each test begins with tools that have changed nothing."""

from __future__ import annotations

import pytest

from tests.composition.tools_for_tests import changed, failing, sizes


@pytest.fixture(autouse=True)
def _clean() -> None:
    changed.clear()
    failing.clear()
    sizes.clear()
