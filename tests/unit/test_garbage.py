"""What is loaded when a process starts is not looked through again; later garbage is still collected."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from app.garbage import YOUNG_OBJECTS, spare_loaded


class Knot:
    """An object that only the garbage collector can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_what_is_loaded_is_not_looked_through_again() -> None:
    loaded = [[] for _ in range(1000)]
    spare_loaded()
    assert not {id(part) for part in loaded} & {id(part) for part in gc.get_objects()}


def test_later_garbage_is_collected() -> None:
    spare_loaded()
    knots = [weakref.ref(Knot())]
    kept = []
    for _ in range(2 * YOUNG_OBJECTS):
        kept.append([])
    assert knots[0]() is None


def test_the_collector_does_not_run_within_a_step() -> None:
    spare_loaded()
    gc.collect()
    before = gc.get_stats()[0]["collections"]
    kept = [[] for _ in range(YOUNG_OBJECTS // 2)]
    assert kept
    assert gc.get_stats()[0]["collections"] == before
