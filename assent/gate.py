"""The gate: suspend the graph until people have decided, and report what became of it.

LangGraph is imported inside the functions because the portal's web process loads this package for its contract
types and must not load LangGraph; inside a graph it is loaded already.
"""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from assent.contracts import CONTRACT_VERSION, Outcome, Receipt, ReceiptStatus, proposal_adapter
from assent.digests import digest_of
from assent.masking import mask, reveal

RECEIPT_KEY = "assent_receipt"
ARTIFACT_KEY = "assent_artifact"
WATCH_KEY = "__assent_watch"
"""Key of a graph's configuration: who watches its steps while it is driven (`assent.watch`)."""


class ProposalChangedError(RuntimeError):
    """The node proposes something else than what was reviewed when it runs again with the answer."""


def request_approval(proposal: Any) -> Outcome:
    """Suspend the running graph until the proposal is decided, and return the outcome.

    LangGraph runs the node again from its start when the answer arrives: keep what precedes this call free of side
    effects, or in a node of its own. Secrets in the proposal are masked before they leave the process and put back
    into the outcome's payload, so what is stored and shown never contains them.

    Args:
        proposal: one of `Script`, `Optimizations`, `ToolCall`, `Question`, `Custom`.

    Raises:
        pydantic.ValidationError: the proposal, or the answer, is not what the contract says.
        ProposalChangedError: the proposal is not the one that was reviewed; make it in an earlier node, so that it
            is the same when this node runs again.
    """
    from langgraph.config import get_config
    from langgraph.types import interrupt

    document = proposal_adapter.dump_python(proposal_adapter.validate_python(proposal), mode="json")
    masked, secrets = mask(document)
    answer = interrupt({"assent": CONTRACT_VERSION, "proposal": masked})
    try:
        outcome = _accepted(answer, document["title"], digest_of(masked))
    except Exception:
        # Code around this that catches everything must not pass for an approval either.
        if watch := get_config()["configurable"].get(WATCH_KEY):
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


def report_receipt(outcome: Outcome, status: ReceiptStatus, summary: str = "", detail: JsonValue = None) -> None:
    """Say what really happened with an outcome; the request's page and the record show it.

    Without this call the portal records `applied` when the run gets past the gate and `failed` when it does not.
    """
    from langgraph.config import get_stream_writer

    receipt = Receipt(request_id=outcome.request_id, status=status, summary=summary, detail=detail)
    get_stream_writer()({RECEIPT_KEY: receipt.model_dump(mode="json")})


def publish_artifact(name: str, content: str, media_type: str = "text/plain") -> None:
    """Attach a text (a report, a script, a plan) to the run; the same name again replaces it."""
    from langgraph.config import get_stream_writer

    get_stream_writer()({ARTIFACT_KEY: {"name": name, "content": content, "media_type": media_type}})
