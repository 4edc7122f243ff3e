"""Looks into built wheels: is everything in them that they need, and nothing else?

usage: python -m wheels.inspection FOLDER    prints what is wrong, and exits with 1 if anything is
"""

from __future__ import annotations

import ast
import configparser
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from functools import cache
from pathlib import Path

from wheels.renaming import PACKAGE, ROOTS

TOP = Path(__file__).resolve().parents[1]
LARGEST = {"assent_portal": 4_500_000, "assent_sdk": 1_200_000}
"""Bytes of a wheel; more means that something got in that should not. The router's arrays take 750,000 of the SDK's."""
_OURS = {"assent_portal": PACKAGE, "assent_sdk": "assent"}
_UNWANTED = (".map", ".pyc", ".mako", ".toml", ".lock", ".orig", ".rej")
_NEEDED = (
    "wsgi.py", "templates/base.html", "migrations/env.py", "migrations/versions/0001_first.py", "static/icon.svg",
    "static/dist/app.css", "static/dist/app.css.gz", "static/dist/app.js", "static/dist/app.js.gz",
    "static/dist/licenses.txt", "policies.yaml",
)  # fmt: skip


class Wheel:
    """A built wheel.

    Attributes:
        name: of the distribution, as its file has it.
        version: of the distribution.
        files: all of its files, by name.
        size: in bytes.
    """

    def __init__(self, path: Path) -> None:
        self.name, self.version = path.name.split("-")[:2]
        self.size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}

    @property
    def metadata(self) -> Message:
        """Its metadata."""
        return BytesParser().parsebytes(self.files[f"{self.name}-{self.version}.dist-info/METADATA"])

    @property
    def entry_points(self) -> list[str]:
        """All that it names as ``module:attribute``, or as ``module``."""
        parser = configparser.ConfigParser()
        parser.read_string(self.files[f"{self.name}-{self.version}.dist-info/entry_points.txt"].decode())
        return [value for section in parser.sections() for _, value in parser.items(section)]

    def module(self, name: str) -> bytes | None:
        """The source of a module; None if it has none of that name."""
        path = name.replace(".", "/")
        return self.files.get(f"{path}.py", self.files.get(f"{path}/__init__.py"))


def problems(portal: Wheel, sdk: Wheel) -> Iterator[str]:
    """What is wrong with the two wheels of a release."""
    if portal.version != sdk.version:
        yield f"the portal is {portal.version}, and the SDK {sdk.version}"
    if f"assent-sdk=={portal.version}" not in (portal.metadata.get_all("Requires-Dist") or []):
        yield "the portal does not require the SDK of its own version"
    for wheel in (portal, sdk):
        for problem in _of_one(wheel):
            yield f"{wheel.name}: {problem}"
    for problem in _missing(portal):
        yield f"{portal.name}: {problem}"


def _of_one(wheel: Wheel) -> Iterator[str]:
    information = f"{wheel.name}-{wheel.version}.dist-info"
    package = _OURS[wheel.name]
    for name in wheel.files:
        if name.split("/")[0] not in (package, information):
            yield f"{name} would be installed beside it"
        if name.endswith(_UNWANTED) or "/tests/" in name:
            yield f"{name} is not for those who install it"
    if wheel.size > LARGEST[wheel.name]:
        yield f"it has {wheel.size} bytes, more than {LARGEST[wheel.name]}"
    if wheel.metadata["License-Expression"] != "Apache-2.0" or f"{information}/licenses/LICENSE" not in wheel.files:
        yield "its license is missing"
    for point in wheel.entry_points:
        module, _, attribute = point.partition(":")
        source = wheel.module(module)
        if source is None or (attribute and attribute not in _defined(source)):
            yield f"the entry point {point} leads nowhere"
    for name, content in wheel.files.items():
        if name.endswith(".py"):
            yield from _of_imports(wheel, name, content, package)


def _of_imports(wheel: Wheel, name: str, content: bytes, package: str) -> Iterator[str]:
    for module, line in _imported(content):
        first = module.partition(".")[0]
        if first in ROOTS:
            yield f"{name}:{line} imports {module}, which may be anybody's"
        elif first == PACKAGE and package != PACKAGE:
            yield f"{name}:{line} imports the portal"
        elif (
            first == package and wheel.module(module) is None and f"{module.replace('.', '/')}/" not in _folders(wheel)
        ):
            yield f"{name}:{line} imports {module}, which is not there"


@cache
def _imported(source: bytes) -> list[tuple[str, int]]:
    """The modules that a module imports by their whole names, and in which lines."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append((node.module, node.lineno))
    return found


def _folders(wheel: Wheel) -> set[str]:
    return {f"{name.rpartition('/')[0]}/" for name in wheel.files}


def _defined(source: bytes) -> set[str]:
    """The names that a module's statements bind."""
    found: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _missing(portal: Wheel) -> Iterator[str]:
    """What the checkout has and the portal's wheel has not."""
    for name in _NEEDED:
        if f"{PACKAGE}/{name}" not in portal.files:
            yield f"{name} is missing"
    for folder, pattern in (("app", "*.py"), ("workflows", "*.py"), ("migrations", "*.py"), ("templates", "*.html")):
        for path in (TOP / folder).rglob(pattern):
            if f"{PACKAGE}/{path.relative_to(TOP).as_posix()}" not in portal.files:
                yield f"{path.relative_to(TOP)} is missing"
    notices = portal.files.get(f"{PACKAGE}/static/dist/licenses.txt", b"").decode()
    for package in ("@codemirror/state", "htmx.org", "socket.io-client"):
        if f"\n{package} " not in notices:
            yield f"the license of {package} is missing"


def main() -> None:
    """Look into the wheels of a folder, which holds one of the portal and one of the SDK."""
    folder = Path(sys.argv[1])
    [portal], [sdk] = list(folder.glob("assent_portal-*.whl")), list(folder.glob("assent_sdk-*.whl"))
    found = list(problems(Wheel(portal), Wheel(sdk)))
    for problem in found:
        print(problem, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
