"""What lessons are worth: a series of imports in which reviewers correct the same kinds of mistakes again and again.

    python -m bench.lessons [--imports N] [--columns N] [--seed N]

A plain mapper, which knows a few English synonyms, proposes a field for each column of an inventory. Each import has
some columns of one of nine inventories in another order, with other rows, and with headings that are spelled somewhat
differently. The reviewer corrects what is wrong by the inventory's truth. The same series runs with lessons and without
them, on a real database and through the use cases of the portal: propose, decide, learn, recall.

It also counts false carry-overs (lessons that filled in something wrong), and in how many proposals a wrong lesson
occurs before it is retired: a reviewer makes a mistake on purpose, and a later one corrects it.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.ballot import Ballot
from app.domain.likeness import words_of
from app.domain.people import Actor, Role, Via
from app.services.approvals.intake.gate import ExternalRequest
from app.services.bundle import Services, build_services
from app.services.lessons.recalling import LessonReader
from app.store.engine import make_engine
from app.store.people import Person
from assent.contracts import Custom, Verdict, document_of
from assent.lessons import filled, proposed_in
from assent.situations import Correctable, Situation
from bench.support import database

COLUMNS = Path(__file__).with_name("lessons_columns.json")
SYNONYMS = {
    "name": ["name", "hostname", "device name"], "fqdn": ["fqdn", "dns name"], "ip_address": ["ip", "ip address"],
    "mac_address": ["mac", "mac address"], "serial_number": ["serial", "serial number"],
    "asset_type": ["type", "category", "class"], "manufacturer": ["manufacturer", "vendor"], "model": ["model"],
    "os": ["os", "operating system"], "os_version": ["os version"], "cpu_count": ["cpu", "cpus", "cores"],
    "memory_mb": ["memory", "ram"], "disk_gb": ["disk", "storage"], "environment": ["environment", "env"],
    "location": ["location", "site"], "owner": ["owner", "contact"], "application": ["application", "service"],
    "criticality": ["criticality", "priority"], "status": ["status", "state"], "purchased_on": ["purchase date"],
    "support_ends_on": ["warranty end"], "depends_on": ["depends on"], "cost_center": ["cost center"],
    "virtual_host": ["virtual host"], "cluster": ["cluster"],
}  # fmt: skip
KNOWN = {synonym: name for name, synonyms in SYNONYMS.items() for synonym in synonyms}
SAMPLE = 12
PREFIXES = ("", "", "", "u_")


@dataclass(frozen=True)
class Column:
    """A column of an inventory. `fields`: its true field, and others that are no mistake."""

    source: str
    heading: str
    fields: tuple[str, ...]
    values: tuple[str, ...]


@dataclass
class Result:
    """What became of a series: for each import, whether it needed a change, and its wrong columns."""

    changed: list[bool] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    columns: int = 0
    carried: int = 0
    false: list[str] = field(default_factory=list)

    def share(self, quarter: int) -> float:
        """The share of imports of a quarter, from 0, that needed a change."""
        size = len(self.changed) // 4
        part = self.changed[quarter * size : (quarter + 1) * size]
        return sum(part) / len(part)

    def wrong_share(self, quarter: int) -> float:
        """The share of columns of a quarter that were proposed wrong."""
        size = len(self.wrong) // 4
        return sum(self.wrong[quarter * size : (quarter + 1) * size]) / (size * self.columns)


def inventories() -> dict[str, list[Column]]:
    """The columns of each inventory that have values."""
    stored = json.loads(COLUMNS.read_text(encoding="utf-8"))
    return {
        source: [
            Column(source, column["heading"], (column["field"], *column["accept"]), tuple(column["values"]))
            for column in columns
            if len(column["values"]) >= 4
        ]
        for source, columns in stored.items()
    }


def mapped(heading: str) -> str:
    """What the plain mapper proposes for a heading."""
    words = " ".join(words_of(heading.rsplit(".", 1)[-1]))
    if words in KNOWN:
        return KNOWN[words]
    longest_first = sorted(KNOWN, key=lambda known: (-len(known), known))
    return next((KNOWN[known] for known in longest_first if f" {known} " in f" {words} "), "ignore")


def series(seed: int, imports: int, columns: int) -> list[list[tuple[Column, str, list[str]]]]:
    """The imports: each a list of columns with the heading and the values that this file has."""
    rng = random.Random(seed)
    sources = inventories()
    made = []
    for number in range(imports):
        source = sorted(sources)[number % len(sources)]
        chosen = rng.sample(sources[source], min(columns, len(sources[source])))
        made.append([
            (column, respelled(column.heading, rng), rng.sample(column.values, min(SAMPLE, len(column.values))))
            for column in chosen
        ])  # fmt: skip
    rng.shuffle(made)
    return made


def respelled(heading: str, rng: random.Random) -> str:
    """The heading as another export might spell it. A column without one has only its position."""
    short = heading.rsplit(".", 1)[-1]
    if short.startswith("#"):
        return short
    words = rng.choice([short.upper(), short.lower(), short.title(), short])
    return rng.choice(PREFIXES) + rng.choice([words, words.replace(" ", "_"), words.replace("_", " ")])


class Import:
    """The workflow: what it proposes for a file, and what the reviewer makes of it."""

    def __init__(self, services: Services, requester: Actor, reviewer: Actor) -> None:
        self.services, self.requester, self.reviewer = services, requester, reviewer
        self.workflow = f"import_{secrets.token_hex(4)}"

    def proposed(self, file: list[tuple[Column, str, list[str]]], lessons: bool) -> dict[str, Any]:
        """The proposal, with what lessons have changed in it."""
        fields = [mapped(heading) for _, heading, _ in file]
        headings = [heading for _, heading, _ in file]
        columns = [{"heading": heading, "field": name} for heading, name in zip(headings, fields, strict=True)]
        places = [
            Correctable(
                path=f"/data/columns/{number}/field", guess=fields[number] == "ignore",
                situation=Situation(kind="column", texts={"heading": heading}, samples={"values": values}),
            )
            for number, (_, heading, values) in enumerate(file)
        ]  # fmt: skip
        proposal: dict[str, Any] = Custom(title="Import", data={"columns": columns}).model_dump(mode="json")
        if not lessons:
            return document_of(proposal)
        asked = proposed_in(proposal, places)
        found = self.services.recalling.recall(LessonReader.of(self.requester), self.workflow, asked)
        return document_of(filled(proposal, places, found))

    def reviewed(self, document: dict[str, Any], right: list[str], learn: bool) -> None:
        """The request is opened, the reviewer approves it with the right fields, and lessons are learned."""
        opened = self.services.checkpoints.open(self.requester, ExternalRequest(document, self.workflow))
        columns = opened.payload["data"]["columns"]
        wanted = [column | {"field": name} for column, name in zip(columns, right, strict=True)]
        change = None if wanted == columns else {"data": {"columns": wanted}}
        verdict = Verdict.APPROVE if change is None else Verdict.MODIFY
        self.services.checkpoints.decide(opened.id, self.reviewer, Ballot(verdict, opened.digest, change=change))
        if learn:
            self.services.learning.read(opened.id)


def run(workflow: Import, files: list[list[tuple[Column, str, list[str]]]], lessons: bool) -> Result:
    """One series."""
    result = Result(columns=len(files[0]))
    for file in files:
        document = workflow.proposed(file, lessons)
        got = [column["field"] for column in document["data"]["columns"]]
        columns = [column for column, _, _ in file]
        right = [name if name in column.fields else column.fields[0] for column, name in zip(columns, got, strict=True)]
        for stated in document.get("lessons", ()):
            number = int(stated["path"].split("/")[3])
            result.carried += 1
            if got[number] != right[number]:
                column, heading, _ = file[number]
                result.false.append(f"{column.source}: {heading!r} is {right[number]}, not {got[number]}")
        workflow.reviewed(document, right, lessons)
        result.changed.append(got != right)
        result.wrong.append(sum(one != other for one, other in zip(got, right, strict=True)))
    return result


def undone_after(workflow: Import, file: list[tuple[Column, str, list[str]]], most: int = 10) -> int:
    """How many proposals contain a wrong lesson before it is gone: a reviewer teaches it, and others correct it."""
    right = [column.fields[0] for column, _, _ in file]
    wrong = ["cluster" if "cost_center" in column.fields else "cost_center" for column, _, _ in file]
    workflow.reviewed(workflow.proposed(file, True), wrong, True)
    seen = 0
    for _ in range(most):
        document = workflow.proposed(file, True)
        got = [column["field"] for column in document["data"]["columns"]]
        if not any(one == other for one, other in zip(got, wrong, strict=True)):
            break
        seen += 1
        workflow.reviewed(document, right, True)
    return seen


def person(services: Services, name: str) -> Actor:
    """A reviewer of a new database."""
    email = f"{name.lower()}@bench.example"
    row = Person(id=name.lower(), name=name, email=email, roles=[Role.REVIEWER.value], teams=[])
    with services.sessions.begin() as session:
        session.add(row)
    return row.as_actor(Via.API)


def table(with_lessons: Result, without: Result) -> str:
    """The result for people."""
    lines = ["| | first quarter | second | third | last |", "|---|---:|---:|---:|---:|"]
    for words, result in (("without lessons", without), ("with lessons", with_lessons)):
        shares = [f"{100 * result.share(quarter):.0f} %" for quarter in range(4)]
        wrong = [f"{100 * result.wrong_share(quarter):.0f} %" for quarter in range(4)]
        lines.append(f"| proposals that need a change, {words} | {' | '.join(shares)} |")
        lines.append(f"| columns proposed wrong, {words} | {' | '.join(wrong)} |")
    return "\n".join(lines)


def measured(address: str, seed: int, imports: int, columns: int) -> tuple[Result, Result, int]:
    """The series with lessons and without, and in how many proposals a wrong lesson occurs."""
    services = build_services(make_engine(address, application_name="assent bench"))
    try:
        requester, reviewer = person(services, "Requester"), person(services, "Reviewer")
        files = series(seed, imports, columns)
        without = run(Import(services, requester, reviewer), files, False)
        with_lessons = run(Import(services, requester, reviewer), files, True)
        seen = max(undone_after(Import(services, requester, reviewer), [column]) for column in files[0])
    finally:
        services.engine.dispose()
    return with_lessons, without, seen


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imports", type=int, default=180)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    with database("lessons") as address:
        with_lessons, without, seen = measured(address, given.seed, given.imports, given.columns)
    print(table(with_lessons, without))
    carried, false = with_lessons.carried, len(with_lessons.false)
    print(f"\n{carried} values filled in by lessons, {false} of them wrong ({100 * false / max(1, carried):.1f} %).")
    for words in with_lessons.false:
        print(f"  {words}")
    print(f"A wrong lesson occurred in {seen} proposal(s) before it was gone. {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
