"""Patterns of proposals: which similar proposals a standing grant approves. Pure.

A pattern describes what would be executed, leaf by leaf: every leaf of a proposal must be named by the pattern and
fit its matcher, and every leaf that the pattern names must be there. Anything a pattern does not mention is refused.
Nobody writes regular expressions: the only wildcard is ``*``, which matches letters, digits, ``_``, and ``-``.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, StrictStr, model_validator

from assent.digests import canonical, digest_of
from assent.masking import TOKEN

GRANTABLE_KINDS = ("script", "optimizations", "tool_call", "custom")
MAX_LEAVES = 300
MAX_VALUES = 10
"""Maximum number of values in a one-of list."""
MAX_TEXT = 400
"""Maximum length of a text that a wildcard or type matches, and of a text that a pattern stores as it is."""
MAX_STARS = 3
MAX_DEPTH = 32

Path = tuple[str | int, ...]
Scalar = str | int | float | bool | None

_WORDS_ONLY = frozenset(
    ("title", "summary", "risk_floor", "expires_in_seconds", "urgency", "environment", "args_schema", "data_schema",
     "noun_plural", "tables", "kind", "rests_on", "changed", "correctable", "attachments")
)  # fmt: skip
"""Fields of a proposal that are only for people, or checked elsewhere: a grant names the kind and environment itself,
and facts about tables are part of the risk."""
_ITEM_WORDS_ONLY = frozenset(("title", "rationale", "benefit", "benefit_factor", "cost"))
_STAR = frozenset(string.ascii_letters + string.digits + "_-")
"""No dot, slash, or at sign: a wildcard never leads to another folder, host, or mail domain."""


class _PatternPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Equal(_PatternPart):
    """Exactly this value; a long text is stored as its digest (`pinned`)."""

    match: Literal["equal"] = "equal"
    value: JsonValue

    def fits(self, value: Any) -> bool:
        """True for a value that is equal and of the same type."""
        return _same(self.value, value)

    @property
    def words(self) -> str:
        """As people read it."""
        return f"is {_shown(self.value)}"


class OneOf(_PatternPart):
    """One of a few values."""

    match: Literal["one_of"] = "one_of"
    values: tuple[JsonValue, ...] = Field(min_length=2, max_length=MAX_VALUES)

    def fits(self, value: Any) -> bool:
        """True for each of them."""
        return any(_same(allowed, value) for allowed in self.values)

    @property
    def words(self) -> str:
        """As people read it."""
        return f"is one of {', '.join(_shown(value) for value in self.values)}"


class Range(_PatternPart):
    """A number within inclusive bounds."""

    match: Literal["range"] = "range"
    low: int | float
    high: int | float
    whole: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if self.low > self.high:
            raise ValueError("the lower bound is above the upper one")
        return self

    def fits(self, value: Any) -> bool:
        """True for numbers in the range; Booleans are not numbers."""
        wanted = int if self.whole else (int, float)
        return not isinstance(value, bool) and isinstance(value, wanted) and self.low <= value <= self.high

    @property
    def words(self) -> str:
        """As people read it."""
        return f"is a {'whole ' if self.whole else ''}number from {_shown(self.low)} to {_shown(self.high)}"


class Glob(_PatternPart):
    """A text with up to three ``*``; anchored at both ends.

    Attributes:
        max_length: of the whole text, in characters.
    """

    match: Literal["glob"] = "glob"
    text: str = Field(min_length=2, max_length=MAX_TEXT)
    max_length: int = Field(ge=1, le=MAX_TEXT)

    @model_validator(mode="after")
    def _bounded(self) -> Glob:
        if not 1 <= self.text.count("*") <= MAX_STARS:
            raise ValueError(f"a text with a wildcard has between 1 and {MAX_STARS} of them")
        if not self.text.replace("*", "").strip():
            raise ValueError("a wildcard needs other text next to it")
        return self

    def fits(self, value: Any) -> bool:
        """True for a text that matches, with only harmless characters for each ``*``."""
        if not isinstance(value, str) or len(value) > self.max_length:
            return False
        first, *pieces = self.text.split("*")
        at = {len(first)} if value.startswith(first) else set()
        for piece in pieces:
            at = {
                after + len(piece)
                for start in at
                for after in _star_ends(value, start)
                if value.startswith(piece, after)
            }
        return len(value) in at

    @property
    def words(self) -> str:
        """As people read it."""
        return f"is like “{self.text}”, at most {self.max_length} characters, * only letters, digits, _ and -"


class AnyValue(_PatternPart):
    """Any value of a type.

    Attributes:
        max_length: maximum number of characters of a text, or of digits and signs of a number.
    """

    match: Literal["any"] = "any"
    type: Literal["text", "integer", "boolean"]
    max_length: int = Field(ge=1, le=MAX_TEXT)

    def fits(self, value: Any) -> bool:
        """True for values of the type within the maximum length."""
        wanted: dict[str, type] = {"text": str, "integer": int, "boolean": bool}
        if type(value) is not wanted[self.type]:
            return False
        return len(value if isinstance(value, str) else canonical(value)) <= self.max_length

    @property
    def words(self) -> str:
        """As people read it."""
        if self.type == "boolean":
            return "is true or false"
        return f"is any {self.type} of at most {self.max_length} {'characters' if self.type == 'text' else 'digits'}"


Matcher = Annotated[Equal | OneOf | Range | Glob | AnyValue, Field(discriminator="match")]


class Leaf(_PatternPart):
    """What one leaf of a proposal must be. `at`: keys, and list positions from 0."""

    at: tuple[StrictStr | StrictInt, ...] = Field(min_length=1, max_length=MAX_DEPTH)
    must: Matcher

    @property
    def place(self) -> str:
        """Such as ``args.to[0]``."""
        return place_words(self.at)


class Pattern(_PatternPart):
    """Which proposals of a kind are approved."""

    kind: Literal["script", "optimizations", "tool_call", "custom"]
    leaves: tuple[Leaf, ...] = Field(min_length=1, max_length=MAX_LEAVES)

    @model_validator(mode="after")
    def _sound(self) -> Pattern:
        if len({_key(leaf.at) for leaf in self.leaves}) != len(self.leaves):
            raise ValueError("a leaf is named twice")
        for leaf in self.leaves:
            if is_program(self.kind, leaf.at) and not isinstance(leaf.must, Equal | OneOf):
                raise ValueError(f"{leaf.place} would be executed: it can only be equal to what people approved")
        return self

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the grant."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: Any) -> Pattern:
        """The inverse of `to_json`. Raises pydantic.ValidationError."""
        return cls.model_validate(value)


def is_program(kind: str, at: Path) -> bool:
    """True for a text that would be executed as it is; such texts are never generalized."""
    return (kind == "script" and at == ("content",)) or (
        kind == "optimizations" and len(at) == 3 and at[0] == "items" and at[2] in ("statement", "rollback")
    )


def matches(pattern: Pattern, document: dict[str, Any]) -> bool:
    """True if the proposal fits the pattern. A proposal that contains a masked secret never does."""
    if document.get("kind") != pattern.kind:
        return False
    found = leaves_of(document)
    if found is None or len(found) != len(pattern.leaves) or has_secret(document):
        return False
    return all(_key(leaf.at) in found and leaf.must.fits(found[_key(leaf.at)][1]) for leaf in pattern.leaves)


def suggest(documents: Sequence[dict[str, Any]]) -> Pattern | None:
    """The narrowest pattern that all of these fit, or None if they have too little in common.

    Values that are equal in all stay fixed; different numbers become a range, different short texts a common beginning
    with a wildcard, or a list. Programs become at most a list.
    """
    kinds = {document.get("kind") for document in documents}
    if len(kinds) != 1 or not kinds <= set(GRANTABLE_KINDS) or any(has_secret(document) for document in documents):
        return None
    taken = [leaves_of(document) for document in documents]
    first = taken[0]
    if not first or any(leaves is None or leaves.keys() != first.keys() for leaves in taken):
        return None
    kind = documents[0]["kind"]
    leaves = []
    for key, (at, _) in first.items():
        must = _widened([leaves[key][1] for leaves in taken if leaves is not None], is_program(kind, at))
        if must is None:
            return None
        leaves.append(Leaf(at=at, must=must))
    return Pattern(kind=kind, leaves=tuple(leaves))


def words(pattern: Pattern) -> list[str]:
    """The pattern for people, one line per leaf; what may vary comes first."""
    ordered = sorted(pattern.leaves, key=lambda leaf: isinstance(leaf.must, Equal))
    return [f"{leaf.place} {leaf.must.words}" for leaf in ordered]


def substance(document: dict[str, Any]) -> dict[str, Any]:
    """The part of a proposal that matters for a pattern: everything except texts for people."""
    kept = {name: value for name, value in document.items() if name not in _WORDS_ONLY}
    if isinstance(findings := kept.pop("findings", None), list) and (errors := _errors(findings)):
        # A grant approves what the agent itself calls an error only if people approved it with the same errors.
        kept["findings"] = errors
    if document.get("kind") == "optimizations" and isinstance(kept.get("items"), list):
        kept["items"] = [
            {name: value for name, value in item.items() if name not in _ITEM_WORDS_ONLY}
            if isinstance(item, dict)
            else item
            for item in kept["items"]
        ]
    return kept


def _errors(findings: list[Any]) -> list[str]:
    """The codes of the errors that the agent reports, each once."""
    found = [finding for finding in findings if isinstance(finding, dict) and finding.get("level") == "error"]
    return sorted({str(finding.get("code") or finding.get("words")) for finding in found})


def leaves_of(document: dict[str, Any]) -> dict[str, tuple[Path, Any]] | None:
    """Every leaf of what matters, by its path as text; an empty list or object is a leaf.

    None if there are too many leaves, or one is too deep.
    """
    found: dict[str, tuple[Path, Any]] = {}
    for at, value in _walk(substance(document), ()):
        if len(found) == MAX_LEAVES or len(at) > MAX_DEPTH:
            return None
        found[_key(at)] = (at, value)
    return found


def has_secret(value: Any) -> bool:
    """True if the value or a key in it contains the token of a masked secret, whose real value is unknown."""
    inside = [value]
    while inside:
        part = inside.pop()
        if isinstance(part, str) and TOKEN.search(part) is not None:
            return True
        if isinstance(part, dict):
            inside.extend(part)
            inside.extend(part.values())
        elif isinstance(part, list):
            inside.extend(part)
    return False


def pinned(value: Any) -> JsonValue:
    """A leaf's value as a pattern stores it: the value itself, or the digest and length of a long text."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return {"sha256": digest_of(value), "length": len(value)}
    return value


