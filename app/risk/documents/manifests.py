"""Reading YAML: Kubernetes manifests, Compose files, and pipelines, by their shape."""

from __future__ import annotations

import yaml

from app.risk.documents.compose import read_compose
from app.risk.documents.kubernetes import read_object
from app.risk.documents.pipelines import read_github, read_gitlab
from app.risk.documents.tree import Lined, TooManyNodesError, documents_of
from app.risk.effects import UNPARSED
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

UNKNOWN_DOCUMENT = declare(
    "yaml.unknown", RiskLevel.MEDIUM, "YAML of a kind that is not known.", "a: 1", "apiVersion: v1\nkind: Namespace",
    language="yaml", unread=True,
)  # fmt: skip


def read(text: str, reading: Reading) -> None:
    """Read a YAML text."""
    try:
        documents = documents_of(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reading.add(UNPARSED, "This is not valid YAML.", mark.line + 1 if mark else 1)
        return
    except (TooManyNodesError, RecursionError):
        reading.add(UNPARSED, "This YAML has too many parts to be read.", 1)
        return
    for document in documents:
        reading.budget.step()
        if not isinstance(document, Lined):
            reading.add(UNKNOWN_DOCUMENT, "What this YAML is for is not known.", 1)
        elif "apiVersion" in document and "kind" in document:
            read_object(document, reading)
        elif "jobs" in document and ("on" in document or "true" in document or "permissions" in document):
            read_github(document, reading)
        elif "services" in document:
            read_compose(document, reading)
        elif "stages" in document or any(isinstance(value, Lined) and "script" in value for value in document.values()):
            read_gitlab(document, reading)
        elif "runs" in document and isinstance(document.get("runs"), Lined):
            read_github(document, reading)
        else:
            reading.add(UNKNOWN_DOCUMENT, "What this YAML is for is not known.", document.line)
