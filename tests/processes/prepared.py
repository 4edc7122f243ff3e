"""Processes that start at once: forked from one that has already imported what they need.

To import SQLAlchemy, LangGraph and what stands on them takes seconds, most of what a short command does. A process made
here has its own id, environment, working directory, standard streams, signals, limit of open files and exit code; only
what it would have imported is there before. That commands, the worker and the web process import what they need is
shown by tests that start them as people do (`tests/cli/test_serve.py`, `tests/processes/test_web_imports.py`), as it is
of the MCP server over HTTP and of the bridge (`tests/langgraph_server/test_example.py`).

There is one server for commands and workers, and one for web processes of each async mode: eventlet has to patch the
standard library before anything else is imported.
"""

from __future__ import annotations

import _socket  # what eventlet leaves alone
import atexit
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector  # before eventlet replaces it
from typing import IO, Any, NoReturn

from app.lifeline import die_with_parent_hook

COMMAND_LINE = "app.cli.main"
CLOCKED_WORKER = "tests.processes.clocked_worker"
WEB = "wsgi"
BRIDGE = "assent.langgraph_server.command"
MCP = "assent.mcp.command"
_COMMANDS = "commands"
_IMPORTED = (COMMAND_LINE, CLOCKED_WORKER, WEB)
_LOADED_LATE = ("app.worker.main", "assent.langgraph_server.bridge", "assent.mcp.http", "assent.mcp.server")
"""What commands import once they have looked at their settings."""
_UNPREPARED = ("serve", "web")
"""They become other programs, or start others."""
_waitpid = os.waitpid  # before eventlet replaces it


class Process:
    """As much of `subprocess.Popen` as tests use.

    Attributes:
        stdout: what it prints, standard errors included, unless streams were given.
        returncode: None until its end was seen; minus the signal's number if one ended it.

    Args:
        streams: standard output and standard error.
        given: standard input; None: nothing.
        address: of the server that makes it; empty: this test process's own.
        folder: where it works; None: where this process does.
        files: how many files it may have open; 0: as many as this process.
    """

    def __init__(
        self, module: str, arguments: Sequence[str], env: Mapping[str, str], streams: Sequence[int] = (),
        folder: Path | None = None, files: int = 0, given: int | None = None, address: str = "",
    ) -> None:  # fmt: skip
        self.returncode: int | None = None
        self.stdout: IO[str] | None = None
        outward = list(streams)
        if not outward:
            reader, writer = os.pipe()
            self.stdout = os.fdopen(reader, encoding="utf-8", errors="replace")
            outward = [writer, writer]
        self._line = socket.socket(socket.AF_UNIX)
        kind = env.get("ASSENT_ASYNC_MODE", "eventlet") if module == WEB else _COMMANDS
        self._line.connect(address or _address(kind))
        limits = (files, files) if files else resource.getrlimit(resource.RLIMIT_NOFILE)
        order = json.dumps(
            {"module": module, "arguments": list(arguments), "env": dict(env), "files": limits,
             "folder": str(folder or Path.cwd())}
        ).encode()  # fmt: skip
        with Path(os.devnull).open("rb") as nothing:
            inward = nothing.fileno() if given is None else given
            socket.send_fds(self._line, [len(order).to_bytes(8, "big")], [inward, *outward])
        if not streams:
            os.close(outward[0])
        self._line.sendall(order)
        self.pid = int.from_bytes(_exactly(self._line, 8), "big")

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                self.returncode = int.from_bytes(_exactly(self._line, 8), "big", signed=True)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from None
            self._line.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code if it has ended, else None."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def understood(command: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """Module and arguments of a command line, if a prepared process can be what it would start."""
    module, arguments = command[2], command[3:]
    if module == COMMAND_LINE and list(arguments) == ["web"]:
        return WEB, ()  # what the command becomes once it has looked at the settings
    known = module in _IMPORTED and not (module == COMMAND_LINE and arguments[0] in _UNPREPARED)
    return (module, arguments) if known else None


def command(module: str, *arguments: str) -> list[str]:
    """A command line that becomes a prepared process, for libraries that insist on starting a program."""
    return ["-S", "-m", "tests.processes.launch", _address(_COMMANDS), module, *arguments]


def run(
    arguments: Sequence[str], env: Mapping[str, str], seconds: float, folder: Path | None = None,
    module: str = COMMAND_LINE,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run `assent`, or another module, with these arguments and exactly this environment, to its end."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = Process(module, arguments, env, (out.fileno(), err.fileno()), folder)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(["assent", *arguments], code, out.read(), err.read())


@cache
def _address(kind: str) -> str:
    """Where this test process's server of that kind listens; it is started at the first call."""
    folder = tempfile.mkdtemp(prefix="assent-prepared-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = str(Path(folder) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.processes.prepared", path, kind],
        cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        preexec_fn=die_with_parent_hook(signal.SIGKILL),
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return path


