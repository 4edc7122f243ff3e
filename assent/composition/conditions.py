"""Conditions of steps: CEL over the input, the outputs of earlier steps, and their statuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assent.composition import cel
from assent.composition.mistakes import did_you_mean, listed
from assent.composition.schema_views import NoSuchPartError, View, type_words
from assent.json_values import count

STATUS = "status"
"""In conditions: what became of each earlier step, by its id."""
STATUSES = ("done", "skipped", "rejected", "failed")
MOST_VALUES = 20_000
"""Most values that the outputs named by a condition may have in all."""

_FUNCTIONS = ("startsWith", "endsWith", "contains", "matches", "size", "exists", "exists_one", "all", "filter", "has")
_COMPUTES = "Compute the value in a tool instead."
_REFERENCE = re.compile(r"\$\{([^}]*)\}")


class ConditionError(ValueError):
    """A condition is not valid.

    Attributes:
        problems: sentences, each with its line within the condition, from 0.
    """

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        self.problems = problems
        super().__init__(" ".join(words for _, words in problems))


class UndecidedError(ValueError):
    """A condition could not be evaluated with the values of this run."""


@dataclass(frozen=True)
class Condition:
    """A compiled condition.

    Attributes:
        names: the variables that it names.
    """

    text: str
    names: tuple[str, ...]
    _environment: Any
    _program: Any

    def holds(self, known: Mapping[str, Any]) -> bool:
        """Return whether it is true for these values of its variables. Raises UndecidedError."""
        if sum(map(count, known.values())) > MOST_VALUES:
            raise UndecidedError(f"What the condition names has more than {MOST_VALUES:,} values.")
        values = {name: cel.plain(value) for name, value in known.items()}
        found = cel.evaluate(self._program, self._environment.Activation(values))
        if isinstance(found, bool):
            return found
        raise UndecidedError(f"The condition {self.text!r} is neither true nor false: {cel.reason(found)}.")


def compile_condition(text: str, known: Mapping[str, View]) -> Condition:
    """Compile and check a condition.

    Args:
        known: the variables that it may name, with their schemas: the input, and the steps before it.

    Raises:
        ConditionError: with all problems.
    """
    variables = dict.fromkeys(known, "dyn") | {STATUS: "map(string, string)"}
    environment = cel.environment(variables)
    found = cel.tokens(text)
    try:
        program = environment.compile(text)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConditionError(list(_explained(str(error), text, list(variables)))) from None
    problems = [
        *_loops(found),
        *((line, f"{words}.") for line, words in cel.bad_patterns(text, environment)),
        *_paths(found, known),
    ]
    kinds = cel.library().Type
    if program.return_type() not in (kinds.BOOL, kinds.DYN):
        kind = str(program.return_type()).lower()
        problems.append((0, f"A condition must be true or false; this is of type {kind}. Compare it with something."))
    if problems:
        raise ConditionError(problems)
    roots = {token.value.split(".")[0] for token in found if token.kind == "path"}
    return Condition(text, tuple(name for name in variables if name in roots), environment, program)


def _loops(found: list[cel.Token]) -> Iterator[tuple[int, str]]:
    for _, token, inside in cel.loops(found):
        name = token.value.split(".")[-1]
        if name == "map":
            yield token.line, f"map is not supported in conditions. {_COMPUTES}"
        elif inside:
            yield token.line, f"{name} inside another loop is not supported. {_COMPUTES}"


def _paths(found: list[cel.Token], known: Mapping[str, View]) -> Iterator[tuple[int, str]]:
    """Check that the fields that are named exist, and that a lone one is true or false."""
    local = {
        found[at + 2].value for at, token, _ in cel.loops(found) if cel.token_kind(found, at + 2) == "path"
    }  # the variables of loops
    for at, token in enumerate(found):
        if token.kind != "path" or cel.token_value(found, at - 1) == "." or token.value.split(".")[0] in local:
            continue
        root, *keys = token.value.split(".")
        if cel.token_value(found, at + 1) == "(":
            keys = keys[:-1]
        if root == STATUS and keys:
            yield from _status(found, at, keys[0], known)
        if root not in known:
            continue
        view, reached = known[root], root
        try:
            for key in keys:
                reached = f"{reached}.{key}"
                view = view.part(key)
        except NoSuchPartError as error:
            yield token.line, f"{reached} does not exist. {error}"
            continue
        if len(found) == 1 and "boolean" not in view.types():
            yield token.line, f"A condition must be true or false; {token.value} is {type_words(view.types())}."


def _status(found: list[cel.Token], at: int, step: str, known: Mapping[str, View]) -> Iterator[tuple[int, str]]:
    line = found[at].line
    if step not in known or step == "input":
        yield line, f"status.{step}: there is no step {step!r} before this one.{did_you_mean(step, known)}"
    compared = found[at + 2] if cel.token_value(found, at + 1) in ("==", "!=") and len(found) > at + 2 else None
    if compared is not None and compared.kind == "text" and compared.value not in STATUSES:
        hint = did_you_mean(compared.value, STATUSES)
        yield line, f"A status is {listed(STATUSES)}, not {compared.value!r}.{hint}"


def _explained(error: str, text: str, variables: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the library's errors in plain words."""
    if "recursion" in error:
        yield 0, "The condition is nested too deeply."
        return
    lines = text.split("\n")
    problems = cel.complaints(error)
    if not problems:
        yield 0, f"The condition cannot be used: {cel.reason(error)}."
    for line, column, message in problems:
        at = min(line, len(lines) - 1)
        yield at, _plainly(message, lines[at], column, variables)


def _plainly(message: str, line: str, column: int, variables: list[str]) -> str:
    if message.startswith("undeclared reference to '"):
        name = message.split("'")[1].split(".")[0]
        if line[column - 1 : column] == "(":
            hint = did_you_mean(name, _FUNCTIONS) or f" There is {listed(_FUNCTIONS, 'and')}."
            return f"There is no function {name!r}.{hint}"
        hint = did_you_mean(name, variables) or f" Known are {listed(variables, 'and')}; texts are in quotes."
        return f"{name!r} is neither the input nor a step that comes before this one.{hint}"
    if message.startswith("found no matching overload"):
        return f"The types do not fit: {message}."
    near = line[column - 1 :].strip()
    if near.startswith("=") and not near.startswith("=="):
        return "A comparison has two equals signs: ==."
    for word, sign in cel.SIGNS.items():
        if near.startswith(f"{word} ") or line[: column - 1].rstrip().endswith(f" {word}") or near == word:
            return f"Write {sign} instead of {word}."
    if "${" in line:
        plain = _REFERENCE.sub(r"\1", line).strip()
        return f"Conditions name values without ${{ and }}: write {plain[:80]}."
    return f"This is not a condition in CEL: it is wrong at {near[:30]!r}." if near else "The condition ends too early."
