"""Runs of workflows in YAML without the portal: answers are what the portal would send."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from assent import Outcome, Verdict, Workflow
from assent.composition import load_workflow
from assent.contracts import NextAction, Receipt, Remark
from assent.digests import digest_of
from assent.reports import reporting_to
from assent.toolbox import Registry
from tests.composition import tools_for_tests

HEAD = "name: {name}\nversion: '1'\ntitle: Test\n"
INPUT = """\
input:
  type: object
  properties:
    text: {type: string, default: a}
    go: {type: boolean, default: true}
"""
FIND = "  - id: find\n    tool: find_rows\n    inputs: {text: '${input.text}'}\n"
"""The first step of most workflows here: finds three rows."""
RENAME = """
  - id: clean
    tool: rename
    agent: Cleaner
    inputs: {name: '${find.rows[0].name}'}
  - id: about
    tool: describe
    inputs: {name: '${clean.message}'}
"""
"""A step with a gate, and one that needs its output."""
EACH = """
  - id: clean
    tool: rename
    for_each: ${find.rows}
    inputs: {name: '${index}: ${item.name}'}
"""
"""A step that changes each row, after `FIND`."""
AFTER = "  - id: last\n    tool: describe\n    inputs: {name: y}\n"
"""A step that needs nothing."""


def loaded(
    folder: Path, steps: str, name: str = "tested", given: str = INPUT, tools: Registry | None = None
) -> Workflow:
    """A workflow of these steps, with the tools for tests unless others are given."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "workflow.yaml").write_text(HEAD.format(name=name) + given + "steps:\n" + steps)
    return load_workflow(place, tools_for_tests.registry() if tools is None else tools)


class Play:
    """One run of a workflow in memory."""

    def __init__(self, workflow: Workflow, **run_input: Any) -> None:
        self.graph = workflow.build().compile(checkpointer=InMemorySaver())
        self.config = {"configurable": {"thread_id": "run"}}
        self.receipts: list[Receipt] = []
        self.requests = 0
        self.steps: list[str] = []
        self._send(workflow.state_for(run_input))

    def _send(self, what: Any) -> None:
        with reporting_to(self.receipts.append):
            for part in self.graph.stream(what, self.config, stream_mode="tasks"):
                if "triggers" in part:
                    self.steps.append(part["name"])

    @property
    def state(self) -> dict[str, Any]:
        """The values of the run."""
        return self.graph.get_state(self.config).values

    @property
    def asked(self) -> list[Any]:
        """What the run waits for."""
        return [interrupt for task in self.graph.get_state(self.config).tasks for interrupt in task.interrupts]

    @property
    def proposals(self) -> list[dict[str, Any]]:
        """The proposals that the run waits for."""
        return [interrupt.value["proposal"] for interrupt in self.asked]

    def decide(
        self, verdict: Verdict = Verdict.APPROVE, answer: Any = None, said: str = "",
        change: Callable[[dict[str, Any]], None] | None = None, number: int = 0,
    ) -> None:  # fmt: skip
        """Decide on one of the requests, as the portal would pass it on."""
        asked = self.asked[number]
        proposal = asked.value["proposal"]
        payload = copy.deepcopy(proposal)
        if change is not None:
            change(payload)
            verdict = Verdict.MODIFY
        self.requests += 1
        now = datetime.now(UTC)
        outcome = Outcome(
            request_id=f"request-{self.requests}", verdict=verdict, payload=payload, digest=digest_of(payload),
            proposed_digest=digest_of(proposal), answer=answer,
            remarks=[Remark(who="DBA on call", verdict=verdict, comment=said, at=now)], decided_at=now,
            next_action=NextAction.CONTINUE,
        )  # fmt: skip
        self._send(Command(resume={asked.id: outcome.model_dump(mode="json")}))

    def answer(self, action: str) -> None:
        """Answer a question about a failure."""
        self.decide(Verdict.ANSWER, {"action": action})

    def result(self, step: str) -> Any:
        """What has become of a step."""
        return self.state[f"{step}.result"]


def play(folder: Path, steps: str, **run_input: Any) -> Play:
    """A run of a workflow of these steps, after the one that finds rows."""
    return Play(loaded(folder, FIND + steps), **run_input)
