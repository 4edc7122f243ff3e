"""Hidden characters are the same on the server and in browsers, and what shows nothing is no text."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from app.api.approval_bodies import ApprovalIn
from app.domain.hidden_characters import is_hidden
from app.services.requests.comments import clean_comment
from assent.contracts import Proposal
from assent.visible import shows

SCRIPT = Path(__file__).parents[2] / "static/js/hidden.js"
NODE = shutil.which("node")
TEXTS = [
    "plain\n\ttext ü 漢字 🎉", "a\u202eb", "a\u200bb\ufeff\u2060", "\u3164\u115f\u2028", "x\ufe00", "\u00ad",
    "👩\u200d💻 Ana", "❤️\u200d🔥", "🏳️\u200d🌈", "👩🏽\u200d⚕️", "👨\u200d👩\u200d👧", "👩\u200d", "\u200d💻", "©\u200d®",
    "👩\u200c💻", "👩\u200d\u200d💻", "a\u200db", "a\u200cb", "नमस्\u200cते", "क्\u200dष", "क\u200dष", "ක්\u200dරිස්",
    "می\u200cخواهم", "نامه\u200cای", "نامه\u200d", "دا\u200cر", "\u200cAda", "Ada\u200d",
]  # fmt: skip


@pytest.mark.skipif(NODE is None, reason="there is no node here")
def test_browsers_mark_what_the_server_marks() -> None:
    code = (
        "import { hiddenIn } from process.argv[1];"
        "const all = JSON.parse(process.argv[2]).map((text) =>"
        " [false, true].map((code) => hiddenIn(text, code).map(({ index }) => [...text.slice(0, index)].length)));"
        "console.log(JSON.stringify(all));"
    ).replace("import { hiddenIn } from process.argv[1]", f"import {{ hiddenIn }} from {json.dumps(SCRIPT.as_uri())}")
    command = [str(NODE), "--input-type=module", "-e", code, "-", json.dumps(TEXTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    marked = dict(zip(TEXTS, json.loads(done.stdout), strict=True))
    expected = {
        text: [[at for at in range(len(text)) if is_hidden(text, at, code)] for code in (False, True)] for text in TEXTS
    }
    assert marked == expected


BLANK = ["", " ", "\u00a0\u2003", "\u200b\u2060", "\u3164", "\u2800 \u200d", "\ufe0f", "\U000e0041"]


@pytest.mark.parametrize("text", BLANK)
def test_what_shows_nothing_is_no_title_and_no_reason(text: str) -> None:
    assert not shows(text) and clean_comment(text) == ""
    proposal = {"kind": "script", "title": text, "language": "sql", "content": "select 1"}
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Proposal).validate_python(proposal)
    assert refused.value.errors()[0]["loc"][-1] == "title"
    if text:
        with pytest.raises(ValidationError, match="must have something visible"):
            ApprovalIn.model_validate({"value": 1, "title": text})


def test_what_shows_something_stays_as_it_is() -> None:
    for text in ("x", "👩\u200d💻", "é", "·", "漢"):
        assert shows(text) and clean_comment(f" {text}\u200b") == f"{text}\u200b"
