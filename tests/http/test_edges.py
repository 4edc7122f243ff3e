"""What every answer has, and how errors are told to people and to programs."""

from __future__ import annotations

import gzip
import json
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort, render_template_string
from sqlalchemy import text

from app.domain import errors as domain_errors
from app.domain.errors import AssentError
from app.domain.people import SYSTEM
from app.http.assets import Assets
from app.http.errors import STATUS, status_of
from app.http.identity import safe_next
from app.store.failures import WriteFailures
from app.store.people import Person
from tests.factories import Caller, make_person, make_request, make_run, session_cookie
from tests.http.conftest import MakeApp

ROOT = Path(__file__).parents[2]


def directives(header: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/runs", "/nothing-here", "/healthz", "/static/nothing"])
def test_every_answer_is_guarded(app: Flask, path: str) -> None:
    first, second = app.test_client().get(path), app.test_client().get(path)
    policy = directives(first.headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["connect-src"] == ["'self'"]
    assert policy["img-src"] == ["'self'", "data:"]
    for name in ("base-uri", "frame-ancestors"):
        assert policy[name] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    own, nonce = policy["script-src"]
    assert own == "'self'"
    assert re.fullmatch(r"'nonce-[\w-]{20,}'", nonce)
    assert policy["style-src"] == ["'self'", nonce]
    assert nonce not in second.headers["Content-Security-Policy"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Referrer-Policy"] == "same-origin"
    assert first.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in first.headers


def test_the_nonce_in_the_page_is_the_one_in_the_header(app: Flask) -> None:
    page = app.test_client().get("/sign-in")
    header = page.headers["Content-Security-Policy"]
    for nonce in re.findall(r'nonce="([^"]+)"', page.text):
        assert f"'nonce-{nonce}'" in header
    assert not re.search(r"<script(?![^>]*(nonce|src)=)", page.text)
    assert not re.search(r'\sstyle="', page.text)


def test_request_ids(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz", headers={"X-Request-ID": "from-the-proxy-1"}).headers["X-Request-ID"] == (
        "from-the-proxy-1"
    )
    for bad in ("short", "x" * 65, "with space!", "é" * 10):
        assert re.fullmatch(
            r"[0-9a-f]{24}", client.get("/healthz", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        )
    problem = client.get("/api/v1/runs")
    assert problem.json["request_id"] == problem.headers["X-Request-ID"]


def test_https(make_app: MakeApp, person: Person) -> None:
    app = make_app(base_url="https://desk.example.org")
    answer = app.test_client().get("/sign-in")
    assert answer.headers["Strict-Transport-Security"]
    with app.test_request_context():
        assert app.config["SESSION_COOKIE_SECURE"] is True


def test_the_session_cookie(app: Flask, person: Person) -> None:
    token = app.extensions["assent"].people.make_link(SYSTEM, person.id)
    client = app.test_client()
    page = client.get(f"/sign-in/{token}")
    field = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert field is not None
    refused = client.post(f"/sign-in/{token}")
    assert refused.status_code == 400
    done = client.post(f"/sign-in/{token}", data={"csrf_token": field[1]})
    assert done.status_code == 303
    cookie = done.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert client.get("/api/v1/runs").status_code == 200


def test_somebody_who_is_not_signed_in_is_sent_to_sign_in_and_back(app: Flask) -> None:
    answer = app.test_client().get("/runs?state=failed")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Fruns%3Fstate%3Dfailed"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/runs?a=b", "/runs?a=b"), ("", "/"), (None, "/"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ("https://evil.example", "/"), ("javascript:alert(1)", "/"), ("/ok\r\nX: y", "/"), ("/\t/evil.example", "/"),
        ("/a\\b", "/"),
    ],
)  # fmt: skip
def test_only_our_own_paths_are_gone_back_to(target: str | None, expected: str) -> None:
    assert safe_next(target) == expected


def test_every_error_has_a_status_and_a_code_of_its_own() -> None:
    kinds = [
        var for var in vars(domain_errors).values()
        if isinstance(var, type) and issubclass(var, AssentError) and var is not AssentError
    ]  # fmt: skip
    assert len(kinds) > 8
    assert len({kind.code for kind in kinds}) == len(kinds)
    # A refusal is the caller's to mend, except where the portal itself takes too long, has lost its folder of files, or
    # has no worker.
    own = (domain_errors.TookTooLongError, domain_errors.UnavailableFileError, domain_errors.NoWorkerError)
    for kind in kinds:
        assert 400 <= status_of(kind("x")) < 500 or kind in own, kind
    assert set(STATUS.values()) <= {400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 429, 503}


@pytest.fixture
def broken(make_app: MakeApp) -> Flask:
    """An application with addresses that fail."""
    app = make_app()

    def fail() -> None:
        raise RuntimeError("the password is hunter2hunter2")

    def teapot() -> None:
        abort(418)

    app.add_url_rule("/broken", "broken", fail)
    app.add_url_rule("/api/v1/broken", "api_broken", fail)
    app.add_url_rule("/api/v1/teapot", "teapot", teapot)
    return app


def test_an_unexpected_error_shows_nothing_and_is_logged(broken: Flask, caplog: pytest.LogCaptureFixture) -> None:
    page = broken.test_client().get("/broken")
    assert page.status_code == 500
    assert "hunter2" not in page.text and "Traceback" not in page.text
    assert page.headers["X-Request-ID"] in page.text
    document = broken.test_client().get("/api/v1/broken")
    assert (document.status_code, document.json["code"]) == (500, "internal")
    assert "hunter2" not in document.text
    logged = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (line,) = [entry for entry in logged if entry.get("request_id") == document.json["request_id"]]
    assert isinstance(line["exc_info"], RuntimeError)
    assert broken.test_client().get("/api/v1/teapot").json["status"] == 418


def test_a_database_that_is_away(make_app: MakeApp) -> None:
    app = make_app(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    caller = Caller(app, None)
    caller.client.set_cookie("assent_session", session_cookie(str(app.secret_key), "a token"))
    answer = caller.get("/api/v1/runs")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    page = caller.get("/runs")
    assert page.status_code == 503
    assert "127.0.0.1" not in page.text
    assert app.test_client().get("/healthz").status_code == 200
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["checks"]["database"]) == (503, "unreachable")


def test_ready_when_a_worker_was_seen_lately(app: Flask) -> None:
    sessions, client = app.extensions["assent"].sessions, app.test_client()
    alone = client.get("/readyz")
    assert (alone.status_code, alone.json["status"]) == (503, "unavailable")
    fine = {"database": "ok", "migrations": "ok", "writing": "ok"}
    assert alone.json["checks"] == fine | {"worker": "none seen recently"}
    with sessions.begin() as session:
        session.execute(text("insert into procrastinate_workers default values"))
    assert client.get("/readyz").json == {"status": "ok", "checks": fine | {"worker": "ok"}}
    with sessions.begin() as session:
        session.execute(text("update procrastinate_workers set last_heartbeat = now() - interval '61 seconds'"))
    assert client.get("/readyz").status_code == 503
    with sessions.begin() as session:
        session.execute(text("update procrastinate_workers set last_heartbeat = now()"))
        session.execute(text("update alembic_version set version_num = 'other'"))
    assert client.get("/readyz").json["checks"]["migrations"] != "ok"
    with sessions.begin() as session:
        session.execute(text("update alembic_version set version_num = '0001'"))


def test_a_page_refuses_a_large_body(app: Flask, person: Person) -> None:
    request = make_request(app.extensions["assent"].sessions)
    answer = Caller(app, person).post(
        f"/requests/{request.id}/comments",
        data=b"comment=" + b"x" * 2_000_001,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 413
    assert answer.mimetype == "text/html"


def test_a_page_takes_a_megabyte_in_a_form(app: Flask, person: Person) -> None:
    request = make_request(app.extensions["assent"].sessions)
    for media_type, body in (
        ("application/x-www-form-urlencoded", b"comment=" + b"x" * 1_000_000),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="comment"\r\n\r\n' + b"x" * 1_000_000 + b"\r\n--b--\r\n",
        ),
    ):
        answer = Caller(app, person).post(f"/requests/{request.id}/comments", data=body, content_type=media_type)
        assert answer.status_code in (413, 422)
        assert "larger than this server accepts" not in answer.text  # the form was read; the comment is refused


def test_assets_change_their_address_with_their_content(app: Flask, tmp_path: Path) -> None:
    assets = Assets(tmp_path)
    (tmp_path / "a.css").write_text("a {}")
    with app.test_request_context():
        first = assets.url("a.css")
        assert re.fullmatch(r"/static/a\.css\?v=[0-9a-f]{16}", first)
        assert assets.url("a.css") == first
        (tmp_path / "a.css").write_text("b {}")
        assert assets.url("a.css") != first
        assert assets.url("missing.css") == "/static/missing.css"


def test_assets_are_kept_only_under_their_hashed_address(app: Flask) -> None:
    name = next(path for path in (ROOT / "static").rglob("*.css")).relative_to(ROOT / "static").as_posix()
    client = app.test_client()
    assert client.get(f"/static/{name}").headers["Cache-Control"] == "no-cache"
    assert "immutable" in client.get(f"/static/{name}?v=123").headers["Cache-Control"]
    # A part of the scripts has the hash in its name. One of an earlier build is gone, and that is not remembered.
    part = next((ROOT / "static/dist/chunks").glob("*.js")).name
    assert "immutable" in client.get(f"/static/dist/chunks/{part}").headers["Cache-Control"]
    gone = client.get("/static/dist/chunks/editor-GONE.js")
    assert (gone.status_code, gone.headers["Cache-Control"]) == (404, "no-store")
    assert client.get("/static/../wsgi.py").status_code == 404
    assert client.get("/static/..%2fwsgi.py").status_code == 404
    with app.test_request_context():
        assert name in render_template_string("{{ asset(name) }}", name=name)


def test_assets_are_sent_compressed_to_browsers_that_take_them_so(app: Flask) -> None:
    client = app.test_client()
    plain = client.get("/static/dist/app.js")
    packed = client.get("/static/dist/app.js", headers={"Accept-Encoding": "gzip, deflate, br"})
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 2
    assert packed.mimetype == plain.mimetype == "text/javascript"
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding" or "Accept-Encoding" in answer.headers["Vary"]
    assert client.get("/static/../wsgi.py", headers={"Accept-Encoding": "gzip"}).status_code == 404


def test_the_web_process_never_loads_what_only_workers_need() -> None:
    """In a process of its own, which builds the application and answers a page: no agents, classifier, or senders."""
    program = """
import json, sys
from app.factory import create_app
from app.settings import Settings
address = "postgresql://nobody@127.0.0.1:1/x"
app = create_app(Settings(database_url=address, secret_key="k" * 40, async_mode="threading"))
app.test_client().get("/sign-in")
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    loaded = {name.split(".")[0] for name in modules}
    assert not loaded & {"langgraph", "langchain", "langchain_core", "langsmith", "workflows", "eventlet"}
    assert not loaded & {"numpy", "tokenizers", "httpcore", "smtplib"}
    assert not modules & {"assent.routing.router", "assent.routing.classifier", "assent.routing.words"}
    assert {"flask", "sqlalchemy", "app"} <= loaded  # the list is that of a process which did load the application


def test_a_read_only_database_can_be_read_and_says_so(
    make_app: MakeApp, make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.health.write_failures", failures := WriteFailures())
    monkeypatch.setattr("app.store.failures.write_failures", failures)
    address = make_database()
    name = address.split("?")[0].rpartition("/")[2]
    app = make_app(database_url=address)
    services = app.extensions["assent"]
    person = make_person(services.sessions, "Reviewer on call")
    request = make_request(services.sessions, make_run(services.sessions))
    caller = Caller(app, person)
    assert caller.get("/queue").status_code == 200
    with services.sessions.begin() as session:
        session.execute(text("insert into procrastinate_workers default values"))
        session.execute(text("update sign_ins set seen_at = seen_at - interval '1 hour'"))
        session.execute(text(f'alter database "{name}" set default_transaction_read_only = on'))
    services.engine.dispose()  # as after a failover, the connections are new
    assert caller.get(f"/requests/{request.id}").status_code == 200, "although its time of use cannot be noted"
    answer = caller.post(f"/api/v1/approvals/{request.id}/comments", {"comment": "Why?"})
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert "read-only" in answer.json["detail"] and answer.headers["Retry-After"]
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["checks"]["writing"]) == (503, "read-only")
    assert ready.json["checks"]["database"] == "ok"


def test_a_full_disk_is_noticed_and_remembered(
    make_app: MakeApp, make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What PostgreSQL raises then comes from triggers here: of the check's own small write, or of a larger one only."""
    monkeypatch.setattr("app.http.health.write_failures", failures := WriteFailures())
    monkeypatch.setattr("app.store.failures.write_failures", failures)
    app = make_app(database_url=make_database())
    services, client = app.extensions["assent"], app.test_client()
    caller = Caller(app, make_person(services.sessions, "Reviewer on call"))
    request = make_request(services.sessions, make_run(services.sessions))
    with services.sessions.begin() as session:
        session.execute(text(
            "create function full_disk() returns trigger language plpgsql as "
            "$$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$"
        ))  # fmt: skip
        session.execute(text("create trigger full_disk before update on write_checks execute function full_disk()"))
    assert client.get("/readyz").json["checks"]["writing"] == "disk full"
    with services.sessions.begin() as session:
        session.execute(text("drop trigger full_disk on write_checks"))
    assert client.get("/readyz").json["checks"]["writing"] == "ok"
    with services.sessions.begin() as session:
        session.execute(text("create trigger full_disk before insert on comments execute function full_disk()"))
    answer = caller.post(f"/api/v1/approvals/{request.id}/comments", {"comment": "Why?"})
    assert answer.status_code == 503 and "disk is full" in answer.json["detail"]
    assert client.get("/readyz").json["checks"]["writing"] == "disk full"


def test_a_process_with_too_much_to_do_says_so_at_once(make_app: MakeApp, at_once: Callable[..., list[Any]]) -> None:
    """Those that are accepted are answered; those that wait for a decision, or for their own body, take no place."""
    app = make_app(max_busy_requests=10)
    begun, go_on = threading.Semaphore(0), threading.Event()

    @app.get("/busy-place")
    def busy() -> str:
        begun.release()
        assert go_on.wait(60)
        return "answered"

    @app.get("/waiting-place")
    def waits() -> str:
        with app.extensions["assent_portal"].wakeups.waiting("nothing") as waiter:
            begun.release()
            waiter.wait(time.monotonic() + 60)
        return "answered"

    app.extensions["assent_portal"].wakeups._listen = lambda: None

    def get(path: str) -> Any:
        return app.test_client().get(path)

    threads, answers = [], []
    for path in ["/waiting-place"] * 15 + ["/busy-place"] * 10:
        threads.append(threading.Thread(target=lambda path=path: answers.append(get(path).status_code)))
        threads[-1].start()
        assert begun.acquire(timeout=60)
    deadline = time.monotonic() + 60
    while app.wsgi_app._application.in_flight.count != 10:  # the last of those that wait has begun to
        assert time.monotonic() < deadline
    refused = get("/api/v1/runs")
    assert (refused.status_code, refused.json["code"]) == (503, "overloaded")
    assert refused.headers["Retry-After"] == "2"
    assert get("/healthz").status_code == 200
    app.extensions["assent_portal"].wakeups.wake_all()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 25
    assert get("/api/v1/runs").status_code == 401
    assert app.wsgi_app._application.in_flight.count == 0


@pytest.mark.parametrize("base_url", ["", "https://desk.example.org"])
def test_a_forgotten_base_url_is_named_as_the_cause(
    make_app: MakeApp, person: Person, caplog: pytest.LogCaptureFixture, base_url: str
) -> None:
    """Behind a proxy whose address the portal does not know, its own pages seem to be of another site."""
    visitor = Caller(make_app(base_url=base_url), person)
    logging.getLogger().addHandler(caplog.handler)  # making the application has replaced all
    for path in ("/grants", "/api/v1/grants"):
        answer = visitor.post(path, headers={"Origin": "https://elsewhere.example.org"})
        assert answer.status_code == 403
        assert ("ASSENT_BASE_URL" in answer.text) == (not base_url)
    named = [record.msg for record in caplog.records if "ASSENT_BASE_URL" in str(record.msg)]
    assert len(named) == (0 if base_url else 2)
