"""What a sender reaches from this machine: real sockets, threads, redirects, proxies, files, and programs."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests
from apprise.manager_plugins import NotificationManager
from apprise.plugins.base import NotifyBase

from app.domain.notices import Notice, NoticeKind, Receiver
from app.notify.apprise.sender import AppriseSender, place_at
from app.notify.reach import ForbiddenActError, ForbiddenAddressError, guarded, is_guarded
from app.notify.slack.client import SlackApi
from tests.hookserver import HookServer
from tests.slackserver import TOKEN, SlackServer

ROOT = Path(__file__).parents[2]
LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """A server of this machine, which nobody may reach."""
    server = HookServer()
    server.start()
    yield server
    server.stop()


def outcome_of(act: Callable[[], object]) -> str:
    """The name of what the act raises; empty: nothing."""
    try:
        act()
    except Exception as error:
        return type(error).__name__
    return ""


def in_a_thread(act: Callable[[], object]) -> str:
    """The same in a thread of its own."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(outcome_of(act)))
    thread.start()
    thread.join()
    return found[0]


def in_a_thread_of_a_thread(act: Callable[[], object]) -> str:
    """The same, started by a thread that the act's thread starts."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(in_a_thread(act)))
    thread.start()
    thread.join()
    return found[0]


def in_a_pool(act: Callable[[], object]) -> str:
    """The same in a pool's thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(outcome_of, act).result()


def with_a_timer(act: Callable[[], object]) -> str:
    """The same, later."""
    found: list[str] = []
    timer = threading.Timer(0, lambda: found.append(outcome_of(act)))
    timer.start()
    timer.join()
    return found[0]


@pytest.mark.parametrize("how", [outcome_of, in_a_thread, in_a_thread_of_a_thread, in_a_pool, with_a_timer])
def test_whatever_thread_connects_is_guarded(hooks: HookServer, how: Callable[[Callable[[], object]], str]) -> None:
    def connect() -> None:
        socket.create_connection(("127.0.0.1", hooks.port), timeout=5).close()

    with guarded(()):
        assert how(connect) == "ForbiddenAddressError"
    with guarded(LOOPBACK):
        assert how(connect) == ""
    assert how(connect) == "", "nothing is guarded any more"


def test_a_thread_stays_guarded_when_its_starter_is_done(hooks: HookServer) -> None:
    go, found = threading.Event(), []

    def later() -> None:
        go.wait(30)
        found.append(outcome_of(lambda: socket.create_connection(("127.0.0.1", hooks.port), timeout=5).close()))

    with guarded(()):
        thread = threading.Thread(target=later)
        thread.start()
    assert not is_guarded()
    go.set()
    thread.join()
    assert found == ["ForbiddenAddressError"]


def test_a_guard_within_a_guard_ends_with_the_outer_one_in_force(hooks: HookServer) -> None:
    with guarded(()):
        with guarded(LOOPBACK):
            pass
        with pytest.raises(ForbiddenAddressError):
            socket.create_connection(("127.0.0.1", hooks.port), timeout=5)


def test_threads_without_an_object_and_programs_are_not_started() -> None:
    import _thread

    with guarded(()):
        with pytest.raises(ForbiddenActError):
            _thread.start_new_thread(lambda: None, ())
        with pytest.raises(ForbiddenActError):
            subprocess.run([sys.executable, "-c", ""], check=False)


def test_files_are_not_read_but_those_of_libraries(tmp_path: Path) -> None:
    secret = tmp_path / "secret_key"
    secret.write_text("of no value")
    link = tmp_path / "link"
    link.symlink_to(secret)
    with guarded(()):
        around = Path(requests.__file__).parent / "../../../../../README.md"
        for path in (secret, link, Path("/etc/passwd"), around):
            with pytest.raises(ForbiddenActError):
                path.read_text()
        assert Path(requests.certs.where()).read_bytes()
    assert secret.read_text() == "of no value"


def test_a_redirect_to_this_machine_is_not_followed(hooks: HookServer) -> None:
    inner = HookServer()
    inner.start()
    try:
        hooks.always = (302, {"Location": f"http://[::ffff:127.0.0.2]:{inner.port}/"})
        with guarded((ip_network("127.0.0.1/32"),)), pytest.raises(requests.RequestException):
            requests.post(f"http://127.0.0.1:{hooks.port}/", timeout=5)
        assert len(hooks.calls) == 1 and not inner.calls
    finally:
        inner.stop()


def test_proxies_of_the_environment_carry_nothing_that_is_guarded(
    hooks: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_at("json://example.com")  # has the library loaded
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{hooks.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    target = "http://127.0.0.3:9/"
    with guarded(LOOPBACK), pytest.raises(requests.ConnectionError):
        requests.post(target, timeout=5)
    assert not hooks.calls
    requests.post(target, timeout=5)
    assert len(hooks.calls) == 1, "others in the process still use it"


def test_a_plugin_that_sends_in_a_thread_of_its_own_is_guarded(hooks: HookServer) -> None:
    class Threaded(NotifyBase):
        service_name = "Threaded"
        protocol = "threaded"
        templates = ("{schema}://",)

        def send(self, body: str, title: str = "", notify_type: object = None, **_more: object) -> bool:
            return in_a_thread(lambda: requests.post(f"http://127.0.0.1:{hooks.port}/", timeout=5)) == ""

        def url(self, privacy: bool = False, *_args: object, **_more: object) -> str:
            return "threaded://"

        @staticmethod
        def parse_url(url: str) -> dict[str, object] | None:
            return NotifyBase.parse_url(url, verify_host=False)

    manager = NotificationManager()
    if "threaded" not in manager:
        manager.add(Threaded, schemas="threaded")
    notice = Notice(
        id="1", kind=NoticeKind.TEST, to=Receiver("Somewhere", "threaded://", ZoneInfo("UTC")), at=datetime.now(UTC),
        headline="A test", settings_url="", page_url="https://assent.example/",
    )  # fmt: skip
    assert type(AppriseSender(()).send(notice)).__name__ == "Later" and not hooks.calls
    assert type(AppriseSender(LOOPBACK).send(notice)).__name__ == "Sent" and len(hooks.calls) == 1


def test_words_for_slack_go_to_slack_only(hooks: HookServer) -> None:
    server = SlackServer()
    server.start()
    try:
        api = SlackApi(TOKEN, server.url, 1)
        here = f"127.0.0.1:{hooks.port}"
        for url in (
            f"http://{here}/", f"http://hooks.slack.com@{here}/", f"http://hooks.slack.com:80@{here}/", "http://[", "",
            f"http://127.0.0.1:{server.port}@{here}/", "http://hooks.slack.com/x", "ftp://hooks.slack.com/x",
            "file:///etc/passwd", f"https://hooks.slack.com:{hooks.port}/x",
        ):  # fmt: skip
            api.reply(url, "Done.")
        assert not hooks.calls and not server.said
        api.reply(server.response_url, "Done.")
        assert [message["text"] for message in server.said] == ["Done."]
    finally:
        server.stop()


def test_the_web_process_knows_addresses_of_apprise() -> None:
    # It keeps Python from loading libraries that it does not use itself; plugins need them.
    code = "import wsgi; from app.notify.apprise.sender import place_at; print(place_at('json://example.com/x'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("json://example.com/x")
