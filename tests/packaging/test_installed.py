"""Both wheels, installed into clean environments: they work in any folder, and are in nobody's way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from assent.version import VERSION
from tests.packaging.environments import Environment
from tests.packaging.portal import InstalledPortal, clean_environment, soon
from tests.signing import tool
from wheels.inspection import Wheel, problems

ROOT = Path(__file__).parents[2]
OFFERED = r"worker\.ready.*database_maintenance.*greet|database_maintenance.*greet.*worker\.ready"
"""What the worker logs when it has found the workflow of the wheel and the one of the folder."""
INSTALLERS = {
    "pip": (
        ("{python}", "-m", "venv", "{target}"),
        ("{target}/bin/python", "-m", "pip", "install", "--quiet", "--find-links", "{dist}", "assent-portal"),
    ),
    "uv": (
        (
            "{python}",
            "-m",
            "uv",
            "tool",
            "install",
            "--quiet",
            "--python",
            "{python}",
            "--find-links",
            "{dist}",
            "assent-portal",
        ),
    ),
    "pipx": (
        (
            "{python}",
            "-m",
            "pipx",
            "install",
            "--python",
            "{python}",
            "--pip-args=--find-links {dist}",
            "assent-portal",
        ),
    ),
}
"""How people install it: what they type, into an empty folder."""
ADDED = {
    "": ("assent.toolbox.",),
    "langgraph": ("assent.",),
    "mcp": ("assent.mcp.", "assent.toolbox.mcp_"),
    "workflows": ("assent.composition.",),
    "sql": ("assent.toolbox.sql_",),
    "meaning": ("assent.meaning", "assent.routing."),
    "models": ("assent.models.",),
}
"""How the names of the modules begin that can be imported with each extra, unless they belong to another one."""
OTHERS = {
    extra: tuple(prefix for other, own in ADDED.items() if other not in ("", "langgraph", extra) for prefix in own)
    for extra in ADDED
}


def test_the_wheels_have_what_they_need_and_nothing_else(contents: tuple[Wheel, Wheel]) -> None:
    portal, sdk = contents
    assert list(problems(portal, sdk)) == []
    assert (portal.version, sdk.version) == (VERSION, VERSION)
    kinds = ("*.py", "py.typed", "routing/*.txt", "routing/*.npz")
    files = [path for kind in kinds for path in (ROOT / "assent").rglob(kind)]
    packed = {name for name in sdk.files if name.startswith("assent/")}
    assert packed == {path.relative_to(ROOT).as_posix() for path in files if "build" not in path.parts}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("app/__init__.py", b"", "would be installed beside it"),
        ("assent/__init__.py", b"", "would be installed beside it"),
        ("assent_portal/static/dist/app.js.map", b"{}", "is not for those who install it"),
        ("assent_portal/tests/test_x.py", b"", "is not for those who install it"),
        ("assent_portal/x.py", b"from app.settings import Settings", "imports app.settings, which may be anybody's"),
        ("assent_portal/x.py", b"import assent_portal.app.gone", "imports assent_portal.app.gone, which is not there"),
        ("assent_portal/static/dist/app.css", None, "static/dist/app.css is missing"),
        ("assent_portal/templates/queue.html", None, "templates/queue.html is missing"),
        ("assent_portal/static/dist/licenses.txt", None, "the license of htmx.org is missing"),
        ("assent_portal/app/cli/start.py", b"", "the entry point assent_portal.app.cli.start:main leads nowhere"),
    ],
)
def test_what_is_wrong_with_a_wheel_is_found(
    contents: tuple[Wheel, Wheel], name: str, content: bytes | None, complaint: str
) -> None:
    portal, sdk = contents
    if content is None:
        del portal.files[name]
    else:
        portal.files[name] = content
    assert any(complaint in problem for problem in problems(portal, sdk))


def test_the_portal_installs_one_package_and_the_sdk_another(
    portal_wheel: Path, sdk_wheel: Path, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "env")
    environment.unpack(portal_wheel, sdk_wheel)
    assert {path.name for path in environment.site.iterdir() if "dist-info" not in path.name} == {
        "assent",
        "assent_portal",
    }


def test_the_version_is_printed_in_any_folder(portal: InstalledPortal) -> None:
    assert portal.command("--version") == f"assent, version {VERSION}\n"


def test_pages_come_with_their_styles_and_scripts(portal: InstalledPortal) -> None:
    page = requests.get(f"{portal.url}/sign-in", timeout=30).text
    [styles] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    for address in (styles, "/static/dist/app.js", "/static/icon.svg"):
        answer = requests.get(f"{portal.url}{address}", timeout=30)
        assert answer.status_code == 200 and answer.content, address
    assert requests.get(f"{portal.url}{styles}", timeout=30).headers["Content-Encoding"] == "gzip"


def test_a_workflow_of_the_folder_runs_with_the_folders_own_modules(portal: InstalledPortal) -> None:
    portal.command("user", "add", "asks@example.com", "--name", "Asks", "--role", "reviewer")
    reviewer = portal.add_person("decides@example.com", "approvals:read", "approvals:decide", "runs:read")
    run_id = portal.start_run("greet", "asks@example.com", {"to": "Ada"})
    approvals = f"{portal.url}/api/v1/approvals"

    def pending() -> dict[str, Any] | None:
        return next(iter(reviewer.get(approvals).json()["items"]), None)

    request = reviewer.get(f"{approvals}/{soon(pending)['id']}").json()
    assert request["title"] == "Hello Ada, from the mailer of this folder."
    body = {"verdict": "approve", "digest": request["digest"]}
    assert reviewer.post(f"{approvals}/{request['id']}/decisions", json=body).status_code == 201

    def ended() -> dict[str, Any] | None:
        run = reviewer.get(f"{portal.url}/api/v1/runs/{run_id}").json()
        return run if run["state"] in ("completed", "failed") else None

    assert soon(ended)["state"] == "completed"
    assert "greeting.txt" in portal.command("run", "show", run_id)


def test_workflows_of_the_wheel_are_offered_beside_those_of_the_folder(portal: InstalledPortal) -> None:
    assert '"broken": []' in portal.process.wait_for_log(OFFERED).string


_TOOLS = """
from assent.toolbox.discovery import find_tools, installed_places
found = find_tools(installed_places())
assert not found.broken, found.broken
print(*(tool.name for tool in found))
"""


def test_tools_of_the_wheel_are_found_by_their_entry_point(portal_environment: Environment, tmp_path: Path) -> None:
    command = [str(portal_environment.python), "-P", "-c", _TOOLS]
    found = subprocess.run(command, cwd=tmp_path, env=clean_environment(), check=True, capture_output=True, text=True)
    assert {"analyze_slow_queries", "create_index", "optimize_table_statistics"} <= set(found.stdout.split())


_SANDBOXED = """
import sys
from assent.sandbox import run_in_sandbox
sys.path.insert(0, ".")  # as workers do, for modules beside workflows
print(run_in_sandbox("assent_portal.app.domain.people:Role", {"value": "reviewer"}))
print(run_in_sandbox("parsers.archives:inside"))
"""


def test_functions_of_the_wheel_and_of_the_folder_run_in_the_sandbox(
    portal_environment: Environment, tmp_path: Path
) -> None:
    tool("bwrap")
    (tmp_path / "parsers").mkdir()
    (tmp_path / "parsers" / "__init__.py").touch()
    (tmp_path / "parsers" / "archives.py").write_text("def inside():\n    return __file__\n")
    command = [str(portal_environment.python), "-P", "-c", _SANDBOXED]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["reviewer", "/code/parsers/archives.py"]


def test_everything_that_the_portal_keeps_is_in_its_folder(portal: InstalledPortal) -> None:
    assert {path.name for path in (portal.folder / ".data").iterdir()} >= {"postgres", "secret_key"}
    assert "assent user add you@example.com" in portal.process.logs, "and not bin/assent, which only a checkout has"


def test_a_workflow_of_the_folder_is_checked(portal: InstalledPortal) -> None:
    assert "workflows/greet is valid" in portal.command("workflow", "check", "workflows/greet")


@pytest.mark.soak  # it downloads all that the portal requires
@pytest.mark.parametrize("installer", INSTALLERS)
def test_an_installer_makes_a_portal_that_works(dist: Path, tmp_path: Path, installer: str) -> None:
    run = clean_environment() | {
        "UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"), "PIP_NO_COMPILE": "1",
    }  # fmt: skip
    for command in INSTALLERS[installer]:
        words = [word.format(python=sys.executable, dist=dist, target=tmp_path) for word in command]
        subprocess.run(words, check=True, env=run, cwd=tmp_path)
    (tmp_path / "folder").mkdir()
    with InstalledPortal(tmp_path / "bin" / "assent", tmp_path / "folder") as portal:
        assert portal.command("--version") == f"assent, version {VERSION}\n"
        page = requests.get(f"{portal.url}/sign-in", timeout=30)
        assert page.status_code == 200 and "dist/app.css" in page.text
        portal.process.wait_for_log(OFFERED)


@pytest.mark.parametrize("extra", ADDED)
def test_the_sdk_needs_only_what_it_says(sdk_wheel: Path, tmp_path: Path, extra: str) -> None:
    environment = Environment(tmp_path / "env")
    environment.install(sdk_wheel, extras=[extra] if extra else [])
    program = f"""
