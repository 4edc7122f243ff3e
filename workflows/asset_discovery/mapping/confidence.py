"""How sure a mapping is: the probability that the evidence gives, less where experience says that it errs.

The evidence is not independent, and its strengths were set on few inventories; so probabilities are drawn towards one
half, and more where heading and values do not say the same.
"""

from __future__ import annotations

import math

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.meanings import Said

_SHARPNESS = 0.78
"""Factor of the log odds; below one, because the evidence is not independent."""
_UNSUPPORTED, _AGAINST, _UNSAID, _CONTRADICTED = 0.9, 0.7, 0.9, 0.7
"""What is taken from the log odds in each case, see `confidence_of`."""
_LEAST_SUPPORT, _CLEAR_VALUES, _CLEAR_HEADING, _FAR = 0.3, 2.5, 3.0, 3.0
_MOST, _LEAST = 0.995, 0.01


def confidence_of(found: dict[Field, float], said: Said, fit: dict[Field, float]) -> float:
    """How sure it is that the most probable field is right, from 0 to 1.

    Args:
        found: the probabilities of the fields.
        fit: how well the values fit each field, a log-likelihood ratio.
    """
    chosen, share = max(found.items(), key=lambda pair: pair[1])
    share = min(1 - 1e-6, max(1e-6, share))
    odds = _SHARPNESS * math.log(share / (1 - share))
    strength, strongest = said.fields.get(chosen, 0.0), max(said.fields.values(), default=0.0)
    if chosen is Field.IGNORE:
        if strength < _CLEAR_HEADING and fit[chosen] < _CLEAR_VALUES:
            odds -= _UNSAID
        if max(fit.values()) - fit[chosen] > _FAR:
            odds -= _AGAINST
    elif fit[chosen] < _LEAST_SUPPORT:
        odds -= _UNSUPPORTED
    if strength < strongest - 1:
        odds -= _CONTRADICTED
    return max(_LEAST, min(_MOST, 1 / (1 + math.exp(-odds))))
