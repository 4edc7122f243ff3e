"""Values as far as they are known before the code runs."""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from app.risk.words import UNKNOWN, Word

_LARGEST = 1_000
"""How many values a list or dictionary may hold, those in what it holds included."""
LONGEST = 20_000
"""The longest text that is computed."""


@dataclass(frozen=True)
class Value:
    """A value.

    Attributes:
        text: The text, or the path of a `pathlib.Path`, with `UNKNOWN` for unknown parts; None if it is no text.
        name: The qualified name if it is a module, class, or function, such as ``os.remove``.
        kind: What made it: the qualified name of its class, function, or module, such as ``requests.get``.
        items: The elements of a list or tuple; None if it is neither, or if they are unknown.
        number: A whole number.
        marks: Where it comes from: ``download``, ``decoded``, ``secret``.
        glob: The text is a pattern for the names of several files.
        empty: True if it is known to be empty, such as ``{}``.
        held: Functions that it may be, or that it may hold, such as those of a dictionary; `ANY` for others.
        fields: The values of a dictionary by key; None if it is none, or if they are unknown.
        size: How many values are in it, itself included.
        choices: Texts that it may have, where branches or defaults decide; `UNKNOWN` among them for any other.
    """

    text: str | None = None
    name: str = ""
    kind: str = ""
    items: tuple[Value, ...] | None = None
    number: int | None = None
    marks: frozenset[str] = frozenset()
    glob: bool = False
    empty: bool = False
    held: tuple[Value, ...] = ()
    fields: tuple[tuple[str, Value], ...] | None = None
    choices: tuple[str, ...] = ()
    size: int = field(default=1, compare=False)

    def __post_init__(self) -> None:
        """Forget what is in a value if that is too much, as when a list holds itself again and again."""
        inner = (*(self.items or ()), *(value for _, value in self.fields or ()), *self.held)
        size = 1 + sum(value.size for value in inner)
        if size > _LARGEST:
            object.__setattr__(self, "items", None)
            object.__setattr__(self, "fields", None)
            object.__setattr__(self, "held", ())
            size = 1
        object.__setattr__(self, "size", size)

    @property
    def known(self) -> bool:
        """True if it is a text without unknown parts."""
        return self.text is not None and UNKNOWN not in self.text

    def marked(self, *marks: str) -> Value:
        """Return it with more marks."""
        return replace(self, marks=self.marks | set(marks)) if marks else self

    def word(self, line: int, shown: str = "") -> Word:
        """Return it as a command's argument or a path."""
        text = UNKNOWN if self.text is None else self.text
        if self.text is None and self.number is not None:
            text = str(self.number)
        source = next((mark for mark in ("download", "decoded", "secret", "listed") if mark in self.marks), "")
        several = source == "listed" and UNKNOWN in text
        return Word(text, line, shown if UNKNOWN in text else "", glob=self.glob, several=several, source=source)


ANY = Value()
"""An unknown value."""
MOST_CHOICES = 6


def one_of(values: Sequence[Value]) -> Value:
    """Return what is known of a value that is one of these."""
    if values and all(value == values[0] for value in values):
        return values[0]
    marks: frozenset[str] = frozenset().union(*(value.marks for value in values))
    values = [value for value in values if value.name != "builtins.None"] or values
    kinds = {value.kind for value in values if value != ANY}
    kind = kinds.pop() if len(kinds) == 1 else ""
    texts = list(dict.fromkeys(text for value in values for text in value.choices or (text_of(value),)))
    if not any(value.text is not None for value in values) or len(texts) > MOST_CHOICES:
        return Value(kind=kind, marks=marks, held=held_by(values))
    glob = any(value.glob for value in values)
    return Value(UNKNOWN, kind=kind, marks=marks, choices=tuple(texts), glob=glob, held=held_by(values))


def or_default(default: Value) -> Value:
    """Return what comes from outside, such as the environment, or is this if nothing is given."""
    return one_of([Value(UNKNOWN, kind=default.kind), default]) if default.text else Value(UNKNOWN, marks=default.marks)


