"""Who is signed in. The only module that knows how an HTTP request carries that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, has_request_context, redirect, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from app.domain.people import Actor, Via
from app.domain.preferences import Density, OpenNext, Theme, zone_of
from app.http.errors import NotSignedInError, is_api, respond
from app.services.people.sessions import SignedIn
from app.settings import Settings
from app.store.people import Person

SIGN_IN_PATH = "/sign-in"
_CSRF = "csrf_token"
_LOOK = "look"
_SOCKET_PATH = "/socket.io"

Find = Callable[[str, timedelta, timedelta | None, bool], SignedIn | None]
"""Takes a session's token, its lifetime, its idle time, and whether this is activity."""


@dataclass(frozen=True)
class Viewer(UserMixin):
    """The signed-in person as Flask-Login's `current_user`; the cookie contains the session's token."""

    signed_in: SignedIn

    @property
    def person(self) -> Person:
        """The person."""
        return self.signed_in.person

    def get_id(self) -> str:
        """The session's token, which the cookie contains."""
        return self.signed_in.token


def current_actor(via: Via = Via.PAGE) -> Actor:
    """The signed-in person as an actor; `source` is their IP address.

    Raises:
        NotSignedInError: nobody is signed in, or the session has ended.
    """
    if not current_user.is_authenticated:
        raise NotSignedInError("You are not signed in, or your session has ended.")
    actor: Actor = current_user.person.as_actor(via, request.remote_addr or "")
    signed_in: SignedIn = current_user.signed_in
    return replace(actor, authenticated_at=signed_in.began_at, makers=signed_in.makers.counted)


def current_sign_in() -> str:
    """The id of this browser's session; empty if nobody is signed in."""
    return current_user.signed_in.id if current_user.is_authenticated else ""


def session_lifetime() -> timedelta:
    """The lifetime of sessions."""
    lifetime: timedelta = current_app.config["PERMANENT_SESSION_LIFETIME"]
    return lifetime


def session_idle() -> timedelta | None:
    """How long sessions last without activity; None for no such limit."""
    idle: timedelta | None = current_app.config["SESSION_IDLE"]
    return idle


def is_activity() -> bool:
    """False for what an open page does automatically: its socket, and refreshing parts of the page.

    Scripts fetch parts of pages with `X-Fragment`, and add `X-Activity` if a person caused it.
    """
    if request.path.startswith(_SOCKET_PATH):
        return False
    return "X-Fragment" not in request.headers or "X-Activity" in request.headers


def session_ends_at() -> float:
    """When the current session expires, in seconds since 1970."""
    began_at: datetime = current_user.signed_in.began_at
    return (began_at + session_lifetime()).timestamp()


def sign_in(signed_in: SignedIn) -> None:
    """Replace this browser's session cookie.

    If the same person signs in again, the CSRF token stays, so that a form that is open in another tab can still be
    submitted.
    """
    same = current_user.is_authenticated and current_user.person.id == signed_in.person.id
    token = session.get(_CSRF) if same else None
    session.clear()
    session.permanent = True
    if token:
        session[_CSRF] = token
    login_user(Viewer(signed_in))


def sign_out() -> None:
    """Remove the session from this browser; the caller ends it in the database."""
    logout_user()
    session.clear()


def reader_zone() -> ZoneInfo | None:
    """The time zone in the person's preferences; None for their browser's, which the server does not know."""
    viewer: Viewer | None = g.get("viewer") if has_request_context() else None
    return zone_of(viewer.person.time_zone) if viewer is not None else None


def look() -> dict[str, str]:
    """Attributes of `<html>`, so that a page has its colors before any script runs.

    The cookie stores them for pages that must not query the database.
    """
    if "viewer" not in g:
        return dict(session.get(_LOOK, {}))
    person: Person = g.viewer.person
    chosen = {"data-zone": person.time_zone if reader_zone() else ""}
    chosen["data-theme"] = person.theme if person.theme != Theme.SYSTEM else ""
    chosen["data-density"] = person.density if person.density != Density.COMFORTABLE else ""
    chosen["data-keys"] = "off" if person.keys == "off" else ""
    chosen["data-next"] = person.open_next if person.open_next != OpenNext.BESIDE else ""
    attributes = {name: value for name, value in chosen.items() if value}
    if attributes != session.get(_LOOK, {}):
        session[_LOOK] = attributes
    return attributes


def safe_next(target: str | None, default: str = "/") -> str:
    """Where to go after signing in: `target` if it is a path of the portal, otherwise `default`."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(char) < 33 or char == "\\" for char in target):
        return default
    return target


def register_identity(app: Flask, settings: Settings, find: Find) -> None:
    """Load people from sessions, and redirect others to the sign-in page."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        SESSION_IDLE=settings.session_idle,
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_NAME="assent_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
    )
    manager = LoginManager()
    manager.session_protection = None  # IP addresses change while people travel; a stolen session can be ended
    manager.init_app(app)

    def load(token: str) -> Viewer | None:
        signed_in = find(token, session_lifetime(), settings.session_idle, is_activity())
        if signed_in is None:
            return None
        g.viewer = Viewer(signed_in)
        return g.viewer

    def unauthorized() -> Any:
        if is_api():
            return respond(NotSignedInError("You are not signed in, or your session has ended."))
        wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return redirect(f"{SIGN_IN_PATH}?{urlencode({'next': safe_next(wanted)})}", 303)

    manager.user_loader(load)
    manager.unauthorized_handler(unauthorized)
    app.jinja_env.globals["look"] = look
