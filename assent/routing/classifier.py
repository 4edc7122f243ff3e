"""The classifier: linear in the features of a text and in its static embedding, trained offline (`bench/routing`).

Its arrays are a file of the package, read on first use and released when idle; scoring needs numpy only.
"""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assent import meaning
from assent.routing.features import IDEA_BITS, Features, features_of, place
from assent.routing.lexicon import lexicon

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).with_name("router.npz")
FAMILIES = ("words", "characters", "ideas")
MOST_CERTAIN = 0.98
"""The classifier alone is never more certain than this."""
TELLING = 0.25
"""How much a word's idea has to speak for a workflow to explain it, as a share of what it says for the best one."""
UNTELLING = frozenset(
    {"small talk", "general knowledge", "service desk", "injection", "destroy", "negated", "time now", "several needs"}
)
"""Ideas of the lexicon that explain no workflow to people."""
NONE = "none"
"""The class of texts that no workflow serves."""


@dataclass(frozen=True)
class Scored:
    """What the classifier says about a text.

    Attributes:
        ranking: The workflows, most likely first, each with its probability; they add up to less than 1.
        outside: The probability that no workflow serves the text.
        confidence: How likely the first workflow is right, as measured on texts that were not trained on.
        decisive: The words that speak most for each of the first three workflows, most decisive first.
    """

    ranking: list[tuple[str, float]]
    outside: float
    confidence: float
    decisive: dict[str, list[str]]


@dataclass(frozen=True)
class Arrays:
    """The trained numbers.

    Attributes:
        classes: The names of the columns; the last column says whether a text is outside.
        weights: By family, one row for each feature.
        frequencies: By family, how much a feature counts, which is more if it is rare.
    """

    classes: list[str]
    weights: dict[str, np.ndarray]
    scales: dict[str, np.ndarray]
    frequencies: dict[str, np.ndarray]
    factors: dict[str, float]
    bias: np.ndarray
    calibration: np.ndarray
    threshold: float

    @classmethod
    def read(cls, path: Path = FILE) -> Arrays:
        """Read the file of arrays."""
        import numpy as np

        with np.load(path, allow_pickle=False) as stored:
            facts: dict[str, Any] = json.loads(str(stored["facts"]))
            families = (*FAMILIES, "meaning")
            return cls(
                classes=facts["classes"],
                weights={family: stored[f"{family}_weights"] for family in families},
                scales={family: stored[f"{family}_scales"].astype(np.float32) for family in families},
                frequencies={family: stored[f"{family}_frequencies"] for family in FAMILIES},
                factors=facts["factors"],
                bias=stored["bias"].astype(np.float32),
                calibration=stored["calibration"].astype(np.float64),
                threshold=float(facts["threshold"]),
            )


