"""Methods of objects: files, paths, sockets, responses, databases, and whatever else has a method of that name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.effects import READS_SECRET, Act, act_on, connect
from app.risk.effects import UNKNOWN as UNKNOWN_CALL
from app.risk.places import Place, place_of, plain_path
from app.risk.python import clients, databases, files, functions, libraries, networks, processes, tables
from app.risk.python.values import ANY, Value, count_choices, held_by, joined, one_of, text_method, text_of
from app.risk.rules import declare, word_set
from app.risk.words import FRESH, UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

DELETES_OBJECT = declare(
    "python.deletes", RiskLevel.HIGH, "Calls a method whose name says that it deletes or stops something.",
    "client.delete_user(5)", "client.get_user(5)", language="python",
)  # fmt: skip
CHANGES_OBJECT = declare(
    "python.changes", RiskLevel.MEDIUM, "Calls a method whose name says that it changes something outside the process.",
    "client.create_user('a')", "client.get_user(5)", language="python",
)  # fmt: skip
_SENDS = word_set(
    "send sendall sendmail send_message storbinary storlines put_object upload_file upload_fileobj publish "
    "post putfo upload"
)
_PAYS = word_set("create capture refund confirm pay transfer send execute process submit")
_MONEY = word_set(
    "refund refunds charge charges payment payments paymentintent payment_intents transfer transfers payout "
    "payouts invoice invoices order_payment withdrawal withdrawals"
)
_DESTROYS = word_set(
    "delete drop destroy purge truncate wipe erase terminate uninstall shutdown kill prune flush flushall flushdb "
    "evict deprovision decommission revoke reset rollback unlink rmtree rmdir disable deregister detach format "
    "deactivate suspend unregister ban offboard"
)
_MANNERS = word_set("permanent permanently hard soft force bulk batch async begin try do safe safely admin mass")
"""What says how something is done, rather than what."""
_ENCRYPTS = word_set("encrypt encrypt_and_digest encryptor seal")
_FINAL = word_set("destroy purge truncate wipe erase terminate uninstall shutdown deprovision decommission revoke")
_LAST = word_set("delete drop destroy purge truncate wipe erase terminate unlink")
"""Verbs that may follow what they are done to: ``queue_purge``."""
_WHEN = word_set("on before after pre handle handler mark to allow confirm should not no drag ask schedule pending")
"""What stands before a verb in names that do not do it yet."""
_CHANGES = word_set(
    "create update insert write put patch post upload send publish push set modify move rename copy add save "
    "store commit enable start stop restart run invoke execute apply deploy install scale cancel close approve "
    "merge register subscribe grant attach authorize assign promote import export sync upgrade migrate archive "
    "restore trigger submit notify reply share invite"
)
_READS = word_set(
    "get list read search find fetch lookup describe show count view check query select retrieve load is has can "
    "exists head status validate verify parse format build make to from as compute calculate compare match scan "
    "iter next peek dump"
)


def call_method(made: Call) -> Value:
    """Find out what a method of an object would do, and return its value."""
    base, method = made.base, made.method
    sends = base.kind in ("response", "smtplib") or method in _SENDS
    if sends and "secret" in made.marks and method not in _READS:
        connect(made.reading, made.word(Value("another machine")), secret=True)
    if handler := functions.KNOWN_FUNCTIONS.get(f"{base.kind}.{method}"):
        return handler(made)
    if base.kind == "pathlib.Path":
        return _path(made)
    if method == "cleanup" and (base.text or "").startswith(FRESH):
        return ANY  # a temporary folder, which is made in the same text
    if base.text is not None and base.kind != "file.write":
        value = text_method(base, method, made.arguments)
        if value is not None:
            return value
    if base.kind == "socket":
        return _socket(made)
    if method == "extractall":
        files.extract(made, made.argument(0, "path"))
        return ANY
    if base.kind in ("file", "file.write", "response"):
        return _stream(made)
    if method == "open" and not base.kind:
        return functions.KNOWN_FUNCTIONS["builtins.open"](replace(made, arguments=[Value(UNKNOWN), *made.arguments]))
    if base.kind == "configparser.ConfigParser" and method == "read":
        return functions.KNOWN_FUNCTIONS["builtins.open"](replace(made, arguments=made.arguments[:1]))
    if base.kind == "process":
        return Value(kind="process", marks=base.marks)
    if base.kind == "dict" or base.items is not None:
        return _of_collection(made)
    if base.kind in tables.SESSIONS:
        return functions.call_function(made, f"{tables.SESSIONS[base.kind]}.{method}")
    if (found := clients.call_client(made, base.kind, method)) is not None:
        return found
    computes = base.kind.split(".")[0] in libraries.COMPUTING - {"duckdb"}
    for known in (libraries.call_object,) if computes else (databases.call_database, libraries.call_object):
        value = known(made)
        if value is not None:
            return value
    return by_name(made)


def _of_collection(made: Call) -> Value:
    """Return what a method of a list or dictionary returns; none of them has effects."""
    base, method = made.base, made.method
    if base.fields is None or base in made.evaluator.stale:
        items = base.items if method in ("copy", "values", "keys", "items") else None
        return Value(marks=base.marks, items=items, held=held_by([base, *made.arguments]))
    if method == "get" and made.arguments and made.arguments[0].known:
        found = [value for key, value in base.fields if key == made.arguments[0].text]
        return found[0] if found else made.argument(1, "default")
    if method == "items":
        return Value(items=tuple(Value(items=(Value(key), value)) for key, value in base.fields), marks=base.marks)
    if method == "keys":
        return Value(items=tuple(Value(key) for key, _ in base.fields))
    if method == "values":
        return Value(items=tuple(value for _, value in base.fields), marks=base.marks)
    if method == "copy":
        return base
    made.evaluator.note_stale(base)
    return Value(marks=base.marks, held=held_by([base, *made.arguments]))


def _path(made: Call) -> Value:
    if number := count_choices([made.base, *made.arguments]):
        # The path is one of several, such as a default: each of them counts.
        return one_of([_one_path(made.choosing(place)) for place in range(number)])
    return _one_path(made)


def _one_path(made: Call) -> Value:
    base, method = made.base, made.method
    name = f"pathlib.Path.{method}"
    if handler := _PATHS.get(method):
        return handler(made)
    if name in functions.KNOWN_FUNCTIONS:
        return functions.KNOWN_FUNCTIONS[name](made)
    if method == "open":
        inner = replace(made, arguments=[base, *made.arguments])
        return functions.KNOWN_FUNCTIONS["builtins.open"](inner)
    if method in ("expanduser", "resolve", "absolute"):
        return base
    if method == "joinpath":
        return replace(joined([base, *made.arguments], "/"), kind="pathlib.Path")
    if method in ("with_suffix", "with_stem"):
        # It stays where it is, and there is one for each of the files that a pattern stands for.
        return Value(f"{posixpath.dirname(text_of(base))}/{UNKNOWN}".lstrip("/"), kind="pathlib.Path", glob=base.glob)
    if method in ("with_name", "relative_to"):
        return Value(UNKNOWN, kind="pathlib.Path", glob=base.glob)
    return ANY


def _globbed(made: Call) -> Value:
    pattern = text_of(made.argument(0)) if made.arguments else "*"
    act_on(made.reading, Act.LIST, made.word(made.base))
    path = f"{text_of(made.base)}/{pattern}".removeprefix("./")
    made.evaluator.listed.add(plain_path(path))
    return Value(items=(Value(path, kind="pathlib.Path", glob=True),))


_PATHS: dict[str, Callable[[Call], Value]] = {"glob": _globbed, "rglob": _globbed, "iterdir": _globbed}


def _stream(made: Call) -> Value:
    base, method = made.base, made.method
    if method in ("write", "add") and made.arguments and re.search(r"\.(?:zip|tar|tgz|gz|bz2|xz)$", base.text or ""):
        path = made.arguments[0].text or ""
        if place_of(path) in (Place.SECRET, Place.ACCESS, Place.HOME):
            act_on(made.reading, Act.READ, made.word(made.arguments[0]))
            made.evaluator.secret_copies.add(base.text or "")
        return ANY
    if method in ("write", "writelines") and made.arguments:
        content = made.arguments[0]
        if base.text and "download" in content.marks:
            made.evaluator.downloaded.add(base.text)
        files.read_content(made, base, content)
        files.note_encrypted(made, base, content)
        if base.text and "secret" in content.marks:
            made.evaluator.secret_copies.add(base.text)
        if base.text and content.known:
            made.evaluator.written[base.text] = content.text or ""
        return ANY
    if method in tables.SAVES and made.arguments and made.arguments[0].text is not None:
        # A picture that was opened before is saved as another one.
        act_on(made.reading, Act.WRITE, made.word(made.arguments[0]))
    if method in ("read", "readline", "readlines", "getvalue", "decode", "json"):
        return Value(UNKNOWN, marks=base.marks)
    return Value(marks=base.marks, kind=base.kind)


def _socket(made: Call) -> Value:
    method = made.method
    if method in ("connect", "connect_ex") and made.arguments:
        made.evaluator.facts.add("socket")
        address = made.arguments[0]
        connect(made.reading, made.word(address.items[0] if address.items else address))
    elif method in ("send", "sendall", "sendto") and made.arguments:
        if "secret" in made.arguments[0].marks:
            connect(made.reading, made.word(Value("another machine")), secret=True)
    elif method in ("bind", "listen"):
        if method == "listen":
            made.evaluator.facts.add("socket")
            made.reading.add(networks.SERVES, "This opens a port for other machines.", made.line)
    elif method in ("recv", "recvfrom", "makefile"):
        return Value(UNKNOWN, marks=frozenset({"download"}))
    elif method == "accept":
        return Value(items=(Value(kind="socket"), ANY))
    return ANY


def _loses(made: Call, words: list[str]) -> bool:
    """Return True if this is done to everything that was listed, and what is lost is not easily made again."""
    values = (made.base, *made.arguments, *made.keywords.values())
    return words[0] in _LOSES and not made.filtered and any("listed" in value.marks for value in values)


def by_meaning(made: Call, words: list[str]) -> bool:
    """Note what a name says about money, secrets, rights, and messages, or a command that is handed over."""
    about = set(words)
    line, shown = made.line, made.method
    cookies = words[:1] in (["get"], ["list"], ["export"], ["dump"]) and words[-1:] == ["cookies"]
    if cookies or (words and words[0] in _READS | {"export", "decrypt", "reveal", "dump"} and about & _SECRETS):
        made.reading.add(READS_SECRET, f"The name {shown} says that this reads secrets.", line)
    elif words and words[0] in _MOVES_MONEY and (words[0] != "transfer" or about & _MONEY or len(words) == 1):
        made.reading.add(networks.PAYS, f"The name {shown} says that this moves money.", line)
    elif words and words[0] in _GRANTS and about & _RIGHTS:
        made.reading.add(databases.ACCOUNTS, f"The name {shown} says that this changes who may do what.", line)
    elif words and words[0] in ("send", "notify", "broadcast", "mail", "email") and about & _MESSAGES:
        level = RiskLevel.HIGH if made.many or words[0] == "broadcast" or "all" in about else RiskLevel.MEDIUM
        made.reading.add(libraries.MESSAGE, "This sends a message, which cannot be recalled.", line, level)
    elif made.method in _RUNS_TEXT and made.arguments and _COMMAND.match(made.arguments[0].text or ""):
        processes.read_shell(made, made.arguments[0])
    else:
        return False
    made.reading.doubt()
    return True


_SECRETS = word_set("secret secrets password passwords credentials passphrase")
_MOVES_MONEY = word_set("refund payout charge pay transfer withdraw wire disburse reimburse remit")
_GRANTS = word_set("grant add assign make promote set give attach elevate create")
_RIGHTS = word_set(
    "admin admins administrator superuser root owner role roles permission permissions policy sudo collaborator "
    "privilege privileges rights sudoer staff"
)
_MESSAGES = word_set("mail mails email emails sms message messages newsletter notification notifications all everyone")
_RUNS_TEXT = word_set(
    "run sudo local cmd sh shell system run_command execute_command run_shell check_output popen call"
)
_COMMAND = re.compile(r"(?:sudo\s+)?[\w./~-]+(?:\s+\S|$)")
_WHOLE = word_set(
    "all everything database databases db bucket buckets schema cluster namespace backup backups snapshot snapshots "
    "volume volumes tenant vault instances collection collections index indices table tables dataset keyspace graph "
    "realm topic topics stream streams zone recovery filesystem warehouse"
)
_LOSES = word_set("delete drop destroy purge truncate wipe erase terminate remove unlink rmtree clear nuke reset")


def by_name(made: Call) -> Value:
    """Judge a method of an unknown object by its name."""
    base, method = made.base, made.method
    words = list(clients.words_of(method))
    if len(words) > 1 and words[0] in _MANNERS:
        words = words[1:]
        method = "_".join(words)
    elif len(words) > 1 and words[-1] in _LAST and words[0] not in _DESTROYS | _CHANGES | _READS | _WHEN:
        words = [words[-1], *words[:-1]]
    value = Value(marks=base.marks | made.marks, kind=base.kind)
    if method in _ENCRYPTS:
        return value.marked("encrypted")
    if method in tables.SAVES and made.arguments and made.arguments[0].text is not None:
        act_on(made.reading, Act.WRITE, made.word(made.arguments[0]))
        return value
    if method in tables.HARMLESS_METHODS or method in tables.STREAM_WRITES:
        return value
    if base.kind and base.kind.split(".")[0] in libraries.COMPUTING:
        return value
    if by_meaning(made, words):
        return value
    if words and words[0] in _PAYS and _MONEY & {name.lower() for name in made.chain}:
        made.reading.add(networks.PAYS, f"This calls {'.'.join(made.chain[-2:])}, which moves money.", made.line)
    elif words and words[0] in _DESTROYS and len(words) > 1:
        whole = _WHOLE & set(words[1:]) or (_loses(made, words) and made.many)
        level = RiskLevel.CRITICAL if whole and words[0] in _LOSES else RiskLevel.HIGH
        words_for = f"The name {method} says that this deletes or stops something."
        made.reading.add(DELETES_OBJECT, words_for, made.line, level)
    elif method in _DESTROYS:
        level = RiskLevel.HIGH if method in _FINAL or made.evaluator.loops else RiskLevel.MEDIUM
        tasks = method == "purge" and "control" in made.chain
        if (_loses(made, words) and made.many) or tasks or re.search(r"\b(?:delete_)?all\s*=\s*True", made.shown):
            level = RiskLevel.CRITICAL
        made.reading.add(DELETES_OBJECT, f"This calls {method}, which deletes or stops something.", made.line, level)
    elif words and words[0] in _CHANGES:
        made.reading.add(CHANGES_OBJECT, f"The name {method} says that this changes something.", made.line)
    elif words and words[0] in _READS:
        made.reading.doubt()
        lists = re.match(r"(?:get_|find_|fetch_|iter_)?(?:all|list|each)|(?:get|fetch|search|find)_\w+s$", method)
        named = any(clients.is_filter(name) for name in made.keywords)
        chosen = named or any(not value.empty for value in made.arguments)
        return value.marked("listed") if lists and not chosen else value
    else:
        made.reading.add(UNKNOWN_CALL, f"What {method} does here is not known.", made.line)
    made.reading.doubt()
    return value
