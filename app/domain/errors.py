"""What can go wrong, as types with stable codes. HTTP statuses are mapped once, in `app.http.errors`."""

from __future__ import annotations

from typing import Any


class AssentError(Exception):
    """A refusal that explains itself.

    Attributes:
        code: stable, for programs.
        message: one sentence for people.
        extra: further facts for the caller, JSON-ready.
    """

    code = "error"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class NotFoundError(AssentError):
    """No such thing, or none that the asker may see."""

    code = "not_found"


class ForbiddenError(AssentError):
    """The asker's roles do not allow it."""

    code = "forbidden"


class OwnRequestError(ForbiddenError):
    """Requesters cannot approve their own requests."""

    code = "own_request"


class NotAskedError(ForbiddenError):
    """Others are asked at this stage; `extra["asked"]` has their addresses."""

    code = "not_asked"


class ReauthenticationError(ForbiddenError):
    """The asker has to prove anew who they are; `extra["max_age_seconds"]` says how long ago that may be."""

    code = "reauthentication_required"


class InvalidInputError(AssentError):
    """What was sent cannot be used; `extra["fields"]` maps a field to its complaint."""

    code = "invalid_input"

    def __init__(self, message: str, fields: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(message, fields=fields or {}, **extra)


class TooLargeError(AssentError):
    """More than we take."""

    code = "too_large"


class ConflictError(AssentError):
    """The thing has moved on since the asker looked."""

    code = "conflict"


class LookalikeError(ConflictError):
    """Somebody else who is active has a name or an address that looks the same; `extra["fields"]` says which."""

    code = "lookalike"

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message, fields=fields or {})


class StaleDigestError(ConflictError):
    """The decision names another payload than the current one; `extra["digest"]` is the current one."""

    code = "stale_digest"


class AlreadyDecidedError(ConflictError):
    """Somebody else was first; `extra["state"]` says what became of it."""

    code = "already_decided"


class DuplicateDecisionError(ConflictError):
    """This person, or somebody for them, has already decided on this payload at this stage."""

    code = "duplicate_decision"


class RiskRaisedError(ConflictError):
    """A change raises the risk, or what is needed, further than was acknowledged.

    `extra` has the new `risk`, `score` and `findings`, and what the policy then asks for: `rule`, `quorum`, `stages`.
    """

    code = "risk_raised"


class ClaimedError(ConflictError):
    """Somebody else has claimed the request; `extra` says who (`claimed_by`) and until when (`claimed_until`)."""

    code = "claimed"


class ExpiredError(ConflictError):
    """The deadline has passed."""

    code = "expired"


class IllegalTransitionError(ConflictError):
    """The thing is not in a state from which this can be done."""

    code = "illegal_transition"


class VersionChangedError(AssentError):
    """A precondition does not hold: the caller has seen another version; `extra["version"]` is the current one."""

    code = "version_changed"


class KeyReusedError(InvalidInputError):
    """The idempotency key belongs to another call."""

    code = "idempotency_key_reused"


class KeyBusyError(ConflictError):
    """The same call, under the same idempotency key, is being worked on."""

    code = "idempotency_in_progress"


class TookTooLongError(AssentError):
    """What was asked for took longer than is allowed, and was stopped; less of it may be asked for."""

    code = "took_too_long"


class TokenError(AssentError):
    """A program's token that does not work; `extra["reason"]` is unknown, expired, revoked,
    not_confirmed, or owner_not_active.

    Attributes:
        account: id and name of its owner, for the audit log; the answer does not name them.
    """

    code = "token_invalid"
    account: tuple[str, str] = ("", "")


class ScopeError(ForbiddenError):
    """The token may not be used for this; `extra["scopes"]` are those of which it needs one."""

    code = "insufficient_scope"


class LinkError(AssentError):
    """A sign-in link that is unknown, used or too old; `extra["reason"]` says which.

    Attributes:
        account: id and name of the person it was for, for the audit log; the answer does not name them.
    """

    code = "link_invalid"
    account: tuple[str, str] = ("", "")
