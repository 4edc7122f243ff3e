"""Situations: in which context a value was proposed, which decides where a lesson applies.

A lesson says "in a situation like this, people changed this value to that one". Two situations are alike only if all
of their features are: a column with the same heading, whose values look different, is another situation.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from assent.digests import canonical
from assent.pointers import NoSuchPlaceError, pointer_of, tokens_of, value_at

LONGEST_TEXT = 300
"""Characters of a feature that are kept; the rest is cut off, so that a long value never fails a step."""
MAX_SAMPLES = 40
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no database stores: values of files contain anything."""


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value[:LONGEST_TEXT])
    if isinstance(value, list | tuple):
        return [_cut(item) for item in value[:MAX_SAMPLES]]
    return {_cut(name): _cut(item) for name, item in value.items()} if isinstance(value, dict) else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Situation(_Part):
    """The context of one proposed value.

    A lesson is only applied in a situation of the same kind, with equal `exact` features, and with similar `texts` and
    `samples`, each by itself. Leave out what says nothing about the decision.
    """

    kind: str = Field(min_length=1, max_length=100, description="What the value is about, such as column")
    exact: dict[str, str] = Field(
        default_factory=dict, max_length=10, description="Features that must be equal, such as the file's format"
    )
    texts: dict[str, str] = Field(
        default_factory=dict, max_length=10, description="Names and descriptions; compared by spelling and meaning"
    )
    samples: dict[str, list[str]] = Field(
        default_factory=dict, max_length=10, description="Examples of values; compared by form and content"
    )
    around: list[str] = Field(
        default_factory=list, description="What is next to it, such as the other headings; supports, but is not enough"
    )

    @field_validator("kind", "exact", "texts", "samples", "around", mode="before")
    @classmethod
    def _shortened(cls, value: Any) -> Any:
        return _cut(value)


class Correctable(_Part):
    """A value of the proposal that people may correct, and its situation; lessons are learned and applied there."""

    path: str = Field(pattern="^/", max_length=500, description="JSON pointer, such as /data/columns/3/field")
    situation: Situation
    guess: bool = Field(
        default=False, description="The value is a guess: a lesson may replace it, whatever people had corrected"
    )


class AppliedLesson(_Part):
    """A change that was made to a proposal because of a lesson, before it was proposed."""

    lesson: str = Field(min_length=1, max_length=100, description="The lesson's ID")
    path: str = Field(pattern="^/", max_length=500, description="JSON pointer of the changed value")
    before: JsonValue = None
    after: JsonValue = None


def situation_in(document: dict[str, Any], path: str) -> Situation:
    """The situation of a value for which the proposal states none: what is proposed there, and what is next to it.

    Raises:
        assent.pointers.NoSuchPlaceError: the proposal has no value there.
    """
    tokens = tokens_of(path)
    value = value_at(document, path)
    field = ".".join("*" if token.isdigit() else token for token in tokens)
    exact = {"field": field} | {
        name: str(document[name]) for name in ("tool", "language", "environment") if document.get(name)
    }
    return Situation(
        kind=f"{document.get('kind', 'value')} field", exact=exact, texts={"proposed": _words(value)},
        around=[f"{name}: {_words(value)}" for name, value in _beside(document, tokens)],
    )  # fmt: skip


def _beside(document: Any, tokens: list[str]) -> list[tuple[str, Any]]:
    """The other plain values of the same object."""
    try:
        inside = value_at(document, pointer_of(tokens[:-1])) if len(tokens) > 1 else {}
    except NoSuchPlaceError:
        return []
    if not isinstance(inside, dict):
        return []
    return [
        (name, value) for name, value in inside.items()
        if name != tokens[-1] and isinstance(value, str | int | float | bool)
    ]  # fmt: skip


def _words(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)
