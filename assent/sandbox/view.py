"""What sandboxed code can see: the parts of the file system, and the command line for bubblewrap.

Python itself and the system's libraries lie where they lie outside; code, packages, and input files have fixed places,
so that none of their real paths is known inside.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from assent.sandbox.errors import SandboxUnavailableError

CODE, PACKAGES, FILES, SCRATCH = "/code", "/packages", "/files", "/scratch"
PROGRAM = "/call.py"
_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/nix/store")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_NOBODY = "65534"
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class View:
    """What is mounted.

    Attributes:
        arguments: for bubblewrap.
        import_path: of Python in the sandbox.
        files: the paths that the input files have in the sandbox.
    """

    arguments: list[str]
    import_path: list[str]
    files: dict[str, str]


def find_bubblewrap() -> str:
    """Return the path of `bwrap`. Raises SandboxUnavailableError."""
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailableError(
            "Untrusted files are read in a sandbox of Linux only. Run the worker on Linux, with bubblewrap installed."
        )
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailableError(
            "Untrusted files are read in a sandbox only, and bubblewrap is not installed. Install the package "
            "`bubblewrap`, 0.8 or later (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap)."
        )
    return found


@contextmanager
def opened(files: Mapping[str, str | os.PathLike[str]]) -> Iterator[dict[str, int]]:
    """Open the input files, and close them again: what is mounted is what was opened, even if files are moved.

    Raises:
        OSError: A file cannot be read, or is not an ordinary file.
        ValueError: A file has a name that is no Python name.
    """
    descriptors: dict[str, int] = {}
    try:
        for name, path in files.items():
            descriptors[name] = _opened(name, path)
        yield descriptors
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


@cache
def can_bind_opened(bubblewrap: str) -> bool:
    """Whether it can mount what is open: since version 0.10, and in Debian's 0.8."""
    try:
        done = subprocess.run([bubblewrap, "--help"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    return "--ro-bind-fd" in done.stdout + done.stderr


def view_of(bubblewrap: str, modules: Sequence[str], files: Mapping[str, int], scratch_bytes: int) -> View:
    """Return what a function sees that uses these modules and opened files. Raises ModuleNotFoundError."""
    arguments = [*_system(), "--ro-bind", str(Path(__file__).with_name("child.py").resolve()), PROGRAM]
    import_path = []
    packages = _installed()
    for number, folder in enumerate(packages):
        arguments += ["--ro-bind", str(folder), f"{PACKAGES}/{number}"]
        import_path.append(f"{PACKAGES}/{number}")
    for place in _linked(packages):
        arguments += ["--ro-bind", place, place]
    for name in ("assent", *modules):
        arguments += _code(name, packages)
    places = {}
    for name, descriptor in files.items():
        places[name] = f"{FILES}/{name}"
        if can_bind_opened(bubblewrap):
            arguments += ["--ro-bind-fd", str(descriptor), places[name]]
        else:  # looks up where the file lies now, a moment before it is mounted
            arguments += ["--ro-bind", f"/proc/self/fd/{descriptor}", places[name]]
    if scratch_bytes:
        arguments += ["--size", str(scratch_bytes), "--tmpfs", SCRATCH]
    arguments += ["--remount-ro", "/"]
    return View(arguments, [CODE, *import_path], places)


def isolation() -> list[str]:
    """Return bubblewrap's arguments that are the same for all calls, apart from file descriptors."""
    return [
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
        "--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox", "--die-with-parent", "--new-session",
        "--cap-drop", "ALL", "--clearenv", "--chdir", "/",
        "--setenv", "LANG", "C.UTF-8", "--setenv", "MALLOC_ARENA_MAX", "1", "--setenv", "OPENBLAS_NUM_THREADS", "1",
    ]  # fmt: skip


def interpreter() -> str:
    """Return the path of the interpreter, outside any virtual environment."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())


def _system() -> list[str]:
    arguments = []
    for folder in _LIBRARIES:
        place = Path(folder)
        if place.is_symlink():
            arguments += ["--symlink", str(place.readlink()), folder]
        elif place.is_dir():
            arguments += ["--ro-bind", folder, folder]
    for device in _DEVICES:
        arguments += ["--dev-bind", device, device]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    prefixes = {Path(sys.base_prefix).resolve(), Path(sys.base_exec_prefix).resolve()}
    for place in (prefix / folder for prefix in sorted(prefixes) for folder in ("lib", "lib64")):
        if place.is_dir() and not place.is_symlink() and str(place) not in _LIBRARIES:
            arguments += ["--ro-bind", str(place), str(place)]
    return [*arguments, "--ro-bind", interpreter(), interpreter()]


def _installed() -> list[Path]:
    """Return the folders of installed packages on the import path, in its order."""
    known = {Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages())}
    folders = [Path(entry).resolve() for entry in sys.path if entry]
    found = [folder for folder in folders if folder in known or folder.name in _PACKAGE_FOLDERS]
    return list(dict.fromkeys(folder for folder in found if folder.is_dir()))


def _linked(packages: Iterable[Path]) -> list[str]:
    """Return what installed packages are linked to, which some installers do to have them once on a machine."""
    found = set()
    for folder in packages:
        for entry in os.scandir(folder):
            if entry.is_symlink() and (target := Path(entry.path).resolve()).exists():
                found.add(target.parent if target.parent.name in _PACKAGE_FOLDERS else target)
    return sorted(str(place) for place in found if not _is_within(place, packages))


def _code(name: str, packages: Iterable[Path]) -> list[str]:
    """Return the arguments that mount a module or package at its place below `CODE`, if it is not an installed one."""
    parents, _, _ = name.rpartition(".")
    arguments = []
    for parent in _prefixes(parents):  # their `__init__` modules only
        initial = _origin(parent)
        if initial and not _is_within(initial, packages):
            arguments += ["--ro-bind", str(initial), f"{CODE}/{parent.replace('.', '/')}/{initial.name}"]
    place = _folder(name) or _origin(name)
    if place is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    if _is_within(place, packages):
        return arguments
    suffix = place.suffix if place.is_file() else ""
    return [*arguments, "--ro-bind", str(place), f"{CODE}/{name.replace('.', '/')}{suffix}"]


def _prefixes(name: str) -> list[str]:
    parts = name.split(".") if name else []
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _spec(name: str) -> ModuleSpec:
    """Find a module or package without importing it; its parents are imported."""
    try:
        spec = find_spec(name)
    except ValueError:  # a module that was not imported as one, such as `__main__`
        spec = None
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return spec


def _folder(name: str) -> Path | None:
    """Return the folder of a package."""
    places = list(_spec(name).submodule_search_locations or ())
    return Path(places[0]).resolve() if places else None


def _origin(name: str) -> Path | None:
    """Return the file of a module."""
    spec = _spec(name)
    return Path(spec.origin).resolve() if spec.has_location and spec.origin else None


def _is_within(place: Path, folders: Iterable[Path]) -> bool:
    return any(place.is_relative_to(folder) for folder in folders)


def _opened(name: str, path: str | os.PathLike[str]) -> int:
    """Open an input file, which must be an ordinary one."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name for a file in the sandbox: use a Python name.")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # which does not wait for a pipe's writer
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise FileNotFoundError(f"{path} is not a file.")
        if os.geteuid() == 0 != state.st_uid and not state.st_mode & 0o004:
            raise PermissionError(
                f"{path} belongs to another account, and the sandbox, which has no privileges, cannot read it."
            )
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
