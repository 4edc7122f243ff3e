"""What waits for a person, with the time that it takes, and which agents are at work."""

from __future__ import annotations

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.domain.policy.terms import Stage, default_terms
from app.services.reading.at_work import SHOWN, WorkingRuns
from assent.contracts import RiskLevel
from tests.factories import add_event, make_person, make_request, make_run
from tests.services.desk import Desk

DBA = default_terms(RiskLevel.LOW).model_copy(update={"stages": (Stage(teams=("dba",), quorum=2),)})


def test_what_waits_for_a_person_leaves_out_what_they_cannot_decide(own_desk: Desk) -> None:
    desk = own_desk
    member = make_person(desk.sessions, "DBA", teams=["dba"])
    actor = member.as_actor(desk.person().via)
    assert desk.queue.own(actor).words == ""
    made = [make_request(desk.sessions, terms=DBA, review_seconds=300) for _ in range(3)]
    make_request(desk.sessions, review_seconds=300)  # of any reviewer, so nobody's in particular
    make_request(desk.sessions, requester=member, terms=DBA, review_seconds=300)
    assert desk.queue.own(actor).words == "3, about 15 min"
    desk.decide(made[0], actor)
    own = desk.queue.own(actor)
    assert (own.count.words, own.seconds) == ("2", 600.0), "they have agreed to that one already"


def test_agents_at_work_are_named_with_their_step(own_desk: Desk) -> None:
    desk, working = own_desk, WorkingRuns(own_desk.sessions)
    assert working.now().total == 0
    make_run(desk.sessions)
    first = make_run(desk.sessions, state=RunState.RUNNING)
    for step in ("Look", "Measure"):
        with desk.sessions.begin() as session:
            add_event(
                session, EventKind.STEP_STARTED, run_id=first.id, task=step, node="n", title=step, agent="optimizer"
            )
    [run] = working.now().runs
    assert (run.run_id, run.agent, run.step) == (first.id, "optimizer", "Measure")
    for _ in range(SHOWN):
        make_run(desk.sessions, state=RunState.RUNNING)
    at_work = working.now()
    assert len(at_work.runs) == SHOWN and at_work.total == SHOWN + 1
    assert [run.step for run in at_work.runs] == [""] * SHOWN, "the latest runs have no step yet"
