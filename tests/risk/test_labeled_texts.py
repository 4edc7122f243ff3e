"""Texts with their levels, of the kinds that manuals, linters, and incident reports name.

A case in `cases/*.txt` is a line ``### LEVEL LANGUAGE: what it would do`` and the text below it. Where the text says it
as plainly, the words after the language are left out. Lines before the first case say what the file is about.
"""

import re
from pathlib import Path

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

FOLDER = Path(__file__).with_name("cases")


def cases():
    for path in sorted(FOLDER.glob("*.txt")):
        for block in re.split(r"(?m)^### ", path.read_text(encoding="utf-8"))[1:]:
            head, _, text = block.partition("\n")
            level, language, why = re.fullmatch(r"(\w+) (\w+)(?:: (.+))?", head).groups()
            shown = why or text.rstrip().rpartition("\n")[2].strip()[:70]
            yield pytest.param(level, language, text, id=f"{path.stem}: {level} {language}: {shown}")


@pytest.mark.parametrize(("level", "language", "text"), list(cases()))
def test_a_text_is_rated_by_what_it_would_do(level, language, text):
    assessment = assess_proposal({"kind": "script", "title": "t", "language": language, "content": text})
    assert assessment.level is RiskLevel(level), assessment.findings
    assert "code.failed" not in {found.rule for found in assessment.findings}
