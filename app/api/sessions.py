"""Sessions over REST: your own, and everybody's for admins."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.models import Output, Time
from app.api.registry import ApiCall, EndpointTable
from app.domain.tokens import Scope, TokenChoice
from app.http.body import Input
from app.http.identity import session_idle, session_lifetime

table = EndpointTable()
READ, WRITE = (Scope.PEOPLE_READ,), (Scope.PEOPLE_WRITE,)


class SessionOut(Output):
    """A session: one signed-in browser."""

    id: str
    source: str = Field(description="The IP address that started it")
    browser: str
    began_at: Time
    seen_at: Time = Field(description="When it was last used, to the minute")


class SessionList(Output):
    """Sessions, most recently used first."""

    items: list[SessionOut]


class SessionEnd(Output):
    """Whether there was such a session."""

    ended: bool


class SignOutIn(Input):
    """What to revoke besides sessions and unused sign-in links."""

    tokens: TokenChoice = Field(
        default=TokenChoice.NONE, strict=False,
        description="`own`: also the person's own tokens; `all`: also those of agents that the person is responsible "
        "for; either also removes the link with a Slack user",
    )  # fmt: skip


class SignOutResult(Output):
    """How many sessions, links, and tokens ended."""

    sessions: int
    links: int
    tokens: int


@table.add("GET", "/people/<uuid:id>/sessions", SessionList, scopes=READ)
def list_sessions(call: ApiCall) -> Any:
    """List the sessions of a person; only admins can list those of others."""
    found = call.portal.services.sign_ins.of(call.actor, session_lifetime(), session_idle(), call.id)
    return {"items": found}


@table.add("DELETE", "/people/<uuid:id>/sessions/<uuid:session_id>", SessionEnd, scopes=WRITE)
def end_session(call: ApiCall) -> Any:
    """End a session; its sockets are closed within a second."""
    return {"ended": call.portal.services.sign_ins.end(call.actor, call.path["session_id"], call.id)}


@table.add("POST", "/people/<uuid:id>/sign-out", SignOutResult, body=SignOutIn, scopes=WRITE)
def sign_out_everywhere(call: ApiCall) -> Any:
    """End all sessions and unused sign-in links of a person, and their tokens if `tokens` says so."""
    return call.portal.services.sign_ins.end_all(call.actor, call.id, call.body.tokens)
