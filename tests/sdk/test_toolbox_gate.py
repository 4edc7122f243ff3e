"""Tools that change something: called on the command line, approved, changed, or rejected at a real portal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_tools import TOOLS
from tests.sdk.conftest import Portal
from tests.webprocess import SOON

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installed package with tools."""
    (tmp_path / "demo_tools.py").write_text(TOOLS)
    about = tmp_path / "demo_tools-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: demo_tools\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[assent.toolbox]\ndemo = demo_tools\n")
    return tmp_path


@contextmanager
def called(portal: Portal, package: Path, table: str) -> Iterator[subprocess.Popen[str]]:
    """A process that calls the tool that drops a table, and waits for people."""
    portal_settings = {"ASSENT_URL": portal.web.url, "ASSENT_TOKEN": portal.token}
    child = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", "tools", "call", "drop_table", "--input", json.dumps({"table": table}),
         "--reason", f"Nobody reads {table}.", "--environment", "test"],
        cwd=package, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{package}"} | portal_settings,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def asked(portal: Portal, table: str) -> str:
    """The id of the request for this table, once it is there."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        for row in portal.pending():
            if portal.request(row["id"])["payload"].get("args") == {"table": table}:
                return str(row["id"])
        time.sleep(0.05)
    raise AssertionError(f"nobody asked to drop {table}")


def test_the_call_is_made_with_the_arguments_that_people_approved(portal: Portal, package: Path) -> None:
    with called(portal, package, "orders") as child:
        request_id = asked(portal, "orders")
        request = portal.request(request_id)
        assert request["risk"]["level"] in ("high", "critical")
        assert request["payload"]["labels"] == {"tool_version": "1.0"}
        portal.decide(request_id, "modify", change={"args": {"table": "orders_old"}})
        output, errors = child.communicate(timeout=60)
    assert json.loads(output) == {"rows": 7}, errors
    assert (package / "dropped").read_text() == "orders_old"
    receipt = portal.request(request_id)["receipt"]
    assert (receipt["status"], receipt["detail"]) == ("applied", {"rows": 7})


def test_a_rejected_call_is_not_made(portal: Portal, package: Path) -> None:
    with called(portal, package, "customers") as child:
        portal.decide(asked(portal, "customers"), "reject", comment="We need them.")
        output, errors = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "We need them." in errors
    assert not output
    assert not (package / "dropped").exists()
