"""Escape attempts: each is really made inside the sandbox, by root's and by an ordinary account's, and once outside."""

from __future__ import annotations

import os
import platform
import secrets
import select
import signal
import socket
import sys
from pathlib import Path

from assent.sandbox.view import interpreter
from tests.sandbox.accounts import ROOT, Caller, unsandboxed

GONE = "ENOENT"


def test_result_and_file_arrive(sandboxed: Caller, shared: Path) -> None:
    file = shared / "installer.msi"
    assert sandboxed("read", files={"path": file}) == len(b"an installer")
    assert sandboxed("echo", word="ä 😀") == {"word": "ä 😀"}
    assert sandboxed("echo", word="ä", number=[1, None, {"a": 2.5}]) == {"word": "ä", "number": [1, None, {"a": 2.5}]}
    assert sandboxed("echo", files={"path": file}) == {"path": "/files/path"}


def test_files_of_the_machine_cannot_be_read(sandboxed: Caller, shared: Path) -> None:
    secret = shared / "secret.txt"
    secret.write_text("a secret")
    secret.chmod(0o644)
    project = str(ROOT / "pyproject.toml")
    readable = ["/etc/passwd", "/proc/1/cmdline", f"/proc/{os.getpid()}/environ", str(secret), project]
    if os.geteuid() == 0:
        readable.append("/etc/shadow")
    reads = [{"action": "read", "path": path} for path in readable]
    assert GONE not in unsandboxed("attempts", calls=reads)
    assert sandboxed("attempts", calls=reads) == [GONE] * len(reads)
    folders = ("/proc", "/sys", "/home", "/tmp", "/var", "/run", str(ROOT), str(ROOT / ".git"), str(shared))
    lists = [{"action": "listing", "path": path} for path in folders]
    assert sandboxed("attempts", calls=lists) == [GONE] * len(lists)
    assert "conftest.py" in sandboxed("listing", path="/code/tests/sandbox"), "the function's own code can be read"
    assert set(sandboxed("listing", path="/code")) == {"assent", "tests"}


def test_home_holds_nothing_but_python(sandboxed: Caller) -> None:
    home = str(Path.home())
    assert unsandboxed("attempt", action="listing", path=home)
    names = sandboxed("attempt", action="listing", path=home)
    python = Path(sys.base_prefix).resolve()
    assert names == GONE or [name for name in names if not python.is_relative_to(Path(home, name))] == []


def test_environment_is_empty(sandboxed: Caller) -> None:
    assert set(sandboxed("environment")) <= {
        "LANG", "MALLOC_ARENA_MAX", "OPENBLAS_NUM_THREADS", "PWD", "TMPDIR", "LC_CTYPE",
    }  # fmt: skip


def test_nothing_can_be_written_but_scratch(sandboxed: Caller, shared: Path) -> None:
    file = shared / "installer.msi"
    assert unsandboxed("writable", top=str(shared)) == [str(shared)]
    assert sandboxed("writable", files={"path": file}, top="/") == []
    scratch = {"scratch_bytes": 1 << 20}
    assert sandboxed("attempt", limits=scratch, action="write", path="/file") == "EROFS"
    assert sandboxed("write", limits=scratch, path="/scratch/file") == "written"


def test_input_file_cannot_be_changed(sandboxed: Caller, shared: Path) -> None:
    file = shared / "installer.msi"
    for action in ("change", "replace"):
        assert sandboxed("attempt", files={"path": file}, action=action) == "EROFS"
        assert file.read_bytes() == b"an installer"
    assert unsandboxed("attempt", action="change", path=str(file)) == "changed"


def test_symbolic_links_lead_nowhere(sandboxed: Caller, shared: Path) -> None:
    assert unsandboxed("attempt", action="link", target="/etc/passwd", place=str(shared / "link")) > 0
    answer = sandboxed(
        "attempt", limits={"scratch_bytes": 1 << 20}, action="link", target="/etc/passwd", place="/scratch/link"
    )
    assert answer == GONE


def test_scratch_is_bounded(sandboxed: Caller) -> None:
    written, error = sandboxed("fill", limits={"scratch_bytes": 4 << 20}, folder="/scratch")
    assert written == 4 << 20 and error in ("EFBIG", "ENOSPC")


def test_no_network(sandboxed: Caller) -> None:
    name = f"assent-test-{secrets.token_hex(8)}"
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local,
    ):
        receiver.bind(("127.0.0.1", 0))
        local.bind(f"\0{name}")
        local.listen()
        tcp = {"action": "connect", "host": "127.0.0.1", "port": listener.getsockname()[1]}
        udp = {"action": "send", "host": "127.0.0.1", "port": receiver.getsockname()[1]}
        unix = {"action": "connect_locally", "name": name}
        assert [unsandboxed("attempt", **attempt) for attempt in (tcp, udp, unix)] == ["connected", "sent", "connected"]
        listener.accept()[0].close()
        receiver.recv(10)
        local.accept()[0].close()
        assert [sandboxed("attempt", **attempt) for attempt in (tcp, udp, unix)] == ["EPERM"] * 3
        assert select.select([listener, receiver, local], [], [], 0)[0] == []


