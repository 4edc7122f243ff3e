"""Real web and worker processes on a real database, shared by the tests of a module, and real browsers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from playwright.sync_api import Browser, expect, sync_playwright

from app.domain.people import Actor, Role, Via
from app.domain.preferences import OpenNext, Preferences
from app.notify.push.keys import new_key
from app.services.bundle import Services, build_services
from app.services.reading.pages import RequestView
from app.store.engine import make_engine
from app.store.requests import ApprovalRequest
from tests.acceptance.visitors import LAUNCH, Visitor
from tests.database_server import Server
from tests.factories import csrf_token, make_person, make_sign_in, session_cookie
from tests.flows import ALL
from tests.missing import missing
from tests.processes.harness import SECRET_KEY, Desk, Managed
from tests.runtime import file_flows
from tests.waiting import until

CAST = {
    "dba": ("DBA on call", (Role.REVIEWER,), ("dba",)),
    "lead": ("Platform lead", (Role.REVIEWER, Role.ADMIN), ("platform",)),
    "release": ("Release engineer", (Role.REVIEWER,), ("platform",)),
    "auditor": ("Auditor", (Role.AUDITOR,), ()),
    "viewer": ("Viewer", (Role.VIEWER,), ()),
}
STAYING = Preferences(open_next=OpenNext.NEVER)
"""What everybody of the cast prefers: a request that was decided stays open, whatever else waits."""
HERE = Path(__file__).parent
expect.set_options(timeout=15_000)
"""What a page is to show is waited for this long, because other tests keep the machine busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser against real processes."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.processes)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the one that ASSENT_TEST_BROWSER names, which `bin/test` sets."""
    path = os.environ.get("ASSENT_TEST_BROWSER")
    if not path:
        missing("ASSENT_TEST_BROWSER names no browser")
    # Of this module only: while Playwright runs, its loop is this thread's, and asyncio.run() is refused.
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(LAUNCH))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def shop(postgres_server: Server, shop_template: str) -> Iterator[str]:
    """The address of a sample shop that only this module changes."""
    name = f"shop_acceptance_{os.getpid()}"
    address = postgres_server.create(name, shop_template)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    yield address
    postgres_server.drop(name)


class Portal:
    """What a module's tests share.

    Attributes:
        services: the use cases in this process, which is another one than the web process and the worker.
        people: the cast, by key.
    """

    def __init__(self, desk: Desk, web: Managed, worker: Managed, services: Services) -> None:
        self.desk = desk
        self.web = web
        self.worker = worker
        self.services = services
        self.people = {key: make_person(services.sessions, *who) for key, who in CAST.items()}
        for key in self.people:
            services.people.prefer(self.actor(key), STAYING)
        self._wait_for_workflows()

    def start(self, workflow: str, by: str = "release", title: str = "", **given: Any) -> str:
        """Start a run and return its id."""
        return self.services.runs.start(self.actor(by), workflow, given, title).id

    def actor(self, key: str, via: Via = Via.COMMAND_LINE) -> Actor:
        """Somebody of the cast, acting past the pages."""
        return self.people[key].as_actor(via)

    def pending(self, run_id: str) -> str:
        """The id of the request that the run waits for, once there is one."""
        view = self.until(lambda: self._pending(run_id))
        return str(view)

    def state(self, run_id: str) -> str:
        """The run's state."""
        return str(self.services.views.run(run_id, self.actor("lead")).run.state)

    def finish(self, run_id: str, state: str = "completed") -> None:
        """Wait until the run has ended that way."""
        self.until(lambda: self.state(run_id) == state)

    def decisions(self, request_id: str) -> list[Any]:
        """What was decided, oldest first."""
        return list(self.view(request_id).decisions)

    def view(self, request_id: str) -> RequestView:
        """Everything about a request."""
        return self.services.views.request(request_id, self.actor("lead"))

    def request(self, request_id: str) -> ApprovalRequest:
        """The request's own row."""
        return self.view(request_id).request

    def until(self, check: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Ask until the answer is true; for what no page or log tells."""
        try:
            return until(self.desk.database_url, check, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the worker says:\n{self.worker.logs[-3000:]}") from None

    def api(self, who: str) -> requests.Session:
        """A program with that person's session."""
        csrf, client = "acceptance", requests.Session()
        token = make_sign_in(self.services.sessions, self.people[who])
        client.cookies.set("assent_session", session_cookie(SECRET_KEY, token, csrf))
        client.headers["X-CSRFToken"] = csrf_token(SECRET_KEY, csrf)
        return client

    def _pending(self, run_id: str) -> str | None:
        found = self.services.views.run(run_id, self.actor("lead")).requests
        return next((request.id for request in found if request.state == "pending"), None)

    def _wait_for_workflows(self) -> None:
        self.until(lambda: len(self.services.runs.catalog()) > ALL.count(","))


@pytest.fixture(scope="module")
def portal(module_database_url: str, shop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A web process, a worker and a cast."""
    workflows = f"{ALL},{file_flows.ALL},workflows.database_maintenance:WORKFLOW,workflows.coordinator:WORKFLOW,"
    workflows += "workflows.package_deployment:WORKFLOW,workflows.asset_discovery:WORKFLOW"
    folder = tmp_path_factory.mktemp("data")
    engine = make_engine(module_database_url)
    settings = {"ASSENT_WORKFLOWS": workflows, "ASSENT_TARGET_SHOP": shop, "ASSENT_DEMO": "true"}
    settings |= {"ASSENT_PUSH_KEY": new_key(), "ASSENT_MAIL_FROM": "assent@example.org"}
    settings |= {"ASSENT_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with Desk(module_database_url, folder, **settings) as desk:
        web, worker = desk.web(wait=False), desk.worker(wait=False)
        web.wait_for_log(web.ready)
        worker.wait_for_log(worker.ready)
        yield Portal(desk, web, worker, build_services(engine, secret_key=SECRET_KEY))
    engine.dispose()


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, portal: Portal) -> Iterator[Visit]:
    """Opens browsers by key of the cast (none: not signed in); trouble on any page fails the test at its end."""
    made: list[Visitor] = []

    def open_one(who: str = "", **options: Any) -> Visitor:
        person = portal.people[who] if who else None
        token = make_sign_in(portal.services.sessions, person) if person else ""
        made.append(Visitor(browser, portal.desk.url, person, token, **options))
        return made[-1]

    yield open_one
    troubles: list[str] = []
    for visitor in made:
        with suppress(AssertionError):
            visitor.close()
        troubles += visitor.troubles
    assert not troubles, "\n".join(troubles)
