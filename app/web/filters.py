"""Template filters for times, numbers, states, and text that may try to deceive."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from app.domain.agent_findings import level_counts
from app.domain.hidden_characters import SUSPECT, hidden_in, is_hidden, name_of, plain_text
from app.domain.lifecycle import RequestState, RunState
from app.domain.text import capitalized, has_right_to_left, plural, span_words
from app.http.identity import reader_zone
from app.services.approvals.intake.call_receipts import calls_reported
from app.web.field_text import text_for_field

_RISK = {"safe": "Safe", "low": "Low", "medium": "Medium", "high": "High", "critical": "Critical"}
_RUN_WORDS = {
    RunState.QUEUED: "queued",
    RunState.RUNNING: "running",
    RunState.SUSPENDED: "waits for a decision",
    RunState.PAUSED: "paused",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "canceled",
}
_KINDS = {
    "script": "script",
    "optimizations": "optimizations",
    "tool_call": "tool call",
    "tool_calls": "tool calls",
    "plan": "plan",
    "question": "question",
    "custom": "proposal",
    "value": "question",
    "error": "failed step",
}
_RECEIPT = {
    "delivered": "Delivered to the run, which has not reported its result",
    "applied": "Applied",
    "partly_applied": "Partly applied",
    "not_applied": "Not applied",
    "failed": "Failed",
}


def visible(text: Any, code: bool = False) -> Markup:
    """The text with hidden, control, and direction-changing characters shown as ``⟨U+202E⟩``.

    In `code`, characters that look like a space are shown too. Outside of code, text that is written from right to left
    is kept apart, so that it does not move our own words around it.
    """
    # One kind of line ending, so that a Windows script is not full of marks; a lone carriage return is shown.
    words = str(text).replace("\r\n", "\n")
    parts: list[str] = []
    start = 0
    for found in SUSPECT.finditer(words):
        char = found.group()
        if not is_hidden(words, found.start(), code):
            continue
        parts.append(str(escape(words[start : found.start()])))
        parts.append(f'<span class="ctl" title="{escape(name_of(char))}">⟨U+{ord(char):04X}⟩</span>')
        start = found.end()
    parts.append(str(escape(words[start:])))
    if not code and has_right_to_left(words):
        parts = ['<bdi dir="auto">', *parts, "</bdi>"]
    return Markup("".join(parts))  # noqa: S704 - every part is escaped above


def age_words(seconds: float) -> str:
    """How long ago something was, in one unit: ``just now``, ``3 h ago``."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "just now"
    hours = minutes // 60
    return f"{minutes} min ago" if hours < 1 else f"{hours} h ago" if hours < 48 else f"{hours // 24} days ago"


def short_span(seconds: float) -> str:
    """As `span_words`, for a narrow column."""
    return "< 1 min" if seconds < 60 else span_words(seconds)


def duration(milliseconds: Any) -> str:
    """A duration in words."""
    if milliseconds is None:
        return ""
    seconds = float(milliseconds) / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else span_words(seconds)


def clock_time(moment: datetime | None, seconds: bool = False) -> str:
    """The time in the reader's time zone, or in UTC if they have not chosen one; a script then converts it."""
    form = "%Y-%m-%d %H:%M:%S %Z" if seconds else "%Y-%m-%d %H:%M %Z"
    return "" if moment is None else moment.astimezone(reader_zone() or UTC).strftime(form)


def iso(moment: datetime | None) -> str:
    """The time for `<time datetime>`."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")


def pretty_json(value: Any) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def initials(name: str) -> str:
    """The initials of a person."""
    words = [word for word in re.split(r"\W+", name) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def request_state_words(state: Any) -> str:
    """A request's state in words."""
    return RequestState(state).words


def register_filters(app: Flask) -> None:
    """Register the filters with an application."""
    app.jinja_env.filters.update(
        level_counts=level_counts,
        visible=visible,
        plain_text=plain_text,
        hidden_in=hidden_in,
        span_words=span_words,
        age_words=age_words,
        short_span=short_span,
        duration=duration,
        clock_time=clock_time,
        iso=iso,
        pretty_json=pretty_json,
        calls_reported=calls_reported,
        initials=initials,
        plural=plural,
        rank=lambda at: f"{at.astimezone(UTC):%Y%m%d%H%M%S%f}",
        field_text=lambda text: text_for_field(str(text)),
        risk_word=lambda level: _RISK[str(level)],
        kind_word=lambda kind: _KINDS.get(kind, kind),
        capitalize_first=capitalized,
        run_state_words=lambda state: _RUN_WORDS[RunState(state)],
        request_state_words=request_state_words,
        receipt_words=lambda status: _RECEIPT.get(status, status),
    )
