"""Functions of Python that connect to other machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.addresses import note_request, sends_message
from app.risk.commands import web
from app.risk.commands.network import LOOKS
from app.risk.effects import (
    DYNAMIC,
    INTERNAL,
    READS_SECRET,
    SENDS,
    Act,
    act_on,
    connect,
)  # fmt: skip
from app.risk.people import holds_people
from app.risk.python import tables
from app.risk.python.values import ANY, Value, rendered, text_of
from app.risk.rules import declare, word_set
from app.risk.words import FRESH
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

from app.risk.python.functions import function

DELETES_THERE = declare(
    "network.deletes", RiskLevel.HIGH, "Asks another machine to delete something.",
    "import requests\nrequests.delete('https://api.example.com/items/5')",
    "import requests\nrequests.get('https://api.example.com/items/5')", language="python",
)  # fmt: skip
UNCHECKED = declare(
    "python.unchecked", RiskLevel.HIGH, "Does not check who the other machine is.",
    "import requests\nrequests.post('https://api.example.com/', verify=False)",
    "import requests\nrequests.post('https://api.example.com/')", language="python",
)  # fmt: skip
PAYS = declare(
    "python.pays", RiskLevel.HIGH, "Moves money.", "import stripe\nstripe.Refund.create(charge='ch_1')",
    "import stripe\nstripe.Refund.list()", language="python",
)  # fmt: skip
SERVES = declare(
    "python.serves", RiskLevel.MEDIUM, "Opens a port for other machines.",
    "import uvicorn\nuvicorn.run('a:b')", "import uvicorn", language="python",
)  # fmt: skip


@function(tables.ASKS | tables.SENDS)
def _network(made: Call) -> Value:
    verb = made.method.lower()
    if verb == "request" and "Request" in made.shown.partition("(")[0].rpartition(".")[2]:
        return _described(made)
    if verb in _CONNECTIONS:
        return _opened(made)
    first = made.argument(0, "url", "fullurl")
    if first.kind == "urllib.request.Request":
        return Value(kind="response", marks=frozenset({"download"}))
    named = verb in ("request", "stream", "urlopen") and len(made.arguments) > 1 and "://" not in text_of(first)
    method = text_of(made.argument(0, "method")).upper() if named or "method" in made.keywords else verb.upper()
    if "method" in made.keywords:
        method = text_of(made.keywords["method"]).upper()
    place = 1 if named else 0
    target = made.argument(place, "url", "uri", "fullurl")
    if target.items:
        target = target.items[0]
    if target.text is None and made.keywords.get("url", ANY).text is not None:
        target = made.keywords["url"]
    before = len(made.reading.findings)
    _ask(made, method, target, place + 1)
    inside = any(found.rule == INTERNAL.id for found in made.reading.findings[before:])
    gives = {"secret"} if inside and method == "GET" else set()
    if verb == "urlretrieve":
        path = made.argument(1, "filename", "out")
        path = path if path != ANY else Value(f"{FRESH}download")
        act_on(made.reading, Act.WRITE, made.word(path))
        if path.text:
            made.evaluator.downloaded.add(path.text)
        return Value(items=(path, Value(kind="response")))
    chosen = _chooses(made, text_of(target))
    listed = frozenset({"listed"}) if method == "GET" and not chosen else frozenset()
    return Value(kind="response", marks=frozenset({"download"}) | listed | gives)


_PAGES = word_set(
    "limit per_page perpage page page_size pagesize first top skip max maxresults after cursor offset order"
)


def _chooses(made: Call, address: str) -> bool:
    """Return True if the parameters of a request choose some of what there is, and do not only divide it into pages."""
    given = made.keywords.get("params")
    names = {name for name, _ in given.fields} if given is not None and given.fields is not None else set()
    if given is not None and not names:
        return True
    names |= {part.partition("=")[0] for part in address.partition("?")[2].split("&") if part}
    return bool({name.lower() for name in names} - _PAGES)


_CONNECTIONS = word_set(
    "httpconnection httpsconnection create_connection connect serverproxy smtp smtp_ssl gethostbyname "
    "getaddrinfo gethostbyname_ex gethostbyaddr resolve query parse"
)
_BODY = ("data", "files", "json", "content", "body", "fields", "params")
_CREDENTIAL = re.compile(
    r"pass|secret|token|api_?key|credential|auth|client_id|signature|otp|code|assertion", re.IGNORECASE
)
"""Names of fields with which a program signs in."""
_MONEY = re.compile(
    r"/(?:refunds?|payouts?|transfers?|charges?|payments?|withdrawals?|payment_intents)\b", re.IGNORECASE
)
_ENDS = re.compile(
    r"/(?:delete|destroy|terminate|purge|wipe|shutdown|reset|drop|revoke|deactivate|uninstall|factory-reset|remove)"
    r"(?:[-_/?]\w*)*$|[?&](?:action|method|op)=(?:delete|destroy|terminate|purge|wipe|drop)",
    re.IGNORECASE,
)
_PEOPLE = re.compile(r"/(?:users?|accounts?|members?|people|employees|principals|identities|staff)\b", re.IGNORECASE)
_SHUTS_OUT = re.compile(
    r"['\"]?(?:account_?enabled|enabled|active|is_?active)['\"]?\s*:\s*['\"]?false\b"
    r"|['\"]?(?:suspended|disabled|blocked|locked|deactivated)['\"]?\s*:\s*['\"]?true\b"
    r"|['\"]?(?:status|state)['\"]?\s*:\s*['\"](?:suspended|deactivated|disabled|blocked|locked|deprovisioned)\b",
    re.IGNORECASE,
)
_RUNS_THERE = re.compile(r"/(?:scriptText|script|exec|eval|run-command|_execute|console)/?(?:\?|$)")


def _ask(made: Call, method: str, target: Value, place: int) -> None:
    """Note a request: what is sent where, and what the address says that it does."""
    if "http" in made.evaluator.mocked:
        return
    sends = method in ("POST", "PUT", "PATCH", "DELETE") or bool({"data", "files", "json"} & set(made.keywords))
    data = [*made.arguments[place:], *(made.keywords[name] for name in _BODY if name in made.keywords)]
    hidden = [made.keywords[name] for name in ("headers", "cookies") if name in made.keywords]
    secret = any("secret" in value.marks for value in [*data, *hidden, target])
    secret = secret or any(_gives_away(value) for value in [*data, target])
    connect(made.reading, made.word(target), sends=sends, secret=secret)
    note_request(made.reading, method, made.word(target))
    if sends and made.many and sends_message(text_of(target)) and not _to_known(data):
        words = f"This sends a message by {made.word(target).display} to everybody whom the loop goes through."
        made.reading.add(SENDS, words, made.line, RiskLevel.HIGH)
    for value in (made.keywords.get("files"), made.keywords.get("data")) if sends else ():
        named = next((text for text in _files_in(value) if holds_people(text)), "") if value is not None else ""
        if named:
            made.reading.add(SENDS, f"This sends {named[:80]}, the data of many people.", made.line, RiskLevel.HIGH)
    if sends and any("dump" in value.marks for value in data):
        made.reading.add(SENDS, "This sends a copy of a database to another machine.", made.line, RiskLevel.HIGH)
    if method == "DELETE" and not secret:
        if web.deletes_store(text_of(target)) or ("listed" in target.marks and made.many and not made.filtered):
            words = f"This asks {made.word(target).display} to delete everything of a kind."
            made.reading.add(web.DELETES_ALL, words, made.line)
        else:
            made.reading.add(DELETES_THERE, "This asks another machine to delete something.", made.line)
    elif sends:
        _ask_by_address(made, target, data)
    _note_unchecked(made)


def _files_in(value: Value) -> list[str]:
    """Return the paths of the files among what is sent."""
    parts = [value, *(value.items or ()), *(inner for _, inner in value.fields or ())]
    return [part.text for part in parts if part.kind == "file" and part.text]


def _to_known(data: list[Value]) -> bool:
    """Return True if what is sent is known to the last part, so that no message goes to somebody else in each round."""
    return bool(data) and all(value.known for value in data)


def _ask_by_address(made: Call, target: Value, data: list[Value]) -> None:
    """Note what the address of a request says that it does."""
    text, shown = text_of(target), made.word(target).display
    if _MONEY.search(text.split("?")[0]):
        made.reading.add(PAYS, f"The address {shown} says that this moves money.", made.line)
    elif "_delete_by_query" in text:
        rule = web.DELETES_ALL if "match_all" in "".join(rendered(value) for value in data) else DELETES_THERE
        made.reading.add(rule, "This asks a search engine to delete documents.", made.line)
    elif _PEOPLE.search(text) and (shut := _SHUTS_OUT.search("".join(rendered(value) for value in data))) is not None:
        everybody = "listed" in target.marks and made.many and not made.filtered
        words = f"This sets {shut[0][:40]} at {shown}: " + ("everybody" if everybody else "somebody") + " loses access."
        made.reading.add(web.DELETES_ALL if everybody else DELETES_THERE, words, made.line)
    elif _ENDS.search(text) and "listed" in target.marks and made.many and not made.filtered:
        made.reading.add(web.DELETES_ALL, f"The address {shown} says that this ends everything of a kind.", made.line)
    elif _ENDS.search(text):
        made.reading.add(DELETES_THERE, f"The address {shown} says that this deletes or ends something.", made.line)
    elif _RUNS_THERE.search(text):
        made.reading.add(DYNAMIC, f"The address {shown} says that this runs code there.", made.line)


def _gives_away(value: Value, key: str = "") -> bool:
    """Return True if a secret of the environment is sent other than to sign in."""
    if value.fields is not None:
        return any(_gives_away(part, name) for name, part in value.fields)
    return "credential" in value.marks and not _CREDENTIAL.search(key)


def _note_unchecked(made: Call) -> None:
    unchecked = made.is_false("verify") or made.is_false("ssl") or "unchecked" in made.evaluator.facts
    if unchecked or "unchecked" in made.marks:
        words = "This does not check who the other machine is, so anybody between can read and change what is sent."
        made.reading.add(UNCHECKED, words, made.line)


def set_up(facts: set[str], name: str, value: Value) -> None:
    """Note how a session with other machines is set up."""
    if name == "verify" and value.name == "builtins.False":
        facts.add("unchecked")
    elif name in ("auth", "headers", "cookies", "cert"):
        facts.add("signs in")


def _described(made: Call) -> Value:
    """Note a request that is made and sent in two steps."""
    target = made.argument(0, "url", "fullurl")
    method = text_of(made.keywords["method"]).upper() if "method" in made.keywords else ""
    data = made.argument(1, "data")
    _ask(made, method or ("POST" if data != ANY else "GET"), target, 1)
    return Value(target.text, kind="urllib.request.Request", marks=frozenset({"download"}))


_ASKS_WHERE = word_set("gethostbyname getaddrinfo gethostbyname_ex gethostbyaddr resolve query")


def _opened(made: Call) -> Value:
    """Note a connection that is opened."""
    target = made.argument(0, "url", "host", "address", "uri")
    target = target.items[0] if target.items else target
    if made.method.startswith("SMTP") and target == ANY:
        return Value(kind="smtplib")
    asked = made.method.lower() in _ASKS_WHERE
    # The server that resolves a name learns the whole name.
    secret = "secret" in target.marks or (asked and _gives_away(target))
    if asked and not secret:
        made.reading.add(LOOKS, f"This asks where {made.word(target).display} is.", made.line)
        return Value(kind="response", marks=frozenset({"download"}))
    connect(made.reading, made.word(target), secret=secret)
    if made.method.startswith("SMTP"):
        return Value(kind="smtplib")
    if made.method.startswith("HTTP"):
        return Value(target.text, kind="http.client")
    return Value(kind="response", marks=frozenset({"download"}))


@function(["http.client.request", "http.client.putrequest"])
def _request(made: Call) -> Value:
    _ask(made, text_of(made.argument(0)).upper(), made.argument(1, "url"), 2)
    return ANY


@function(["http.client.getresponse"])
def _response(_made: Call) -> Value:
    return Value(kind="response", marks=frozenset({"download"}))


@function(
    [
        "paramiko.RSAKey.from_private_key_file",
        "paramiko.Ed25519Key.from_private_key_file",
        "paramiko.ECDSAKey.from_private_key_file",
        "paramiko.PKey.from_path",
    ]
)
def _private_key(made: Call) -> Value:
    act_on(made.reading, Act.READ, made.word(made.argument(0, "filename", "path")))
    return Value(marks=frozenset({"secret"}))


@function(["ssl._create_unverified_context"])
def _unchecked_context(_made: Call) -> Value:
    return Value(marks=frozenset({"unchecked"}))


@function(tables.SERVES)
def _serve(made: Call) -> Value:
    made.evaluator.facts.add("serves")
    if "SimpleHTTPRequestHandler" in made.shown and "keeps secrets" in made.evaluator.facts:
        made.reading.add(
            SERVES, "This lets others read a folder in which secrets are kept.", made.line, RiskLevel.CRITICAL
        )
    made.reading.add(SERVES, "This opens a port for other machines.", made.line)
    return Value(kind="socket")


@function(["socket.socket", "socket.SocketType"])
def _socket(_made: Call) -> Value:
    return Value(kind="socket")


@function(["socket.create_server"])
def _server(made: Call) -> Value:
    made.evaluator.facts.add("socket")
    return _serve(made)


@function(["socket.create_connection"])
def _connection(made: Call) -> Value:
    _connect_socket(made, made.argument(0))
    return Value(kind="socket")


def _connect_socket(made: Call, address: Value) -> None:
    made.evaluator.facts.add("socket")
    connect(made.reading, made.word(address.items[0] if address.items else address))


@function(tables.SECRETS)
def _secret(made: Call) -> Value:
    if made.method != "getpass":
        made.reading.add(READS_SECRET, "This reads a stored password.", made.line)
    return Value(marks=frozenset({"secret"}))