class _Server:
    """Forks a child for each order, and tells its end over the line on which the order came."""

    def __init__(self, path: str, set_by_imports: dict[str, str]) -> None:
        self._set_by_imports = set_by_imports
        self._lines: dict[int, _socket.socket] = {}
        self._listener = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen()
        self._awake, wake = _socket.socketpair()
        for end in (self._awake, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno())
        self._wake = wake
        self._last_words = die_with_parent_hook(signal.SIGKILL)

    def serve(self) -> NoReturn:
        """Take orders until this process is ended."""
        gc.freeze()  # what is shared with the children stays shared
        watched = DefaultSelector()
        watched.register(self._listener, EVENT_READ)
        watched.register(self._awake, EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in watched.select():
                if key.fileobj is self._awake:
                    self._awake.recv(4096)
                    self._tell_ends()
                else:
                    self._take()

    def _tell_ends(self) -> None:
        while self._lines:
            pid, status = _waitpid(-1, os.WNOHANG)
            if not pid:
                return
            line = self._lines.pop(pid)
            with suppress(OSError):  # the caller may have gone
                line.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))
            line.close()

    def _take(self) -> None:
        line = _socket.socket(fileno=self._listener._accept()[0])
        size, streams, _, _ = socket.recv_fds(line, 8, 3)  # type: ignore[arg-type]
        order = json.loads(_exactly(line, int.from_bytes(size, "big")))
        pid = os.fork()
        if pid == 0:
            self._close(line)
            _be(order, streams, self._set_by_imports)
        for stream in streams:
            os.close(stream)
        self._lines[pid] = line
        line.sendall(pid.to_bytes(8, "big"))

    def _close(self, line: _socket.socket) -> None:
        """Leave the child nothing of this server."""
        if self._last_words is not None:
            self._last_words()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for ours in (line, self._listener, self._awake, self._wake, *self._lines.values()):
            ours.close()


def _be(order: dict[str, Any], streams: Sequence[int], set_by_imports: dict[str, str]) -> NoReturn:
    """Become what was ordered."""
    if "eventlet" in sys.modules:
        sys.modules["eventlet.hubs"].use_hub()  # one of its own
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        if stream > 2:
            os.close(stream)
    os.environ.clear()
    os.environ.update(order["env"] | set_by_imports)
    os.chdir(order["folder"])
    resource.setrlimit(resource.RLIMIT_NOFILE, order["files"])
    module = sys.modules[order["module"]]
    sys.argv = [str(module.__file__), *order["arguments"]]
    code = _outcome(module.main)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _outcome(main: object) -> int:
    """Run it; the exit code that Python would give."""
    try:
        main()  # type: ignore[operator]
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _exactly(line: _socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = line.recv(size - len(found))
        assert part, "the other side has gone"
        found += part
    return found


def main() -> None:
    """Import, then serve at the address given what is of the kind given."""
    path, kind = sys.argv[1:]
    os.environ["ASSENT_ASYNC_MODE"] = kind
    before = dict(os.environ)
    if kind == _COMMANDS:
        from app.cli.main import COMMANDS

        places = tuple(place.partition(":")[0] for place in COMMANDS.values())
        names = (COMMAND_LINE, CLOCKED_WORKER, *places, *_LOADED_LATE)
    else:
        names = (WEB, "app.factory")
    for name in names:
        importlib.import_module(name)
    _Server(path, {name: value for name, value in os.environ.items() if before.get(name) != value}).serve()


if __name__ == "__main__":
    main()
