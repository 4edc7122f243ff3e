"""How much a sandboxed function may use."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits on one call of a sandboxed function. Processes are not among them: it cannot start any.

    Attributes:
        memory_bytes: memory, including Python and its libraries. Input files that are mapped do not count.
        cpu_seconds: processor time, in whole seconds.
        wall_seconds: time by the clock, including the start of Python; then the whole sandbox is killed.
        open_files: file descriptors.
        argument_bytes: JSON of the arguments.
        result_bytes: JSON of the result.
        stderr_bytes: what may be written to standard output and standard error.
        scratch_bytes: size of an empty folder in memory, `/scratch`, in addition to `memory_bytes`. With 0, nothing at
            all can be written. The number of files in it is limited by the time only.
        threads: how many it may start, for libraries that do not work without any, such as polars. Kernels before 5.14
            count all threads of the account, not only the sandbox's.
    """

    memory_bytes: int = 400 * MEBIBYTE
    cpu_seconds: int = 15
    wall_seconds: float = 20.0
    open_files: int = 64
    argument_bytes: int = 8 * MEBIBYTE
    result_bytes: int = 8 * MEBIBYTE
    stderr_bytes: int = MEBIBYTE // 4
    scratch_bytes: int = 0
    threads: int = 0


USUAL = Limits()
