"""The gate: suspend the graph until people decide, and report what was done with the outcome.

LangGraph is imported inside the functions because the portal's web process imports this package for its contract
types and must not load LangGraph; inside a graph it is already loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from assent.contracts import CONTRACT_VERSION, Outcome, ReceiptStatus, document_of, resting_on
from assent.digests import digest_of
from assent.masking import mask, reveal
from assent.reports import current_reporter, receipt_of, storable_text

log = logging.getLogger(__name__)
RECEIPT_KEY = "assent_receipt"
ARTIFACT_KEY = "assent_artifact"
MAX_ARTIFACT = 5_000_000
"""Longest artifact, in characters; the rest is cut off."""
WATCH_KEY = "__assent_watch"
"""Key in a graph's configuration for the `assent.watch.Watch` that watches its steps while it is driven."""


class ProposalChangedError(RuntimeError):
    """The node proposed something other than what was reviewed when it ran again with the answer."""


class ForeignOutcomeError(RuntimeError):
    """The outcome belongs to another request: of another run, or of another step of this run."""


def request_approval(proposal: Any, *, rests_on: Iterable[Any] = (), changed: Any = None) -> Outcome:
    """Suspend the graph until people decide on the proposal, and return the outcome.

    When the answer arrives, LangGraph runs the node again from its start: keep the code before this call free of side
    effects, or put it in a node of its own. Secrets in the proposal are masked before they leave the process and
    restored in the outcome's payload, so that they are never stored or shown.

    Args:
        proposal: one of `Script`, `Optimizations`, `ToolCall`, `Plan`, `Question`, `Custom`.
        rests_on: what the proposal was made from: what `assent.toolbox.read` has returned in an earlier node, or its
            JSON. Read it again right before the action, with `assent.toolbox.changes_since`.
        changed: what that has returned, if this proposal is made because an earlier one could not be applied.

    Raises:
        pydantic.ValidationError: the proposal or the answer does not conform to the contract.
        assent.json_values.JsonError: it contains NaN or an infinity, or is nested more than 64 levels deep.
        ProposalChangedError: the proposal is not the one that was reviewed; create it in an earlier node, so that it
            is the same when this node runs again.
        ForeignOutcomeError: the outcome belongs to another request.
    """
    from langgraph.config import get_config
    from langgraph.types import interrupt

    if rests_on or changed:
        proposal = resting_on(proposal, rests_on, changed)
    document = document_of(proposal)
    masked, secrets = mask(document)
    answer = interrupt({"assent": CONTRACT_VERSION, "proposal": masked})
    watch = get_config()["configurable"].get(WATCH_KEY)
    try:
        outcome = _accepted(answer, document["title"], digest_of(masked))
        if watch and not watch.accepts(answer, outcome.request_id):
            raise ForeignOutcomeError(
                f"The outcome received for {document['title']!r} belongs to another request. Nothing was done."
            )
    except Exception:
        # If the code around this call catches the exception, that must not count as an approval either.
        if watch:
            watch.asks()
        raise
    return outcome.model_copy(update={"payload": reveal(outcome.payload, secrets)})


def _accepted(answer: Any, title: str, digest: str) -> Outcome:
    """Return the answer if it is an outcome of this proposal. Raises the same errors as `request_approval`."""
    outcome = Outcome.model_validate(answer)
    if outcome.proposed_digest != digest:
        raise ProposalChangedError(
            f"{title!r} differs from the proposal that was reviewed. A node runs again from its start when "
            "the answer arrives: create the proposal in an earlier node."
        )
    return outcome


def report_receipt(outcome: Outcome, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
    """Report what was actually done with an outcome; the request's page and the audit log show it.

    Call it after the action. It never raises, because a step that fails after its action would repeat the action on
    "Retry": a summary that is too long is cut, values that JSON cannot represent are converted to strings, secrets are
    masked, and an unknown status is stored as "not known". In a hosted run, the receipt is stored before the step
    counts as completed.

    Without this call, the portal records `applied` once the run has completed, and `failed` if it fails.

    Args:
        outcome: the return value of `request_approval`, or its JSON.
        status: a `ReceiptStatus` or its value, such as `applied`.
        summary: one or two sentences; at most 2,000 characters are kept.
        detail: any further values, such as counts.
    """
    try:
        receipt = receipt_of(outcome, status, summary, detail)
        if receipt is None:
            return
        if (report := current_reporter()) is not None:
            report(receipt)
            return
        from langgraph.config import get_stream_writer

        get_stream_writer()({RECEIPT_KEY: receipt.model_dump(mode="json")})
    except Exception:
        log.exception("A receipt could not be reported.")


def publish_artifact(name: str, content: str, media_type: str = "text/plain") -> None:
    """Attach a text (a report, a script, a plan) to the run; publishing the same name again replaces it.

    It never raises: content that is too long is cut and marked, and other types are converted to text.
    """
    artifact = {
        "name": storable_text(name, 200),
        "content": storable_text(content, MAX_ARTIFACT),
        "media_type": storable_text(media_type, 200),
    }
    try:
        from langgraph.config import get_stream_writer

        get_stream_writer()({ARTIFACT_KEY: artifact})
    except Exception:
        log.exception("An artifact could not be published.")
