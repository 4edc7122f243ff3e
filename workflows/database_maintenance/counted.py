"""Steps that do the work of a tool: they count as calls of it, on the run's page and on the tool's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from assent.toolbox import Tool, recorded
from workflows.database_maintenance.inputs import MaintenanceInput


def counted(
    tool: Tool, settings: MaintenanceInput, request_id: str = "", **inputs: Any
) -> AbstractContextManager[None]:
    """Record the block as a call of the tool, with those fields of the run's input that the tool has, and others."""
    shared = settings.model_dump(mode="json", include=set(tool.takes.schema["properties"]))
    return recorded(tool, shared | inputs, request_id=request_id)
