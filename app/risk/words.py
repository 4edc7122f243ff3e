"""A word of a command: an argument, a path, a URL, as far as it is known before the command runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

UNKNOWN = "\ufffc"
"""Stands in a word's text for a part that is known only when the code runs."""
FRESH = f"/tmp/tmp.{UNKNOWN}"  # noqa: S108 - stands for any folder of temporary files
"""Begins the path of a temporary file or folder that the code itself makes, under a name that is not known before."""


@dataclass(frozen=True)
class Word:
    """An argument of a command, in any language.

    Attributes:
        text: The argument after quotes and escapes are resolved. An unknown part is `UNKNOWN`. The home folder is
            ``~`` and the working folder is ``.``, however they are written.
        line: 1-based line in the text that is being read.
        shown: The argument as it is written, for messages. Defaults to the text.
        glob: True if the shell replaces the word by the files that it matches.
        several: True if the word may become several arguments.
        source: What its unknown parts come from: ``download``, ``decoded``, ``secret``, ``files`` (a list of files), or
            empty.
    """

    text: str
    line: int = 1
    shown: str = ""
    glob: bool = False
    several: bool = False
    source: str = ""

    @property
    def known(self) -> bool:
        """True if no part is unknown."""
        return UNKNOWN not in self.text

    @property
    def when_empty(self) -> str:
        """The text if all unknown parts turn out to be empty."""
        return self.text.replace(UNKNOWN, "")

    @property
    def display(self) -> str:
        """The argument for messages, at most 80 characters."""
        text = " ".join((self.shown or self.text.replace(UNKNOWN, "…")).split())
        return text if len(text) <= 80 else text[:79] + "…"

    def with_text(self, text: str) -> Word:
        """Return the word with another text, such as an option's value."""
        return replace(self, text=text, shown="")


def words_of(*texts: str, line: int = 1) -> list[Word]:
    """Return known words, such as the argument list of a tool call."""
    return [Word(text, line) for text in texts]
