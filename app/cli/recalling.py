"""Lessons for tools that are called on the command line: those of the configured database, if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.settings import Settings
from assent.lessons import Proposed, RecalledLesson, recalling_with
from assent.toolbox.model import Tool

if TYPE_CHECKING:
    from sqlalchemy import Engine


@contextmanager
def lessons_for(tool: Tool, settings: Settings) -> Iterator[None]:
    """Within the block, the tool recalls the lessons of its package's workflow that all reviewers share.

    The database is only opened when lessons are recalled. Without ASSENT_DATABASE_URL there are none: an embedded
    server is not started for them.
    """
    workflow = _workflow_of(tool)
    if not settings.database_url or not workflow:
        yield
        return
    opened = _Lessons(settings.database_url, workflow)
    try:
        with recalling_with(opened.recall):
            yield
    finally:
        opened.close()


def _workflow_of(tool: Tool) -> str:
    """The name of the package that the tool is in, which is its workflow's; empty for a module of its own."""
    module = tool.source.partition(":")[0]
    return module.split(".")[-2] if module.count(".") else ""


class _Lessons:
    def __init__(self, address: str, workflow: str) -> None:
        self._address, self._workflow = address, workflow
        self._engine: Engine | None = None

    def recall(self, proposed: Sequence[Proposed], step: str) -> Sequence[RecalledLesson]:
        """The lessons for proposed values."""
        from app.services.lessons.recalling import LessonReader, Recalling
        from app.store.engine import Sessions, make_engine

        self._engine = self._engine or make_engine(self._address, application_name="assent tools")
        reader = LessonReader("", frozenset())
        return Recalling(Sessions(self._engine)).recall(reader, self._workflow, proposed, step)

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()
