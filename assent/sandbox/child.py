"""What runs inside the sandbox. It is started as a file, so it imports nothing of this package.

It reads the call from standard input, limits itself, says that it has started, calls the function, and writes the
result as JSON to what was standard output. What the function prints goes to standard error.
"""

from __future__ import annotations

import os
import sys

STARTED = b"started\n"
LONGEST_MESSAGE = 500
_BLOCK = 1 << 20


def main() -> None:
    """Serve one call, and end the process."""
    os.closerange(3, 1_024)  # such as those by which the input files were mounted
    answers = os.dup(1)
    os.dup2(2, 1)
    import json

    call = json.loads(_everything())
    _limit(call["limits"])
    _write(answers, STARTED)
    os.environ["TMPDIR"] = call["scratch"]
    sys.path[:] = [entry for entry in sys.path if entry != "/"] + call["import_path"]
    try:
        answer = _called(call, json.dumps)
    except MemoryError:
        answer = b'{"error": ["memory", "", ""]}'
    except RecursionError:
        answer = json.dumps({"error": ["exception", "RecursionError", "The input is nested too deeply."]}).encode()
    except BaseException as error:
        answer = json.dumps({"error": ["exception", type(error).__name__, _words(error)]}).encode()
    try:
        _write(answers, answer)
    except OSError:
        os._exit(1)
    os._exit(0)


def _called(call, dumps) -> bytes:  # type: ignore[no-untyped-def]  # typing would have to be imported
    from importlib import import_module

    function = getattr(import_module(call["module"]), call["function"])
    result = function(**call["arguments"])
    if hasattr(result, "model_dump_json"):
        return b'{"result": ' + result.model_dump_json().encode() + b"}"
    return dumps({"result": result}, allow_nan=False).encode()


def _words(error: BaseException) -> str:
    try:
        return str(error)[:LONGEST_MESSAGE]
    except Exception:
        return ""


def _limit(limits: dict[str, int]) -> None:
    import resource

    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (value, value + (name == "CPU")))  # first a signal, and then the end
    os.nice(1)


def _everything() -> bytes:
    parts = []
    while part := os.read(0, _BLOCK):
        parts.append(part)
    return b"".join(parts)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left[:_BLOCK]) :]


if __name__ == "__main__":
    main()
