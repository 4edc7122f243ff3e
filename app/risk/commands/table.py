"""The table of programs, and how a command is looked up in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module

from app.risk.effects import UNKNOWN, run_dynamic, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

FOR_ALL = declare(
    "command.deletes_listed",
    RiskLevel.CRITICAL,
    "Deletes all that another command lists, such as every queue or account.",
    "az ad user list --query '[].id' -o tsv | xargs -n1 az ad user delete --id",
    "az ad user delete --id ada@example.com",
    language="shell",
)


@dataclass(frozen=True)
class Command:
    """A command that would run.

    Attributes:
        words: The program and its arguments; never empty.
        input: What it reads from standard input: known text, such as a here-document; None if there is none, or if it
            is not known.
        input_from: What its input comes from if it is not known: ``download``, ``secret``, ``decoded``, ``dump``,
            ``files``, ``unknown``, or empty.
        here: Where it runs if not on this machine: ``ssh host``, ``container``.
    """

    words: list[Word]
    input: Word | None = None
    input_from: str = ""
    here: str = ""
    environment: dict[str, Word] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The program's name without its folder and ``.exe``, in lower case."""
        return program_name(self.words[0].text)

    @property
    def arguments(self) -> list[Word]:
        """The words after the program's name."""
        return self.words[1:]

    @property
    def line(self) -> int:
        """The line of the program's name."""
        return self.words[0].line


Handler = Callable[[Command, Reading], None]
_HANDLERS: dict[str, Handler] = {}
_FAMILIES = (
    "app.risk.commands.archives",
    "app.risk.commands.arrays",
    "app.risk.commands.awk",
    "app.risk.commands.editors",
    "app.risk.commands.other_interpreters",
    "app.risk.commands.files",
    "app.risk.commands.interpreters",
    "app.risk.commands.searching",
    "app.risk.commands.text",
    "app.risk.commands.powershell",
    "app.risk.commands.wrappers",
    "app.risk.commands.build_tools",
    "app.risk.commands.cloud_programs",
    "app.risk.commands.clouds",
    "app.risk.commands.cluster_tools",
    "app.risk.commands.clusters",
    "app.risk.commands.container_starts",
    "app.risk.commands.containers",
    "app.risk.commands.database_tools",
    "app.risk.commands.data_pipelines",
    "app.risk.commands.databases",
    "app.risk.commands.directories",
    "app.risk.commands.disks",
    "app.risk.commands.forges",
    "app.risk.commands.git",
    "app.risk.commands.git_remotes",
    "app.risk.commands.infrastructure",
    "app.risk.commands.javascript",
    "app.risk.commands.network",
    "app.risk.commands.keys",
    "app.risk.commands.mail_servers",
    "app.risk.commands.firewalls",
    "app.risk.commands.guards",
    "app.risk.commands.machine",
    "app.risk.commands.name_servers",
    "app.risk.commands.object_stores",
    "app.risk.commands.packages",
    "app.risk.commands.project",
    "app.risk.commands.python_packages",
    "app.risk.commands.queues",
    "app.risk.commands.releases",
    "app.risk.commands.routers",
    "app.risk.commands.secret_stores",
    "app.risk.commands.accounts",
    "app.risk.commands.schedules",
    "app.risk.commands.services",
    "app.risk.commands.sessions",
    "app.risk.commands.web",
    "app.risk.commands.windows",
    "app.risk.commands.windows_programs",
    "app.risk.commands.windows_registry",
)
"""Modules that add programs to the table. They are imported on first use."""


def program(*names: str) -> Callable[[Handler], Handler]:
    """Add a function that knows what programs of these names do."""

    def register(handler: Handler) -> Handler:
        for name in names:
            if name in _HANDLERS:
                raise ValueError(f"The program {name} is in the table twice.")
            _HANDLERS[name] = handler
        return handler

    return register


