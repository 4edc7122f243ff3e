"""What the embedded PostgreSQL server says about itself."""

from __future__ import annotations

import pytest

from app.embedded import _complaint

OF_AN_OLD_BACKEND = "2026-11-30 02:22:45 UTC [4711] FATAL:  terminating connection due to unexpected postmaster exit\n"
OF_THE_NEW_SERVER = (
    "2026-11-30 02:22:45 UTC [4720] FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use\n"
    "2026-11-30 02:22:45 UTC [4720] HINT:  Terminate any old server processes.\n"
)


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        (OF_THE_NEW_SERVER, "pre-existing shared memory block (key 1, ID 2) is still in use"),
        (OF_AN_OLD_BACKEND + OF_THE_NEW_SERVER, "pre-existing shared memory block (key 1, ID 2) is still in use"),
        ("postgres: could not access directory\n", "postgres: could not access directory"),
        ("", "no message"),
    ],
)
def test_the_reason_is_that_of_the_server_that_does_not_start(log: str, problem: str) -> None:
    """Backends of a killed server write to the same log until they notice that it is gone."""
    assert _complaint(log, 4720) == problem
