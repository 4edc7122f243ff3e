"""Trains the numbers of `app.risk.resemblance`: needs scikit-learn, which the portal does not."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from app.risk.resemblance import BITS, FREQUENCY_STEPS, Numbers, tokens_of, values_of
from assent.contracts import RiskLevel
from bench.resemblance.texts import Rated

FLOORS = (RiskLevel.HIGH, RiskLevel.CRITICAL)
STRENGTH = 100.0
WRONG_COUNT = 10.0
THRESHOLDS = (0.25, -1.0)
"""Logits. Texts are scored whose level by rules is already medium or high, so that critical is likelier than by words
alone; chosen by what each part of the corpus gains when the rules and the numbers have not seen it yet."""


@dataclass(frozen=True)
class Weights:
    """What has been trained: a column of weights and a bias for each of `FLOORS`."""

    frequencies: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    def logits(self, counted: Any) -> np.ndarray:
        """Return the logits of texts, a row for each."""
        result: np.ndarray = weigh(counted, self.frequencies) @ self.weights + self.biases
        return result


def count(texts: Sequence[Rated]) -> Any:
    """Return the features of texts, not weighted yet: a row for each text."""
    places: list[int] = []
    values: list[float] = []
    ends = [0]
    for one in texts:
        found = values_of(tokens_of(one.text))
        places += found.keys()
        values += found.values()
        ends.append(len(places))
    return sparse.csr_matrix((values, places, ends), shape=(len(texts), 1 << BITS))


def weigh(counted: Any, frequencies: np.ndarray) -> Any:
    """Return the features as the portal weights them."""
    matrix = counted @ sparse.diags(frequencies.astype(float))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(lengths > 0, lengths, 1)) @ matrix).tocsr()


def fit(counted: Any, levels: Sequence[RiskLevel]) -> Weights:
    """Train on texts and their levels; if some are raised wrongly all the same, again, with these counting more."""
    trained = _fit(counted, levels, np.ones(len(levels)))
    raised = np.zeros(len(levels), dtype=bool)
    for column, floor in enumerate(FLOORS):
        below = np.array([level.rank == floor.rank - 1 for level in levels])
        raised |= below & (trained.logits(counted)[:, column] >= THRESHOLDS[column])
    return _fit(counted, levels, np.where(raised, WRONG_COUNT, 1.0)) if raised.any() else trained


def _fit(counted: Any, levels: Sequence[RiskLevel], counts: np.ndarray) -> Weights:
    having = np.asarray((counted > 0).sum(axis=0)).ravel()
    rarity = np.log((1 + counted.shape[0]) / (1 + having)) + 1
    frequencies = np.clip(np.round(rarity * FREQUENCY_STEPS), 0, 255).astype(np.uint8)
    matrix = weigh(counted, frequencies)
    models = [
        LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0).fit(
            matrix, [level.rank >= floor.rank for level in levels], sample_weight=counts
        )
        for floor in FLOORS
    ]
    return Weights(
        frequencies,
        np.vstack([model.coef_[0] for model in models]).T,
        np.array([model.intercept_[0] for model in models]),
    )


def stored(trained: Weights) -> Numbers:
    """Return the numbers as the portal stores them, in 8 bits each."""
    # The few largest weights are cut, so that the many small ones keep their order.
    scales = [float(np.quantile(np.abs(column[column != 0]), 0.9999)) / 127 for column in trained.weights.T]
    high, critical = (
        array("b", np.clip(np.round(column / scale), -127, 127).astype(np.int8).tobytes())
        for column, scale in zip(trained.weights.T, scales, strict=True)
    )
    return Numbers(
        trained.frequencies.tobytes(),
        high,
        critical,
        (scales[0], scales[1]),
        (float(trained.biases[0]), float(trained.biases[1])),
        THRESHOLDS,
    )
