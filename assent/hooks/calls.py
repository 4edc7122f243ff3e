"""What all hooks have in common: a tool call that an agent is about to make or has made, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CallFormatError(ValueError):
    """This is not a call in the agent's documented format; the message says what is wrong with it."""


class Moment(StrEnum):
    """When a hook is called."""

    BEFORE = "before"
    """Before a tool call is made."""
    PROMPT = "prompt"
    """Instead of asking the person at the keyboard for permission."""
    AFTER = "after"
    """After a tool call was made, or failed."""


@dataclass(frozen=True)
class HookCall:
    """A tool call as an agent's hook describes it.

    Attributes:
        event: the agent's own name of the hook.
        folder: the agent's working folder.
        use_id: identifies the call within the session; empty if the agent does not say.
        failed: the call was made and failed.
        made: False if the hook is called after a call that was denied.
        labels: further facts, for the request's page and for policies.
    """

    event: str
    moment: Moment
    tool: str
    args: dict[str, Any]
    session: str = ""
    folder: str = ""
    use_id: str = ""
    failed: bool = False
    made: bool = True
    labels: tuple[tuple[str, str], ...] = ()


class Permission(StrEnum):
    """The answer to a hook."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"
    """The person at the keyboard decides."""


@dataclass(frozen=True)
class Ruling:
    """The answer to the agent.

    Attributes:
        reason: for people, and for the agent if the call is denied.
        args: the arguments that were approved, if reviewers changed them.
    """

    permission: Permission
    reason: str
    args: dict[str, Any] | None = None


@dataclass(frozen=True)
class CodingAgent:
    """A coding agent's hooks.

    Attributes:
        name: in addresses and commands, such as ``claude-code``.
        title: its name, for people.
        limit: seconds that it waits for a hook, as set-up configures it.
        parse: reads a call. Raises CallFormatError.
        answer: writes a ruling in the agent's format.
        can_ask: the hooks in which it lets the person at the keyboard decide if the answer says so.
        can_change: the hooks in which it takes changed arguments.
    """

    name: str
    title: str
    limit: float
    parse: Callable[[Mapping[str, Any]], HookCall]
    answer: Callable[[HookCall, Ruling], dict[str, Any]]
    can_ask: frozenset[str] = frozenset()
    can_change: frozenset[str] = frozenset()


def text_of(document: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    """A text in a call; empty if it is missing. Raises CallFormatError."""
    value = document.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise CallFormatError(f"{name} must be a text")
    return value


def arguments_of(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A tool's arguments in a call. Raises CallFormatError."""
    value = document.get(name)
    if not isinstance(value, dict):
        raise CallFormatError(f"{name} must be an object")
    return value


def moment_of(document: Mapping[str, Any], events: Mapping[str, Moment]) -> tuple[str, Moment]:
    """The name of the hook in a call, and when it is called. Raises CallFormatError."""
    event = text_of(document, "hook_event_name", required=True)
    if event not in events:
        raise CallFormatError(f"hook_event_name must be one of {', '.join(events)}")
    return event, events[event]
