"""Parts that tests need and that a machine may lack."""

from __future__ import annotations

from typing import NoReturn

import pytest

from tests.thorough import IN_CI


def missing(words: str) -> NoReturn:
    """Skip the test, or fail where changes are judged: there, what was skipped would count as tested."""
    if IN_CI:
        pytest.fail(words)
    pytest.skip(words)
