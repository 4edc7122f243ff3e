"""Prompts: what is sent to a model. Secrets are masked before anything leaves the process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from assent.digests import digest_of
from assent.masking import mask
from assent.models.tokens import count_tokens
from assent.toolbox.model import Tool
from assent.toolbox.shapes import Shape, shape_of

Message = dict[str, Any]
"""A message in the form of OpenAI's API, which LangChain reads as well: ``role``, ``content``, and calls of tools."""
Schema = type[BaseModel] | Mapping[str, Any]

_ANSWER_WITH = (
    "Answer with one JSON object that fits this JSON Schema, and with nothing else: no words around it, no code fence."
)


@dataclass(frozen=True)
class ToolCard:
    """The description of a tool in a prompt.

    Attributes:
        name: as it can be sent: without dots.
        tool: its own name.
        takes: the shape of its inputs.
    """

    name: str
    tool: str
    description: str
    takes: Shape
    capabilities: tuple[str, ...] = ()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The card in the form of OpenAI's API."""
        function = {"name": self.name, "description": self.description, "parameters": self.takes.schema}
        return {"type": "function", "function": function}


def card_of(tool: Tool | ToolCard) -> ToolCard:
    """Return the description of a tool in a prompt."""
    if isinstance(tool, ToolCard):
        return tool
    return ToolCard(tool.name.replace(".", "__"), tool.name, tool.description, tool.takes, tool.capabilities)


@dataclass(frozen=True)
class Prompt:
    """A prompt that is ready to be sent: masked messages, tools, and the schema of the answer."""

    messages: tuple[Message, ...]
    cards: tuple[ToolCard, ...] = ()
    schema: Schema | None = None

    @cached_property
    def shape(self) -> Shape | None:
        """The shape of the answer; None: it is text."""
        return None if self.schema is None else shape_of(self.schema)

    @property
    def json_schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema of the answer; None: it is text."""
        return None if self.shape is None else self.shape.schema

    @cached_property
    def tools_digest(self) -> str:
        """A digest of the descriptions of the tools, and of the schema that the answer has to fit."""
        return digest_of({"tools": [card.document for card in self.cards], "schema": self.json_schema})

    def key(self, model: str, task: str) -> str:
        """Return the key of the answer in the cache."""
        parts = {"model": model, "task": task, "messages": list(self.messages), "tools": self.tools_digest}
        return digest_of(parts)

    @cached_property
    def text(self) -> str:
        """Everything that is sent."""
        parts = [list(self.messages), *(card.document for card in self.cards)]
        return "\n".join(json.dumps(part, ensure_ascii=False, default=str) for part in parts)

    @cached_property
    def tokens(self) -> int:
        """About how many tokens are sent."""
        return count_tokens(self.text)


def messages_of(messages: str | Sequence[Any]) -> list[Message]:
    """Return messages in the form of OpenAI's API; a text is one message of the user.

    Args:
        messages: a text, or messages as dictionaries or of LangChain.
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if all(isinstance(message, Mapping) and "role" in message for message in messages):
        return [dict(message) for message in messages]  # type: ignore[arg-type]
    from langchain_core.messages import convert_to_messages, convert_to_openai_messages

    converted = convert_to_openai_messages(convert_to_messages(list(messages)))
    return list(converted) if isinstance(converted, list) else [converted]


def prompt_for(messages: Sequence[Message], cards: Sequence[ToolCard] = (), schema: Schema | None = None) -> Prompt:
    """Return the prompt, with secrets masked, and with the schema in words."""
    prompt = Prompt((), tuple(cards), schema)
    ready = list(messages)
    if prompt.json_schema is not None:
        words = f"{_ANSWER_WITH}\n{json.dumps(prompt.json_schema, ensure_ascii=False)}"
        ready = _instructed(ready, words)
    masked, _ = mask(ready)  # type: ignore[arg-type]
    return Prompt(tuple(masked), tuple(cards), schema)  # type: ignore[arg-type]


def _instructed(messages: list[Message], words: str) -> list[Message]:
    """Return the messages with an instruction added to the system's, which is the first one."""
    if messages and messages[0].get("role") == "system" and isinstance(messages[0].get("content"), str):
        return [messages[0] | {"content": f"{messages[0]['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]
