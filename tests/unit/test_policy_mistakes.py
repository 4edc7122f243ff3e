"""Each kind of mistake in a policy file gives an error with file, line and field, and all of them come at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidInputError
from app.domain.policy.parser import PolicyFileError, read_policy
from app.domain.policy.rules import CompiledPolicy
from tests.thorough import examples

EXAMPLE = (Path(__file__).parents[2] / "policies.yaml").read_text()
TABLE = Path(__file__).with_name("policy_mistakes.txt")


def cases() -> dict[str, tuple[str, list[str]]]:
    """The table: by title the file, and everything that is said of it."""
    found = {}
    for block in TABLE.read_text().split("\n=== ")[1:]:
        title, rest = block.split("\n", 1)
        text, expected = rest.split("\n--->\n")
        assert title not in found, title
        found[title] = (text, expected.strip().splitlines())
    return found


MISTAKES = cases()
ODD = {
    "too large": ("#" + "x" * 1_000_000, "p.yaml:1: the file is larger than 1,000,000 bytes"),
    "too many values": ("a: [" + "1," * 50_001 + "]", "p.yaml:1: a[49998]: the file has more than 50,000 values"),
    "nesting": ("a: " + "[" * 100_000, "values are nested more than 20 deep"),
    "nesting of mappings": ("{a: " * 100_000, "values are nested more than 20 deep"),
    "a control character": (
        "version: 1\n# \x07",
        "p.yaml:2: there is a character here that YAML does not allow",
    ),
    "U+0000": ("version: 1\x00", "p.yaml:1: there is a character in this file that no text may have"),
    "half a surrogate pair": ("version: '\ud800'", "p.yaml:1: there is a character in this file that no text may have"),
}


def complaints(text: str) -> list[str]:
    """The problems of a policy that has some, as people see them."""
    with pytest.raises(PolicyFileError) as caught:
        read_policy(text, "p.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_explained(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


@pytest.mark.parametrize(("text", "expected"), ODD.values(), ids=list(ODD))
def test_what_no_file_should_hold_is_refused(text: str, expected: str) -> None:
    (only,) = complaints(text)
    assert only.endswith(expected)


def test_the_error_carries_everything_for_programs() -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_policy("version: 1\nrules:\n  - name: R\n    when: size > 1\n    deadline: 4\n    edit: 3\n", "p.yaml")

    error = caught.value
    assert error.code == "invalid_policy"
    assert [(problem["file"], problem["line"], problem["field"]) for problem in error.extra["problems"]] == [
        ("p.yaml", 5, "rules[0].deadline"),
        ("p.yaml", 6, "rules[0].edit"),
    ]
    assert set(error.extra["fields"]) == {"rules[0].deadline", "rules[0].edit"}
    assert error.message.startswith("The policy is not valid: 2 problems found. p.yaml:5: rules[0].deadline: ")


PIECES = [
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    '"',
    "'",
    "\n",
    "  ",
    "&a ",
    "*a",
    "!x ",
    "| ",
    "#",
    "\t",
    "null",
    "1",
    "working ",
    "é",
]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(["", *PIECES])), min_size=1, max_size=4)


@settings(max_examples=examples(150), deadline=None)
@given(EDITS)
def test_whatever_is_done_to_a_file_it_is_read_or_refused_with_reasons(edits: list[tuple[float, int, str]]) -> None:
    text = EXAMPLE
    for place, removed, added in edits:
        at = int(place * len(text))
        text = text[:at] + added + text[at + removed :]
    try:
        CompiledPolicy(read_policy(text, "p.yaml"), 1)
    except PolicyFileError as error:
        assert error.problems
        assert all(0 < problem.line <= text.count("\n") + 1 and problem.message for problem in error.problems)


def test_a_file_full_of_mistakes_is_answered_shortly() -> None:
    text = "version: 1\ndefault:\n" + "".join(f"  field{number}: 1\n" for number in range(20_000))
    assert len(complaints(text)) == 100
    (only,) = complaints(f"version: 1\ndefault: {{deadline: {'x' * 900_000}}}")
    assert len(only) < 700
