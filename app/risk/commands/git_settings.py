"""Settings of git that run code, and addresses that do."""

from __future__ import annotations

import re

from app.risk.commands.subcommands import Given
from app.risk.effects import Act, act_on, run_dynamic
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SETTING = declare(
    "git.setting", RiskLevel.LOW, "Changes a setting of git.", "git config user.name Ada", "git config --get user.name",
    language="shell",
)  # fmt: skip
RUNS_CODE = declare(
    "git.setting_runs_code", RiskLevel.HIGH, "Changes a setting of git that runs programs, or where data goes.",
    "git config core.hooksPath ./hooks", "git config core.autocrlf input", language="shell", unread=True,
)  # fmt: skip
RUNS_URL = declare(
    "git.address_runs_code", RiskLevel.HIGH, "An address of a repository that runs a program.",
    "git clone 'ext::sh -c id'", "git clone https://git.example.com/shop.git", language="shell", unread=True,
)  # fmt: skip

_CODE = re.compile(
    r"core\.(?:sshcommand|pager|editor|hookspath|fsmonitor|askpass|gitproxy|alternaterefscommand|worktree"
    r"|attributesfile|excludesfile)"
    r"|credential\.(?:.*\.)?helper|diff\.external|diff\..*\.(?:command|textconv)|(?:diff|merge)tool\..*\.(?:cmd|path)"
    r"|merge\..*\.driver|filter\..*\.(?:clean|smudge|process)|gpg\..*(?:program|defaultkeycommand)|pager\..*"
    r"|sequence\.editor|protocol(?:\..*)?\.allow|remote\..*\.(?:uploadpack|receivepack|vcs|proxy|url|pushurl)"
    r"|uploadpack\.packobjectshook|url\..*\.(?:insteadof|pushinsteadof)|https?\.(?:.*\.)?(?:proxy|sslverify"
    r"|extraheader)"
    r"|include(?:if\..*)?\.path|init\.templatedir|submodule\..*\.update|browser\..*\.cmd|man\..*\.cmd|web\.browser"
    r"|trailer\..*\.(?:command|cmd)|hook\..*\.command|sendemail\..*|imap\..*|interactive\.difffilter|safe\.directory"
    r"|receive\.(?:denynonfastforwards|denydeletes|denycurrentbranch)|(?:transfer|fetch|receive)\.fsckobjects"
    r"|(?:commit|tag|gpg)\.(?:template|gpgsign)?program|guitool\..*\.cmd|lfs\.customtransfer\..*|instaweb\..*",
    re.IGNORECASE,
)
_NO_PROGRAM = frozenset({"", "cat", "less", "more", "true", ":", "false", "vi", "vim", "nano", "less -R", "less -FRX"})
_RUNS_VALUE = re.compile(
    r"sshcommand|pager|editor|helper|external|command|textconv|cmd|driver|clean|smudge|process|fsmonitor|askpass",
    re.IGNORECASE,
)
_VARIABLES = word_set(
    "GIT_SSH_COMMAND GIT_SSH GIT_PAGER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_EXTERNAL_DIFF GIT_ASKPASS "
    "GIT_PROXY_COMMAND PAGER EDITOR VISUAL SSH_ASKPASS"
)
_PLACES = frozenset({"GIT_EXEC_PATH", "GIT_TEMPLATE_DIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG"})


def _means_program(key: str) -> bool:
    return not re.search(r"hookspath$|sslverify$|fsckobjects$|\.proxy$", key, re.IGNORECASE)


def read_setting(name: Word, value: Word | None, reading: Reading, *, once: bool = False) -> None:
    """Read a setting that is made, for good or for one command."""
    key, text = name.text.strip(), value.text if value else "true"
    if not name.known:
        run_dynamic(reading, name)
    elif key.lower().startswith("alias."):
        _alias(key, value, reading, name.line)
    elif _CODE.fullmatch(key) and not (_means_program(key) and text.strip() in _NO_PROGRAM):
        reading.add(RUNS_CODE, f"The setting {key} runs programs, or changes where code and data go.", name.line)
        if value is not None and value.known and _RUNS_VALUE.search(key):
            command = text.removeprefix("!").strip()
            reading.read("shell", command, name.line, fixed=True, within=f"In the setting {key}: ")
    elif not once:
        reading.add(SETTING, f"This changes git's setting {key}.", name.line)


