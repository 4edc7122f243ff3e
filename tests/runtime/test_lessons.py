"""A run is corrected, and the next run of its workflow proposes what people made of it, openly."""

from __future__ import annotations

import asyncio

from app.worker.lessons import keep_learning
from assent.contracts import Verdict
from assent.lessons import recall, with_lessons
from tests.runtime.rig import Rig, until

MEMORY = ["16384", "32768", "8192", "4096"]


def test_a_later_run_proposes_what_people_made_of_an_earlier_one(rig: Rig) -> None:
    first = rig.begin("test_mapper", heading="RAM", values=MEMORY)
    request = rig.only(first)
    assert request.payload["data"] == {"field": "name"} and "lessons" not in request.payload
    rig.decide(request, Verdict.MODIFY, change={"data": {"field": "memory_mb"}})
    rig.advance(first)
    assert rig.finish(first)["field"] == "memory_mb"
    assert rig.services.learning.learn() == 1
    second = rig.begin("test_mapper", heading="RAM", values=[*MEMORY, "65536"])
    later = rig.only(second)
    assert later.payload["data"] == {"field": "memory_mb"}
    [stated] = later.payload["lessons"]
    assert (stated["path"], stated["before"], stated["after"]) == ("/data/field", "name", "memory_mb")
    # A lesson that comes meanwhile does not change what this run has proposed.
    rig.decide(later, Verdict.MODIFY, change={"data": {"field": "disk_gb"}})
    rig.services.learning.learn()
    rig.advance(second)
    assert rig.finish(second)["field"] == "disk_gb"
    third = rig.only(rig.begin("test_mapper", heading="RAM", values=MEMORY))
    assert third.payload["data"] == {"field": "disk_gb"}


def test_outside_of_a_run_there_are_no_lessons() -> None:
    proposal = {"kind": "custom", "title": "Map", "data": {"field": "name"}}
    place = {"path": "/data/field", "situation": {"kind": "column", "texts": {"heading": "RAM"}}}
    assert recall([]) == []
    assert with_lessons(proposal, [place])["data"] == {"field": "name"}  # type: ignore[list-item]


def test_a_worker_learns_by_itself(rig: Rig) -> None:
    run_id = rig.begin("test_mapper", heading="Kernel", values=["5.10", "6.1"])
    rig.decide(rig.only(run_id), Verdict.MODIFY, change={"data": {"field": "os_version"}})

    async def learned() -> bool:
        worker = asyncio.create_task(keep_learning(rig.services.learning))
        try:
            query = "select 1 from lessons where before = '\"name\"' and after = '\"os_version\"'"
            await until(lambda: bool(rig.sql(query)))
        finally:
            worker.cancel()
        return True

    assert rig.do(learned())
