"""An installed portal, run in a user's folder as that user would."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import requests

from tests.processes.harness import Managed, free_port

T = TypeVar("T")
SOON = 60.0
FILES = {
    "app/__init__.py": "",
    "app/mailer.py": "SENDER = 'the mailer of this folder'\n",
    "email.py": "raise RuntimeError('a file of the folder stands in for the standard library')\n",
    "workflows/greet/__init__.py": """\
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from app.mailer import SENDER
from assent import ToolCall, Workflow, publish_artifact, request_approval
from workflows.greet.texts import greeting


class Greeting(BaseModel):
    to: str


class State(TypedDict, total=False):
    input: dict
    approved: dict


def ask(state: State) -> State:
    title = greeting(state["input"]["to"], SENDER)
    outcome = request_approval(ToolCall(title=title, tool="greet", args=state["input"]))
    return {"approved": outcome.payload["args"] if outcome.approved else {}}


def greet(state: State) -> State:
    if state["approved"]:
        publish_artifact("greeting.txt", "Sent.")
    return {}


def build() -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_node("greet", greet)
    return graph.add_edge(START, "ask").add_edge("ask", "greet").add_edge("greet", END)


WORKFLOW = Workflow("greet", "1", "Greet", "Greets somebody.", Greeting, build)
""",
    "workflows/greet/texts.py": "def greeting(to, sender):\n    return f'Hello {to}, from {sender}.'\n",
}


class InstalledPortal:
    """A portal that runs as long as the `with` block lasts.

    Args:
        program: the installed command `assent`.
        folder: where it is started, which gets the files of its user.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        self.environment = clean_environment() | {"ASSENT_PORT": self.url.rpartition(":")[2]}
        # `env` only changes the folder, and then becomes the program.
        command = ["env", "--chdir", str(folder), str(program), "serve"]
        self.process = Managed("serve", command, self.environment, r"Open  http")

    def __enter__(self) -> Self:
        self.process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.running:
            self.process.stop()

    def command(self, *words: str) -> str:
        """What a command of the installed portal prints, typed in the folder."""
        done = subprocess.run(
            [str(self.program), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    def add_person(self, email: str, *scopes: str) -> requests.Session:
        """A new reviewer, as a program that has a token of theirs."""
        self.command("user", "add", email, "--name", email.partition("@")[0].title(), "--role", "reviewer")
        granted = [word for scope in scopes for word in ("--scope", scope)]
        session = requests.Session()
        session.headers["Authorization"] = (
            f"Bearer {self.command('token', 'add', 'Test', '--for', email, *granted).strip()}"
        )
        return session

    def start_run(self, workflow: str, email: str, document: dict[str, Any]) -> str:
        """Start a run, and give its id."""
        words = ("run", "start", workflow, "--as", email, "--input", json.dumps(document), "--json")
        return str(json.loads(self.command(*words))["id"])


def clean_environment() -> dict[str, str]:
    """The environment without settings of Assent, and without what tells Python where the checkout is."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ASSENT_", "PYTHON", "VIRTUAL_ENV", "PYTEST_"))
    }


def soon(look: Callable[[], T | None]) -> T:
    """What there is to see, once there is."""
    deadline = time.monotonic() + SOON
    while (seen := look()) is None:
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return seen
