"""LangChain's fake models, which the operator's setting names as `python:tests.models.fakes:<function>`.

What they say and do is in environment variables, because tests also run them in worker processes.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

REPLY, SEEN = "TEST_MODEL_REPLY", "TEST_MODEL_SEEN"
"""What the models answer, and the file to which they append what they were sent, one JSON text a line."""
SEEN_FILE = "seen"
"""The name of that file, in the folder of a test."""
NAMES = "python:tests.models.fakes:"
_test_ended = threading.Condition()


def sent(folder: Path) -> list[dict[str, Any]]:
    """Return what the models of a test were sent, by the file in its folder."""
    path = folder / SEEN_FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def end_slow_calls() -> None:
    """Let the slow models answer whose calls were abandoned."""
    with _test_ended:
        _test_ended.notify_all()


class LimitError(Exception):
    """As the libraries of providers say that there were too many calls."""

    status_code = 429


class FakeModel(GenericFakeChatModel):
    """Answers what the test says, and notes what it was sent."""

    name_: str = "fake"
    act: Callable[[], None] = lambda: None
    metadata_: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        """Return a model that notes which tools it was given."""
        return self.bind(tools=list(tools))

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if path := os.environ.get(SEEN):
            said = {
                "model": self.name_,
                "messages": [str(message.content) for message in messages],
                "tools": [tool["function"]["name"] for tool in kwargs.get("tools", ())],
            }
            with Path(path).open("a") as file:
                file.write(json.dumps(said) + "\n")
        self.act()
        text = os.environ.get(REPLY, "An answer.")
        calls = []
        if text.startswith("CALL "):
            name, _, arguments = text.removeprefix("CALL ").partition(" ")
            calls, text = [{"name": name, "args": json.loads(arguments), "id": "1"}], ""
        message = AIMessage(
            text,
            tool_calls=calls,
            response_metadata=self.metadata_ or {},
            usage_metadata=self.usage,  # type: ignore[arg-type]
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _made(name: str, **values: Any) -> FakeModel:
    return FakeModel(messages=iter(()), name_=name, **values)


def good() -> FakeModel:
    """Answers."""
    return _made("good")


def other() -> FakeModel:
    """Answers as well."""
    return _made("other")


def priced() -> FakeModel:
    """Answers as a model whose price is known, and says what it used."""
    usage = {"input_tokens": 1_000, "output_tokens": 100, "total_tokens": 1_100}
    return _made("priced", usage=usage, metadata_={"model_provider": "anthropic", "model_name": "claude-sonnet-4-5"})


def counted() -> FakeModel:
    """Answers, and says that it used 600 tokens."""
    return _made("counted", usage={"input_tokens": 500, "output_tokens": 100, "total_tokens": 600})


def limited() -> FakeModel:
    """Is rate limited."""

    def act() -> None:
        raise LimitError("Too many requests, with the key sk-ant-api03-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1f")

    return _made("limited", act=act)


def broken() -> FakeModel:
    """Fails."""

    def act() -> None:
        raise RuntimeError("It is broken.")

    return _made("broken", act=act)


def slow() -> FakeModel:
    """Answers when the test has ended."""

    def act() -> None:
        with _test_ended:
            _test_ended.wait()

    return _made("slow", act=act)


def nonsense() -> FakeModel:
    """Answers what nobody asked for."""
    return FakeNonsense(messages=iter(()), name_="nonsense")


class FakeNonsense(FakeModel):
    """Answers without reading."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        super()._generate(messages, *args, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("As a model, I would rather not."))])
