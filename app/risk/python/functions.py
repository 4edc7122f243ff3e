"""Functions of Python and its libraries, by qualified name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.effects import UNKNOWN as UNKNOWN_CALL
from app.risk.python import libraries, tables
from app.risk.python.values import ANY, DECODERS, Value, count_choices, held_by, one_of
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call


NATIVE = declare(
    "python.native", RiskLevel.HIGH, "Calls native code, which can do anything.",
    "import ctypes\nctypes.CDLL('libc.so.6').reboot(1)", "import math\nmath.sqrt(2)", language="python", unread=True,
)  # fmt: skip

_Function = Callable[["Call"], Value]
KNOWN_FUNCTIONS: dict[str, _Function] = {}
_OS_READS = word_set(
    "getcwd getcwdb getpid getppid getuid geteuid getgid getlogin getloadavg cpu_count uname stat lstat access "
    "fsencode fsdecode fspath get_terminal_size isatty times urandom sched_getaffinity getpgid strerror fstat "
    "readlink close closerange dup pipe read lseek fsync fdatasync get_exec_path umask nice _exit abort wait "
    "waitpid WEXITSTATUS WIFEXITED write get_blocking fdopen PathLike statvfs sync cpu_count device_encoding "
    "getgroups getpriority getxattr listxattr ttyname DirEntry error name"
)
_IN_MODULES = {
    "shutil": word_set("which get_terminal_size ignore_patterns disk_usage get_archive_formats Error"),
    "sys": word_set(
        "exit getsizeof getrecursionlimit setrecursionlimit getdefaultencoding exc_info intern stdout stdin stderr "
        "version platform maxsize path argv flags version_info implementation getrefcount gettrace is_finalizing"
    ),
    "subprocess": word_set("list2cmdline CalledProcessError TimeoutExpired CompletedProcess"),
    "signal": word_set("signal getsignal alarm strsignal pause Signals default_int_handler SIG_DFL"),
    "socket": word_set("gethostname getfqdn inet_aton inet_ntoa htons ntohs setdefaulttimeout AF_INET error timeout"),
    "importlib": word_set("reload invalidate_caches"),
    "pickle": word_set("dump dumps Pickler HIGHEST_PROTOCOL DEFAULT_PROTOCOL PickleError PicklingError"),
    "marshal": word_set("dump dumps"),
}
"""Functions of modules that also have dangerous ones. In other modules of the standard library, all are harmless."""
_DANGEROUS_MODULES = word_set(
    "os shutil sys subprocess signal socket importlib ctypes pty winreg smtplib ftplib telnetlib imaplib poplib "
    "xmlrpc webbrowser code runpy pickle marshal shelve dbm site ensurepip venv posix nt msvcrt urllib.request "
    "http.client http.server socketserver msilib _winapi zipimport pip setuptools"
)


_EACH_CHOICE = (
    tables.DELETES | tables.DELETES_TREE | tables.MOVES | tables.COPIES | tables.CREATES | tables.EMPTIES
    | tables.RIGHTS | tables.READS_FILE | tables.LISTS | tables.SHELL | tables.RUNS | tables.RUNS_LIST
    | tables.RUNS_ARGV | tables.EVALUATES | tables.RUNS_FILE | tables.ASKS | tables.SENDS
)  # fmt: skip
"""Functions of which each possible value of an argument counts by itself."""


def function(names: Iterable[str]) -> Callable[[_Function], _Function]:
    """Add a handler for functions of these qualified names."""

    def register(handler: _Function) -> _Function:
        KNOWN_FUNCTIONS.update(dict.fromkeys(names, handler))
        return handler

    return register


def call_function(made: Call, name: str) -> Value:
    """Find out what a call of a function, class, or module's function would do, and return its value."""
    made.reading.touch(commands=[name.removeprefix("builtins.")] if "." in name else ())
    if not made.method:
        made = replace(made, method=name.rpartition(".")[2])
    if handler := KNOWN_FUNCTIONS.get(name):
        if name in _EACH_CHOICE and (number := count_choices([*made.arguments, *made.keywords.values()])):
            # What a value is depends on a branch or a default: each possibility counts.
            return one_of([handler(made.choosing(place)) for place in range(number)])
        return handler(made)
    if name in DECODERS:
        return DECODERS[name](made.argument(0))
    if name.startswith(tables.NATIVE):
        from app.risk.python.native import call_native

        return call_native(made, name)
    if (value := libraries.call_library(made, name)) is not None:
        return value
    return _unlisted(made, name)


def _unlisted(made: Call, name: str) -> Value:
    module, _, last = name.rpartition(".")
    top = name.split(".")[0]
    if module.startswith("os") and (module.startswith("os.path") or last in _OS_READS):
        return ANY
    if last in _IN_MODULES.get(module, ()):
        return ANY
    if module == "builtins" or (module.split(".")[0] in tables.PURE and module not in _DANGEROUS_MODULES):
        return Value(kind=name, marks=made.marks, held=held_by([*made.arguments, *made.keywords.values()]))
    if top in tables.KNOWN_PACKAGES:
        return libraries.call_known_package(made, name)
    if top == "os" or module in _DANGEROUS_MODULES:
        made.reading.add(UNKNOWN_CALL, f"What {name} does here is not known.", made.line)
    else:
        # The import itself has a finding; what the name says counts, too.
        made.reading.doubt()
        return libraries.call_unread(made, name)
    return Value(kind=name, marks=made.marks)
