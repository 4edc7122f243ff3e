"""Static embeddings: similar meaning is near, odd texts do no harm, memory is released."""

import subprocess
import sys

import numpy as np
import pytest

from assent import meaning


def test_texts_of_the_same_meaning_are_nearer_than_others() -> None:
    slow, sluggish, invoice = meaning.embed(
        ["The database is slow", "queries against PostgreSQL take very long", "Who pays the invoice for the cloud?"]
    )
    assert slow @ sluggish > slow @ invoice
    assert slow @ slow == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "\x00\x1b[31m", "\ud800", "ꙮ" * 100_000, "a" * 100_000, "数据库很慢", "  \n\t"])
def test_every_text_has_a_finite_vector(text: str) -> None:
    (vector,) = meaning.embed([text])
    assert vector.shape == (meaning.DIMENSIONS,) and np.isfinite(vector).all()


def test_released_when_unused_and_loaded_again() -> None:
    before = meaning.embed(["disk full"])
    assert not meaning.release(unused_for=3600)
    assert meaning.is_loaded()
    assert meaning.release()
    assert not meaning.is_loaded()
    assert not meaning.release()
    assert (meaning.embed(["disk full"]) == before).all()


def test_the_library_that_would_download_is_not_imported() -> None:
    program = (
        "import logging, sys; from assent import meaning; assert 'numpy' not in sys.modules; meaning.embed(['a']);"
        "assert not logging.getLogger().handlers;"
        "print([name for name in ('wordllama', 'requests') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
