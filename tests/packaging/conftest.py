"""The wheels of a release, built and checked as `bin/release` does, and environments with nothing but them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.environments import Environment
from tests.packaging.portal import InstalledPortal
from wheels.inspection import Wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both wheels."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([str(ROOT / "bin" / "release"), "--check", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def portal_wheel(dist: Path) -> Path:
    """The portal's."""
    [found] = dist.glob("assent_portal-*.whl")
    return found


@pytest.fixture(scope="session")
def sdk_wheel(dist: Path) -> Path:
    """The SDK's."""
    [found] = dist.glob("assent_sdk-*.whl")
    return found


@pytest.fixture
def contents(portal_wheel: Path, sdk_wheel: Path) -> tuple[Wheel, Wheel]:
    """What is in both, the portal's first; a test may change it."""
    return Wheel(portal_wheel), Wheel(sdk_wheel)


@pytest.fixture(scope="session")
def portal_environment(tmp_path_factory: pytest.TempPathFactory, portal_wheel: Path, sdk_wheel: Path) -> Environment:
    """An environment with the portal, and with other people's packages whose names are like the checkout's folders."""
    environment = Environment(tmp_path_factory.mktemp("portal") / "env")
    environment.install(portal_wheel, sdk_wheel)
    for name in ("app", "workflows", "migrations", "templates"):
        (environment.site / name).mkdir()
        (environment.site / name / "__init__.py").write_text("raise RuntimeError('somebody else is imported')\n")
    return environment


@pytest.fixture(scope="session")
def portal(portal_environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledPortal]:
    """`assent serve` of the installed portal, in a folder with an `app` and a `workflows` of its user."""
    with InstalledPortal(portal_environment.command("assent"), tmp_path_factory.mktemp("mine")) as running:
        yield running
