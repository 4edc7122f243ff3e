"""Behind a real nginx, set up as docs/operating.md says: clients' addresses, WebSockets, large bodies, and polling."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import select

from app.domain.events import EventKind
from app.domain.people import SYSTEM
from app.lifeline import die_with_parent_hook
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from app.store.people import SignIn
from tests.factories import add_event, make_person, make_run
from tests.missing import missing
from tests.webprocess import SOON, Web, free_port

pytestmark = pytest.mark.processes
DOCUMENT = Path(__file__).parents[2] / "docs" / "operating.md"
CLIENT = "127.0.0.2"
"""Where clients connect from; the proxy connects from 127.0.0.1."""
_AROUND = """\
daemon off; master_process off; error_log stderr warn; pid {folder}/pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {recipe}
}}
"""


class FromOtherAddress(HTTPAdapter):
    """Connects from another address of this machine."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
        return super().init_poolmanager(*arguments, **options, source_address=(CLIENT, 0))


def recipe(web: Web, port: int, websockets: bool = True) -> str:
    """What the document says, without TLS and on other ports; without WebSockets: as of a proxy that passes none on."""
    [text] = re.findall(r"(?s)```nginx\n(.*?)```", DOCUMENT.read_text())
    text = re.sub(r"(?m)^ *ssl_certificate.*\n", "", text)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{web.port}")
    assert f"listen 127.0.0.1:{port}" in text and f"proxy_pass http://127.0.0.1:{web.port};" in text
    if not websockets:
        text = re.sub(r"(?m)^ *proxy_set_header (Upgrade|Connection) .*\n|^map .*\n", "", text)
    return text


@pytest.fixture(scope="module")
def proxies() -> tuple[int, int]:
    """The ports of the proxy, and of one that passes no WebSockets on."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def services(module_database_url: str) -> Iterator[Services]:
    engine = make_engine(module_database_url)
    yield build_services(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def web(module_database_url: str, proxies: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process behind both."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("nginx is missing")
    settings = {
        "ASSENT_TRUSTED_PROXIES": "127.0.0.1", "ASSENT_BASE_URL": f"http://127.0.0.1:{proxies[0]}",
        "ASSENT_REFUSALS_PER_MINUTE": "0",
    }  # fmt: skip
    server = Web(module_database_url, environ=settings)
    server.start()
    folder = tmp_path_factory.mktemp("nginx")
    config = folder / "nginx.conf"
    both = recipe(server, proxies[0]) + recipe(server, proxies[1], websockets=False)
    config.write_text(_AROUND.format(folder=folder, recipe=both))
    nginx = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(config)], preexec_fn=die_with_parent_hook(15), stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + SOON
    while not _answers(proxies[1]):
        assert nginx.poll() is None, nginx.stderr and nginx.stderr.read()
        assert time.monotonic() < deadline
    yield server
    nginx.terminate()
    nginx.wait(SOON)
    server.stop()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
    except requests.ConnectionError:
        time.sleep(0.05)
        return False


def test_the_source_of_what_people_do_is_their_own_address(
    web: Web, services: Services, proxies: tuple[int, int]
) -> None:
    person = make_person(services.sessions, "DBA on call")
    url = f"http://127.0.0.1:{proxies[0]}"
    link = services.people.make_link(SYSTEM, person.id)
    client = requests.Session()
    client.mount("http://", FromOtherAddress())
    client.headers["X-Forwarded-For"] = "203.0.113.66"  # forged
    page = client.get(f"{url}/sign-in/{link}", timeout=SOON)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token, page.text[:500]
    client.post(f"{url}/sign-in/{link}", data={"csrf_token": token[1]}, headers={"Origin": url}, timeout=SOON)
    with services.sessions() as session:
        assert session.scalars(select(SignIn.source).where(SignIn.person_id == person.id)).all() == [CLIENT]


def test_bodies_pass_up_to_the_portals_own_limit(web: Web, services: Services, proxies: tuple[int, int]) -> None:
    client = web.session(make_person(services.sessions, "Release engineer"))
    url = f"http://127.0.0.1:{proxies[0]}/api/v1/approvals"
    for size, status in ((1_900_000, 422), (2_500_000, 413)):
        answer = client.post(url, data=b'{"x": "' + b"a" * size + b'"}', headers={"Content-Type": "application/json"},
                             timeout=SOON)  # fmt: skip
        # The answer is the portal's, not that of the proxy, which would be a page.
        assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize("way", [0, 1])
def test_pages_are_told_what_happens(web: Web, services: Services, proxies: tuple[int, int], way: int) -> None:
    """Over a WebSocket through the one proxy, and by polling through the one that passes none on."""
    viewer, run = make_person(services.sessions, f"Viewer {way}"), make_run(services.sessions)
    behind = Web(web.database_url, secret_key=web.secret_key, port=proxies[way])
    with behind.socket(viewer, origin=web_origin(proxies), transports=(("websocket",), ("polling",))[way]) as page:
        with services.sessions.begin() as session:
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id, label="through the proxy")
        assert page.next("workflow_update", label="through the proxy")


def web_origin(proxies: tuple[int, int]) -> str:
    """The address that people use: the base URL."""
    return f"http://127.0.0.1:{proxies[0]}"


@pytest.mark.browser
def test_a_page_without_websockets_falls_back_to_polling(
    web: Web, services: Services, proxies: tuple[int, int]
) -> None:
    path = os.environ.get("ASSENT_TEST_BROWSER")
    if not path:
        pytest.fail("no browser") if os.environ.get("CI") else pytest.skip("no browser")
    from playwright.sync_api import expect, sync_playwright

    from tests.acceptance.visitors import LAUNCH

    person = make_person(services.sessions, "Reviewer on call")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(LAUNCH))
        try:
            context = browser.new_context(base_url=f"http://127.0.0.1:{proxies[1]}")
            cookie = {"name": "assent_session", "value": web.cookie(person), "url": f"http://127.0.0.1:{proxies[1]}"}
            context.add_cookies([cookie])  # type: ignore[list-item]
            page = context.new_page()
            polls = re.compile(r"transport=polling.*sid=")
            with page.expect_request(polls, timeout=int(SOON * 1000)):
                page.goto("/runs")
            make_run(services.sessions, title="Told by polling")
            with services.sessions.begin() as session:
                add_event(session, EventKind.RUN_CHANGED)
            expect(page.get_by_text("Told by polling")).to_be_visible(timeout=int(SOON * 1000))
        finally:
            browser.close()
