"""Calls of the actions: in the sandbox, by a process of some account, and without a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from assent import sandbox as sandbox_package
from assent.sandbox import SandboxFailedError, SandboxLimitError

ROOT = Path(__file__).parents[2]
ACTIONS = "tests.sandbox.actions"
NOBODY = "65534"
# Python may lie in a home folder that others cannot enter: there, its folder is all that is left of that home.
_AS_NOBODY = f"""
set -e
if ! setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups test -x "$1/bin/python3"; then
  home=/$(echo "$1" | cut -d/ -f2)
  kept=$(mktemp -d)
  mount --bind "$1" "$kept"
  mount -t tmpfs -o mode=755 tmpfs "$home"
  mkdir -p "$1"
  mount --move "$kept" "$1"
  rmdir "$kept"
fi
shift
exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups "$@"
"""


class Caller:
    """A process of some account that calls functions in the sandbox."""

    def __init__(self, account: str) -> None:
        self.is_root = account == "own" and os.geteuid() == 0
        command = [sys.executable, "-P", "-m", "tests.sandbox.callers"]
        if account == "nobody":
            command = ["unshare", "--mount", "sh", "-c", _AS_NOBODY, "sh", sys.base_prefix, *command]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SECRET": "in the environment"},
        )  # fmt: skip

    def __call__(
        self,
        action: str,
        /,
        files: dict[str, Path] | None = None,
        limits: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """Call an action in the sandbox. Raises what `run_in_sandbox` raises."""
        assert self.process.stdin is not None and self.process.stdout is not None
        call = {
            "function": f"{ACTIONS}:{action}", "arguments": arguments, "limits": limits or {},
            "files": {name: str(path) for name, path in (files or {}).items()},
        }  # fmt: skip
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" not in answer:
            return answer["result"]
        name, words, limit, kind = answer["error"]
        if name == "SandboxLimitError":
            raise SandboxLimitError(limit, words)
        if name == "SandboxFailedError":
            raise SandboxFailedError(words, kind)
        raise getattr(sandbox_package, name, OSError)(words)

    def end(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def unsandboxed(action: str, /, **arguments: Any) -> Any:
    """Call an action in a process of its own, without a sandbox."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", ACTIONS, action, json.dumps(arguments)], cwd=ROOT, check=True,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return json.loads(done.stdout)
