"""Embeddings for lessons: how alike the meanings of two texts are, and the vectors that pgvector searches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import structlog

from app.domain.likeness import Meaning, description, spelling_only
from app.store.engine import Sessions
from app.store.vectors import MISSING, MISSING_AT_ONCE, has_vectors, put_vectors, vector_text
from assent.meaning import MeaningUnavailableError, embed
from assent.situations import Situation

log = structlog.get_logger(__name__)


def meaning() -> Meaning:
    """Compares meanings, and remembers the texts of one call; by spelling only where the library is not installed."""
    known: dict[str, Any] = {}

    def vector(text: str) -> Any:
        if text not in known:
            known[text] = embed([text])[0]
        return known[text]

    def compare(one: str, other: str) -> float:
        return max(0.0, float(vector(one) @ vector(other)))

    try:
        vector("")
    except MeaningUnavailableError:
        log.warning("lessons.no_meanings")
        return spelling_only
    return compare


def vectors_of(situations: Sequence[Situation]) -> list[list[float]] | None:
    """The embeddings of situations; None where the library is not installed."""
    try:
        return [[float(number) for number in row] for row in embed([description(item) for item in situations])]
    except MeaningUnavailableError:
        return None


def store_missing(sessions: Sessions) -> None:
    """Store the embeddings of active lessons that have none yet, where that is possible."""
    if not has_vectors(sessions):
        return
    while rows := sessions.execute(MISSING, {}):
        vectors = vectors_of([Situation.model_validate(json.loads(row["situation"])) for row in rows])
        if vectors is None:
            return
        put_vectors(sessions, [(row["id"], vector_text(vector)) for row, vector in zip(rows, vectors, strict=True)])
        if len(rows) < MISSING_AT_ONCE:
            return
