"""Checksums of numbers that identify people, their cards, accounts, and devices.

Each function takes the text as it stands in a cell, and returns False for everything that is not such a number.
Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN), 3GPP TS 23.003 (IMEI), and the public specifications of the national
authorities named at each check.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

_IIN = re.compile(r"4|5[1-5]|2(22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|3(0[0-5]|[68])|6(011|4[4-9]|5)|35(2[89]|[3-8])|62")
_CARD_LENGTHS = range(13, 20)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24,
    "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29, "BR": 29,
}  # fmt: skip


def luhn(digits: str) -> bool:
    """True if the last digit is the check digit of those before it, by Luhn's formula."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card_number(text: str) -> bool:
    """True for the number of a payment card: 13 to 19 digits, of a known issuer, with a right check digit."""
    digits = _digits(text)
    if len(digits) not in _CARD_LENGTHS or len(set(digits)) == 1 or not _IIN.match(digits):
        return False
    if digits.startswith(("34", "37")) != (len(digits) == 15):
        return False
    return luhn(digits)


def is_iban(text: str) -> bool:
    """True for an international bank account number: its country's length, and a remainder of 1 modulo 97."""
    compact = re.sub(r"[\s-]", "", text).upper()
    if not _IBAN.fullmatch(compact) or IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return _modulo_97(compact[4:] + compact[:4]) == 1


def is_imei(text: str) -> bool:
    """True for an IMEI: 15 digits, of a reporting body in use, with Luhn's check digit."""
    digits = _digits(text)
    return len(digits) == 15 and digits[:2] in {"01", "35", "86", "91", "98", "99"} and luhn(digits)


def is_national_id(text: str) -> bool:
    """True if the text is well-formed as a number by which a state identifies people, and its check digits are right.

    Numbers without check digits count only in their unmistakable form, such as `123-45-6789`.
    """
    return national_id(text) != ""


def national_id(text: str) -> str:
    """Return the name of the national number that the text is; empty if it is none."""
    compact = re.sub(r"[\s.\-/]", "", text).upper()
    if not 9 <= len(compact) <= 16 or len(set(compact)) < 3:
        return ""
    for name, shape, check in _NATIONAL:
        if shape.fullmatch(text.strip().upper()) and check(compact):
            return name
    return ""


def _digits(text: str) -> str:
    compact = re.sub(r"[\s-]", "", text)
    return compact if compact.isascii() and compact.isdigit() else ""


def _modulo_97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _day(digits: str, order: str) -> bool:
    """True if six digits are a date in this order of `y`, `m`, and `d`; the century is not known."""
    parts = {letter: int(digits[place * 2 : place * 2 + 2]) for place, letter in enumerate(order)}
    return any(_is_day(century + parts["y"], parts["m"], parts["d"]) for century in (1900, 2000))


def _codice_fiscale(text: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    total = 0
    for place, character in enumerate(text[:15]):
        value = int(character) if character.isdigit() else ord(character) - 65
        total += value if place % 2 else odd[value]
    return chr(65 + total % 26) == text[15]


def _tax_number_of_germany(text: str) -> bool:
    if text[0] == "0" or not 8 <= len(set(text[:10])) <= 9:
        return False
    product = 10
    for digit in text[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(text[10])


def _pension_number_of_germany(text: str) -> bool:
    digits = f"{text[:8]}{ord(text[8]) - 64:02}{text[9:11]}"
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(digits, weights, strict=True))
    return total % 10 == int(text[11])


def _nir(text: str) -> bool:
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def _dni(text: str) -> bool:
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def _belgian(text: str) -> bool:
    check = int(text[9:])
    return any(97 - int(prefix + text[:9]) % 97 == check for prefix in ("", "2")) and 1 <= int(text[2:4]) <= 12


def _pesel(text: str) -> bool:
    if not (1 <= int(text[2:4]) % 20 <= 12 and 1 <= int(text[4:6]) <= 31):
        return False
    return (10 - _weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(text[10])


def _swedish(text: str) -> bool:
    short = text[-10:]
    return _day(short[:6], "ymd") and luhn(short)


def _norwegian(text: str) -> bool:
    first = (11 - _weighted(text, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    second = (11 - _weighted(text, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return _day(text[:6], "dmy") and (first, second) == (int(text[9]), int(text[10]))


def _finnish(text: str) -> bool:
    return _day(text[:6], "dmy") and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[-4:-1]) % 31] == text[-1]


def _swiss(text: str) -> bool:
    return (10 - _weighted(text, (1, 3) * 6) % 10) % 10 == int(text[12])


def _cpf(text: str) -> bool:
    def digit(count: int) -> int:
        return _weighted(text, tuple(range(count + 1, 1, -1))[:count]) * 10 % 11 % 10

    return (digit(9), digit(10)) == (int(text[9]), int(text[10]))


def _turkish(text: str) -> bool:
    numbers = [int(digit) for digit in text]
    tenth = (sum(numbers[0:9:2]) * 7 - sum(numbers[1:8:2])) % 10
    return numbers[0] != 0 and tenth == numbers[9] and sum(numbers[:10]) % 10 == numbers[10]


def _us(text: str) -> bool:
    return text[:3] not in ("000", "666") and text[0] != "9" and text[3:5] != "00" and text[5:] != "0000"


def _danish(text: str) -> bool:
    return _day(text[:6], "dmy")


def _british(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


_NATIONAL: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = tuple(
    (name, re.compile(shape), check)
    for name, shape, check in (
        ("Italian codice fiscale", r"[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", _codice_fiscale),
        ("German pension insurance number", r"\d{2} ?\d{6} ?[A-Z] ?\d{3}", _pension_number_of_germany),
        ("French social security number", r"[12] ?\d{2} ?\d{2} ?(\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _nir),
        ("Spanish DNI or NIE", r"(\d{8}|[XYZ]-?\d{7})-?[A-Z]", _dni),
        ("Finnish identity code", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", _finnish),
        ("Swiss AHV number", r"756\.?\d{4}\.?\d{4}\.?\d{2}", _swiss),
        ("Belgian national number", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}|\d{11}", _belgian),
        ("Brazilian CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11}", _cpf),
        ("Polish PESEL", r"\d{11}", _pesel),
        ("Norwegian birth number", r"\d{6} ?\d{5}", _norwegian),
        ("Turkish identity number", r"\d{11}", _turkish),
        ("German tax number", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _tax_number_of_germany),
        ("Swedish personal number", r"(\d{2})?\d{6}[-+]?\d{4}", _swedish),
        ("Danish CPR number", r"\d{6}-\d{4}", _danish),
        ("US social security number", r"\d{3}-\d{2}-\d{4}", _us),
        ("British national insurance number", r"[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _british),
    )
)
