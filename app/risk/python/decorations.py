"""Decorators and ``with`` blocks that change what calls mean: options with defaults, fixtures, and mocks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tree_sitter import Node

from app.risk.python.imports import SAME
from app.risk.python.nodes import text
from app.risk.python.values import ANY, Value, or_default
from app.risk.rules import word_set
from app.risk.words import FRESH

if TYPE_CHECKING:
    from app.risk.python.evaluator import Evaluator

MOCK = "unittest.mock.MagicMock"
PATCH = "unittest.mock.patch"
"""The kind of what replaces a function by a mock. Its text is the function's name."""
_MOTO = re.compile(r"moto\.mock_\w+")
_REACHES_REAL = re.compile(
    r"side_effect|wraps|__wrapped__|unwrap|new_callable|configure_mock|"
    r"return_value\s*=(?!=)\s*(?!None\b|True\b|False\b|(?:\w+\.)?(?:Magic)?Mock\()[A-Za-z_(\[{]|\.stop\b|stopall|__exit__|reload|importlib|modules|passthrough|passthru|real_http|pass_through|allow_net|assert_all|default_user_config|\bconfig\s*="
    r"|moto\.(?:core|settings)|setattr|getattr|__dict__|\bvars\b|\bglobals\b|operator|\*\*|lambda|yield|async|await"
    rf"|\b(?:{'|'.join(map(re.escape, SAME))})\b"
    r"|[Tt]hread|Timer|Process|Executor|submit|atexit|signal|weakref|finali|__del__"
)
"""Words of a text in which a mock may call what it replaces, or code may run after the mock is gone."""
_ANSWERS_REQUESTS = frozenset((
    "responses.activate", "responses.RequestsMock", "requests_mock.Mocker", "respx.mock", "httpretty.activate",
    "httpretty.enabled", "aioresponses.aioresponses",
))  # fmt: skip
"""What answers requests itself, so that none leaves the process."""
FROM_OUTSIDE = Value(kind="response", marks=frozenset({"download"}))
"""What a handler is called with: whatever another machine sends."""
_FRAMEWORKS = word_set(
    "flask fastapi sanic bottle aiohttp quart starlette tornado falcon telebot telegram discord slack_bolt "
    "socketio nats "
    "websockets rpyc Pyro4 Pyro5 spyne faust jsonrpcserver zerorpc litestar cherrypy"
)
_DECORATES = word_set(
    "route get post put patch delete websocket on event message_handler on_message expose subscriber api_route listen "
    "command action message subscribe agent method exposed"
)
_OPTIONS = ("click.option", "click.argument", "typer.option")
_FIXTURES = {"tmp_path": Value(f"{FRESH}x", kind="pathlib.Path"), "tmpdir": Value(f"{FRESH}x", kind="pathlib.Path")}
_HELPERS = ("monkeypatch", "capsys", "caplog", "mocker", "request", "benchmark", "recwarn")


def defaults(evaluator: Evaluator, function: Node, decorators: Sequence[tuple[Node, Value]]) -> dict[str, Value]:
    """Return what parameters of a function are if they are not given: defaults of options, and fixtures of tests."""
    found: dict[str, Value] = {}
    for node, value in decorators:
        call = node.named_children[0] if node.named_children else None
        if call is None or call.type != "call" or not value.kind.startswith(_OPTIONS):
            continue
        given = call.child_by_field_name("arguments")
        for part in given.named_children if given is not None else []:
            if part.type == "keyword_argument" and text(part.child_by_field_name("name")) == "default":
                found[_parameter(evaluator, given)] = or_default(evaluator.visit(part.child_by_field_name("value")))
    fixture = any((value.name or value.kind) == "pytest.fixture" for _, value in decorators)
    if fixture or text(function.child_by_field_name("name")).startswith("test"):
        fixtures = _FIXTURES | {name: Value(kind=f"pytest.{name}") for name in _HELPERS}
        found |= {name: value for name, value in fixtures.items() if f"own.{name}" not in evaluator.own}
        found |= _own_fixtures(evaluator, function)
    return found


def handed(decorators: Sequence[tuple[Node, Value]]) -> Value:
    """Return what an argument of a function is that other machines call; `ANY` for other functions."""
    for node, value in decorators:
        written = re.sub(r"\(.*", "", text(node), flags=re.DOTALL).rpartition(".")[2].strip("@ ")
        if (value.name or value.kind).split(".")[0] in _FRAMEWORKS and written in _DECORATES:
            return FROM_OUTSIDE
    return ANY


def _own_fixtures(evaluator: Evaluator, function: Node) -> dict[str, Value]:
    """Return what a test gets from fixtures that the text itself defines."""
    parameters = function.child_by_field_name("parameters")
    found: dict[str, Value] = {}
    for part in parameters.named_children if parameters is not None else []:
        own = evaluator.own.get(f"own.{text(part)}") if part.type == "identifier" else None
        if own is not None and own.node.type == "function_definition" and evaluator.is_fixture(own.node):
            found[text(part)] = evaluator.follow(own.node, {})
    return found


def _parameter(evaluator: Evaluator, given: Node | None) -> str:
    """Return the parameter of an option, such as ``dry_run`` for ``--dry-run``."""
    texts = [
        evaluator.visit(part).text or "" for part in (given.named_children if given else []) if part.type == "string"
    ]
    plain = next((name for name in texts if not name.startswith("-")), "")
    long = next((name for name in texts if name.startswith("--")), "")
    return plain or long.lstrip("-").replace("-", "_")


def mocks_hold(code: str) -> bool:
    """Return True if nothing in a text suggests that what it replaces by mocks runs nevertheless."""
    return not _REACHES_REAL.search(unicodedata.normalize("NFKC", code))


@contextmanager
def mocking(evaluator: Evaluator, values: Sequence[Value]) -> Iterator[None]:
    """Let calls within be those of mocks if one of the values replaces functions or services by them."""
    before = evaluator.mocked
    if evaluator.mocks_hold:
        moto = {"moto" for value in values if _MOTO.fullmatch(value.name or value.kind)}
        answered = {"http" for value in values if (value.name or value.kind) in _ANSWERS_REQUESTS}
        patched = {value.text for value in values if value.kind == PATCH and value.known and value.text}
        evaluator.mocked = before | moto | answered | patched
    try:
        yield
    finally:
        evaluator.mocked = before


@contextmanager
def unmocked(evaluator: Evaluator) -> Iterator[None]:
    """Let calls within be real ones: they may happen after the mocks are gone."""
    before, evaluator.mocked = evaluator.mocked, frozenset()
    try:
        yield
    finally:
        evaluator.mocked = before
