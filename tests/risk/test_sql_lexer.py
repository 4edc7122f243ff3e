"""The lexer stops where going on would take too long, and only there."""

from app.risk.sql.lexer import MAX_TOKENS, Lexed, split

LONG = "(" * (MAX_TOKENS + 5_000)


def pieces(text, **options):
    return [(piece.code[:10], bool(piece.broken)) for piece in split(text, "", Lexed(), **options)]


def test_a_statement_with_too_many_signs_is_broken_and_the_next_one_is_read():
    assert pieces(f"{LONG}; DROP TABLE a") == [("((((((((((", True), ("DROP TABLE", False)]


def test_of_a_text_that_is_not_parsed_nothing_is_read_after_such_a_statement():
    assert pieces(f"{LONG}; DROP TABLE a", begins=True) == [("((((((((((", True)]


def test_without_time_the_statement_at_hand_is_broken_and_the_last():
    assert pieces("a " * 10_000 + "; DROP TABLE a", late=lambda: True) == [("a a a a a ", True)]


def test_with_time_nothing_is_left_out():
    assert pieces("a " * 10_000 + "; DROP TABLE a", late=lambda: False) == [
        ("a a a a a ", False),
        ("DROP TABLE", False),
    ]
