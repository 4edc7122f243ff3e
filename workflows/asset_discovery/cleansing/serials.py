"""Serial numbers, and the placeholders that programs and people write instead."""

from __future__ import annotations

import re

from workflows.asset_discovery.cleansing.outcomes import Outcome
from workflows.asset_discovery.cleansing.rules import Rule

_PLACEHOLDERS = frozenset(
    re.sub(r"[\W_]", "", text)
    for text in (
        "to be filled by o.e.m.", "to be filled by oem", "to be filled", "default string", "system serial number",
        "chassis serial number", "base board serial number", "system product name", "oem", "o.e.m.", "default",
        "serial number", "serial", "not specified", "invalid", "n/a", "123456789", "0123456789", "1234567890",
        "12345678", "1234567", "123456", "12345", "1234", "01234567890123456789", "xxxxxxxxxx", "empty", "system",
        "03000200-0400-0500-0006-000700080009", "4c4c4544-0000-2010-8020-80c04f202020", "abcdefgh", "test",
        "sn0123456789", "ssn12345678901234567", "eserial", "sample", "standard", "default_string", "virtual", "vm",
        "not installed", "no serial", "noserial", "same", "unknown", "012345678", "00000000000000000000",
    )
)  # fmt: skip
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[Ee]\+?\d{1,2}")
# A spreadsheet has written a long number back after it had rounded it.
_ROUNDED = re.compile(r"(?=\d{11})[1-9]\d*0{6}(?:\.0)?")
_LABEL = re.compile(r"^(?:S/?N|Serial(?: (?:no|number))?|Seriennr)\.?\s*[:=#]\s*(?=\S)", re.IGNORECASE)
# "sin placa", "ohne Nummer", "no label"
_WITHOUT = re.compile(
    r"(?:no|without|ohne|keine?|sans|sin|senza|sem|zonder|geen|uden|utan|ingen|ilman|bez|brak|без|нет|nincs|fără)"
    r"(?:\s+[^\W\d_]+){1,2}",
    re.IGNORECASE,
)
_AS_DECIMAL = re.compile(r"(\d+)\.0")


def read_serial(text: str) -> Outcome:
    """The serial number of a cell."""
    if _SCIENTIFIC.fullmatch(text) or _ROUNDED.fullmatch(text):
        return Outcome(None, Rule.PRECISION)
    if _WITHOUT.fullmatch(text):
        return Outcome(None, Rule.EMPTY)
    bare = _LABEL.sub("", text)
    compact = re.sub(r"[\W_]", "", bare.casefold())
    if compact in _PLACEHOLDERS or len(set(compact)) <= 1 or compact.replace("x", "").replace("0", "") == "":
        return Outcome(None, Rule.PLACEHOLDER)
    if match := _AS_DECIMAL.fullmatch(bare):
        return Outcome(match[1], Rule.NOTATION)
    return Outcome(bare, Rule.REMARK if bare != text else None)
