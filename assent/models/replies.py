"""Replies: what a model has answered, and whether it fits what was asked. Nothing in a reply is ever executed here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from assent.masking import mask
from assent.models.prompts import Prompt
from assent.toolbox.shapes import MisshapenError, Shape

LONGEST_REPLY = 400_000
"""Characters; a longer reply is not read."""


class NonsenseError(Exception):
    """The reply does not fit what was asked; the message says why, without quoting the reply."""


@dataclass(frozen=True)
class ProposedCall:
    """A call of a tool that a model proposes. Whether it is made is up to the step, and its gate."""

    tool: str
    inputs: dict[str, JsonValue]


@dataclass(frozen=True)
class Reply:
    """A reply that fits.

    Attributes:
        value: an instance of the asked model, a document, or text.
        text: everything that is needed to read it again, masked.
    """

    value: Any
    calls: tuple[ProposedCall, ...] = ()
    text: str = field(default="", repr=False)


def reply_of(content: str, calls: Sequence[Mapping[str, Any]], prompt: Prompt) -> Reply:
    """Return a model's reply.

    Args:
        calls: the calls of tools in it, each with ``name`` and ``args``.

    Raises:
        NonsenseError: it does not fit.
    """
    if len(content) > LONGEST_REPLY:
        raise NonsenseError("its answer is too long")
    masked, _ = mask({"content": content, "calls": [{"name": one["name"], "args": one["args"]} for one in calls]})
    text = json.dumps(masked, ensure_ascii=False)
    return read_again(text, prompt)


def read_again(text: str, prompt: Prompt) -> Reply:
    """Return a reply from its stored text. Raises NonsenseError."""
    stored = json.loads(text)
    calls = tuple(_call(one, prompt) for one in stored["calls"])
    content = stored["content"].strip()
    if calls:
        return Reply(content, calls, text)
    if prompt.shape is None:
        if not content:
            raise NonsenseError("it answered nothing")
        return Reply(content, (), text)
    return Reply(_fitting(_document_in(content), prompt.shape), (), text)


def _call(one: Mapping[str, Any], prompt: Prompt) -> ProposedCall:
    card = next((card for card in prompt.cards if card.name == one["name"]), None)
    if card is None:
        raise NonsenseError("it called a tool that it was not given")
    try:
        inputs = card.takes.document(card.takes.read(one["args"]))
    except MisshapenError as error:
        raise NonsenseError(f"its call of {card.tool} does not fit the tool's inputs ({_places(error)})") from None
    return ProposedCall(card.tool, inputs)


def _document_in(content: str) -> Any:
    """Return the first JSON object in a text. Models put words or a code fence around it, although asked not to."""
    start = content.find("{")
    if start < 0:
        raise NonsenseError("its answer is not JSON")
    try:
        return json.JSONDecoder().raw_decode(content[start:])[0]
    except (ValueError, RecursionError):
        raise NonsenseError("its answer is not JSON") from None


def _fitting(document: Any, shape: Shape) -> Any:
    try:
        return shape.read(document)
    except MisshapenError as error:
        raise NonsenseError(f"its answer does not fit the schema ({_places(error)})") from None


def _places(error: MisshapenError) -> str:
    names = sorted(name or "the whole" for name in error.fields)
    return ", ".join(names[:3]) + (f", and {len(names) - 3} more" if len(names) > 3 else "")
