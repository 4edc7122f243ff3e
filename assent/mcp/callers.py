"""Who calls: which token goes to the portal, what is kept for each caller, and what is said when the portal refuses."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from assent.calls import checked_id
from assent.client import AsyncApproval, AsyncAssent
from assent.connecting import TokenError, checked_token
from assent.errors import ApiError, AssentError, NotFoundError, SignInError

MOST_REMEMBERED = 1_000


def bearer_of(headers: Mapping[str, str] | None) -> str:
    """The bearer token of a call over HTTP; empty: none."""
    scheme, _, token = ((headers or {}).get("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


@dataclass
class Callers:
    """The portal for whoever calls.

    Attributes:
        url: the portal's address.
        token: what is sent for callers that bring no token; empty: they are refused.
        patience: seconds for which a call of the portal is tried.
    """

    url: str
    token: str = ""
    patience: float = 30.0
    _remembered: OrderedDict[tuple[str, str], AsyncApproval] = field(default_factory=OrderedDict, repr=False)

    def token_of(self, headers: Mapping[str, str] | None) -> str:
        """The token to send for a caller. Raises TokenError."""
        return checked_token(bearer_of(headers) or self.token)

    @asynccontextmanager
    async def portal(self, headers: Mapping[str, str] | None, patience: float | None = None) -> AsyncIterator[Portal]:
        """The portal for one call of a tool; what goes wrong with it is told as a ToolError in plain words."""
        try:
            token = self.token_of(headers)
            async with AsyncAssent(self.url, token, self.patience if patience is None else patience) as client:
                yield Portal(client, self, hashlib.sha256(token.encode()).hexdigest())
        except (AssentError, TokenError, ValidationError) as error:
            raise ToolError(self.words(error)) from error

    def words(self, error: Exception) -> str:
        """What went wrong, for whoever has to mend it."""
        if isinstance(error, ValidationError):
            # The values stay out: they may be secrets.
            found = error.errors(include_input=False, include_url=False)
            return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'proposal'}: {error['msg']}" for error in found)
        if isinstance(error, SignInError):
            return f"The portal at {self.url} does not take the token: {error}"
        if isinstance(error, NotFoundError) and not error.code:
            return f"What answers at {self.url} is not Assent's API ({error.status}): check ASSENT_URL."
        if isinstance(error, ApiError):
            return f"The portal refuses: {error}"
        if isinstance(error, AssentError):
            return f"{error} (The portal's address is {self.url}.)"
        return str(error)

    def remember(self, caller: str, approval: AsyncApproval) -> None:
        """Keep what has to be put back into the outcome: the secrets that were masked before they left."""
        self._remembered[caller, approval.id] = approval
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def remembered(self, caller: str, request_id: str) -> AsyncApproval | None:
        """What this caller, and nobody else, asked under that id."""
        return self._remembered.get((caller, request_id))


@dataclass(frozen=True)
class Portal:
    """The portal as one caller may use it."""

    client: AsyncAssent
    callers: Callers
    caller: str

    def keep(self, approval: AsyncApproval) -> None:
        """Remember a request for later calls."""
        self.callers.remember(self.caller, approval)

    def approval(self, request_id: str) -> AsyncApproval:
        """A request that was opened before. Raises ToolError: that is no id."""
        try:
            request_id = checked_id(request_id)
        except ValueError as error:
            raise ToolError("`id` has to be the id of a request, as request_approval returned it.") from error
        known = self.callers.remembered(self.caller, request_id)
        return replace(known, _client=self.client) if known else self.client.approvals.get(request_id)
