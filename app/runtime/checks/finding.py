"""What is wrong with a workflow, and where."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        file: of the workflow's sources.
        line: counted from 1.
        code: names the kind of finding; stays the same.
        message: what is wrong and what to do, in one line.
        note: nothing is wrong, but it is good to know.
    """

    file: str
    line: int
    code: str
    message: str
    note: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {'note: ' if self.note else ''}{self.message}"


def at(subject: Any, code: str, message: str, fallback: str) -> Finding:
    """A finding where a function or a class is defined; else at the beginning of the file `fallback`."""
    try:
        file, line = inspect.getsourcefile(subject) or fallback, inspect.getsourcelines(subject)[1]
        return Finding(shown(file), line, code, message)
    except (OSError, TypeError):
        return Finding(shown(fallback), 1, code, message)


def raised(error: BaseException, code: str, doing: str, folder: Path, fallback: str) -> Finding:
    """A finding where the workflow's own code raised."""
    said = " ".join(str(error).split()) or "no words"
    message = f"{doing}: {type(error).__name__}: {said}"
    if isinstance(error, SyntaxError) and error.filename:
        return Finding(shown(error.filename), error.lineno or 1, code, f"{doing}: {error.msg}")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    return (
        Finding(shown(own[-1].filename), own[-1].lineno or 1, code, message)
        if own
        else Finding(shown(fallback), 1, code, message)
    )


def shown(file: str) -> str:
    """The file as seen from here, where that is shorter."""
    path = Path(file).resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
