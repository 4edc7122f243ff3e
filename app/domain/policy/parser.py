"""Reading a policy file, with all problems reported at once, each with file, line, and field. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import date
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from app.domain.errors import InvalidInputError
from app.domain.policy.condition_words import did_you_mean
from app.domain.policy.consistency import check
from app.domain.policy.document import MAX_CONDITION, Body, CalendarPart, PolicyDocument, Rule, StagePart
from app.domain.policy.yaml_tree import Path, Tree, UnreadableError, read_tree

_SHOWN = 60
_MOST = 100
"""Maximum number of problems that are reported at once."""
_LONGEST = 600
"""Maximum length of a message, which may quote the file."""
_NOTHING = "there is no value here: give it a value, or leave the field out"


@dataclass(frozen=True)
class Problem:
    """One problem in a policy file.

    Attributes:
        line: from 1.
        field: such as ``rules[0].deadline``, items numbered from 0; empty for the file as a whole.
        message: what is wrong and what to do, as a sentence.
    """

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return f"{where}{self.field}: {self.message}" if self.field else f"{where}{self.message}"


class PolicyFileError(InvalidInputError):
    """A policy file is not valid; `problems` lists all problems by line.

    `extra["problems"]` is the same, JSON-ready, and `extra["fields"]` maps each field to its first problem.
    """

    code = "invalid_policy"

    def __init__(self, problems: list[Problem]) -> None:
        fields: dict[str, str] = {}
        for problem in problems:
            fields.setdefault(problem.field or "file", problem.message)
        number = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        words = f"The policy is not valid: {number} found. {problems[0]}"
        super().__init__(words, fields, problems=[asdict(problem) for problem in problems])
        self.problems = problems


def read_policy(text: str, source: str, today: date | None = None) -> PolicyDocument:
    """Read and check a policy.

    Args:
        text: the file's content.
        source: the file's name, for messages.
        today: the day on which the file is checked or loaded; None: it was loaded before.

    Raises:
        PolicyFileError: with all problems that were found.
    """
    try:
        tree = read_tree(text)
    except UnreadableError as error:
        raise PolicyFileError([Problem(source, error.line, field_path(error.path), error.message)]) from None
    found = [(line, path, message) for line, path, message in tree.complaints]
    if not isinstance(tree.data, dict):
        raise PolicyFileError([Problem(source, 1, "", "a policy is a mapping that begins with version: 1")])
    if not tree.data.get("rules") and "default" not in tree.data:
        found.append((1, (), "there is neither a rule nor a default, so this policy is empty"))
    document, complaints = _validate(tree)
    told = {path for _, path, _ in complaints}
    found += complaints
    found += [(tree.line(path), path, _NOTHING) for path in tree.empty if path not in told]
    found += [(tree.line(path) + offset, path, message) for path, offset, message in _checked(tree, document, today)]
    if found or document is None:
        found.sort(key=lambda problem: problem[0])
        problems = [Problem(source, line, field_path(path)[:200], said[:_LONGEST]) for line, path, said in found]
        raise PolicyFileError(problems[:_MOST])
    return document


def field_path(path: Path) -> str:
    """A path for people, such as ``rules[0].stages[1].quorum``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_Complaints = list[tuple[int, Path, str]]


def _validate(tree: Tree) -> tuple[PolicyDocument | None, _Complaints]:
    try:
        return PolicyDocument.model_validate(tree.data), []
    except ValidationError as error:
        complaints = []
        for problem in error.errors(include_url=False)[:_MOST]:
            # A key of a mapping that is wrong itself has "[key]" after it.
            path = tuple(part for part in problem["loc"] if part != "[key]")
            complaints.append((tree.line(path), path, _sentence(problem, path)))
        return None, complaints


