"""The table ``$adtSession`` of a deployment script: what it says about the application."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.risk.powershell.nodes import Node
from workflows.package_deployment.toolkit.script import Script, joined_tables, literal, literal_text


@dataclass
class Session:
    """The entries of the table, by their keys in lower case, with the key as it is written.

    Attributes:
        exists: Whether the script has such a table.
    """

    exists: bool = False
    entries: dict[str, tuple[Node, Node]] = field(default_factory=dict)

    def value(self, key: str) -> object:
        """Return the value of an entry; None if there is none, `UNKNOWN` if it is computed."""
        entry = self.entries.get(key.lower())
        return literal(entry[1]) if entry else None

    def text(self, key: str) -> str:
        """Return the text of an entry, or an empty text."""
        value = self.value(key)
        return value if isinstance(value, str) else ""

    def has(self, key: str) -> bool:
        """Return whether there is an entry that is not empty."""
        return key.lower() in self.entries and self.value(key) not in ("", None, [])

    def line(self, key: str) -> int:
        """Return the line of an entry, or 1."""
        entry = self.entries.get(key.lower())
        return entry[0].line if entry else 1


def session_of(script: Script) -> Session:
    """Return the table of the session, as the script sets it outside of functions."""
    session = Session()
    for event in script.top.variables.get("adtsession", []):
        tables = joined_tables(event.value) if event.key is None else None
        if not tables:
            continue
        session.exists = True
        for table in tables:
            for key, value in table.entries:
                if name := literal_text(key):
                    session.entries[name.lower()] = (key, value)
        break
    return session
