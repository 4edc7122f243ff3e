"""What is said about coding agents: the document has the settings that are written, and what they do not cover."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.domain.policy.parser import read_policy
from app.domain.policy.rules import CompiledPolicy
from assent.hooks.setup import SETUPS

TEXT = (Path(__file__).parents[2] / "docs" / "coding-agents.md").read_text()


@pytest.mark.parametrize("name", SETUPS)
def test_the_document_says_what_set_up_writes_and_first_what_it_does_not_cover(name: str) -> None:
    setup = SETUPS[name]
    found = re.search(rf"(?ms)^## {setup.agent.title}\n(.*?)^## ", TEXT)
    assert found
    section = found[1]
    assert re.findall(r"(?ms)^```json\n(.*?)^```", section)[0] == setup.text("assent-hook")
    places = [section.index(words) for words in (*setup.gaps, setup.closed, setup.unverified, f"`{setup.file}`")]
    assert places == sorted(places)


def test_the_http_hook_is_json() -> None:
    [hook] = [block for block in re.findall(r"(?ms)^```json\n(.*?)^```", TEXT) if '"http"' in block]
    assert json.loads(hook)["onFailure"] == "block"


@pytest.mark.parametrize("text", re.findall(r"(?ms)^```yaml\n(.*?)^```", TEXT))
def test_its_policies_can_be_loaded(text: str) -> None:
    CompiledPolicy(read_policy(text, "example.yaml"), 1)
