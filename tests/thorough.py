"""How thoroughly to look: all of it where changes are judged, a sample of it at a developer's desk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

IN_CI = os.environ.get("CI") == "true"
_SHARE, _FEWEST = 8, 10
Case = TypeVar("Case")


def sample(cases: Sequence[Case], share: int = 3) -> Sequence[Case]:
    """All cases in CI; elsewhere one of `share`, spread over them."""
    return cases if IN_CI else cases[::share]


def examples(count: int) -> int:
    """How many examples hypothesis is to try: a third of `count` in CI, an eighth elsewhere, but at least ten."""
    return min(count, max(_FEWEST, count // (3 if IN_CI else _SHARE)))
