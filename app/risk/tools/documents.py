"""Documents in the arguments of tools that apply them: manifests, plans, pipelines, and the like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.risk.reading import TOO_LARGE, Reading
from app.risk.rules import word_set
from app.risk.tools.call import ToolCall, json_in, words_in

MOST_DOCUMENTS = 50
_MOST_VALUES = 2_000
_DEEPEST = 4
_LONGEST = 256_000
_KEYS = word_set(
    "manifest manifests yaml yml spec plan definition resource resources object objects template templates workflow "
    "pipeline compose dockerfile containerfile crontab json tfplan"
)
"""Names of arguments that mean a document, whatever the tool is called."""
_APPLIES = word_set(
    "apply deploy kubectl kubernetes oc openshift helm argocd flux terraform tofu terragrunt cluster manifest "
    "manifests compose docker podman rollout resource resources plan pipeline workflow"
)
"""Words of tools that take a document under any name."""
_READS = word_set("validate lint explain diff check preview dry parse describe get show")
_ACTS = word_set("apply deploy create update install upgrade replace patch set run execute rollout sync save submit")
_OBJECT = re.compile(r"^apiVersion[ \t]*:", re.MULTILINE)
_KIND = re.compile(r"^kind[ \t]*:", re.MULTILINE)
_PIPELINE = re.compile(r"^(?:'on'|\"on\"|on|permissions)[ \t]*:", re.MULTILINE)
_JOBS = re.compile(r"^jobs[ \t]*:", re.MULTILINE)
_SERVICES = re.compile(r"^services[ \t]*:", re.MULTILINE)
_IMAGE = re.compile(r"^FROM[ \t]+\S", re.MULTILINE | re.IGNORECASE)
_SCHEDULE = re.compile(r"^(?:@\w+|(?:[\d*,/-]+[ \t]+){4}[\d*,/A-Za-z-]+)[ \t]+\S", re.MULTILINE)
_CHANGE = re.compile(r"^[ \t]*# (\S+) (?:will|must) be (destroyed|created|updated in-place|replaced)", re.MULTILINE)
_ACTIONS = {
    "destroyed": ["delete"], "created": ["create"], "updated in-place": ["update"], "replaced": ["delete", "create"],
}  # fmt: skip
_WORKLOADS = {
    "pod": "Pod", "deployment": "Deployment", "daemonset": "DaemonSet", "statefulset": "StatefulSet", "job": "Job",
    "cronjob": "CronJob", "service": "Service", "replicaset": "ReplicaSet", "ingress": "Ingress",
}  # fmt: skip


def read_documents(call: ToolCall, reading: Reading) -> bool:
    """Read the documents that a call would apply, and note where they are. Returns False if it has none."""
    if call.reads or (set(call.words[:1]) & _READS and not set(call.words) & _ACTS):
        return False
    found = False
    for number, (path, language, text) in enumerate(_documents(call)):
        if number == MOST_DOCUMENTS or not language:
            reading.add(TOO_LARGE, "There are too many documents; not all of them have been read.")
            break
        found = True
        call.documents += (path,)
        with reading.at_item(path):
            reading.read(language, text, fixed=text is not _text_at(call, path), within=f"In {path}: " if path else "")
    return found


def _text_at(call: ToolCall, path: str) -> Any:
    """Return the argument with that name, if it is the text itself, so that its lines are those of the document."""
    return call.args.get(path) if isinstance(call.args, Mapping) else None


def _documents(call: ToolCall) -> Iterator[tuple[str, str, str]]:
    """Yield the paths, languages, and texts of documents, the outermost ones only.

    The last one has no language if there are too many values to look at.
    """
    words = set(call.all_words)
    named = bool(words & _APPLIES)
    pending: list[tuple[str, Any, bool, int]] = [("", call.args, named, 0)]
    for _ in range(_MOST_VALUES):
        if not pending:
            return
        path, value, expected, depth = pending.pop()
        if isinstance(value, str):
            parsed = json_in(value, _LONGEST) if depth < _DEEPEST else None
            if parsed is not None:
                pending.append((path, parsed, expected, depth + 1))
            elif expected and (language := _language(path, value)):
                yield path, language, _plan_of(value) if language == "json" else value
        elif isinstance(value, Mapping):
            language = _language_of(value) if expected or depth == 0 else ""
            if language:
                yield path, language, json.dumps(value, default=str)
                continue
            if expected and (kind := _workload(words, path, value)):
                yield path, "yaml", json.dumps({"apiVersion": "v1", "kind": kind, "spec": value}, default=str)
                continue
            for key, inner in reversed(list(value.items())):
                means = expected or bool(set(words_in(str(key))) & _KEYS)
                pending.append((f"{path}.{key}".lstrip(".")[:200], inner, means, depth + 1))
        elif isinstance(value, (list, tuple)):
            pending += [(path, inner, expected, depth + 1) for inner in reversed(value)]
    if any(expected for _, _, expected, _ in pending):
        yield "", "", ""


def _language_of(value: Mapping[str, Any]) -> str:
    if isinstance(value.get("resource_changes"), list):
        return "json"
    if isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str):
        return "yaml"
    if isinstance(value.get("jobs"), Mapping) and ("on" in value or "permissions" in value):
        return "yaml"
    services = value.get("services")
    if isinstance(services, Mapping) and services and all(isinstance(part, Mapping) for part in services.values()):
        return "yaml"
    return ""


def _language(path: str, text: str) -> str:
    """Return the language of a text by its shape; a name such as ``dockerfile`` helps with texts that are short."""
    if (_OBJECT.search(text) and _KIND.search(text)) or (_PIPELINE.search(text) and _JOBS.search(text)):
        return "yaml"
    if _SERVICES.search(text) and re.search(r"\b(?:image|build)[ \t]*:", text):
        return "yaml"
    if _CHANGE.search(text):
        return "json"
    words = set(words_in(path.rpartition(".")[2]))
    if words & {"dockerfile", "containerfile"} and _IMAGE.search(text):
        return "dockerfile"
    return "crontab" if words & {"crontab"} and _SCHEDULE.search(text) else ""


def _plan_of(text: str) -> str:
    """Return a plan that people read as one that programs read."""
    changes = []
    for found in _CHANGE.finditer(text):
        kind = re.findall(r"(?:^|\.)([a-z][a-z0-9]*_\w+)\.", found[1][:300])
        change = {"actions": _ACTIONS[found[2]], "before": {}, "after": {}}
        changes.append({"address": found[1][:300], "type": kind[-1] if kind else "", "change": change})
    return json.dumps({"resource_changes": changes})


def _workload(words: set[str], path: str, value: Mapping[str, Any]) -> str:
    """Return the kind of a workload of which only the ``spec`` is given; empty if it is none."""
    if path.rpartition(".")[2].lower() not in ("spec", "podspec", "pod_spec"):
        return ""
    if not set(value) & {"containers", "template", "hostNetwork", "volumes", "jobTemplate", "type", "replicas"}:
        return ""
    return next((kind for word, kind in _WORKLOADS.items() if word in words), "Pod" if "containers" in value else "")
