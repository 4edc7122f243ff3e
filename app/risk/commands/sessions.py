"""Sessions: those of loginctl, and of tmux, screen, and their like."""

from __future__ import annotations

from dataclasses import replace

from app.risk.commands.options import arguments_of
from app.risk.commands.services import SETS_UP, STOPS
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import run_unread
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
MESSAGES = declare(
    "machine.messages",
    LOW,
    "Changes settings of a session, or sends messages.",
    "loginctl lock-session",
    "loginctl list-sessions",
    language="shell",
)


LOGINCTL = Program(
    "loginctl",
    "tmux",
    "zellij",
    "byobu",
    helps="--help -h --version -V",
    values="-t -s -n -c -L -S -x -y -F -f",
)
LOGINCTL.reads(
    "list-sessions, session-status, show-session, list-users, user-status, show-user, list-seats, seat-status, "
    "show-seat, ls, list-windows, "
    "list-panes, lsp, lsw, capture-pane, display-message, show-options, info, has-session, has, list-clients, "
    "list-keys, capturep, "
)
LOGINCTL.does(
    STOPS,
    "This ends sessions, with what runs in them: {what}.",
    "terminate-session, terminate-user, kill-session, kill-user, kill-server, "
    "kill-window, kill-pane, kill, terminate-seat, delete-session, killw, killp",
    MEDIUM,
)
LOGINCTL.does(
    MESSAGES,
    "This changes sessions or their settings: {what}.",
    "enable-linger, disable-linger, lock-session, unlock-session, activate, "
    "attach, a, detach, rename-session, select-window, select-pane, resize-pane, "
    "load-buffer, "
    "set-buffer, lock-sessions, attach-session",
)
LOGINCTL.does(
    SETS_UP,
    "This changes what the session runs: {what}.",
    "source-file, source, set, set-option, setw, set-window-option, set-environment, set-hook, bind-key, bind, "
    "pipe-pane, "
    "pipep, respawn-pane, respawnp, respawn-window, respawnw, command-prompt, confirm-before, confirm, display-menu, "
    "choose-tree, wait-for",
)
LOGINCTL.starts(
    "new-session, new, new-window, neww, split-window, splitw, send-keys, send, run-shell, run, if-shell, popup"
)


@program("screen")
def _screen(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-S -c -e -h -p -s -t -T -X -Q -r -x -R -D", mixed=False)
    if given.exactly("-ls", "-list", "-v", "-l") and not given.operands:
        return
    if given.value("-c"):
        run_unread(reading, "the settings that are named", command.line)
    if given.has("-X"):
        reading.add(MESSAGES, "This sends a command to a session.", command.line, MEDIUM)
        reading.doubt()
    elif given.operands:
        read_command(replace(command, words=given.operands), reading)
    else:
        reading.doubt()


@LOGINCTL.always
def _session_settings(given: Given, reading: Reading) -> None:
    if given.command.name in ("tmux", "byobu") and any(option == "-f" for option, _ in given.leading):
        run_unread(reading, "the settings that are named", given.line)


@LOGINCTL.reader(
    "new-session, new, new-window, neww, split-window, splitw, run-shell, run, if-shell, popup, send-keys, send"
)
def _in_session(given: Given, reading: Reading) -> None:
    words = [word for word in given.operands if word.text not in ("Enter", "C-m")]
    if not words:
        reading.doubt()
        return
    if given.name in ("send-keys", "send"):
        given.note(reading, MESSAGES, "This types into a session.", MEDIUM)
    if len(words) == 1:
        reading.read("shell", words[0].text, words[0].line, fixed=True)
    else:
        read_command(replace(given.command, words=words), reading)
