"""The filter of system calls, as a program for the kernel's packet filter (BPF)."""

from __future__ import annotations

import errno
import struct

from assent.sandbox.syscalls import IOCTLS, NEWEST_KNOWN, PRCTLS, THREAD_FLAGS, Architecture

LOAD, AND, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
"""Load a word at an offset; keep some of its bits; compare it with a constant; end with one (`linux/bpf_common.h`)."""
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
"""Results (`linux/seccomp.h`); the number of an error is added to the last one."""
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in `struct seccomp_data`, of the lower halves of arguments."""
_SHARED_MEMORY = 0x01 | 0x20
"""Flags of `mmap`: shared, and not of a file. Such memory would not count as the process's own."""
REFUSE, SEEM_OLDER = ERROR | errno.EPERM, ERROR | errno.ENOSYS

Instruction = tuple[int, int, int, int]
"""Code, how many instructions to skip if true and if false, and a constant."""


def assemble(instructions: list[Instruction]) -> bytes:
    """Return the program as the kernel reads it: an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def instructions(architecture: Architecture, threads: bool = False) -> list[Instruction]:
    """Return the filter of an architecture. Another architecture's calls end the process.

    Args:
        threads: whether the process may make threads; it can never make processes.
    """
    program: list[Instruction] = [
        (LOAD, 0, 0, _ARCHITECTURE),
        (JUMP_IF_EQUAL, 1, 0, architecture.audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, _NUMBER),
    ]
    if architecture.second_set:
        program += [(JUMP_IF_AT_LEAST, 0, 1, architecture.second_set), (RETURN, 0, 0, KILL)]
    for number in architecture.allowed.values():
        program += _ends(number, ALLOW)
    program += _mapping(architecture.mmap)
    for number in architecture.missing.values():
        program += _ends(number, SEEM_OLDER)
    program += _with_argument(architecture.ioctl, 1, tuple(IOCTLS.values()))
    program += _with_argument(architecture.prctl, 0, tuple(PRCTLS.values()))
    if threads:
        program += _with_argument(architecture.clone, 0, THREAD_FLAGS)
    program += _with_argument(architecture.prlimit64, 0, (0,))  # of the process itself
    return [*program, (JUMP_IF_AT_LEAST, 0, 1, NEWEST_KNOWN + 1), (RETURN, 0, 0, SEEM_OLDER), (RETURN, 0, 0, REFUSE)]


def _ends(value: int, result: int) -> list[Instruction]:
    return [(JUMP_IF_EQUAL, 0, 1, value), (RETURN, 0, 0, result)]


def _mapping(number: int) -> list[Instruction]:
    """Allow mappings, except of shared memory that belongs to no file."""
    flags = _FIRST_ARGUMENT + 8 * 3
    checks = [(LOAD, 0, 0, flags), (AND, 0, 0, _SHARED_MEMORY), *_ends(_SHARED_MEMORY, REFUSE), (RETURN, 0, 0, ALLOW)]
    return [(JUMP_IF_EQUAL, 0, len(checks), number), *checks]


def _with_argument(number: int, index: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow a call if one of its arguments, an integer of 32 bits, is one of these values."""
    checks = [(LOAD, 0, 0, _FIRST_ARGUMENT + 8 * index)]
    for value in values:
        checks += _ends(value, ALLOW)
    checks.append((RETURN, 0, 0, REFUSE))
    return [(JUMP_IF_EQUAL, 0, len(checks), number), *checks]
