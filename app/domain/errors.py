"""Errors as types with stable codes. Their HTTP statuses are mapped once, in `app.http.errors`."""

from __future__ import annotations

from typing import Any


class AssentError(Exception):
    """Base class of errors that are reported to the caller.

    Attributes:
        code: stable, for programs.
        message: one sentence for people.
        extra: further details for the caller, JSON-ready.
    """

    code = "error"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class NotFoundError(AssentError):
    """The object does not exist, or the caller may not see it."""

    code = "not_found"


class ForbiddenError(AssentError):
    """The caller's roles do not allow it."""

    code = "forbidden"


class OwnRequestError(ForbiddenError):
    """Requesters cannot approve their own requests."""

    code = "own_request"


class NotAskedError(ForbiddenError):
    """The current stage requires approval from others; `extra["asked"]` has their addresses."""

    code = "not_asked"


class ReauthenticationError(ForbiddenError):
    """The caller must sign in again; `extra["max_age_seconds"]` is the maximum age of the sign-in."""

    code = "reauthentication_required"


class InvalidInputError(AssentError):
    """The input is not valid; `extra["fields"]` maps each field to its problem."""

    code = "invalid_input"

    def __init__(self, message: str, fields: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(message, fields=fields or {}, **extra)


class TooLargeError(AssentError):
    """The input exceeds a limit."""

    code = "too_large"


class ConflictError(AssentError):
    """The object has changed since the caller read it."""

    code = "conflict"


class LookalikeError(ConflictError):
    """Somebody else who is active has a name or an address that looks the same; `extra["fields"]` says which."""

    code = "lookalike"

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message, fields=fields or {})


class StaleDigestError(ConflictError):
    """The decision is for an outdated payload; `extra["digest"]` is the current payload's digest."""

    code = "stale_digest"


class AlreadyDecidedError(ConflictError):
    """Somebody else decided first; `extra["state"]` is the request's state."""

    code = "already_decided"


class DuplicateDecisionError(ConflictError):
    """This person, or their delegate, has already decided on this payload at this stage."""

    code = "duplicate_decision"


class RiskRaisedError(ConflictError):
    """A change raises the risk or the required approvals beyond what was acknowledged.

    `extra` has the new `risk`, `score`, and `findings`, and what the policy then requires: `rule`, `quorum`, `stages`.
    """

    code = "risk_raised"


class ClaimedError(ConflictError):
    """Somebody else has claimed the request; `extra` says who (`claimed_by`) and until when (`claimed_until`)."""

    code = "claimed"


class OpenCommentsError(ConflictError):
    """The rule requires that all line comments are resolved; `extra["open_comments"]` says how many are not."""

    code = "comments_open"


class ExpiredError(ConflictError):
    """The deadline has passed."""

    code = "expired"


class IllegalTransitionError(ConflictError):
    """The object's current state does not allow this."""

    code = "illegal_transition"


class VersionChangedError(AssentError):
    """The caller's precondition names an outdated version; `extra["version"]` is the current one."""

    code = "version_changed"


class KeyReusedError(InvalidInputError):
    """The idempotency key was already used for a different API call."""

    code = "idempotency_key_reused"


class KeyBusyError(ConflictError):
    """An API call with the same idempotency key is still in progress."""

    code = "idempotency_in_progress"


class TookTooLongError(AssentError):
    """The operation exceeded its time limit and was stopped; a smaller one may succeed."""

    code = "took_too_long"


class NoWorkerError(AssentError):
    """No worker is running that could do this."""

    code = "no_worker"


class UnavailableFileError(AssentError):
    """The content of a file cannot be read or stored at the moment."""

    code = "file_unavailable"


class TokenError(AssentError):
    """A program's token is not valid; `extra["reason"]` is unknown, expired, revoked,
    not_confirmed, or owner_not_active.

    Attributes:
        account: id and name of its owner, for the audit log; the response does not include them.
    """

    code = "token_invalid"
    account: tuple[str, str] = ("", "")


class ScopeError(ForbiddenError):
    """The token lacks a scope; it requires at least one of `extra["scopes"]`."""

    code = "insufficient_scope"


class LinkError(AssentError):
    """A sign-in link is unknown, used, or too old; `extra["reason"]` says which.

    Attributes:
        account: id and name of the person it was for, for the audit log; the response does not include them.
    """

    code = "link_invalid"
    account: tuple[str, str] = ("", "")
