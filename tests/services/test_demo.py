"""The demo: its past is made by the use cases of real life, in an empty database that stays marked as a demo."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.cli.actors import operator
from app.cli.demo import DemoError, make_past
from app.demo.cast import CAST
from app.demo.past import PastClock, the_past
from app.domain.errors import ConflictError
from app.domain.grants import GrantState
from app.domain.notices import DeliveryState
from app.domain.people import Role, Via
from app.services.approvals.intake.gate import ExternalRequest
from app.services.bundle import Services, build_services
from app.services.reading.queue_filter import QueueFilter
from app.settings import Settings
from app.store.engine import make_engine
from app.store.notify import Delivery
from app.store.people import Person
from app.store.policies import Absence
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, Comment, Decision, ReceiptRow
from assent.contracts import Question, RiskLevel, document_of
from assent.digests import digest_of

ROOT = Path(__file__).parents[2]
OVER = {"approved", "modified", "rejected", "changes_requested", "answered", "expired", "cancelled"}


@dataclass
class Demo:
    """A demo that was just made, and what is in it."""

    services: Services
    people: dict[str, Person]
    made_at: datetime
    requests: list[ApprovalRequest]
    record: list[AuditEntry]

    @property
    def waiting(self) -> list[ApprovalRequest]:
        """The requests that wait for a decision."""
        return [request for request in self.requests if request.state == "pending"]


def settings_for(url: str, folder: Path) -> Settings:
    return Settings(database_url=url, data_dir=folder, secret_key="x" * 40)


@pytest.fixture(scope="module")
def demo(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    engine = make_engine(module_database_url)
    services = build_services(engine)
    made_at = datetime.now(UTC)
    people, left_out = make_past(services, settings_for(module_database_url, tmp_path_factory.mktemp("demo")))
    assert left_out == [], "the policy that comes with Assent allows the whole story"
    with services.sessions() as session:
        requests = session.scalars(select(ApprovalRequest).order_by(ApprovalRequest.opened_at)).all()
        record = session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).all()
    yield Demo(services, dict(zip((part.key for part in CAST), people, strict=True)), made_at, [*requests], [*record])
    engine.dispose()


def test_the_queue_holds_every_kind_and_level_and_much_has_been_decided(demo):
    assert 23 <= len(demo.waiting) <= 28
    assert {request.kind for request in demo.waiting} == {
        "script", "optimizations", "tool_call", "tool_calls", "plan", "question", "custom",
    }  # fmt: skip
    assert {request.risk for request in demo.waiting} == set(RiskLevel)
    ages = [demo.made_at - request.opened_at for request in demo.waiting]
    assert min(ages) < timedelta(hours=1) and max(ages) > timedelta(days=3)
    assert sum(age > timedelta(days=1) for age in ages) >= 5
    over = Counter(request.state for request in demo.requests if request.state != "pending")
    assert 38 <= over.total() <= 46 and set(over) == OVER
    assert len({request.opened_by_agent for request in demo.waiting}) >= 7
    assert all(request.run_id is None and request.opened_by_agent for request in demo.requests)
    assert len({request.payload["language"] for request in demo.requests if request.kind == "script"}) == 3


def test_something_of_everything_that_the_product_does_is_there(demo):
    rules = Counter(request.terms["name"] for request in demo.waiting)
    assert rules["Payments and refunds"] == 6, "the group of alike refunds"
    assert any(request.stage == 1 for request in demo.waiting), "a second stage"
    assert any(request.revision == 2 for request in demo.waiting), "a revision"
    assert any(request.escalation for request in demo.waiting), "an escalation"
    soon = [request.expires_at - demo.made_at for request in demo.waiting if request.warned]
    assert soon and min(soon) < timedelta(minutes=20), "a deadline about to pass"
    form = next(request for request in demo.waiting if request.kind == "question")
    assert len(form.payload["answer_schema"]["properties"]) > 2
    assert {request.urgency for request in demo.waiting} == {"low", "normal", "urgent"}
    assert any(request.claimed_by_name == "Platform lead" for request in demo.waiting)
    assert [request.snoozed_by_name for request in demo.waiting if request.snoozed_until] == ["Platform lead"]
    assert any(request.assigned_to_name == "DBA on call" for request in demo.waiting)
    with demo.services.sessions() as session:
        absence = session.scalars(select(Absence)).one()
        assert absence.person_id == demo.people["support"].id and absence.delegate_id == demo.people["dba"].id
        assert absence.starts_at < demo.made_at < absence.ends_at and absence.confirmed_at is not None
        failed = session.scalars(select(Delivery).where(Delivery.state == DeliveryState.FAILED.value)).all()
        assert [delivery.channel for delivery in failed] == ["webhook"]
        assert session.scalars(select(Comment).where(Comment.by_agent)).all()
        at_lines = session.scalars(select(Comment).where(Comment.line.is_not(None))).all()
        assert {comment.resolved_at is None for comment in at_lines} == {True, False}, "an open one and a resolved one"
        verdicts = {decision.verdict for decision in session.scalars(select(Decision))}
        assert verdicts == {"approve", "modify", "request_changes", "reject", "answer"}
        statuses = {receipt.status for receipt in session.scalars(select(ReceiptRow))}
        assert statuses == {"applied", "partly_applied", "failed"}
    viewer = demo.people["dba"].as_actor(Via.PAGE)
    grants = demo.services.grants.list(viewer)
    assert [grant.state for grant in grants] == [GrantState.PROPOSED] and not grants[0].why_not
    assert demo.services.grants.suggestions(viewer)
    assert len(demo.people) == 6
    assert {team.slug for person in demo.people.values() for team in person.teams} == {"dba", "platform", "support"}


def test_the_record_is_whole_and_in_the_order_of_time(demo):
    times = [entry.at for entry in demo.record]
    assert times == sorted(times) and demo.made_at - times[0] > timedelta(days=9)
    assert times[-1] <= demo.services.clock()
    opened = [entry.request_id for entry in demo.record if entry.action == "request.opened"]
    assert sorted(opened) == sorted(request.id for request in demo.requests)
    ends = {"request.resolved", "request.expired", "request.cancelled"}
    ended = {entry.request_id: entry for entry in demo.record if entry.action in ends}
    for request in demo.requests:
        assert digest_of(request.payload) == request.digest
        assert (request.id in ended) == (request.state != "pending")
        if request.resolved_at is not None:
            assert ended[request.id].at == request.resolved_at
    agents = {entry.actor_name for entry in demo.record if entry.action == "request.opened"}
    assert {entry.actor_kind for entry in demo.record if entry.action == "request.opened"} == {"agent"}
    assert agents == {request.opened_by_agent for request in demo.requests}
    assert {entry.via for entry in demo.record if entry.action == "request.decided"} == {"page"}


def test_nothing_is_left_to_be_done_for_the_past(demo):
    due = demo.services.checkpoints.next_due_at()
    assert due is not None and due > demo.made_at, "a worker that starts now has no deadline to make up for"
    with demo.services.sessions() as session:
        assert session.scalar(text("select count(*) from unplanned_events")) == 0
        jobs = session.scalars(text("select scheduled_at from procrastinate_jobs")).all()
    assert all(at is not None and at > demo.made_at for at in jobs), "only roundups that are still to come"


def test_from_then_on_the_clock_is_that_of_everybody(demo):
    actor = demo.people["release"].as_actor(Via.API)
    asked = ExternalRequest(document_of(Question(title="What time is it?", question="Now?")))
    opened = demo.services.checkpoints.open(actor, asked)
    assert opened.opened_at >= demo.made_at
    assert demo.services.queue.page(QueueFilter(viewer=actor)).total == len(demo.waiting) + 1


def test_the_mark_stays(demo):
    assert demo.services.demo_marks.is_marked()
    for statement in ("delete from demo_marks", "update demo_marks set marked_at = now()", "truncate demo_marks"):
        with pytest.raises(DBAPIError, match="stays one"), demo.services.sessions.begin() as session:
            session.execute(text(statement))
    with pytest.raises(ConflictError):
        demo.services.demo_marks.mark()
    with (
        pytest.raises(ConflictError),
        the_past(demo.services.engine, demo.made_at - timedelta(days=1), "http://desk.example", "x" * 40),
    ):
        pass


@pytest.mark.parametrize("what", ["a person", "a policy"])
def test_a_database_that_is_in_use_is_refused(database_url, tmp_path, what):
    services = build_services(make_engine(database_url))
    if what == "a person":
        services.people.add(operator(), "Reviewer", "reviewer@example.org", [Role.REVIEWER])
    else:
        services.policies.load(operator(), "version: 1\ndefault: {deadline: 1 day}\n", "policies.yaml")
    with pytest.raises(DemoError, match="in use"):
        make_past(services, settings_for(database_url, tmp_path))
    assert not services.demo_marks.is_marked()
    assert len(services.people.everybody()) == (what == "a person")
    with pytest.raises(RuntimeError):
        PastClock(services.demo_marks, datetime.now(UTC))
    services.engine.dispose()


def test_only_the_demo_gives_the_use_cases_a_clock_of_its_own():
    """No setting, and no other way in, moves a portal's clock."""
    makers = {}
    for path in (ROOT / "app").rglob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        for name in {"PastClock", "the_past"} & names:
            makers.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    assert makers == {"PastClock": {"app/demo/past.py"}, "the_past": {"app/cli/demo.py"}}
    assert not [name for name in Settings.model_fields if "clock" in name or "now" in name.split("_")]
