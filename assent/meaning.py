"""What a text is about, as a vector: static embeddings of the library `wordllama`, whose weights lie in its wheel.

Nothing is ever downloaded, and the library itself is not imported: its import changes the logging of the process, and
its loader fetches from the network what it does not find. Only its two files are read: the vectors of 32,000 tokens,
mapped into memory, and the tokenizer. Both are loaded on first use (about 40 MiB), and released by `release`.
"""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

DIMENSIONS = 256
# Longer texts are cut here: it is about 4,000 tokens, and the mean of more of them hardly changes.
LONGEST = 16_000
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"


class MeaningUnavailableError(Exception):
    """The library `wordllama` is not installed, or another version of it than this module knows."""


@dataclass(frozen=True)
class _Files:
    folder: Path

    @cached_property
    def tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / _TOKENIZER))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def vectors(self) -> np.ndarray:
        import numpy as np

        # A safetensors file: the length of its header in 8 bytes, the header as JSON, then the numbers.
        path = self.folder / _WEIGHTS
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            tensor = json.loads(file.read(length))["embedding.weight"]
        if tensor["dtype"] != "F16" or tensor["shape"][1] != DIMENSIONS:
            raise MeaningUnavailableError(f"{path} holds {tensor['dtype']} {tensor['shape']}")
        start = 8 + length + tensor["data_offsets"][0]
        return np.memmap(path, dtype=np.float16, mode="r", offset=start, shape=tuple(tensor["shape"]))

    def tokens_of(self, text: str) -> list[int]:
        # Lone surrogates cannot be encoded as UTF-8, which the tokenizer needs.
        clean = text.encode(errors="replace").decode()
        tokens: list[int] = self.tokenizer.encode(clean, add_special_tokens=False).ids
        return tokens


_lock = threading.Lock()
_files: _Files | None = None
_last_use = 0.0


def _opened() -> _Files:
    global _files, _last_use
    with _lock:
        _last_use = time.monotonic()
        if _files is None:
            found = importlib.util.find_spec("wordllama")
            folder = Path(next(iter(found.submodule_search_locations or ()), "")) if found else Path()
            if not (folder / _WEIGHTS).is_file() or not (folder / _TOKENIZER).is_file():
                raise MeaningUnavailableError("the library wordllama 0.4 is not installed")
            _files = _Files(folder)
        return _files


def embed(texts: Sequence[str]) -> np.ndarray:
    """Return a row of 256 numbers (float32, of length 1) for each text.

    The dot product of two rows is the similarity of their texts, from -1 to 1. A text without tokens is a row of zeros;
    texts longer than `LONGEST` characters are cut.

    Raises:
        MeaningUnavailableError: the weights are not installed.
    """
    import numpy as np

    files = _opened()
    rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        if tokens := files.tokens_of(text[:LONGEST]):
            row[:] = files.vectors[tokens].astype(np.float32).mean(axis=0)
            row /= max(float(np.linalg.norm(row)), 1e-9)
    return rows


def count_tokens(text: str) -> int:
    """Return the number of tokens of a text, which is not cut.

    Raises:
        MeaningUnavailableError: the tokenizer is not installed.
    """
    return len(_opened().tokens_of(text))


def is_loaded() -> bool:
    """Return whether the vectors and the tokenizer are in memory."""
    return _files is not None


def release(unused_for: float = 0.0) -> bool:
    """Free the memory if it was not used for `unused_for` seconds, and return whether it did.

    The next use loads the files again.
    """
    global _files
    with _lock:
        if _files is None or time.monotonic() - _last_use < unused_for:
            return False
        _files = None
        return True
