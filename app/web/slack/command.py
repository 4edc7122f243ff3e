"""The replies to `/assent` in Slack."""

from __future__ import annotations

from typing import Any

from app.domain.people import Actor
from app.http.runtime import portal, services
from app.notify.slack.blocks import escaped, request_list
from app.services.notifications.slack import SlackUser

MOST = 15
HELP = (
    "`/assent` lists requests that require your approval.\n"
    "`/assent link` links your Slack user with your account.\n"
    "`/assent help` shows this help."
)


def answer_command(text: str, user: SlackUser, actor: Actor | None, stranger: str) -> dict[str, Any]:
    """The reply, which only the person who used the command sees.

    Args:
        stranger: the reply to somebody without an account.
    """
    match text.strip().lower():
        case "link":
            return _only(_link(user, actor))
        case "":
            return _waiting(actor) if actor else _only(stranger)
    return _only(HELP)


def _only(words: str) -> dict[str, Any]:
    return {"response_type": "ephemeral", "text": words}


def _link(user: SlackUser, actor: Actor | None) -> str:
    code = services().slack_people.new_code(user)
    known = f"You are currently {escaped(actor.name)} here. " if actor else ""
    page = f"{portal().settings.public_url}/profile/slack"
    return f"{known}Open <{page}>, sign in, and enter this code within ten minutes: *{code}*\nDo not share it."


def _waiting(actor: Actor) -> dict[str, Any]:
    url = portal().settings.public_url
    found, more = services().waiting.of(actor, MOST)
    if not found:
        return _only("No requests require your approval.")
    lines = [
        (row.title, row.risk, row.understood, row.consequence, row.expires_at, f"{url}/requests/{row.id}")
        for row in found
    ]
    number = f"{len(found)}{' or more' if more else ''}"
    words = f"{number} {'request requires' if len(found) == 1 and not more else 'requests require'} your approval."
    return _only(words) | {"blocks": request_list(words, lines, more, f"{url}/queue")}
