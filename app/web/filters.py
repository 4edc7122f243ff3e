"""How templates write times, numbers, states and text that may try to deceive."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from app.domain.lifecycle import RequestState, RunState
from app.http.identity import reader_zone
from app.web.forms import text_for_field

_RISK = {"safe": "Safe", "low": "Low", "medium": "Medium", "high": "High", "critical": "Critical"}
_RUN_WORDS = {
    RunState.QUEUED: "queued",
    RunState.RUNNING: "running",
    RunState.SUSPENDED: "waits for a decision",
    RunState.PAUSED: "paused",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "cancelled",
}
_KINDS = {
    "script": "script",
    "optimizations": "optimizations",
    "tool_call": "tool call",
    "question": "question",
    "custom": "proposal",
    "value": "question",
    "error": "failed step",
}
_RECEIPT = {
    "delivered": "Delivered to the run; what it does is not known yet",
    "applied": "Applied",
    "partly_applied": "Applied in part",
    "not_applied": "Not applied",
    "failed": "Failed",
}
_HIDDEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u17b4\u17b5")
"""Characters that are not of a format or control category and yet show nothing."""
_KEPT = frozenset("\n\t")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)
"""A first, cheap look; `hidden` decides."""


def hidden(char: str) -> bool:
    """True if a character shows nothing, or changes how others are shown."""
    if char in _KEPT:
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or char in _HIDDEN or _odd(char)


def _odd(char: str) -> bool:
    """Variation selectors beyond the common ones, and spaces that are not the space."""
    if unicodedata.category(char) == "Zs":
        return char not in (" ", "\u00a0", "\u202f", "\u3000")
    return 0xE0100 <= ord(char) <= 0xE01EF


def _name(char: str) -> str:
    return unicodedata.name(char, "control character").capitalize()


def visible(text: Any) -> Markup:
    """The text with hidden, control and direction-changing characters shown as ``⟨U+202E⟩``."""
    # One kind of line end, so that a Windows script is not full of marks; a lone return stays and is shown.
    words = str(text).replace("\r\n", "\n")
    parts: list[str] = []
    start = 0
    for found in _SUSPECT.finditer(words):
        char = found.group()
        if not hidden(char):
            continue
        parts.append(str(escape(words[start : found.start()])))
        parts.append(f'<span class="ctl" title="{escape(_name(char))}">⟨U+{ord(char):04X}⟩</span>')
        start = found.end()
    parts.append(str(escape(words[start:])))
    return Markup("".join(parts))  # noqa: S704 - every part is escaped above


def plainly(text: Any) -> str:
    """The same without markup, for titles and attributes."""
    return _SUSPECT.sub(lambda found: _mark(found.group()), str(text))


def _mark(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩" if hidden(char) else char


def hidden_in(text: str, limit: int = 8) -> list[str]:
    """What is hidden in a text, as ``U+202E (Right-to-left override), line 3``; for edit fields, which show nothing."""
    found: list[str] = []
    for number, line in enumerate(str(text).replace("\r\n", "\n").split("\n"), 1):
        for match in _SUSPECT.finditer(line):
            if hidden(match.group()):
                found.append(f"U+{ord(match.group()):04X} ({_name(match.group())}), line {number}")
                if len(found) == limit:
                    return found
    return found


def span_words(seconds: float) -> str:
    """A span of time in words, rounded down to what matters: ``18 min``, ``1 h 52 min``, ``3 days``."""
    minutes = int(max(0, seconds) // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 10:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    if hours < 48:
        return f"{hours} h"
    return f"{hours // 24} days"


def duration(milliseconds: Any) -> str:
    """How long something took."""
    if milliseconds is None:
        return ""
    seconds = float(milliseconds) / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else span_words(seconds)


def clock_time(moment: datetime | None) -> str:
    """The moment in the time zone that the reader has chosen; in UTC where a script has to know their zone."""
    return "" if moment is None else moment.astimezone(reader_zone() or UTC).strftime("%Y-%m-%d %H:%M %Z")


def iso(moment: datetime | None) -> str:
    """The moment for `<time datetime>`."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")


def pretty_json(value: Any) -> str:
    """JSON to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def initials(name: str) -> str:
    """Two letters for somebody."""
    words = [word for word in re.split(r"\W+", name) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def plural(count: int, singular: str, several: str = "") -> str:
    """``1 request``, ``3 requests``."""
    return f"{count:,} {singular if count == 1 else several or singular + 's'}"


def request_state_words(state: Any) -> str:
    """A request's state as a person would say it."""
    return RequestState(state).words


def register_filters(app: Flask) -> None:
    """Make all of this available in templates."""
    app.jinja_env.filters.update(
        visible=visible,
        plainly=plainly,
        hidden_in=hidden_in,
        span_words=span_words,
        duration=duration,
        clock_time=clock_time,
        iso=iso,
        pretty_json=pretty_json,
        initials=initials,
        plural=plural,
        rank=lambda at: f"{at.astimezone(UTC):%Y%m%d%H%M%S%f}",
        field_text=lambda text: text_for_field(str(text)),
        risk_word=lambda level: _RISK[str(level)],
        kind_word=lambda kind: _KINDS.get(kind, kind),
        capitalize_first=lambda text: text[:1].upper() + text[1:],
        run_state_words=lambda state: _RUN_WORDS[RunState(state)],
        request_state_words=request_state_words,
        receipt_words=lambda status: _RECEIPT.get(status, status),
    )
