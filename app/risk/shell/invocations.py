"""Reads simple commands: assignments, aliases, functions, built-in commands, and programs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.commands.interpreters import run_code_of
from app.risk.commands.known_files import file_content
from app.risk.commands.table import Command, program_name, read_command
from app.risk.commands.wrappers import ENVIRONMENT_READ
from app.risk.effects import CONNECTS, GIVES_SECRETS, INTERNAL, READS_SECRET, SENDS, SENDS_SECRET, Act, run_dynamic
from app.risk.reading import TOO_DEEP
from app.risk.shell.assignments import assign, environment_of
from app.risk.shell.builtins import BUILTINS
from app.risk.shell.environment import is_secret
from app.risk.shell.expansion import Expander, worse_source
from app.risk.shell.listings import chooses, lists_all
from app.risk.shell.outputs import output_of
from app.risk.shell.patterns import expression_of
from app.risk.shell.redirections import deliver, redirect
from app.risk.shell.rules import ESCAPED, FORK_BOMB, LOOK_ALIKE, REVERSE_SHELL
from app.risk.shell.simple_commands import DECLARES
from app.risk.shell.state import MOST_CHOICES, NOTHING, Flow
from app.risk.shell.tree import Simple
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.domain.risk import Finding
    from app.risk.shell.session import Session

SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "rbash", "mksh", "fish", "busybox"})
_NETWORK = frozenset({CONNECTS.id, SENDS.id, INTERNAL.id})
_PRINTS_NOTHING = frozenset({"", ":", "true", "false", "exec"})
_COUNTS = frozenset({"wc", "md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "test", "[", "true", "stat"})
_SIGNS_IN = frozenset({"login", "--password-stdin", "--with-token", "--stdin", "auth", "--password-file", "import"})
_MOST_CALLS = 10
_LIKELY = (
    "rm",
    "dd",
    "sh",
    "bash",
    "mv",
    "cp",
    "chmod",
    "chown",
    "cat",
    "curl",
    "wget",
    "nc",
    "shred",
    "find",
    "tee",
    "kill",
)


def run_simple(session: Session, node: Simple, given: Flow | None) -> Flow:
    """Read a simple command with each value that its variables may have, and return what it prints."""
    session.reading.budget.step()
    if not node.words:
        for assignment in node.assignments:
            assign(session, assignment)
        expander = session.expander()
        act = Act.EMPTY
        routes = redirect(session, node.redirections, expander, given, act=act)
        reads = [redirection.operator for redirection in node.redirections] == ["<"]
        return deliver(session, routes, (routes.given or NOTHING) if reads else NOTHING)  # $(< file) is the file
    flow: Flow | None = None
    choice, most = 0, 1
    while choice < most:
        expander = session.expander(choice)
        printed = _with_choice(session, node, given, expander)
        flow = printed if flow is None or flow == printed else Flow(UNKNOWN, worse_source(flow.source, printed.source))
        most = min(expander.most, MOST_CHOICES)
        choice += 1
        if choice < most:
            session.reading.budget.step()
    return flow or NOTHING


def _with_choice(session: Session, node: Simple, given: Flow | None, expander: Expander) -> Flow:
    alias = session.state.aliases.get(node.words[0].plain or "")
    if alias is not None:
        return _alias(session, node, alias, given)
    words = expander.words(node.words)
    declares = node.words[0].plain in DECLARES
    environment = {} if declares else environment_of(session, node.assignments, expander, exported=bool(words))
    session.reading.touch(environment=[name for name in expander.names if name.isupper()])
    name = program_name(words[0].text) if words and words[0].known else ""
    act = Act.EMPTY if name in _PRINTS_NOTHING and (not words or words[0].known) else Act.WRITE
    shell = name in SHELLS or (name == "exec" and len(words) > 1)
    routes = redirect(session, node.redirections, expander, given, act=act, shell=shell)
    if not words:
        return deliver(session, routes, NOTHING)
    secrets = [known for known in expander.names if is_secret(known)]
    if secrets and name in ("echo", "printf", "print"):
        if session.spawning or routes.files or routes.dropped:
            return deliver(session, routes, Flow(UNKNOWN, "secret"))
        message = f"This prints {secrets[0]}, which may hold a password or a key."
        session.reading.add(ENVIRONMENT_READ, message, node.line, RiskLevel.HIGH)
    if expander.hidden and name not in ("echo", "printf"):
        session.reading.add(ESCAPED, f"What {words[0].display} says here is hidden in escapes.", node.line)
    return deliver(session, routes, invoke(session, words, routes.given, environment, node))


def _alias(session: Session, node: Simple, text: str, given: Flow | None) -> Flow:
    name = node.words[0].plain or ""
    del session.state.aliases[name]
    session.read_here(f"{text} {node.rest}", node.line)
    session.state.aliases[name] = text
    return Flow(UNKNOWN, given.source if given else "")


def invoke(
    session: Session,
    words: list[Word],
    given: Flow | None,
    environment: dict[str, Word] | None = None,
    node: Simple | None = None,
) -> Flow:
    """Read a command with expanded words, and return what it prints."""
    first = words[0]
    if not first.known or (first.glob and not first.text.startswith("[")):
        return _dynamic(session, words, given)
    if not first.text.isascii() and first.text not in session.state.functions:
        message = f"{first.display} has letters of another alphabet: it may be taken for another command."
        session.reading.add(LOOK_ALIKE, message, first.line)
    definition = session.state.functions.get(first.text)
    if definition is not None:
        return _call(session, words, given)
    reading = session.reading
    reading.options["folder"] = session.state.folder
    command = Command(words, _input(given, first.line), _source(given), environment=environment or {})
    known = len(reading.findings)
    builtin = BUILTINS.get(first.text)
    if builtin is not None:
        reading.touch(commands=[first.text])
        printed = builtin(session, command, node)
        flow = printed if printed is not None else output_of(command, given, reading) or NOTHING
    else:
        read_command(command, reading)
        flow = output_of(command, given, reading) or Flow()
    if flow == Flow() and any(found.rule in GIVES_SECRETS for found in reading.findings[known:]):
        flow = Flow(UNKNOWN, "secret")
    flow = _judged(session, command, given, flow, reading.findings[known:])
    return _whole(command, flow, reading.findings[known:])


def _whole(command: Command, flow: Flow, found: list[Finding]) -> Flow:
    """Return what a command prints, noted as all of a kind, or as some of it."""
    if flow.source == "listed":
        return replace(flow, source="") if chooses(command) else flow
    harmless = all(finding.severity.rank < RiskLevel.HIGH.rank for finding in found)
    if flow.text == UNKNOWN and flow.source in ("", "download") and harmless and lists_all(command):
        return replace(flow, source="listed") if not flow.source else flow
    return flow


def _source(given: Flow | None) -> str:
    return "" if given is None else given.source or ("unknown" if given.text == UNKNOWN else "")


def _input(given: Flow | None, line: int) -> Word | None:
    return None if given is None or given.text == UNKNOWN else Word(given.text, given.line or line, source=given.source)


def _dynamic(session: Session, words: list[Word], given: Flow | None) -> Flow:
    """A command whose name is not known; if it may be empty, what follows it is the command."""
    if words[0].source in ("download", "decoded"):
        run_code_of(session.reading, words[0].source, words[0])
        return Flow(UNKNOWN, words[0].source)
    content = file_content(session.reading, words[0])
    if content is not None and content.source in ("download", "decoded"):
        run_code_of(session.reading, content.source, words[0])
        return Flow(UNKNOWN, content.source)
    run_dynamic(session.reading, words[0])
    for name in _matching(words[0]):
        read_command(Command([words[0].with_text(name), *words[1:]], _input(given, words[0].line)), session.reading)
    if words[0].when_empty == "" and len(words) > 1 and words[1].known and not words[1].text.startswith("-"):
        invoke(session, words[1:], given)
    return Flow(UNKNOWN, given.source if given else "")


def _matching(word: Word) -> list[str]:
    """Return some programs that a pattern in place of a program may stand for."""
    if not word.glob or not word.known:
        return []
    expression = re.compile(expression_of(word.text.rsplit("/", 1)[-1]))
    return [name for name in _LIKELY if expression.fullmatch(name)][:6]


def _call(session: Session, words: list[Word], given: Flow | None) -> Flow:
    name = words[0].text
    definition = session.state.functions[name]
    session.reading.budget.step()
    if name in session.state.calls:
        if session.spawning > session.entered.get(name, 0):
            message = f"{name} starts itself again and again, until the machine stands still."
            session.reading.add(FORK_BOMB, message, words[0].line)
        return Flow(UNKNOWN, given.source if given else "")
    if len(session.state.calls) >= _MOST_CALLS:
        session.reading.add(TOO_DEEP, "Here, functions call functions too deep to be read.", words[0].line)
        return Flow()
    before, session.state.arguments = session.state.arguments, [replace(word, shown="") for word in words[1:]]
    if any(word.several for word in words[1:]):
        session.state.arguments = None
    try:
        return session.call(name, definition, given)
    finally:
        session.state.arguments = before


def _judged(session: Session, command: Command, given: Flow | None, flow: Flow, found: list[Finding]) -> Flow:
    """Return what a command prints with what it comes from, and note secrets that go to another machine."""
    rules = {finding.rule for finding in found}
    read_secret = bool(rules & GIVES_SECRETS)
    if given is not None and given.source == "secret" and command.name in _FILTERS and _looks_for_secrets(command):
        session.reading.add(READS_SECRET, "This looks for passwords or keys in what is printed.", command.line)
    carried = "secret" if read_secret else ""
    for word in command.words[1:]:
        carried = worse_source(carried, word.source if word.source in ("secret", "download") else "")
    source = worse_source(carried, given.source if given and command.name not in _COUNTS else "")
    signs_in = any(word.text in _SIGNS_IN for word in command.arguments)
    carries = (carried == "secret" and _sends(command, read_secret)) or (given is not None and given.source == "secret")
    leaks = carries and not signs_in
    if rules & _NETWORK and SENDS_SECRET.id not in rules and leaks:
        session.reading.add(SENDS_SECRET, "This sends secrets to another machine.", command.line)
    if "database.dumps" in rules:
        source = worse_source(source, "dump")
    if rules & _NETWORK:
        source = worse_source(source, "download")
        if given is not None and given.source == "shell":
            words = "This gives another machine a shell here, with which it can do whatever this account may do."
            session.reading.add(REVERSE_SHELL, words, command.line)
    if command.name in SHELLS and given is not None and not given.known and _interactive(command):
        source = "shell"
    return replace(flow, source=worse_source(flow.source, source) if source != "shell" else source)


_FILTERS = frozenset({"grep", "egrep", "fgrep", "rg", "ag", "ack", "awk", "gawk", "sed"})


def _looks_for_secrets(command: Command) -> bool:
    wanted = r"token|secret|passw|pwd|api.?key|access.?key|private|credential|(?<![a-z])key(?![a-z])|auth"
    return any(re.search(wanted, word.text, re.IGNORECASE) for word in command.arguments)


def _interactive(command: Command) -> bool:
    return all(re.fullmatch(r"-[il]+|-", word.text) for word in command.arguments)


def _sends(command: Command, read_secret: bool) -> bool:
    """Return True if a secret is what is sent, not the key with which the program signs in."""
    if read_secret and not any(word.source == "secret" for word in command.arguments):
        return False
    before = ""
    for word in command.arguments:
        if word.source == "secret" and not _is_login(before, word.text):
            return True
        before = word.text
    return False


def _is_login(option: str, text: str) -> bool:
    return option in ("-H", "--header", "-u", "--user", "-i", "--oauth2-bearer", "-b", "--cookie") or text.startswith(
        ("-H", "-u", "--header=", "--user=", "--password", "--token", "-p", "Authorization")
    )
