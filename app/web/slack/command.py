"""What `/assent` answers in Slack."""

from __future__ import annotations

from typing import Any

from app.domain.people import Actor
from app.http.runtime import portal, services
from app.notify.slack.blocks import escaped, waiting_of
from app.services.notifications.slack import SlackUser

MOST = 15
HELP = (
    "`/assent` lists what waits for you.\n"
    "`/assent link` links your Slack user with your account.\n"
    "`/assent help` shows this."
)


def answer_command(text: str, user: SlackUser, actor: Actor | None, stranger: str) -> dict[str, Any]:
    """The answer, which only the one who asked sees.

    Args:
        stranger: said to somebody who is not known.
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
    known = f"You are {escaped(actor.name)} here now. " if actor else ""
    page = f"{portal().settings.public_url}/profile/slack"
    return f"{known}Open <{page}>, sign in, and enter this code within ten minutes: *{code}*\nGive it to nobody."


def _waiting(actor: Actor) -> dict[str, Any]:
    url = portal().settings.public_url
    found, more = services().waiting.of(actor, MOST)
    if not found:
        return _only("Nothing waits for you.")
    lines = [
        (row.title, row.risk, row.consequence, row.expires_at, f"{url}/requests/{row.id}") for row in found
    ]
    number = f"{len(found)}{' or more' if more else ''}"
    words = f"{number} {'request waits' if len(found) == 1 and not more else 'requests wait'} for you."
    return _only(words) | {"blocks": waiting_of(words, lines, more, f"{url}/queue")}
