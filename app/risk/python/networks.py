"""Functions of Python that connect to other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.risk.effects import (
    READS_SECRET,
    Act,
    act_on,
    connect,
)  # fmt: skip
from app.risk.python import tables
from app.risk.python.values import Value, text_of
from app.risk.rules import declare
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

from app.risk.python.functions import function

DELETES_THERE = declare(
    "network.deletes", RiskLevel.HIGH, "Asks another machine to delete something.",
    "import requests\nrequests.delete('https://api.example.com/items/5')",
    "import requests\nrequests.get('https://api.example.com/items/5')", language="python",
)  # fmt: skip
SERVES = declare(
    "python.serves", RiskLevel.MEDIUM, "Opens a port for other machines.",
    "import uvicorn\nuvicorn.run('a:b')", "import uvicorn", language="python",
)  # fmt: skip


@function(tables.ASKS | tables.SENDS)
def _network(made: Call) -> Value:
    first = made.argument(0)
    verb = made.method.lower()
    target = made.argument(
        1 if verb in ("request", "stream") and len(made.arguments) > 1 else 0, "url", "host", "address", "uri"
    )
    if target.items:
        target = target.items[0]
    if target.kind == "urllib.request.Request":
        return Value(kind="response", marks=frozenset({"download"}))
    method = text_of(first).upper() if verb == "request" else verb.upper()
    sends = method in ("POST", "PUT", "PATCH", "DELETE", "SENDMAIL", "SEND_MESSAGE") or bool(
        {"data", "files", "json"} & set(made.keywords)
    )
    data = [
        *made.arguments[1:],
        *(
            made.keywords[name]
            for name in ("data", "files", "json", "content", "params", "headers")
            if name in made.keywords
        ),
    ]
    secret = any("secret" in value.marks for value in [*data, target])
    connect(made.reading, made.word(target), sends=sends, secret=secret)
    if method == "DELETE" and not secret:
        made.reading.add(DELETES_THERE, "This asks another machine to delete something.", made.line)
    if verb == "urlretrieve" or made.shown.startswith("wget.download"):
        path = made.argument(1, "filename", "out")
        act_on(made.reading, Act.WRITE, made.word(path))
        if path.known:
            made.evaluator.downloaded.add(path.text or "")
    if made.shown.startswith(("smtplib", "SMTP")):
        return Value(kind="smtplib")
    kind = "response" if verb != "request" or "urllib.request.Request" not in made.shown else "urllib.request.Request"
    return Value(target.text if kind != "response" else None, kind=kind, marks=frozenset({"download"}))


@function(tables.SERVES)
def _serve(made: Call) -> Value:
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
