"""Clients that open connections and do nothing with them: everybody else is still served."""

from __future__ import annotations

import errno
import http.client
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from ipaddress import ip_network

import pytest
import requests

from app.connections import ConnectionLimits, Connections, Phase
from app.services.bundle import build_services
from app.store.engine import make_engine
from app.store.people import Person
from tests.factories import make_person
from tests.webprocess import SOON, Web

pytestmark = pytest.mark.processes
MODES = ["eventlet", "threading"]
SHORT = {"ASSENT_REQUEST_TIMEOUT_SECONDS": "2"}
MANY = 1200


@pytest.fixture(scope="module", autouse=True)
def files() -> Iterator[None]:
    """Room for many sockets on the clients' side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def person(module_database_url: str) -> Person:
    """Somebody who looks at pages meanwhile."""
    engine = make_engine(module_database_url)
    try:
        return make_person(build_services(engine).sessions, "Reviewer on call")
    finally:
        engine.dispose()


@contextmanager
def running(database_url: str, mode: str, **environ: str) -> Iterator[Web]:
    """A web process."""
    server = Web(database_url, mode, environ=environ)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", params=MODES)
def web(request: pytest.FixtureRequest, module_database_url: str) -> Iterator[Web]:
    """A web process that is impatient."""
    with running(module_database_url, request.param, **SHORT) as server:
        yield server


def connect(web: Web, sent: bytes = b"") -> socket.socket:
    """A connection on which so much was sent."""
    client = socket.create_connection(("127.0.0.1", web.port), timeout=SOON)
    client.sendall(sent)
    return client


def end_of(client: socket.socket) -> bytes:
    """What comes until the server closes the connection; fails if it does not."""
    client.settimeout(SOON)
    seen = b""
    try:
        while piece := client.recv(65536):
            seen += piece
    except ConnectionResetError:
        pass
    return seen


@contextmanager
def held(web: Web, count: int) -> Iterator[list[socket.socket]]:
    """So many connections on which nothing is ever sent."""
    clients: list[socket.socket] = []
    try:
        for _ in range(count):
            clients.append(connect(web))
        yield clients
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(("mode", "per_address"), [("eventlet", "256"), ("eventlet", "5000"), ("threading", "256")])
def test_pages_answer_beside_1200_idle_connections(
    module_database_url: str, person: Person, mode: str, per_address: str
) -> None:
    environ = {"ASSENT_CONNECTIONS_PER_ADDRESS": per_address, "ASSENT_REQUEST_TIMEOUT_SECONDS": "300"}
    with running(module_database_url, mode, **environ) as web, web.socket(person) as live, held(web, MANY):
        session = web.session(person)
        assert requests.get(f"{web.url}/healthz", timeout=SOON).ok
        assert session.get(f"{web.url}/queue", timeout=SOON).ok
        with web.socket(person):
            assert live.ask("catch_up", {"after": 0})["ok"], "the first client is still there"


@pytest.mark.parametrize("mode", MODES)
def test_few_descriptors_are_room_for_fewer_connections(module_database_url: str, person: Person, mode: str) -> None:
    server = Web(module_database_url, mode, environ={"ASSENT_CONNECTIONS_PER_ADDRESS": "5000"}, files=400)
    server.start()
    try:
        with held(server, 600):
            assert server.session(person).get(f"{server.url}/queue", timeout=SOON).ok
    finally:
        server.stop()


@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_reads_no_answer_leaves_room_for_others(module_database_url: str, mode: str) -> None:
    environ = {"ASSENT_MAX_CONNECTIONS": "200", "ASSENT_CONNECTIONS_PER_ADDRESS": "20"}
    with running(module_database_url, mode, **environ) as web, ExitStack() as clients:
        for _ in range(220):
            client = clients.enter_context(closing(socket.socket()))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            # As over a network, and not by the loopback interface's large segments, little is sent ahead.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            client.settimeout(SOON)
            client.connect(("127.0.0.1", web.port))
            with suppress(ConnectionError):  # refused already
                client.sendall(b"GET /static/dist/app.css HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        other = http.client.HTTPConnection("127.0.0.1", web.port, timeout=SOON, source_address=("127.0.0.2", 0))
        with closing(other):
            other.request("GET", "/healthz")
            assert other.getresponse().status == 200


NEVER_REQUESTS = {
    "nothing": b"",
    "half a line": b"GET",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "a long line": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 8000,
}
DRIPPING = {
    "head": b"GET /healthz HTTP/1.1\r\nX-Slow: ",
    "body": b"POST /slack/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
    "body that nobody reads": b"POST /sign-in/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
}
WEBSOCKET = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def is_cut_off_while_dripping(web: Web, opening: bytes) -> bool:
    """True once the server closes a connection on which one byte comes after another."""
    with closing(connect(web, opening)) as client:
        client.settimeout(0.2)
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            try:
                client.sendall(b"x")
                if not client.recv(65536):
                    return True
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                return True
    return False


def test_a_client_that_keeps_us_waiting_is_cut_off(web: Web) -> None:
    with ThreadPoolExecutor(20) as pool, ExitStack() as stack:
        silent = {
            name: pool.submit(end_of, stack.enter_context(closing(connect(web, sent))))
            for name, sent in (NEVER_REQUESTS | {"a WebSocket on which nobody signs in": WEBSOCKET}).items()
        }
        dripping = {name: pool.submit(is_cut_off_while_dripping, web, opening) for name, opening in DRIPPING.items()}
        for name, ended in silent.items():
            assert b" 200 " not in ended.result(), name
        assert b"101 Switching Protocols" in silent["a WebSocket on which nobody signs in"].result()
        assert all(cut_off.result() for cut_off in dripping.values()), dripping


def test_what_takes_long_for_a_reason_is_served(web: Web, person: Person) -> None:
    session = web.session(person)
    proposal = {"proposal": {"kind": "custom", "title": "Slow", "data": {}}}
    opened = session.post(f"{web.url}/api/v1/approvals", json=proposal, timeout=SOON)
    outcome = f"{web.url}/api/v1/approvals/{opened.json()['id']}/outcome?wait=5"
    body = b'{"proposal": {"kind": "custom", "title": "Large", "data": {"text": "' + b"x" * 300_000 + b'"}}}'

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(body), 60_000):
            yield body[start : start + 60_000]
            time.sleep(0.7)  # longer than a head may take, in all

    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cookie": cookies}
    headers["X-CSRFToken"] = str(session.headers["X-CSRFToken"])

    def upload() -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=SOON)) as sender:
            sender.request("POST", "/api/v1/approvals", slowly(), headers)
            return sender.getresponse().status

    with (
        ThreadPoolExecutor(2) as pool,
        web.socket(person, transports=("websocket",)) as first,
        web.socket(person, transports=("polling", "websocket")) as second,
    ):
        began = time.monotonic()
        uploaded = pool.submit(upload)
        assert session.get(outcome, timeout=SOON).status_code in (200, 202)
        assert time.monotonic() - began > 4, "a long poll is no idle connection"
        assert uploaded.result() == 201, "an upload that makes progress is no slow body"
        for client in (first, second):
            assert not client.gone.is_set() and client.ask("catch_up", {"after": 0})["ok"]


def test_a_browser_may_come_back_after_a_pause(module_database_url: str) -> None:
    with running(module_database_url, "eventlet", **SHORT) as web, closing(connect(web)) as client:
        for _ in range(2):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(3.5)  # longer than a head may take


def test_without_descriptors_accepting_waits_and_closes_the_longest_waiting() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    connections = Connections(ConnectionLimits(total=1000, per_address=1000))
    idle, beside = socket.socketpair()
    waiting = connections.open(idle, ("192.0.2.1", 1))
    assert waiting is not None

    def handle() -> None:
        idle.recv(1)
        idle.close()
        connections.close(waiting)

    client = socket.create_connection(listener.getsockname())
    threading.Thread(target=handle, daemon=True).start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1024), hard))
        try:
            while True:
                used.append(os.dup(0))
        except OSError as error:
            assert error.errno == errno.EMFILE
        accepted, _ = connections.accept(listener)
        accepted.close()
        assert beside.recv(1) == b"", "the idle one had to go"
    finally:
        for number in used:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for connection in (listener, client, beside):
            connection.close()


def pair(connections: Connections, address: str) -> tuple[socket.socket, object]:
    """A connection from that address, as its client sees it, and as we do."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(SOON)
    pair.kept.append(ours)  # type: ignore[attr-defined]
    return theirs, connections.open(ours, (address, 1))


