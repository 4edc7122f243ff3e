"""Trains the classifier of `assent.routing`: needs scikit-learn, which the portal does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from assent import meaning
from assent.routing import classifier, features
from assent.routing.lexicon import lexicon
from bench.routing.measuring import Accuracy
from bench.routing.requests import Request, with_typing_errors

FACTORS = {"words": 1.0, "characters": 1.0, "ideas": 1.5, "meaning": 1.5}
BITS = {"words": features.WORD_BITS, "characters": features.CHARACTER_BITS, "ideas": features.IDEA_BITS}
STRENGTH, OUTSIDE_STRENGTH = 5.0, 5.0
ALSO_WEIGHT, TYPING_SHARE, TYPING_WEIGHT, OUTSIDE_WEIGHT = 0.3, 0.3, 0.5, 4.0
PRECISION, WORST_PRECISION, OUTSIDE_ROUTED = 0.965, 0.94, 0.08
"""What the threshold is chosen for: right of those routed, on average and for each author, and of those outside."""


@dataclass
class Counted:
    """The features of many texts, not weighted yet."""

    families: dict[str, Any]


def count(texts: Sequence[str]) -> Counted:
    """Count the features of texts."""
    found = [features.features_of(text, lexicon()) for text in texts]
    families: dict[str, Any] = {"meaning": meaning.embed(texts)}
    for family, bits in BITS.items():
        places: list[int] = []
        values: list[float] = []
        ends = [0]
        for one in found:
            unique, counts = np.unique(np.asarray(getattr(one, family), dtype=np.int64), return_counts=True)
            places += unique.tolist()
            values += (1 + np.log(counts)).tolist()
            ends.append(len(places))
        families[family] = sparse.csr_matrix((values, places, ends), shape=(len(texts), 1 << bits))
    return Counted(families)


@dataclass
class Trained:
    """A linear model of all families together."""

    classes: list[str]
    frequencies: dict[str, np.ndarray]
    weights: np.ndarray
    bias: np.ndarray

    def logits(self, counted: Counted) -> np.ndarray:
        """Return the logits of the classes, and in the last column, of the text being outside."""
        result: np.ndarray = weighted(counted, self.frequencies) @ self.weights + self.bias
        return result


def weighted(counted: Counted, frequencies: dict[str, np.ndarray]) -> Any:
    """Return all features of the texts in one matrix, as the classifier weights them."""
    parts = []
    for family in classifier.FAMILIES:
        matrix = counted.families[family] @ sparse.diags(frequencies[family])
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        parts.append(sparse.diags(FACTORS[family] / np.where(lengths > 0, lengths, 1)) @ matrix)
    parts.append(sparse.csr_matrix(counted.families["meaning"] * FACTORS["meaning"]))
    return sparse.hstack(parts).tocsr()


def fit(requests: Sequence[Request], seed: int = 0) -> Trained:
    """Train on requests, on some of them again with typing errors, and a little on what is right as well."""
    mistyped = list(with_typing_errors(requests, TYPING_SHARE, seed))
    also = [request._replace(workflow=name) for request in requests for name in request.also]
    all_requests = [*requests, *mistyped, *also]
    weights = np.array([1.0] * len(requests) + [TYPING_WEIGHT] * len(mistyped) + [ALSO_WEIGHT] * len(also))
    counted = count([request.text for request in all_requests])
    frequencies = {}
    for family in classifier.FAMILIES:
        having = np.asarray((counted.families[family] > 0).sum(axis=0)).ravel()
        frequencies[family] = (np.log((1 + len(all_requests)) / (1 + having)) + 1).astype(np.float32)
    matrix = weighted(counted, frequencies)
    labels = np.array([request.workflow for request in all_requests])
    inside = LogisticRegression(C=STRENGTH, max_iter=200).fit(matrix, labels, sample_weight=weights)
    is_outside = labels == classifier.NONE
    balanced = weights * np.where(is_outside, (~is_outside).sum() / is_outside.sum() / 2, 1.0)
    outside = LogisticRegression(C=OUTSIDE_STRENGTH, max_iter=200).fit(matrix, is_outside, sample_weight=balanced)
    return Trained(
        classes=[*map(str, inside.classes_)],
        frequencies=frequencies,
        weights=np.vstack([inside.coef_, outside.coef_]).T,
        bias=np.concatenate([inside.intercept_, outside.intercept_]),
    )


@dataclass(frozen=True)
class Judged:
    """What the classifier says about a labeled request."""

    request: Request
    names: list[str]
    evidence: list[float]

    @property
    def is_right(self) -> bool:
        """Whether the first workflow is right."""
        return self.request.is_right(self.names[0])


def judge(trained: Trained, requests: Sequence[Request]) -> list[Judged]:
    """Score requests with a model that was not trained on them."""
    outside_at = trained.classes.index(classifier.NONE)
    judged = []
    for request, logits in zip(requests, trained.logits(count([r.text for r in requests])), strict=True):
        order = [place for place in np.argsort(-logits[:-1]).tolist() if place != outside_at]
        names = [trained.classes[place] for place in order]
        judged.append(Judged(request, names, classifier.evidence(logits, outside_at)))
    return judged


def across_authors(requests: Sequence[Request]) -> list[Judged]:
    """Score the requests of each author with a model that was trained on those of the others."""
    judged = []
    for author in sorted({request.author for request in requests}):
        trained = fit([request for request in requests if request.author != author])
        judged += judge(trained, [request for request in requests if request.author == author])
    return judged


def calibrate(judged: Sequence[Judged]) -> np.ndarray:
    """Return the weights that turn evidence into the probability of being right."""
    # A request of each author counts so that all authors of requests count the same.
    authors = [one.request.author for one in judged]
    whole = {one.request.author for one in judged if one.request.workflow != classifier.NONE}
    most = max(map(authors.count, whole))
    weights = [most / authors.count(author) if author in whole else 1.0 for author in authors]
    # There are few texts that no workflow serves, and starting on one of them is the worse mistake.
    outside = [OUTSIDE_WEIGHT if one.request.workflow == classifier.NONE else 1.0 for one in judged]
    model = LogisticRegression(C=1.0).fit(
        [one.evidence for one in judged],
        [one.is_right for one in judged],
        sample_weight=np.array(weights) / np.mean(weights) * np.array(outside),
    )
    return np.concatenate([model.coef_[0], model.intercept_])


def figures(judged: Sequence[Judged], calibration: np.ndarray, threshold: float) -> Accuracy:
    """Return the figures at a threshold of confidence."""
    inside = [one for one in judged if one.request.workflow != classifier.NONE]
    outside = [one for one in judged if one.request.workflow == classifier.NONE]

    def is_routed(one: Judged) -> bool:
        return classifier.confidence(one.evidence, calibration) >= threshold

    routed = [one for one in inside if is_routed(one)]
    return Accuracy(
        sum(one.is_right for one in routed) / max(1, len(routed)),
        len(routed) / max(1, len(inside)),
        sum(any(map(one.request.is_right, one.names[:3])) for one in inside) / max(1, len(inside)),
        sum(map(is_routed, outside)) / max(1, len(outside)),
    )


def choose_threshold(judged: Sequence[Judged], calibration: np.ndarray) -> float:
    """Return the lowest confidence at which the figures are good enough, each author counting the same."""
    # Texts that no workflow serves have authors of their own.
    authors = sorted({one.request.author for one in judged if one.request.workflow != classifier.NONE})
    for level in np.arange(0.5, 0.99, 0.01):
        found = [
            figures([one for one in judged if one.request.author == author], calibration, float(level))
            for author in authors
        ]
        precisions = [one.right_of_routed for one in found]
        outside = float(np.mean([one.outside_routed for one in found]))
        if np.mean(precisions) >= PRECISION and min(precisions) >= WORST_PRECISION and outside <= OUTSIDE_ROUTED:
            return float(level)
    return 0.99


def write(trained: Trained, calibration: np.ndarray, threshold: float, path: Path) -> None:
    """Write the arrays: weights in 8 bits, with a scale for each column of a family."""
    stored: dict[str, Any] = {"bias": trained.bias.astype(np.float32), "calibration": calibration}
    start = 0
    for family in (*classifier.FAMILIES, "meaning"):
        length = 1 << BITS[family] if family in BITS else meaning.DIMENSIONS
        weights = trained.weights[start : start + length]
        start += length
        scales = np.abs(weights).max(axis=0) / 127
        stored[f"{family}_weights"] = np.round(weights / scales).astype(np.int8)
        stored[f"{family}_scales"] = scales.astype(np.float32)
        if family in classifier.FAMILIES:
            stored[f"{family}_frequencies"] = trained.frequencies[family].astype(np.float16)
    facts = {"classes": trained.classes, "factors": FACTORS, "threshold": round(threshold, 4)}
    np.savez_compressed(path, facts=np.array(json.dumps(facts)), **stored)
