"""The columns of a table compete for the fields: most fields have one column, and most tables have most fields."""

from __future__ import annotations

import math

from workflows.asset_discovery.fields import Field

PRIOR = {Field.IGNORE: 1.6}
"""Log odds before anything is known."""
_ROOM = {
    Field.IP_ADDRESS: 3.0, Field.MAC_ADDRESS: 2.5, Field.NAME: 1.05, Field.OWNER: 1.25, Field.LOCATION: 1.25,
    Field.DEPENDS_ON: 1.2, Field.FQDN: 1.2, Field.OS: 1.1,
}  # fmt: skip
"""How many columns a field has at most, as a rule; one, if it is not listed."""
_EXPECTED = 0.85
ROUNDS = 12
_MOST_RAISED, _PACE = 0.7, 0.6


def shares(scores: list[dict[Field, float]]) -> list[dict[Field, float]]:
    """For each column the probabilities of its fields, given all columns.

    Fields that several columns claim become less likely where their evidence is weaker, and fields that no column has
    become a little more likely everywhere; both until it changes no more.
    """
    weights = dict.fromkeys(Field, 0.0)
    found = [_normalized(score, weights) for score in scores]
    for _ in range(ROUNDS):
        for item in Field:
            if item is Field.IGNORE:
                continue
            total = sum(column[item] for column in found)
            room = _ROOM.get(item, 1.0)
            if total > room:
                weights[item] -= _PACE * math.log(total / room)
            elif total < _EXPECTED and weights[item] < _MOST_RAISED:
                weights[item] = min(_MOST_RAISED, weights[item] + 0.15)
        found = [_normalized(score, weights) for score in scores]
    return found


def _normalized(score: dict[Field, float], weights: dict[Field, float]) -> dict[Field, float]:
    raised = {item: value + weights[item] + PRIOR.get(item, 0.0) for item, value in score.items()}
    most = max(raised.values())
    shares = {item: math.exp(value - most) for item, value in raised.items()}
    total = sum(shares.values())
    return {item: share / total for item, share in shares.items()}
