"""The series of `bench.lessons`: lessons halve the corrections, are hardly ever wrong, and can be undone."""

from __future__ import annotations

import pytest

from bench.lessons import measured


@pytest.mark.soak
def test_lessons_halve_the_share_of_proposals_that_need_a_change(database_url: str) -> None:
    with_lessons, without, seen = measured(database_url, seed=1, imports=180, columns=6)
    assert with_lessons.share(3) <= with_lessons.share(0) / 2
    assert without.share(3) >= without.share(0) * 0.9, "without lessons it stays flat"
    assert with_lessons.carried > 200
    assert len(with_lessons.false) <= 0.02 * with_lessons.carried, with_lessons.false
    assert seen == 1, "one correction undoes a wrong lesson"
