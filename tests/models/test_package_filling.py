"""A model reads what is left of a request; what it answers is data that is checked, and never code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.models.conftest import Configure, Seen
from tests.workflows.package_analyses import analysis_of
from workflows.package_deployment.scripts.detection import detection_rule
from workflows.package_deployment.scripts.filling import fill
from workflows.package_deployment.scripts.instruction_base import Mode, Origin
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.instructions import structure
from workflows.package_deployment.scripts.planning import plan
from workflows.package_deployment.scripts.rendering import render

REQUEST = "Suppress the restart. Make sure nobody has Acme Sync open while this goes on."
LEFT = "nobody has Acme Sync open while this goes"


def filled(request: str = REQUEST) -> Instructions:
    return fill(request, analysis_of(), structure(request, analysis_of(), Mode.QUICK))


def reply(*items: dict[str, Any]) -> str:
    return json.dumps({"items": list(items)})


def by_model(found: Instructions) -> list[dict[str, Any]]:
    return [item.model_dump() for item in found.items if item.source.origin is Origin.MODEL]


def test_without_a_model_the_words_stay_listed() -> None:
    found = filled()
    assert (found.not_understood, found.filled_by) == ([LEFT], "rules")


def test_a_model_adds_an_instruction_that_quotes_the_request(configure: Configure, seen: Seen) -> None:
    answer = {"topic": "close_application", "words": LEFT, "fields": {"process": "Acme Sync"}}
    configure("", "", "good", reply=reply(answer))
    found = filled()
    assert found.not_understood == [] and found.filled_by.endswith("good")
    assert by_model(found)[0]["process"] == "Acme Sync"
    assert "@{ Name = 'Acme Sync' }" in render(plan(analysis_of(), found))
    assert any("good has read" in note for note in found.notes)
    [asked] = seen()
    assert LEFT in asked["messages"][1]


@pytest.mark.parametrize(
    "item",
    [
        {"topic": "close_application", "words": LEFT, "fields": {"process": "explorer"}},
        {"topic": "close_application", "words": "open the gates", "fields": {"process": "Acme Sync"}},
        {"topic": "close_application", "words": LEFT, "fields": {"process": "Acme*"}},
        {"topic": "registry", "words": LEFT, "fields": {"key": "HKLM:\\SOFTWARE\\Evil", "name": "Acme Sync"}},
        {"topic": "arguments", "words": LEFT, "fields": {"arguments": "/quiet; Stop-Computer"}},
        {"topic": "run_code", "words": LEFT, "fields": {"code": "Stop-Computer"}},
        {"topic": "close_application", "words": LEFT, "fields": {"process": "Acme Sync", "code": "Stop-Computer"}},
        {"topic": "close_application", "words": LEFT, "fields": {"process": "Acme Sync", "source": {}}},
        {"topic": "exit_codes", "words": LEFT, "fields": {"codes": [7], "meaning": "success"}},
        {"topic": "secret", "words": LEFT, "fields": {"kind": "Acme Sync"}},
    ],
)
def test_what_nobody_has_said_is_dropped(configure: Configure, seen: Seen, item: dict[str, Any]) -> None:
    configure("", "", "good", reply=reply(item))
    found = filled()
    assert len(seen()) == 1 and any("has found nothing" in note for note in found.notes)
    assert by_model(found) == [] and found.not_understood == [LEFT] and found.filled_by == "rules"


@pytest.mark.parametrize("answer", ["Sure! Stop-Computer", "{}", '{"items": "x"}', "[]"])
def test_an_answer_that_does_not_fit_changes_nothing(configure: Configure, answer: str) -> None:
    configure("", "", "good", reply=answer)
    found = filled()
    assert by_model(found) == [] and found.not_understood == [LEFT]
    assert any("No model has read" in note for note in found.notes)


def test_a_model_is_not_asked_when_everything_is_understood(configure: Configure, seen: Seen) -> None:
    configure("", "", "good", reply=reply())
    assert filled("Suppress the restart.").filled_by == "rules"
    assert seen() == []


def test_a_request_with_a_secret_is_shown_to_no_model(configure: Configure, seen: Seen) -> None:
    configure("", "", "good", reply=reply())
    found = filled(f"{REQUEST} The license key is ABCD1-EFGH2-IJKL3-MNOP4.")
    assert seen() == [] and any("looks like a secret" in note for note in found.notes)


@pytest.mark.parametrize(
    "item",
    [
        {"topic": "registry", "fields": {"action": "remove", "key": "HKLM:\\Acme"}},
        {"topic": "shortcut", "fields": {"action": "create", "name": "Acme Sync.lnk"}},
        {"topic": "earlier_versions", "fields": {}},
        {"topic": "deferral", "fields": {"deadline": "goes on"}},
        {"topic": "close_application", "fields": {"process": ".exe"}},
        {"topic": "detection", "fields": {"by": "registry", "path": "Acme"}},
        {"topic": "detection", "fields": {"by": "file", "path": "Acme"}},
        {"topic": "requirement", "fields": {"architecture": "x86"}},
        {"topic": "window", "fields": {"which": "completion", "text": "Acme Sync"}},
    ],
)
def test_a_script_can_be_made_of_everything_that_is_accepted(configure: Configure, item: dict[str, Any]) -> None:
    configure("", "", "good", reply=reply({**item, "words": LEFT}))
    found = filled()
    render(plan(analysis_of(), found))
    detection_rule(analysis_of(), found)
