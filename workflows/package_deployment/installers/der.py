"""Reading DER, the encoding of signatures and certificates, in bounded steps.

Only what Authenticode needs: elements with definite lengths, whose exact bytes are kept, because signatures are made
over bytes. Indefinite lengths, which DER forbids, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SEQUENCE = 0x30
SET = 0x31
INTEGER = 0x02
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18

MOST_CHILDREN = 2_000


class DerError(ValueError):
    """The bytes are not what they have to be here."""


@dataclass(frozen=True)
class Element:
    """One element: its tag, and its bytes with and without tag and length."""

    tag: int
    raw: bytes
    content: bytes

    def children(self) -> list[Element]:
        """Return the elements inside a constructed element. Raises DerError."""
        if not self.tag & 0x20:
            raise DerError(f"an element with tag {self.tag:#04x} contains no others")
        found: list[Element] = []
        rest = memoryview(self.content)
        while rest:
            if len(found) == MOST_CHILDREN:
                raise DerError(f"an element contains more than {MOST_CHILDREN:,} others")
            element = read(rest)
            found.append(element)
            rest = rest[len(element.raw) :]
        return found

    def expect(self, tag: int) -> Element:
        """Return the element itself, or raise DerError if it has another tag."""
        if self.tag != tag:
            raise DerError(f"an element has tag {self.tag:#04x} instead of {tag:#04x}")
        return self


def read(data: bytes | memoryview) -> Element:
    """Read the element at the beginning of bytes; more may follow it. Raises DerError."""
    if len(data) < 2:
        raise DerError("an element ends before its length")
    tag, length, start = data[0], data[1], 2
    if tag & 0x1F == 0x1F:
        raise DerError("a tag has more than one byte")
    if length == 0x80:
        raise DerError("a length is indefinite, which DER forbids")
    if length > 0x80:
        start += length & 0x7F
        if length > 0x84 or len(data) < start:
            raise DerError("a length is longer than all that there is")
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise DerError("an element ends before its content")
    raw = bytes(data[: start + length])
    return Element(tag, raw, raw[start:])


def fields(element: Element, least: int) -> list[Element]:
    """Return the elements of a SEQUENCE, which must be at least so many. Raises DerError."""
    found = element.expect(SEQUENCE).children()
    if len(found) < least:
        raise DerError(f"a sequence has {len(found)} elements instead of at least {least}")
    return found


def identifier(element: Element) -> str:
    """Return an object identifier with dots. Raises DerError."""
    content = element.expect(OBJECT_IDENTIFIER).content
    if not content or len(content) > 64 or content[-1] & 0x80:
        raise DerError("an object identifier is incomplete")
    numbers: list[int] = []
    value = 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def integer(element: Element) -> int:
    """Return an integer. Raises DerError."""
    content = element.expect(INTEGER).content
    if not content or len(content) > 64:
        raise DerError("an integer is empty or too long")
    return int.from_bytes(content, "big", signed=True)


def time(element: Element) -> datetime:
    """Return a UTCTime or GeneralizedTime that ends with Z. Raises DerError."""
    try:
        text = element.content.decode("ascii")
        if element.tag == UTC_TIME:
            century = "19" if text[:2] >= "50" else "20"
            return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        whole, _, fraction = element.expect(GENERALIZED_TIME).content.decode("ascii").rstrip("Z").partition(".")
        if not text.endswith("Z") or len(fraction) > 9 or (fraction and not fraction.isdigit()):
            raise DerError("a time is not in UTC")
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return moment + timedelta(microseconds=int(fraction[:6].ljust(6, "0")))
    except (UnicodeDecodeError, ValueError) as error:
        raise DerError("a time is not written as it has to be") from error
