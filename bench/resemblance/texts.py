"""Texts with the levels that people gave them: the corpus, its siblings, and every text of the readers' tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.risk.reading import Reading
from app.risk.resemblance import LONGEST, call_text, level_by_rules
from assent.contracts import RiskLevel

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "risk"
SIBLINGS = "siblings"
_WITHOUT = "not test_resemblance and not corpus and not bypasses and not apart and not rules"


class Rated(NamedTuple):
    """A text, as the portal would score it, with its level.

    Attributes:
        corpus: Which part of the corpus it belongs to, such as ``r7``; `SIBLINGS` if it is a case of a test.
        held: True if it is held back.
    """

    text: str
    level: RiskLevel
    corpus: str
    held: bool


def rated() -> list[Rated]:
    """Return all rated texts that the portal would score, each once, with the lowest of its levels.

    A text has several if its dialect or the sizes of tables matter, which are not a part of it.
    """
    found: dict[str, Rated] = {}
    for one in (*unknown(), *corpus(), *of_tests(), *of_this_machine()):
        if 0 < len(one.text) <= LONGEST:
            known = found.setdefault(one.text.strip(), one)
            if one.level.rank < known.level.rank and not known.held:
                found[one.text.strip()] = one._replace(corpus=known.corpus)
    return list(found.values())


def corpus() -> Iterator[Rated]:
    """Yield the labeled corpus."""
    from tests.risk.score import CORPUS, read

    for name in ("shared", "dev", "held"):
        for row in read(CORPUS / f"{name}.jsonl"):
            text = row["text"]
            if row["area"] == "tool_call":
                call = json.loads(text)
                text = call_text(call["tool"], call["args"])
            part = re.match(r"(fresh|more|round5|own5|bl|r\d+)-", row["id"])
            of = part[1] if part else ("first" if name == "shared" else "second")
            yield Rated(text, RiskLevel(row["level"]), of, name == "held")


def unknown() -> Iterator[Rated]:
    """Yield what no rule knows: for these, the opinion has to do."""
    for line in (TESTS / "resemblance.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line and not line.startswith("#"):
            level, text = line.split(" ", 1)
            if call := re.fullmatch(r"(\w+) (\{.*\})", text):
                text = call_text(call[1], json.loads(call[2]))
            yield Rated(text, RiskLevel(level), SIBLINGS, held=False)


def of_this_machine() -> Iterator[Rated]:
    """Yield shell scripts of this machine with their level by rules: most of what real scripts do is no more than that.

    Those by which `bench.reading` measures are not among them.
    """
    from bench.reading import shell_scripts

    measured = set(shell_scripts())
    for path in shell_scripts(most=None):
        text = path.read_text(errors="replace")
        if path not in measured and len(text) <= LONGEST:
            reading = Reading()
            reading.read("shell", text)
            yield Rated(text, level_by_rules(reading, 0), SIBLINGS, held=False)


def of_tests() -> Iterator[Rated]:
    """Run the readers' tests, and yield what they read with the level that it got by rules: they demand these levels.

    Raises RuntimeError if a test fails, because then some levels are wrong.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rated.jsonl"
        tests = [str(TESTS), *map(str, sorted((ROOT / "tests" / "unit").glob("test_risk_*.py")))]
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "bench.resemblance.recording", f"--record={path}"]
        ran = subprocess.run([*command, "-k", _WITHOUT, *tests], cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"The readers' tests fail:\n{(ran.stdout + ran.stderr)[-2000:]}")
        for line in path.read_text(encoding="utf-8").splitlines():
            text, level = json.loads(line)
            yield Rated(text, RiskLevel(level), SIBLINGS, held=False)
