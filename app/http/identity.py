"""Who is signed in. The only place that knows how a request shows it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, current_app, redirect, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from app.domain.people import Actor, Via
from app.http.errors import NotSignedInError, is_api, respond
from app.services.people import People
from app.settings import Settings
from app.store.people import Person

SIGN_IN_PATH = "/sign-in"
_SINCE = "signed_in_at"
_CSRF = "csrf_token"


@dataclass(frozen=True)
class Viewer(UserMixin):
    """The signed-in person, as Flask-Login's `current_user`.

    The session names the person and their session epoch, so that raising the epoch signs them out everywhere.
    """

    person: Person

    def get_id(self) -> str:
        """What the session keeps."""
        return f"{self.person.id}:{self.person.session_epoch}"


def current_actor(via: Via = Via.PAGE) -> Actor:
    """The signed-in person as the one who acts; `source` is the network address.

    Raises:
        NotSignedInError: nobody is signed in, or the session has ended.
    """
    if not current_user.is_authenticated:
        raise NotSignedInError("You are not signed in, or not any more.")
    actor: Actor = current_user.person.as_actor(via, request.remote_addr or "")
    return replace(actor, authenticated_at=datetime.fromtimestamp(session.get(_SINCE, 0), UTC))


def session_ends_at() -> float:
    """When this session ends by itself, in seconds since 1970."""
    lifetime: timedelta = current_app.config["PERMANENT_SESSION_LIFETIME"]
    return float(session.get(_SINCE, 0) + lifetime.total_seconds())


def sign_in(person: Person) -> None:
    """Start a new session for the person; nothing of the old one stays.

    But for the protection token of forms, where the same person signs in anew: a page that is open in another tab,
    with what they are writing there, can still be sent.
    """
    same = current_user.is_authenticated and current_user.get_id() == Viewer(person).get_id()
    token = session.get(_CSRF) if same else None
    session.clear()
    session.permanent = True
    session[_SINCE] = int(time.time())
    if token:
        session[_CSRF] = token
    login_user(Viewer(person))


def sign_out() -> None:
    """End this session."""
    logout_user()
    session.clear()


def safe_next(target: str | None, default: str = "/") -> str:
    """Where to go after signing in: `target` if it is a path of ours, else `default`."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(char) < 33 or char == "\\" for char in target):
        return default
    return target


def register_identity(app: Flask, settings: Settings, people: People) -> None:
    """Load people from sessions, and send whoever is not signed in to the sign-in page."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_NAME="assent_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
    )
    manager = LoginManager()
    manager.session_protection = None  # people's addresses change while they travel; the epoch ends stolen sessions
    manager.init_app(app)

    def load(value: str) -> Viewer | None:
        person_id, _, epoch = value.partition(":")
        if time.time() >= session_ends_at():
            return None
        person = people.get(person_id)
        return Viewer(person) if person is not None and str(person.session_epoch) == epoch else None

    def unauthorized() -> Any:
        if is_api():
            return respond(NotSignedInError("You are not signed in, or not any more."))
        wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return redirect(f"{SIGN_IN_PATH}?{urlencode({'next': safe_next(wanted)})}", 303)

    manager.user_loader(load)
    manager.unauthorized_handler(unauthorized)
