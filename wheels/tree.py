"""The files of the portal's wheel: the checkout's folders inside one package, with what refers to them renamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wheels.renaming import PACKAGE, Renamer

SOURCES = ("app", "workflows", "migrations")
"""Folders of Python packages and of what lies in them."""
_MODULES = ("wsgi.py",)
_POLICY = "policies.yaml"
"""The policy of the demo."""
_TAKEN = (".py", ".html", ".txt", ".json", ".bin")
_LEFT = (".pyc", ".mako")
"""Caches, and the template from which new migrations are written."""


_DOCSTRING = b'"""The portal. It is started with the command `assent`; no name in here is an interface."""\n'


class StrayFileError(Exception):
    """A folder that is shipped holds a file that nobody has decided about."""


def files(top: Path) -> Iterator[tuple[str, bytes]]:
    """The path in the wheel, and the content, of each of the portal's files.

    Args:
        top: of the checkout, with the front end built.

    Raises:
        StrayFileError: a file is of no known kind.
        UnknownReferenceError: a module is referred to in a way that cannot be renamed.
    """
    renamer = Renamer(top)
    yield f"{PACKAGE}/__init__.py", _DOCSTRING
    for path in _sources(top):
        name = path.relative_to(top).as_posix()
        content = path.read_bytes()
        if path.suffix == ".py":
            content = renamer.renamed(content.decode(), name).encode()
        yield f"{PACKAGE}/{name}", content
    for path in [*_all(top / "templates"), *_static(top / "static"), top / _POLICY]:
        yield f"{PACKAGE}/{path.relative_to(top).as_posix()}", path.read_bytes()


def _sources(top: Path) -> Iterator[Path]:
    for module in _MODULES:
        yield top / module
    for folder in SOURCES:
        yield from _all(top / folder)


def _all(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix in _LEFT:
            continue
        if path.suffix not in _TAKEN or path.is_symlink():
            raise StrayFileError(f"{path}: is it to be shipped? Only {', '.join(_TAKEN)} are.")
        yield path


def _static(folder: Path) -> Iterator[Path]:
    """What browsers fetch: the bundles and the icon, without the sources of the bundles and without their maps."""
    yield folder / "icon.svg"
    for path in sorted((folder / "dist").rglob("*")):
        if path.is_file() and path.suffix in (".js", ".css", ".gz", ".txt"):
            yield path
