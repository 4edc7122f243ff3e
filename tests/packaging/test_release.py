"""`bin/release` tags what it has built and checked, and refuses before it builds what should not be released."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from assent.version import VERSION

ROOT = Path(__file__).parents[2]
SIGNED = os.environ | {
    f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this repository that can be released: on main, committed, its version in the changelog, and no tags."""
    folder = tmp_path / "copy"
    files = git(ROOT, "ls-files").splitlines()
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {VERSION}\n")
    (folder / ".gitignore").write_text(f"{(folder / '.gitignore').read_text()}\n.venv\nnode_modules\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def git(folder: Path, *words: str) -> str:
    """What a command of git prints."""
    done = subprocess.run(["git", *words], cwd=folder, env=SIGNED, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")


def release(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run(["bash", "bin/release"], cwd=folder, env=SIGNED, capture_output=True, text=True, check=False)


def change_a_file(folder: Path) -> None:
    (folder / "CHANGELOG.md").write_text(f"## {VERSION}\n\nMore.\n")


def leave_main(folder: Path) -> None:
    git(folder, "switch", "--quiet", "--create", "other")


def release_before(folder: Path) -> None:
    git(folder, "tag", f"v{VERSION}")


def write_no_section(folder: Path) -> None:
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    commit(folder)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (change_a_file, "changes that are not committed"),
        (leave_main, "from the branch main"),
        (release_before, f"v{VERSION} exists already"),
        (write_no_section, "has no section"),
    ],
)
def test_what_should_not_be_released_is_refused(checkout: Path, spoil: Callable[[Path], None], complaint: str) -> None:
    spoil(checkout)
    before = git(checkout, "tag")
    done = release(checkout)
    assert (done.returncode, complaint in done.stderr, git(checkout, "tag")) == (1, True, before), done.stderr


@pytest.mark.soak  # it builds both wheels and the front end once more
def test_a_release_is_built_checked_and_tagged(checkout: Path) -> None:
    done = release(checkout)
    assert done.returncode == 0, done.stderr
    assert git(checkout, "tag", "--points-at", "HEAD") == f"v{VERSION}"
    assert len(list((checkout / "dist").glob("*.whl"))) == 2
    assert git(checkout, "status", "--porcelain") == ""