def test_no_names_are_resolved(sandboxed: Caller) -> None:
    assert unsandboxed("attempt", action="resolve", name="localhost") in ("127.0.0.1", "::1")
    assert "." not in str(sandboxed("attempt", action="resolve", name="localhost"))


def test_no_processes_and_no_threads(sandboxed: Caller) -> None:
    python = interpreter()
    assert unsandboxed("attempt", action="fork") == "forked"
    assert unsandboxed("attempt", action="start_thread") == "started"
    assert unsandboxed("attempt", action="start", program=python) == 0
    assert sandboxed("attempt", action="fork") == "EPERM"
    assert sandboxed("attempt", action="start_thread") == "can't start new thread"
    assert sandboxed("attempt", action="start", program=python) == "EPERM"


def test_threads_that_were_asked_for(sandboxed: Caller) -> None:
    limits = {"threads": 4}
    assert sandboxed("attempt", limits=limits, action="start_thread") == "started"
    assert sandboxed("attempt", limits=limits, action="fork") == "EPERM"
    assert sandboxed("attempt", limits=limits, action="start", program=interpreter()) == "EPERM"
    if not sandboxed.is_root:  # the kernel does not count the threads of root
        assert sandboxed("attempt", limits=limits, action="keep_threads", count=3) == 3
        assert sandboxed("attempt", limits=limits, action="keep_threads", count=8) == "can't start new thread"


def test_signals_do_not_leave(sandboxed: Caller) -> None:
    assert unsandboxed("attempt", action="signal_process", process=os.getpid(), number=0) == "sent"
    for process in (os.getpid(), os.getppid(), sandboxed.process.pid, -sandboxed.process.pid):
        assert sandboxed("attempt", action="signal_process", process=process, number=signal.SIGKILL) == "ESRCH"
    # All processes that it sees are its own: the first one of the sandbox ignores it, and nobody else gets it.
    assert sandboxed("attempt", action="signal_process", process=-1, number=signal.SIGTERM) in ("sent", "ESRCH")
    assert sandboxed("echo", still="here") == {"still": "here"}


def test_no_privileges(sandboxed: Caller, shared: Path) -> None:
    standing = sandboxed("standing", files={"path": shared / "installer.msi"})
    assert standing["user"] == 65534
    assert standing["capabilities"] == []
    assert standing["descriptors"] == [0, 1, 2, 3], "standard streams, and the one for the answer"
    assert (standing["host"], standing["folder"]) == ("sandbox", "/")
    assert standing["process"] < 10 and standing["session"] in (0, standing["process"], 1)
    assert str(ROOT) not in str(standing)
    assert sandboxed("attempt", action="set_user") == "EPERM"


REFUSED = {  # on x86-64, and on 64-bit ARM
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "clone": (56, 220), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "socket": (41, 198), "socketpair": (53, 199),
    "connect": (42, 203), "bind": (49, 200), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "sethostname": (170, 161), "setuid": (105, 146), "setgid": (106, 144),
    "setresuid": (117, 147), "setgroups": (116, 159), "capset": (126, 91), "seccomp": (317, 277),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "execveat": (322, 281),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "mount_setattr": (442, 442), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "landlock_create_ruleset": (444, 444), "syslog": (103, 116), "quotactl": (179, 60), "acct": (163, 89),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "personality": (135, 92),
    "vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77), "fanotify_init": (300, 262),
    "inotify_init1": (294, 26), "setxattr": (188, 5), "lookup_dcookie": (212, 18), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "mbind": (237, 235), "kcmp": (312, 272), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "ioprio_set": (251, 30), "timer_create": (222, 107), "mknodat": (259, 33),
    "fchownat": (260, 54), "prctl of another kind": (157, 167),
}  # fmt: skip


def test_system_calls_are_refused(sandboxed: Caller) -> None:
    column = ["x86_64", "aarch64"].index(platform.machine())
    numbers = {name: both[column] for name, both in REFUSED.items()}
    answers = sandboxed("system_calls", numbers=numbers)
    assert {name for name, answer in answers.items() if answer != "EPERM"} == set()
    assert sandboxed("system_calls", numbers={"clone3": 435, "newer than all": 500}) == {
        "clone3": "ENOSYS", "newer than all": "ENOSYS",
    }  # fmt: skip


def test_modes_that_give_rights_do_nothing(sandboxed: Caller) -> None:
    answer = sandboxed("attempt", limits={"scratch_bytes": 1 << 20}, action="set_mode", path="/scratch/program")
    assert answer == "done", "the mode can be set, in a folder that is mounted without such rights"
