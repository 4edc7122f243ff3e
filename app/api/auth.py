"""Who calls the API. Every route passes here and nowhere else."""

from __future__ import annotations

from flask import request

from app.domain.people import Actor, Via
from app.http.csrf import SAFE_METHODS, check_csrf
from app.http.identity import current_actor


def authenticate() -> Actor:
    """The caller, from the session; what changes something also needs the session's token in `X-CSRFToken`.

    Raises:
        NotSignedInError: nobody is signed in.
        flask_wtf.csrf.CSRFError: the token is missing or not this session's.
    """
    actor = current_actor(Via.API)
    if request.method not in SAFE_METHODS:
        check_csrf()
    return actor
