"""How sandboxes end: with their parent, with all they have started, and when the caller gives up."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import psutil
import pytest

from assent.sandbox import (
    Limits,
    SandboxLimitError,
    SandboxUnavailableError,
    arun_in_sandbox,
    calls,
    run_in_sandbox,
    sandbox_dependencies,
    view,
)
from assent.sandbox.calls import MOST_AT_ONCE
from assent.sandbox.seccomp import ALLOW, RETURN, assemble
from tests.sandbox.accounts import ACTIONS, ROOT

_WAITS = f"from assent.sandbox import *; run_in_sandbox('{ACTIONS}:sleep')"


def _until(check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Look at the processes again until what is looked for is there."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return found


def _inside(parent: int, count: int = 1) -> list[psutil.Process]:
    """The processes inside the sandboxes of a process, once Python runs in so many of them."""
    found = psutil.Process(parent).children(recursive=True)
    running = [process for process in found if any("call.py" in argument for argument in _command(process))]
    return found if len(running) >= count else []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.name().startswith("python") else []
    except psutil.Error:
        return []


def test_sandbox_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-P", "-c", _WAITS], env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        inside = _until(lambda: _inside(parent.pid))
    finally:
        parent.kill()
        parent.wait()
    assert psutil.wait_procs(inside, timeout=60)[1] == []


def test_canceled_task_kills_the_sandbox() -> None:
    before = set(psutil.Process().children(recursive=True))

    async def give_up() -> list[psutil.Process]:
        task = asyncio.create_task(arun_in_sandbox(f"{ACTIONS}:sleep", limits=Limits(wall_seconds=600)))
        inside = await asyncio.to_thread(_until, lambda: set(_inside(os.getpid())) - before)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return list(inside)

    inside = asyncio.run(give_up())
    assert psutil.wait_procs(inside, timeout=60)[1] == []


def test_what_takes_too_long_is_dead() -> None:
    with ThreadPoolExecutor() as threads:
        before = set(psutil.Process().children(recursive=True))
        call = threads.submit(run_in_sandbox, f"{ACTIONS}:sleep", limits=Limits(wall_seconds=5))
        inside = _until(lambda: set(_inside(os.getpid())) - before)
        with pytest.raises(SandboxLimitError):
            call.result()
    assert psutil.wait_procs(inside, timeout=30)[1] == []


def test_event_loop_and_threads_go_on() -> None:
    async def many() -> list[Any]:
        ticking = asyncio.create_task(asyncio.sleep(0, "ticked"))
        results = await asyncio.gather(*(arun_in_sandbox(f"{ACTIONS}:echo", {"number": number}) for number in range(4)))
        return [ticking.done(), *results]

    assert asyncio.run(many()) == [True, *({"number": number} for number in range(4))]
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda number=number: results.append(run_in_sandbox(f"{ACTIONS}:echo", {"n": number})))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result["n"] for result in results) == [0, 1, 2, 3]


def test_what_is_left_behind_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = f"left-{secrets.token_hex(8)}"
    # The filter refuses processes: without it, and without the limit on their number, the function can make some.
    monkeypatch.setattr("assent.sandbox.calls.filter_of", lambda _machine, _threads: assemble([(RETURN, 0, 0, ALLOW)]))
    monkeypatch.setattr("assent.sandbox.calls.PROCESSES", 1_000)
    assert run_in_sandbox(f"{ACTIONS}:leave_grandchild", {"marker": marker}) == "left"
    assert [process for process in psutil.process_iter() if marker in _command(process)] == []


def test_signals_of_the_terminal_do_not_reach_it() -> None:
    ready, theirs = os.pipe()
    script = f"import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); os.write({theirs}, b'1')\n{_WAITS}"
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, pass_fds=[theirs],
        start_new_session=True,
    )  # fmt: skip
    try:
        os.read(ready, 1)
        inside = _until(lambda: _inside(parent.pid))
        groups = {os.getpgid(process.pid) for process in inside}
        assert parent.pid not in groups
        os.killpg(parent.pid, signal.SIGINT)
        assert all(process.is_running() for process in inside)
    finally:
        parent.kill()
        parent.wait()
        os.close(ready)
        os.close(theirs)
    assert psutil.wait_procs(inside, timeout=60)[1] == []


@pytest.mark.parametrize(("change", "words"), [
    ({"PATH": "/nowhere"}, "Install the package `bubblewrap`"),
    ({"PATH": "{fake}"}, "user namespaces"),
])  # fmt: skip
def test_nothing_runs_without_a_sandbox(
    change: dict[str, str], words: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    assert sandbox_dependencies()[0].available
    for name, value in change.items():
        monkeypatch.setenv(name, value.format(fake=tmp_path))
    with pytest.raises(SandboxUnavailableError, match=words):
        run_in_sandbox(f"{ACTIONS}:echo")


def test_other_systems_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailableError, match="Linux"):
        run_in_sandbox(f"{ACTIONS}:echo")


def test_further_calls_wait_for_a_place() -> None:
    """More calls than there are places all get their answers, and one that is given up while it waits frees nothing."""
    calls = MOST_AT_ONCE + 2

    async def many() -> list[Any]:
        limits = Limits(wall_seconds=600)
        busy = [asyncio.create_task(arun_in_sandbox(f"{ACTIONS}:sleep", limits=limits)) for _ in range(MOST_AT_ONCE)]
        await asyncio.to_thread(_until, lambda: len(_inside(os.getpid(), MOST_AT_ONCE)) >= MOST_AT_ONCE)
        waiting = asyncio.create_task(arun_in_sandbox(f"{ACTIONS}:echo"))
        done, _ = await asyncio.wait([waiting], timeout=1)
        assert not done
        for task in (waiting, *busy):
            task.cancel()
        await asyncio.gather(waiting, *busy, return_exceptions=True)
        return await asyncio.gather(*(arun_in_sandbox(f"{ACTIONS}:echo", {"n": number}) for number in range(calls)))

    assert [answer["n"] for answer in asyncio.run(many())] == list(range(calls))


def test_other_processors_have_none() -> None:
    from assent.sandbox.calls import filter_of

    assert filter_of("x86_64") != filter_of("aarch64")
    with pytest.raises(SandboxUnavailableError, match="riscv64"):
        filter_of("riscv64")


def test_names_and_files_are_checked(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_up", ModuleType("made_up"))
    for name in ("no_such_package_here.module:function", "made_up:function"):
        with pytest.raises(ModuleNotFoundError):
            run_in_sandbox(name)
    with pytest.raises(ValueError, match="is not a module and a function"):
        run_in_sandbox("tests.sandbox.actions")
    with pytest.raises(FileNotFoundError):
        run_in_sandbox(f"{ACTIONS}:echo", files={"path": tmp_path / "missing"})
    with pytest.raises(FileNotFoundError, match="is not a file"):
        run_in_sandbox(f"{ACTIONS}:echo", files={"path": tmp_path})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        run_in_sandbox(f"{ACTIONS}:echo", files={"path": tmp_path / "pipe"})
    with pytest.raises(ValueError, match="not a name"):
        run_in_sandbox(f"{ACTIONS}:echo", files={"../path": __file__})


@pytest.mark.parametrize("how", ["renamed", "removed"])
def test_what_was_opened_is_what_is_read(how: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may write into the folder puts a link to another file in the place of the input file."""
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(b"four")
    other.write_bytes(b"another file")
    real = calls.view_of

    def replaced(*arguments: Any) -> Any:
        if how == "renamed":
            file.rename(tmp_path / "moved")
        else:
            file.unlink()
        file.symlink_to(other)
        return real(*arguments)

    monkeypatch.setattr(calls, "view_of", replaced)
    for has_option in (True, False):  # of new and old versions of bubblewrap
        file.unlink()
        file.write_bytes(b"four")
        if not has_option:
            monkeypatch.setattr(view, "can_bind_opened", lambda _: False)
        if how == "renamed":
            assert run_in_sandbox(f"{ACTIONS}:read", files={"path": file}) == len(b"four")
        else:
            with pytest.raises(FileNotFoundError, match="was removed"):
                run_in_sandbox(f"{ACTIONS}:read", files={"path": file})


def test_it_starts_fast() -> None:
    began = time.monotonic()
    for _ in range(5):
        run_in_sandbox(f"{ACTIONS}:echo", limits=Limits())
    assert (time.monotonic() - began) / 5 < 2.0, "0.1 s on an idle machine"
