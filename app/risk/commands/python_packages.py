"""Package managers of Python, and managers of versions of programs."""

from __future__ import annotations

from dataclasses import replace

from app.risk.commands.package_rules import (
    ACCOUNT,
    BUILDS,
    HIGH,
    INSTALLS,
    KEEPS,
    LOW,
    PROJECT,
    PROJECT_TASK,
    PUBLISHES,
    SOURCES,
    UNINSTALLS,
    installs,
    registry,
    runs_package,
)
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.words import Word

_REMOVES = "This removes {what|packages}."
_BUILDS = "This builds the project; its build steps have not been read."
_PUBLISHES = "This publishes {what|the package}, or withdraws it; others get it."
_INDEXES = "-i --index-url --extra-index-url --index --default-index -f --find-links --registry -s --source --repo"


def _inner(given: Given, reading: Reading) -> None:
    """Read the program that runs in the project's environment."""
    reading.doubt()
    if given.operands:
        read_command(replace(given.command, words=given.operands), reading)


_PIP_VALUES = (
    "-r --requirement -c --constraint -e --editable -t --target -i --index-url --extra-index-url -f --find-links "
    "--prefix "
    "--root --src --python --platform --only-binary --no-binary --trusted-host --proxy --retries --timeout --cert "
    "--log "
    "--cache-dir --progress-bar --upgrade-strategy -d --dest -w --wheel-dir --config-settings --python-version --index "
    "--default-index --report --format"
)
PIP = Program("pip", "pip3", "pip2", values=_PIP_VALUES, dry_run="--dry-run", helps="--help -h --version -V")
_UV_PIP = "uv pip"


def _pip_installs(given: Given, reading: Reading) -> None:
    listed = given.arguments.values("-r", "--requirement", "-e", "--editable")
    registry(given, reading, _INDEXES)
    if given.has("--trusted-host"):
        given.note(reading, SOURCES, "This does not check the registry's certificate.")
    if given.has("--break-system-packages"):
        given.note(reading, SOURCES, "This installs over the operating system's own packages.")
    for word in listed:
        if "://" in word.text:
            installs(given, reading, [word])
        else:
            words = f"This installs what {word.display} names; install scripts run."
            reading.add(INSTALLS, words, word.line)
    if given.operands or not listed:
        installs(given, reading, whole=True)


def _pip(tool: Program, before: str) -> None:
    def under(names: str) -> str:
        return ", ".join(f"{before} {name.strip()}".strip() for name in names.split(","))

    tool.reads(
        under(
            "list, show, freeze, check, inspect, hash, debug, help, cache list, cache info, cache dir, config list, "
            "config get, config debug, index versions, tree, search, completion"
        )
    )
    tool.reader(under("install, sync"))(_pip_installs)
    tool.does(UNINSTALLS, _REMOVES, under("uninstall"))
    tool.does(
        INSTALLS, "This downloads packages; building them runs their code.", under("download, wheel, compile"), LOW
    )
    tool.does(KEEPS, "This clears what pip keeps.", under("cache purge, cache remove"))
    tool.does(SOURCES, "This changes pip's settings: {what}.", under("config set, config edit, config unset"))


_pip(PIP, "")
UV = Program(
    "uv",
    values=_PIP_VALUES + " --project --directory --python -p --with --with-requirements --extra --group "
    "--package "
    "--config-file --env-file --color --tag",
    helps="--help -h --version -V",
    dry_run="--dry-run",
)
_pip(UV, "pip")
UV.reads(
    "tree, version, help, python list, python find, python dir, tool list, tool dir, cache dir, export, self version"
)
UV.reader("add, sync, tool install, tool upgrade, lock")(_pip_installs)
UV.does(UNINSTALLS, _REMOVES, "remove, tool uninstall, python uninstall")
UV.does(
    KEEPS,
    "This makes or refreshes an environment, or clears what uv keeps.",
    "venv, init, cache clean, cache prune, python pin",
)
UV.does(INSTALLS, "This installs {what|Python}.", "python install, self update, python upgrade, tool update-shell")
UV.does(PUBLISHES, _PUBLISHES, "publish")
UV.does(ACCOUNT, "This uses an account at a registry.", "auth login, auth logout, auth token")
UV.does(BUILDS, _BUILDS, "build")
UV.starts("run, tool run")
UV.takes(
    "run",
    "--with --with-requirements --with-editable -p --python --project --directory --extra --group "
    "--package "
    "--env-file -m --module --index --index-url --extra-index-url --refresh-package",
)


@UV.reader("run")
def _uv_run(given: Given, reading: Reading) -> None:
    if given.has("--with", "--with-requirements", "--with-editable"):
        given.note(reading, INSTALLS, "This installs packages for this run.")
    module = given.value("-m", "--module")
    if module is not None:
        read_command(
            replace(
                given.command, words=[module.with_text("python"), Word("-m", module.line), module, *given.operands]
            ),
            reading,
        )
    elif given.operands and given.operands[0].text.endswith((".py", ".pyw")):
        run_unread(reading, given.operands[0])
    else:
        _inner(given, reading)