def chosen(value: Value, number: int) -> Value:
    """Return a value with one of its choices, and so with its elements; others are as they are."""
    if value.choices:
        return replace(value, text=value.choices[number % len(value.choices)], choices=())
    if value.items is not None and any(item.choices for item in value.items):
        return replace(value, items=tuple(chosen(item, number) for item in value.items))
    return value


def count_choices(values: Iterable[Value]) -> int:
    """Return how many choices the values have at most."""
    counts = [max((len(part.choices) for part in (value, *(value.items or ()))), default=0) for value in values]
    return max(counts, default=0)


_MOST_HELD = 20
_NO_FUNCTIONS = ("builtins.None", "builtins.True", "builtins.False")


def held_by(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return the functions that one of several values may be or hold; none if none of them is a known function."""
    found: dict[Value, None] = {}
    unknown = False
    for value in values:
        found.update(dict.fromkeys(value.held))
        functions = [one for one in (value, *(value.items or ())) if one.name and one.name not in _NO_FUNCTIONS]
        found.update(dict.fromkeys(functions))
        unknown = unknown or value == ANY
    rest = (ANY,) if found and (unknown or len(found) > _MOST_HELD) else ()
    return (*rest, *[value for value in list(found)[:_MOST_HELD] if value not in rest])


def text_of(value: Value) -> str:
    """Return a value as a part of a text."""
    if value.text is not None:
        return value.text
    return str(value.number) if value.number is not None else UNKNOWN


def joined(parts: Sequence[Value], between: str = "") -> Value:
    """Return texts put together."""
    text = between.join(text_of(part) for part in parts)[:LONGEST]
    choices: tuple[str, ...] = ()
    if number := count_choices(parts):
        texts = (between.join(text_of(chosen(part, place)) for part in parts)[:LONGEST] for place in range(number))
        choices = tuple(dict.fromkeys(texts))
    marks: frozenset[str] = frozenset().union(*(part.marks for part in parts))
    return Value(text, marks=marks, glob=any(part.glob for part in parts), choices=choices)


def rendered(value: Value, depth: int = 0) -> str:
    """Return a value as JSON, with `UNKNOWN` for unknown parts."""
    if depth > 8:
        return f'"{UNKNOWN}"'
    if value.fields is not None:
        pairs = (f"{json.dumps(key)}: {rendered(part, depth + 1)}" for key, part in value.fields)
        return f"{{{', '.join(pairs)}}}"[:LONGEST]
    if value.items is not None:
        return f"[{', '.join(rendered(part, depth + 1) for part in value.items)}]"[:LONGEST]
    if value.number is not None and value.text is None:
        return str(value.number)
    if value.name in _CONSTANTS:
        return _CONSTANTS[value.name]
    return json.dumps(text_of(value), ensure_ascii=False)


_CONSTANTS = {"builtins.True": "true", "builtins.False": "false", "builtins.None": "null"}


def _formatted(value: Value, arguments: Sequence[Value]) -> Value:
    """Return the text of ``str.format`` or ``%``, with the arguments in their places."""
    rest = list(arguments)

    def put(match: re.Match[str]) -> str:
        inner = match[1] or ""
        if inner.isdigit():
            return text_of(arguments[int(inner)]) if int(inner) < len(arguments) else UNKNOWN
        return text_of(rest.pop(0)) if rest and not inner.isidentifier() else UNKNOWN

    text = re.sub(r"\{([^{}!:]*)[^{}]*\}|%[-+0-9.]*[sdrxi]", put, value.text or "")
    return joined([Value(text), *(replace(one, text="", number=None) for one in arguments)])


def percent(value: Value, argument: Value) -> Value:
    """Return the text of the ``%`` operator."""
    return _formatted(value, argument.items if argument.items is not None else [argument])


def _bytes(text: str) -> bytes:
    return text.encode("latin-1") if all(ord(char) < 256 for char in text) else text.encode()


def _decode(change: Callable[[bytes], bytes]) -> Callable[[Value], Value]:
    def decode(value: Value) -> Value:
        if not value.known:
            return replace(ANY, marks=value.marks | {"decoded"})
        try:
            plain = change(_bytes((value.text or "")[:LONGEST]))[:LONGEST]
        except (ValueError, binascii.Error, zlib.error, lzma.LZMAError, OSError, EOFError, UnicodeError):
            return replace(ANY, marks=value.marks | {"decoded"})
        try:
            text = plain.decode()
        except UnicodeDecodeError:
            text = plain.decode("latin-1")
        return Value(text, marks=value.marks | {"decoded"})

    return decode


def _inflate(data: bytes) -> bytes:
    return zlib.decompressobj(47).decompress(data, LONGEST)


def _rot13(data: bytes) -> bytes:
    return codecs.decode(data.decode(), "rot13").encode()


DECODERS: dict[str, Callable[[Value], Value]] = {
    "base64.b64decode": _decode(lambda data: base64.b64decode(data + b"===")),
    "base64.standard_b64decode": _decode(base64.b64decode),
    "base64.urlsafe_b64decode": _decode(lambda data: base64.urlsafe_b64decode(data + b"===")),
    "base64.b32decode": _decode(base64.b32decode),
    "base64.b16decode": _decode(lambda data: base64.b16decode(data, True)),
    "base64.b85decode": _decode(base64.b85decode),
    "base64.a85decode": _decode(base64.a85decode),
    "base64.decodebytes": _decode(base64.decodebytes),
    "binascii.unhexlify": _decode(binascii.unhexlify),
    "binascii.a2b_hex": _decode(binascii.unhexlify),
    "binascii.a2b_base64": _decode(binascii.a2b_base64),
    "builtins.bytes.fromhex": _decode(lambda data: bytes.fromhex(data.decode())),
    "builtins.bytearray.fromhex": _decode(lambda data: bytes.fromhex(data.decode())),
    "zlib.decompress": _decode(_inflate),
    "gzip.decompress": _decode(_inflate),
    "bz2.decompress": _decode(lambda data: bz2.BZ2Decompressor().decompress(data, LONGEST)),
    "lzma.decompress": _decode(lambda data: lzma.LZMADecompressor().decompress(data, max_length=LONGEST)),
}
"""Functions that make a readable text of another one."""


def decoded_by(value: Value, codec: str) -> Value:
    """Return the value of ``codecs.decode(value, codec)``."""
    name = codec.lower().replace("-", "").replace("_", "")
    change = {
        "rot13": _rot13, "hex": binascii.unhexlify, "hexcodec": binascii.unhexlify,
        "base64": base64.b64decode, "base64codec": base64.b64decode, "zlib": _inflate,
    }.get(name)  # fmt: skip
    return _decode(change)(value) if change else value


def text_method(value: Value, method: str, arguments: Sequence[Value]) -> Value | None:
    """Return the result of a text's method that is computed; None for other methods."""
    if method == "format":
        return _formatted(value, arguments)
    if method == "join" and arguments and arguments[0].items is not None:
        return joined(arguments[0].items, value.text or "")
    if method in ("encode", "decode") and (not arguments or arguments[0].known):
        return decoded_by(value, arguments[0].text or "") if arguments else value
    if method == "replace" and len(arguments) >= 2 and all(one.known for one in arguments[:2]):
        return replace(
            value, text=(value.text or "").replace(arguments[0].text or "", arguments[1].text or "")[:LONGEST]
        )
    if method in ("lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase") and not arguments:
        return replace(value, text=getattr(value.text or "", method)())
    if method == "split" and value.known:
        by = arguments[0].text if arguments else None
        return Value(items=tuple(Value(part, marks=value.marks) for part in (value.text or "").split(by or None)))
    return None
