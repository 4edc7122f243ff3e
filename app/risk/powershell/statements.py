"""PowerShell's statements that begin with a keyword."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.risk.powershell.nodes import (
    Attempt,
    Block,
    Flow,
    Function,
    Group,
    If,
    Loop,
    Methods,
    Node,
    Switch,
    Using,
)
from app.risk.powershell.scanner import SyntaxProblem

if TYPE_CHECKING:
    from app.risk.powershell.parser import Parser

_ELSE = re.compile(r"(elseif|else)\b", re.IGNORECASE)
_CATCH = re.compile(r"(catch|finally)\b", re.IGNORECASE)
_UNTIL = re.compile(r"\s*(while|until)\b", re.IGNORECASE)
_SWITCH_OPTION = re.compile(r"-(\w+)")
_FUNCTION_NAME = re.compile(r"[^\s({]+")
_MEMBER_NAME = re.compile(r"[A-Za-z_]\w*")


def _next_word(parser: Parser, words: re.Pattern[str]) -> re.Match[str] | None:
    """Take one of these words if it comes next, perhaps after comments and line breaks."""
    back = parser.at
    parser.newlines()
    found = parser.match(words)
    if not found:
        parser.at = back
    return found


def _if(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    if parser.peek() != "(":
        return None
    branches: list[tuple[Node | None, Block]] = [(parser.condition(), parser.body())]
    while found := _next_word(parser, _ELSE):
        parser.step()
        if found[1].lower() == "else":
            branches.append((None, parser.body()))
            break
        branches.append((parser.condition(), parser.body()))
    return If(line, branches)


def _while(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    if parser.peek() != "(":
        return None
    condition = parser.condition()
    return Loop(line, [condition], "", None, [parser.body()])


def _do(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    if parser.peek() != "{":
        return None
    block = parser.block()
    found = parser.match(_UNTIL)
    if not found:
        raise SyntaxProblem
    return Loop(line, [], "", None, [block, parser.condition()])


def _for(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    if parser.peek() != "(":
        return None
    parser.at += 1
    inner = parser.group("(")
    return Loop(line, inner.statements, "", None, [parser.body()])


def _foreach(parser: Parser, word: str, line: int) -> Node | None:
    parser.blanks()
    if parser.match(re.compile(r"-parallel\b", re.IGNORECASE)):
        parser.blanks()
    if parser.peek() != "(":
        return None
    parser.at += 1
    parser.newlines()
    while parser.peek() == "[":
        parser.type_text()
        parser.newlines()
    variable = parser.variable()
    parser.newlines()
    if not parser.match(re.compile(r"in\b", re.IGNORECASE)):
        raise SyntaxProblem
    parser.newlines()
    parser.deeper()
    values = parser.pipeline()
    parser.depth -= 1
    parser.newlines()
    parser.expect(")")
    return Loop(line, [], variable.name, values, [parser.body()])


def _switch(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    condition: Node | None = None
    while found := parser.match(_SWITCH_OPTION):
        parser.blanks()
        if "file".startswith(found[1].lower()):
            condition = parser.value() if parser.peek() in "$(\"'" else parser.bare()
        parser.newlines()
    if condition is None:
        if parser.peek() != "(":
            return None
        condition = parser.condition()
    parser.newlines()
    parser.expect("{")
    parser.deeper()
    branches: list[tuple[Node | None, Block]] = []
    while True:
        parser.lines()
        if parser.peek() == "}":
            break
        parser.step()
        branches.append((_label(parser), parser.body()))
    parser.at += 1
    parser.depth -= 1
    return Switch(line, condition, branches)


def _label(parser: Parser) -> Node:
    char = parser.peek()
    if (char and char in "$(\"'{@[-") or char.isdigit():
        return parser.value()
    return parser.bare()


def _try(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    if parser.peek() != "{":
        return None
    blocks = [parser.block()]
    while _next_word(parser, _CATCH):
        parser.newlines()
        while parser.peek() == "[":
            parser.type_text()
            parser.newlines()
            if parser.peek() == ",":
                parser.at += 1
                parser.newlines()
        blocks.append(parser.block())
    return Attempt(line, blocks)


def _trap(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    while parser.peek() == "[":
        parser.type_text()
        parser.newlines()
    return Attempt(line, [parser.block()]) if parser.peek() == "{" else None


def _function(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    found = parser.match(_FUNCTION_NAME)
    if not found:
        raise SyntaxProblem
    parser.newlines()
    declared = []
    if parser.peek() == "(":
        parser.at += 1
        declared = parser.declared(")")
        parser.at += 1
    block = parser.body()
    block.parameters = declared + block.parameters
    return Function(line, found[0].lower().rpartition(":")[2], block)


def _class(parser: Parser, word: str, line: int) -> Node | None:
    parser.blanks()
    found = parser.match(_MEMBER_NAME)
    if not found:
        return None
    name = found[0].lower()
    open_at = parser.text.find("{", parser.at, parser.end)
    if open_at < 0 or re.search(r"[;|()]", parser.text[parser.at : open_at]):
        return None
    parser.at = open_at + 1
    parser.deeper()
    members: list[Node] = []
    while True:
        parser.lines()
        if parser.peek() == "}":
            break
        if parser.at >= parser.end:
            raise SyntaxProblem
        parser.step()
        members += _enum_member(parser) if word == "enum" else _class_member(parser, name)
    parser.at += 1
    parser.depth -= 1
    return Methods(line, name, members)


def _enum_member(parser: Parser) -> list[Node]:
    if not parser.match(_MEMBER_NAME):
        raise SyntaxProblem
    parser.blanks()
    if parser.peek() == "=":
        parser.at += 1
        parser.blanks()
        return [parser.value()]
    return []


def _class_member(parser: Parser, owner: str) -> list[Node]:
    line = parser.line()
    while parser.peek() == "[" or parser.match(re.compile(r"(?:static|hidden)\b", re.IGNORECASE)):
        if parser.peek() == "[":
            parser.type_text()
        parser.newlines()
    if parser.peek() == "$":
        parser.variable()
        parser.blanks()
        if parser.peek() == "=":
            parser.at += 1
            parser.newlines()
            return [parser.statement()]
        return []
    found = parser.match(_MEMBER_NAME)
    if not found:
        raise SyntaxProblem
    parser.newlines()
    parser.expect("(")
    declared = parser.declared(")")
    parser.at += 1
    parser.newlines()
    if parser.peek() == ":":
        parser.at += 1
        parser.newlines()
        parser.match(_MEMBER_NAME)
        parser.newlines()
        parser.expect("(")
        parser.group("(")
    block = parser.body()
    block.parameters = declared
    return [Function(line, f"{owner}.{found[0].lower()}", block)]


def _flow(parser: Parser, word: str, line: int) -> Node | None:
    return Flow(line, word, parser.optional())


def _using(parser: Parser, word: str, line: int) -> Node | None:
    after = parser.text.find("\n", parser.at, parser.end)
    stop = parser.end if after < 0 else after
    words = parser.text[parser.at : stop].split(";")[0].split()
    parser.at = stop
    return Using(line, words[0].lower() if words else "", " ".join(words[1:]))


def _named_block(parser: Parser, word: str, line: int) -> Node | None:
    parser.newlines()
    if parser.peek() != "{":
        return None
    block = parser.block()
    return Group(line, "(", block.statements)


def _data(parser: Parser, word: str, line: int) -> Node | None:
    found = parser.match(re.compile(r"\s*(?:\w+\s*)?(?=\{)"))
    return Group(line, "(", parser.block().statements) if found else None


def _configuration(parser: Parser, word: str, line: int) -> Node | None:
    found = parser.match(re.compile(r"\s+[\w-]+\s*(?=\{)"))
    if not found:
        return None
    return Function(line, f"{found[0].strip().lower()}", parser.block())


STATEMENTS: dict[str, Callable[[Parser, str, int], Node | None]] = {
    "if": _if,
    "while": _while,
    "do": _do,
    "for": _for,
    "foreach": _foreach,
    "switch": _switch,
    "try": _try,
    "trap": _trap,
    "function": _function,
    "filter": _function,
    "workflow": _function,
    "configuration": _configuration,
    "class": _class,
    "enum": _class,
    "return": _flow,
    "throw": _flow,
    "exit": _flow,
    "break": _flow,
    "continue": _flow,
    "using": _using,
    "data": _data,
    "inlinescript": _named_block,
    "parallel": _named_block,
    "sequence": _named_block,
    **dict.fromkeys(("begin", "process", "end", "dynamicparam", "clean"), _named_block),
}
"""Each reads what follows its word, or returns None if it is no such statement."""
