"""The SDK installed by itself, as in an agent's own environment: it needs little, and nothing of the portal."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_LOADED = """
import sys
before = set(sys.modules)
import assent
print(assent.__file__)
print(" ".join(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
PORTAL = {"app", "flask", "sqlalchemy", "psycopg", "langgraph", "langchain_core", "eventlet", "socketio", "mcp"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK's wheel, built from a copy of its folder alone."""
    folder = tmp_path_factory.mktemp("sdk")
    shutil.copytree(ROOT / "assent", folder / "assent", ignore=shutil.ignore_patterns("__pycache__", "build"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(folder / "assent")], check=True, cwd=folder)
    [found] = folder.glob("*.whl")
    return found


def test_the_wheel_has_all_of_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("assent/")}
    files = [*(ROOT / "assent").rglob("*.py"), ROOT / "assent" / "py.typed"]
    assert packed == {str(path.relative_to(ROOT)) for path in files if "build" not in path.parts}


def test_it_loads_nothing_of_the_portal(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{_LOADED}"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    place, loaded = ran.stdout.strip().splitlines()
    assert place.startswith(str(tmp_path)) and not PORTAL & set(loaded.split())
