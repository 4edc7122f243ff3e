"""Redirections: which files are read, emptied, and written, and what flows in and out of a command."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.risk.commands.files import named_like_option
from app.risk.commands.known_files import file_content, note_file
from app.risk.commands.written import read_written
from app.risk.effects import READS_SECRET, Act, act_on, connect, publish_secret
from app.risk.shell.expansion import Expander
from app.risk.shell.rules import REVERSE_SHELL
from app.risk.shell.state import NOTHING, Flow
from app.risk.shell.tree import Redirection
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.shell.session import Session

_NETWORK = re.compile(r"/dev/(?:tcp|udp)/([^/]*)(?:/.*)?")


@dataclass
class Routes:
    """Where a command reads from and prints to.

    Attributes:
        given: What it reads; None if that is not redirected.
        files: The files that it prints to, and whether it adds to them.
        host: The machine that it prints to or reads from.
        dropped: What it prints goes elsewhere than to the next command.
    """

    given: Flow | None = None
    files: list[tuple[Word, bool]] = field(default_factory=list)
    host: Word | None = None
    dropped: bool = False


def redirect(
    session: Session,
    redirections: list[Redirection],
    expander: Expander,
    given: Flow | None,
    *,
    act: Act = Act.WRITE,
    shell: bool = False,
) -> Routes:
    """Note what redirections read and write.

    Args:
        given: What the command reads without them.
        act: What ``>`` does: it empties the file if nothing is printed.
        shell: The command is a shell, so that a connection gives another machine a shell.
    """
    routes = Routes(given)
    for redirection in redirections:
        session.reading.budget.step()
        if redirection.operator in ("<<", "<<-", "<<<"):
            word = expander.text(redirection.target)
            text = word.text + "\n" if redirection.operator == "<<<" else word.text
            routes.given = Flow(text, word.source, redirection.target.line)
            continue
        for word in expander.word(redirection.target):
            _route(session, redirection, word, routes, act, shell)
    return routes


def _route(session: Session, redirection: Redirection, word: Word, routes: Routes, act: Act, shell: bool) -> None:
    operator, descriptor = redirection.operator, redirection.descriptor
    network = _NETWORK.match(word.text)
    if network:
        _connect(session, word.with_text(network.group(1)), routes, shell, descriptor)
        if operator in ("<", "<>", "<&"):
            routes.given = Flow(UNKNOWN, "download")
    elif operator in ("<&", ">&") and re.fullmatch(r"\d*-?", word.text):
        number = word.text.rstrip("-")
        if operator == "<&" and number in session.state.descriptors:
            routes.given = Flow(UNKNOWN, session.state.descriptors[number])
            if shell:
                _reverse(session, word)
        elif operator == ">&" and descriptor in ("", "1"):
            routes.dropped = True
    elif operator in ("<", "<>"):
        if descriptor in ("", "0"):
            routes.given = _read(session, word)
        else:
            session.state.descriptors[descriptor] = _read(session, word).source
    else:
        _write(session, redirection, word, routes, act)


def _connect(session: Session, host: Word, routes: Routes, shell: bool, descriptor: str) -> None:
    routes.host = host
    session.state.descriptors[descriptor or "0"] = "download"
    if shell:
        connect(session.reading, host)
        _reverse(session, host)
    else:
        connect(session.reading, host, sends=True)


def _reverse(session: Session, host: Word) -> None:
    words = "This gives another machine a shell here, with which it can do whatever this account may do."
    session.reading.add(REVERSE_SHELL, words, host.line)


def _read(session: Session, word: Word) -> Flow:
    reading = session.reading
    known = len(reading.findings)
    act_on(reading, Act.READ, word)
    if any(found.rule == READS_SECRET.id for found in reading.findings[known:]):
        return Flow(UNKNOWN, "secret")
    content = file_content(reading, word)
    if content is not None:
        return Flow(content.text, content.source, content.line)
    return Flow(UNKNOWN, word.source)


def _write(session: Session, redirection: Redirection, word: Word, routes: Routes, act: Act) -> None:
    append = redirection.operator in (">>", "&>>")
    errors = redirection.descriptor not in ("", "1")
    how = Act.APPEND if append else Act.WRITE if errors else act
    act_on(session.reading, how, word)
    if word.known:
        named_like_option(word, session.reading)
    if not errors:
        routes.files.append((word, append))
        if act is Act.EMPTY and not append:
            note_file(session.reading, word, Word(""))


def deliver(session: Session, routes: Routes, printed: Flow) -> Flow:
    """Return what the next command reads of what is printed; files keep the rest."""
    for word, append in routes.files:
        content = Word(printed.text, printed.line or word.line, source=printed.source)
        note_file(session.reading, word, content, append=append)
        read_written(session.reading, word, content)
        if printed.source in ("secret", "dump"):
            publish_secret(session.reading, word)
    if routes.host is not None and printed.source == "secret":
        connect(session.reading, routes.host, secret=True)
    return NOTHING if routes.files or routes.dropped or routes.host is not None else printed
