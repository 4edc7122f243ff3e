"""Tools that run a program with arguments, as a list, as a text, or under named keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from app.risk.commands.cloud_rules import kind_of
from app.risk.commands.network import REMOTE
from app.risk.commands.table import Command, handlers, read_command
from app.risk.effects import run_dynamic
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools.call import ToolCall, words_in
from app.risk.words import Word, words_of
from assent.contracts import RiskLevel

_PROGRAM = ("program", "executable", "binary", "exe", "file", "cmd", "command", "interpreter")
_LISTS = (
    "argv",
    "args",
    "arguments",
    "commandline",
    "words",
    "params",
    "parameters",
    "argslist",
    "cmdargs",
    "command",
    "cmd",
    "exec",
    "input",
)
_VERBS = ("subcommand", "verb", "action", "operation", "command", "cmd", "sub")
_POSITIONAL = word_set(
    "branchname basebranch "
    "resource resources kind type name names target branch remote ref refs refspec tag path paths pod image "
    "container script service stack release chart package packages file key bucket object repo repository url commit "
    "revision source destination"
)
_COMMANDS = word_set("command cmd commandline")
_HOSTS = word_set("host hostname server target address machine")
_SETTINGS = word_set("cwd workdir workspace timeout description explanation directory dir folder env environment")
_PROSE = word_set("message body title notes note comment comments summary text reason subject labels metadata")
_MOST_WORDS = 500
_SAYS_NOTHING = word_set("tool run runner cli client execute executor exec command admin manager wrapper server api")
_ONLY_PRINTS = word_set("help version usage")
_DRY = word_set("dryrun dry whatif check noop simulate preview plan validateonly")
_GIT_WORDS = {
    "create branch": "branch", "branch create": "branch", "list branches": "branch", "diff unstaged": "diff",
    "diff staged": "diff --staged", "delete branch": "branch -D", "branch delete": "branch -D",
    "switch branch": "switch",
    "checkout branch": "checkout", "force push": "push --force", "create tag": "tag", "stash pop": "stash pop",
}  # fmt: skip
"""What servers for Git call the subcommands."""
_ELSEWHERE = word_set("ssm salt saltstack winrm psexec psremoting fabric ansible rundeck")
_MACHINES = word_set(
    "host hosts hostname instance instanceid instanceids machine machineid node remotehost sshhost vm vmid"
)
UNREAD = declare(
    "tool.args.unread", RiskLevel.MEDIUM, "An argument of a tool that is named after a program has not been read.",
    '{"tool": "kubectl_apply", "args": {"manifest": "a\\nb"}}', '{"tool": "git_commit", "args": {"message": "a\\nb"}}',
    language="tool_call", unread=True,
)  # fmt: skip


def argument_lists(call: ToolCall) -> list[list[str]]:
    """Return the arguments that are lists of texts, as words of a command."""
    found: list[list[str]] = []
    if isinstance(call.args, Mapping):
        for key, value in call.args.items():
            plain = "".join(words_in(str(key)))
            if plain in _LISTS and isinstance(value, list) and value and all(isinstance(word, str) for word in value):
                found.append([str(word) for word in value][:_MOST_WORDS])
    return found


def read_words(call: ToolCall, reading: Reading) -> bool:
    """Read a program that is given as a list, or as a program and its arguments. Returns False if there is none."""
    program = next((call.text(name) for name in _PROGRAM if call.text(name)), "")
    lists = argument_lists(call)
    rest = call.value("args") if call.value("args") is not None else call.value("arguments", "argv", "params")
    if (
        program
        and " " not in program.strip()
        and isinstance(rest, (list, str))
        and not (lists and lists[0] and not rest)
    ):
        words = _split(rest)
        run_words([program, *words], call, reading)
        return True
    if lists and not program:
        for words in lists:
            if any(" " in word and len(words) > 1 and number == 0 for number, word in enumerate(words)):
                # A list of commands rather than one of words.
                reading.read("shell", "\n".join(words))
            else:
                run_words(words, call, reading)
        return True
    return False


def _split(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(word) for word in value][:_MOST_WORDS]
    try:
        return shlex.split(str(value))[:_MOST_WORDS]
    except ValueError:
        return str(value).split()[:_MOST_WORDS]


def run_words(words: list[str], call: ToolCall, reading: Reading) -> None:
    """Read the words of a command that a call gives."""
    given = call.text("stdin", "input")
    known = Word(given) if given and given not in words else None
    read_command(Command(words_of(*words), input=known), reading)


def note_elsewhere(call: ToolCall, reading: Reading) -> None:
    """Note that a call runs its command on another machine, as the name of its tool or an argument says."""
    named = bool(set(call.all_words) & _ELSEWHERE)
    host = next((setting.text for setting in call.settings[:50] if setting.plain in _MACHINES and setting.text), "")
    if (named or host) and host.lower() not in ("localhost", "127.0.0.1", "::1", "local"):
        reading.add(REMOTE, f"This acts on {host[:80] or 'another machine'}.")


def has_words(call: ToolCall) -> bool:
    """Return True if a call gives words of a command, so that its tool's name is not all that says what it does."""
    return bool(_line(call) or argument_lists(call) or any(call.text(name) for name in _VERBS))