def place_words(at: Path) -> str:
    """A path for people, such as ``args.to[0]``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in at]
    return "".join(parts).removeprefix(".")


def _key(at: Path) -> str:
    return canonical(list(at))


def _walk(value: Any, at: Path) -> Iterator[tuple[Path, Any]]:
    if len(at) > MAX_DEPTH:
        yield at, None
    elif isinstance(value, dict) and value:
        for name in sorted(value):
            yield from _walk(value[name], (*at, name))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _walk(item, (*at, number))
    else:
        yield at, value


def _same(held: Any, value: Any) -> bool:
    return canonical(pinned(held)) == canonical(pinned(value))


def _star_ends(text: str, start: int) -> Iterator[int]:
    """The positions at which a ``*`` that begins at `start` can end."""
    yield start
    for at in range(start, len(text)):
        if text[at] not in _STAR:
            return
        yield at + 1


def _widened(values: list[Any], program: bool) -> Equal | OneOf | Range | Glob | None:
    distinct = {canonical(pinned(value)): pinned(value) for value in values}
    if len(distinct) == 1:
        return Equal(value=next(iter(distinct.values())))
    if any(isinstance(value, list | dict) for value in values):
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return Range(low=min(values), high=max(values), whole=all(isinstance(value, int) for value in values))
    if not program and len(distinct) == len(values) >= 3 and all(isinstance(value, str) for value in values):
        like = _between(values)
        if like is not None:
            return like
    return OneOf(values=tuple(distinct.values())) if len(distinct) <= MAX_VALUES else None


def _between(texts: list[str]) -> Glob | None:
    """A glob of the common beginning and end, if these are specific enough and what is between them is harmless."""
    # A text with white space may be a sentence or a program, whose meaning a wildcard could change.
    if max(map(len, texts)) > MAX_TEXT - 1 or any(char.isspace() or char in "*@" for text in texts for char in text):
        return None
    begin = _common(texts)
    end = _common([text[len(begin) :][::-1] for text in texts])[::-1]
    if len(begin) < 3 or ("://" in texts[0] and "/" not in begin.partition("://")[2]):
        return None
    made = Glob(text=f"{begin}*{end}", max_length=max(map(len, texts)))
    return made if all(made.fits(text) for text in texts) else None


def _common(texts: list[str]) -> str:
    low, high = min(texts), max(texts)
    return low[: next((at for at, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))]


def _shown(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"sha256", "length"}:
        return f"a text of {value['length']:,} characters with sha256 {str(value['sha256'])[:12]}…"
    if value in ("", [], {}):
        return "empty"
    return f"“{value}”" if isinstance(value, str) else canonical(value)
