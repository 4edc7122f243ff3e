"""Decorators and ``with`` blocks that change what calls mean: options with defaults, fixtures, and mocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tree_sitter import Node

from app.risk.python.nodes import text
from app.risk.python.values import Value, or_default
from app.risk.words import FRESH

if TYPE_CHECKING:
    from app.risk.python.evaluator import Evaluator

MOCK = "unittest.mock.MagicMock"
PATCH = "unittest.mock.patch"
"""The kind of what replaces a function by a mock, whose name is its text."""
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
    if text(function.child_by_field_name("name")).startswith("test"):
        found |= _FIXTURES | {name: Value(kind=f"pytest.{name}") for name in _HELPERS}
    return found


def _parameter(evaluator: Evaluator, given: Node | None) -> str:
    """Return the parameter of an option, such as ``dry_run`` for ``--dry-run``."""
    texts = [
        evaluator.visit(part).text or "" for part in (given.named_children if given else []) if part.type == "string"
    ]
    plain = next((name for name in texts if not name.startswith("-")), "")
    long = next((name for name in texts if name.startswith("--")), "")
    return plain or long.lstrip("-").replace("-", "_")


@contextmanager
def mocking(evaluator: Evaluator, values: Sequence[Value]) -> Iterator[None]:
    """Let calls within be those of mocks if one of the values replaces functions or services by them."""
    before, scope = set(evaluator.mocked), evaluator.scopes[-1]
    evaluator.mocked |= {"moto" for value in values if value.name.startswith("moto.") or value.kind.startswith("moto.")}
    patched = [value.text for value in values if value.kind == PATCH and value.known and value.text]
    kept = {name: scope[name] for name in patched if name in scope}
    scope.update(dict.fromkeys(patched, Value(kind=MOCK)))
    try:
        yield
    finally:
        evaluator.mocked = before
        for name in patched:
            evaluator.scopes[-1].pop(name, None)
        evaluator.scopes[-1].update(kept)
