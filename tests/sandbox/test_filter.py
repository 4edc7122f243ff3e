"""The filter of system calls, on each architecture, and the namespaces without it."""

from __future__ import annotations

import errno
import os
import platform
import re
import socket
import struct
from pathlib import Path

import pytest

from assent.sandbox import run_in_sandbox
from assent.sandbox.calls import filter_of
from assent.sandbox.seccomp import ALLOW, AND, ERROR, JUMP_IF_AT_LEAST, JUMP_IF_EQUAL, KILL, LOAD, RETURN, assemble
from assent.sandbox.syscalls import ARCHITECTURES, IOCTLS, THREAD_FLAGS
from tests.missing import missing
from tests.sandbox.accounts import ACTIONS, unsandboxed
from tests.sandbox.test_escapes import REFUSED

MACHINES = tuple(ARCHITECTURES)
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def decided(machine: str, number: int, *arguments: int, audit: int = 0, threads: bool = False) -> int:
    """Return what the filter says to a call, by running it as the kernel does."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, audit or ARCHITECTURES[machine].audit, 0, *given)
    program = list(struct.iter_unpack("=HBBI", filter_of(machine, threads)))
    word = place = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == LOAD:
            [word] = struct.unpack_from("=I", data, value)
        elif code == AND:
            word &= value
        elif code == JUMP_IF_EQUAL:
            place += if_true if word == value else if_false
        elif code == JUMP_IF_AT_LEAST:
            place += if_true if word >= value else if_false
        else:
            assert code == RETURN
            return value


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_are_refused_on_each_architecture(machine: str) -> None:
    for name, numbers in REFUSED.items():
        assert decided(machine, numbers[MACHINES.index(machine)]) == ERROR | errno.EPERM, name
    refused = {numbers[MACHINES.index(machine)] for numbers in REFUSED.values()}
    assert refused & set(ARCHITECTURES[machine].allowed.values()) == set()
    for number in ARCHITECTURES[machine].allowed.values():
        assert decided(machine, number) == ALLOW
    assert decided(machine, 10_000) == ERROR | errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_are_looked_at(machine: str) -> None:
    architecture = ARCHITECTURES[machine]
    assert decided(machine, architecture.ioctl, 0, IOCTLS["TCGETS"]) == ALLOW
    assert decided(machine, architecture.ioctl, 0, 0x5412) == ERROR | errno.EPERM, "TIOCSTI writes into a terminal"
    assert decided(machine, architecture.prlimit64, 0, 9) == ALLOW
    assert decided(machine, architecture.prlimit64, 1, 9) == ERROR | errno.EPERM, "another process"
    private, shared, of_no_file = 2, 1, 0x20
    assert decided(machine, architecture.mmap, 0, 0, 0, private | of_no_file) == ALLOW
    assert decided(machine, architecture.mmap, 0, 0, 0, shared) == ALLOW
    assert decided(machine, architecture.mmap, 0, 0, 0, shared | of_no_file | 0x1000) == ERROR | errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_threads_are_told_from_processes(machine: str) -> None:
    clone, signal_at_end, new_user_namespace = ARCHITECTURES[machine].clone, 17, 0x10000000
    for flags in THREAD_FLAGS:
        assert decided(machine, clone, flags, threads=True) == ALLOW
        assert decided(machine, clone, flags) == ERROR | errno.EPERM
        assert decided(machine, clone, flags | new_user_namespace, threads=True) == ERROR | errno.EPERM
    for flags in (0, signal_at_end, 0x4111):  # fork and vfork
        assert decided(machine, clone, flags, threads=True) == ERROR | errno.EPERM


def test_other_sets_of_calls_end_the_process() -> None:
    for machine in MACHINES:
        for audit in (0x40000003, 0xC00000F3):  # 32-bit x86, which a 64-bit process can call, and RISC-V
            assert decided(machine, 0, audit=audit) == KILL
    assert decided("x86_64", 0x40000000 + 101) == KILL, "x32"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="Debian has the headers of this machine's kernel only")
def test_numbers_are_the_kernels() -> None:
    if not HEADER.exists():
        missing("the kernel's headers are not installed (Debian's package linux-libc-dev)")
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())}
    allowed = ARCHITECTURES["x86_64"].allowed
    assert {name: number for name, number in allowed.items() if numbers[name] != number} == {}
    wrong = {name for name, (number, _) in REFUSED.items() if " " not in name and numbers[name] != number}
    assert wrong == set()


@pytest.fixture
def _unfiltered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assent.sandbox.calls.filter_of", lambda _machine, _threads: assemble([(RETURN, 0, 0, ALLOW)]))


@pytest.mark.usefixtures("_unfiltered")
def test_namespaces_hold_without_the_filter() -> None:
    """Each of the two walls is enough by itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0assent-test-of-namespaces")
        local.listen()
        tcp = {"action": "connect", "host": "127.0.0.1", "port": listener.getsockname()[1]}
        unix = {"action": "connect_locally", "name": "assent-test-of-namespaces"}
        assert unsandboxed("attempts", calls=[tcp, unix]) == ["connected", "connected"]
        answers = run_in_sandbox(f"{ACTIONS}:attempts", {"calls": [tcp, unix]})
    assert answers == ["ECONNREFUSED", "ECONNREFUSED"], "its own network has nobody who listens"
    process = {"action": "signal_process", "process": os.getpid(), "number": 0}
    user = {"action": "set_user"}
    assert run_in_sandbox(f"{ACTIONS}:attempts", {"calls": [process, user]}) == ["ESRCH", "EINVAL"]
