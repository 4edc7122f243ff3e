"""What the statements of a text know of those before them: new and temporary objects, prepared statements, checks."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Newness(Enum):
    """Whether an object existed before the text."""

    OLD = "old"
    NEW = "new"
    TEMPORARY = "temporary"


def plain(name: str) -> str:
    """Return a possibly qualified name in the form in which names are compared."""
    return name.lower().replace('"', "").replace("`", "").replace("[", "").replace("]", "")


class Context:
    """What is known when a statement is judged.

    Attributes:
        version: The server's major version as a number, such as 15.0 or 8.0; None if it is unknown.
        prepared: Names of statements that were prepared in this text, so that what they do has been judged.
        looping: True from where a loop begins: what follows may run again and again.
        rows: Variables of loops over a whole table, with the table's name, both in lower case.
        checked: Table and column of CHECK (column IS NOT NULL) constraints that this text validates.
        pending: The same by table and name of the constraint, until it is validated.
    """

    def __init__(self, version: float | None = None, rows: Iterable[str] = ()) -> None:
        self.version = version
        self.prepared: set[str] = set()
        self.looping = False
        self.rows: dict[str, str] = {}
        self.checked: set[tuple[str, str]] = set()
        self.pending: dict[tuple[str, str], str] = {}
        self._known = frozenset(rows)
        self._new: dict[str, Newness] = {}

    def create(self, name: str, temporary: bool) -> None:
        """Note that the text creates an object."""
        # What the proposal states the size of exists already, whatever the text says.
        if name and (temporary or plain(name).rsplit(".", 1)[-1] not in self._known):
            self._new[plain(name)] = Newness.TEMPORARY if temporary else Newness.NEW

    def rename(self, old: str, new: str) -> None:
        """Note that the text renames an object."""
        kind = self._new.pop(plain(old), None)
        self._new.pop(plain(new), None)
        if kind is not None:
            self._new[plain(new)] = kind

    def drop(self, name: str) -> None:
        """Note that the text drops an object."""
        self._new.pop(plain(name), None)

    def forget(self) -> None:
        """Note that from now on, names may mean other objects."""
        self._new.clear()
        self.checked.clear()
        self.pending.clear()

    def newness(self, name: str) -> Newness:
        """Return whether an object existed before the text."""
        name = plain(name)
        if name.startswith(("#", "@", "pg_temp.", "tempdb..#", "ora$ptt_")):
            return Newness.TEMPORARY
        schema = name.rpartition(".")[0]
        return self._new.get(name) or (self._new.get(f"{schema}.*") if schema else None) or Newness.OLD
