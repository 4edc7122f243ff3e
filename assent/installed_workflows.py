"""The workflows that this process can run, for workflows that run others as parts of themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from assent.workflow import Workflow

Find = Callable[[], Mapping[str, Workflow]]

_find: Find | None = None


def use_workflows(find: Find | None) -> None:
    """Make these the workflows of the process, by name; None: it has none.

    Args:
        find: returns those that can be run now; called each time that they are asked for.
    """
    global _find
    _find = find


def installed_workflows() -> Mapping[str, Workflow]:
    """Return the workflows of the process by name; empty outside of a worker."""
    return {} if _find is None else _find()