@UV.reader("tool run")
def _tool_run(given: Given, reading: Reading) -> None:
    runs_package(given.operands, given.command, reading)


POETRY = Program(
    "poetry",
    "pdm",
    "pipenv",
    "hatch",
    "rye",
    "flit",
    values="-C --directory -P --project -E --extras -G --group --source --with --without --only -p --python -e --env",
    dry_run="--dry-run",
    helps="--help -h --version -V",
)
POETRY.reads(
    "show, check, about, list, help, search, env info, env list, env show, version, config --list, source "
    "show, graph, "
    "status, dep show, project metadata, info, outdated, verify, --venv, --where, --py"
)
POETRY.reader("add, install, update, lock, sync, upgrade, fetch, import")(_pip_installs)
POETRY.does(UNINSTALLS, _REMOVES, "remove, uninstall, clean, env remove, env prune")
POETRY.does(
    KEEPS,
    "This makes or refreshes an environment.",
    "new, init, env use, env create, venv, export, cache clear, use, requirements",
)
POETRY.does(PUBLISHES, _PUBLISHES, "publish")
POETRY.does(
    SOURCES, "This changes the tool's settings: {what}.", "config, source add, source remove, self add, plugin add"
)
POETRY.does(BUILDS, _BUILDS, "build")
POETRY.does(PROJECT, "This runs the project's own tools, which have not been read.", "test, fmt, format")
POETRY.does(PROJECT_TASK, "This starts a shell in the project's environment.", "shell")
POETRY.starts("run, env run")
POETRY.reader("run, env run")(_inner)

CONDA = Program(
    "conda",
    "mamba",
    "micromamba",
    values="-n --name -p --prefix -c --channel -f --file --override-channels",
    dry_run="--dry-run -d",
    helps="--help -h --version -V",
)
CONDA.reads("list, info, search, env list, env export, config --show, compare, doctor, notices, export, repoquery")
CONDA.reader("install, create, update, upgrade, env create, env update")(
    lambda given, reading: installs(given, reading, whole=True)
)
CONDA.does(UNINSTALLS, _REMOVES, "remove, uninstall, env remove", HIGH)
CONDA.does(KEEPS, "This changes what conda keeps.", "clean, activate, deactivate, rename, package")
CONDA.does(SOURCES, "This changes conda's settings.", "config, init")
CONDA.reader("activate, deactivate")(lambda given, reading: reading.doubt())
CONDA.starts("run")
CONDA.reader("run")(_inner)


@program("pipx")
def _pipx(command: Command, reading: Reading) -> None:
    words = command.arguments
    verb = words[0].text if words else "help"
    if verb == "run":
        runs_package([word for word in words[1:] if word.text not in ("--spec", "--no-cache")], command, reading)
    elif verb in ("install", "inject", "upgrade", "reinstall", "install-all", "upgrade-all", "reinstall-all"):
        read_command(replace(command, words=[command.words[0].with_text("pip"), Word("install"), *words[1:]]), reading)
    elif verb in ("uninstall", "uninstall-all", "uninject"):
        reading.add(UNINSTALLS, "This removes installed programs.", command.line)
    elif verb not in ("list", "help", "--help", "--version", "environment", "completions"):
        reading.add(PROJECT_TASK, "What this does to installed programs is not known.", command.line)


@program(
    *word_set(
        "python-build build virtualenv venv pyenv nvm rbenv asdf mise rustup sdk corepack volta fnm ghcup tfenv goenv "
        "jenv n pip-compile pip-sync pip-audit safety"
    )
)
def _versions(command: Command, reading: Reading) -> None:
    texts = {word.text for word in command.arguments}
    if command.name in ("virtualenv", "venv"):
        for word in [word for word in command.arguments if not word.text.startswith("-")][:1]:
            act_on(reading, Act.CREATE, word)
    elif texts & {
        "install",
        "uninstall",
        "update",
        "upgrade",
        "add",
        "remove",
        "self",
        "plugin",
        "enable",
        "prepare",
        "component",
        "target",
        "toolchain",
        "i",
        "use",
        "exec",
        "x",
        "run",
    } or command.name in ("pip-sync", "n"):
        reading.add(INSTALLS, "This changes which versions of programs are installed or used.", command.line)
    elif texts & {
        "list",
        "ls",
        "show",
        "version",
        "versions",
        "current",
        "which",
        "whence",
        "--version",
        "ls-remote",
        "list-remote",
        "help",
    }:
        return
    else:
        reading.add(KEEPS, "This changes which version of a program is used here.", command.line)
        reading.doubt()
