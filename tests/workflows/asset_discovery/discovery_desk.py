"""Runs of asset discovery on a real database: files are uploaded, requests decided, and what was saved is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl

from app.domain.people import Actor
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from assent.files import reference_to
from tests.runtime.rig import Rig

Data = dict[str, Any]
WORKFLOW = "workflows.asset_discovery:WORKFLOW"


class DiscoveryDesk:
    """One rig and its runs."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def upload(self, content: bytes, name: str) -> str:
        """Upload a file, and return its reference."""
        files = self.rig.services.files
        file = files.begin(self.rig.starter, name, len(content))
        for start in range(0, len(content), files.rules.part_bytes):
            files.put(self.rig.starter, file.id, start, content[start : start + files.rules.part_bytes])
        files.complete(self.rig.starter, file.id)
        return reference_to(file.id)

    def begin(self, files: dict[str, bytes], *, advance: bool = True, **given: Any) -> str:
        """Start a run with these files, and advance it to where it rests."""
        references = [self.upload(content, name) for name, content in files.items()]
        run_id = self.rig.runs.start(self.rig.starter, "asset_discovery", {"files": references, **given}).id
        if advance:
            self.rig.advance(run_id)
        return run_id

    def gate(self, run_id: str, title: str) -> ApprovalRequest:
        """The one request that the run waits for; its title begins that way."""
        request = self.rig.only(run_id)
        assert request.title.startswith(title), request.title
        return request

    def approve(self, run_id: str, title: str) -> None:
        """Approve what the run waits for as it is."""
        self.rig.decide(self.gate(run_id, title))
        self.rig.advance(run_id)

    def change(self, run_id: str, title: str, edit: Callable[[Data], None], by: Actor | None = None) -> None:
        """Approve what the run waits for with changes to its data."""
        request = self.gate(run_id, title)
        data = json.loads(json.dumps(request.payload["data"]))
        edit(data)
        self.rig.decide(request, Verdict.MODIFY, by=by, change={"data": data})
        self.rig.advance(run_id)

    def approve_all(self, run_id: str) -> list[str]:
        """Approve everything until the run has ended; the titles of the requests."""
        titles = []
        while requests := self.rig.pending(run_id):
            [request] = requests
            titles.append(request.title)
            self.rig.decide(request)
            self.rig.advance(run_id)
        return titles

    def saved(self, run_id: str, name: str) -> bytes:
        """A file that the run has saved."""
        [file] = [file for file in self.rig.services.saved_files.of(run_id) if file.name == name]
        _, pieces = self.rig.services.files.content(self.rig.reviewer, file.id)
        return b"".join(pieces)

    def inventory(self, run_id: str) -> list[Data]:
        """The assets of the inventory."""
        assets: list[Data] = json.loads(self.saved(run_id, "inventory.json"))
        return assets

    def table(self, run_id: str, name: str) -> pl.DataFrame:
        """A CSV file that the run has saved."""
        return pl.read_csv(self.saved(run_id, name), infer_schema=False)


def fields_of(request: ApprovalRequest) -> dict[str, str]:
    """The proposed field of each column."""
    rows = [row for part in ("doubtful", "sure") for row in request.payload["data"][part]]
    return {row["column"]: row["field"] for row in rows}


def setting(column: str, field: str) -> Callable[[Data], None]:
    """An edit of the mapping: the column means that field."""

    def edit(data: Data) -> None:
        [row] = [row for part in ("doubtful", "sure") for row in data[part] if row["column"] == column]
        row["field"] = field

    return edit
