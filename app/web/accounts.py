"""What the page of your own account shares with the pages about other people's."""

from __future__ import annotations

from werkzeug.datastructures import MultiDict

from app.domain.errors import InvalidInputError
from app.domain.people import Role
from app.domain.tokens import TokenChoice

ROLE_WORDS = {
    Role.VIEWER: "sees everything except the audit log",
    Role.REVIEWER: "decides, comments, and starts runs",
    Role.AUDITOR: "reads the audit log",
    Role.ADMIN: "does all of that, and manages people and destinations",
}


def token_choice(sent: MultiDict[str, str]) -> TokenChoice:
    """Which tokens the form says to revoke. Raises InvalidInputError."""
    given = sent.get("tokens", TokenChoice.NONE.value)
    if given not in set(TokenChoice):
        raise InvalidInputError("Choose which tokens to revoke.", {"tokens": "Choose one of these."})
    return TokenChoice(given)
