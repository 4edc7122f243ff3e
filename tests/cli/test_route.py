"""`assent route`: answers for texts and files, without a portal or a database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from click.testing import CliRunner

from app.cli.route import route
from app.installation import ROOT


def test_a_text_is_answered_for_people() -> None:
    result = CliRunner().invoke(route, ["which sessions hold the row locks?"])
    assert result.exit_code == 0
    first, *others = result.output.splitlines()
    assert first.startswith("database_blocking (not installed), ") and "% sure. " in first
    assert len(others) == 3 and all(line.startswith("  ") for line in others)


def test_each_line_of_a_file_is_one_line_of_json(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    lines = ["disk full on host app-7", "", "run database maintenance", "caf\u00e9 \u2028 menu \x0b today"]
    file.write_bytes("\r\n".join(lines).encode() + b"\n\xff\n")
    result = CliRunner().invoke(route, ["--file", str(file), "--json"])
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.output.split("\n") if line]
    assert [answer["text"] for answer in answers] == [*lines, "\ufffd"]
    assert [answer["workflow"] for answer in answers] == [
        "instance_troubleshooting", None, "database_maintenance", None, None,
    ]  # fmt: skip
    assert answers[2]["stage"] == "name"
    assert all(len(answer["alternatives"]) == 3 for answer in answers)


def test_a_text_or_a_file_is_required() -> None:
    for arguments in ([], ["text", "--file", "-"]):
        result = CliRunner().invoke(route, arguments)
        assert result.exit_code == 2 and "either a text or --file" in result.output


def test_no_portal_or_database_is_needed(tmp_path: Path) -> None:
    ran = subprocess.run(
        [str(ROOT / "bin" / "assent"), "route", "--file", "-", "--json"],
        input="slow queries since noon\n", text=True, capture_output=True, check=True, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "ASSENT_DATA_DIR": str(tmp_path / "data")},
    )  # fmt: skip
    assert json.loads(ran.stdout)["workflow"] == "database_performance"
    assert not (tmp_path / "data").exists()
