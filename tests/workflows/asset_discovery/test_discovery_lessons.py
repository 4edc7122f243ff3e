"""Corrections of the mapping are lessons: the next file of that kind is mapped right, and wrong lessons are undone."""

from __future__ import annotations

import pytest

from app.domain.people import Actor
from assent.contracts import Verdict
from tests.workflows.asset_discovery.discovery_desk import DiscoveryDesk, fields_of, setting

ASK = {"ask_mapping": "always", "ask_cleansing": False, "ask_merges": False}
TITLE = "Map the columns"


def inventory(first: int, column: str, values: list[str]) -> dict[str, bytes]:
    """An inventory of machines with one more column; its rows begin with that number."""
    net, head = first % 250, f"Name,Serial number,IP,{column}"
    rows = [f"srv-{first + n:03},CZ{first + n:06},10.0.{net}.{n + 1},{values[n % len(values)]}" for n in range(40)]
    return {f"machines-{first}.csv": "\n".join([head, *rows, ""]).encode()}


@pytest.fixture(autouse=True)
def no_lessons(desk: DiscoveryDesk) -> None:
    """Each test learns by itself."""
    desk.rig.sql("delete from lessons")


def corrected(desk: DiscoveryDesk, files: dict[str, bytes], column: str, field: str, by: Actor | None = None) -> str:
    """A run in which somebody corrects a column, and from which is learned."""
    run_id = desk.begin(files, **ASK)
    desk.change(run_id, TITLE, setting(column, field), by)
    desk.rig.services.learning.learn()
    desk.rig.finish(run_id)
    return run_id


KOST = ["KST-4711", "KST-4712", "KST-0815", "KST-2300"]


def test_the_next_file_of_that_kind_is_mapped_as_people_have_corrected_it(desk: DiscoveryDesk) -> None:
    first = corrected(desk, inventory(1, "Zuordnung", KOST), "Zuordnung", "cost_center")
    assert desk.inventory(first)[0]["cost_center"] == "KST-4711"
    second = desk.begin(inventory(200, "Zuordnung", [*KOST, "KST-9999"]), ask_cleansing=False, ask_merges=False)
    request = desk.gate(second, TITLE)
    assert fields_of(request)["Zuordnung"] == "cost_center"
    [stated] = request.payload["lessons"]
    assert stated["after"] == "cost_center"
    desk.approve(second, TITLE)
    desk.rig.finish(second)
    assert {asset["cost_center"] for asset in desk.inventory(second)} >= {"KST-9999"}
    assert "As people have corrected it before" in desk.rig.run(second).result["report"]


def test_a_lesson_does_not_carry_over_where_only_the_heading_is_alike(desk: DiscoveryDesk) -> None:
    corrected(desk, inventory(1, "Zuordnung", KOST), "Zuordnung", "cost_center")
    other = desk.begin(inventory(300, "Zuordnung", ["192.0.2.1", "192.0.2.77", "198.51.100.4"]), **ASK)
    request = desk.gate(other, TITLE)
    assert fields_of(request)["Zuordnung"] != "cost_center" and not request.payload.get("lessons")


def test_one_correction_undoes_a_wrong_lesson(desk: DiscoveryDesk) -> None:
    corrected(desk, inventory(1, "Zuordnung", KOST), "Zuordnung", "application")
    second = desk.begin(inventory(200, "Zuordnung", KOST), **ASK)
    assert fields_of(desk.gate(second, TITLE))["Zuordnung"] == "application"
    desk.change(second, TITLE, setting("Zuordnung", "cost_center"), desk.rig.second)
    desk.rig.services.learning.learn()
    third = desk.begin(inventory(400, "Zuordnung", KOST), **ASK)
    request = desk.gate(third, TITLE)
    assert fields_of(request)["Zuordnung"] == "cost_center"


def test_where_two_people_correct_differently_nothing_is_applied(desk: DiscoveryDesk) -> None:
    proposed = fields_of(desk.gate(desk.begin(inventory(1, "Zuordnung", KOST), **ASK), TITLE))["Zuordnung"]
    runs = [desk.begin(inventory(number, "Zuordnung", KOST), **ASK) for number in (1, 2)]
    desk.change(runs[0], TITLE, setting("Zuordnung", "cost_center"), desk.rig.reviewer)
    desk.change(runs[1], TITLE, setting("Zuordnung", "application"), desk.rig.second)
    desk.rig.services.learning.learn()
    third = desk.begin(inventory(500, "Zuordnung", KOST), **ASK)
    request = desk.gate(third, TITLE)
    assert fields_of(request)["Zuordnung"] == proposed and not request.payload.get("lessons")


def test_whatever_else_than_a_field_is_changed_counts_for_nothing(desk: DiscoveryDesk) -> None:
    run_id = desk.begin(inventory(1, "Zuordnung", KOST), **ASK)

    def tamper(data: dict[str, list[dict[str, str]]]) -> None:
        for row in (*data["doubtful"], *data["sure"]):
            row["column"] = "Serial number"
        data["sure"].reverse()
        data["doubtful"].append({"column": "x", "samples": "", "field": "owner", "confidence": "", "reason": ""})

    request = desk.gate(run_id, TITLE)
    data = {part: [dict(row) for row in rows] for part, rows in request.payload["data"].items()}
    tamper(data)
    desk.rig.decide(request, Verdict.MODIFY, change={"data": data})
    desk.rig.advance(run_id)
    desk.rig.finish(run_id)
    assert len({asset["name"] for asset in desk.inventory(run_id)}) == 40
