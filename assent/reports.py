"""Receipts that can always be stored: reporting comes after the action, so it must never be what fails.

"Retry" repeats a step that has acted and then raises. So whatever a step reports is made storable here: cut with a
mark, converted, and masked. Reports that cannot be understood are stored as "not known".
"""

from __future__ import annotations

import base64
import logging
import math
import numbers
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from itertools import islice
from typing import Any

from pydantic import BaseModel, JsonValue

from assent.contracts import Receipt, ReceiptStatus
from assent.masking import mask, mask_text

log = logging.getLogger(__name__)
MAX_SUMMARY = 2_000
MAX_TEXT = 20_000
"""Longest text in the details, in characters; the rest is cut off."""
MAX_VALUES = 5_000
"""Most values in the details; the rest is cut off."""
MAX_CHARACTERS = 200_000
"""Most characters of all texts in the details; the rest is cut off."""
MAX_DEPTH = 20
CUT = " … (cut)"
TOO_DEEP = "… (nested too deeply)"
CIRCULAR = "… (contains itself)"
_DIGITS = 300
_BEYOND = 4_000
"""Characters beyond the cut that are also searched, so that no secret is cut in half and missed."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_LONGEST_KEY = 200

Reporter = Callable[[Receipt], None]
_reporter: ContextVar[Reporter | None] = ContextVar("assent_reporter", default=None)


@contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Pass receipts that steps report within the block to `reporter`, which stores them with the step."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def current_reporter() -> Reporter | None:
    """Return the reporter of the running step; None: there is none, and receipts go to the stream."""
    return _reporter.get()


def receipt_of(outcome: Any, status: Any, summary: Any = "", detail: Any = None) -> Receipt | None:
    """Return a storable receipt for any report; None if the report does not name a request.

    Args:
        outcome: an `Outcome`, or its JSON, or the id of a request.
        status: a `ReceiptStatus` or its value. Anything else is kept as "not known", with a summary that says so.
    """
    request_id = _request_id(outcome)
    if not request_id:
        log.error("A receipt was reported for %s, which is no outcome; it is lost.", type(outcome).__name__)
        return None
    said = storable_summary(summary)
    try:
        known = ReceiptStatus(status)
    except ValueError:
        known = ReceiptStatus.DELIVERED
        words = f"Not known: the step reported the status “{storable_text(status, 100)}”, which does not exist."
        said = storable_summary(f"{words} {said}".strip())
    return Receipt(request_id=request_id, status=known, summary=said, detail=storable_detail(detail))


def status_of_all(statuses: Iterable[ReceiptStatus]) -> ReceiptStatus:
    """Return the status of a batch from those of its calls. Raises ValueError: there are none, or a `delivered`."""
    found = set(statuses)
    if not found or ReceiptStatus.DELIVERED in found:
        raise ValueError("Report what was done with each call: applied, partly_applied, not_applied, or failed.")
    if len(found) == 1:
        return found.pop()
    done = found & {ReceiptStatus.APPLIED, ReceiptStatus.PARTLY_APPLIED}
    return ReceiptStatus.PARTLY_APPLIED if done else ReceiptStatus.FAILED


def storable_summary(summary: Any) -> str:
    """Return the summary as masked text of at most `MAX_SUMMARY` characters; a longer one is cut with a mark."""
    text = storable_text("" if summary is None else summary, MAX_TEXT)
    try:
        text = str(mask(text)[0])
    except Exception:
        log.exception("A summary could not be masked, so it is left out.")
        return "The summary could not be stored."
    return _cut(text, MAX_SUMMARY)


def storable_detail(detail: Any) -> JsonValue:
    """Return the details as masked JSON: other values become strings, and excess is cut with a mark."""
    try:
        masked, _ = mask(_Room().plain(detail, (), 0))
        return masked
    except Exception:
        log.exception("The details of a receipt could not be stored, so they are left out.")
        return {"note": f"Details of the type {type(detail).__name__} could not be stored."}


def _request_id(outcome: Any) -> str:
    found = outcome.get("request_id") if isinstance(outcome, Mapping) else getattr(outcome, "request_id", outcome)
    return storable_text(found, 200) if isinstance(found, str) else ""


class _Room:
    """Converts values to JSON, as long as there is room."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def plain(self, value: Any, inside: tuple[int, ...], depth: int) -> Any:
        """Return the value as JSON. `inside` has the containers around it, so that none contains itself."""
        self._values -= 1
        try:
            return self._plain(value, inside, depth)
        except Exception as error:
            return f"{type(value).__name__} that could not be read ({type(error).__name__})"

    def _plain(self, value: Any, inside: tuple[int, ...], depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.plain(value.value, inside, depth)
        if isinstance(value, numbers.Integral):
            whole = int(value)
            return whole if abs(whole) < 10**_DIGITS else f"a number of {whole.bit_length()} bits"
        if isinstance(value, numbers.Real):
            real = float(value)
            return real if math.isfinite(real) else str(real)
        if isinstance(value, str):
            return self._short(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(bytes(value[:MAX_TEXT]), len(value))
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, timedelta):
            return str(value)
        if isinstance(value, BaseException):
            return self._short(f"{type(value).__name__}: {value}")
        return self._container(value, inside, depth)

    def _container(self, value: Any, inside: tuple[int, ...], depth: int) -> Any:
        entries = _entries(value)
        items = None if entries is not None else _items(value)
        if entries is None and items is None:
            return self._short(value)
        if id(value) in inside:
            return CIRCULAR
        if depth >= MAX_DEPTH:
            return TOO_DEEP
        inside, depth = (*inside, id(value)), depth + 1
        if entries is not None:
            return self._dict(entries, inside, depth)
        made: list[Any] = []
        for item in items or ():
            if self._values <= 0:
                return [*made, f"{len(value) - len(made)} more{CUT}"]
            made.append(self.plain(item, inside, depth))
        # Equal sets give equal lists.
        return sorted(made, key=repr) if isinstance(value, set | frozenset) else made

    def _dict(self, entries: Mapping[Any, Any], inside: tuple[int, ...], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, entry in entries.items():
            if self._values <= 0:
                made["…"] = f"{len(entries) - len(made)} more{CUT}"
                break
            name = storable_text(key.value if isinstance(key, Enum) else key, _LONGEST_KEY)
            made[name] = self.plain(entry, inside, depth)
        return made

    def _bytes(self, start: bytes, length: int) -> str:
        try:
            return self._short(start.decode()) if len(start) == length else f"{length} bytes{CUT}"
        except UnicodeDecodeError:
            return self._short(base64.b64encode(start).decode())

    def _short(self, value: Any) -> str:
        most = max(0, min(MAX_TEXT, self._characters))
        text = storable_text(value, most + _BEYOND)
        if len(text) > most:
            text = _cut(mask_text(text), most)
        self._characters -= len(text)
        return text


def _entries(value: Any) -> Mapping[Any, Any] | None:
    """Return the fields of an object with named fields."""
    if isinstance(value, BaseModel):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value) if field.repr}
    return value if isinstance(value, Mapping) else None


def _items(value: Any) -> Iterable[Any] | None:
    """Return the items of a collection, without consuming iterators."""
    if isinstance(value, list | tuple | set | frozenset):
        return islice(list(value), MAX_VALUES)
    return None


def storable_text(value: Any, most: int) -> str:
    """Return text of at most `most` characters that every database and every JSON reader accepts."""
    if isinstance(value, str):
        text = str.__str__(value)
    else:
        try:
            text = _ADDRESS.sub("", str(value))  # it differs in every attempt
        except Exception:
            text = f"something of the type {type(value).__name__}"
    text = _cut(text, most).replace("\x00", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT
