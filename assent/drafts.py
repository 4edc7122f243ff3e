"""Requests before they are sent to the portal; their secrets stay in this process."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import JsonValue

from assent.calls import Send
from assent.contracts import Urgency, document_of
from assent.digests import digest_of
from assent.header_values import checked_key
from assent.json_values import checked
from assent.masking import mask


@dataclass(frozen=True)
class RequestDraft:
    """A request to be opened, and what has to be kept for its outcome.

    Raises ValueError: no header can carry the key.

    Attributes:
        secrets: the masked values, by placeholder.
        digest: of the masked proposal.
        key: the idempotency key. If the caller gives none, one is generated, so that the call can be repeated safely
            after a lost response.
    """

    body: dict[str, Any]
    secrets: dict[str, str]
    digest: str
    key: str

    def __post_init__(self) -> None:
        checked_key(self.key)

    def send(self) -> Send:
        """Return the API call that opens it."""
        return Send("POST", "/api/v1/approvals", self.body, self.key)


@dataclass(frozen=True)
class AgUi:
    """The interrupt of an AG-UI agent that the outcome answers."""

    thread_id: str
    interrupt_id: str


@dataclass(frozen=True)
class Callback:
    """What the portal calls once a request is resolved, so that no program has to wait.

    Attributes:
        url: receives a Standard Webhooks call of the type ``approval.settled``; get the outcome then with
            ``approvals.get(id).wait()``. With `ag_ui`: the endpoint of an agent, which is run with the outcome.
        secret: ``whsec_`` and 24 to 64 bytes in base64; signs the call.
        ag_ui: the interrupt that the run answers; None: the call is a webhook.
    """

    url: str
    secret: str = field(repr=False)
    ag_ui: AgUi | None = None


def proposal_draft(
    proposal: Any, workflow: str, previous_id: str, response_schema: dict[str, Any] | None, key: str,
    callback: Callback | None = None,
) -> RequestDraft:  # fmt: skip
    """Prepare a request to approve a proposal, or its JSON. Raises pydantic.ValidationError, JsonError."""
    document = document_of(proposal)
    masked, secrets = mask(document)
    body = {"proposal": masked} | _common_fields(workflow, previous_id, response_schema, callback)
    return RequestDraft(body, secrets, digest_of(masked), key or str(uuid.uuid4()))


def question_draft(
    value: JsonValue, title: str, workflow: str, previous_id: str, response_schema: dict[str, Any] | None, key: str,
    callback: Callback | None = None, urgency: Urgency = Urgency.NORMAL,
) -> RequestDraft:  # fmt: skip
    """Prepare a request to answer a value. Raises JsonError: JSON cannot represent it."""
    title = title.strip() or "An agent asks for an answer"
    stated = {} if urgency == Urgency.NORMAL else {"urgency": Urgency(urgency).value}
    document = checked({"kind": "value", "title": title, "value": value} | stated)
    masked: Any
    masked, secrets = mask(document)
    body: dict[str, Any] = {"value": masked["value"], "title": masked["title"]} | stated
    body |= _common_fields(workflow, previous_id, response_schema, callback)
    return RequestDraft(body, secrets, digest_of(masked), key or str(uuid.uuid4()))


def _common_fields(
    workflow: str, previous_id: str, response_schema: dict[str, Any] | None, callback: Callback | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"workflow": workflow} if workflow else {}
    body |= {"previous_id": previous_id} if previous_id else {}
    body |= {"response_schema": response_schema} if response_schema is not None else {}
    if callback is not None:
        body["callback"] = {name: value for name, value in asdict(callback).items() if value is not None}
    return body
