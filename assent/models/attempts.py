"""Attempts: one call of one model, limited in time, and what its failure means."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assent.models.metering import UseStatus
from assent.models.prompts import Prompt
from assent.models.replies import NonsenseError
from assent.models.tasks import Task
from assent.models.tiers import TierModel, chat_model
from assent.models.tokens import count_tokens

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_GRACE_SECONDS = 1.0
"""How much longer than its timeout a model's library may take to give up by itself."""
_LIMITED = {429, 529}
_MOST_CAUSES = 10


class ModelTimeoutError(TimeoutError):
    """The model has not answered in time."""


@dataclass(frozen=True)
class Received:
    """What came back.

    Attributes:
        provider, model: who answered, by the response itself, or else as configured.
        estimated: the tokens were counted here.
    """

    content: str
    calls: tuple[Mapping[str, Any], ...]
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    estimated: bool


def call_model(model: TierModel, prompt: Prompt, task: Task) -> Received:
    """Call a model once. Whatever its library raises is raised here.

    Raises:
        ModelTimeoutError: it has not answered within the task's timeout. Its thread is abandoned.
    """
    chat: Any = chat_model(model.name, task.timeout, task.longest_answer)
    if prompt.cards:
        chat = chat.bind_tools([card.document for card in prompt.cards])
    from langchain_core.messages import convert_to_messages

    messages = convert_to_messages([dict(message) for message in prompt.messages])
    return _received(_within(task.timeout, chat, messages), model, prompt)


def _within(seconds: float, chat: Any, messages: list[Any]) -> AIMessage:
    returned: list[Any] = []
    raised: list[BaseException] = []
    here = contextvars.copy_context()

    def body() -> None:
        try:
            returned.append(here.run(chat.invoke, messages))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body, name="model", daemon=True)
    thread.start()
    thread.join(seconds + _GRACE_SECONDS)
    if raised:
        raise raised[0]
    if not returned:
        raise ModelTimeoutError(f"no answer within {seconds:g} s")
    message: AIMessage = returned[0]
    return message


def _received(message: AIMessage, model: TierModel, prompt: Prompt) -> Received:
    provider, name = configured_as(model)
    told = message.response_metadata or {}
    usage: Mapping[str, Any] = message.usage_metadata or {}
    content = str(message.text)
    details = usage.get("input_token_details") or {}
    calls = tuple({"name": call["name"], "args": call["args"]} for call in message.tool_calls)
    return Received(
        content=content,
        calls=calls,
        provider=str(told.get("model_provider") or provider),
        model=str(told.get("model_name") or told.get("model") or name),
        input_tokens=int(usage["input_tokens"]) if usage else prompt.tokens,
        output_tokens=int(usage["output_tokens"]) if usage else count_tokens(f"{content} {calls or ''}"),
        cached_tokens=int(details.get("cache_read") or 0),
        estimated=not usage,
    )


def configured_as(model: TierModel) -> tuple[str, str]:
    """Return provider and name of a model, as configured; LangChain finds the provider itself where there is none."""
    provider, _, name = model.name.rpartition(":")
    return provider, name


def status_of(error: Exception) -> UseStatus:
    """Return what a failed call means."""
    if isinstance(error, NonsenseError):
        return UseStatus.INVALID
    current: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if current is None:
            break
        if isinstance(current, TimeoutError) or "Timeout" in type(current).__name__:
            return UseStatus.TIMED_OUT
        if _http_status(current) in _LIMITED:
            return UseStatus.RATE_LIMITED
        current = current.__cause__
    return UseStatus.FAILED


def _http_status(error: BaseException) -> int:
    for found in (error, getattr(error, "response", None)):
        for name in ("status_code", "code", "status"):
            if isinstance(value := getattr(found, name, None), int):
                return value
    return 0
