"""Instructions about what people at the computer see and decide: closing, deferring, windows, and restarts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workflows.package_deployment.scripts.blocks import (
    Deadline,
    ProcessName,
    RestartBehavior,
    Seconds,
)
from workflows.package_deployment.scripts.instruction_base import Instruction
from workflows.package_deployment.scripts.literals import Plain


class CloseApplication(Instruction):
    """Close an application first."""

    topic: Literal["close_application"] = "close_application"
    process: ProcessName
    description: Plain = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.process.casefold())

    @property
    def sentence(self) -> str:
        return f"Close the application {self.description or self.process} before anything is changed."


class Closing(Instruction):
    """How applications are closed."""

    topic: Literal["closing"] = "closing"
    countdown: Seconds | None = None
    forced: bool = Field(default=False, description="Also while the user may still defer")
    silent: bool = False
    blocks_start: bool = False
    prompt_to_save: bool = False

    @property
    def sentence(self) -> str:
        parts = []
        if self.countdown:
            parts.append(f"Close applications after a countdown of {self.countdown} seconds.")
        if self.silent:
            parts.append("Close applications without asking the user.")
        if self.blocks_start:
            parts.append("Keep closed applications from being started meanwhile.")
        if self.prompt_to_save:
            parts.append("Ask the user to save open documents.")
        return " ".join(parts)


class Deferral(Instruction):
    """How often and how long the user may defer; all None: not at all."""

    topic: Literal["deferral"] = "deferral"
    times: int | None = Field(default=None, ge=0, le=1_000)
    days: int | None = Field(default=None, ge=0, le=1_000)
    deadline: Deadline | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether the user may defer at all."""
        return bool(self.times or self.days or self.deadline)

    def overrules(self, earlier: Instruction) -> bool:
        """A limit takes the place of one of its kind, and is kept beside the others, such as a deadline."""
        if not isinstance(earlier, Deferral):
            return False
        limits = ((self.times, earlier.times), (self.days, earlier.days), (self.deadline, earlier.deadline))
        same = any(mine is not None and theirs is not None for mine, theirs in limits)
        return same or not (self.is_allowed and earlier.is_allowed)

    @property
    def sentence(self) -> str:
        if not self.is_allowed:
            return "Do not allow the user to defer the installation."
        parts = [
            f"{self.times} times" if self.times is not None else "",
            f"for {self.days} days" if self.days is not None else "",
            f"until {self.deadline}" if self.deadline else "",
        ]
        return f"Let the user defer the installation {', '.join(filter(None, parts))}."


class Window(Instruction):
    """Show a window, or do not."""

    topic: Literal["window"] = "window"
    which: Literal["welcome", "progress", "completion"]
    shown: bool = True
    text: Plain = ""

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic, self.which)

    @property
    def sentence(self) -> str:
        names = {
            "welcome": "the welcome dialog",
            "progress": "the installation progress",
            "completion": "a message at the end",
        }
        text = f" with the text {self.text}" if self.text else ""
        return f"{'Show' if self.shown else 'Do not show'} {names[self.which]}{text}."


class Interaction(Instruction):
    """How much of all that the user sees."""

    topic: Literal["interaction"] = "interaction"
    mode: Literal["Silent", "NonInteractive", "Interactive"]

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        return {
            "Silent": "Show no windows at all.",
            "NonInteractive": "Show windows that ask nothing.",
            "Interactive": "Show all windows.",
        }[self.mode]


class Restart(Instruction):
    """What happens if a restart is needed."""

    topic: Literal["restart"] = "restart"
    behavior: RestartBehavior
    countdown: Seconds | None = None

    @property
    def about(self) -> tuple[str, ...]:
        return (self.topic,)

    @property
    def sentence(self) -> str:
        words = {
            RestartBehavior.PASS_ON: "Pass the exit code that asks for a restart on.",
            RestartBehavior.SUPPRESS: "Suppress the restart of the computer.",
            RestartBehavior.PROMPT: "Prompt the user to restart the computer",
            RestartBehavior.FORCE: "Restart the computer",
        }[self.behavior]
        if words.endswith("."):
            return words
        return f"{words} after a countdown of {self.countdown} seconds." if self.countdown else f"{words}."
