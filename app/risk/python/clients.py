"""Clients of services: what a client, and each part of it, is for, and how many things a call acts on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from app.risk.python.values import Value, rendered
from app.risk.rules import word_set

if TYPE_CHECKING:
    from app.risk.python.calls import Call

_LONGEST = 160
DATA = "json"
"""The kind of plain data, on which every method is harmless."""
LISTED = frozenset({"listed"})
"""Marks everything of a kind that a service has, or one of these things."""
_FILTERS = re.compile(
    r"filter|prefix|selector|query|^q$|where|match|pattern|tags?$|since|before|after|search|status|state|^names?$|label"
    r"|ids$|^id$",
    re.IGNORECASE,
)


def is_filter(name: str) -> bool:
    """Return True if an argument of this name chooses some of what is listed."""
    return bool(_FILTERS.search(name))


_VERBS = word_set(
    "get list describe all filter stream fetch find iter scan search items pages page by for with in each"
)


@dataclass(frozen=True)
class Use:
    """A call of a client's method.

    Attributes:
        made: The call.
        path: The library, and how the client's part was reached from it: ``boto3``, ``client``, ``s3``.
        method: The method's or function's name.
    """

    made: Call
    path: tuple[str, ...]
    method: str

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the method's name in lower case."""
        return words_of(self.method)

    @property
    def verb(self) -> str:
        """The first word of the method's name."""
        return self.words[0] if self.words else ""

    @cached_property
    def thing(self) -> tuple[str, ...]:
        """The words for what it acts on: those after the verb, or else of the part of the client."""
        verb = 2 if self.words[:1] in (("batch",), ("bulk",), ("async",), ("begin",)) else 1
        own = tuple(word for word in self.words[verb:] if word not in _VERBS)
        if own:
            return own
        for part in reversed(self.path[1:]):
            named = tuple(word for word in words_of(part) if word not in _VERBS)
            if named:
                return named
        return ()

    @cached_property
    def given(self) -> str:
        """All arguments as text, such as ``--dry-run true``, in lower case."""
        made = self.made
        texts = [rendered(value) for value in made.arguments]
        texts += [f"--{'-'.join(words_of(name))} {rendered(value)}" for name, value in made.keywords.items()]
        return " ".join(texts)[:8_000].lower().replace('\\"', '"')

    @property
    def dry(self) -> bool:
        """True if an argument is known to say that nothing is to happen."""
        if any("dry" in value.marks for value in self.made.keywords.values()):
            return True
        return any(
            re.fullmatch(r"dry_?run|validate_?only|preview|check_?mode|noop", name, re.IGNORECASE)
            and (value.name == "builtins.True" or (value.text or "").lower() in ("all", "client", "server"))
            for name, value in self.made.keywords.items()
        )

    @property
    def everything(self) -> bool:
        """True if it is done to everything of a kind, because nothing chooses some of what was listed."""
        values = (self.made.base, *self.made.arguments, *self.made.keywords.values())
        return not self.made.filtered and any("listed" in _marks(value) for value in values)

    @property
    def shown(self) -> str:
        """The method with the part of the client, for messages."""
        parts = [part for part in self.made.chain[-3:-1] if part.isidentifier()]
        return ".".join([*parts, self.method])[-80:]

    def result(self, *marks: str) -> Value:
        """Return what the method returns if it is a part of the client."""
        kept = (self.made.base.marks | self.made.marks) & (LISTED | {"whole"}) if not self.filters else frozenset()
        return Value(kind=".".join([*self.path, self.method])[:_LONGEST], marks=kept | set(marks))

    @property
    def filters(self) -> bool:
        """True if an argument chooses some of what is listed."""
        return any(_FILTERS.search(name) and not value.empty for name, value in self.made.keywords.items())


def _marks(value: Value) -> frozenset[str]:
    marks = value.marks
    for part in (*(value.items or ()), *(inner for _, inner in value.fields or ())):
        marks |= _marks(part)
    return marks


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name such as ``delete_object`` or ``deleteObject``, in lower case."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


_COMPUTES = word_set(
    "split rsplit splitlines strip lstrip rstrip startswith endswith lower upper title format encode decode isoformat "
    "strftime timestamp join total_seconds astimezone isdigit partition rpartition ljust rjust zfill most_common "
    "to_dataframe to_arrow __len__ __str__ removeprefix removesuffix casefold hex"
)
"""Methods of texts, dates, and lists, which the attributes of what a service returns are."""
Handler = Callable[[Use], Value | None]
HANDLERS: dict[str, Handler] = {}
"""What knows the calls of a library, by its name."""


def library(*names: str) -> Callable[[Handler], Handler]:
    """Add a handler for the calls of libraries."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def part(base: Value, name: str) -> Value | None:
    """Return an attribute or element of a client; None if it is no client's."""
    if base.kind.split(".")[0] not in HANDLERS or len(base.kind) > _LONGEST:
        return None
    return Value(kind=f"{base.kind}.{name}", marks=base.marks)


def call_client(made: Call, kind: str, method: str) -> Value | None:
    """Find out what a method of a client does; None if the library is not known here, or it does nothing special."""
    handler = HANDLERS.get(kind.split(".")[0])
    if handler is None:
        return None
    if method in _COMPUTES and "." in kind:
        return Value(kind=DATA, marks=made.base.marks)
    return handler(Use(made, tuple(kind.split(".")), method))
