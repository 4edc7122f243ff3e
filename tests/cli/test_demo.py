"""The demo: its sample database. `tests/services/test_demo.py` tests its past, `tests/acceptance` its first minute."""

from __future__ import annotations

from app.cli.serve import sample_address


def test_on_a_given_server_the_sample_is_named_after_our_database():
    assert sample_address("postgresql://u@db.example/desk?sslmode=require", None) == (
        "postgresql://u@db.example/desk_shop?sslmode=require"
    )
