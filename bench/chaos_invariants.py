"""The invariants after `bench.chaos`: the portal's data must match the ledger, and everybody's responses."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from bench.chaos_flows import GATES
from bench.chaos_people import Seen
from bench.chaos_place import End

AT_REST = ("completed", "failed", "cancelled")
_REQUESTS = "select id, run_id, interrupt_id, kind, state, title, quorum from approval_requests"
_OUTCOMES = "select request_id, verdict, body::json ->> 'digest' as digest from outcomes"


@dataclass
class Invariant:
    """One invariant, how often it was checked, and where it was violated."""

    words: str
    checked: int = 0
    broken: list[str] = field(default_factory=list)

    def look(self, true: bool, where: str) -> None:
        """Count one look."""
        self.checked += 1
        if not true:
            self.broken.append(where)


class Stored:
    """Everything that the portal has stored, and the ledger."""

    def __init__(self, address: str, ledger: Path) -> None:
        with psycopg.connect(address, row_factory=dict_row) as connection:

            def rows(query: str) -> list[dict[str, Any]]:
                return connection.execute(query).fetchall()

            self.requests = {row["id"]: row for row in rows(_REQUESTS)}
            self.outcomes = {row["request_id"]: row for row in rows(_OUTCOMES)}
            self.receipts = {row["request_id"]: row for row in rows("select * from receipts")}
            self.decisions = rows("select request_id, person_id, verdict, seen_digest from decisions")
            self.runs = {row["id"]: row for row in rows("select id, workflow, state, error from runs")}
            self.people = {row["id"]: row["email"].split("@")[0] for row in rows("select id, email from people")}
            self.audit = Counter(
                (row["action"], row["request_id"]) for row in rows("select action, request_id from audit_entries")
            )
            self.jobs = rows(
                "select id, task_name, status::text, args from procrastinate_jobs where task_name = 'runs.advance' "
                "and (status = 'doing' or status = 'todo' and coalesce(scheduled_at, now()) <= now())"
            )
        self.ledger = [json.loads(line) for line in ledger.read_text().splitlines()]

    def acts(self) -> Iterator[dict[str, Any]]:
        """The steps behind gates, as they began."""
        return (entry for entry in self.ledger if entry["what"] == "begin")


def check(stored: Stored, seen: Seen, ends: dict[int, End]) -> tuple[list[Invariant], int]:
    """All invariants, and how many steps ran again after the process that ran them had been ended.

    Args:
        ends: how processes had ended, by id.
    """
    repeated, again = _repetitions(stored, ends)
    invariants = [
        *_decisions(stored, seen), *_acts(stored), repeated, *_requests(stored, seen), *_receipts(stored),
        *_record(stored), _collected(stored, seen), _answers(seen),
    ]  # fmt: skip
    return invariants, again


def _decisions(stored: Stored, seen: Seen) -> Iterator[Invariant]:
    kept = Invariant("a decision that was acknowledged is stored, once")
    told = Invariant("as many decisions on a request count as are needed, and the others were told that they do not")
    there = Counter((row["request_id"], stored.people[row["person_id"]]) for row in stored.decisions)
    won: Counter[str] = Counter()
    for sent in seen.decisions:
        if 200 <= sent.status < 300:
            kept.look(there[sent.request, sent.person] == 1, f"{sent}")
            won[sent.request] += 1
        elif sent.status >= 400:
            refused = sent.status in (409, 403, 404, 422, 429, 503)
            told.look(refused, f"{sent}")
    for request, number in won.items():
        # After an edit at high risk, a second person decides.
        needed = stored.requests[request]["quorum"]
        told.look(number <= needed, f"{number} decisions on {request} were acknowledged, {needed} are needed")
    yield kept
    yield told


def _acts(stored: Stored) -> Iterator[Invariant]:
    agreed = Invariant("no step behind a gate ran without an approval of that very run and payload")
    for act in stored.acts():
        outcome, request = stored.outcomes.get(act["request"]), stored.requests.get(act["request"])
        fits = outcome is not None and request is not None and outcome["digest"] == act["digest"]
        approved = fits and outcome is not None and outcome["verdict"] in ("approve", "modify", "answer")
        own = request is not None and (request["run_id"] or "") == act["run"]
        agreed.look(bool(approved and own), f"{act}")
    yield agreed


def _repetitions(stored: Stored, ends: dict[int, End]) -> tuple[Invariant, int]:
    once = Invariant("no step behind a gate ran twice, but after the process that ran it had ended or lost its lease")
    again = 0
    by_act: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for act in stored.acts():
        by_act[act["run"], act["step"], act["request"]].append(act)
    for acts in by_act.values():
        ordered = sorted(acts, key=lambda act: act["at"])
        for before, after in pairwise(ordered):
            ended = ends.get(before["pid"])
            gone = ended is not None and (ended.lost_lease or ended.at - 1.0 <= after["at"])
            fits = before["pid"] != after["pid"] and gone
            again += fits
            once.look(fits, f"{before} and again {after}")
        once.checked += len(ordered) == 1
    return once, again


def _requests(stored: Stored, seen: Seen) -> Iterator[Invariant]:
    rest = Invariant("each run that was started has come to its end")
    asked = Invariant("no run asked more often than its gates, revisions and failures account for")
    single = Invariant("no question was asked twice for one interrupt")
    of_run: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for request in stored.requests.values():
        if request["run_id"]:
            of_run[request["run_id"]].append(request)
    for run in seen.runs:
        rest.look(run in stored.runs and stored.runs[run]["state"] in AT_REST, f"{run}: {stored.runs.get(run)}")
    for run_id, requests in of_run.items():
        gates = GATES[stored.runs[run_id]["workflow"]]
        revised = sum(request["state"] == "changes_requested" for request in requests)
        plain = [request for request in requests if request["kind"] != "error"]
        asked.look(len(plain) <= gates + revised, f"{run_id}: {[(row['state'], row['title']) for row in requests]}")
        for (interrupt, _), number in Counter((row["interrupt_id"], row["kind"]) for row in requests).items():
            single.look(number == 1, f"{run_id}: {interrupt} asked {number} times")
    yield from (rest, asked, single)


def _receipts(stored: Stored) -> Iterator[Invariant]:
    done = Invariant("what is called applied was done")
    left = Invariant("what is called not applied was not done")
    begun = {act["request"] for act in stored.acts()}
    for request_id, receipt in stored.receipts.items():
        request = stored.requests[request_id]
        if request["kind"] == "error":
            continue
        if receipt["status"] == "applied" and stored.outcomes[request_id]["verdict"] in ("approve", "modify", "answer"):
            done.look(request_id in begun, f"{request_id}: {receipt}")
        if receipt["status"] == "not_applied":
            left.look(request_id not in begun, f"{request_id}: {receipt}")
    yield done
    yield left


def _record(stored: Stored) -> Iterator[Invariant]:
    decided = Invariant("the audit log has each decision once, and each opening and end of a request once")
    for request_id, number in Counter(row["request_id"] for row in stored.decisions).items():
        decided.look(stored.audit["request.decided", request_id] == number, f"decided: {request_id}")
    for request_id, request in stored.requests.items():
        decided.look(stored.audit["request.opened", request_id] == 1, f"opened: {request_id}")
        ended = sum(
            stored.audit[f"request.{action}", request_id]
            for action in ("resolved", "expired", "cancelled", "superseded", "remembered")
        )
        decided.look(ended == (request["state"] != "pending"), f"ended {ended} times: {request}")
    jobs = Invariant("no job of a run is left behind")
    jobs.checked = 1
    jobs.broken += [str(job) for job in stored.jobs]
    yield decided
    yield jobs


def _collected(stored: Stored, seen: Seen) -> Invariant:
    same = Invariant("an agent elsewhere was given the outcome that is stored")
    for request_id, (verdict, digest) in seen.collected.items():
        outcome = stored.outcomes.get(request_id)
        same.look(outcome is not None and (outcome["verdict"], outcome["digest"]) == (verdict, digest), request_id)
    return same


def _answers(seen: Seen) -> Invariant:
    clear = Invariant("no call was answered with a 5xx but 503, and no agent was told anything odd")
    clear.checked = sum(seen.statuses.values())
    clear.broken += seen.odd
    return clear
