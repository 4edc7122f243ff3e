"""``ssh``: what a command does on another machine."""

from __future__ import annotations

from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command
from app.risk.effects import CONNECTS, Act, act_on, connect
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

REMOTE_SHELL = declare(
    "command.remote_shell",
    RiskLevel.HIGH,
    "Opens a shell on another machine; what is done there is not known.",
    "ssh web1.example.com",
    "ssh -V",
    language="shell",
    unread=True,
)
TUNNEL = declare(
    "network.tunnel",
    RiskLevel.HIGH,
    "Opens a way from one network into another.",
    "ssh -N -R 2222:localhost:22 web1.example.com",
    "ssh web1.example.com uptime",
    language="shell",
)
_VALUED = "-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w -B -P -M"


def read_ssh(command: Command, reading: Reading) -> None:
    """Find out what ``ssh`` would do."""
    from app.risk.commands.interpreters import read_code
    from app.risk.commands.wrappers import read_inner

    if command.name == "sshpass":
        inner = arguments_of(command.arguments, "-p -f -d -P", mixed=False)
        read_inner(inner.operands, command, reading)
        return
    given = arguments_of(command.arguments, _VALUED, mixed=False)
    _read_options(given.values("-o"), reading)
    for key in given.values("-i"):
        act_on(reading, Act.LIST, key)
    if not given.operands:
        return
    host, words = given.operands[0], given.operands[1:]
    if words and words[0].text.startswith("-"):  # options after the host
        later = arguments_of(words, _VALUED, mixed=False)
        given.options += later.options
        words = later.operands
    connect(reading, host)
    if given.has("-R", "-w"):
        reading.add(TUNNEL, f"This lets {host.display} reach into this network.", command.line)
    elif given.has("-L", "-D"):
        reading.add(CONNECTS, f"This opens a tunnel to {host.display}.", command.line)
    if words:
        text = " ".join(word.text for word in words)
        within = f"On {host.display}: "
        read_code("shell", words[0].with_text(text), reading, within=within, elsewhere=True, command=command)
    elif command.input is not None:
        read_code("shell", command.input, reading, within=f"On {host.display}: ", elsewhere=True)
    elif not given.has("-N", "-R", "-L", "-D", "-O", "-T", "-f", "-V", "-G", "-Q"):
        words_shown = f"This opens a shell on {host.display}; what is done there is not known."
        reading.add(REMOTE_SHELL, words_shown, command.line)


def _read_options(options: list[Word], reading: Reading) -> None:
    from app.risk.commands.interpreters import read_code

    for word in options:
        name, _, value = word.text.partition("=")
        if name.strip().lower() in ("proxycommand", "localcommand", "knownhostscommand") and value.strip():
            read_code("shell", word.with_text(value), reading, within=f"In {name.strip()}: ")
