"""`docs/first-workflow-without-python.md`, followed literally in a fresh clone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from app.embedded import find_running
from tests.processes.crew import until
from tests.processes.harness import ROOT, Managed, environment, free_port

pytestmark = [pytest.mark.processes, pytest.mark.soak]

DOCUMENT = (ROOT / "docs" / "first-workflow-without-python.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.M | re.S)
SOON = 120.0


class Clone:
    """A fresh clone with an environment of its own, and what somebody who follows the document does in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "assent"
        self.work = folder / "first-workflow"
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        bundles = shutil.copytree(ROOT / "static" / "dist", self.folder / "static" / "dist", dirs_exist_ok=True)
        (bundles / ".complete").touch()  # as if they had just been built
        self._environment()
        self.settings = environment(ASSENT_PORT=str(free_port()))
        del self.settings["PYTHONPATH"]  # that of the tests would win over the clone
        self.serve: Managed | None = None

    def _environment(self) -> None:
        """What `bin/setup` would make, with the packages of this environment instead of copies of them."""
        place = self.folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        [packages] = place.glob("lib/python3*/site-packages")
        (packages / "installed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        (packages / "assent.pth").write_text(f"{self.folder}\n")
        for lock in ("requirements.lock", "requirements-dev.lock"):
            shutil.copy2(self.folder / lock, place / lock)

    def literally(self, text: str) -> str:
        """A text of the document, with a folder of this test in place of the one in /tmp."""
        return text.replace("/tmp/first-workflow", str(self.work))

    def type(self, commands: str, code: int = 0) -> str:
        """What a block of commands prints."""
        text = self.literally(commands)
        for name, value in re.findall(r"^export (\w+)=(.*)$", text, re.M):
            self.settings[name] = value
        done = subprocess.run(
            ["bash", "-e", "-c", text], cwd=self.folder, env=self.settings, capture_output=True, text=True, timeout=SOON
        )
        assert done.returncode == code, (commands, done.stdout, done.stderr)
        return done.stdout

    def start(self, command: str) -> None:
        """Start what runs until it is stopped."""
        self.serve = Managed("dev", ["env", "--chdir", str(self.folder), command.strip()], self.settings, "Open  http")
        self.serve.start(wait=False).wait_for_log("Open  http", 240)

    def pending(self, title: str) -> dict[str, Any]:
        """The pending request of this title, once it is there."""
        self.wait_for_request("state = 'pending' AND title = %s", title)
        rows = json.loads(self.type("bin/assent approvals list --json"))
        return next(row for row in rows if row["title"] == title)

    def wait_for_request(self, condition: str, value: str) -> None:
        """Wait for a request in the database: each command would start a process to look."""
        with psycopg.connect(find_running(self.folder / ".data"), autocommit=True) as database:
            query = sql.SQL("SELECT FROM approval_requests WHERE {}").format(sql.SQL(condition))  # type: ignore[arg-type]
            until(lambda: database.execute(query, (value,)).fetchone() is not None, SOON, f"{condition}: {value}")


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    made = Clone(tmp_path)
    yield made
    if made.serve is not None and made.serve.running:
        made.serve.stop()


def test_the_document_followed_literally(clone: Clone) -> None:
    file = clone.folder / "workflows" / "tidy_up" / "workflow.yaml"
    printed, followed = "", []
    for number, (language, text) in enumerate(BLOCKS):
        following = BLOCKS[number + 1] if number + 1 < len(BLOCKS) else ("", "")
        if language == "yaml" and text.startswith("steps:"):
            file.write_text(file.read_text().split("steps:")[0] + text)
            followed.append("steps")
        elif language == "yaml":
            file.parent.mkdir()
            file.write_text(text)
            followed.append("file")
        elif text.strip() == "bin/dev":
            clone.start("bin/dev")
            followed.append("dev")
        elif language == "sh":
            fails = following[0] == "" and ": " in following[1]
            printed = clone.type(text, code=1 if fails else 0)
            followed.append("run" if "run start" in text else "commands")
            if "run start" in text:
                approve_all_but_february(clone)
        else:
            assert printed == clone.literally(text)
            followed.append("output")
    assert followed == [
        "commands", "commands", "commands", "file", "commands", "output", "steps", "commands", "dev", "run", "commands",
        "output",
    ]  # fmt: skip


def approve_all_but_february(clone: Clone) -> None:
    """What the document says to do in the browser."""
    row = clone.pending("Compress old files")
    shown = json.loads(clone.type(f"bin/assent approvals show {row['id']} --json"))
    calls = {call["args"]["name"]: call["id"] for call in shown["payload"]["calls"]}
    assert list(calls) == ["january.log", "february.log"]
    change = json.dumps({"calls": [{"id": calls["february.log"], "decision": "reject"}]})
    clone.type(
        f"bin/assent approvals decide {row['id']} modify --as dba@example.com --digest {shown['digest']} "
        f"--change '{change}' --comment 'February is still needed.' --acknowledge-risk critical"
    )
    clone.wait_for_request("id IN (SELECT request_id FROM receipts WHERE status = 'applied') AND id = %s", row["id"])
    assert json.loads(clone.type(f"bin/assent approvals show {row['id']} --json"))["receipt"] == "applied"
