"""The session's cookie, whose age no clock decides.

Flask signs the time into the cookie, and drops one that is too old or comes from the future: with two web processes
whose clocks differ by a second, a person who signed in at one is signed out by the other. Whether a session has ended
is in its row (`app.services.people.sessions`); the signature only has to be ours.
"""

from __future__ import annotations

from datetime import datetime

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature

from app.services.clock import Clock


class SessionCookies(SecureCookieSessionInterface):
    """As Flask's, without comparing times.

    Args:
        clock: of the portal; a browser keeps the cookie for the lifetime of a session from its time on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie holds; nothing if its signature is not ours."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        sent = request.cookies.get(self.get_cookie_name(app))
        try:
            return self.session_class(serializer.loads(sent) if sent else None)
        except BadSignature:
            return self.session_class()

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        """When the browser forgets the cookie; None: when it is closed."""
        return self._clock() + app.permanent_session_lifetime if session.permanent else None
