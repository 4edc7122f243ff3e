"""Names that look the same, and joiners where scripts need them."""

from __future__ import annotations

import time

import pytest

from app.domain.hidden_characters import is_line
from app.domain.lookalikes import clashes, look_the_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "\u0410da Lovelace"),  # Cyrillic A
        ("paypal", "\u0440\u0430\u0443\u0440\u0430\u04c0"),  # all Cyrillic
        ("Scope", "\u0405\u0441\u043e\u0440\u0435"),
        ("Marnie", "Mamie"),  # rn and m
        ("Iris", "lris"),
        ("Bill", "Bi11"),
        ("BOB 0", "B0B O"),
        ("Ada", "\uff21da"),  # fullwidth
        ("Ada", "\U0001d400da"),  # mathematical
        ("ada lovelace", "ADA LOVELACE"),
        ("Ada Lovelace", "Ada  Lovelace"),
        ("Ada Lovelace", "Ada\u00a0Lovelace"),
        *(("Ada Lovelace", f"Ada{blank}Lovelace") for blank in "\u3164\uffa0\u2800\u2003"),  # as wide as a space
        ("Ada", "A\u200dd\u200ca"),
        ("Ada", "A\u00add\ufe0fa"),
        ("José", "Jose\u0301"),
        ("\u039f\u03bd", "\u041e\u03bd"),  # Greek and Cyrillic O
        ("office", "o\ufb03ce"),  # a ligature
        ("a@example.org", "\u0430@ex\u0430mple.org"),
    ],
)
def test_what_a_reader_takes_for_the_other_looks_the_same(one: str, other: str) -> None:
    assert look_the_same(one, other) and look_the_same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "Ada Lovelate"), ("José", "Jose"), ("Müller", "Muller"), ("Anna", "Ana"), ("Smith", "Smyth"),
        ("Ольга", "Ольги"), ("李明", "李朋"), ("محمد", "محمود"), ("Reviewer 2", "Reviewer 3"), ("DBA", "QA"),
    ],
)  # fmt: skip
def test_what_a_reader_tells_apart_does_not(one: str, other: str) -> None:
    assert not look_the_same(one, other)


@pytest.mark.parametrize(
    "name",
    [
        "نامه\u200cای",  # Persian, between letters that would join
        "ක්\u200dරිස්",  # Sinhala, after a virama
        "क्\u200cष", "क्\u200dष",  # Devanagari, after a virama
        "Zoë O’Neill-Łukasz", "李明",
        "👩\u200d💻 Ana", "❤️\u200d🔥", "🏳️\u200d🌈", "👩🏽\u200d⚕️", "👨\u200d👩\u200d👧",  # between emoji
    ],
)  # fmt: skip
def test_joiners_are_taken_where_a_script_or_an_emoji_needs_them(name: str) -> None:
    assert is_line(name)


@pytest.mark.parametrize(
    "name",
    [
        "A\u200dda",
        "\u200cAda",
        "Ada\u200d",
        "نامه\u200d",
        "A\u200b",
        "A\u202eb",
        "A\u2066b",
        "A\tb",
        "क\u200dष",
        "👩\u200d",
        "\u200d💻",
        "👩\u200c💻",
        "©\u200d®",
        "👩\u200d\u200d💻",
    ],
)
def test_nothing_else_that_shows_nothing_is_taken(name: str) -> None:
    assert not is_line(name)


def test_ten_thousand_people_are_compared_in_no_time() -> None:
    people = [(str(number), f"Person number {number:,} of the company") for number in range(10_000)]
    began = time.process_time()
    assert clashes([*people, ("x", "Ρerson number 42 of the company")]) == [("42", "x")]
    assert time.process_time() - began < 10