class Classifier:
    """Scores texts with arrays; safe to use from several threads."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def score(self, text: str) -> Scored:
        """Return the workflows for a text, with probabilities, and the words that decided."""
        import numpy as np

        features = features_of(text, lexicon())
        values = {family: self._values(family, getattr(features, family)) for family in FAMILIES}
        logits = self.arrays.bias.copy()
        for family, (places, weights) in values.items():
            logits += (weights @ self.arrays.weights[family][places]) * self.arrays.scales[family]
        logits += (
            (meaning.embed([text])[0] * self.arrays.factors["meaning"]) @ self.arrays.weights["meaning"]
        ) * self.arrays.scales["meaning"]
        probabilities = softmax(logits[:-1])
        outside_at = self.arrays.classes.index(NONE)
        order = [column for column in np.argsort(-probabilities).tolist() if column != outside_at]
        first = order[:3]
        return Scored(
            ranking=[(self.arrays.classes[column], float(probabilities[column])) for column in order],
            outside=float(probabilities[outside_at]),
            confidence=confidence(evidence(logits, outside_at), self.arrays.calibration),
            decisive={self.arrays.classes[column]: self._decisive(column, features, values) for column in first},
        )

    def _values(self, family: str, places: list[int]) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        unique, counts = np.unique(np.asarray(places, dtype=np.int64), return_counts=True)
        weights = (1 + np.log(counts)) * self.arrays.frequencies[family][unique].astype(np.float32)
        length = float(np.linalg.norm(weights)) or 1.0
        return unique, (weights * (self.arrays.factors[family] / length)).astype(np.float32)

    def _decisive(self, column: int, features: Features, values: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[str]:
        """Return up to three words or phrases of the lexicon that speak for a class.

        Words outside of the lexicon, such as "take" or the name of a database, count in the sum, but explain nothing.
        """
        import numpy as np

        def gains(family: str) -> dict[int, tuple[float, float]]:
            places, weights = values[family]
            rows = self.arrays.weights[family][places][:, :-1].astype(np.float32) * self.arrays.scales[family][:-1]
            leads = (rows - rows.mean(axis=1, keepdims=True)) * weights[:, None]
            pairs = np.stack([leads[:, column], leads.max(axis=1)], axis=1).tolist()
            return {at: (own, most) for at, (own, most) in zip(places.tolist(), pairs, strict=True)}

        by_word, by_idea = gains("words"), gains("ideas")
        found: dict[str, float] = {}
        for idea, said in features.mentioned.items():
            whole, most = by_idea.get(place(idea, IDEA_BITS), (0.0, 0.0))
            if idea in UNTELLING or whole <= 0 or whole < TELLING * most:
                continue
            for words in said:
                own, _ = by_idea.get(place(f"={words}", IDEA_BITS), (0.0, 0.0))
                word, _ = by_word.get(features.named.get(words, -1), (0.0, 0.0))
                found[words] = found.get(words, 0.0) + own + word + whole / len(said)
        best = sorted((words for words, gain in found.items() if gain > 0), key=lambda words: -found[words])
        chosen: list[str] = []
        for words in best:
            if not any(set(words.split()) & set(other.split()) for other in chosen):
                chosen.append(words)
        return [" ".join(features.written.get(word, word) for word in words.split()) for words in chosen[:3]]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits."""
    import numpy as np

    powers = np.exp(logits - logits.max())
    total: np.ndarray = powers / powers.sum()
    return total


def evidence(logits: np.ndarray, outside_at: int) -> list[float]:
    """Return what confidence rests on: the lead over the next workflow, over "none", and whether it is outside at all.

    Args:
        logits: Those of the classes, and last, that of the text being outside.
    """
    inside = sorted((float(logit) for column, logit in enumerate(logits[:-1]) if column != outside_at), reverse=True)
    probability = math.exp(inside[0] - max(inside[0], float(logits[outside_at]))) / sum(
        math.exp(float(logit) - max(inside[0], float(logits[outside_at]))) for logit in logits[:-1]
    )
    certain = min(max(probability, 1e-6), 1 - 1e-6)
    return [
        min(inside[0] - inside[1], 8.0),
        max(min(inside[0] - float(logits[outside_at]), 8.0), -8.0),
        max(min(float(logits[-1]), 8.0), -8.0),
        max(min(math.log(certain / (1 - certain)), 8.0), -8.0),
    ]


def confidence(found: list[float], calibration: Any) -> float:
    """Return the calibrated probability that the first workflow is right."""
    *weights, bias = (float(weight) for weight in calibration)
    total = bias + sum(value * weight for value, weight in zip(found, weights, strict=True))
    return min(MOST_CERTAIN, 1 / (1 + math.exp(-max(min(total, 30.0), -30.0))))


_lock = threading.Lock()
_loaded: Classifier | None = None
_last_use = 0.0


def classifier() -> Classifier:
    """Return the classifier of the package, loaded on first use."""
    global _loaded, _last_use
    with _lock:
        _last_use = time.monotonic()
        if _loaded is None:
            _loaded = Classifier(Arrays.read())
        return _loaded


def is_loaded() -> bool:
    """Return whether the arrays are in memory."""
    return _loaded is not None


def release(unused_for: float = 0.0) -> bool:
    """Free the arrays and the embeddings, each if unused for `unused_for` seconds, and return whether any were freed.

    Models and lessons use the embeddings too, without the classifier.
    """
    global _loaded
    with _lock:
        is_idle = _loaded is not None and time.monotonic() - _last_use >= unused_for
        if is_idle:
            _loaded = None
            lexicon.cache_clear()
    return meaning.release(unused_for) or is_idle
