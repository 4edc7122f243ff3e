"""What a new version of a policy approves without people that the one in force did not."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain.policy.at_once import ending, widened
from app.domain.policy.document import PolicyDocument
from app.domain.policy.parser import read_policy

LOW = "understood && risk.rank <= 1"
HARMLESS = f"{{name: Harmless, when: {LOW}, decide: approve, until: 2027-03-31, sample: 2%}}"
ASKS = "{name: Production, when: environment == 'production', ask: {teams: dba}}"
REJECTS = "{name: Production, when: environment == 'production', decide: reject"
FORBIDS = "{name: Drops, when: tool == 'drop', decide: reject}"
FOR_NOW = "{name: Drops, when: tool == 'drop', decide: reject, until: 2027-02-28}"


def policy(*rules: str) -> PolicyDocument:
    text = "".join(f"  - {rule.replace(chr(39), chr(34))}\n" for rule in rules)
    return read_policy(f"version: 1\nrules:\n{text}", "policies.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((ASKS,), (HARMLESS, ASKS)),
        ((HARMLESS,), (HARMLESS.replace("<= 1", "<= 1 && size < 9"),)),
        ((HARMLESS,), (HARMLESS.replace("03-31", "04-01"),)),
        ((HARMLESS,), (HARMLESS.replace("2%", "1%"),)),
        ((HARMLESS,), (HARMLESS.replace(", sample: 2%", ""),)),
        ((ASKS, HARMLESS), (HARMLESS, ASKS)),
        ((ASKS, HARMLESS), (HARMLESS,)),
        ((ASKS, HARMLESS), (ASKS.replace("production", "prod"), HARMLESS)),
        ((FORBIDS, HARMLESS), (HARMLESS,)),
        ((FORBIDS, HARMLESS), (FOR_NOW, HARMLESS)),
        ((HARMLESS, FORBIDS), (HARMLESS,)),
        ((HARMLESS, FORBIDS), (HARMLESS, FOR_NOW)),
        ((HARMLESS, FORBIDS), (HARMLESS, ASKS, FORBIDS)),
        (
            (ASKS, HARMLESS),
            (f"{REJECTS}, until: 2027-02-28}}", HARMLESS),
        ),
    ],
)
def test_what_needs_a_second_person(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    [why] = widened(policy(*old), policy(*new))
    assert "“Harmless”" in why


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((HARMLESS,), (HARMLESS,)),
        ((HARMLESS, ASKS), (HARMLESS,)),
        ((HARMLESS, ASKS), (ASKS,)),
        ((HARMLESS,), (HARMLESS.replace("03-31", "03-30"),)),
        ((HARMLESS,), (HARMLESS.replace("2%", "3%"),)),
        ((HARMLESS,), (HARMLESS.replace("name: Harmless", "name: Other").replace("&&", " && "),)),
        ((HARMLESS,), (ASKS, FORBIDS, HARMLESS)),
        ((HARMLESS, ASKS), (ASKS, HARMLESS)),
        ((HARMLESS, FORBIDS), (FORBIDS, HARMLESS)),
        ((ASKS, HARMLESS), (f"{REJECTS}}}", HARMLESS)),
        ((HARMLESS, FOR_NOW), (HARMLESS, FORBIDS)),
        ((HARMLESS, ASKS, FORBIDS), (HARMLESS, ASKS, FORBIDS)),
        ((HARMLESS,), (HARMLESS, FORBIDS)),
        ((FOR_NOW, HARMLESS), (FOR_NOW, HARMLESS)),
        ((FORBIDS,), (ASKS,)),
    ],
)
def test_what_does_not(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    assert widened(policy(*old), policy(*new)) == ()


def test_where_no_policy_was_every_approval_is_new() -> None:
    assert len(widened(None, policy(HARMLESS))) == 1
    assert widened(None, policy(ASKS, FORBIDS)) == ()


def test_an_end_is_announced_two_weeks_before() -> None:
    document = policy(HARMLESS, FOR_NOW)
    assert ending(document, date(2027, 2, 1)) == ()
    assert ending(document, date(2027, 2, 20)) == ("Drops: stops deciding after its last day, 2027-02-28.",)
    assert ending(document, date(2027, 4, 1)) == (
        "Harmless: has decided nothing since its last day, 2027-03-31.",
        "Drops: has decided nothing since its last day, 2027-02-28.",
    )
