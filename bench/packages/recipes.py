"""Recipes of installers: how each is built, and what is true of it by construction, never by our own analysis."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workflows.package_deployment.analysis import Architecture, Scope, Technology


class MissingToolError(Exception):
    """A recipe cannot be carried out on this machine. The message names what is missing."""


@dataclass(frozen=True)
class Truth:
    """What is true of an installer; None: nothing is claimed."""

    technology: Technology
    product_code: str | None = None
    upgrade_code: str | None = None
    version: str | None = None
    architecture: Architecture | None = None
    scope: Scope | None = None
    name: str | None = None
    manufacturer: str | None = None
    bundle_id: str | None = None
    source: str = "recipe"
    """From where it is known: the recipe, or a tool or document that is not ours."""


@dataclass(frozen=True)
class Recipe:
    """An installer that can be built here."""

    name: str
    truth: Truth
    build: Callable[[Path], Path]
    """Builds it in an empty folder, and returns its path. Raises MissingToolError."""
    held_back: bool = False
    """Whether those who write the analyzer see only counts for it."""
    tags: tuple[str, ...] = field(default=())


def tool(name: str) -> str:
    """Return the path of a program. Raises MissingToolError."""
    if found := shutil.which(name):
        return found
    raise MissingToolError(name)


def run(*command: str | Path, within: Path | None = None, seconds: float = 300) -> str:
    """Run a program and return what it prints.

    Raises:
        RuntimeError: it failed; with what it printed.
    """
    done = subprocess.run(
        [str(part) for part in command], cwd=within, capture_output=True, text=True, errors="replace", timeout=seconds
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