def _checked(tree: Tree, document: PolicyDocument | None, today: date | None) -> list[tuple[Path, int, str]]:
    """Problems found by the cross-checks. In a document that is not valid, the valid parts are checked."""
    if document is not None:
        rules: dict[int, Rule] = dict(enumerate(document.rules))
        calendars, default = document.calendars, document.default
    else:
        rules = {at: rule for at, part in enumerate(_list(tree.data.get("rules"))) if (rule := _part(Rule, part))}
        parts = _mapping(tree.data.get("calendars"))
        calendars = {name: kept for name, part in parts.items() if (kept := _part(CalendarPart, part))}
        default = _part(Body, tree.data["default"]) if "default" in tree.data else None
    named = set(_mapping(tree.data.get("calendars")))
    conditions = {
        at: part["when"]
        for at, part in enumerate(_list(tree.data.get("rules")))
        if isinstance(part, dict) and isinstance(part.get("when"), str) and 0 < len(part["when"]) <= MAX_CONDITION
    }
    found = check(rules, conditions, calendars, named, default, today)
    return [(path, _offset(tree, path, line), message) for path, line, message in found]


def _offset(tree: Tree, path: Path, line: int) -> int:
    """The offset of a line in a text from its field's line; only a block text (``|``) keeps its lines."""
    begins = tree.text_lines.get(path, tree.line(path))
    return begins - tree.line(path) + line


def _part(model: type[Any], value: Any) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_EXPECTED = {
    "string_type": "text is needed here{given}; put it in quotes if it looks like something else",
    "int_type": "a whole number is needed here{given}",
    "int_parsing": "a whole number is needed here{given}",
    "int_from_float": "a whole number is needed here{given}",
    "bool_type": "true or false is needed here{given}",
    "bool_parsing": "true or false is needed here{given}",
    "tuple_type": "a list is needed here{given}",
    "dict_type": "fields with values are needed here{given}",
    "model_type": "fields with values are needed here{given}",
    "model_attributes_type": "fields with values are needed here{given}",
    "greater_than_equal": "this must be at least {ge}{given}",
    "less_than_equal": "this must be at most {le}{given}",
    "string_too_short": "this must not be empty",
    "string_too_long": "this must have at most {max_length} characters",
    "too_long": "there may be at most {max_length} of these",
    "date_type": "a date such as 2026-12-25 is needed here{given}",
    "date_parsing": "a date such as 2026-12-25 is needed here{given}",
    "date_from_datetime_parsing": "a date such as 2026-12-25 is needed here{given}",
    "date_from_datetime_inexact": "a date such as 2026-12-25 is needed here{given}",
    "literal_error": "this must be {expected}{given}",
    "policy": "{message}",
}


def _sentence(error: Any, path: Path) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "this field is missing"
    if kind == "extra_forbidden":
        known = _fields_at(path[:-1])
        if "ask" in known and path[-1] in StagePart.model_fields:
            return f"{path[-1]} belongs under ask, or under one of the stages"
        return f"there is no such field{did_you_mean(str(path[-1]), known)}; the fields here are {', '.join(known)}"
    if kind == "enum":
        expected = re.findall(r"'([^']+)'", str(context.get("expected", "")))
        near = did_you_mean(str(error["input"]), expected)
        return f"this must be one of {', '.join(expected)}{_given(error['input'])}{near}"
    template = _EXPECTED.get(kind)
    return template.format(given=_given(error["input"]), **context) if template else str(error["msg"])


def _given(value: Any) -> str:
    if value is None:
        return ", and there is no value here"
    if isinstance(value, bool):
        return f", and this is {str(value).lower()}"
    if isinstance(value, dict | list | tuple):
        return ", and this is a list" if not isinstance(value, dict) else ", and these are fields"
    return (
        f", and this is {str(value)[:_SHOWN]!r}" if isinstance(value, str) else f", and this is {str(value)[:_SHOWN]}"
    )


def _fields_at(path: Path) -> list[str]:
    """The fields that are allowed at a path of the document."""
    model: Any = PolicyDocument
    inside_many = False
    for part in path:
        if inside_many:  # the position in a list, or the key in a mapping
            inside_many = False
            continue
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        annotation = fields.get(str(part))
        model = _inner(annotation)
        if model is None:
            return []
        inside_many = get_origin(annotation) in (tuple, dict)
    return [field.alias or name for name, field in model.model_fields.items()]


def _inner(annotation: Any) -> Any:
    """The model inside an annotation such as ``dict[str, Part]``; None if there is none."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    if get_origin(annotation) in (Annotated, Union, UnionType, tuple, dict, list):
        return next((found for argument in reversed(get_args(annotation)) if (found := _inner(argument))), None)
    return None