pair.kept = []  # type: ignore[attr-defined]


def test_one_address_closes_its_own_and_a_proxy_closes_none() -> None:
    connections = Connections(ConnectionLimits(total=100, per_address=2, exempt=(ip_network("10.0.0.0/8"),)))
    other, _ = pair(connections, "192.0.2.9")
    first, *_rest = [pair(connections, "192.0.2.1")[0] for _ in range(3)]
    assert first.recv(1) == b"" and connections.count(Phase.HEAD) == 3
    [pair(connections, "10.0.0.1") for _ in range(20)]
    network = [pair(connections, f"2001:db8::{number}")[0] for number in range(1, 4)]
    assert network[0].recv(1) == b"", "addresses of one IPv6 network are one client's"
    other.settimeout(0)
    with pytest.raises(BlockingIOError):
        other.recv(1)


def test_when_all_are_in_use_a_new_one_is_told_so_and_waiting_ones_make_room() -> None:
    connections = Connections(ConnectionLimits(total=2, per_address=2))
    client, _first = pair(connections, "192.0.2.1")
    _, second = pair(connections, "192.0.2.2")
    second.serve(0)  # type: ignore[attr-defined]
    _, third = pair(connections, "192.0.2.3")
    assert client.recv(1) == b"" and third is not None
    third.serve(0)  # type: ignore[attr-defined]
    assert pair(connections, "192.0.2.4")[1] is None


def test_one_address_has_at_most_half_of_all_connections() -> None:
    connections = Connections(ConnectionLimits(total=8, per_address=2))
    for _ in range(4):
        pair(connections, "192.0.2.1")[1].serve(0)  # type: ignore[attr-defined]
    assert pair(connections, "192.0.2.1")[1] is None
    _, other = pair(connections, "192.0.2.2")
    assert other is not None
