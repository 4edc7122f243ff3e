"""Work in processes beside: what comes back, what is stopped, and what is left of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.bounded_work import Pool
from app.domain.errors import InvalidInputError, TookTooLongError

LONG = 60.0


def add(first: int, second: int) -> tuple[int, int]:
    """The sum, and who worked it out."""
    return first + second, os.getpid()


def refuse() -> None:
    """What a use case does."""
    raise InvalidInputError("This cannot be used.", {"field": "no"})


def search_for_ever() -> None:
    """What a thread could not be stopped from."""
    while True:
        pass


def rest(seconds: float) -> float:
    """Take no processor time, as if other work kept the machine busy."""
    time.sleep(seconds)
    return seconds


def take(megabytes: int) -> int:
    """Take memory."""
    return len(bytearray(megabytes << 20))


def die() -> None:
    """End as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


def note_and_die(path: str) -> None:
    """Say that it was begun, and end."""
    with Path(path).open("a") as file:
        file.write("begun\n")
    die()


def wait_for(path: str) -> int:
    """Wait until a file is there."""
    while not Path(path).exists():
        time.sleep(0.01)
    return os.getpid()


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool of its own."""
    made = Pool(processes=2)
    yield made
    made.close()


def test_what_a_function_gives_comes_back_and_the_process_is_used_again(pool: Pool) -> None:
    first, process = pool.run(add, (1, 2), LONG)
    assert first == 3 and process != os.getpid()
    assert pool.run(add, (3, 4), LONG) == (7, process)


def test_large_work_and_large_results_go_both_ways(pool: Pool) -> None:
    assert pool.run(str.upper, ("a" * 5_000_000,), LONG) == "A" * 5_000_000


def test_what_a_function_raises_is_raised_here(pool: Pool) -> None:
    with pytest.raises(InvalidInputError) as caught:
        pool.run(refuse, (), LONG)
    assert caught.value.message == "This cannot be used." and caught.value.extra == {"fields": {"field": "no"}}


def test_what_takes_too_long_is_stopped_and_replaced(pool: Pool) -> None:
    _, process = pool.run(add, (1, 2), LONG)
    with pytest.raises(TookTooLongError, match=r"more than 0\.5 seconds"):
        pool.run(search_for_ever, (), 0.5)
    assert not psutil.pid_exists(process)
    assert pool.run(add, (1, 2), LONG)[0] == 3


def test_a_busy_machine_does_not_count_as_slow_work(pool: Pool) -> None:
    pool.run(add, (1, 2), LONG)  # the process has started
    assert pool.run(rest, (0.8,), 0.5) == 0.8
    with pytest.raises(TookTooLongError, match=r"more than 0\.5 seconds"):
        pool.run(rest, (LONG,), 0.5)


def test_slow_work_ends_by_its_processor_time(pool: Pool) -> None:
    pool.run(add, (1, 2), LONG)
    before = os.times()
    with pytest.raises(TookTooLongError, match=r"more than 0\.5 seconds"):
        pool.run(search_for_ever, (), 0.5)
    after = os.times()
    assert after.children_user - before.children_user < 1.4, "it is stopped before the time by the clock is over"


def test_what_needs_too_much_memory_is_stopped(pool: Pool) -> None:
    assert pool.run(take, (10,), LONG) == 10 << 20
    with pytest.raises(TookTooLongError, match="more memory"):
        pool.run(take, (4_000,), LONG)
    assert pool.run(add, (1, 2), LONG)[0] == 3


def test_what_ends_its_process_is_begun_once(pool: Pool, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    with pytest.raises(TookTooLongError, match="Send less"):
        pool.run(note_and_die, (str(noted),), LONG)
    assert noted.read_text() == "begun\n"


def test_a_process_that_ended_while_nobody_looked_is_replaced(pool: Pool) -> None:
    _, process = pool.run(add, (1, 2), LONG)
    psutil.Process(process).kill()
    while psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    total, other = pool.run(add, (3, 4), LONG)
    assert total == 7 and other != process


def test_no_more_processes_than_the_pool_has_work_at_once(pool: Pool, tmp_path: Path) -> None:
    path, found = tmp_path / "go", []
    threads = [threading.Thread(target=lambda: found.append(pool.run(wait_for, (str(path),), LONG))) for _ in range(5)]
    for thread in threads:
        thread.start()
    with pytest.raises(TookTooLongError, match="busy with other large requests"):
        while True:  # until both are taken
            pool.run(add, (1, 2), 0.2)
    path.touch()
    for thread in threads:
        thread.join(LONG)
    assert len(found) == 5 and len(set(found)) == 2


def test_a_process_with_nothing_to_do_ends() -> None:
    pool = Pool(processes=1, idle_seconds=0.2)
    _, process = pool.run(add, (1, 2), LONG)
    deadline = time.monotonic() + LONG
    while psutil.pid_exists(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(process)
    _, other = pool.run(add, (1, 2), LONG)
    while psutil.pid_exists(other) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(other), "and so does the one that takes its place"
    pool.close()


def test_one_timer_looks_for_processes_with_nothing_to_do(pool: Pool) -> None:
    before = set(threading.enumerate())
    for number in range(20):
        pool.run(add, (1, number), LONG)
    assert [type(thread) for thread in set(threading.enumerate()) - before] == [threading.Timer]
