"""The router over REST: which workflow a text wants."""

from __future__ import annotations

from typing import Any

from app.api import routing_models as models
from app.api.registry import ApiCall, EndpointTable
from app.domain.tokens import Scope
from app.http.routing import routed
from app.store.routing import Routing

table = EndpointTable()
WRITE = (Scope.RUNS_WRITE,)


@table.add("POST", "/route", models.RoutingOut, body=models.RouteIn, scopes=WRITE)
def route_text(call: ApiCall) -> Any:
    """Find the workflow that a text wants. Starts nothing."""
    return _document(call, routed(call.portal, call.actor, call.body.text, call.made_as))


@table.add("POST", "/route/<uuid:id>/choice", models.RoutingOut, body=models.ChoiceIn, scopes=WRITE)
def choose_workflow(call: ApiCall) -> Any:
    """Say which workflow a text wanted. The router follows this for the same text from now on."""
    return _document(call, call.portal.services.routed_texts.choose(call.actor, call.id, call.body.workflow))


def _document(call: ApiCall, found: Routing) -> dict[str, Any]:
    offered = {entry.name for entry in call.portal.services.runs.catalog()}
    answer = found.answer or {}
    inputs = answer.get("inputs", {})
    return {
        "id": found.id,
        "text": found.text,
        "workflow": answer.get("workflow"),
        "confidence": answer.get("confidence", 0.0),
        "stage": answer.get("stage", ""),
        "reason": answer.get("reason", ""),
        "installed": answer.get("workflow") in offered,
        "input": inputs.get(answer.get("workflow") or "", {}),
        "chosen": found.chosen,
        "alternatives": [
            other | {"installed": other["workflow"] in offered, "input": inputs.get(other["workflow"], {})}
            for other in answer.get("alternatives", [])
        ],
    }