def read_command(command: Command, reading: Reading) -> None:
    """Find out what a command would do, and add it to the reading."""
    reading.budget.step()
    word = command.words[0]
    if not word.known:
        _unknown(command, reading)
        return
    reading.touch(commands=[command.name])
    handler = handlers().get(command.name)
    if handler is not None:
        _own_folder(word, reading)
        first = len(reading.findings)
        handler(command, reading)
        _note_all(command, reading, first)
    elif "/" in word.text or "\\" in word.text:
        _file(command, reading)
    elif not _runs_download(command, reading):
        _unknown_program(command, reading)


_LOST_ONE_BY_ONE = frozenset(("cloud.deletes", "directory.changes", "machine.accounts", "http.deletes", "mail.gone"))
"""Rules for deleting one thing that does not come back by itself, such as an account or a queue."""
_COMES_BACK = word_set(
    "docker podman nerdctl git pip pip3 npm apt apt-get dnf yum brew snap flatpak conda gem cargo rm kill systemctl "
    "tmux screen kind k3d minikube vagrant find dpkg rpm pacman rmdir rmmod terraform tofu"
)
"""Programs that delete what is soon there again, or whose own rules say more."""
_SOON_MADE_AGAIN = re.compile(
    r"^(?:runs?|caches?|labels?|branch|tags?|images?|containers?|artifacts?|jobs?|alarms?|events?|pipelines?|replicasets?)$"
)
_DELETES = re.compile(
    r"del|remov|purge|destroy|drop|\brm\b|erase|terminate|uninstall|undefine|unregister|forget|prune|expunge|unlink|flush|\brb\b"
    r"|-mrm",
    re.IGNORECASE,
)


def _note_all(command: Command, reading: Reading, first: int) -> None:
    """Note a command that is run for everything that a list names, each time deleting one thing.

    Args:
        first: The number of findings before those of the command.
    """
    if command.name == "ldapdelete" and command.input_from == "listed":
        reading.add(FOR_ALL, "This deletes everybody whom a search has found before.", command.line)
    if not any(word.several and not word.known and word.source != "files" for word in command.arguments):
        return
    texts = [word.text for word in command.words]
    if any(word.several and word.source == "listed" for word in command.arguments) and (
        (command.name not in _COMES_BACK or texts[1:2] in (["node"], ["volume"]))
        and any(found.severity.rank >= RiskLevel.MEDIUM.rank for found in reading.findings[first:])
        and any(_DELETES.search(text) for text in texts)
        and not any(_SOON_MADE_AGAIN.search(text) for text in texts)
    ):
        shown = f"{command.name} {' '.join(word.display for word in command.arguments[:3])}"
        reading.add(FOR_ALL, f"This deletes everything that is listed before: {shown}.", command.line)
        return
    lost = any(
        found.rule in _LOST_ONE_BY_ONE and found.severity is RiskLevel.HIGH for found in reading.findings[first:]
    )
    if lost and any(_DELETES.search(word.text) for word in command.words):
        shown = f"{command.name} {' '.join(word.display for word in command.arguments[:3])}"
        reading.add(FOR_ALL, f"This deletes whatever a list names, which may be all there is: {shown}.", command.line)


_ENDS = re.compile(
    r"(?:--?)?(?:delete|del|destroy|purge|wipe|erase|drop|terminate|truncate|decommission|uninstall|unpublish|nuke|teardown"
    r"|factory-?reset|force-?reset|zap|prune|expunge|deprovision|revoke|disable|shutdown|format)"
    r"(?:[-_:](?!protection|dry|preview|list|check|lock)\w+)*|--(?:force-delete|delete-all|purge-all|no-backup)",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"--all|--everything|(?:all-)?(?:databases?|db|buckets?|clusters?|namespaces?|snapshots?|backups?|volumes?|vms?|keyspaces?"
    r"|filesystems?|pools?|tenants?|repositor(?:y|ies)|zones?|vaults?|instances?|disks?|everything)",
    re.IGNORECASE,
)
"""What holds very many things, or all of them."""
_MOST_VERBS = 5
_ONLY_SHOWS = re.compile(r"--?(?:dry-?run|help|what-?if|preview|simulate)")


