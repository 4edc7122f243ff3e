"""A proposal as lines of text, for messages: everything that would be done if it were approved, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

from app.domain.plans import steps_of
from assent.contracts import calls_of

_BLANKS = re.compile(r"(?<=\S)[ \t\u00a0\u202f\u3000]{8,}+(?=\S)|^[ \t\u00a0\u202f\u3000]{60,}+(?=\S)")
"""Runs of blanks that push what follows out of sight; ordinary indentation is excluded."""


def lines_of(kind: str, payload: dict[str, Any]) -> list[str]:
    """Everything that would be done, by line. Long runs of blanks are written as ``⟨160 blanks⟩``."""
    return [_without_blanks(line) for line in _lines(kind, payload)]


def _lines(kind: str, payload: dict[str, Any]) -> list[str]:
    if kind == "script":
        return _split(str(payload.get("content", "")))
    if kind == "optimizations":
        return [line for item in payload.get("items", []) for line in _item(item)]
    if kind in ("tool_call", "tool_calls"):
        return [line for call in calls_of(payload) for line in _call(call)]
    if kind == "plan":
        return [line for number, step in enumerate(steps_of(payload), 1) for line in step_lines(step, f"{number}. ")]
    if kind == "question":
        return _split(str(payload.get("question", "")))
    if kind == "error":
        return _split(str(payload.get("message", "")))
    return _pretty(payload.get("data", payload.get("value", payload)))


def _item(item: dict[str, Any]) -> list[str]:
    return [f"{item.get('title', '')}:", *(f"  {line}" for line in _split(str(item.get("statement", ""))))]


def _call(call: dict[str, Any]) -> list[str]:
    return [str(call.get("tool", "")), *_pretty(call.get("args", {}))]


def step_lines(step: dict[str, Any], number: str = "") -> list[str]:
    """A step of a plan: what it does, what it changes, whether it requires its own approval, and its inputs."""
    called = str(step.get("tool") or f"workflow {step.get('workflow', '')}")
    facts = [called, *effect_words(step)]
    if needs := step.get("needs"):
        facts.append(f"needs {', '.join(map(str, needs))}")
    inputs = [f"  {line}" for line in _pretty(step.get("inputs", {}))] if step.get("inputs") else []
    return [f"{number}{step.get('title', '')}:", f"  {'; '.join(facts)}", *inputs]


def effect_words(step: dict[str, Any]) -> list[str]:
    """What a step of a plan changes, and whether it requires an approval of its own."""
    effect, gated = step.get("effect"), bool(step.get("gated", True))
    words = {"read": "only reads", "write": "changes something", "destroy": "destroys something"}
    if gated:
        return [words.get(str(effect), "effect unknown"), "requires its own approval"]
    return [words.get(str(effect), "effect unknown"), *([] if effect == "read" else ["has no approval of its own"])]


def _pretty(value: Any) -> list[str]:
    return _split(value) if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False).split("\n")


def _split(text: str) -> list[str]:
    """The lines of a text. Other characters that some viewers treat as line ends stay, and are made visible."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if not lines[-1] else lines


def _without_blanks(line: str) -> str:
    return _BLANKS.sub(lambda run: f" ⟨{len(run[0])} blanks⟩ ", line)
