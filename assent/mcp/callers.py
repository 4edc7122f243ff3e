"""The callers of the tools: their tokens, the requests remembered for them, and messages for errors."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from assent.approval import AsyncApproval
from assent.calls import checked_id
from assent.client import AsyncAssent
from assent.connection import checked_token
from assent.errors import ApiError, AssentError, NotFoundError, SignInError

MOST_REMEMBERED = 1_000


def bearer_of(headers: Mapping[str, str] | None) -> str:
    """Return the bearer token of an HTTP request; empty: none."""
    scheme, _, token = ((headers or {}).get("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def invalid_words(error: ValidationError) -> str:
    """Return what is wrong with each argument, without the values, which may be secrets."""
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'proposal'}: {error['msg']}" for error in found)


@dataclass
class Callers:
    """The portal, for all callers.

    Attributes:
        url: the portal's address.
        token: the token used for callers that send none; empty: they are refused.
        patience: seconds for which API calls are retried.
    """

    url: str
    token: str = ""
    patience: float = 30.0
    _remembered: OrderedDict[tuple[str, str], AsyncApproval] = field(default_factory=OrderedDict, repr=False)

    def token_of(self, headers: Mapping[str, str] | None) -> str:
        """Return the token to use for a caller. Raises AgentTokenError."""
        return checked_token(bearer_of(headers) or self.token)

    @asynccontextmanager
    async def portal(self, headers: Mapping[str, str] | None, patience: float | None = None) -> AsyncIterator[Portal]:
        """Open the portal for one tool call; errors are raised as a ToolError with a plain message."""
        try:
            token = self.token_of(headers)
            async with AsyncAssent(self.url, token, self.patience if patience is None else patience) as client:
                yield Portal(client, self, hashlib.sha256(token.encode()).hexdigest())
        except (AssentError, ValueError) as error:  # a token, a proposal, or a key that cannot be used
            raise ToolError(self.words(error)) from error

    def words(self, error: Exception) -> str:
        """Return a message that helps to fix the error."""
        if isinstance(error, ValidationError):
            return invalid_words(error)
        if isinstance(error, SignInError):
            return f"The portal at {self.url} does not accept the token: {error}"
        if isinstance(error, NotFoundError) and not error.code:
            return f"The server at {self.url} is not Assent's API ({error.status}): check ASSENT_URL."
        if isinstance(error, ApiError):
            return f"The portal refused the request: {error}"
        if isinstance(error, AssentError):
            return f"{error} (The portal's address is {self.url}.)"
        return str(error)

    def remember(self, caller: str, approval: AsyncApproval) -> None:
        """Remember a request with its masked secrets, which have to be restored in the outcome."""
        self._remembered[caller, approval.id] = approval
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def remembered(self, caller: str, request_id: str) -> AsyncApproval | None:
        """Return the request of that id if this caller opened it."""
        return self._remembered.get((caller, request_id))


@dataclass(frozen=True)
class Portal:
    """The portal, for one caller."""

    client: AsyncAssent
    callers: Callers
    caller: str

    def keep(self, approval: AsyncApproval) -> None:
        """Remember a request for later calls."""
        self.callers.remember(self.caller, approval)

    def approval(self, request_id: str) -> AsyncApproval:
        """Return a request that was opened before. Raises ToolError: this is not a request id."""
        try:
            request_id = checked_id(request_id)
        except ValueError as error:
            raise ToolError("`id` must be the id of a request, as returned by request_approval.") from error
        known = self.callers.remembered(self.caller, request_id)
        return replace(known, _client=self.client) if known else self.client.approvals.get(request_id)
