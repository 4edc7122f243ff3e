"""Checks of a condition's tokens, and readable messages for the CEL library's errors. Pure.

The library checks syntax and types. It does not know that `risk.level` has five values, which fields a finding has, or
that a label may be missing; that is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.domain.people import Role
from assent.composition import cel
from assent.composition.cel import MACROS, SIGNS, Token, loops, tokens
from assent.composition.cel import token_kind as _kind
from assent.composition.cel import token_value as _value
from assent.contracts import RiskLevel
from assent.naming import closest

Complaints = list[tuple[int, str]]

_LEVELS = [level.value for level in RiskLevel]
KINDS = ["script", "optimizations", "tool_call", "plan", "question", "custom", "value", "error"]
_ROLES = [role.value for role in Role]
_FINDING = ("rule", "severity", "line")
_GROUPS = {
    "risk": "risk has level, score and rank",
    "requester": "requester has id, name, email, roles and teams",
}
_ORDERED = ("<", "<=", ">", ">=")
_FUNCTIONS = ["startsWith", "endsWith", "contains", "matches", "size", "exists", "exists_one", "all", "filter"]
_PERHAPS_UNKNOWN = ("args", "recipients", "commands", "paths", "hosts")
"""Facts that are unknown if there are too many of them."""
_CERTAIN = (*_FUNCTIONS, "has", "in")


def same_words(text: str) -> tuple[str, ...]:
    """What two texts of a condition share only if they mean the same: its words, without blanks and comments.

    Blanks inside a text count. So does everything if there is a backslash, because `tokens` does not know all of
    CEL's ways to write a text.
    """
    if "\\" in text:
        return (text.strip(),)
    return tuple(token.value if token.kind == "path" else token.raw for token in tokens(text))


def may_fail(text: str) -> bool:
    """False if it is certain that a condition can be evaluated, whatever is proposed."""
    found = tokens(text)
    return asks_has_label(text) or any(_can_fail(found, at) for at in range(len(found)))


def _can_fail(found: Sequence[Token], at: int) -> bool:
    """True for arguments and lists that may be unknown, indexes, arithmetic, and functions that may fail."""
    token = found[at]
    if token.kind == "mark":
        index = token.value == "[" and at > 0 and (found[at - 1].value in ("]", ")") or _is_name(found[at - 1]))
        return index or token.value in "+-*/%"
    if token.kind != "path":
        return False
    called = token.value.split(".")[-1] if _value(found, at + 1) == "(" else ""
    if called == "matches" and _kind(found, at + 2) != "text":
        return True
    return token.value.split(".")[0] in _PERHAPS_UNKNOWN or bool(called and called not in _CERTAIN)


def _is_name(token: Token) -> bool:
    return token.kind == "path" and token.value != "in"


def label_names(text: str) -> set[str]:
    """The labels that it refers to as ``labels.x``."""
    return {
        token.value.split(".")[1]
        for token in tokens(text)
        if token.kind == "path" and token.value.startswith("labels.")
    } - set(MACROS)


def asks_has_label(text: str) -> bool:
    """True if it uses ``has(labels.x)``."""
    found = tokens(text)
    return any(
        first.value == "has" and after.value == "(" and third.value.startswith("labels.")
        for first, after, third in zip(found, found[1:], found[2:], strict=False)
    )


def names_risk(text: str) -> bool:
    """True if it refers to the risk."""
    return any(token.kind == "path" and token.value.startswith("risk.") for token in tokens(text))


AGENT_STATED = ("environment", "labels", "target", "agent", "tool", "language", "workflow", "node")
"""Facts that an agent states about its own proposal, without which a condition on the risk means less."""


def agent_stated(text: str) -> list[str]:
    """The facts in a condition that only the agent states."""
    named = {token.value.split(".")[0] for token in tokens(text) if token.kind == "path"}
    return [name for name in AGENT_STATED if name in named]


def names_args(text: str) -> bool:
    """True if it refers to the arguments of tool calls, or to the recipients that these name."""
    return any(token.kind == "path" and token.value.split(".")[0] in ("args", "recipients") for token in tokens(text))


def arguments(text: str) -> tuple[tuple[str, ...], ...]:
    """The arguments of tool calls that it names, as keys from the outside in: ``args.to.name``, ``args["to"]``."""
    found = tokens(text)
    named: list[tuple[str, ...]] = []
    for at, token in enumerate(found):
        if token.kind != "path" or token.value.split(".")[0] != "args":
            continue
        keys = token.value.split(".")[1:]
        if _value(found, at + 1) == "(":
            keys = keys[:-1]  # a function or a macro, such as args.to.startsWith(…)
        after = at + 1
        while _value(found, after) == "[" and _kind(found, after + 1) == "text" and _value(found, after + 2) == "]":
            keys.append(found[after + 1].value)
            after += 3
        if keys:
            named.append(tuple(keys))
    return tuple(dict.fromkeys(named))


def misused(text: str) -> Complaints:
    """Values that cannot be intended: unknown risk levels, kinds, and roles, and fields that findings do not have."""
    found = tokens(text)
    variables = _finding_variables(found)
    complaints = list(_costly(found))
    for at, token in enumerate(found):
        if token.kind == "path":
            complaints += _about_path(found, at, variables)
        elif token.value == "." and _after_findings_item(found, at):
            complaints += _about_field(found[at + 1])
    return complaints


def _costly(found: Sequence[Token]) -> Iterator[tuple[int, str]]:
    """Expressions that may be slow with many findings, and are not needed for conditions."""
    for _, token, inside in loops(found):
        name = token.value.split(".")[-1]
        if name == "map":
            yield token.line, "map is not taken: ask with exists, such as findings.exists(f, f.rule == …)"
        elif inside:
            yield token.line, f"{name} inside another exists, all or filter is not taken: split it, or ask less"
    for at, token in enumerate(found):
        if token.value == "findings" and token.kind == "path" and not _used_well(found, at):
            yield token.line, "findings is a list: ask with findings.exists(f, …), findings.all(f, …) or size(findings)"


def _used_well(found: Sequence[Token], at: int) -> bool:
    """True for ``findings[…]`` and ``size(findings)``."""
    return _value(found, at + 1) == "[" or (_value(found, at - 2) == "size" and _value(found, at + 1) == ")")


def _about_path(found: Sequence[Token], at: int, variables: set[str]) -> Complaints:
    token = found[at]
    first, _, rest = token.value.partition(".")
    called = _value(found, at + 1) == "("
    complaints: Complaints = []
    if token.value == "labels" and _value(found, at + 1) == "[":
        complaints += _about_index(found, at)
    if first in variables and rest and not (called and "." not in rest):
        complaints += _about_field(Token(token.kind, token.raw, rest, token.line))
    words = _words_of(token.value, first in variables)
    if words and not called:
        complaints += _about_words(found, at, words)
    return complaints


def _words_of(path: str, of_finding: bool) -> list[str]:
    """The possible values of a path; empty: any."""
    if path == "risk.level" or (of_finding and path.endswith(".severity")):
        return _LEVELS
    if path == "requester.roles":
        return _ROLES
    return KINDS if path == "kind" else []


def _no_order(name: str) -> str:
    ranks = ", ".join(f"{rank} {level}" for rank, level in enumerate(_LEVELS))
    return f"{name} is a word and has no order; compare risk.rank ({ranks})"


def _about_words(found: Sequence[Token], at: int, words: list[str]) -> Complaints:
    name, line = found[at].value, found[at].line
    before, after = _value(found, at - 1), _value(found, at + 1)
    if words is _LEVELS and ({before, after} & {"<", ">", "<=", ">="}):
        return [(line, _no_order(name))]
    compared = []
    if after in ("==", "!=") and _kind(found, at + 2) == "text":
        compared.append(found[at + 2])
    if before in ("==", "!=", "in") and _kind(found, at - 2) == "text":
        compared.append(found[at - 2])
    if after == "in" and _value(found, at + 2) == "[":
        for token in found[at + 3 :]:
            if token.value == "]" and token.kind == "mark":
                break
            compared += [token] if token.kind == "text" else []
    return [
        (
            path.line,
            f'"{path.value}" is not a value of {name}{did_you_mean(path.value, words)}; '
            f"it is one of: {', '.join(words)}",
        )
        for path in compared
        if path.value not in words
    ]


def _about_index(found: Sequence[Token], at: int) -> Complaints:
    key = found[at + 2] if len(found) > at + 2 else found[at]
    if key.kind != "text":
        return []
    guarded = any(
        token.kind == "text" and token.value == key.value and _value(found, number + 1) == "in"
        for number, token in enumerate(found)
    )
    if guarded:
        return []
    written = f'labels["{key.value}"]'
    return [(key.line, f'{written} fails where the label is missing; write "{key.value}" in labels && {written} …')]


def _about_field(token: Token) -> Complaints:
    name = token.value.split(".")[0]
    if name in _FINDING:
        return []
    return [(token.line, f"a finding has no {name}{did_you_mean(name, _FINDING)}; it has rule, severity and line")]


def _finding_variables(found: Sequence[Token]) -> set[str]:
    starts = {f"findings.{macro}" for macro in MACROS}
    return {
        found[at + 2].value
        for at, token in enumerate(found)
        if token.value in starts and _value(found, at + 1) == "(" and _kind(found, at + 2) == "path"
    }


def _after_findings_item(found: Sequence[Token], at: int) -> bool:
    """True for the dot of ``findings[0].rule``."""
    item = [token.value for token in found[max(at - 4, 0) : at]]
    return (
        len(item) == 4
        and item[0] == "findings"
        and item[1] == "["
        and item[3] == "]"
        and _kind(found, at + 1) == "path"
    )


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A suggestion such as ``, did you mean deadline?``; empty if no known word is similar."""
    near = closest(word, known)
    return f", did you mean {near}?" if near else ""


