"""`assent serve`: everything starts, is replaced when it dies, stops in seconds, and leaves nothing behind.

Each start takes seconds of the processor, so those that need no special one share one, and each of the others ends by
another signal.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest

from app.embedded import find_running
from tests.processes.harness import ASSENT, Managed, assent, environment, free_port

pytestmark = pytest.mark.processes

OPEN = r"Open  http"
OF_ANOTHER_SERVER = {
    "PGHOST": "nowhere.invalid", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "nothing",
    "PGSERVICE": "unknown", "PGOPTIONS": "-c search_path=nowhere", "PGREQUIREAUTH": "scram-sha-256",
}  # fmt: skip
"""What somebody who works with another server may have in their environment. It must change nothing for ours."""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """The data of `serve`."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def serve(data_dir):
    """One running `assent serve` for the tests that leave it running."""
    process = make(data_dir, free_port(), **OF_ANOTHER_SERVER).start()
    yield process
    stops_in_seconds(process, signal.SIGTERM)


@pytest.fixture
def own_serve(tmp_path):
    """An `assent serve` that the test starts, with settings of its choice; ended if the test leaves it running."""
    process = make(tmp_path, free_port())
    yield process
    if process.running:
        process.stop()


def in_a_demo(process: Managed) -> set[str]:
    """What the web process and the worker were told about being a demo."""
    children = family(process)
    return {children[name].environ()["ASSENT_DEMO"] for name in ("web", "worker")}


def make(data_dir, port: int, **settings: str) -> Managed:
    env = environment(ASSENT_DATA_DIR=str(data_dir), ASSENT_PORT=str(port), ASSENT_DEMO="true", **settings)
    return Managed("serve", [*ASSENT, "serve"], env, OPEN)


def family(process: Managed) -> dict[str, psutil.Process]:
    """The supervisor's children by what they are."""
    children = {}
    for child in psutil.Process(process.pid).children():
        line = " ".join(child.cmdline())
        children["postgres" if "/bin/postgres" in line else "web" if "wsgi.py" in line else "worker"] = child
    return children


def gone(processes, seconds: float = 60.0) -> bool:
    _ended, alive = psutil.wait_procs(list(processes), timeout=seconds)
    return not [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def healthy(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        return answer.status == 200


def address(process: Managed) -> str:
    return process.wait_for_log(r"Open  (http\S+)")[1]


def stops_in_seconds(process: Managed, number: int) -> None:
    """Send a signal; everything has ended in seconds, the children included."""
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 3
    started = time.monotonic()
    process.process.send_signal(number)
    assert process.wait() == 0
    assert time.monotonic() - started < 10
    assert gone(children, 1)


def test_everything_starts(serve):
    assert healthy(address(serve))
    assert set(family(serve)) == {"postgres", "web", "worker"}
    assert in_a_demo(serve) == {"false"}, "whatever the environment says"


def test_nothing_is_left_when_the_supervisor_is_killed(own_serve, tmp_path):
    own_serve.start()
    children = family(own_serve)
    with psycopg.connect(find_running(tmp_path)) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    own_serve.kill()
    assert gone(children.values())

    own_serve.start()  # the same data and the same port, at once
    with psycopg.connect(find_running(tmp_path)) as connection:
        assert connection.execute("SELECT * FROM kept").fetchall() == []
    stops_in_seconds(own_serve, signal.SIGTERM)


def test_whatever_dies_is_started_again(serve, data_dir):
    before = family(serve)
    for name, back in (("web", "listening"), ("worker", r"worker\.ready")):
        mark = serve.printed
        before[name].kill()
        serve.wait_for_log(back, since=mark)
    mark = serve.printed
    before["postgres"].kill()
    serve.wait_for_log("embedded PostgreSQL server runs again")
    serve.wait_for_log(r"worker\.ready", since=mark)
    assert set(family(serve)) == set(before) and healthy(address(serve)) and find_running(data_dir)
    assert {process.pid for process in family(serve).values()}.isdisjoint(process.pid for process in before.values())


def test_a_second_one_on_the_same_data_says_so_in_one_line(serve, data_dir):
    done = assent("serve", ASSENT_DATA_DIR=str(data_dir), ASSENT_PORT=str(free_port()))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"assent: Assent is already running on {data_dir} (process {serve.pid})."]
    assert healthy(address(serve))


def test_commands_use_the_running_server(serve, data_dir):
    serve.wait_for_log("Nobody can sign in yet")
    new = ("user", "add", "a@example.com", "--name", "Admin", "--role", "admin")
    added = assent(*new, ASSENT_DATA_DIR=str(data_dir), **OF_ANOTHER_SERVER)
    assert added.returncode == 0, added.stderr
    assert "/sign-in/" in added.stdout
    assert find_running(data_dir) is not None


def test_without_a_running_server_commands_use_their_own_and_serve_goes_on_with_its_data(own_serve, tmp_path):
    done = assent("db", "upgrade", ASSENT_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert find_running(tmp_path) is None
    own_serve.start(ASSENT_WEB_PROCESSES="2")
    lines = [" ".join(child.cmdline()) for child in psutil.Process(own_serve.pid).children()]
    assert sum("wsgi.py" in line for line in lines) == 2, "several web processes share the port"
    assert healthy(address(own_serve))
    stops_in_seconds(own_serve, signal.SIGHUP)


def test_threads_serve_as_eventlet_does_and_a_proxy_for_the_way_out_is_not_asked(own_serve):
    nobody = f"http://127.0.0.1:{free_port()}"
    own_serve.start(ASSENT_ASYNC_MODE="threading", http_proxy=nobody, HTTP_PROXY=nobody, no_proxy="")
    assert healthy(address(own_serve))
    stops_in_seconds(own_serve, signal.SIGINT)


def test_a_start_goes_on_where_a_killed_initialisation_stopped(tmp_path):
    scratch = tmp_path / "postgres.new"
    scratch.mkdir()
    (scratch / "PG_VERSION").write_text("18\n")
    done = assent("db", "upgrade", ASSENT_DATA_DIR=str(tmp_path), **OF_ANOTHER_SERVER)
    assert done.returncode == 0, done.stderr
    assert not scratch.exists()


def test_a_stale_process_id_that_belongs_to_a_stranger_stops_no_start(tmp_path):
    assert assent("db", "upgrade", ASSENT_DATA_DIR=str(tmp_path)).returncode == 0
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}/postgres\n1\n5432\n\n\n")
    done = assent("db", "upgrade", ASSENT_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_long_path_has_its_socket_elsewhere_until_the_server_stops(tmp_path):
    deep = tmp_path / ("d" * 90) / ("e" * 40)
    # Not under `tmp_path`, which may be too long itself.
    with tempfile.TemporaryDirectory(prefix="t") as short:
        Path(short).chmod(0o777)
        done = assent("db", "upgrade", ASSENT_DATA_DIR=str(deep), TMPDIR=short)
        assert done.returncode == 0, done.stderr
        assert list(Path(short).iterdir()) == []


def test_a_data_directory_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("")
    done = assent("serve", ASSENT_DATA_DIR=str(tmp_path / "data"), ASSENT_PORT=str(free_port()))
    assert done.returncode == 1
    assert done.stderr.startswith("assent: ASSENT_DATA_DIR: ")
    assert len(done.stderr.splitlines()) == 1
