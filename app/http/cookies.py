"""The session cookie, whose age is not checked against a clock.

Flask signs the time into the cookie, and drops cookies that are too old or from the future: with two web processes
whose clocks differ by a second, a person who signed in at one would be signed out by the other. Whether a session has
ended is stored in its row (`app.services.people.sessions`); the cookie only needs a valid signature.
"""

from __future__ import annotations

from datetime import datetime

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature

from app.services.clock import Clock


class SessionCookies(SecureCookieSessionInterface):
    """Flask's session cookies, without comparing times.

    Args:
        clock: the portal's clock, from which the cookie's expiry is computed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The cookie's content; empty if its signature is not valid."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        sent = request.cookies.get(self.get_cookie_name(app))
        try:
            return self.session_class(serializer.loads(sent) if sent else None)
        except BadSignature:
            return self.session_class()

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        """When the cookie expires; None for when the browser is closed."""
        return self._clock() + app.permanent_session_lifetime if session.permanent else None