def explain(error: str, text: str, facts: list[str]) -> Complaints:
    """The library's errors in plain words, each with its line within the condition."""
    if "recursion" in error:
        return [(0, "this condition is nested too deep: split it into several rules")]
    found = cel.complaints(error)
    if not found:
        return [(0, f"this condition cannot be used: {cel.reason(error)}")]
    lines = text.split("\n")
    complaints = []
    for line, column, message in found:
        at = min(line, len(lines) - 1)
        complaints.append((at, _plainly(message, lines[at], column, facts)))
    return complaints


def _plainly(message: str, line: str, column: int, facts: list[str]) -> str:
    if unknown := re.match(r"undeclared reference to '([^']*)'", message):
        called = line[column - 1 : column] == "("
        return _no_function(unknown[1]) if called else _unknown(unknown[1], facts)
    if overload := re.match(r"found no matching overload for '([^']*)' applied to '\((.*)\)'", message):
        return _mismatch(overload[1], overload[2], line)
    if message.endswith("cannot be the operand of a select operation"):
        return f"only groups such as risk have fields; something before the point {_where(line, column)} has none"
    return _syntax(message, line, column)


def _where(line: str, column: int) -> str:
    near = line[max(column - 1, 0) :].strip()[:30]
    return f"at “{near}”" if near else "at the end"