def _unknown_program(command: Command, reading: Reading) -> None:
    """A program that the table does not have. The words that it is given may still say that it destroys something."""
    word = command.words[0]
    harmless = any(_ONLY_SHOWS.fullmatch(given.text) for given in command.arguments)
    verb = next((given for given in command.arguments[:_MOST_VERBS] if _ENDS.fullmatch(given.text)), None)
    if verb is None or harmless:
        reading.add(UNKNOWN, f"What {word.display} does is not known.", word.line)
    else:
        said = verb.text.lstrip("-")[:40]
        words = f"What {word.display} does is not known, but “{said}” says that it destroys or stops something."
        lost = _DELETES.search(said) and any(_WHOLE.fullmatch(given.text) for given in command.arguments)
        reading.add(UNKNOWN, words, word.line, RiskLevel.CRITICAL if lost else RiskLevel.HIGH)


_SEARCHED = ("/usr/local/bin/", "/usr/bin/", "/usr/local/sbin/", "~/.local/bin/", "~/bin/", "/opt/bin/")
"""Where a shell looks for programs, as far as code writes them there."""


def _runs_download(command: Command, reading: Reading) -> bool:
    """Look for a program that the code itself has put where a shell finds it by its name."""
    from app.risk.commands.known_files import file_content

    if not reading.options.get("files"):
        return False
    for folder in _SEARCHED:
        word = command.words[0].with_text(folder + command.words[0].text)
        content = file_content(reading, word)
        if content is not None and content.source in ("download", "decoded"):
            _file(Command([word, *command.arguments], command.input, command.input_from, command.here), reading)
            return True
    return False


def _unknown(command: Command, reading: Reading) -> None:
    """A program that is known only when the code runs, but for one that the code itself has downloaded."""
    from app.risk.commands.known_files import file_content

    if file_content(reading, command.words[0]) is not None:
        _file(command, reading)
    else:
        run_dynamic(reading, command.words[0])


def _file(command: Command, reading: Reading) -> None:
    """A program by its path: a file that the code has written before is read."""
    from app.risk.commands.interpreters import run_program

    run_program(command, reading)


_INSTALLED = re.compile(
    r"(?:/usr(?:/local)?|/opt/homebrew|/snap|/opt/local)?/s?bin/[^/]+|[a-z]:[/\\](?:windows|program files.*)[/\\].*",
    re.IGNORECASE,
)
_MANAGED = re.compile(
    r"(?:.*/)?(?:node_modules/\.bin|\.?venv/bin|vendor/bin|\.cargo/bin|\.local/bin|go/bin|\.dotnet/tools|\.bun/bin|bin)"
    r"/[^/]+|(?:.*/)?(?:gradlew|mvnw|manage\.py|artisan|rake|rails|sail)(?:\.bat)?|/opt/.*|.*[/\\]scripts[/\\].*",
    re.IGNORECASE,
)


def _own_folder(word: Word, reading: Reading) -> None:
    """Note a program that is not the one of the operating system but a file of that name in another folder."""
    if not re.search(r"[/\\]", word.text) or _INSTALLED.fullmatch(word.text):
        return
    reading.doubt()
    if not _MANAGED.fullmatch(word.text):
        run_unread(reading, word)


def handlers() -> dict[str, Handler]:
    """Return all programs that are known."""
    _load()
    return _HANDLERS


@cache
def _load() -> None:
    for family in _FAMILIES:
        import_module(family)


@lru_cache(maxsize=1024)
def program_name(text: str) -> str:
    """Return a program's name without its folder, version, and ``.exe``: ``python3`` for ``/usr/bin/python3.11``."""
    name = re.split(r"[/\\]", text)[-1].lower()
    name = re.sub(r"\.(?:exe|com|cmd|bat)$", "", name)
    return re.sub(r"(?<=^python[23])\.\d+$", "", name)
