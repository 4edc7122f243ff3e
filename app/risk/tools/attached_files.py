"""Files and secrets among the arguments of a call: what it sends to others, and what it changes."""

from __future__ import annotations

import re

from app.risk.effects import SENDS_SECRET, Act, act_on
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.call import Argument, ToolCall
from app.risk.words import Word
from assent.secret_patterns import find_spans

_FILES = word_set("path file files filename filepath attachment attachments source")
_HANDS_OVER = word_set("http request curl webhook paste pastebin gist attach attachment")
CREDENTIALS = word_set("authorization auth token headers header apikey key login credentials password")
"""Arguments with which a tool signs in, rather than what it sends."""
_LONGEST_SEARCHED = 20_000


def read_written_files(call: ToolCall, reading: Reading) -> None:
    """Note files that take effect by themselves, such as pipelines, hooks, or who may sign in, among the arguments."""
    for argument in call.texts:
        path = argument.text.strip()
        if argument.words & _FILES and not re.search(r"\s", path) and place_of(path) in _BY_THEMSELVES:
            with reading.at_item(argument.path):
                act_on(reading, Act.WRITE, Word(path, 1, path))


_BY_THEMSELVES = frozenset((
    Place.ACCESS, Place.SCHEDULE, Place.STARTUP, Place.HOOK, Place.PIPELINE, Place.AGENT, Place.BOOT,
))  # fmt: skip


def _has_secret(argument: Argument) -> bool:
    """Return True if a text contains a secret, or the placeholder of one that was masked."""
    text = argument.text[:_LONGEST_SEARCHED]
    return "⟦secret:" in text or bool(find_spans(text))


def read_sent_files(call: ToolCall, reading: Reading) -> None:
    """Note secrets in files that a call sends somewhere."""
    sends = names.sends(call)
    if not sends and not set(call.words) & _HANDS_OVER:
        return
    for argument in call.texts:
        if sends and not argument.words & CREDENTIALS and _has_secret(argument):
            with reading.at_item(argument.path):
                reading.add(SENDS_SECRET, f"The argument {argument.path} contains a secret, which is sent to others.")
        secret = argument.words & _FILES and place_of(argument.text.strip()) in (Place.SECRET, Place.ACCESS)
        if secret and "\n" not in argument.text.strip():
            with reading.at_item(argument.path):
                reading.add(SENDS_SECRET, f"This sends {argument.text[:80]}, which may hold secrets.")
