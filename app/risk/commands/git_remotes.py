"""git: what is sent to other repositories, and what comes from them."""

from __future__ import annotations

import re

from app.risk.commands.git import CRITICAL, DELETES_SHARED, FORCES, GIT, HIGH, MEDIUM
from app.risk.commands.git_settings import RUNS_CODE, read_address, read_setting
from app.risk.commands.known_files import holds_secrets, note_download, note_secrets, secrets_here
from app.risk.commands.subcommands import Given
from app.risk.effects import SENDS_SECRET, connect
from app.risk.reading import Reading
from app.risk.words import Word

GIT.takes("push", "-o --push-option --repo --receive-pack --exec")


@GIT.reader("push, send-pack")
def _push(given: Given, reading: Reading) -> None:
    targets = given.texts[1:]
    if given.operands:
        _remote(given.operands[0], reading, sends=True)
    if holds_secrets(reading, _COMMITS):
        reading.add(SENDS_SECRET, "This sends secrets that have been added to the repository.", given.line)
    if given.has("--receive-pack", "--exec"):
        given.note(reading, RUNS_CODE, "This runs a program on the other side.")
    if given.has("--mirror", "--prune"):
        words = "This makes the remote like the local copy: branches and tags of others are deleted."
        reading.add(DELETES_SHARED, words, given.line, CRITICAL if given.has("--mirror") else HIGH)
    if given.has("-d", "--delete") or any(text.startswith(":") and len(text) > 1 for text in targets):
        given.note(reading, DELETES_SHARED, "This deletes at the remote: {what}.")
    forced = given.has("-f", "--force", "--force-with-lease", "--force-if-includes")
    if forced or any(text.startswith("+") for text in targets):
        words = "This overwrites what others have shared: {what|the branch}. Their commits are lost there."
        given.note(reading, FORCES, words, MEDIUM if _own_branch(given, targets) else None)


_SHARED = re.compile(
    r"(?:.*/)?(?:main|master|trunk|develop|development|dev|staging|stage|prod|production|stable|next|head|release|qa)"
    r"|(?:release|releases|hotfix|support|env|deploy)/.*|v?\d.*|gh-pages",
    re.IGNORECASE,
)
"""Branches that others work on, or that something is built from."""


def _own_branch(given: Given, targets: list[str]) -> bool:
    """Return True if a branch of one's own is overwritten, and only as it was last seen, as after a rebase."""
    leased = given.exactly("--force-with-lease") and not given.exactly("-f", "--force")
    named = bool(targets) and all(word.known for word in given.operands)
    return leased and named and not any(_SHARED.fullmatch(text.rpartition(":")[2]) or "+" in text for text in targets)


def _remote(word: Word, reading: Reading, *, sends: bool = False) -> None:
    read_address(word, reading)
    if "://" in word.text and not word.text.startswith("file:"):
        connect(reading, word, sends=sends)


_COMMITS = Word(".git/assent-added")
"""Stands for what the same code has added to the repository."""


@GIT.reader("add, stage")
def _added(given: Given, reading: Reading) -> None:
    note_secrets(reading, given.operands, _COMMITS)
    if given.has("-A", "--all", "-u", "--update") or given.texts == ["."]:
        note_secrets(reading, secrets_here(reading), _COMMITS)


@GIT.reader("clone")
def _cloned(given: Given, reading: Reading) -> None:
    """Note that everything in the new folder comes from elsewhere, for code that is run from it afterwards."""
    if not given.operands:
        return
    source = given.operands[0]
    if re.match(r"\w+://|[\w.-]+@[\w.-]+:|[\w.-]+\.[a-z]+:", source.text):
        name = re.sub(r"(?:\.git)?/*$", "", source.text).rpartition("/")[2]
        note_download(reading, given.operands[1] if len(given.operands) > 1 else source.with_text(name), folder=True)


@GIT.reader("clone, fetch, pull, ls-remote, submodule add")
def _from(given: Given, reading: Reading) -> None:
    for word in given.operands[:2]:
        _remote(word, reading)
    for value in given.arguments.values("--config", "-c") if given.name == "clone" else ():
        name, _, text = value.text.partition("=")
        read_setting(value.with_text(name), value.with_text(text), reading, once=True)
    if given.has("--template"):
        given.note(reading, RUNS_CODE, "This takes hooks from a template.")


GIT.takes("clone", "-b --branch -o --origin --depth -c --config --template --reference -j --jobs --filter "
          "--upload-pack -u --separate-git-dir --shallow-since")  # fmt: skip


@GIT.reader("remote set-url, remote add")
def _set_url(given: Given, reading: Reading) -> None:
    for word in given.operands[1:]:
        read_address(word, reading)
    if given.name == "remote set-url":
        given.note(reading, RUNS_CODE, "This changes where commits are sent to and fetched from: {what}.")
