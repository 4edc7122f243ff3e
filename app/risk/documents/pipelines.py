"""Pipelines of build servers, and Compose files: their commands, actions, and permissions."""

from __future__ import annotations

import re
from typing import Any

from app.risk.documents.tree import Lined, LinedText, listed, mapping, mappings_in
from app.risk.effects import SENDS_SECRET
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

_LANGUAGE = "yaml"
_JOB = "on: push\njobs: {{a: {{runs-on: ubuntu-latest, steps: [{0}]}}}}"
CHANGES = declare(
    "pipeline.runs", RiskLevel.MEDIUM, "A build server runs what the pipeline says.",
    _JOB.format("{run: ls}"), "# on: push", language=_LANGUAGE, unread=True,
)  # fmt: skip
TARGET = declare(
    "pipeline.untrusted", RiskLevel.HIGH, "Code of strangers runs with the repository's secrets.",
    "on: pull_request_target\njobs: {a: {steps: [{run: ls}]}}", _JOB.format("{run: ls}"), language=_LANGUAGE,
)  # fmt: skip
WRITE_ALL = declare(
    "pipeline.permissions", RiskLevel.HIGH, "A pipeline may write to everything in the repository.",
    "on: push\npermissions: write-all\njobs: {a: {steps: [{run: ls}]}}", _JOB.format("{run: ls}"), language=_LANGUAGE,
)  # fmt: skip
UNPINNED = declare(
    "pipeline.unpinned", RiskLevel.MEDIUM, "An action of somebody else is used by a name that they can move.",
    _JOB.format("{uses: someone/thing@main}"), _JOB.format("{uses: actions/checkout@v4}"), language=_LANGUAGE,
)  # fmt: skip
INJECTION = declare(
    "pipeline.injection", RiskLevel.HIGH, "Text from strangers becomes a part of a command.",
    _JOB.format("{run: 'echo ${{ github.event.issue.title }}'}"), _JOB.format("{run: 'echo ${{ github.sha }}'}"),
    language=_LANGUAGE,
)  # fmt: skip
_STRANGERS = re.compile(
    r"\$\{\{[^}]*github\.(?:event\.(?:issue|pull_request|comment|review|discussion|head_commit|commits|pages|workflow_run)"
    r"[\w.\[\]*]*\.(?:title|body|message|ref|label|name|email|head_branch)|head_ref)[^}]*\}\}"
)
_SECRETS = re.compile(r"\$\{\{[^}]*\b(?:secrets|github\.token)\b[^}]*\}\}")
_OWNERS = ("actions/", "github/", "docker/", "azure/", "aws-actions/", "google-github-actions/", "hashicorp/", "./")
PRIVILEGED = declare(
    "compose.privileged", RiskLevel.HIGH, "A container gets its machine, or the container engine, into its hands.",
    "services: {a: {image: 'a:1', privileged: true}}", "services: {a: {image: 'a:1'}}", language=_LANGUAGE,
)  # fmt: skip
STARTS = declare(
    "compose.starts", RiskLevel.MEDIUM, "Starts containers.", "services: {a: {image: 'a:1'}}", "# services",
    language=_LANGUAGE, unread=True,
)  # fmt: skip


def read_github(document: Lined, reading: Reading) -> None:
    """Read a workflow or an action of GitHub."""
    reading.add(CHANGES, "The build server runs what this says.", document.at("jobs"))
    events = document.get("on", document.get("true"))
    names = set(events) if isinstance(events, Lined) else {str(event) for event in listed(events)}
    secrets = any(_SECRETS.search(str(value)) for part in mappings_in(document) for value in part.values())
    if names & {"pull_request_target", "workflow_run", "issue_comment"}:
        level = RiskLevel.HIGH if secrets or "pull_request_target" in names else RiskLevel.MEDIUM
        reading.add(TARGET, "Strangers can start this, and it has the repository's secrets.", document.at("on"), level)
    for part in mappings_in(document):
        if str(part.get("permissions")) == "write-all":
            reading.add(WRITE_ALL, "This may write to everything in the repository.", part.at("permissions"))
        if "uses" in part:
            _read_action(part, reading)
        if isinstance(part.get("run"), LinedText):
            _read_run(part["run"], reading)


def _read_action(part: Lined, reading: Reading) -> None:
    uses = str(part["uses"])
    pinned = re.search(r"@[0-9a-f]{40}$", uses) or (uses.startswith(_OWNERS) and re.search(r"@v?\d", uses))
    if not pinned and not uses.startswith("./"):
        reading.add(UNPINNED, f"{uses[:80]} can be changed by its owner at any time.", part.at("uses"))


def _read_run(run: LinedText, reading: Reading) -> None:
    if _STRANGERS.search(run):
        reading.add(INJECTION, "Text that strangers write becomes a part of this command.", run.line)
    sends = re.search(r"\b(?:curl|wget|nc|http)\b", run)
    if (
        _SECRETS.search(run)
        and sends
        and re.search(r"toJSON\(secrets\)|(?:-d|--data\S*|-F|--form|-T|\?\w+=)[^\n]*secrets\.", run)
    ):
        reading.add(SENDS_SECRET, "This sends the repository's secrets to another machine.", run.line)
    plain = re.sub(r"\$\{\{[^}]*\}\}", "${assent_unknown}", run)
    reading.read("shell", plain, run.line, image=True)


def read_gitlab(document: Lined, reading: Reading) -> None:
    """Read a pipeline of GitLab."""
    reading.add(CHANGES, "The build server runs what this says.", document.line)
    for part in mappings_in(document):
        for name in ("script", "before_script", "after_script"):
            for command in listed(part.get(name)):
                if isinstance(command, LinedText):
                    reading.read("shell", command, command.line, image=True)


def read_compose(document: Lined, reading: Reading) -> None:
    """Read a Compose file."""
    reading.add(STARTS, "This starts containers.", document.at("services"))
    for service in mapping(document.get("services")).values():
        _read_service(mapping(service), reading)


def _read_service(service: Lined, reading: Reading) -> None:
    if str(service.get("privileged")).lower() == "true" or str(service.get("pid")) == "host":
        reading.add(PRIVILEGED, "This container has its machine in its hands.", service.line)
    if str(service.get("network_mode")) == "host":
        reading.add(
            PRIVILEGED, "This container sees its machine's network.", service.at("network_mode"), RiskLevel.MEDIUM
        )
    for volume in listed(service.get("volumes")):
        source = str(mapping(volume).get("source", "")) if isinstance(volume, Lined) else str(volume).split(":")[0]
        if source in ("/", "/etc", "/root", "/home", "/var/run/docker.sock", "/var/lib/docker"):
            reading.add(PRIVILEGED, f"This container gets the machine's {source}.", service.at("volumes"))
    _read_entry(service.get("command"), reading)
    _read_entry(service.get("entrypoint"), reading)


def _read_entry(command: Any, reading: Reading) -> None:
    if isinstance(command, LinedText):
        inner = Reading(reading.budget)
        inner.read("shell", command, command.line)
        reading.take(found for found in inner.findings if found.severity is RiskLevel.CRITICAL)
