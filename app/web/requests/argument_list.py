"""Arguments of a tool call, and other JSON, as a labeled list that people read.

Only the way of showing changes: wherever the words differ from the value, the exact value stands beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from app.domain.weight import READ_A_CHARACTER, weigh
from app.risk.rules import word_set
from app.web.forms.schemas import in_order, required_in, shape_of, way_of
from app.web.requests.code import Argument
from assent.masking import TOKEN

SHOWN_ENTRIES = 200
"""Rows of a table, or entries of a list; the rest is in the exact values."""
MAX_COLUMNS = 12
_MOST_VALUES = 1_000
"""Values that are drawn one by one before the rest is shown as JSON."""
_DEEPEST = 4
_A_VALUE = 120.0
"""Microseconds to find out how a value is shown, and to render it."""
_SHORT = 160
_FOLDED_CHARACTERS, _FOLDED_LINES = 1_000, 12
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|z|[+-]\d\d:?\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WORDS = re.compile(r"[A-Za-z][a-z]*")
_MONEY = word_set("amount price total subtotal cost fee refund sum balance budget tax discount payment value")
_NO_QUANTITY = word_set("id ids number no nr code year port phone version pid zip key serial account")
_TO = ("to", "recipient", "recipients", "to_recipients", "email", "cc", "bcc")
_MAIL_HEADERS = ("from", "from_email", "sender", *_TO, "reply_to", "subject")
_MAIL_BODY = ("body", "text", "message", "content", "html", "body_text", "body_html", "html_body", "text_body")


@dataclass(frozen=True)
class Shown:
    """A value as people read it.

    Attributes:
        kind: ``text``, ``long``, ``code``, ``secret``, ``empty``, ``word``, ``number``, ``moment``, ``values``,
            ``table``, ``group``, ``entries``, or ``json``.
        text: its words; for ``json``, the value as JSON.
        exact: the value as JSON where `text` says it differently; empty if it says the same.
        at: the instant of a ``moment``.
        argument: for code, and for a text with findings.
        inside: the parts of a group, or the entries of a list.
        columns, rows: of a table; a cell is None where the row has no such value.
        more: entries that are not shown here.
    """

    kind: str
    text: str = ""
    exact: str = ""
    at: datetime | None = None
    argument: Argument | None = None
    inside: Sequence[Entry] = ()
    columns: Sequence[Entry] = ()
    rows: Sequence[Sequence[Shown | None]] = ()
    more: int = 0

    @property
    def foldable(self) -> bool:
        """True for a text that fills much of the screen."""
        return len(self.text) > _FOLDED_CHARACTERS or self.text.count("\n") >= _FOLDED_LINES

    @property
    def size_words(self) -> str:
        """How long the text is."""
        lines = self.text.count("\n") + 1
        return f"{lines:,} lines" if lines > 1 else f"{len(self.text):,} characters"


@dataclass(frozen=True)
class Entry:
    """A value with its label.

    Attributes:
        name: its name in the arguments.
        help: the description in the schema.
        unnamed: the schema does not name it.
    """

    label: str
    name: str
    shown: Shown
    help: str = ""
    unnamed: bool = False

    @property
    def is_renamed(self) -> bool:
        """True if the label does not say the name, so that the name stands beside it."""
        return bool(self.label) and self.label.casefold() != _label(self.name).casefold()


@dataclass(frozen=True)
class ArgumentList:
    """A JSON value as a list.

    Attributes:
        entries: the parts of an object; for any other value, one without a label.
        mail: the arguments are a mail, with its headers and its body; they are not among `entries`.
        apart: code that is shown after the list, because it stands too deep inside.
        exact: the value as JSON, for those who want to see precisely what is sent.
    """

    entries: Sequence[Entry]
    mail: Mail | None = None
    apart: Sequence[Argument] = ()
    exact: Any = None


@dataclass(frozen=True)
class Mail:
    """A mail: who gets it, its subject, and its text."""

    headers: Sequence[Entry]
    body: Sequence[Entry]


def argument_list(value: Any, schema: Any, texts: Iterable[Argument] = (), *, mails: bool = False) -> ArgumentList:
    """The value as a list, in the order of its schema.

    Args:
        schema: JSON Schema of the value; anything else counts as none.
        texts: the arguments with code or several lines.
        mails: show an object with a recipient, a subject, and a text like a mail.
    """
    reading = _Reading(schema if isinstance(schema, dict) else {}, texts)
    entries = reading.top(value)
    mail = _mail(entries) if mails else None
    if mail is not None:
        kept = {id(entry) for entry in (*mail.headers, *mail.body)}
        entries = [entry for entry in entries if id(entry) not in kept]
    return ArgumentList(entries, mail, reading.apart, value)


@dataclass
class _Reading:
    """Reads one value; references in its schema are resolved within that schema."""

    definitions: dict[str, Any]
    texts: Iterable[Argument]
    left: int = _MOST_VALUES
    waiting: dict[str, Argument] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = {argument.path: argument for argument in self.texts}

    @property
    def apart(self) -> list[Argument]:
        """The code that no entry shows line by line, unless it is short and there is nothing to say about it."""
        return [text for text in self.waiting.values() if text.general or text.is_noted or "\n" in text.text]

    def top(self, value: Any) -> list[Entry]:
        if isinstance(value, dict) and value:
            return self._parts(self.definitions, value, "", 0)
        return [Entry("", "", self._shown(self.definitions, value, "", "", {}, 0))]

    def _parts(self, schema: Any, value: Mapping[str, Any], path: str, depth: int) -> list[Entry]:
        """The parts of an object: those that its schema names first."""
        resolved = _resolved(schema, self.definitions, value)
        properties = resolved.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        entries = []
        for name in _in_order(resolved, properties, value):
            definition = properties.get(name, {})
            described = _resolved(definition, self.definitions, value[name])
            shown = self._shown(definition, value[name], _path(path, name), name, value, depth)
            title, description = described.get("title"), described.get("description")
            label = title if isinstance(title, str) and title.strip() else _label(name)
            words = description.strip() if isinstance(description, str) else ""
            entries.append(Entry(label, name, shown, words, bool(properties) and name not in properties))
        return entries

    def _shown(self, schema: Any, value: Any, path: str, name: str, beside: Mapping[str, Any], depth: int) -> Shown:
        self.left -= 1
        weigh(_A_VALUE)
        if isinstance(value, str):
            return self._text(value, path)
        if not isinstance(value, dict | list):
            return _scalar(value, name, beside)
        if not value:
            return Shown("empty", "Nothing" if isinstance(value, dict) else "Empty list", json.dumps(value))
        if depth >= _DEEPEST or self.left <= 0:
            return _as_json(value)
        if isinstance(value, dict):
            return _amount(value) or Shown("group", inside=self._parts(schema, value, path, depth + 1))
        return self._list(schema, value, path, depth)

    def _text(self, value: str, path: str) -> Shown:
        weigh(len(value) * READ_A_CHARACTER)
        argument = self.waiting.get(path)
        if argument is not None and argument.text == value:  # two arguments may have the same path
            del self.waiting[path]
        else:
            argument = None
        if argument is not None and argument.has_lines:
            return Shown("code", value, argument=argument)
        if argument is not None or len(value) > _SHORT or "\n" in value:
            return Shown("long", value.replace("\r\n", "\n"), argument=argument)
        if not value.strip():
            return Shown("empty", "Empty text" if not value else "Only spaces", json.dumps(value))
        if TOKEN.fullmatch(value):
            return Shown("secret", value)
        return _moment(value) or _day(value) or Shown("text", value)

    def _list(self, schema: Any, value: list[Any], path: str, depth: int) -> Shown:
        items = _resolved(schema, self.definitions, value).get("items", {})
        first, more = value[:SHOWN_ENTRIES], max(0, len(value) - SHOWN_ENTRIES)
        if not any(isinstance(item, dict | list) for item in first):
            entries = self._entries(items, first, path, depth)
            long = any(entry.shown.kind in ("long", "code") for entry in entries)
            return Shown("entries" if long else "values", inside=entries, more=more)
        if all(isinstance(item, dict) and item for item in first):
            table = self._table(items, first, path, depth)
            if table is not None:
                return Shown("table", columns=table[0], rows=table[1], more=more)
        return Shown("entries", inside=self._entries(items, first, path, depth), more=more)

    def _entries(self, items: Any, value: list[Any], path: str, depth: int) -> list[Entry]:
        entries = []
        for at, item in enumerate(value):
            if self.left <= 0:
                entries.append(Entry(f"{at + 1}", str(at), _as_json(value[at:])))
                break
            entries.append(Entry(f"{at + 1}", str(at), self._shown(items, item, _path(path, at), "", {}, depth + 1)))
        return entries

    def _table(
        self, items: Any, value: list[dict[str, Any]], path: str, depth: int
    ) -> tuple[list[Entry], list[list[Shown | None]]] | None:
        """Objects with the same few short parts, one below the other; None if they are not like that."""
        every = {name: part for item in value for name, part in item.items()}
        if len(every) > MAX_COLUMNS or len(every) * len(value) > self.left:
            return None
        if any(isinstance(part, dict | list) for item in value for part in item.values()):
            return None
        if any(_path(_path(path, at), name) in self.waiting for at, item in enumerate(value) for name in item):
            return None
        columns = self._parts(items, every, path, depth + 1)
        rows = [
            [
                self._shown({}, item[column.name], "", column.name, item, depth) if column.name in item else None
                for column in columns
            ]
            for item in value
        ]
        return columns, rows


def _resolved(schema: Any, definitions: dict[str, Any], value: Any) -> dict[str, Any]:
    """The schema that applies to the value, with references followed."""
    shape = shape_of(schema, definitions)
    if shape.kind == "union":
        chosen = way_of(shape.ways, definitions, value)
        inside = shape_of(shape.ways[chosen], definitions).schema if chosen is not None else {}
        return {**inside, **{key: text for key in ("title", "description") if (text := shape.schema.get(key))}}
    return shape.schema


def _in_order(schema: dict[str, Any], properties: dict[str, Any], value: Mapping[str, Any]) -> list[str]:
    if "x-order" in schema:
        named = [name for name, _ in in_order(schema, properties.items(), required_in(schema))]
        return [name for name in dict.fromkeys((*named, *value)) if name in value]
    if list(properties) == sorted(properties):
        # The order is not known, but that of the required names is.
        wanted = [name for name in required_in(schema) if name in properties]
        return [name for name in dict.fromkeys((*wanted, *properties, *value)) if name in value]
    return [name for name in dict.fromkeys((*properties, *value)) if name in value]


def _path(path: str, name: object) -> str:
    # As in `app.risk.text.strings_in`, whose paths findings have.
    return f"{path}.{str(name)[:60]}"[-200:].lstrip(".")


def _label(name: str) -> str:
    words = name.replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}" if words else name


def _scalar(value: Any, name: str, beside: Mapping[str, Any]) -> Shown:
    exact = json.dumps(value)
    if value is None:
        return Shown("empty", "None", exact)
    if isinstance(value, bool):
        return Shown("word", "Yes" if value else "No", exact)
    words = {word.lower() for word in _WORDS.findall(name)}
    currency = beside.get("currency") or beside.get("currency_code")
    if words & _MONEY and isinstance(currency, str) and _CURRENCY.fullmatch(currency):
        return Shown("number", f"{_grouped(value, exact)} {currency}", exact)
    if abs(value) < 10_000 or words & _NO_QUANTITY:
        return Shown("number", exact)
    grouped = _grouped(value, exact)
    return Shown("number", grouped, exact if grouped != exact else "")


def _grouped(value: float, exact: str) -> str:
    """The number with its thousands apart, and otherwise digit by digit as it is."""
    if "e" in exact or not exact.lstrip("-").replace(".", "", 1).isdigit():
        return exact
    whole, point, rest = exact.partition(".")
    return f"{int(whole):,}{point}{rest}" if not whole.startswith("-0") else exact


def _amount(value: dict[str, Any]) -> Shown | None:
    """An object that is only an amount and its currency."""
    currency = value.get("currency")
    if len(value) != 2 or not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        return None
    [name] = [key for key in value if key != "currency"]
    number = value[name]
    if name.lower() not in _MONEY or isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return Shown("number", _scalar(number, name, value).text, json.dumps(value, ensure_ascii=False))


def _moment(value: str) -> Shown | None:
    if not _MOMENT.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(value.upper())
        at.astimezone()  # the first and the last days of the calendar have no local time
    except (ValueError, OverflowError):
        return None
    return Shown("moment", value, value, at) if 1 < at.year < 9999 else None


def _day(value: str) -> Shown | None:
    if not _DAY.fullmatch(value):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return Shown("word", f"{day:%a} {day.day} {day:%b} {day.year}", value)


def _as_json(value: Any) -> Shown:
    words = json.dumps(value, indent=2, ensure_ascii=False)
    weigh(len(words) * READ_A_CHARACTER)
    return Shown("json", words)


def _mail(entries: Sequence[Entry]) -> Mail | None:
    """The parts of a mail among the arguments; None unless there are a recipient, a subject, and a text."""
    by_name = {entry.name.lower().replace("-", "_"): entry for entry in entries}
    body = [by_name[name] for name in _MAIL_BODY if name in by_name and by_name[name].shown.kind in _TEXTS]
    headers = [by_name[name] for name in _MAIL_HEADERS if name in by_name and by_name[name].shown.kind in _HEADERS]
    found = {entry.name.lower().replace("-", "_") for entry in headers}
    if "subject" not in found or found.isdisjoint(_TO) or not body:
        return None
    return Mail(headers, body)


_TEXTS = frozenset(("text", "long", "code"))
_HEADERS = frozenset(("text", "long", "values", "empty"))
