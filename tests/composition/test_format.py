"""The documentation of workflow files is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

from assent.composition.document import parse_document
from assent.composition.fields import RECOVER_FIELDS, STEP_FIELDS, WORKFLOW_FIELDS

TEXT = (Path(__file__).parents[2] / "docs" / "workflow-files.md").read_text()


def rows(heading: str) -> list[tuple[str, bool]]:
    """The fields of the table under a heading, each with whether it is required."""
    part = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [(name, words.startswith("Required.")) for name, words in re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.M)]


def test_the_tables_have_all_fields() -> None:
    for heading, fields in (("The file", WORKFLOW_FIELDS), ("Steps", STEP_FIELDS)):
        assert rows(heading) == [(name, field.required) for name, field in fields.items()]
    assert rows("Failures")[: len(RECOVER_FIELDS)] == [(name, False) for name in RECOVER_FIELDS]


def test_the_examples_in_the_text_are_valid() -> None:
    head = "name: a\nversion: '1'\ntitle: A\n"
    steps = [block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.S) if block.startswith("steps:")]
    assert steps
    for block in steps:
        assert parse_document(head + block).steps
