"""Findings: problems of a workflow, and where they are."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, order=True)
class CheckFinding:
    """One problem.

    Attributes:
        file: A file of the workflow's sources.
        line: 1-based line number.
        code: Stable identifier of the kind of finding.
        message: What is wrong and what to do, in one line.
        note: True if this is a hint, and nothing is wrong.
        column: 1-based column, in workflows in YAML; 0 in others.
    """

    file: str
    line: int
    code: str
    message: str
    note: bool = False
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        return f"{place}: {'note: ' if self.note else ''}{self.message}"


def at(subject: Any, code: str, message: str, fallback: str) -> CheckFinding:
    """Return a finding at the definition of a function or class, or else at the beginning of the file `fallback`."""
    try:
        file, line = inspect.getsourcefile(subject) or fallback, inspect.getsourcelines(subject)[1]
        return CheckFinding(shown(file), line, code, message)
    except (OSError, TypeError):
        return CheckFinding(shown(fallback), 1, code, message)


def raised(error: BaseException, code: str, doing: str, folder: Path, fallback: str) -> CheckFinding:
    """Return a finding at the line where the workflow's own code raised an exception."""
    said = " ".join(str(error).split()) or "no message"
    message = f"{doing}: {type(error).__name__}: {said}"
    if isinstance(error, SyntaxError) and error.filename:
        return CheckFinding(shown(error.filename), error.lineno or 1, code, f"{doing}: {error.msg}")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    return (
        CheckFinding(shown(own[-1].filename), own[-1].lineno or 1, code, message)
        if own
        else CheckFinding(shown(fallback), 1, code, message)
    )


def shown(file: str) -> str:
    """Return a file's path, relative to the current folder if the file is inside it."""
    path = Path(file).resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
