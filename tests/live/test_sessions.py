"""Sockets do not outlive their sessions."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.domain.people import Via
from app.factory import create_app
from app.services.bundle import Services
from app.settings import Settings
from app.store.people import Person
from tests.factories import Caller, close_app, make_person, make_run
from tests.processes.crew import until


@pytest.fixture
def app(module_database_url: str, tmp_path: Path) -> Flask:
    settings = Settings(database_url=module_database_url, data_dir=tmp_path, secret_key=secrets.token_urlsafe(48))
    made = create_app(settings.model_copy(update={"async_mode": "threading"}))
    yield made
    close_app(made)


def wait_until_gone(*clients: Any) -> None:
    for client in clients:
        until(lambda client=client: not client.is_connected())


def test_open_sockets_are_checked_against_their_sessions(
    app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(person: Person, age: timedelta = timedelta(0)) -> object:
        return app.extensions["socketio"].test_client(app, flask_test_client=Caller(app, person, age).client)

    staying, leaving, old = (make_person(services.sessions, name) for name in ("Staying", "Leaving", "Old"))
    stays, leaves = connect(staying), connect(leaving)
    ends = connect(old, timedelta(hours=11, minutes=30))
    assert stays.is_connected() and leaves.is_connected() and ends.is_connected()
    check = app.extensions["assent_live"].sockets.check_sessions
    check()
    monkeypatch.setattr(app.extensions["assent_live"].sockets, "session_ended", lambda _sign_in: None)
    services.sign_ins.end_all(leaving.as_actor(Via.PAGE))
    check()
    wait_until_gone(leaves)
    assert stays.is_connected() and ends.is_connected()
    sockets, now = app.extensions["assent_live"].sockets, services.clock
    later = replace(services, clock=lambda: now() + timedelta(hours=1))
    monkeypatch.setattr(sockets, "_services", later)
    check()
    wait_until_gone(ends)
    assert stays.is_connected()


def test_signing_out_closes_the_sockets_of_that_session_at_once(app: Flask, services: Services) -> None:
    leaving = make_person(services.sessions, "Leaving")
    phone, leaves = Caller(app, leaving), Caller(app, leaving)
    sockets = [
        app.extensions["socketio"].test_client(app, flask_test_client=visitor.client)
        for visitor in (phone, leaves, leaves)
    ]
    assert all(socket.is_connected() for socket in sockets)
    answer = leaves.post("/sign-out", data={"csrf_token": leaves.headers["X-CSRFToken"]})
    assert answer.status_code == 303
    wait_until_gone(sockets[1], sockets[2])
    assert sockets[0].is_connected()


def test_somebody_who_leaves_while_a_page_joins_is_no_fault(
    app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stays, client = (
        app.extensions["socketio"].test_client(app, flask_test_client=Caller(app, person).client)
        for person in (make_person(services.sessions, name) for name in ("Staying", "Leaving"))
    )
    views, run = app.extensions["assent"].views, make_run(services.sessions)
    read = views.run

    def leave_meanwhile(*given: object) -> object:
        client.disconnect()
        return read(*given)

    monkeypatch.setattr(views, "run", leave_meanwhile)
    answer = client.emit("join_workflow", {"workflow_id": run.id}, callback=True)
    assert "This connection has ended." in str(answer)
    assert stays.is_connected() and not client.is_connected()
    assert "unexpected error" not in capsys.readouterr().out