def _syntax(message: str, line: str, column: int) -> str:
    near, before = line[column - 1 :].strip(), line[: column - 1]
    if re.match(r"=(?!=)", near):
        return "= is not a comparison: write =="
    if words := re.match(r"(and|or)\b", near) or re.search(r"\b(not)\s*$", before):
        return f"CEL has no “{words[1]}”: write {SIGNS[words[1]]}"
    if message.startswith("Syntax error"):
        unclosed = any(token.raw in ("'", '"') for token in tokens(line))
        why = "a quotation mark is not closed" if unclosed else f"something is wrong {_where(line, column)}"
        return f"this is not a CEL expression: {why}"
    return message


def _no_function(name: str) -> str:
    return f"there is no function {name}{did_you_mean(name, _FUNCTIONS)}; there are {', '.join(_FUNCTIONS)}"


def _unknown(name: str, facts: list[str]) -> str:
    if name in _GROUPS:
        return f"{name} has to be followed by a field: {_GROUPS[name]}"
    group = name.split(".")[0]
    if group in _GROUPS and name != group:
        return f"{name} is unknown{did_you_mean(name, facts)}; {_GROUPS[group]}"
    known = f"conditions know {', '.join(facts)}"
    if did_you_mean(name, facts) or "." in name:
        return f"{name} is unknown{did_you_mean(name, facts)}; {known}"
    return f'{name} is unknown; a text goes in quotes, as in "{name}"; {known}'


def _number_form(line: str) -> str:
    """How to write the number in a comparison with a fact of the other kind."""
    if any(token.kind == "number" and "." in token.value for token in tokens(line)):
        return "the fact is a whole number, so write the number without a point, such as 7"
    return "write the number with a point, such as 7.0"


def _mismatch(operator: str, types: str, line: str) -> str:
    symbol = operator.replace("_", "").replace("@", "")
    if types in ("double, int", "int, double"):
        return f"{symbol} compares a decimal with a whole number: {_number_form(line)}"
    if types in ("int, list(double)", "double, list(int)"):
        return f"{symbol} compares a decimal with a whole number: {_number_form(line)}"
    if symbol in _ORDERED and "string" in types and "risk.level" in line:
        return _no_order("risk.level")
    if types.count(",") == 1 and not symbol.isalpha():
        left, right = types.split(", ")
        return f"{symbol} cannot be used between {left} and {right}"
    return f"{symbol} cannot be used on ({types})"
