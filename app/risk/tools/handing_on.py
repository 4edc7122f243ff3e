"""What calls in a row hand on: one reads a secret, and a later one sends what an earlier one returned."""

from __future__ import annotations

import re
from typing import Any

from app.risk.effects import CONNECTS, GIVES_SECRETS, SENDS, SENDS_SECRET
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.attached_files import CREDENTIALS
from app.risk.tools.call import Setting, ToolCall
from app.risk.tools.deeds import MAILS_MANY

_SENDING = frozenset((CONNECTS.id, SENDS.id, names.SENDS.id, MAILS_MANY.id))
_REFERENCE = re.compile(
    r"\{\{.{1,200}?\}\}|[$@#<%](?:\w{1,40}[ ._-]){0,4}(?:prev|previous|last|output|result|response)", re.IGNORECASE
)
"""Ways to write what another call returned: ``{{read.output}}``, ``<result of read>``."""
_VARIABLE = re.compile(r"\$\{[^{}\n]{1,200}\}|\$\w{0,40}[.\[]\w|^\$\w{1,40}$")
"""More of them, which mean something else in code: ``${0}``, ``$0.text``."""
_IN_CODE = "tool.args.command"
_LONGEST_SEARCHED = 20_000
_RETURNED = word_set("output result response step call previous")
_TAKEN = word_set("from of ref use")


def note_handed_on(args: Any, reading: Reading, first: int, start: int) -> None:
    """Note that a call sends what one before it returned, if one of those read a secret.

    Args:
        args: The call's arguments.
        reading: What has been read, the call included.
        first: The number of findings before the first of the calls in a row.
        start: The number of findings before this call.
    """
    rules = {found.rule for found in reading.findings[start:]}
    if start == first or not rules & _SENDING:
        return
    settings = ToolCall("", args).settings
    place = next((setting for setting in settings if _refers(setting, code=_IN_CODE in rules)), None)
    if place is not None and any(found.rule in GIVES_SECRETS for found in reading.findings[first:start]):
        with reading.at_item(place.path):
            reading.add(SENDS_SECRET, "This sends what an earlier call returned, and one of them reads secrets.")


def _refers(setting: Setting, *, code: bool) -> bool:
    """Return True if a value stands for what another call returned, and is not what a tool signs in with."""
    if CREDENTIALS & {*setting.all_words}:
        return False
    named = setting.key.startswith("$") or (setting.words & _RETURNED and setting.words & _TAKEN)
    text = setting.text[:_LONGEST_SEARCHED]
    return bool(named or _REFERENCE.search(text) or (not code and _VARIABLE.search(text)))
