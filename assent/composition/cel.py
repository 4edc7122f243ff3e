"""CEL expressions: compiled once, checked when they are loaded, and bounded when they run.

The portal's policies and the conditions of workflows in YAML share this module. CEL has no loops except those over
lists; loops inside loops are refused, texts are cut, and the caller bounds the number of values, so that each
expression takes milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

LONGEST_TEXT = 10_000
"""Maximum length of a text that an expression sees; a longer one is cut and ends with an ellipsis."""
LONGEST_EXPRESSION = 5_000
"""Maximum length of an expression, in characters."""
MACROS = ("all", "exists", "exists_one", "filter", "map")
"""Loops over lists."""
SIGNS = {"and": "&&", "or": "||", "not": "!"}
"""What CEL has instead of words that people write."""
COMPLAINT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
"""Line, column, and message of a problem in the library's error."""
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
     "namespace", "null", "package", "return", "true", "var", "void", "while"}
)  # fmt: skip
"""Words that no variable can have as its name."""

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<path>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>&&|\|\||==|!=|<=|>=|.)""",
    re.VERBOSE | re.DOTALL,
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Token:
    """A token of an expression; `value` is a string without its quotes, or a path without blanks."""

    kind: str
    raw: str
    value: str
    line: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, without blanks and comments."""
    found = []
    for match in _TOKEN.finditer(text):
        kind, raw = str(match.lastgroup), match.group()
        if kind == "space":
            continue
        value = raw
        if kind == "path":
            value = re.sub(r"\s+", "", raw)
        elif kind == "text":
            bare = raw.lstrip("rRbB")
            quotes = 3 if bare[:3] in ('"""', "'''") else 1
            value = bare[quotes:-quotes]
        found.append(Token(kind, raw, value, text.count("\n", 0, match.start())))
    return found


def token_value(found: Sequence[Token], at: int) -> str:
    """Return the value of a token; empty for texts, and where there is none."""
    return found[at].value if 0 <= at < len(found) and found[at].kind != "text" else ""


def token_kind(found: Sequence[Token], at: int) -> str:
    """Return the kind of a token; empty where there is none."""
    return found[at].kind if 0 <= at < len(found) else ""


def patterns(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and literal of each regular expression that is given as a literal."""
    found = tokens(text)
    for name, after, literal in zip(found, found[1:], found[2:], strict=False):
        if name.value.split(".")[-1] == "matches" and after.value == "(" and literal.kind == "text":
            yield literal.line, literal.raw


def loops(found: Sequence[Token]) -> Iterator[tuple[int, Token, bool]]:
    """Yield the position and token of each loop over a list, and whether it is inside of another one."""
    inside: list[bool] = []  # of each open bracket, whether it is that of a loop
    for at, token in enumerate(found):
        called = token.kind == "path" and token_value(found, at + 1) == "("
        if called and token.value.split(".")[-1] in MACROS:
            yield at, token, any(inside)
        if token.kind == "mark" and token.value in "([{":
            before = found[at - 1] if at else token
            inside.append(token.value == "(" and before.kind == "path" and before.value.split(".")[-1] in MACROS)
        elif token.kind == "mark" and token.value in ")]}" and inside:
            inside.pop()


def bad_patterns(text: str, environment: Any) -> Iterator[tuple[int, str]]:
    """Yield line and problem of invalid regular expressions; CEL itself checks them only when they are used."""
    for line, literal in patterns(text):
        value = evaluate(environment.compile(f'"".matches({literal})'), environment.Activation({}))
        if not isinstance(value, bool):
            yield line, f"{literal} is not a regular expression ({reason(value)})"


@cache
def library() -> Any:
    """Return the CEL library."""
    # Imported here because it takes 4 MiB, and a process that compiles no expression does not need it.
    from cel_expr_python import cel

    return cel


@cache
def _types() -> dict[str, Any]:
    kinds = library().Type
    return {
        "string": kinds.STRING,
        "int": kinds.INT,
        "double": kinds.DOUBLE,
        "bool": kinds.BOOL,
        "dyn": kinds.DYN,
        "list(string)": kinds.List(kinds.STRING),
        "map(string, string)": kinds.Map(kinds.STRING, kinds.STRING),
        "map(string, dyn)": kinds.Map(kinds.STRING, kinds.DYN),
        "list(map(string, dyn))": kinds.List(kinds.Map(kinds.STRING, kinds.DYN)),
    }


def environment(variables: Mapping[str, str]) -> Any:
    """Return an environment with these variables, by name, and their types as CEL writes them."""
    types = _types()
    return library().NewEnv(variables={name: types[kind] for name, kind in variables.items()})


def evaluate(program: Any, activation: Any) -> Any:
    """Return the value if it is true or false; otherwise the value or the error as text."""
    try:
        value = program.eval(activation)
        return value.value() if value.type() == library().Type.BOOL else str(value.value())
    except Exception as error:
        # The library raises plain RuntimeErrors for statuses of its own, such as too many steps. Whatever it is:
        # an expression must not stop the one who evaluates it.
        return str(error) or type(error).__name__


def text_of(value: str) -> str:
    """Return a text as expressions see it."""
    # The library ends a text at U+0000, so without this, "production\0" would equal "production".
    return _UNSTORABLE.sub("\ufffd", value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…")


def plain(value: Any) -> Any:
    """Return a JSON value as expressions see it."""
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, dict):
        return {text_of(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    # CEL's whole numbers have 64 bits.
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def reason(text: str) -> str:
    """Return the message of a library status, without its code."""
    return re.sub(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$", "", str(text)).strip().replace("\n", " ")[:200]


def complaints(error: str) -> list[tuple[int, int, str]]:
    """Return the line, from 0, the column, from 1, and the message of each problem in the library's error."""
    found = list(dict.fromkeys(COMPLAINT.findall(error)))
    # After one mistake in the syntax the parser's further complaints are seldom about anything.
    found = found[:1] if "Syntax error" in error else found
    return [
        (int(line) - 1, int(column), message.removesuffix(" [INVALID_ARGUMENT]")) for line, column, message in found
    ]
