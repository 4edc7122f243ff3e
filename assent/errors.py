"""The exceptions that the SDK raises; their messages say what to do."""

from __future__ import annotations

from typing import Any

from assent.contracts import Outcome


class AssentError(Exception):
    """Base class of all exceptions that the SDK raises."""


class ApiError(AssentError):
    """The portal refused an API call with a problem document.

    Attributes:
        status: the HTTP status.
        code: stable code of the problem, such as `invalid_input`; empty if the response did not come from the portal.
        detail: a sentence that explains the problem.
        fields: the problem with each invalid field, if there are any.
        document: the whole problem document.
    """

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.document = document
        self.code = str(document.get("code", ""))
        self.detail = str(document.get("detail") or document.get("title") or f"The portal answered {status}.")
        fields = document.get("fields")
        self.fields: dict[str, Any] = fields if isinstance(fields, dict) else {}
        fields = "".join(f" {name}: {words}." for name, words in self.fields.items())
        super().__init__(f"{self.detail}{fields} ({status}{f' {self.code}' if self.code else ''})")


class SignInError(ApiError):
    """The token is unknown, has expired, or was revoked (401). Retrying does not help."""


class NotAllowedError(ApiError):
    """The token does not allow this (403); `document["scopes"]` may list the missing scopes."""


class NotFoundError(ApiError):
    """There is no such request (404)."""


class ConflictError(ApiError):
    """The API call conflicts with the current state of the request (409, 412)."""


class InvalidError(ApiError):
    """The portal does not accept the input (400, 413, 422); see `fields`."""


class UnreachableError(AssentError):
    """The portal gave no usable answer for as long as the client kept trying."""


class WaitTimeoutError(AssentError, TimeoutError):
    """There was no decision before the timeout. The request stays open: wait again, or cancel it."""


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
    """The request was not approved.

    Attributes:
        outcome: the outcome; `outcome.comment` has the reviewers' comments, for an agent that proposes a revision.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        comment = outcome.comment
        super().__init__(f"Not approved ({outcome.verdict.value}){': ' + comment if comment else '.'}")


class UnfitOutcomeError(AssentError):
    """The outcome does not match the proposal: another tool, or arguments that do not fit. Nothing was run."""


class AlreadyDoneError(AssentError):
    """The action approved under this idempotency key was already reported as done or failed; it is not run again.

    Attributes:
        receipt: the reported receipt, as stored in the portal.
    """

    def __init__(self, request_id: str, receipt: dict[str, Any]) -> None:
        self.request_id = request_id
        self.receipt = receipt
        super().__init__(f"Request {request_id} has a receipt already: {receipt.get('status')}.")


class PassedOverError(AssentError):
    """A driven agent continued without accepting the decision, and may have done what was rejected or changed."""


class SwallowedGateError(AssentError):
    """A step requested approval and ended without an answer: its code caught the exception that should have stopped it.

    Nothing that the step returned was stored, and no later step was run. Whatever the step did after the gate was not
    approved.

    Attributes:
        node: the step's node; in a subgraph, with the enclosing nodes: ``outer/inner``.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(
            f"The step “{node}” asked for approval and continued without an answer, because its code caught the "
            "exception with which a gate stops it. The run was stopped: no later step was run, but whatever this step "
            "did after the gate was not approved. Look for `except Exception`, `except BaseException`, "
            "`contextlib.suppress`, a `return` in `finally`, or a framework that catches all errors around the gate, "
            "and re-raise `GraphBubbleUp` of langgraph.errors. When you retry, the step runs again from its start."
        )


class ThreadOrderError(AssentError):
    """The clocks of the machines that write to a driven thread differ too much to tell which checkpoint is the newest.

    Nothing was sent to the thread, and no step was run. The message says what to do.

    Attributes:
        config: identifies the checkpoint that was written last.
    """

    def __init__(self, message: str, config: Any) -> None:
        self.config = config
        super().__init__(message)


class MovedOnError(AssentError):
    """Another program continued a thread while it was being driven here. The obsolete requests were canceled."""


class AlreadyDrivenError(AssentError):
    """This process is already driving the thread."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidError, 401: SignInError, 403: NotAllowedError, 404: NotFoundError, 409: ConflictError,
    412: ConflictError, 413: InvalidError, 422: InvalidError,
}  # fmt: skip


def api_error(status: int, document: Any) -> ApiError:
    """Return the exception for a refused API call."""
    return _BY_STATUS.get(status, ApiError)(status, document if isinstance(document, dict) else {})
