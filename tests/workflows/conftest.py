"""A generated shop to maintain, and a way to drive the workflow's graph as the portal's worker would."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from assent.digests import digest_of
from assent.gate import ARTIFACT_KEY, RECEIPT_KEY
from tests.database_server import SHOP_ORDERS
from workflows.database_maintenance import WORKFLOW
from workflows.database_maintenance.sample import create_sample, workload_queries

ORDERS = SHOP_ORDERS
SQLITE_ORDERS = 20_000
TARGET_VARIABLE = "ASSENT_TARGET_SHOP"


@pytest.fixture(autouse=True)
def maintenance_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's directory for files that runs name."""
    monkeypatch.setenv("ASSENT_MAINTENANCE_DIR", str(tmp_path))
    return tmp_path


@dataclass
class Shop:
    """A shop database of one test, configured as the target ``shop``."""

    address: str
    folder: Path

    def connect(self) -> psycopg.Connection[Any]:
        """A connection in autocommit mode."""
        return psycopg.connect(self.address, autocommit=True)

    def rows(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.connect() as connection:
            return connection.execute(statement, params or None).fetchall()  # type: ignore[call-overload,no-any-return]

    def indexes(self) -> dict[str, bool]:
        """Names of the indexes that the sample did not bring, and whether they are valid."""
        found = self.rows(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND NOT i.indisprimary "
            "AND c.relname <> 'orders_created_at'"
        )
        return dict(found)  # type: ignore[arg-type]

    def input(self, *names: str, **changes: Any) -> dict[str, Any]:
        """A run's input with the named queries of the workload (none named: all)."""
        wanted = [query for query in workload_queries(ORDERS) if not names or query["name"] in names]
        return {
            "target": "shop",
            "workload": json.dumps(wanted),
            "min_duration_ms": 0.1,
            "runs_per_measurement": 3,
            "backup_directory": "backups",
            **changes,
        }


@pytest.fixture
def shop(postgres_server: Any, shop_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A fresh copy of the shop."""
    name = f"shop_{secrets.token_hex(6)}"
    address = postgres_server.create(name, shop_template)
    monkeypatch.setenv(TARGET_VARIABLE, address)
    yield Shop(address, tmp_path)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop as a SQLite file, for tests to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "shop.db"
    create_sample(f"sqlite:///{path}", orders=SQLITE_ORDERS)
    return path


@pytest.fixture
def shop_path(shop_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that file, configured as the target ``shop``."""
    path = tmp_path / "shop copy.db"
    path.write_bytes(shop_file.read_bytes())
    monkeypatch.setenv(TARGET_VARIABLE, f"sqlite:///{path}")
    return path


def sqlite_input(*names: str, **changes: Any) -> dict[str, Any]:
    """A run's input for that copy, with the named queries of the workload (none named: all)."""
    queries = [query for query in workload_queries(SQLITE_ORDERS) if not names or query["name"] in names]
    return {
        "target": "shop",
        "workload": json.dumps(queries),
        "min_duration_ms": 0.05,
        "runs_per_measurement": 3,
        "backup_directory": "backups",
        **changes,
    }


@dataclass
class MaintenanceRun:
    """One run of the workflow on a checkpointer in memory."""

    input: dict[str, Any]
    receipts: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.graph = WORKFLOW.build().compile(checkpointer=InMemorySaver())
        self.config = {"configurable": {"thread_id": secrets.token_hex(8)}}

    def start(self) -> MaintenanceRun:
        """Run until the gate or the end."""
        return self._advance(WORKFLOW.state_for(self.input))

    def carry_on(self) -> MaintenanceRun:
        """Run on from the last checkpoint, as after a crash."""
        return self._advance(None)

    @property
    def proposal(self) -> dict[str, Any] | None:
        """What the run waits for; None if it waits for nothing."""
        interrupts = self.graph.get_state(self.config).interrupts
        return interrupts[0].value["proposal"] if interrupts else None

    def item(self, name: str) -> dict[str, Any]:
        """One item of the pending proposal."""
        assert self.proposal is not None
        return next(item for item in self.proposal["items"] if item["id"] == name)

    def decide(self, verdict: str, items: list[dict[str, Any]] | None = None, comment: str = "") -> MaintenanceRun:
        """Resume with an outcome; `items` replaces the proposal's items."""
        return self._advance(self.outcome(verdict, items, comment))

    def outcome(self, verdict: str, items: list[dict[str, Any]] | None = None, comment: str = "") -> Command[Any]:
        """The command that resumes the run with an outcome."""
        pending = self.graph.get_state(self.config).interrupts[0]
        proposal = pending.value["proposal"]
        payload = {**proposal, "items": items} if items is not None else proposal
        now = datetime.now(UTC).isoformat()
        remarks = [{"who": "DBA on call", "verdict": verdict, "comment": comment, "at": now}] if comment else []
        action = {"request_changes": "retry", "reject": "abort"}.get(verdict, "continue")
        outcome = {
            "request_id": "request-1",
            "verdict": verdict,
            "payload": payload,
            "digest": digest_of(payload),
            "proposed_digest": digest_of(proposal),
            "remarks": remarks,
            "decided_at": now,
            "next_action": action,
        }
        return Command(resume={pending.id: outcome})

    def answer(self, answer: str) -> MaintenanceRun:
        """Resume with the answer to a question."""
        command = self.outcome("answer")
        for outcome in command.resume.values():  # type: ignore[union-attr]
            outcome["answer"] = answer
        return self._advance(command)

    @property
    def values(self) -> dict[str, Any]:
        """The run's state."""
        return self.graph.get_state(self.config).values

    @property
    def applied(self) -> dict[str, str]:
        """Status by item."""
        return {record["id"]: record["status"] for record in self.values.get("applied", [])}

    def _advance(self, given: Any) -> MaintenanceRun:
        for mode, event in self.graph.stream(given, self.config, stream_mode=["updates", "custom"], durability="sync"):
            if mode == "updates":
                self.steps += [name for name in event if not name.startswith("__")]
            elif RECEIPT_KEY in event:
                self.receipts.append(event[RECEIPT_KEY])
            elif ARTIFACT_KEY in event:
                self.artifacts[event[ARTIFACT_KEY]["name"]] = event[ARTIFACT_KEY]
        return self


@pytest.fixture
def maintenance() -> Callable[[dict[str, Any]], MaintenanceRun]:
    """Makes runs of the workflow."""
    return MaintenanceRun
