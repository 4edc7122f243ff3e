"""What lessons are worth to asset discovery: people correct the columns of one export, and the next one comes.

All first exports are corrected on one database through the portal's use cases, as the gate of the mapping shows them:
what people change becomes lessons. Then the next exports are mapped, without lessons and with them, and so are the
inventories whose headings were taught with other values: there nothing may carry over.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.ballot import Ballot
from app.domain.people import Actor
from app.services.approvals.intake.gate import ExternalRequest
from app.services.bundle import Services, build_services
from app.services.lessons.recalling import LessonReader
from app.store.engine import make_engine
from assent.contracts import Verdict, document_of
from assent.lessons import Proposed, RecalledLesson, recalling_with
from bench.discovery_engine import table_of
from bench.discovery_scores import Share, Truth, truths
from bench.lessons import person
from workflows.asset_discovery.gates.mapping import decided, mapping_gate, parts_of
from workflows.asset_discovery.inputs import DiscoveryInput
from workflows.asset_discovery.mapped import Mapping
from workflows.asset_discovery.mapping import map_table, situation_of

SETTINGS = DiscoveryInput(files=["made"])


@dataclass
class Taught:
    """What lessons have changed.

    Attributes:
        without, with_lessons: Asset columns of the next exports that are right.
        carried, wrong: Columns that lessons have filled in, and those that are wrong.
        kinds: For each kind of `lessons.json`, the columns that are right.
        traps: Columns that got what was taught for other values under the same heading.
        mistakes: What lessons got wrong, for people.
    """

    without: Share = field(default_factory=Share)
    with_lessons: Share = field(default_factory=Share)
    carried: int = 0
    wrong: int = 0
    kinds: dict[str, Share] = field(default_factory=dict)
    traps: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"asset columns of the next exports right, without lessons  {self.without}"
        yield f"with the lessons of the first exports                     {self.with_lessons}"
        yield f"columns filled in by lessons                              {self.carried}, {self.wrong} of them wrong"
        for kind, share in self.kinds.items():
            yield f"pairs of lessons.json, {kind:8} right                     {share}"
        yield f"traps that were carried over                              {len(self.traps)}"


class House:
    """The people of a house, with their lessons."""

    def __init__(self, services: Services, requester: Actor, reviewer: Actor) -> None:
        self._services, self._requester, self._reviewer = services, requester, reviewer
        self._workflow = f"asset_discovery_{secrets.token_hex(4)}"

    def propose(self, truth: Truth) -> tuple[Mapping, dict[str, Any], Mapping]:
        """The mapping without lessons, what people are shown, and the mapping as lessons have changed that."""
        table = table_of(truth)
        mapping = map_table(table)
        situations = [situation_of(table, column) for column in table.columns]
        with recalling_with(self._recall):
            gate = mapping_gate([table.file], [mapping], [situations], SETTINGS)
        proposal = document_of(gate.model_dump(mode="json"))
        changed, _ = decided(proposal, proposal["data"], [mapping], SETTINGS)
        return mapping, proposal, changed[0]

    def _recall(self, asked: Sequence[Proposed], step: str) -> list[RecalledLesson]:
        return self._services.recalling.recall(LessonReader.of(self._requester), self._workflow, list(asked), step)

    def teach(self, truth: Truth) -> None:
        """People correct the columns of an inventory, and approve."""
        mapping, proposal, _ = self.propose(truth)
        data = json.loads(json.dumps(proposal["data"]))
        for part, places in parts_of([mapping], SETTINGS.threshold).items():
            for place, row in zip(places, data[part], strict=True):
                column = mapping.columns[place.position].column
                if column in truth.mapping and row["field"] not in truth.accepted(column):
                    row["field"] = truth.mapping[column]
        opened = self._services.checkpoints.open(self._requester, ExternalRequest(proposal, self._workflow))
        change = None if data == proposal["data"] else {"data": data}
        verdict = Verdict.MODIFY if change else Verdict.APPROVE
        self._services.checkpoints.decide(opened.id, self._reviewer, Ballot(verdict, opened.digest, change=change))
        self._services.learning.read(opened.id)


@contextmanager
def house(address: str) -> Iterator[House]:
    """People with no lessons yet."""
    services = build_services(make_engine(address, application_name="assent bench"))
    try:
        own = secrets.token_hex(4)
        yield House(services, person(services, f"Requester-{own}"), person(services, f"Reviewer-{own}"))
    finally:
        services.engine.dispose()


def measured(
    address: str, first: list[Truth], following: list[Truth], pairs: dict[str, list[dict[str, Any]]]
) -> Taught:
    """Teach the first exports, and map the next ones.

    Args:
        address: Of a migrated database.
        pairs: `lessons.json`: which column teaches which, by kind.
    """
    taught = Taught()
    with house(address) as people:
        for truth in first:
            people.teach(truth)
        found = {}
        for truth in following:
            plain, _, changed = people.propose(truth)
            _note(taught, truth, plain, changed)
            found[str(truth.document["file"])] = (truth, {item.column: item for item in changed.columns})
    for kind, listed in pairs.items():
        share = Share()
        for pair in (pair for pair in listed if pair["expect"]["file"] in found):
            truth, columns = found[pair["expect"]["file"]]
            column = pair["expect"]["column"]
            got = columns[column].field.value if column in columns else "ignore"
            share.note(got in truth.accepted(column))
            if kind == "traps" and columns[column].lesson and got == pair["teach"]["field"]:
                taught.traps.append(f"{truth.path.name}: {column!r} became {got}")
        taught.kinds[kind] = share
    return taught


def _note(taught: Taught, truth: Truth, plain: Mapping, changed: Mapping) -> None:
    before = {item.column: item.field.value for item in plain.columns}
    after = {item.column: item for item in changed.columns}
    for column, name in truth.mapping.items():
        got = after[column].field.value if column in after else "ignore"
        right = got in truth.accepted(column)
        if name != "ignore" and not truth.path.name.startswith("traps"):
            taught.without.note(before.get(column, "ignore") in truth.accepted(column))
            taught.with_lessons.note(right)
        by_lesson = column in after and bool(after[column].lesson)
        taught.carried += by_lesson
        taught.wrong += by_lesson and not right
        if not right and (by_lesson or name != "ignore"):
            how = "made by a lesson" if by_lesson else "no lesson applied"
            taught.mistakes.append(f"{truth.path.name}: {column!r} is {got}, should be {name} ({how})")


def of_folder(address: str, folder: Path, group: str) -> Taught | None:
    """The figures of a group of a folder with first exports, and next ones in `next`; None if it has none."""
    following, lessons = folder / "next" / group, folder / "next" / "lessons.json"
    if not following.is_dir() or not lessons.is_file():
        return None
    pairs = json.loads(lessons.read_text(encoding="utf-8"))
    return measured(address, truths(folder / group), truths(following), pairs)
