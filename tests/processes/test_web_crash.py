"""`kill -9` of the web process during a decision: it is wholly there or not at all, and a retry is told so."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from app.domain.people import SYSTEM
from tests.factories import csrf_token, make_sign_in, session_cookie
from tests.processes.crew import Crew, until
from tests.processes.harness import SECRET_KEY

pytestmark = pytest.mark.processes
EDITOR_COUNTS = "version: 1\ndefault: {deadline: 24 hours, edited: editor_counts}\n"
"""One decision, with a change, settles a request: what is tested is that it is there as a whole."""


@pytest.fixture(scope="module")
def crew(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """A worker and a web process."""
    crew = Crew(module_database_url, tmp_path_factory.mktemp("crew"))
    crew.services.policies.load(SYSTEM, EDITOR_COUNTS, "test")
    crew.desk.web()
    yield crew
    crew.close()


def client(crew: Crew) -> requests.Session:
    """The reviewer's, signed in."""
    session, csrf = requests.Session(), secrets.token_hex(20)
    token = make_sign_in(crew.services.sessions, crew.reviewer_person)
    session.cookies.set("assent_session", session_cookie(SECRET_KEY, token, csrf))
    session.headers["X-CSRFToken"] = csrf_token(SECRET_KEY, csrf)
    return session


class Post:
    """A decision on its way; `answer` is what came back, None while nothing has and when nothing will."""

    def __init__(self, crew: Crew, request_id: str, digest: str) -> None:
        self.answer: requests.Response | None = None
        self._url = f"{crew.desk.url}/api/v1/approvals/{request_id}/decisions"
        self._body = {"verdict": "modify", "digest": digest, "comment": "So it is.",
                      "change": {"items": [{"id": "a"}, {"id": "c", "statement": "create index c2"}]}}  # fmt: skip
        self._client = client(crew)
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        try:
            self.answer = self._client.post(self._url, json=self._body, timeout=20)
        except requests.RequestException:
            self.answer = None

    def wait(self) -> requests.Response | None:
        self._thread.join(30)
        return self.answer


def stored(crew: Crew, request_id: str) -> dict[str, int]:
    """What there is of a decision; each of these commits with the others."""
    queries = {
        "decisions": "from decisions where request_id = %s",
        "outcomes": "from outcomes where request_id = %s",
        "record": "from audit_entries where request_id = %s and action in ('request.decided', 'request.resolved')",
        "final": "from approval_requests where id = %s and state <> 'pending'",
    }
    return {name: crew.sql(f"select count(*) {query}", request_id)[0][0] for name, query in queries.items()}


NOTHING = {"decisions": 0, "outcomes": 0, "record": 0, "final": 0}
ALL_OF_IT = {"decisions": 1, "outcomes": 1, "record": 2, "final": 1}


@pytest.mark.parametrize("written", [False, True], ids=["before the commit", "after the commit"])
def test_killed_in_the_middle_of_a_decision(crew: Crew, written: bool) -> None:
    web = crew.desk.processes[1]
    run = crew.start()
    request = crew.pending(run)
    with crew.locked("select 1 from approval_requests where id = %s for update", request.id):
        post = Post(crew, request.id, request.digest)
        blocked = crew.blocked("approval_requests")
        web.kill()
        if not written:
            crew.terminate(blocked)
    assert post.wait() is None, "the person who decided has heard nothing"
    if written:
        until(lambda: stored(crew, request.id) == ALL_OF_IT, what="the server ends what the dead one began")
    assert stored(crew, request.id) == (ALL_OF_IT if written else NOTHING)
    web.start()
    again = Post(crew, request.id, request.digest).wait()
    assert again is not None
    if written:
        assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    else:
        assert again.status_code == 201
    crew.whole(run)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment_of_a_decision(crew: Crew, seed: int) -> None:
    web = crew.desk.processes[1]
    run = crew.start()
    request = crew.pending(run)
    post = Post(crew, request.id, request.digest)
    time.sleep(random.Random(seed).uniform(0, 0.06))  # the very thing under test is a moment nobody chose
    web.kill()
    heard = post.wait()
    until(lambda: stored(crew, request.id) in (NOTHING, ALL_OF_IT), what="wholly there or not at all")
    if heard is not None and heard.status_code == 201:
        assert stored(crew, request.id) == ALL_OF_IT, "what was confirmed is kept"
    web.start()
    again = Post(crew, request.id, request.digest).wait()
    assert again is not None and again.status_code in (201, 409)
    crew.whole(run)
