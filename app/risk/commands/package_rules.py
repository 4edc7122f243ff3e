"""What it means to install, run, and publish packages, the same for all package managers."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.subcommands import Given
from app.risk.commands.table import Command, handlers, program_name, read_command
from app.risk.effects import run_dynamic
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

INSTALLS = declare(
    "packages.installs", MEDIUM, "Installs packages from the usual registry; their install scripts run.",
    "pip install requests", "pip show requests", language="shell", unread=True,
)  # fmt: skip
ELSEWHERE = declare(
    "packages.installs_from_elsewhere", HIGH, "Installs packages from an address, a file, or another registry.",
    "pip install https://x.example/p.tar.gz", "pip install requests", language="shell", unread=True,
)  # fmt: skip
RUNS = declare(
    "packages.runs_at_once", HIGH, "Downloads a package and runs it at once.", "npx left-pad-cli", "npx vitest run",
    language="shell", unread=True,
)  # fmt: skip
PUBLISHES = declare(
    "packages.publishes", HIGH, "Publishes a package, or withdraws one.", "npm publish", "npm pack --dry-run",
    language="shell", unread=True,
)  # fmt: skip
UNINSTALLS = declare(
    "packages.uninstalls", MEDIUM, "Removes packages.", "pip uninstall -y requests", "pip list", language="shell"
)
UPGRADES = declare(
    "packages.upgrades_all", HIGH, "Upgrades all packages of the machine.", "apt-get dist-upgrade -y",
    "apt-get install -y jq", language="shell", unread=True,
)  # fmt: skip
SOURCES = declare(
    "packages.trusts", HIGH, "Changes which registries and keys are trusted, or skips their checks.",
    "add-apt-repository -y ppa:x/y", "apt-cache policy jq", language="shell", unread=True,
)  # fmt: skip
ACCOUNT = declare(
    "packages.account", HIGH, "Uses or changes an account at a registry.", "npm token create", "npm view react",
    language="shell",
)  # fmt: skip
KEEPS = declare(
    "packages.housekeeping", LOW, "Refreshes or clears what a package manager keeps.", "apt-get update",
    "apt-cache search jq", language="shell",
)  # fmt: skip
PROJECT = declare(
    "project.runs", LOW, "Runs the project's own tools: tests, formatters, checks. They run code of the project.",
    "pytest -q", "ls tests", language="shell", unread=True,
)  # fmt: skip
BUILDS = declare(
    "project.builds", MEDIUM, "Builds the project, whose build steps have not been read.", "cargo build --release",
    "cargo tree", language="shell", unread=True,
)  # fmt: skip
PROJECT_TASK = declare(
    "project.task", MEDIUM, "Runs a task of the project, which has not been read.", "make frobnicate", "make -n x",
    language="shell", unread=True,
)  # fmt: skip
PROJECT_RISKY = declare(
    "project.task_by_name", HIGH, "Runs a task of the project whose name says that it deploys, publishes, or deletes.",
    "npm run deploy", "npm run build", language="shell", unread=True,
)  # fmt: skip

_ADDRESS = re.compile(
    r"(?:[a-z+]+://|git\+|git@|github:|gitlab:|bitbucket:|gist:|file:)|.*@(?:git\+|https?://)", re.IGNORECASE
)
_FILE = re.compile(
    r"(?:\.{0,2}/|~).*|.*\.(?:deb|rpm|apk|whl|tgz|tar\.gz|tar\.bz2|zip|gem|nupkg|msi|msix|pkg|snap|crate)",
    re.IGNORECASE,
)
_USUAL = re.compile(
    r"https?://(?:[\w.-]+\.)?(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|rubygems\.org"
    r"|crates\.io|nuget\.org"
    r"|download\.pytorch\.org|conda\.anaconda\.org|debian\.org|ubuntu\.com)(?:[/:].*)?",
    re.IGNORECASE,
)


def installs(
    given: Given, reading: Reading, words: list[Word] | None = None, *, whole: bool = False, machine: bool = False
) -> None:
    """Note what is installed: by name from the usual registry, or from an address or a file.

    Args:
        words: What is installed; the operands if None.
        whole: Without operands, what the project names is installed.
        machine: It is installed for the whole machine.
    """
    worse = HIGH if machine else None
    words = given.operands if words is None else words
    for word in words:
        if not word.known:
            run_dynamic(reading, f"the package {word.display}", word.line)
        elif _ADDRESS.match(word.text) and not _USUAL.fullmatch(word.text):
            reading.add(ELSEWHERE, f"This installs from {word.display}, which is not the usual registry.", word.line)
        elif _FILE.fullmatch(word.text) and word.text not in (".", "./", ".."):
            level = HIGH if re.search(r"\.(?:deb|rpm|apk|msi|pkg|snap)$", word.text) else MEDIUM
            reading.add(ELSEWHERE, f"This installs the file {word.display}, which has not been read.", word.line, level)
        else:
            to = " for the whole machine" if machine else ""
            reading.add(INSTALLS, f"This installs {word.display}{to}; its install scripts run.", word.line, worse)
    if not words and whole:
        message = "This installs the packages that the project names; their install scripts run."
        reading.add(INSTALLS, message, given.line, worse)


def registry(given: Given, reading: Reading, options: str) -> None:
    """Note another registry than the usual one among the options."""
    for option, value in given.arguments.options:
        if option in options.split() and value is not None and not _USUAL.fullmatch(value.text):
            reading.add(ELSEWHERE, f"This takes packages from {value.display}.", value.line)


def runs_package(words: list[Word], command: Command, reading: Reading) -> None:
    """Read a program that is taken from the project or, if it is not there, from the registry, and run."""
    if not words:
        return
    name = words[0]
    if not name.known:
        run_dynamic(reading, name)
        return
    plain = re.sub(r"(?<=.)(?:@|==).*", "", name.text)
    plain = _PACKAGES.get(plain, plain)
    if plain in handlers() and not _ADDRESS.match(name.text) and "/" not in plain:
        reading.doubt()
        read_command(replace(command, words=[name.with_text(plain), *words[1:]]), reading)
    else:
        reading.touch(commands=[program_name(plain)])
        reading.add(
            RUNS, f"This takes {name.display} from the registry if it is not installed, and runs it.", name.line
        )


_PACKAGES = {
    "@angular/cli": "ng", "@biomejs/biome": "biome", "typescript": "tsc", "@vue/cli": "vue", "@nestjs/cli": "nest",
    "@playwright/test": "playwright", "aws-cdk": "cdk", "@redocly/cli": "redocly", "markdownlint-cli": "markdownlint",
    "@stoplight/spectral-cli": "spectral", "sequelize-cli": "sequelize", "@railway/cli": "railway",
}  # fmt: skip
_LOW_TASK = re.compile(
    r"(?:^|[:_\-.])(?:tests?|spec|specs|unit|integration|e2e|check|checks|lint|format|fmt|prettier|eslint|types?"
    r"|typecheck"
    r"|tsc|dev|start|serve|watch|coverage|cov|ci|verify|validate|preview|storybook|bench|benchmark"
    r"|help|pytest|jest|vitest|mypy|ruff|generate|codegen|fix|style|preflight|smoke|snapshot)(?:$|[:_\-.])",
    re.IGNORECASE,
)
_HIGH_TASK = re.compile(
    r"(?:^|[:_\-./])(?:deploy\w*|release|publish|ship|migrate|rollback|reset|destroy|drop|prod|production|purge"
    r"|wipe|nuke"
    r"|teardown|undeploy|push|promote|seed|truncate|apply|rotate|uninstall|live|provision)(?:$|[:_\-./])",
    re.IGNORECASE,
)


def runs_task(word: Word | None, command: Command, reading: Reading, *, kind: str = "task") -> None:
    """Note that a task of the project runs, whose name is all that is known of it."""
    if word is None:
        reading.add(BUILDS, f"This runs the project's usual {kind}, which has not been read.", command.line)
    elif not word.known:
        run_dynamic(reading, word)
    elif _HIGH_TASK.search(word.text):
        words = (
            f"This runs the project's {kind} {word.display}, whose name says that it changes more than this project."
        )
        reading.add(PROJECT_RISKY, words, word.line)
    elif _LOW_TASK.search(word.text):
        reading.add(PROJECT, f"This runs the project's {kind} {word.display}, which has not been read.", word.line)
    else:
        reading.add(PROJECT_TASK, f"This runs the project's {kind} {word.display}, which has not been read.", word.line)
