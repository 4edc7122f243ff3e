"""Words by which decided requests are found."""

from __future__ import annotations

import pytest

from app.domain.search_words import MOST_BYTES, search_words, strings_in, value_word, words_query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Index", ["'index':*"]),
        ("public.Customer_Emails", ["'public'", "'customer'", "'emails':*"]),
        ("STRASSE straße", ["'strasse':*"]),
        ("a", ["'a'"]),
        ("§§§ --", []),
        ("顧客削除", ["'顧客'", "'客削'", "'削除'"]),
        ("顧", ["'顧':*"]),
        ("v2顧客", ["'v2'", "'顧客'"]),
        ("x" * 100, [f"'{'x' * 60}':*"]),
        ("'; drop table & | ! <->", ["'drop':*", "'table':*"]),
    ],
)
def test_what_is_typed_becomes_words_and_beginnings_of_words(text: str, query: list[str]) -> None:
    assert words_query(text) == query


def test_a_document_has_each_word_once_and_not_too_many() -> None:
    assert search_words(["Drop the_table", "drop 17 顧客"]) == ["drop", "the", "table", "17", "顧客"]
    many = search_words([" ".join(f"word{number}" for number in range(200_000))])
    assert sum(len(word) for word in many) <= MOST_BYTES < 8 * len(many) + MOST_BYTES


def test_texts_and_numbers_of_a_proposal_count_but_not_its_names() -> None:
    value = {"name": ["one", {"x": 2.5, "y": True, "z": None}], "other": "three"}
    assert list(strings_in(value)) == ["one", "2.5", "three"]
    assert search_words(["=workflow:x"]) == ["workflow", "x"] and value_word("workflow", "x") == "=workflow:x"
