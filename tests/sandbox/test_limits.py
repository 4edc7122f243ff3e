"""Limits and crashes: what stops a function, and in which words."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assent.sandbox import SandboxFailedError, SandboxLimitError
from tests.sandbox.accounts import Caller, unsandboxed

MIB = 1 << 20


@pytest.mark.parametrize("action", ["allocate", "allocate_in_pieces"])
def test_memory(sandboxed: Caller, action: str) -> None:
    assert sandboxed(action, mebibytes=200) > 0
    with pytest.raises(SandboxLimitError, match="400 MiB") as caught:
        sandboxed(action, mebibytes=420)
    assert caught.value.limit == "memory"
    assert sandboxed(action, limits={"memory_bytes": 600 * MIB}, mebibytes=420) > 0


def test_memory_that_is_not_counted(sandboxed: Caller, shared: Path) -> None:
    assert unsandboxed("attempt", action="share_memory", mebibytes=1) == MIB
    assert sandboxed("attempt", action="share_memory", mebibytes=1) == "EPERM"
    large = shared / "large"
    with large.open("wb") as file:
        file.truncate(500 * MIB)
    assert sandboxed("map_file", files={"path": large}) == 500 * MIB, "a mapped file is no memory"
    assert sandboxed("attempt", files={"path": large}, action="copy_mapping") == "ENOMEM", "but a copy of it is"


def test_open_files(sandboxed: Caller) -> None:
    assert sandboxed("open_many", count=50) == 50
    assert sandboxed("attempt", action="open_many", count=100) == "EMFILE"


@pytest.mark.parametrize("arguments", [{}, {"stubborn": True}])
def test_endless_loop(sandboxed: Caller, arguments: dict[str, bool]) -> None:
    with pytest.raises(SandboxLimitError, match="processor") as caught:
        sandboxed("spin", limits={"cpu_seconds": 1, "wall_seconds": 120}, **arguments)
    assert caught.value.limit == "time"


def test_waiting_without_end(sandboxed: Caller) -> None:
    began = time.monotonic()
    with pytest.raises(SandboxLimitError, match="1 seconds") as caught:
        sandboxed("sleep", limits={"wall_seconds": 1})
    assert caught.value.limit == "time"
    assert 1 <= time.monotonic() - began < 15


def test_result_is_bounded(sandboxed: Caller) -> None:
    limits = {"result_bytes": MIB}
    assert len(sandboxed("answer", limits=limits, length=MIB - 100)) == MIB - 100
    with pytest.raises(SandboxLimitError, match="result is larger than 1,048,576 bytes") as caught:
        sandboxed("answer", limits=limits, length=2 * MIB)
    assert caught.value.limit == "size"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_bounded(sandboxed: Caller, stream: str) -> None:
    assert sandboxed("print_much", length=100_000, stream=stream) == "printed"
    with pytest.raises(SandboxLimitError, match="output is larger") as caught:
        sandboxed("print_much", length=50 * MIB, stream=stream)
    assert caught.value.limit == "size"


def test_arguments_are_bounded(sandboxed: Caller) -> None:
    assert len(sandboxed("echo", word="x" * MIB)["word"]) == MIB
    with pytest.raises(SandboxLimitError, match="arguments are larger"):
        sandboxed("echo", word="x" * (9 * MIB))


@pytest.mark.parametrize(("action", "name"), [("crash", "SIGSEGV"), ("abort", "SIGABRT")])
def test_crash(sandboxed: Caller, action: str, name: str) -> None:
    with pytest.raises(SandboxFailedError, match=rf"^Its process crashed \({name}\)\.$"):
        sandboxed(action)
    assert sandboxed("echo", still="here") == {"still": "here"}


def test_end_without_an_answer(sandboxed: Caller) -> None:
    with pytest.raises(SandboxFailedError, match=r"^Its process ended with code 3\.$"):
        sandboxed("end", code=3)
    with pytest.raises(SandboxFailedError, match=r"^Its result is not JSON\.$"):
        sandboxed("end", code=0)


def test_exception(sandboxed: Caller) -> None:
    with pytest.raises(SandboxFailedError) as caught:
        sandboxed("fail", words="no installer \x1b[31m\u202e" + "x" * 10_000)
    assert str(caught.value).startswith("ValueError: no installer [31m xxx")
    assert len(str(caught.value)) < 600
    assert caught.value.kind == "ValueError"


@pytest.mark.parametrize("text", [
    "", "null", "[]", "{}", '{"result": 1e999}', '{"result": "\\uDC00"}', '{"result": NaN}', '{"error": 3}',
    '{"error": [[], [], []]}', "[" * 200_000, '{"result": ' + "9" * 100_000 + "}", "\u00ed\u00a0\u0080",
])  # fmt: skip
def test_any_answer_is_read_safely(sandboxed: Caller, text: str) -> None:
    with pytest.raises(SandboxFailedError):
        sandboxed("write_answer", text=text)


def test_nested_result(sandboxed: Caller) -> None:
    assert sandboxed("nested", depth=50) is not None
    with pytest.raises(SandboxFailedError, match="nested too deeply"):
        sandboxed("nested", depth=100_000)
