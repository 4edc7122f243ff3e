"""Clean environments for tests: an interpreter, the wheels under test, and of the packages that tests were installed
with only those that the wheels' metadata asks for."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

INSTALLED = Path(sysconfig.get_path("purelib"))


class Environment:
    """A virtual environment of its own.

    Attributes:
        python: its interpreter.
        site: where its packages lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / "bin" / "python"
        [self.site] = folder.glob("lib/python3*/site-packages")

    def command(self, name: str) -> Path:
        """The program of that name that a wheel brought."""
        return self.folder / "bin" / name

    def unpack(self, *wheels: Path) -> None:
        """Install wheels as pip does, without what they require."""
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.python),
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
        ]
        subprocess.run([*pip, *map(str, wheels)], check=True)

    def install(self, *wheels: Path, extras: Iterable[str] = ()) -> None:
        """Install wheels, and link what they require from the packages of the tests' environment.

        Args:
            wheels: to be installed.
            extras: of theirs, whose requirements are linked as well.
        """
        self.unpack(*wheels)
        ours = {found.metadata["Name"]: found for found in metadata.distributions(path=[str(self.site)])}
        wanted = [requirement for found in ours.values() for requirement in _required(found, extras)]
        done = set()
        while wanted:
            requirement = wanted.pop()
            key = (_same(requirement.name), *sorted(requirement.extras))
            if key in done or key[0] in map(_same, ours):
                continue
            done.add(key)
            found = metadata.distribution(requirement.name)
            self._link(found)
            wanted += _required(found, requirement.extras)

    def _link(self, found: metadata.Distribution) -> None:
        """Make a package of the tests' environment visible here, by links."""
        for name in {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")}:
            link = self.site / name
            if not link.exists():
                link.symlink_to(INSTALLED / name)


def _required(found: metadata.Distribution, extras: Iterable[str]) -> list[Requirement]:
    """What a package needs here, with some of its extras."""
    requirements = map(Requirement, found.requires or ())
    chosen = [{"extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or any(requirement.marker.evaluate(extra) for extra in chosen)
    ]


def _same(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
