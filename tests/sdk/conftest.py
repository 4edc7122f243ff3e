"""A real web process, an agent's token for it, and somebody who decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from assent import Assent
from tests.factories import make_person, make_token
from tests.sdk.toolplace import Place
from tests.webprocess import SOON, Web


class Holder:
    """What `make_token` needs of an application: its use cases."""

    def __init__(self, services: Services) -> None:
        self.extensions = {"assent": services}


@dataclass
class Portal:
    """The web process as an agent sees it, and as a reviewer does."""

    web: Web
    token: str
    reviewer: requests.Session
    second: requests.Session

    def pending(self) -> list[dict[str, Any]]:
        """What waits for people."""
        return list(self.reviewer.get(f"{self.web.url}/api/v1/approvals").json()["items"])

    def asked(self, title: str) -> dict[str, Any]:
        """The pending request of that title, once it is there."""
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            for request in self.pending():
                if request["title"] == title:
                    return self.request(request["id"])
            time.sleep(0.02)
        raise AssertionError(f"nobody asked {title!r}")

    def request(self, request_id: str) -> dict[str, Any]:
        """A request as the API shows it."""
        return dict(self.reviewer.get(f"{self.web.url}/api/v1/approvals/{request_id}").json())

    def reported(self, request_id: str, status: str) -> None:
        """Wait until that was reported of a request."""
        deadline = time.monotonic() + SOON
        while (self.request(request_id)["receipt"] or {}).get("status") != status:
            assert time.monotonic() < deadline, f"{status} was not reported"
            time.sleep(0.02)

    def decide(self, request_id: str, verdict: str = "approve", **more: Any) -> None:
        """Have a reviewer decide. Where a change, or a critical request, needs a second person, that one agrees."""
        body = {"verdict": verdict, "digest": self.request(request_id)["digest"], "comment": "So be it."} | more
        place = f"{self.web.url}/api/v1/approvals/{request_id}/decisions"
        answer = self.reviewer.post(place, json=body)
        assert answer.status_code == 201, answer.text
        now = self.request(request_id)
        if verdict in ("approve", "modify") and now["state"] == "pending":
            answer = self.second.post(place, json={"verdict": "approve", "digest": now["digest"]})
            assert answer.status_code == 201 and answer.json()["resolved"], answer.text


@pytest.fixture(scope="module")
def services(module_database_url: str) -> Iterator[Services]:
    """The use cases in this process, which to the web process is another one."""
    engine = make_engine(module_database_url)
    yield build_services(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def portal(module_database_url: str, services: Services) -> Iterator[Portal]:
    """A web process that runs."""
    web = Web(module_database_url)
    owner = make_person(services.sessions, "Release engineer", [Role.REVIEWER])
    reviewer = make_person(services.sessions, "DBA on call", [Role.REVIEWER])
    web.start()
    token = make_token(Holder(services), owner, TokenKind.AGENT, AGENT_SCOPES, name="Deploy agent")  # type: ignore[arg-type]
    second = make_person(services.sessions, "SRE", [Role.REVIEWER])
    yield Portal(web, token, web.session(reviewer), web.session(second))
    web.stop()


class Running:
    """A call that is made beside the test."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def get(self, seconds: float = 60.0) -> Any:
        """Its result, or what it raised."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the call did not end"
        if self.error is not None:
            raise self.error
        return self.result

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error


@pytest.fixture
def beside() -> Callable[[Callable[[], Any]], Running]:
    """Makes a call beside the test."""
    return Running


@pytest.fixture
def client(portal: Portal) -> Iterator[Assent]:
    """A client of the portal."""
    with Assent(portal.web.url, portal.token) as made:
        yield made


@pytest.fixture
def drivable(portal: Portal, client: Assent, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Makes a thread of a graph that can be driven."""
    from tests.sdk.driven import Driven

    return lambda flow, **more: Driven(portal, client, tmp_path_factory.mktemp("driven"), flow, **more)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Misbehaving MCP servers of this test."""
    found = Place(tmp_path)
    yield found
    for end in found.running:
        end()
