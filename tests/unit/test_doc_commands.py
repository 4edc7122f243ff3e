"""Every command of every document: the portal's own are understood as they stand there, others are listed with why.

Commands with effects of their own are run by the tests that are named below; here it is shown for all of them that the
command, its options, and the settings exist.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.cli.main import cli
from app.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BACKUP = "tests/live/test_restoring.py, tests/cli/test_backup.py"
_WHEELS = "tests/packaging installs the wheels of bin/release"
ELSEWHERE = {
    "bin/setup": "bin/test begins with it",
    "bin/dev": "tests/acceptance/test_first_minute.py",
    "bin/test": "runs this",
    "bin/lint": "CI runs it",
    ".ci/run": "is CI",
    "bin/release": "tests/packaging/test_release.py",
    "pip": _WHEELS,
    "pipx": f"{_WHEELS} with pip",
    "uv": f"{_WHEELS} with pip",
    "assent-hook": "tests/sdk/test_hook_command.py",
    "assent-mcp": "tests/mcp",
    "assent-langgraph-server": "tests/langgraph_server/test_example.py",
    "python": "tests/sdk/test_examples.py",
    "curl": "tests/api makes the same calls",
    "claude": "a coding agent, which needs an account",
    "pg_dump": _BACKUP,
    "pg_restore": _BACKUP,
    "apt": "bin/test installs the same",
    "export": "the settings are checked below",
    **dict.fromkeys(("mkdir", "cd", "ls", "touch", "head", "cp", "while", "done"), "of the shell"),
}
"""Other programs, with what runs them, or why nothing does."""
NO_SETTINGS = {"ASSENT_URL", "ASSENT_TOKEN"}
"""Variables of the SDK."""


def lines() -> Iterator[tuple[str, str]]:
    """The lines of all blocks of shell, with the document; what a quoted text continues is one line."""
    for path in DOCUMENTS:
        for block in re.findall(r"(?ms)^```(?:sh|bash)\n(.*?)^```", path.read_text()):
            held = ""
            for line in block.replace("\\\n", " ").splitlines():
                held = f"{held}\n{line}" if held else line
                try:
                    shlex.split(held, comments=True)
                except ValueError:
                    continue  # a quotation is still open
                if held.strip():
                    yield path.relative_to(ROOT).as_posix(), held
                held = ""
            assert not held, f"{path.name}: a quotation that does not end: {held}"


def calls() -> list[tuple[str, list[str]]]:
    """Each command with its words, without assignments before it; the parts of `a && b` are two."""
    found = []
    for document, line in lines():
        for part in line.split(" && "):
            words = shlex.split(part, comments=True)
            if re.match(r"\w+=\$\(", part.strip()):
                continue  # an assignment of what a command prints, and more of the kind
            while words and re.match(r"[A-Za-z_]+=", words[0]):
                words.pop(0)
            if words:
                found.append((document, words))
    return found


OURS = [(document, words) for document, words in calls() if words[0] in ("assent", "bin/assent")]


@pytest.mark.parametrize(("document", "words"), OURS, ids=lambda given: given if isinstance(given, str) else "")
def test_commands_are_understood(document: str, words: list[str]) -> None:
    command: click.Command = cli
    arguments, context = words[1:], click.Context(cli)
    while isinstance(command, click.Group):
        sub = command.get_command(context, arguments[0])
        assert sub is not None, f"{document}: there is no command {arguments[0]!r} in {words}"
        command, arguments = sub, arguments[1:]
    try:
        command.make_context(str(command.name), arguments)
    except click.exceptions.Exit:
        assert "--help" in words
    except click.UsageError as error:
        # The files of examples are those of readers.
        missing = ("does not exist", "No such file")
        assert any(word in error.format_message() for word in missing), f"{document}: {words}: {error.format_message()}"


def test_other_programs_are_known() -> None:
    known = {words[0] for _, words in calls()} - {"assent", "bin/assent"}
    assert known == set(ELSEWHERE)
    for where in ELSEWHERE.values():
        for path in re.findall(r"tests/[\w./]+", where):
            assert (ROOT / path.rstrip(",")).exists(), path


def test_settings_in_documents_exist() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NO_SETTINGS
    named = {name for _, line in lines() for name in re.findall(r"\b(ASSENT_[A-Z0-9_]+)=", line)}
    assert {name for name in named - known if not name.startswith("ASSENT_TARGET_")} == set()


def test_packages_that_are_not_published_are_installed_from_the_wheels() -> None:
    for document, words in calls():
        ours = any(word.startswith(("assent-sdk", "assent-portal")) for word in words)
        if words[0] in ("pip", "pipx", "uv") and ours:
            assert any("--find-links" in word for word in words), f"{document}: {' '.join(words)}"
