"""Stands for a prepared process: `python -S -m tests.processes.launch <address of its server> <module> [arguments]`.

What it is given and what it prints, its environment, SIGTERM and its exit code pass through.
"""

from __future__ import annotations

import os
import signal
import sys

from tests.processes.prepared import Process


def main() -> None:
    """Have the process made, and wait for its end."""
    address, module, *arguments = sys.argv[1:]
    process = Process(module, arguments, os.environ, (1, 2), given=0, address=address)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    for stream in (0, 1, 2):
        os.close(stream)  # the process alone holds them
    code = process.wait()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
