"""What is sent to open a request: its secrets stay here."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import JsonValue

from assent.calls import Send
from assent.contracts import document_of
from assent.digests import digest_of
from assent.json_values import checked
from assent.masking import mask


@dataclass(frozen=True)
class Asking:
    """What is sent to open a request, and what has to be kept for its outcome.

    Attributes:
        secrets: what was masked, by its place holder.
        digest: of what is proposed, masked.
        key: under which the call may be made again. Without one of the caller's, one of its own makes it safe to send
            it again when its answer was lost.
    """

    body: dict[str, Any]
    secrets: dict[str, str]
    digest: str
    key: str

    def send(self) -> Send:
        """The call that opens it."""
        return Send("POST", "/api/v1/approvals", self.body, self.key)


@dataclass(frozen=True)
class AgUi:
    """The interrupt of an agent that speaks AG-UI, which the outcome is the answer to."""

    thread_id: str
    interrupt_id: str


@dataclass(frozen=True)
class Callback:
    """Where the portal calls once a request is settled, so that nobody has to wait.

    Attributes:
        url: called by Standard Webhooks with the type ``approval.settled``; take up the request then with
            ``approvals.get(id).wait()``. With `ag_ui`: the endpoint of an agent, which is run with the outcome.
        secret: ``whsec_`` and 24 to 64 bytes in base64; signs the call.
        ag_ui: what the run answers; None: the call is a webhook.
    """

    url: str
    secret: str = field(repr=False)
    ag_ui: AgUi | None = None


def asking_for(
    proposal: Any, workflow: str, previous_id: str, response_schema: dict[str, Any] | None, key: str,
    callback: Callback | None = None,
) -> Asking:  # fmt: skip
    """Ask for approval of a proposal, or of its JSON. Raises pydantic.ValidationError, JsonError."""
    document = document_of(proposal)
    masked, secrets = mask(document)
    body = {"proposal": masked} | _filed(workflow, previous_id, response_schema, callback)
    return Asking(body, secrets, digest_of(masked), key or str(uuid.uuid4()))


def asking_about(
    value: JsonValue, title: str, workflow: str, previous_id: str, response_schema: dict[str, Any] | None, key: str,
    callback: Callback | None = None,
) -> Asking:  # fmt: skip
    """Ask people to answer a value. Raises JsonError: it is not one that JSON can carry."""
    title = title.strip() or "An agent asks for an answer"
    document = checked({"kind": "value", "title": title, "value": value})
    masked: Any
    masked, secrets = mask(document)
    body: dict[str, Any] = {"value": masked["value"], "title": masked["title"]}
    body |= _filed(workflow, previous_id, response_schema, callback)
    return Asking(body, secrets, digest_of(masked), key or str(uuid.uuid4()))


def _filed(
    workflow: str, previous_id: str, response_schema: dict[str, Any] | None, callback: Callback | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"workflow": workflow} if workflow else {}
    body |= {"previous_id": previous_id} if previous_id else {}
    body |= {"response_schema": response_schema} if response_schema is not None else {}
    if callback is not None:
        body["callback"] = {name: value for name, value in asdict(callback).items() if value is not None}
    return body