import importlib, pkgutil, sys, assent
for name in assent.__all__:
    if {extra!r} == "langgraph" or name not in ("adrive", "drive"):
        getattr(assent, name)
for module in pkgutil.walk_packages(assent.__path__, "assent."):
    wanted = module.name.startswith({ADDED[extra]!r}) and not f"{{module.name}}.".startswith({OTHERS[extra]!r})
    if wanted and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
loaded = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(loaded & {{"app", "flask", "sqlalchemy", "psycopg", "eventlet"}}))
"""
    done = subprocess.run(
        [str(environment.python), "-I", "-c", program],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize("program", ["assent-mcp", "assent-langgraph-server"])
def test_a_command_of_the_sdk_says_which_extra_it_needs(sdk_wheel: Path, tmp_path: Path, program: str) -> None:
    environment = Environment(tmp_path / "env")
    environment.install(sdk_wheel)
    given = {
        "ASSENT_URL": "http://127.0.0.1:9",
        "LANGGRAPH_SERVER_URL": "http://127.0.0.1:9",
        "ASSENT_TOKEN": "assent_agent_x",
    }
    done = subprocess.run(
        [str(environment.command(program))], env=clean_environment() | given, capture_output=True, text=True
    )
    assert done.returncode == 1 and re.search(r"pip install 'assent-sdk\[(mcp|langgraph)\]'", done.stderr), done.stderr
