"""Compose files: what their containers may do to the machine, and secrets in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.risk.documents.kubernetes import CAPABILITIES, WHOLE_MACHINE
from app.risk.documents.secret_settings import is_secret_setting
from app.risk.documents.tree import Lined, LinedText, listed, mapping
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

_LANGUAGE = "yaml"
PRIVILEGED = declare(
    "compose.privileged", RiskLevel.HIGH, "A container gets its machine, or the container engine, into its hands.",
    "services: {a: {image: 'a:1', privileged: true}}", "services: {a: {image: 'a:1'}}", language=_LANGUAGE,
)  # fmt: skip
STARTS = declare(
    "compose.starts", RiskLevel.MEDIUM, "Starts containers.", "services: {a: {image: 'a:1'}}", "# services",
    language=_LANGUAGE, unread=True,
)  # fmt: skip
PLAIN_SECRET = declare(
    "compose.plain_secret", RiskLevel.HIGH, "A password or key is in a Compose file.",
    "services: {a: {image: 'a:1', environment: {DB_PASSWORD: s3cure-9f}}}",
    "services: {a: {image: 'a:1', environment: {DB_PASSWORD: '${DB_PASSWORD}'}}}", language=_LANGUAGE,
)  # fmt: skip


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
    if listed(service.get("cap_add")) and set(map(_capability, listed(service["cap_add"]))) & CAPABILITIES:
        reading.add(PRIVILEGED, "This container gets rights that are as good as root's.", service.at("cap_add"))
    if any("unconfined" in str(option) or "disable" in str(option) for option in listed(service.get("security_opt"))):
        reading.add(PRIVILEGED, "A protection of this container is turned off.", service.at("security_opt"))
    for name, value, line in _variables(service):
        if is_secret_setting(name, value) and value.lower() not in _OF_EXAMPLES:
            reading.add(PLAIN_SECRET, f"The value of {name[:60]} is in the text for everybody.", line)
    for volume in listed(service.get("volumes")):
        source = str(mapping(volume).get("source", "")) if isinstance(volume, Lined) else str(volume).split(":")[0]
        if (source.rstrip("/") or source) in WHOLE_MACHINE or place_of(source) is Place.SECRET:
            reading.add(PRIVILEGED, f"This container gets the machine's {source}.", service.at("volumes"))
    _read_entry(service.get("command"), reading)
    _read_entry(service.get("entrypoint"), reading)


_OF_EXAMPLES = word_set("postgres password root secret dev test admin minioadmin guest mysql example changeme")
"""Passwords of services that run on a developer's own machine."""


def _capability(name: object) -> str:
    return str(name).upper().removeprefix("CAP_")


def _variables(service: Lined) -> Iterator[tuple[str, str, int]]:
    environment = service.get("environment")
    for name, value in mapping(environment).items():
        yield name, str(value), mapping(environment).at(name)
    for entry in listed(environment if isinstance(environment, list) else None):
        name, _, value = str(entry).partition("=")
        yield name, value, getattr(entry, "line", service.at("environment"))


def _read_entry(command: Any, reading: Reading) -> None:
    if isinstance(command, LinedText):
        inner = Reading(reading.budget)
        inner.read("shell", command, command.line)
        reading.take(found for found in inner.findings if found.severity is RiskLevel.CRITICAL)
