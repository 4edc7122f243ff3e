"""What the pages about one's own account and about those of others have in common."""

from __future__ import annotations

from werkzeug.datastructures import MultiDict

from app.domain.errors import InvalidInputError
from app.domain.people import Role
from app.domain.tokens import TokenChoice

ROLE_WORDS = {
    Role.VIEWER: "looks at everything but the record",
    Role.REVIEWER: "decides, comments, and starts runs",
    Role.AUDITOR: "reads the record",
    Role.ADMIN: "does all that and manages people",
}


def token_choice(sent: MultiDict[str, str]) -> TokenChoice:
    """Which tokens are to end, as the form says. Raises InvalidInputError."""
    given = sent.get("tokens", TokenChoice.NONE.value)
    if given not in set(TokenChoice):
        raise InvalidInputError("Choose which tokens to revoke.", {"tokens": "Choose one of these."})
    return TokenChoice(given)
