"""Renaming what moves into the portal's package: everything that refers to it, nothing else, and never by guessing."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheels.renaming import Renamer, UnknownReferenceError
from wheels.tree import SOURCES

ROOT = Path(__file__).parents[2]

RENAMED = {
    "from app.domain import risk": "from assent_portal.app.domain import risk",
    "from app import settings": "from assent_portal.app import settings",
    "import app.settings as known": "import assent_portal.app.settings as known",
    "import os, app.settings as known": "import os, assent_portal.app.settings as known",
    "def late():\n    from workflows.database_maintenance import files": (
        "def late():\n    from assent_portal.workflows.database_maintenance import files"
    ),
    "if x:\n    import wsgi as entry": "if x:\n    import assent_portal.wsgi as entry",
    "from app.domain import (\n    risk,\n)": "from assent_portal.app.domain import (\n    risk,\n)",
    'run("-m", "app.cli.main")': 'run("-m", "assent_portal.app.cli.main")',
    "place = 'app.cli.serve:serve'": "place = 'assent_portal.app.cli.serve:serve'",
    'é = "é", "app.settings"': 'é = "é", "assent_portal.app.settings"',
    '"""As `app.settings` says, and app.logs.configure_logs too."""': (
        '"""As `assent_portal.app.settings` says, and assent_portal.app.logs.configure_logs too."""'
    ),
    "x = 1  # see `app.settings`": "x = 1  # see `assent_portal.app.settings`",
    "a = '\\f\x0c'\nfrom app import logs": "a = '\\f\x0c'\nfrom assent_portal.app import logs",
}
LEFT = (
    "from application import x", "from .app import x", "import apps", "app = Flask()\napp.settings = 1",
    'environ["wsgi.input"]', 'environ["app.unknown"]', 'x = "app"', 'x = ROOT / "app" / "web"',
    'sql = "select workflows.name from workflows"', 'x = "workflows.name"', '"""My app. It."""',
    'f"{app.settings}"', "x = 1  # the app.", 'x = "myapp.settings"', 'x = "https://host/app.settings.html"',
)  # fmt: skip
REFUSED = (
    "import app.settings", "import app", "import workflows.database_maintenance", "from \\\n    app.settings import x",
    'import_module("app")', 'importlib.import_module("workflows")', "resources.files('app')", 'x = "app." + name',
    'f"app.{name}:main"', 'f"{a} app.settings"', 'x = "python -m app.cli.main"', 'x = "see app.settings for it"',
    'x = "app.cli" ".main"', 'if name.startswith("app."): pass', 'x = "python -m app"',
)  # fmt: skip


def test_all_of_the_checkout_can_be_renamed() -> None:
    """What this finds in a module would stop the build."""
    renamer = Renamer(ROOT)
    paths = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    assert "wsgi.py" not in {path.name for path in paths} and len(paths) > 300
    for path in [*paths, ROOT / "wsgi.py"]:
        renamed = renamer.renamed(path.read_text(), str(path.relative_to(ROOT)))
        assert renamed.count("\n") == path.read_text().count("\n")


@pytest.mark.parametrize("source", RENAMED, ids=range(len(RENAMED)))
def test_what_refers_to_a_module_that_moves_is_renamed(source: str) -> None:
    assert Renamer(ROOT).renamed(source, "x.py") == RENAMED[source]


@pytest.mark.parametrize("source", LEFT)
def test_what_only_looks_like_it_is_left_alone(source: str) -> None:
    assert Renamer(ROOT).renamed(source, "x.py") == source


@pytest.mark.parametrize("source", REFUSED)
def test_what_may_be_a_reference_stops_the_build(source: str) -> None:
    with pytest.raises(UnknownReferenceError, match=r"^x\.py:1: "):
        Renamer(ROOT).renamed(source, "x.py")
