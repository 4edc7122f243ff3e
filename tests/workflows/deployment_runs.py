"""A way to drive the graph of package deployment as the portal's worker would, and packages for it."""

from __future__ import annotations

import json
import secrets
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from assent.digests import digest_of
from assent.gate import ARTIFACT_KEY, RECEIPT_KEY
from workflows.package_deployment import WORKFLOW

SCRIPT = "Invoke-AppDeployToolkit.ps1"


@dataclass
class DeploymentRun:
    """One run of the workflow on a checkpointer in memory."""

    input: dict[str, Any]
    receipts: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    requests: int = 0

    def __post_init__(self) -> None:
        self.graph = WORKFLOW.build().compile(checkpointer=InMemorySaver())
        self.config: Any = {"configurable": {"thread_id": secrets.token_hex(8)}}

    def start(self) -> DeploymentRun:
        """Run until the gate, a question, or the end."""
        return self._advance(WORKFLOW.state_for(self.input))

    def carry_on(self) -> DeploymentRun:
        """Run on from the last checkpoint, as after a crash."""
        return self._advance(None)

    @property
    def proposal(self) -> dict[str, Any]:
        """What the run waits for."""
        return self.graph.get_state(self.config).interrupts[0].value["proposal"]  # type: ignore[no-any-return]

    @property
    def waits(self) -> bool:
        """Whether the run waits for people."""
        return bool(self.graph.get_state(self.config).interrupts)

    @property
    def values(self) -> dict[str, Any]:
        """The run's state."""
        return self.graph.get_state(self.config).values

    def decide(self, verdict: str, content: str = "", comment: str = "", answer: Any = None) -> DeploymentRun:
        """Resume with an outcome; `content` replaces the script."""
        pending = self.graph.get_state(self.config).interrupts[0]
        proposal = pending.value["proposal"]
        payload = proposal | ({"content": content} if content else {})
        self.requests += 1
        now = datetime.now(UTC).isoformat()
        outcome = {
            "request_id": f"request-{self.requests}", "verdict": verdict, "payload": payload,
            "digest": digest_of(payload), "proposed_digest": digest_of(proposal), "answer": answer,
            "remarks": [{"who": "Packaging lead", "verdict": verdict, "comment": comment, "at": now}],
            "decided_at": now,
            "next_action": {"request_changes": "retry", "reject": "abort"}.get(verdict, "continue"),
        }  # fmt: skip
        return self._advance(Command(resume={pending.id: outcome}))

    def archive(self) -> dict[str, bytes]:
        """The files of the ZIP that was delivered."""
        with zipfile.ZipFile(Path(self.values["delivered"]["zip"]["reference"])) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _advance(self, given: Any) -> DeploymentRun:
        for mode, event in self.graph.stream(given, self.config, stream_mode=["updates", "custom"], durability="sync"):
            if mode == "updates":
                self.steps += [name for name in event if not name.startswith("__")]
            elif RECEIPT_KEY in event:
                self.receipts.append(event[RECEIPT_KEY])
            elif ARTIFACT_KEY in event:
                self.artifacts[event[ARTIFACT_KEY]["name"]] = event[ARTIFACT_KEY]["content"]
        json.dumps(self.values)  # only JSON
        return self
