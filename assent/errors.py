"""What can go wrong between an agent and the portal, as exceptions that say what to do about it."""

from __future__ import annotations

from typing import Any

from assent.contracts import Outcome


class AssentError(Exception):
    """Everything that the SDK raises by itself."""


class ApiError(AssentError):
    """The portal refused a call with a problem document.

    Attributes:
        status: the HTTP status.
        code: stable name of the problem, such as `invalid_input`; empty when something else than the portal answered.
        detail: in one sentence, for people.
        fields: what is wrong with which field, if that is the problem.
        document: the whole problem document.
    """

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.document = document
        self.code = str(document.get("code", ""))
        self.detail = str(document.get("detail") or document.get("title") or f"The portal answered {status}.")
        fields = document.get("fields")
        self.fields: dict[str, Any] = fields if isinstance(fields, dict) else {}
        said = "".join(f" {name}: {words}." for name, words in self.fields.items())
        super().__init__(f"{self.detail}{said} ({status}{f' {self.code}' if self.code else ''})")


class SignInError(ApiError):
    """The token is unknown, has expired or was revoked (401). Asking again does not help."""


class NotAllowedError(ApiError):
    """The token may not do this (403); `document["scopes"]` may say what it lacks."""


class NotFoundError(ApiError):
    """There is no such request (404)."""


class ConflictError(ApiError):
    """What was asked does not fit the state the request has by now (409, 412)."""


class InvalidError(ApiError):
    """What was sent is not what the portal takes (400, 413, 422); see `fields`."""


class UnreachableError(AssentError):
    """The portal did not answer, or not in a way that can be used, for as long as the client was to try."""


class WaitTimeoutError(AssentError, TimeoutError):
    """Nobody has decided within the time. The request stays open: wait again, or cancel it."""


class EndedError(AssentError):
    """The request ended without an outcome. Nothing may be done.

    Attributes:
        state: how it ended, such as `expired`.
    """

    def __init__(self, request_id: str, state: str) -> None:
        self.request_id = request_id
        self.state = state
        super().__init__(f"Request {request_id} ended without an outcome: {state}.")


class Rejected(AssentError):
    """People did not approve what was asked.

    Attributes:
        outcome: what they said; `outcome.comment` has the remarks, for an agent that proposes again.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        said = outcome.comment
        super().__init__(f"Not approved ({outcome.verdict.value}){': ' + said if said else '.'}")


class UnfitOutcomeError(AssentError):
    """The outcome is not one of what was asked: another tool, or arguments that do not fit. Nothing was run."""


class AlreadyDoneError(AssentError):
    """What was approved under this idempotency key has been reported as done, or as failed; it is not run again.

    Attributes:
        receipt: the receipt that was reported, as the portal has it.
    """

    def __init__(self, request_id: str, receipt: dict[str, Any]) -> None:
        self.request_id = request_id
        self.receipt = receipt
        super().__init__(f"Request {request_id} has a receipt already: {receipt.get('status')}.")


class PassedOverError(AssentError):
    """A driven agent went on without taking what people decided, and may have done what they rejected or changed."""


class SwallowedGateError(AssentError):
    """A step asked for approval and ended without an answer: its code caught the exception that was to stop it.

    Nothing of the step was stored, and no later step was run. What the step did after the gate, it did unapproved.

    Attributes:
        node: the step's node; inside a subgraph, with the nodes around it: ``outer/inner``.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(
            f"The step “{node}” asked for approval and went on without an answer, because its code caught the "
            "exception with which a gate stops it. The run was stopped: no later step was run, but what this step did "
            "after the gate, it did without approval. Look for `except Exception`, `except BaseException`, "
            "`contextlib.suppress`, a `return` in `finally`, or a framework that catches all errors around the gate, "
            "and let `GraphBubbleUp` of langgraph.errors through. When you retry, the step runs again from its start."
        )


class ThreadOrderError(AssentError):
    """The clocks of machines that write to a driven thread differ so much that its newest checkpoint is not the newest.

    Nothing was sent to the thread, and no step was run. The message says what to do.

    Attributes:
        config: names the checkpoint that was written last.
    """

    def __init__(self, message: str, config: Any) -> None:
        self.config = config
        super().__init__(message)


class MovedOnError(AssentError):
    """Another program has gone on with a thread that was waited for here. What it asks no more was withdrawn."""


class AlreadyDrivenError(AssentError):
    """This thread is being driven in this process already."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidError, 401: SignInError, 403: NotAllowedError, 404: NotFoundError, 409: ConflictError,
    412: ConflictError, 413: InvalidError, 422: InvalidError,
}  # fmt: skip


def api_error(status: int, document: Any) -> ApiError:
    """The exception for a refusal."""
    return _BY_STATUS.get(status, ApiError)(status, document if isinstance(document, dict) else {})