def _line(call: ToolCall) -> str:
    names = ("command", "cmd", "args", "arguments", "input", "commandline")
    return next((call.text(name) for name in names if call.text(name)), "")


def own_program(call: ToolCall) -> str:
    """Return the program whose name is all of the tool's own, if the call gives its words; empty if there is none."""
    name = call.own.lower().replace("_", "-")
    given = argument_lists(call) or any(call.text(key) for key in ("args", "arguments", "argv", "command", "cmd"))
    return name if given and re.fullmatch(r"[a-z][\w-]{1,40}", name) and name in handlers() else ""


def note_unread(call: ToolCall, reading: Reading) -> None:
    """Note an argument that is no word of a command: a text of several lines, or fields with values."""
    used = {*_LISTS, *_VERBS, "stdin"} | _SETTINGS | _PROSE
    for key, value in call.args.items() if isinstance(call.args, Mapping) else ():
        left_out = isinstance(value, Mapping) or (isinstance(value, str) and re.search(r"[\r\n]", value.strip()))
        if value and left_out and not {*words_in(str(key)), "".join(words_in(str(key)))} & used:
            with reading.at_item(str(key)[:200]):
                reading.add(UNREAD, f"What the argument {str(key)[:60]} does has not been read.")
            return


def read_program(call: ToolCall, program: str, reading: Reading) -> bool:
    """Read a call of a tool that is named after a program, such as ``git_push`` or ``kubectl``."""
    words = [program]
    text, lists = _line(call), argument_lists(call)
    if not lists:
        text = text or next((argument.text for argument in call.texts if argument.words & _COMMANDS), "")
    if program == "aws" and (operation := call.text("operationname", "operation", "apiname", "apiaction")):
        run_words([program, *_service_operation(call, operation)], call, reading)
        return True
    if program == "aws" and lists and (service := call.text("service")) and lists[0][:1] != ["aws"]:
        run_words([program, *([] if lists[0][:1] == [service] else [service]), *lists[0]], call, reading)
        return True
    if program == "ansible" and (module := call.text("module", "modulename")):
        pattern = call.text("pattern", "hosts", "host", "inventory", "target") or "all"
        run_words([program, pattern, "-m", module, "-a", _line(call)], call, reading)
        return True
    if program == "ssh" and text:
        hosts = (argument.text for argument in call.texts if argument.words & _HOSTS)
        host = next((host for host in hosts if host.strip() and not host.startswith("-")), "host")
        run_words(["ssh", host, text], call, reading)
        return True
    if (text or lists) and "exec" in call.words and program in ("docker", "podman", "kubectl", "oc"):
        names = _named(call, {"command", "cmd", "exec", "argv", "args", "arguments", "input", "commandline"})
        inside = _split(text) if text else lists[0]
        run_words([program, "exec", *names, *(["--"] if program in ("kubectl", "oc") else []), *inside], call, reading)
        return True
    if text and (" " in text.strip() or not set(call.words) - set(words_in(call.own.split("_")[0]))):
        start = text.strip().split()[:1]
        rest = text.strip()
        line = rest if start and start[0].rpartition("/")[2] == program else f"{program} {rest}"
        flags = shlex.join(_named(call, {"command", "cmd", "args", "arguments", "input", "commandline"}))
        reading.read("shell", f"{line} {flags}".strip())
        return True
    if lists:
        given = lists[0]
        if given[:1] != [program]:
            named = [word for word in words_in(call.own) if word not in {program, *_SAYS_NOTHING, "k8s", "kubernetes"}]
            words += named if named[:1] != given[:1] else []
        words += given[1:] if given[:1] == [program] else given
    else:
        words += _subcommand(call, program)
        words += _named(call, set(_VERBS))
    if any(option.lstrip("-").partition("=")[0].replace("-", "") in _DRY for option in words[1:]):
        # Only the tool knows whether it honors this.
        reading.doubt()
    if len(words) == 1:
        run_dynamic(reading, f"the tool {call.tool[:60]}")
        return True
    run_words(words, call, reading)
    return True


