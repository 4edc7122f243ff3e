"""Check digits: the published examples are right, and no other last digit is."""

from __future__ import annotations

import pytest

from workflows.asset_discovery.personal import checks


@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "5500-0055-5555-5559", "340000000000009"])
def test_card_numbers(number: str) -> None:
    assert checks.is_card_number(number)
    assert not checks.is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_no_card_numbers() -> None:
    for number in ("0000000000000000", "1234567812345670", "411111111111", "4111 1111 1111 111x", "", "３４"):
        assert not checks.is_card_number(number)


@pytest.mark.parametrize("number", ["GB82 WEST 1234 5698 7654 32", "ch93 0076 2011 6238 5295 7"])
def test_ibans(number: str) -> None:
    assert checks.is_iban(number)
    assert not checks.is_iban(number[:-1] + str((int(number[-1]) + 1) % 10))
    assert not checks.is_iban(number + "0")


def test_imeis() -> None:
    assert checks.is_imei("356938035643809")
    assert not checks.is_imei("356938035643808")
    assert not checks.is_imei("35693803564380")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("RSSMRA85T10A562S", "Italian codice fiscale"),
        ("15 070649 C 103", "German pension insurance number"),
        ("86 095 742 719", "German tax number"),
        ("2 55 08 14 168 025 38", "French social security number"),
        ("12345678Z", "Spanish DNI or NIE"),
        ("X1234567L", "Spanish DNI or NIE"),
        ("131052-308T", "Finnish identity code"),
        ("756.9217.0769.85", "Swiss AHV number"),
        ("93.05.18-223.61", "Belgian national number"),
        ("529.982.247-25", "Brazilian CPF"),
        ("44051401359", "Polish PESEL"),
        ("10000000146", "Turkish identity number"),
        ("811218-9876", "Swedish personal number"),
    ],
)
def test_national_numbers(number: str, name: str) -> None:
    assert checks.national_id(number) == name
    last = number[-1]
    wrong = chr((ord(last) - 65 + 1) % 26 + 65) if last.isalpha() else str((int(last) + 1) % 10)
    assert checks.national_id(number[:-1] + wrong) != name


def test_national_numbers_without_check_digits_count_in_their_own_form_only() -> None:
    assert checks.national_id("123-45-6789") == "US social security number"
    assert checks.national_id("AB 12 34 56 C") == "British national insurance number"
    for text in ("123456789", "666-45-6789", "900-45-6789", "GB123456C", "", "SRV-001", "1" * 11, "２" * 11):
        assert not checks.is_national_id(text)
