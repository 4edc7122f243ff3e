"""All use cases on one database, assembled by the composition roots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from app.risk.assess import assess_proposal
from app.services.approvals.bulk import BulkDecisions
from app.services.approvals.manager import CheckpointManager
from app.services.calls.idempotency import IdempotencyKeys
from app.services.calls.rate_limits import RateLimits
from app.services.clock import Clock, DatabaseClock
from app.services.demo_marks import DemoMarks
from app.services.erasure import Erasure
from app.services.files.access import FileAccess
from app.services.files.rules import FileRules
from app.services.files.saved import SavedFiles
from app.services.files.uploads import Files
from app.services.grants.lifecycle import Grants
from app.services.lessons.book import Lessons
from app.services.lessons.learning import Learning
from app.services.lessons.recalling import Recalling
from app.services.notifications.browsers import Browsers
from app.services.notifications.deliveries import Deliveries
from app.services.notifications.destinations import Destinations
from app.services.notifications.links import Links
from app.services.notifications.preferences import NotificationPreferences
from app.services.notifications.sign_in_mail import SignInMail
from app.services.notifications.slack import SlackPeople
from app.services.operations import Operations
from app.services.people.absences import Absences
from app.services.people.accounts import People
from app.services.people.confirmations import Confirmations
from app.services.people.prepared_reasons import PreparedReasons
from app.services.people.saved_views import SavedViews
from app.services.people.sessions import SignIns
from app.services.people.tokens import Tokens
from app.services.policies.samples import Samples
from app.services.policies.versions import Policies
from app.services.reading.at_work import WorkingRuns
from app.services.reading.decided import DecidedRequests
from app.services.reading.insights import InsightsBook
from app.services.reading.numbers import Numbers
from app.services.reading.pages import Views
from app.services.reading.personal_queue import PersonalQueue
from app.services.reading.queue import Queue
from app.services.reading.similar_requests import SimilarRequests
from app.services.reading.toolbox import Tools
from app.services.record.records import Records
from app.services.refusals import Refusals
from app.services.requests.assessment import Assessor
from app.services.retention import Retention
from app.services.routing.texts import RoutedTexts
from app.services.runs.control import Runs
from app.services.runs.run_list import RunExports
from app.services.usage.calls import ModelCalls
from app.services.usage.figures import ModelFigureBook
from app.services.vault.ring import KeyRing
from app.services.vault.values import Vault
from app.store.engine import Sessions, make_sessions


@dataclass(frozen=True)
class Services:
    """The interface for entry points; nothing else in the application changes the database."""

    engine: Engine
    sessions: Sessions
    clock: Clock
    checkpoints: CheckpointManager
    runs: Runs
    run_exports: RunExports
    files: Files
    saved_files: SavedFiles
    erasure: Erasure
    retention: Retention
    operations: Operations
    file_access: FileAccess
    people: People
    sign_ins: SignIns
    tokens: Tokens
    once: IdempotencyKeys
    rates: RateLimits
    refusals: Refusals
    saved_views: SavedViews
    prepared_reasons: PreparedReasons
    policies: Policies
    queue: Queue
    decided: DecidedRequests
    similar: SimilarRequests
    bulk: BulkDecisions
    views: Views
    records: Records
    absences: Absences
    confirmations: Confirmations
    grants: Grants
    lessons: Lessons
    learning: Learning
    recalling: Recalling
    samples: Samples
    insights: InsightsBook
    numbers: Numbers
    tools: Tools
    model_calls: ModelCalls
    routed_texts: RoutedTexts
    model_figures: ModelFigureBook
    deliveries: Deliveries
    preferences: NotificationPreferences
    sign_in_mail: SignInMail
    browsers: Browsers
    links: Links
    slack_people: SlackPeople
    waiting: PersonalQueue
    working: WorkingRuns
    destinations: Destinations
    vault: Vault
    demo_marks: DemoMarks


def build_services(
    engine: Engine,
    clock: Clock | None = None,
    secret_key: str = "",
    demo: bool = False,
    assess: Assessor = assess_proposal,
    files: FileRules | None = None,
    grace: timedelta = timedelta(0),
    ring: KeyRing | None = None,
) -> Services:
    """The use cases on `engine`.

    Args:
        clock: tests can pass their own. The default is the database's clock, which is not read here: callers that keep
            the services for longer than a test enter `DatabaseClock.followed`, or read it once.
        secret_key: of the portal.
        demo: the portal runs as a demo: links in outbox messages work.
        assess: assesses proposals. The web process passes `app.risk.apart.assess_apart`.
        files: limits and places of uploaded files; default: those without settings.
        grace: how long a decision that settles a request can be taken back.
        ring: encrypts files and secrets; default: with a key of `secret_key`. Without any key, nothing of the kind can
            be stored.
    """
    sessions, clock = make_sessions(engine), clock or DatabaseClock(engine)
    return services_over(sessions, clock, assess, secret_key, demo, files, grace, ring)


def services_over(
    sessions: Sessions,
    clock: Clock,
    assess: Assessor = assess_proposal,
    secret_key: str = "",
    demo: bool = False,
    files: FileRules | None = None,
    grace: timedelta = timedelta(0),
    ring: KeyRing | None = None,
) -> Services:
    """The use cases on sessions of any kind."""
    policies = Policies(sessions, clock, assess)
    ring = ring or KeyRing(secret_key)
    vault = Vault(ring)
    uploads = Files(sessions, clock, files, ring)
    checkpoints = CheckpointManager(sessions, clock, assess, policy_of=policies.version, files=uploads, grace=grace)
    return Services(
        engine=sessions.engine,
        sessions=sessions,
        clock=clock,
        checkpoints=checkpoints,
        runs=Runs(sessions, clock, uploads),
        run_exports=RunExports(sessions, clock),
        files=uploads,
        saved_files=SavedFiles(uploads, sessions, clock),
        erasure=Erasure(sessions, clock, uploads),
        retention=Retention(sessions, clock),
        operations=Operations(sessions),
        file_access=FileAccess(sessions, clock, uploads),
        people=People(sessions, clock),
        sign_ins=SignIns(sessions, clock),
        tokens=Tokens(sessions, clock),
        once=IdempotencyKeys(sessions, clock),
        rates=RateLimits(sessions),
        refusals=Refusals(sessions, clock),
        saved_views=SavedViews(sessions, clock),
        prepared_reasons=PreparedReasons(sessions, clock),
        policies=policies,
        queue=Queue(sessions, clock),
        decided=DecidedRequests(sessions, clock),
        similar=SimilarRequests(sessions, clock),
        bulk=BulkDecisions(sessions, checkpoints),
        views=Views(sessions, clock),
        records=Records(sessions, clock),
        absences=Absences(sessions, clock),
        confirmations=Confirmations(sessions, clock),
        grants=Grants(sessions, clock),
        lessons=Lessons(sessions, clock),
        learning=Learning(sessions, clock),
        recalling=Recalling(sessions),
        samples=Samples(sessions, clock),
        insights=InsightsBook(sessions, clock),
        numbers=Numbers(sessions),
        tools=Tools(sessions),
        model_calls=ModelCalls(sessions, clock),
        routed_texts=RoutedTexts(sessions, clock),
        model_figures=ModelFigureBook(sessions),
        deliveries=Deliveries(sessions, clock, demo),
        preferences=NotificationPreferences(sessions, clock),
        sign_in_mail=SignInMail(sessions, clock),
        browsers=Browsers(sessions, clock, vault),
        links=Links(sessions, clock, demo),
        slack_people=SlackPeople(sessions, clock),
        waiting=PersonalQueue(sessions, clock),
        working=WorkingRuns(sessions),
        destinations=Destinations(sessions, clock, vault),
        vault=vault,
        demo_marks=DemoMarks(sessions),
    )
