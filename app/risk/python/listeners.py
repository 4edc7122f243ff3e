"""Programs that others reach: servers, and handlers of what comes from other machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.effects import connect
from app.risk.python.clients import Use, library
from app.risk.python.functions import function
from app.risk.python.networks import SERVES
from app.risk.python.processes import REVERSE_SHELL
from app.risk.python.values import Value, text_of
from app.risk.rules import word_set

if TYPE_CHECKING:
    from app.risk.python.calls import Call
    from app.risk.python.evaluator import Evaluator

_ANSWER = Value(kind="response", marks=frozenset({"download"}))
_GIVES_ALL = re.compile(r"ClassicService|SlaveService|classic\.(?:SlaveService|ModuleNamespace)|VoidService.*allow_all")
"""Services of RPyC that let anyone who connects import and call anything."""
_LOCAL = ("localhost", "127.0.0.1", "::1", "")


@function(["asyncio.open_connection", "asyncio.open_unix_connection"])
def _streams(made: Call) -> Value:
    connect(made.reading, made.word(made.argument(0, "host")))
    return Value(items=(_ANSWER, Value(kind="socket")))


@library(
    "rpyc", "Pyro4", "Pyro5", "websockets", "socketio", "spyne", "jsonrpcserver", "zerorpc", "grpc", "hbmqtt", "quart",
)  # fmt: skip
def call_server(use: Use) -> Value | None:
    """Judge a call of a library for servers whose clients call functions."""
    made, method = use.made, use.method
    if method in ("connect", "Proxy", "insecure_channel", "secure_channel", "classic", "ssh_connect"):
        connect(made.reading, made.word(made.argument(0, "host", "uri", "target")))
        return Value(kind=use.result().kind, marks=frozenset({"download"}))
    if re.search(r"Server$|^serve|Daemon$|^(?:run|requestLoop|loop|bind|start)$|^server$", method):
        made.evaluator.facts.add("serves")
        if _GIVES_ALL.search(made.shown):
            words = "Anybody who connects to this server may run any code on this machine."
            made.reading.add(REVERSE_SHELL, words, made.line)
        elif method != "start":
            made.reading.add(SERVES, "This opens a port for other machines.", made.line)
        return use.result()
    if method in ("recv", "receive", "get_message"):
        return use.result("download")
    return use.result() if method[:1].isupper() or method in ("expose", "register", "event", "on", "Router") else None


@library("debugpy", "ptvsd", "pydevd", "remote_pdb", "rfoo", "manhole", "IPython")
def call_debugger(use: Use) -> Value | None:
    """Judge a call that lets a debugger or a console be reached from elsewhere."""
    made = use.made
    if use.method not in ("listen", "enable_attach", "RemotePdb", "set_trace", "embed_kernel", "install", "connect"):
        return None
    address = made.argument(0, "host", "address")
    host = text_of(address.items[0]) if address.items else text_of(address) if address.text is not None else ""
    if host.lower() not in _LOCAL and use.method != "connect":
        made.reading.add(REVERSE_SHELL, "Anybody who connects may run any code in this process.", made.line)
    else:
        made.reading.add(SERVES, "This lets a debugger connect.", made.line)
    return use.result()


HANDLES = word_set(
    "start_server start_unix_server register_function register_instance add_method basic_consume subscribe add_handler "
    "add_url_rule add_api_route add_route message_callback_add on serve add_event_handler add_message_handler "
    "set_message_handler add_get add_post register_callback add_listener add_websocket_route message_handler"
)
"""Methods whose argument is called with what comes from other machines."""


def conclude(evaluator: Evaluator) -> None:
    """Note a server that runs what it is given."""
    if evaluator.given_run and "serves" in evaluator.facts:
        words = "This program takes connections, and runs what it is given: others can run commands on this machine."
        evaluator.reading.add(REVERSE_SHELL, words, evaluator.given_run)
