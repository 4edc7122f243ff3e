"""What sandboxed code might try. They run in the sandbox, and outside to show that they work at all."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any


def echo(**arguments: Any) -> dict[str, Any]:
    """Return the arguments."""
    return arguments


def loaded(module: str) -> list[str]:
    """Return the packages that are loaded with a module."""
    import_module(module)
    return sorted({name.partition(".")[0] for name in sys.modules})


def attempt(action: str, **arguments: Any) -> Any:
    """Return what an action returns, or the name of the error that the system answers with."""
    try:
        return globals()[action](**arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except RuntimeError as error:
        return str(error)


def attempts(calls: list[dict[str, Any]]) -> list[Any]:
    """Make several attempts."""
    return [attempt(**call) for call in calls]


def read(path: str) -> int:
    """Return how many bytes a file has, after reading all of it."""
    with open(path, "rb") as file:
        return len(file.read())


def listing(path: str) -> list[str]:
    """Return the names in a folder."""
    return sorted(os.listdir(path))


def environment() -> dict[str, str]:
    """Return all variables of the environment, also those that only the system's library knows."""
    return dict(os.environ)


def write(path: str) -> str:
    """Write a file, and return what it holds then."""
    with open(path, "w+") as file:
        file.write("written")
        file.seek(0)
        return file.read()


def change(path: str) -> str:
    """Write into a file that there is."""
    with open(path, "r+b") as file:
        file.write(b"changed")
    return "changed"


def replace(path: str) -> str:
    """Remove a file, and make another in its place."""
    os.unlink(path)
    return write(path)


def writable(top: str, path: str = "") -> list[str]:
    """Return all folders below one in which a file can be made. The path is that of an input file."""
    assert not path or read(path)
    found = []
    for folder, folders, _files in os.walk(top):
        if folder.count("/") > 3:
            folders.clear()
        try:
            write(os.path.join(folder, "probe"))
        except OSError:
            continue
        found.append(folder)
    return found


def link(target: str, place: str) -> int:
    """Read a file through a symbolic link that was just made."""
    os.symlink(target, place)
    return read(place)


def fill(folder: str) -> list[Any]:
    """Write until nothing more can be written; return how much that was, and the error."""
    written = 0
    try:
        with open(os.path.join(folder, "large"), "wb", buffering=0) as file:
            while True:
                written += file.write(bytes(1 << 20))
    except OSError as error:
        return [written, errno.errorcode[error.errno]]


def connect(host: str, port: int) -> str:
    """Make a TCP connection."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(b"hello")
    return "connected"


def send(host: str, port: int) -> str:
    """Send a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", (host, port))
    return "sent"


def connect_locally(name: str) -> str:
    """Connect to an abstract Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(f"\0{name}")
    return "connected"


def resolve(name: str) -> str:
    """Look up a name."""
    return socket.getaddrinfo(name, 80)[0][4][0]


def fork() -> str:
    """Start a process by forking."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "forked"


def start(program: str) -> int:
    """Start a program."""
    return subprocess.run([program, "-c", "pass"], check=False).returncode


def start_thread() -> str:
    """Start a thread."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return "started"


def keep_threads(count: int) -> int:
    """Start threads that all run at the same time."""
    together = threading.Barrier(count + 1)
    threads = [threading.Thread(target=together.wait, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    together.wait()
    return len(threads)


def allocate(mebibytes: int) -> int:
    """Use memory, and return how many bytes."""
    return len(bytearray(mebibytes << 20))


def allocate_in_pieces(mebibytes: int) -> int:
    """Use memory in small pieces."""
    return len([bytearray(1 << 16) for _ in range(mebibytes << 4)])


def share_memory(mebibytes: int) -> int:
    """Use memory that could be shared with other processes."""
    with mmap.mmap(-1, mebibytes << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS) as memory:
        return len(memory)


def map_file(path: str) -> int:
    """Read all of a file through memory."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        return sum(len(memory[start : start + (1 << 20)]) for start in range(0, len(memory), 1 << 20))


def copy_mapping(path: str) -> int:
    """Write into a private copy of a mapped file, page by page."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as memory:
        for start in range(0, len(memory), 4096):
            memory[start] = 1
        return len(memory)


def open_many(count: int) -> int:
    """Have many files open."""
    return len([open("/dev/null") for _ in range(count)])


def spin(stubborn: bool = False) -> None:
    """Use the processor without end."""
    if stubborn:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass


def sleep() -> None:
    """Wait without end, and ignore signals that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(3600)


def answer(length: int) -> str:
    """Return a long text."""
    return "x" * length


def nested(depth: int) -> Any:
    """Return a deeply nested list."""
    result: Any = []
    for _ in range(depth):
        result = [result]
    return result


def print_much(length: int, stream: str) -> str:
    """Print a long text."""
    file = sys.stderr if stream == "stderr" else sys.stdout
    file.write("x" * length)
    file.flush()
    return "printed"


def write_answer(text: str) -> None:
    """Answer with any text, in the way of a process that was taken over."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, text.encode())
        except OSError:
            continue
    os._exit(0)


def signal_process(process: int, number: int) -> str:
    """Send a signal."""
    os.kill(process, number)
    return "sent"


def crash() -> None:
    """Read memory that is not there."""
    ctypes.string_at(0)


def abort() -> None:
    """End as a C program does when a check fails."""
    os.abort()


def fail(words: str) -> None:
    """Raise an exception."""
    raise ValueError(words)


def end(code: int) -> None:
    """End the process without an answer."""
    os._exit(code)


def set_user() -> str:
    """Become another user."""
    os.setuid(12_345)
    return "done"


def set_mode(path: str) -> str:
    """Make a program that runs with its owner's rights."""
    write(path)
    os.chmod(path, 0o4755)
    return "done"


def standing(path: str = "") -> dict[str, Any]:
    """Return what the process is: its account, capabilities, session, file descriptors. The path is of no use."""
    library = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert library.capget(header, data) == 0
    descriptors = []
    for descriptor in range(64):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        descriptors.append(descriptor)
    return {
        "user": os.getuid(), "capabilities": [value for value in data[:5] if value], "process": os.getpid(),
        "session": os.getsid(0), "descriptors": descriptors, "host": os.uname().nodename, "folder": os.getcwd(),
        "arguments": sys.orig_argv, "path": sys.path,
    }  # fmt: skip


def system_calls(numbers: dict[str, int]) -> dict[str, str]:
    """Make system calls with arguments of zeros; return the name of each error, or ``done``."""
    library = ctypes.CDLL(None, use_errno=True)
    results = {}
    for name, number in numbers.items():
        ctypes.set_errno(0)
        value = library.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
        results[name] = "done" if value != -1 else errno.errorcode[ctypes.get_errno()]
    return results


def leave_grandchild(marker: str) -> str:
    """Leave a process behind, in a session of its own, and return once it has started its program."""
    started, theirs = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(3600)", marker])
        os._exit(0)
    os.close(theirs)
    os.read(started, 1)  # the other end is closed by the start of the program
    os.wait()
    return "left"


def main() -> None:
    """Call one of these functions outside the sandbox."""
    action: Callable[..., Any] = globals()[sys.argv[1]]
    print(json.dumps(action(**json.loads(sys.argv[2]))))


if __name__ == "__main__":
    main()
