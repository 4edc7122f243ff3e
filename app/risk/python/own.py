"""Functions and classes that a text itself defines."""

from __future__ import annotations

from dataclasses import dataclass, field

from tree_sitter import Node

from app.risk.python.values import Value


@dataclass
class Own:
    """A function or class that the text defines.

    Attributes:
        node: Its definition.
        bases: A class's base classes.
        methods: A class's functions by name.
        attributes: What is known of its objects' attributes, by name.
    """

    node: Node
    bases: list[Value] = field(default_factory=list)
    methods: dict[str, Node] = field(default_factory=dict)
    attributes: dict[str, Value] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """True if no other class adds methods that are not known here."""
        return all(base.name.startswith(("own.", *_HARMLESS_BASES)) or "Error" in base.name
                   or "Exception" in base.name for base in self.bases)  # fmt: skip


_HARMLESS_BASES = (
    "builtins.object", "builtins.dict", "builtins.list", "builtins.str", "builtins.set", "builtins.tuple", "abc.",
    "enum.", "ast.", "typing.", "collections.", "threading.", "logging.", "json.", "argparse.", "unittest.", "html.",
    "string.", "contextlib.", "dataclasses.", "pydantic.", "typing_extensions.", "io.", "configparser.", "csv.",
)  # fmt: skip
"""Classes whose methods only compute; `os.remove` in a method that they call is found where it is written."""