def _alias(key: str, value: Word | None, reading: Reading, line: int) -> None:
    text = value.text.strip() if value else ""
    if value is not None and not value.known:
        run_dynamic(reading, value)
    elif text.startswith("!"):
        reading.add(RUNS_CODE, f"The setting {key} makes a git subcommand that runs a program.", line)
        reading.read("shell", text[1:], line, fixed=True, within=f"In the setting {key}: ")
    else:
        reading.add(SETTING, f"This makes {key.partition('.')[2]} another name for git {text}.", line, RiskLevel.MEDIUM)
        reading.read("shell", f"git {text}", line, fixed=True, within=f"In the setting {key}: ")


def read_global(given: Given, reading: Reading) -> None:
    """Read the options before git's subcommand, and the environment variables that git obeys."""
    for option, value in given.leading:
        if option == "-c" and value is not None:
            _read_once(value, reading)
        elif option == "--exec-path" and value is not None:
            reading.add(RUNS_CODE, f"git takes its own programs from {value.display}.", given.line)
        elif option == "--config-env" and value is not None:
            run_dynamic(reading, value)
    for name, value in given.command.environment.items():
        if name in _VARIABLES and value.text.strip() not in _NO_PROGRAM:
            reading.add(RUNS_CODE, f"git runs the program in the variable {name}.", given.line)
            if value.known:
                reading.read("shell", value.text, given.line, fixed=True, within=f"In the variable {name}: ")
        elif name in _PLACES or (name.startswith("GIT_CONFIG_") and name != "GIT_CONFIG_NOSYSTEM"):
            reading.add(RUNS_CODE, f"The variable {name} changes git's settings, which may run programs.", given.line)


def _read_once(text: Word, reading: Reading) -> None:
    name, equals, value = text.text.partition("=")
    read_setting(text.with_text(name), text.with_text(value) if equals else None, reading, once=True)


def read_config(given: Given, reading: Reading) -> None:
    """Read ``git config``."""
    if given.has("--edit", "-e") or given.texts[:1] == ["edit"]:
        reading.add(RUNS_CODE, "This opens git's settings in an editor.", given.line)
        return
    reads = "--get --get-all --get-regexp --get-urlmatch --list -l --get-color"
    operands = given.operands
    if given.has("--file", "-f", "--global", "--system") and (file := given.value("--file", "-f")):
        act_on(reading, Act.READ if given.exactly(*reads.split()) else Act.WRITE, file)
    if given.exactly(*reads.split()) or given.texts[:1] in (["get"], ["list"]):
        return
    if given.has("--unset", "--unset-all", "--remove-section", "--rename-section") or given.texts[:1] in (
        ["unset"], ["remove-section"], ["rename-section"],
    ):  # fmt: skip
        reading.add(SETTING, "This removes a setting of git.", given.line, RiskLevel.MEDIUM)
        return
    if given.texts[:1] == ["set"]:
        operands = operands[1:]
    if len(operands) >= 2:
        read_setting(operands[0], operands[1], reading)
        if given.has("--system"):
            reading.add(SETTING, "The setting is for everybody on this machine.", given.line, RiskLevel.HIGH)


def read_address(word: Word, reading: Reading) -> None:
    """Note a repository's address if it runs a program: ``ext::``, ``fd::``, or one that looks like an option."""
    if re.match(r"ext::|fd::", word.text, re.IGNORECASE):
        reading.add(RUNS_URL, f"The address {word.display} runs a program.", word.line)
        reading.read("shell", word.text.partition("::")[2], word.line, fixed=True, within="In the address: ")
    elif re.match(r"\w+://-|-", word.text):
        reading.add(RUNS_URL, f"The address {word.display} is taken for an option, which may run a program.", word.line)
