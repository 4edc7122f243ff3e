"""What is sent to open a request: its secrets stay here."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from assent.calls import Send
from assent.contracts import proposal_adapter
from assent.digests import digest_of
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


def asking_for(
    proposal: Any, workflow: str, previous_id: str, response_schema: dict[str, Any] | None, key: str
) -> Asking:
    """Ask for approval of a proposal, or of its JSON. Raises pydantic.ValidationError."""
    document = proposal_adapter.dump_python(proposal_adapter.validate_python(proposal), mode="json")
    masked, secrets = mask(document)
    body = {"proposal": masked} | _filed(workflow, previous_id, response_schema)
    return Asking(body, secrets, digest_of(masked), key or str(uuid.uuid4()))


def asking_about(
    value: JsonValue, title: str, workflow: str, previous_id: str, response_schema: dict[str, Any] | None, key: str
) -> Asking:
    """Ask people to answer a value."""
    title = title.strip() or "An agent asks for an answer"
    document = {"kind": "value", "title": title, "value": value}
    masked: Any
    masked, secrets = mask(document)
    body = {"value": masked["value"], "title": masked["title"]} | _filed(workflow, previous_id, response_schema)
    return Asking(body, secrets, digest_of(masked), key or str(uuid.uuid4()))


def _filed(workflow: str, previous_id: str, response_schema: dict[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"workflow": workflow} if workflow else {}
    body |= {"previous_id": previous_id} if previous_id else {}
    return body | ({"response_schema": response_schema} if response_schema is not None else {})
