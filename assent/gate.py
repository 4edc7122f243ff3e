"""The gate: suspend the graph until people have decided, and report what became of it.

LangGraph is imported inside the functions because the portal's web process loads this package for its contract
types and must not load LangGraph; inside a graph it is loaded already.
"""

from __future__ import annotations

import logging
from typing import Any

from assent.contracts import CONTRACT_VERSION, Outcome, ReceiptStatus, document_of
from assent.digests import digest_of
from assent.masking import mask, reveal
from assent.reports import current_reporter, receipt_of, storable_text

log = logging.getLogger(__name__)
RECEIPT_KEY = "assent_receipt"
ARTIFACT_KEY = "assent_artifact"
MAX_ARTIFACT = 5_000_000
"""Characters of an artifact that are kept."""
WATCH_KEY = "__assent_watch"
"""Key of a graph's configuration: who watches its steps while it is driven (`assent.watch`)."""


class ProposalChangedError(RuntimeError):
    """The node proposes something else than what was reviewed when it runs again with the answer."""


class ForeignOutcomeError(RuntimeError):
    """The outcome was decided for another question: of another run, or of another step of this one."""


def request_approval(proposal: Any) -> Outcome:
    """Suspend the running graph until the proposal is decided, and return the outcome.

    LangGraph runs the node again from its start when the answer arrives: keep what precedes this call free of side
    effects, or in a node of its own. Secrets in the proposal are masked before they leave the process and put back
    into the outcome's payload, so what is stored and shown never contains them.

    Args:
        proposal: one of `Script`, `Optimizations`, `ToolCall`, `Question`, `Custom`.

    Raises:
        pydantic.ValidationError: the proposal, or the answer, is not what the contract says.
        assent.json_values.JsonError: it holds NaN or an infinity, or is nested more than 64 levels deep.
        ProposalChangedError: the proposal is not the one that was reviewed; make it in an earlier node, so that it
            is the same when this node runs again.
        ForeignOutcomeError: the outcome was decided for another question.
    """
    from langgraph.config import get_config
    from langgraph.types import interrupt

    document = document_of(proposal)
    masked, secrets = mask(document)
    answer = interrupt({"assent": CONTRACT_VERSION, "proposal": masked})
    watch = get_config()["configurable"].get(WATCH_KEY)
    try:
        outcome = _accepted(answer, document["title"], digest_of(masked))
        if watch and not watch.accepts(answer, outcome.request_id):
            raise ForeignOutcomeError(
                f"The outcome that came for {document['title']!r} was decided for another question. Nothing was done."
            )
    except Exception:
        # Code around this that catches everything must not pass for an approval either.
        if watch:
            watch.asks()
        raise
    return outcome.model_copy(update={"payload": reveal(outcome.payload, secrets)})


def _accepted(answer: Any, title: str, digest: str) -> Outcome:
    """The answer, if it is an outcome of this very proposal. Raises as `request_approval`."""
    outcome = Outcome.model_validate(answer)
    if outcome.proposed_digest != digest:
        raise ProposalChangedError(
            f"{title!r} differs from the proposal that was reviewed. A node runs again from its start when "
            "the answer arrives: make the proposal in an earlier node."
        )
    return outcome


def report_receipt(outcome: Outcome, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
    """Report what really happened with an outcome; the request's page and the audit log show it.

    Call it after the act. It never raises, because a step that has acted and then fails would act again on "Retry":
    a summary that is too long is cut, values that JSON cannot hold become texts, secrets are masked, and an unknown
    status is kept as "not known". In a run of the portal the receipt is stored before the step counts as completed.

    Without this call the portal records `applied` once the run has completed, and `failed` when it fails.

    Args:
        outcome: what `request_approval` returned, or its JSON.
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
    """Attach a text (a report, a script, a plan) to the run; the same name again replaces it.

    It never raises: what is too long is cut with a mark, and what is no text becomes one.
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
