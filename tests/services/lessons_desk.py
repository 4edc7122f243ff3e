"""A desk at which a workflow maps columns to fields, reviewers correct it, and lessons are learned at once."""

from __future__ import annotations

from typing import Any

from app.domain.people import Actor
from app.services.lessons.learning import Learned, Learning
from app.services.lessons.recalling import LessonReader, Recalling
from app.store.lessons import Lesson
from app.store.requests import ApprovalRequest
from assent.contracts import Custom, Verdict, document_of
from assent.lessons import RecalledLesson, filled, proposed_in
from assent.masking import mask
from assent.situations import Correctable, Situation
from tests.services.desk import Desk, asked

SCHEMA = {
    "type": "object",
    "properties": {
        "columns": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string", "maxLength": 40}}},
        }
    },
}
MEMORY = ["16384", "32768", "8192", "65536", "16384", "4096"]
COUNTS = ["4", "8", "2", "16", "4", "4"]


class LessonsDesk:
    """Columns, each a heading and its values, are proposed as fields; everything goes the way of a run."""

    def __init__(self, desk: Desk, workflow: str, requester: Actor | None = None) -> None:
        self.desk = desk
        self.workflow = workflow
        self.reviewer = desk.person("Data steward")
        self.requester = requester or desk.person("Import engineer")
        self.learning = Learning(desk.sessions, desk.clock)
        self.recalling = Recalling(desk.sessions)

    def proposal(self, *columns: tuple[str, list[str], str]) -> dict[str, Any]:
        """The proposal without lessons, each column as heading, values, and field."""
        data = {"columns": [{"heading": heading, "field": field} for heading, _, field in columns]}
        return Custom(title="Import", data=data, data_schema=SCHEMA).model_dump(mode="json")

    @staticmethod
    def places(*columns: tuple[str, list[str], str]) -> list[Correctable]:
        """The columns' fields, with their situations."""
        headings = [heading for heading, _, _ in columns]
        return [
            Correctable(
                path=f"/data/columns/{number}/field",
                situation=Situation(
                    kind="column", texts={"heading": heading}, samples={"values": values}, around=headings
                ),
            )
            for number, (heading, values, _) in enumerate(columns)
        ]  # fmt: skip

    def recalled(self, *columns: tuple[str, list[str], str], reader: Actor | None = None) -> list[RecalledLesson]:
        """The lessons for these columns, for a run of the requester or of another person."""
        who = LessonReader.of(reader or self.requester)
        asked_about = proposed_in(self.proposal(*columns), self.places(*columns))
        return self.recalling.recall(who, self.workflow, asked_about)

    def propose(self, *columns: tuple[str, list[str], str], **values: Any) -> ApprovalRequest:
        """A pending request, with the lessons that apply."""
        places = self.places(*columns)
        proposal = filled(self.proposal(*columns), places, self.recalled(*columns))
        run = self.desk.run(self.requester, workflow=self.workflow)
        document: Any = mask(document_of(proposal | values))[0]
        return self.desk.suspend(run, asked(document, node="review"))[0]

    def correct(self, request: ApprovalRequest, *fields: str, comment: str = "", learn: bool = True) -> Learned:
        """The reviewer approves with these fields, and lessons are learned."""
        data = {"columns": [column | {"field": field} for column, field in
                            zip(request.payload["data"]["columns"], fields, strict=True)]}  # fmt: skip
        verdict = Verdict.APPROVE if data == request.payload["data"] else Verdict.MODIFY
        change = {} if verdict is Verdict.APPROVE else {"change": {"data": data}}
        self.desk.decide(request, self.reviewer, verdict, comment=comment, **change)
        return self.learning.read(request.id) if learn else Learned()

    def taught(self, heading: str, values: list[str], before: str, after: str, **values_of: Any) -> Lesson:
        """A lesson from one correction."""
        learned = self.correct(self.propose((heading, values, before)), after, **values_of)
        assert len(learned.lessons) == 1
        return learned.lessons[0]

    def lesson(self, lesson_id: str) -> Lesson | None:
        """The lesson as stored now."""
        with self.desk.sessions() as session:
            return session.get(Lesson, lesson_id)


def fields(request: ApprovalRequest) -> list[str]:
    """What the request proposes."""
    return [column["field"] for column in request.payload["data"]["columns"]]
