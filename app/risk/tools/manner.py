"""What a call does, by its name, for looking at its arguments."""

from __future__ import annotations

from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.call import ToolCall

REPLACES = word_set(
    "update set put modify alter reduce shorten lower edit patch "
    "change replace configure write save apply upsert manage"
)


class Manner:
    """What a call does, by its name, for looking at its arguments."""

    def __init__(self, call: ToolCall) -> None:
        self.words = frozenset(call.words)
        self.said = frozenset([*call.words, *call.action])
        self.deletes = names.deletes(call) and not {"cache", "cdn"} & set(call.words)  # it fills again
        self.sends = names.sends(call) and not _keeps_draft(call)
        method = call.text("method", "httpmethod", "verb").upper()
        self.changes = not REPLACES.isdisjoint([*call.words, *call.action]) or method in ("PUT", "PATCH")
        self.replaces_protection = names.protects(call.words) and not REPLACES.isdisjoint([*call.words, *call.action])


def _keeps_draft(call: ToolCall) -> bool:
    """Return True if a message is only written, for a person to send it."""
    sent = any(
        setting.plain in ("send", "sendnow", "publish", "submit") and setting.value is True for setting in call.settings
    )
    return (
        "draft" in call.words
        and not sent
        and not {"send", "submit", "publish", "schedule"} & {*call.words, *call.action}
    )
