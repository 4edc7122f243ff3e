"""Lessons: learned from what people changed, recalled in like situations, counted, and retired by one correction."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.domain.people import Actor, Via
from app.services.lessons import learning as learning_module
from app.services.lessons.learning import Learning
from app.services.reading.insights import InsightsBook, InsightsFilter
from app.store.lessons import Lesson, LessonSource, LessonUse
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, Decision, OutcomeRow
from assent.contracts import Verdict
from tests.factories import make_person, script
from tests.services.desk import AtOnce, Desk, asked
from tests.services.lessons_desk import COUNTS, MEMORY, LessonsDesk, fields


@pytest.fixture
def lessons(desk: Desk) -> LessonsDesk:
    return LessonsDesk(desk, f"import_{secrets.token_hex(4)}")


def test_a_correction_is_learned_and_applied_openly_next_time(lessons: LessonsDesk) -> None:
    request = lessons.propose(("RAM", MEMORY, "name"), ("Cores", COUNTS, "cpu_count"))
    assert "lessons" not in request.payload
    [lesson] = lessons.correct(request, "memory_mb", "cpu_count", comment="It is memory in MiB.").lessons
    assert (lesson.before, lesson.after, lesson.path) == ("name", "memory_mb", "/data/columns/0/field")
    assert (lesson.by_name, lesson.why, lesson.node) == ("Data steward", "It is memory in MiB.", "review")
    later = lessons.propose(("Ram", [*MEMORY[2:], "12288"], "name"), ("Cores", COUNTS, "cpu_count"))
    assert fields(later) == ["memory_mb", "cpu_count"]
    assert later.payload["lessons"] == [
        {"lesson": lesson.id, "path": "/data/columns/0/field", "before": "name", "after": "memory_mb"}
    ]


def test_an_approval_counts_for_it_and_one_correction_retires_it(lessons: LessonsDesk) -> None:
    lesson = lessons.taught("RAM", MEMORY, "name", "cpu_count")
    assert not lessons.correct(lessons.propose(("RAM", MEMORY, "name")), "cpu_count").lessons
    kept = lessons.lesson(lesson.id)
    assert kept is not None and (kept.votes_for, kept.votes_against, kept.state) == (1, 0, "active")
    wrong = lessons.propose(("RAM", MEMORY, "name"))
    assert fields(wrong) == ["cpu_count"]
    learned = lessons.correct(wrong, "memory_mb")
    assert learned.retired == [lesson.id]
    [corrected] = learned.lessons
    # The new lesson is about what the workflow proposes by itself, so it applies the next time.
    assert (corrected.before, corrected.after, corrected.replaces_id) == ("name", "memory_mb", lesson.id)
    ended = lessons.lesson(lesson.id)
    assert ended is not None and (ended.votes_against, ended.state) == (1, "retired")
    assert fields(lessons.propose(("RAM", MEMORY, "name"))) == ["memory_mb"]


def test_who_restores_what_was_proposed_ends_all_lessons_that_would_change_it(lessons: LessonsDesk) -> None:
    lessons.taught("RAM", MEMORY, "memory_mb", "disk_gb")
    request = lessons.propose(("RAM", MEMORY, "memory_mb"))
    assert fields(request) == ["disk_gb"]
    [restored] = lessons.correct(request, "memory_mb").lessons
    assert restored.before == restored.after == "memory_mb"
    assert fields(lessons.propose(("RAM", MEMORY, "memory_mb"))) == ["memory_mb"]
    # Another lesson from a like situation, which the restored value outvotes.
    lessons.taught("RAM 2", [*MEMORY, "2048"], "memory_mb", "disk_gb")
    assert fields(lessons.propose(("RAM", MEMORY, "memory_mb"))) == ["memory_mb"]


def test_where_people_corrected_differently_it_is_a_suggestion_only(lessons: LessonsDesk) -> None:
    lessons.taught("RAM", MEMORY, "name", "memory_mb")
    with lessons.desk.sessions.begin() as session:
        session.execute(update(Lesson).where(Lesson.workflow == lessons.workflow).values(state="off"))
    lessons.taught("RAM", MEMORY, "name", "disk_gb")
    with lessons.desk.sessions.begin() as session:
        session.execute(update(Lesson).where(Lesson.workflow == lessons.workflow).values(state="active"))
    found = lessons.recalled(("RAM", MEMORY, "name"))
    assert {(item.after, item.applies) for item in found} == {("disk_gb", False), ("memory_mb", False)}
    assert {item.reason for item in found} == {"People have corrected this in different ways."}
    assert fields(lessons.propose(("RAM", MEMORY, "name"))) == ["name"]


@pytest.mark.parametrize(
    ("heading", "values", "before"),
    [
        ("RAM", ["web-01", "db-02", "mail-7", "ns1"], "name"),  # only the heading is alike
        ("RAM", ["4", "8", "2", "16"], "name"),  # numbers, but of another magnitude
        ("Owner", MEMORY, "name"),  # only the values are alike
        ("RAM", MEMORY, "ignore"),  # the workflow now proposes something else
        ("RAM", [], "name"),  # nothing is known about the values
    ],
)
def test_nothing_is_carried_over_to_another_situation(
    lessons: LessonsDesk, heading: str, values: list[str], before: str
) -> None:
    lessons.taught("RAM", MEMORY, "name", "memory_mb")
    assert fields(lessons.propose((heading, values, before))) == [before]
    assert fields(lessons.propose(("RAM", MEMORY, "name"))) == ["memory_mb"]


def test_a_revision_that_people_approved_is_a_lesson(lessons: LessonsDesk) -> None:
    desk, column = lessons.desk, ("RAM", MEMORY, "name")
    run = desk.run(lessons.requester, workflow=lessons.workflow)
    document = lessons.propose(column).payload
    [first] = desk.suspend(run, asked(document, node="review"))
    desk.decide(first, lessons.reviewer, Verdict.REQUEST_CHANGES, comment="RAM is memory.")
    revised = document | {"data": {"columns": [{"heading": "RAM", "field": "memory_mb"}]}, "title": "Import, revised"}
    [second] = desk.suspend(run, asked(revised, node="review"))
    assert second.previous_id == first.id
    assert lessons.learning.read(second.id).lessons == [], "nobody has approved it yet"
    desk.decide(second, desk.person("Second"), comment="Now it is right.")
    [lesson] = lessons.learning.read(second.id).lessons
    assert (lesson.before, lesson.after, lesson.by_name) == ("name", "memory_mb", "Data steward")
    assert lesson.why == "RAM is memory."


def test_only_what_people_approved_is_learned(lessons: LessonsDesk, desk: Desk) -> None:
    approved = lessons.propose(("RAM", MEMORY, "name"))
    lessons.correct(approved, "name", learn=False)
    rejected = lessons.propose(("RAM", MEMORY, "name"))
    desk.decide(rejected, lessons.reviewer, Verdict.REJECT, comment="No.")
    changed = lessons.propose(("RAM", MEMORY, "name"))
    lessons.correct(changed, "memory_mb", learn=False)
    Learning(desk.sessions, desk.clock).learn()
    with desk.sessions() as session:
        assert session.get(LessonSource, approved.id) is None
        assert session.get(LessonSource, rejected.id) is None
        assert list(session.scalars(select(Lesson.request_id).where(Lesson.workflow == lessons.workflow))) == [
            changed.id
        ]


def test_a_decision_that_was_committed_late_is_learned_nevertheless(lessons: LessonsDesk, desk: Desk) -> None:
    learning = Learning(desk.sessions, desk.clock)
    learning.learn()
    late = lessons.propose(("RAM", MEMORY, "name"))
    lessons.correct(late, "memory_mb", learn=False)
    with desk.sessions.begin() as session:
        minutes_ago = desk.clock() - timedelta(minutes=10)
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id == late.id).values(resolved_at=minutes_ago))
    assert learning.learn() == 0, "an ordinary round looks back for seconds"
    desk.clock.ahead = timedelta(minutes=6)
    assert learning.learn() == 1


def test_a_backlog_is_learned_in_one_round(lessons: LessonsDesk, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning_module, "AT_A_TIME", 2)
    learning = Learning(desk.sessions, desk.clock)
    learning.learn()
    waiting = [lessons.propose((f"Heading {uuid.uuid4()}", MEMORY, "name")) for _ in range(5)]
    for request in waiting:
        lessons.correct(request, "memory_mb", learn=False)
    with desk.sessions.begin() as session:
        ids = [request.id for request in waiting]
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id.in_(ids)).values(resolved_at=desk.clock()))
    assert learning.learn() == 5


def test_several_workers_learn_a_request_once(lessons: LessonsDesk, at_once: AtOnce) -> None:
    request = lessons.propose(("RAM", MEMORY, "name"))
    lessons.correct(request, "memory_mb", learn=False)
    learned = at_once([lambda: lessons.learning.read(request.id) for _ in range(4)])
    assert sum(len(item.lessons) for item in learned) == 1
    with lessons.desk.sessions() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.request_id == request.id)).all()
    assert actions.count("lesson.learned") == 1


def test_the_same_correction_again_is_a_vote_and_not_a_second_lesson(lessons: LessonsDesk) -> None:
    first = lessons.propose(("RAM", MEMORY, "name"))
    second = lessons.propose(("RAM", MEMORY, "name"))
    [lesson] = lessons.correct(first, "memory_mb").lessons
    assert lessons.correct(second, "memory_mb").lessons == []
    known = lessons.lesson(lesson.id)
    assert known is not None and known.votes_for == 1


def test_a_lesson_of_another_team_is_not_recalled(lessons: LessonsDesk) -> None:
    lesson = lessons.taught("RAM", MEMORY, "name", "memory_mb")
    member, stranger = (with_team(lessons.desk, name, team) for name, team in (("Dana", "dba"), ("Sam", "sre")))
    with lessons.desk.sessions.begin() as session:
        session.execute(update(Lesson).where(Lesson.id == lesson.id).values(audience=["team:dba"]))
    column = ("RAM", MEMORY, "name")
    assert [item.lesson for item in lessons.recalled(column, reader=member)] == [lesson.id]
    assert [item.lesson for item in lessons.recalled(column)] == [lesson.id], "the requester saw the source"
    assert lessons.recalled(column, reader=stranger) == []


def with_team(desk: Desk, name: str, team: str) -> Actor:
    return make_person(desk.sessions, name, teams=[team]).as_actor(Via.PAGE)


def test_a_lesson_goes_with_its_source(lessons: LessonsDesk) -> None:
    lesson = lessons.taught("RAM", MEMORY, "name", "memory_mb")
    using = lessons.propose(("RAM", MEMORY, "name"))
    with lessons.desk.sessions.begin() as session:
        assert session.get(LessonUse, (lesson.id, using.id, "/data/columns/0/field")) is not None
        for table in (Decision, OutcomeRow):
            session.execute(delete(table).where(table.request_id == lesson.request_id))
        session.execute(delete(ApprovalRequest).where(ApprovalRequest.id == lesson.request_id))
    assert lessons.lesson(lesson.id) is None
    assert fields(lessons.propose(("RAM", MEMORY, "name"))) == ["name"]


def test_other_kinds_of_proposals_teach_by_what_was_proposed(desk: Desk) -> None:
    learning, reviewer = Learning(desk.sessions, desk.clock), desk.person()
    request = desk.open(script("select 1"))
    desk.decide(request, reviewer, Verdict.MODIFY, change={"content": "select 2"})
    [lesson] = learning.read(request.id).lessons
    assert (lesson.path, lesson.before, lesson.after, lesson.kind) == (
        "/content", "select 1", "select 2", "script field",
    )  # fmt: skip


def _stated(lesson: Any) -> list[dict[str, Any]]:
    return [{"lesson": lesson, "path": "/data/columns/0/field", "before": "name", "after": "memory_mb"}]


def test_what_an_agent_states_of_other_lessons_counts_nothing(lessons: LessonsDesk, desk: Desk) -> None:
    lesson = lessons.taught("RAM", MEMORY, "name", "memory_mb")
    other = LessonsDesk(desk, f"other_{secrets.token_hex(4)}")
    for stated in (_stated(lesson.id), _stated("unknown"), _stated(lesson.id[:-1])):
        request = other.propose(("RAM", MEMORY, "memory_mb"), lessons=stated)
        other.correct(request, "disk_gb")
    untouched = lessons.lesson(lesson.id)
    assert untouched is not None and (untouched.votes_for, untouched.votes_against) == (0, 0)
    assert untouched.state == "active"
    with desk.sessions() as session:
        assert session.scalars(select(LessonUse).where(LessonUse.lesson_id == lesson.id)).all() == []


def test_insights_show_the_share_of_changed_proposals_before_and_since(lessons: LessonsDesk, desk: Desk) -> None:
    before = [lessons.propose(("Cores", COUNTS, "cpu_count")), lessons.propose(("RAM", MEMORY, "name"))]
    lessons.correct(before[0], "cpu_count")
    lessons.correct(before[1], "memory_mb")
    for _ in range(3):
        lessons.correct(lessons.propose(("RAM", MEMORY, "name")), "memory_mb")
    lessons.correct(lessons.propose(("RAM", MEMORY, "name")), "disk_gb")
    found = InsightsBook(desk.sessions, desk.clock).read(lessons.reviewer, InsightsFilter(workflow=lessons.workflow))
    [effect] = found.lessons
    assert (effect.name, effect.before, effect.before_changed) == (lessons.workflow, 2, 1)
    assert (effect.after, effect.after_changed, effect.used, effect.used_changed) == (4, 1, 4, 1)
