"""A process that calls functions in the sandbox for the tests, one for each line that it reads."""

from __future__ import annotations

import json
import sys

from assent.sandbox import Limits, SandboxError, run_in_sandbox


def main() -> None:
    """Answer each line: a call as JSON, until the input ends."""
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"result": run_in_sandbox(
                call["function"], call["arguments"], files=call["files"], limits=Limits(**call["limits"]),
            )}  # fmt: skip
        except (SandboxError, OSError) as error:
            answer = {
                "error": [type(error).__name__, str(error), getattr(error, "limit", ""), getattr(error, "kind", "")]
            }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
