"""Uploads to real web processes: after a cut connection or `kill -9` in the middle of a part, another goes on."""

from __future__ import annotations

import hashlib
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from app.domain.people import Role
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from app.store.people import Person
from tests.factories import csrf_token, make_person, make_sign_in, session_cookie
from tests.processes.harness import SECRET_KEY, Desk, Managed

pytestmark = pytest.mark.processes
CONTENT = hashlib.sha256(b"orders").digest() * 100_000
PART = 512 * 1024


class Uploader:
    """A person's program, and the web process that it talks to."""

    def __init__(self, desk: Desk, web: Managed, services: Services, person: Person) -> None:
        self.web, self._url = web, f"{desk.url}/api/v1/files"
        csrf, token = secrets.token_hex(20), make_sign_in(services.sessions, person)
        self.cookie = f"assent_session={session_cookie(SECRET_KEY, token, csrf)}"
        self.csrf = csrf_token(SECRET_KEY, csrf)
        self._host, self._port = str(urlsplit(desk.url).hostname), int(urlsplit(desk.url).port or 80)
        self.id = str(self.call("POST", "", json={"name": "orders.csv", "size": len(CONTENT)})["id"])

    def call(self, method: str, below: str, status: int = 0, **options: object) -> dict[str, object]:
        headers = {"Cookie": self.cookie, "X-CSRFToken": self.csrf} | dict(options.pop("headers", {}))  # type: ignore[call-overload]
        answer = requests.request(method, self._url + below, headers=headers, timeout=60, **options)  # type: ignore[arg-type]
        assert answer.status_code == (status or answer.status_code) and answer.status_code < 500, answer.text
        return dict(answer.json())

    def received(self) -> int:
        return int(str(self.call("GET", f"/{self.id}")["received"]))

    def put(self, start: int) -> None:
        """Send a part. It comes too late if an earlier one that was cut off is stored just now."""
        headers = {"Content-Type": "application/octet-stream"}
        self.call("PUT", f"/{self.id}/content?offset={start}", data=CONTENT[start : start + PART], headers=headers)

    def begin_part(self, start: int, send: int) -> socket.socket:
        """A part, only so many bytes of it."""
        part = CONTENT[start : start + PART]
        head = (
            f"PUT /api/v1/files/{self.id}/content?offset={start} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Cookie: {self.cookie}\r\nX-CSRFToken: {self.csrf}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {len(part)}\r\n\r\n"
        )
        connection = socket.create_connection((self._host, self._port), timeout=30)
        connection.sendall(head.encode() + part[:send])
        return connection

    def finish(self) -> None:
        """Send the rest from where the portal has it, and complete."""
        while (start := self.received()) < len(CONTENT):
            self.put(start)
        done = self.call("POST", f"/{self.id}/complete", 200, json={"sha256": hashlib.sha256(CONTENT).hexdigest()})
        assert done["state"] == "complete"


@pytest.fixture(params=["database", "folder"])
def uploader(request: pytest.FixtureRequest, module_database_url: str, tmp_path: Path) -> Iterator[Uploader]:
    folder = tmp_path / "files"
    folder.mkdir()
    settings = {"ASSENT_FILES_DIR": str(folder)} if request.param == "folder" else {}
    services = build_services(make_engine(module_database_url, application_name="assent tests"), secret_key=SECRET_KEY)
    person = make_person(services.sessions, "Uploader", [Role.REVIEWER])
    with Desk(module_database_url, tmp_path / "data", **settings) as desk:
        yield Uploader(desk, desk.web(), services, person)
    services.engine.dispose()


def test_a_part_that_was_cut_off_is_sent_again(uploader: Uploader) -> None:
    uploader.put(0)
    most = uploader.received()
    for sent in (1, 40_000, PART - 1):
        before, most = uploader.received(), most + sent
        uploader.begin_part(before, sent).close()
        # What has arrived of it may be kept, now or in a moment, and is then counted.
        assert before <= uploader.received() <= most
    uploader.finish()


def test_another_process_goes_on_after_a_kill(uploader: Uploader) -> None:
    uploader.put(0)
    with uploader.begin_part(PART, 100_000):
        uploader.web.kill()
    uploader.web.start()
    assert uploader.received() == PART
    # And while whole parts are on their way.
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            try:
                uploader.put(uploader.received())
            except (requests.RequestException, AssertionError):
                return

    other = threading.Thread(target=send)
    other.start()
    while uploader.received() < 3 * PART:
        pass
    uploader.web.kill()
    ended.set()
    other.join(60)
    uploader.web.start()
    assert uploader.received() % PART == 0
    uploader.finish()