def _subcommand(call: ToolCall, program: str) -> list[str]:
    verb = next((call.text(name) for name in _VERBS if call.text(name)), "") or _action_in(call)
    if program == "git" and (words := _GIT_WORDS.get(" ".join(word for word in call.words if word != "git"))):
        return words.split()
    rest = [word for word in call.words if word not in (program, "k8s", "kubernetes") and word not in _SAYS_NOTHING]
    if program == "aws" and len(rest) > 2 and not verb:
        return _aws_operation(rest)
    return [*rest, *(shlex.split(verb) if verb.count('"') % 2 == 0 and verb.count("'") % 2 == 0 else verb.split())]


def _service_operation(call: ToolCall, operation: str) -> list[str]:
    """Return a service, an operation, and its parameters as the words of Amazon's client."""
    service = call.text("servicename", "service", "client").lower()
    words = ["s3api" if service == "s3" else service, "-".join(words_in(operation))]
    parameters = call.value("parameters", "params", "arguments", "args", "input")
    for key, value in parameters.items() if isinstance(parameters, Mapping) else ():
        option = "--" + "-".join(words_in(str(key)))
        values = value if isinstance(value, list) else [value]
        shown = [str(entry) for entry in values if isinstance(entry, (str, int)) and not isinstance(entry, bool)]
        words += [option, *shown] if value is not False else []
    return [word for word in words if word][:_MOST_WORDS]


def _aws_operation(words: list[str]) -> list[str]:
    """Return the service and the operation that a name is made of, such as ``ec2 stop-instances``."""
    service = words[0] + (words[1] if words[1].isdigit() else "")
    operation = words[2:] if words[1].isdigit() else words[1:]
    first = next((number for number, word in enumerate(operation) if kind_of(word)), 0)
    operation = [*operation[first:], *operation[:first]]
    if service == "s3" and len(operation) > 1:
        service = "s3api"
    return [service, "-".join(operation)]


def _action_in(call: ToolCall) -> str:
    """Return the words of an action that is an object, such as ``{"name": "destroy", "flags": ["-auto-approve"]}``."""
    action = call.value("action", "command", "operation")
    if not isinstance(action, Mapping):
        return ""
    inner = ToolCall("", action)
    flags = inner.value("flags", "args", "arguments", "options")
    words = [inner.text("name", "verb", "subcommand", "type"), *(map(str, flags) if isinstance(flags, list) else ())]
    return shlex.join(word for word in words if word)


def _named(call: ToolCall, left_out: set[str]) -> list[str]:
    """Return named arguments as words: positional ones first, then options."""
    positional: list[str] = []
    options: list[str] = []
    for key, value in call.args.items() if isinstance(call.args, Mapping) else ():
        names = words_in(str(key))
        plain = "".join(names)
        if plain in left_out or plain in _SETTINGS or not names:
            continue
        option = "--" + "-".join(names)
        if plain in _ONLY_PRINTS:
            # Of a program this would print a text and do nothing else; a tool may not even know it.
            continue
        if value is True:
            options.append(option if plain != "autoapprove" else "-auto-approve")
        elif isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            if plain in _POSITIONAL:
                positional.append(str(value))
            else:
                options.append(f"{option}={value}")
        elif isinstance(value, list):
            positional += [str(entry) for entry in value if isinstance(entry, (str, int))]
    return [word for word in [*positional, *options][:_MOST_WORDS] if not re.search(r"[\r\n]", word)]
